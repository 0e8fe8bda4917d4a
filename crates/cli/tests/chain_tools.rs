//! Ethereum tools against the node's chain: they see the governance that Stele reports.
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
use std::collections::BTreeMap;
use support::{Node, Site};

const ACTIVATED: &str =
    "Activated(bytes32 indexed,bytes32 indexed,bytes32 indexed,address,bytes32,uint64,address)";
/// What `active(bytes32)` returns: proposal, version, code hash, contract, block, time, epoch, rolled back, URI.
const ACTIVE: &str = "active(bytes32)((bytes32,bytes32,bytes32,address,uint64,uint64,uint64,bool,string))";

fn read(site: &Site, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(site.data().join(file)).unwrap()).unwrap()
}

/// `stele policy list`, by policy.
fn in_force(site: &Site) -> BTreeMap<String, Value> {
    let text = site.run(&["policy", "list", "--format", "json"]).exits(0);
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(!rows.is_empty());
    rows.into_iter()
        .map(|row| (row["policy"].as_str().unwrap().to_owned(), row))
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn number(hex: &Value) -> u64 {
    u64::from_str_radix(text(hex).trim_start_matches("0x"), 16).unwrap()
}

/// `cast` on one chain.
struct Cast<'a> {
    peer: &'a Peer,
    rpc: String,
}

impl Cast<'_> {
    fn arguments<'b>(&'b self, args: &[&'b str]) -> Vec<&'b str> {
        [args, &["--rpc-url", &self.rpc]].concat()
    }

    fn text(&self, args: &[&str]) -> String {
        self.peer.ok(&self.arguments(args)).trim().to_owned()
    }

    fn json(&self, args: &[&str]) -> Value {
        self.peer.json(&self.arguments(&[args, &["--json"]].concat()))
    }
}

fn cast<'a>(peer: &'a Peer, node: &Node) -> Cast<'a> {
    Cast {
        peer,
        rpc: node.rpc(),
    }
}

#[test]
fn cast_reads_blocks_events_receipts_and_versions() {
    let Some(peer) = Peer::foundry("cast") else {
        return;
    };
    let site = Site::new();
    let node = site.up();
    let cast = cast(&peer, &node);
    let deployment = read(&site, "deployment.json");
    let registry = text(&deployment["registry"]);
    let policies = in_force(&site);

    assert_eq!(cast.text(&["chain-id"]), deployment["chain_id"].to_string());
    let height: u64 = cast.text(&["block-number"]).parse().unwrap();

    let events = cast.json(&["logs", "--address", registry, "--from-block", "0", ACTIVATED]);
    let events = events.as_array().unwrap();
    assert_eq!(events.len(), policies.len(), "{events:?}");
    for (policy, row) in &policies {
        let id = peer.ok(&["keccak", policy]).trim().to_owned();
        let version = format!("0x{}", text(&row["version"]));

        let active = cast.json(&["call", registry, ACTIVE, &id]);
        let active = &active[0];
        assert_eq!(active[1], version, "{policy}");
        assert_eq!(active[2], row["code_hash"], "{policy}");
        assert_eq!(active[3], row["contract"], "{policy}");
        assert_eq!(active[7], false, "{policy}");

        let event = events
            .iter()
            .find(|event| event["topics"][1] == *id)
            .unwrap_or_else(|| panic!("no event of {policy}"));
        assert_eq!(event["topics"][2], version, "{policy}");
        assert_eq!(event["topics"][3], active[0], "{policy}");
        let block = number(&event["blockNumber"]);
        assert_eq!(active[4], block, "{policy}");
        assert!(block <= height, "{policy}: block {block} of {height}");

        let receipt = cast.json(&["receipt", text(&event["transactionHash"])]);
        assert_eq!(receipt["status"], "0x1", "{policy}");
        assert_eq!(receipt["blockHash"], event["blockHash"], "{policy}");
        assert_eq!(number(&receipt["blockNumber"]), block, "{policy}");
        assert!(
            receipt["logs"]
                .as_array()
                .unwrap()
                .iter()
                .any(|log| log["topics"] == event["topics"] && log["data"] == event["data"]),
            "{policy}: {receipt}"
        );

        // The contract in force is the code that was approved.
        let code = cast.text(&["code", text(&row["contract"])]);
        assert_eq!(peer.ok(&["keccak", &code]).trim(), row["code_hash"], "{policy}");
    }
    let nothing = peer.ok(&["keccak", "no/such"]).trim().to_owned();
    let nothing = cast.json(&["call", registry, ACTIVE, &nothing]);
    assert_eq!(text(&nothing[0][1]).trim_start_matches("0x"), "0".repeat(64));
    node.interrupt();
}

#[test]
fn ethers_finds_the_versions_that_stele_lists() {
    let Some(peer) = Peer::node("registry.mjs", "ethers") else {
        return;
    };
    let site = Site::new();
    let node = site.up();
    let deployment = read(&site, "deployment.json");
    let found = peer.json(&[
        &node.rpc(),
        text(&deployment["registry"]),
        &deployment["chain_id"].to_string(),
    ]);
    let listed: Vec<Value> = in_force(&site)
        .into_iter()
        .map(|(policy, row)| {
            serde_json::json!({
                "policy": policy,
                "version": row["version"],
                "contract": row["contract"],
                "code_hash": row["code_hash"],
            })
        })
        .collect();
    assert_eq!(found, Value::Array(listed));
    node.interrupt();
}
