//! OPA's own clients against a node: what they ask of OPA, they get from Stele.
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

use peers::Peer;
use serde_json::Value;
use support::{Node, Site, starter_policies, workspace};

/// A node whose default decision is one that exists.
fn up(site: &Site) -> Node {
    site.up_with(&["--set", "server.default_decision=http/authz"])
}

/// Runs a client against the node. It checks the answers itself and prints the ids of decisions with what it was told: compare that
/// with the log.
fn drive(peer: &Peer, site: &Site, node: &Node) {
    let examples = workspace().join("examples");
    let told = peer.json(&[
        &format!("http://{}", node.address),
        examples.to_str().unwrap(),
        &starter_policies().to_string(),
    ]);
    let told = told.as_object().unwrap();
    assert!(told.len() >= 2, "{told:?}");
    for (id, result) in told {
        let answer = node.json("GET", &format!("/v1/decisions/{id}"), b"");
        let record = &answer["result"];
        assert_eq!(&record["result"], result, "{record}");
        assert_eq!(record["path"], "http/authz/allow");
    }
    let some = told.keys().next().unwrap();
    site.run(&["prove", some, "-o", "proof.json", "--wait", "60"])
        .exits(0);
    let verified = site.run(&["verify", "proof.json", "--rpc", &node.rpc()]).exits(0);
    assert!(verified.contains("VERIFIED"), "{verified}");
}

#[test]
fn the_typescript_client_of_opa() {
    let Some(peer) = Peer::node("opa_client.mjs", "@open-policy-agent/opa") else {
        return;
    };
    let site = Site::new();
    let node = up(&site);
    drive(&peer, &site, &node);
    // The client sends what enforcement points send as headers; it stands in the record.
    let listed = site.run(&["decision", "list", "--format", "json"]).exits(0);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let sent = listed
        .iter()
        .filter(|record| record["actor"] == "opa-client-test");
    assert!(sent.count() > 2, "{listed:?}");
    node.interrupt();
}

#[test]
fn the_python_client_of_opa() {
    let Some(peer) = Peer::python("opa_python.py", "opa_client") else {
        return;
    };
    let site = Site::new();
    let node = up(&site);
    let before = site
        .run(&["policy", "list", "--all", "--format", "json"])
        .exits(0);
    drive(&peer, &site, &node);
    // It tried to upload, patch and delete.
    let after = site
        .run(&["policy", "list", "--all", "--format", "json"])
        .exits(0);
    assert_eq!(before, after);
    node.interrupt();
}
