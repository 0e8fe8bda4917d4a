//! Anchors that need a quorum of verifiers, with real processes: slow, dead, dismissed and late ones, and an old backup of all.
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
#[path = "support/verifiers.rs"]
mod verifiers;

use peers::Anvil;
use serde_json::Value;
use std::path::Path;
use stele_ledger::CosignerKey;
use support::{Node, Site, eventually};
use verifiers::Verifier;

/// A node that asks these verifiers.
fn up(site: &Site, verifiers: &[&Verifier], more: &[&str]) -> Node {
    let listed: Vec<String> = verifiers.iter().map(|verifier| verifier.listed()).collect();
    let list = format!("server.anchor.verifiers=[{}]", listed.join(", "));
    let args = [
        "--set",
        &list,
        "--set",
        "server.anchor.verifier_ms=2000",
        "--set",
        "server.anchor.retry_ms=100",
        "--set",
        "server.anchor.retry_max_ms=200",
    ];
    site.up_with(&[&args[..], more].concat())
}

fn admit(site: &Site, verifier: &Verifier, more: &[&str]) {
    let args = ["verifier", "admit", &verifier.account];
    site.run(&[&args[..], more].concat()).exits(0);
}

fn demand(site: &Site, signatures: &str) {
    site.run(&["verifier", "quorum", "--signatures", signatures])
        .exits(0);
}

/// Waits until a decision is anchored, and returns the anchored checkpoint.
fn anchored(site: &Site, id: &str) -> String {
    site.run(&["prove", id, "--wait", "100", "-o", "proof.json"])
        .exits(0);
    site.run(&["verify", "proof.json"]).exits(0);
    let proof: Value =
        serde_json::from_slice(&std::fs::read(site.path().join("proof.json")).unwrap()).unwrap();
    assert!(proof.get("anchor").is_some(), "{proof}");
    proof["checkpoint"].as_str().unwrap().to_owned()
}

/// Waits until the node says why it can't anchor.
fn refused(node: &Node, texts: &[&str]) {
    eventually(&format!("the node says {texts:?}"), || {
        let (_, status) = node.http("GET", "/v1/status", b"");
        texts.iter().all(|text| status.contains(text)).then_some(())
    });
}

fn signed_by(note: &str, verifier: &Verifier) -> bool {
    verifier
        .cosigner
        .parse::<CosignerKey>()
        .unwrap()
        .verify(note)
        .is_ok()
}

#[test]
fn neither_slow_nor_dead_verifiers_stop_a_quorum_and_it_may_change_meanwhile() {
    slow_dead_and_changing(&[]);
}

#[test]
fn the_quorum_holds_on_anvil() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    slow_dead_and_changing(&["--rpc", &anvil.url]);
}

fn slow_dead_and_changing(more: &[&str]) {
    let site = Site::new();
    let [mut one, mut two, mut slow, dead] = std::array::from_fn(|_| Verifier::new());
    let node = up(&site, &[&dead, &slow, &one, &two], more);
    for verifier in [&one, &two, &slow, &dead] {
        admit(&site, verifier, &[]);
    }
    demand(&site, "2");
    for verifier in [&mut one, &mut two, &mut slow] {
        verifier.start(&site, &node, &[]);
    }
    slow.freeze();
    // One does not answer, one is not there; the other two are a quorum.
    let note = anchored(&site, &node.admit("kubernetes/pod-hardened.json"));
    assert!(signed_by(&note, &one) && signed_by(&note, &two), "{note}");
    assert!(!signed_by(&note, &slow) && !signed_by(&note, &dead));
    let (_, served) = node.http("GET", "/checkpoint/anchored", b"");
    assert_eq!(served, note);
    let (_, newest) = node.http("GET", "/checkpoint", b"");
    assert_eq!(newest, note, "the log has not grown since");

    // The quorum grows while everything runs: three, of whom one is frozen.
    demand(&site, "3");
    let later = node.admit("kubernetes/pod-hardened.json");
    refused(
        &node,
        &["signatures of 3 verifiers", "2 of the 4", "no answer in 2000 ms"],
    );
    slow.thaw();
    let note = anchored(&site, &later);
    assert!(signed_by(&note, &slow));

    // A verifier that the ledger counts no more signs in vain.
    site.run(&["verifier", "dismiss", &one.account]).exits(0);
    let later = node.admit("kubernetes/pod-hardened.json");
    refused(&node, &["2 of the 4", "nobody whom the ledger counts"]);
    demand(&site, "2");
    anchored(&site, &later);
    let shown = site.run(&["verifier", "quorum"]).exits(0);
    assert!(shown.contains("of 2 verifiers"), "{shown}");
    node.interrupt();
}

/// Copies a directory.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_verifier_from_an_old_backup_signs_nothing_against_the_chain() {
    let site = Site::new();
    let mut verifier = Verifier::new();
    let node = up(&site, &[&verifier], &[]);
    admit(&site, &verifier, &[]);
    demand(&site, "1");
    verifier.start(&site, &node, &[]);
    anchored(&site, &node.admit("kubernetes/pod-hardened.json"));
    verifier.stop();
    node.interrupt();
    // Backups of both, and then life goes on.
    let backups = Site::new();
    let (old_log, old_state) = (backups.path().join("log"), backups.path().join("state"));
    let state = verifier.site.data().join("verifier");
    copy(&site.data().join("ledger"), &old_log);
    copy(&state, &old_state);
    let node = up(&site, &[&verifier], &[]);
    verifier.start(&site, &node, &[]);
    anchored(&site, &node.admit("kubernetes/pod-hardened.json"));
    verifier.stop();
    node.interrupt();
    // The operator puts both back, and the log grows another way: what the verifier remembers allows that, the chain does not.
    for (old, new) in [(&old_log, site.data().join("ledger")), (&old_state, state)] {
        std::fs::remove_dir_all(&new).unwrap();
        copy(old, &new);
    }
    let node = up(&site, &[&verifier], &[]);
    for _ in 0..4 {
        node.admit("kubernetes/pod-hardened.json");
    }
    verifier.start(&site, &node, &[]);
    let status = eventually("the fork is found", || {
        let status = verifier.status();
        (!status["refused"].is_null()).then_some(status)
    });
    assert_eq!(status["refused"]["accusation"], "fork", "{status}");
    assert!(
        status["refused"]["message"]
            .as_str()
            .unwrap()
            .contains("the chain holds"),
        "{status}"
    );
    assert_eq!(
        (&status["cosigned"], &status["cosignatures"]),
        (&1.into(), &0.into())
    );
    drop(node);
}
