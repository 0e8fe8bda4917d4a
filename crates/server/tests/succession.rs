//! A node whose governance contracts were replaced: it answers for what it promised under the old ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests may panic"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use stele_chain::client::{
    Account, ChainClient, ClientOptions, DeployConfig, Endpoint, Governance, NodeRegistration, OmissionStatus,
};
use stele_chain::contracts::Role;
use stele_chain::node::transport::NodeTransport;
use stele_chain::node::{Node, NodeOptions, system_clock};
use stele_ledger::tree::leaf_hash;
use stele_pdp::Snapshot;
use stele_server::{BundleStore, Deps, GovernanceLink, Handle, Server, ServerConfig};
use stele_types::{Digest, Receipt};
use support::{config, open_log, operator};

fn admin() -> Account {
    Account::from_key(&[8; 32]).unwrap()
}

/// Contracts that replace those of a deployment, with the node registered.
async fn deployed(client: &ChainClient, before: Option<&Governance>) -> Governance {
    let config = DeployConfig {
        grants: vec![(Role::Admin, admin().address())],
        predecessor: before.map(|before| before.deployment().clone()),
        ..DeployConfig::default()
    };
    let deployment = client.deploy_governance(&admin(), &config).await.unwrap();
    if let Some(before) = before {
        before.supersede(&admin(), &deployment).await.unwrap();
    }
    let governance = Governance::new(client.clone(), deployment);
    let registration = NodeRegistration {
        node: operator().node_address(),
        log_key: [7; 32],
        name: "stele.test/log".to_owned(),
        uri: String::new(),
    };
    governance.register_node(&admin(), &registration).await.unwrap();
    governance
}

async fn start(dir: &Path, governance: &Governance, config: ServerConfig) -> Handle {
    let link = GovernanceLink::new(governance.clone(), operator(), operator().node_address());
    let deps = Deps {
        snapshot: Snapshot::default(),
        log: open_log(&dir.join("log")),
        node: operator().node_address(),
        chain: Some((Arc::new(link), BundleStore::new(dir.join("bundles")))),
        clock: stele_server::system_clock(),
    };
    tokio::task::spawn_blocking(move || Server::start(config, deps))
        .await
        .unwrap()
        .unwrap()
}

async fn stop(handle: Handle) {
    tokio::task::spawn_blocking(move || handle.shutdown())
        .await
        .unwrap()
        .unwrap();
}

async fn promised(handle: &Handle) -> Receipt {
    let url = format!("http://{}/v1/data/some/policy?receipt=true", handle.addr());
    let asked = reqwest::Client::new().post(url).json(&json!({"input": 1}));
    let answer: Json = asked.send().await.unwrap().json().await.unwrap();
    Receipt::from_json(answer["receipts"][0].to_string().as_bytes()).unwrap()
}

fn hash(receipt: &Receipt) -> Digest {
    leaf_hash(&receipt.leaf.to_bytes())
}

/// Claims as soon as the receipt is due.
async fn claim(governance: &Governance, receipt: &Receipt) {
    let started = Instant::now();
    while let Err(error) = governance.claim_omission(&admin(), receipt).await {
        assert!(
            error.is_revert("NotDue") && started.elapsed() < Duration::from_secs(60),
            "{error}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A chain in this process.
async fn connected(dir: &Path) -> ChainClient {
    let chain = Node::open(dir.join("chain"), NodeOptions::dev(system_clock())).unwrap();
    let endpoint = Endpoint::in_process(NodeTransport::new(chain));
    ChainClient::connect(endpoint, ClientOptions::default())
        .await
        .unwrap()
}

/// A node that anchors and answers at once.
fn hasty() -> ServerConfig {
    let mut hasty = config();
    hasty.receipts.merge_delay_s = 1;
    hasty.receipts.poll_ms = 50;
    hasty.anchor.interval_ms = 100;
    hasty
}

async fn answered(governance: &Governance, receipt: &Receipt) {
    let started = Instant::now();
    loop {
        let claim = governance.omission(hash(receipt)).await.unwrap();
        match claim.map(|claim| claim.status) {
            Some(OmissionStatus::Answered) => return,
            other => assert!(started.elapsed() < Duration::from_secs(60), "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_in_replaced_contracts_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let client = connected(dir.path()).await;
    let old = deployed(&client, None).await;
    let hasty = hasty();
    let node = start(dir.path(), &old, hasty.clone()).await;
    let (first, second) = (promised(&node).await, promised(&node).await);
    // A clean stop anchors all there is.
    stop(node).await;
    claim(&old, &first).await;
    let new = deployed(&client, Some(&old)).await;
    let newer = deployed(&client, Some(&new)).await;
    // No claim can come, and one is there.
    let over = async |court: &Governance| court.claims_are_over(operator().node_address()).await.unwrap();
    assert!(!over(&old).await && over(&new).await && !over(&newer).await);

    // The node follows the newest contracts, and anchors nothing there for the time being.
    let mut lazy = hasty;
    lazy.anchor.interval_ms = 3_600_000;
    lazy.receipts.merge_delay_s = 3_601;
    let node = start(dir.path(), &newer, lazy).await;
    answered(&old, &first).await;
    // What was promised under the first ledger is claimed at the newest contract, and answered from the first ledger's anchors.
    claim(&newer, &second).await;
    answered(&newer, &second).await;
    let (ledgers, place) = (
        newer.ledgers().await.unwrap(),
        newer.covering_in_line(operator().node_address(), stele_types::LeafIndex::new(0)),
    );
    assert_eq!(
        (ledgers.len(), Some(ledgers[2])),
        (3, place.await.unwrap().map(|place| place.ledger))
    );
    assert_eq!(
        old.ledgers().await.unwrap().len(),
        3,
        "those that follow count as well"
    );
    assert!(newer.is_active_node(operator().node_address()).await.unwrap());
    assert_eq!(newer.earlier_challenges().await.unwrap().len(), 2);
    assert!(over(&old).await && !over(&newer).await);

    // Who signs for the node is known through the whole line, and since when it does not.
    let term = |who: &Account| newer.operator_term_in_line(who.node_address(), operator().node_address());
    assert_eq!(term(&operator()).await.unwrap(), Some(None));
    assert_eq!(term(&admin()).await.unwrap(), None);
    let (contract, found) = newer.omission_in_line(hash(&first)).await.unwrap().unwrap();
    assert_eq!(contract.0, old.deployment().challenge.into_array());
    assert_eq!(found.status, OmissionStatus::Answered);
    stop(node).await;
    let last = newer.anchor_count(operator().node_address()).await.unwrap();
    assert_eq!(last, 1, "the log is taken over at a clean stop");
}

/// Asks until the answer to a request for a receipt is no receipt.
async fn refused(handle: &Handle) -> String {
    let started = Instant::now();
    loop {
        let url = format!("http://{}/v1/data/some/policy?receipt=true", handle.addr());
        let asked = reqwest::Client::new().post(url).json(&json!({"input": 2}));
        let answer: Json = asked.send().await.unwrap().json().await.unwrap();
        if answer["code"] == "receipts_unavailable" {
            return answer["message"].as_str().unwrap().to_owned();
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_node_answers_in_contracts_that_replace_its_own_and_promises_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let client = connected(dir.path()).await;
    let old = deployed(&client, None).await;
    let mut hasty = hasty();
    hasty.registry.poll_ms = 50;
    let node = start(dir.path(), &old, hasty).await;
    let receipt = promised(&node).await;
    let started = Instant::now();
    while old.anchor_count(operator().node_address()).await.unwrap() == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "never anchored");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let new = deployed(&client, Some(&old)).await;
    assert_eq!(old.later_challenges().await.unwrap().len(), 1);
    claim(&new, &receipt).await;
    answered(&new, &receipt).await;
    assert!(new.is_active_node(operator().node_address()).await.unwrap());

    let message = refused(&node).await;
    assert!(message.contains("was replaced"), "{message}");
    let get = async |path: &str| {
        let url = format!("http://{}{path}", node.addr());
        reqwest::get(url).await.unwrap().text().await.unwrap()
    };
    let health = get("/health?plugins").await;
    assert!(
        health.contains("anchor: ledger or node registry were replaced"),
        "{health}"
    );
    let metrics = get("/metrics").await;
    assert!(
        metrics.contains("\nstele_node_outdated 1\n") && metrics.contains("\nstele_node_suspended 0\n"),
        "{metrics}"
    );
    stop(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_operator_was_replaced_promises_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let client = connected(dir.path()).await;
    let contracts = deployed(&client, None).await;
    let mut hasty = config();
    hasty.registry.poll_ms = 50;
    let node = start(dir.path(), &contracts, hasty).await;
    promised(&node).await;
    let fresh = Account::from_key(&[0x5e; 32]).unwrap();
    contracts
        .rotate_operator(&admin(), operator().node_address(), fresh.address())
        .await
        .unwrap();
    let message = refused(&node).await;
    assert!(message.contains("no longer acts for it"), "{message}");
    // It can't anchor any more, and says so at its end.
    tokio::task::spawn_blocking(move || node.shutdown())
        .await
        .unwrap()
        .ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_behind_its_own_anchor_promises_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let client = connected(dir.path()).await;
    let contracts = deployed(&client, None).await;
    let node = start(dir.path(), &contracts, hasty()).await;
    promised(&node).await;
    // A clean stop anchors all there is.
    stop(node).await;

    // The same node on an older copy of its log: what it decides now can never be anchored.
    let copy = tempfile::tempdir().unwrap();
    let node = start(copy.path(), &contracts, hasty()).await;
    let message = refused(&node).await;
    assert!(message.contains("restored from an old copy"), "{message}");
    let url = format!("http://{}/health?plugins", node.addr());
    let health = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(health.contains("more decisions than the log has"), "{health}");
    gauges(&node, [1, 0]).await;
    tokio::task::spawn_blocking(move || node.shutdown())
        .await
        .unwrap()
        .ok();
    let node = start(dir.path(), &contracts, hasty()).await;
    promised(&node).await;
    gauges(&node, [0, 0]).await;
    stop(node).await;
}

/// What the metrics say of a log that lacks what is anchored, and of one that is another.
async fn gauges(handle: &Handle, [behind, diverged]: [u8; 2]) {
    let url = format!("http://{}/metrics", handle.addr());
    let metrics = reqwest::get(url).await.unwrap().text().await.unwrap();
    for (name, value) in [("behind", behind), ("diverged", diverged)] {
        let line = format!("\nstele_node_{name} {value}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

/// Decides without promising anything.
async fn decided(handle: &Handle) {
    let url = format!("http://{}/v1/data/some/policy", handle.addr());
    let asked = reqwest::Client::new().post(url).json(&json!({"input": 3}));
    assert_eq!(asked.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_log_does_not_continue_its_anchor_promises_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let client = connected(dir.path()).await;
    let contracts = deployed(&client, None).await;
    let node = start(dir.path(), &contracts, hasty()).await;
    promised(&node).await;
    promised(&node).await;
    stop(node).await;

    // On an older copy of its log it decides on until that is as long as the anchored one, and longer.
    let copy = tempfile::tempdir().unwrap();
    let node = start(copy.path(), &contracts, hasty()).await;
    for _ in 0..3 {
        decided(&node).await;
    }
    let started = Instant::now();
    while !refused(&node).await.contains("its log does not continue") {
        assert!(started.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::task::spawn_blocking(move || node.shutdown())
        .await
        .unwrap()
        .ok();

    // A restart knows it at once.
    let node = start(copy.path(), &contracts, hasty()).await;
    let url = format!("http://{}/v1/data/some/policy?receipt=true", node.addr());
    let asked = reqwest::Client::new().post(url).json(&json!({"input": 2}));
    let answer: Json = asked.send().await.unwrap().json().await.unwrap();
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("its log does not continue"), "{message}");
    let url = format!("http://{}/health?plugins", node.addr());
    let health = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(health.contains("the log does not continue"), "{health}");
    gauges(&node, [0, 1]).await;
    tokio::task::spawn_blocking(move || node.shutdown())
        .await
        .unwrap()
        .ok();
}
