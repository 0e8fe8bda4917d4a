//! `stele up --rpc` on anvil: another node software, the same promises.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/peers.rs"]
mod peers;
mod support;

use peers::{Anvil, FREE, Peer};
use serde_json::Value;
use support::{Site, example};

/// Accounts without money can send where gas is free.
const CHAIN: &str = "31337";
const OTHER_CHAIN: &str = "4242";

fn anvil(chain_id: &str, free: bool) -> Option<Anvil> {
    let peer = Peer::foundry("anvil")?;
    let fees: &[&str] = if free { &FREE } else { &[] };
    Some(Anvil::start(&peer, &[&["--chain-id", chain_id], fees].concat()))
}

fn ask(node: &support::Node, body: &str) -> Value {
    node.json("POST", "/v1/data/kubernetes/admission", &example(body))
}

#[test]
fn decisions_are_made_anchored_proven_and_audited() {
    let Some(anvil) = anvil(CHAIN, true) else { return };
    let site = Site::new();
    let node = site.up_with(&["--rpc", &anvil.url]);
    assert!(
        node.banner.contains(&format!("{} (chain id {CHAIN})", anvil.url)),
        "{}",
        node.banner
    );
    assert!(!node.banner.contains("embedded"), "{}", node.banner);
    assert_eq!(
        ask(&node, "kubernetes/pod-hardened.json")["result"]["allow"],
        true
    );
    let denied = ask(&node, "kubernetes/pod-privileged.json");
    assert_eq!(denied["result"]["allow"], false);

    let id = denied["decision_id"].as_str().unwrap();
    site.run(&["prove", id, "-o", "proof.json", "--wait", "60"])
        .exits(0);
    let verified = site.run(&["verify", "proof.json", "--rpc", &anvil.url]).exits(0);
    assert!(verified.contains(&format!("held by chain {CHAIN}")), "{verified}");
    let audit = site.run(&["audit", "fsck"]).exits(0);
    assert!(audit.starts_with("sound: 2 decisions"), "{audit}");
    let before = site
        .run(&["policy", "list", "--all", "--format", "json"])
        .exits(0);
    node.interrupt();

    // Stopped, the log and the chain still agree; and nothing of an embedded chain was made.
    let audit = site.run(&["audit", "fsck", "--rpc", &anvil.url]).exits(0);
    assert!(audit.starts_with("sound: 2 decisions"), "{audit}");
    assert_eq!(std::fs::read_dir(site.data().join("chain")).unwrap().count(), 0);

    let node = site.up_with(&["--rpc", &anvil.url]);
    assert_eq!(
        site.run(&["policy", "list", "--all", "--format", "json"])
            .exits(0),
        before
    );
    assert_eq!(
        ask(&node, "kubernetes/pod-privileged.json")["result"]["allow"],
        false
    );
    node.interrupt();
}

#[test]
fn a_data_directory_keeps_to_its_chain() {
    let Some(first) = anvil(CHAIN, true) else { return };
    let Some(other) = anvil(OTHER_CHAIN, true) else {
        return;
    };
    let site = Site::new();
    let node = site.up_with(&["--rpc", &first.url]);
    ask(&node, "kubernetes/pod-privileged.json");
    site.run(&["prove", "latest", "-o", "proof.json", "--wait", "60"])
        .exits(0);
    node.interrupt();
    let deployment = std::fs::read(site.data().join("deployment.json")).unwrap();

    let both = ["chain 4242", "chain 31337", ".stele belongs to another chain"];
    let up = ["up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"];
    site.run(&[&up[..], &["--rpc", &other.url]].concat())
        .fails(3, &both);
    // So it is with the embedded chain, when --rpc is forgotten.
    site.run(&up).fails(3, &["chain 359966", "chain 31337"]);
    site.run(&["policy", "list", "--rpc", &other.url])
        .fails(3, &both[..2]);
    let verdict = site.run(&["verify", "proof.json", "--rpc", &other.url]).exits(1);
    assert!(
        verdict.starts_with("NOT VERIFIED") && both[..2].iter().all(|text| verdict.contains(text)),
        "{verdict}"
    );
    assert_eq!(
        std::fs::read(site.data().join("deployment.json")).unwrap(),
        deployment
    );

    site.up_with(&["--rpc", &first.url]).interrupt();
}

#[test]
fn without_money_for_gas_the_message_names_the_account() {
    let Some(anvil) = anvil(CHAIN, false) else { return };
    let site = Site::new();
    site.run(&["up", "--listen", "127.0.0.1:0", "--rpc", &anvil.url])
        .fails(
            3,
            &["can't deploy the governance contracts", "account 0x", "can't pay"],
        );
    assert!(!site.data().join("deployment.json").exists());
}
