//! Proofs: made by a node, checked without it, refused when anything was changed.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod support;

use serde_json::{Value, json};
use support::{Node, Site, example};

/// A node with one decision and its anchored proof in `proof.json`.
fn proven(site: &Site) -> Node {
    let node = site.up();
    node.json(
        "POST",
        "/v1/data/kubernetes/admission",
        &example("kubernetes/pod-privileged.json"),
    );
    site.run(&["prove", "latest", "-o", "proof.json", "--wait", "60"])
        .exits(0);
    node
}

fn proof(site: &Site) -> Value {
    serde_json::from_slice(&std::fs::read(site.path().join("proof.json")).unwrap()).unwrap()
}

#[test]
fn a_proof_holds_offline_and_against_the_chain() {
    let site = Site::new();
    let node = proven(&site);
    let rpc = node.rpc();
    assert!(
        site.run(&["verify", "proof.json", "--rpc", &rpc])
            .exits(0)
            .contains("held by chain")
    );
    node.interrupt();
    // The node is gone: the file and the public key are enough.
    let key = std::fs::read_to_string(site.data().join("keys/node.vkey")).unwrap();
    let elsewhere = Site::new();
    std::fs::copy(
        site.path().join("proof.json"),
        elsewhere.path().join("proof.json"),
    )
    .unwrap();
    assert!(
        elsewhere
            .run(&["verify", "proof.json", "--key", key.trim()])
            .exits(0)
            .contains("VERIFIED")
    );
    elsewhere
        .run(&["verify", "proof.json"])
        .fails(2, &["whose key?", "--key"]);
}

#[test]
fn whatever_is_changed_is_noticed() {
    let site = Site::new();
    proven(&site).interrupt();
    let good = proof(&site);
    let other_hash = "11".repeat(32);
    let changes: [(&str, Value); 6] = [
        ("/record/result/allow", json!(true)),
        ("/record/input/request/name", json!("another")),
        ("/record/requested_by", json!("10.0.0.1:1")),
        ("/record/policy_version", json!(other_hash)),
        ("/index", json!(7)),
        ("/anchor/root", json!(other_hash)),
    ];
    for (pointer, value) in changes {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        std::fs::write(site.path().join("bad.json"), bad.to_string()).unwrap();
        let ran = site.run(&["verify", "bad.json"]);
        assert_eq!(ran.code, 1, "{pointer}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("NOT VERIFIED"), "{pointer}: {}", ran.out);
    }
}

#[test]
fn another_nodes_key_verifies_nothing() {
    let (site, other) = (Site::new(), Site::new());
    proven(&site).interrupt();
    other.up().interrupt();
    let key = other.data().join("keys/node.vkey");
    let ran = site.run(&["verify", "proof.json", "--key", key.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
}

#[test]
fn a_chain_that_does_not_hold_the_anchor_confirms_nothing() {
    let (site, other) = (Site::new(), Site::new());
    proven(&site).interrupt();
    let node = other.up();
    let ran = site.run(&["verify", "proof.json", "--rpc", &node.rpc()]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let ran = site.run(&[
        "verify",
        "proof.json",
        "--rpc",
        &node.rpc(),
        "--ledger",
        "0x0000000000000000000000000000000000000001",
    ]);
    assert!(
        ran.code == 1 && ran.out.contains("the trusted one is"),
        "{}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn an_erased_input_leaves_the_proof_valid() {
    let site = Site::new();
    let node = proven(&site);
    let id = proof(&site)["record"]["decision_id"].as_str().unwrap().to_owned();
    site.run(&["decision", "erase", &id, "--reason", "ticket 7"])
        .exits(0);
    site.run(&["prove", &id, "-o", "erased.json", "--wait", "60"])
        .exits(0);
    let text = site.run(&["verify", "erased.json"]).exits(0);
    assert!(text.contains("masked or erased: input"), "{text}");
    let stored = std::fs::read_to_string(site.path().join("erased.json")).unwrap();
    assert!(
        !stored.contains("debug-shell") || !stored.contains("hostNetwork\":"),
        "the input is still there"
    );
    site.run(&["decision", "explain", &id])
        .fails(2, &["masked or erased"]);
    site.run(&["audit", "fsck"]).exits(0);
    node.interrupt();
}

#[test]
fn fsck_names_what_was_altered() {
    let site = Site::new();
    proven(&site).interrupt();
    let records = site.data().join("ledger/records");
    let file = std::fs::read_dir(&records)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_file())
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes
        .windows(10)
        .position(|window| window == b"privileged")
        .unwrap();
    bytes[at] = b'P';
    std::fs::write(&file, bytes).unwrap();
    let ran = site.run(&["audit", "fsck"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        ran.out.contains("NOT SOUND") && ran.out.contains(name),
        "{}",
        ran.out
    );
}
