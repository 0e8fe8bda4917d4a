//! Following the registry and anchoring, against the embedded node.
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

use reqwest::StatusCode;
use serde_json::{Value, json};
use stele_chain::client::{
    Account, ChainClient, ClientOptions, DeployConfig, Endpoint, Governance, NodeRegistration,
    ProposalRequest,
};
use stele_chain::contracts::Role;
use stele_chain::node::{self, Node, NodeOptions, NodeServer};
use stele_ledger::{ProofBundle, verify};
use stele_pdp::Snapshot;
use stele_policy::bundle::Bundle;
use stele_server::{BundleStore, Deps, GovernanceLink, Handle, Server, ServerConfig};
use stele_types::{PolicyId, sha256};
use support::{POLICIES, bundle_of, config, log_key, open_log};

/// Governance on an embedded node, with one account per role and a directory for everything.
struct World {
    dir: tempfile::TempDir,
    served: NodeServer,
    gov: Governance,
    roles: Roles,
}

struct Roles {
    admin: Account,
    author: Account,
    security: Account,
    platform: Account,
    responder: Account,
    node: Account,
}

fn account(name: &str) -> Account {
    Account::from_key(&sha256(&[b"server test ", name.as_bytes()]).0).unwrap()
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let node = Node::open(dir.path().join("chain"), NodeOptions::dev(node::system_clock())).unwrap();
        let served = NodeServer::start(node, "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let client = connect(&served.url()).await;
        let [admin, author, security, platform, responder, node] =
            ["admin", "author", "security", "platform", "responder", "node"].map(account);
        let deploy = DeployConfig {
            grants: vec![
                (Role::Admin, admin.address()),
                (Role::Author, author.address()),
                (Role::Security, security.address()),
                (Role::Platform, platform.address()),
                (Role::Responder, responder.address()),
            ],
            ..DeployConfig::default()
        };
        let deployment = client.deploy_governance(&admin, &deploy).await.unwrap();
        let gov = Governance::new(client, deployment);
        let registration = NodeRegistration {
            node: node.node_address(),
            log_key: [7; 32],
            name: "stele.test/log".to_owned(),
            uri: String::new(),
        };
        gov.register_node(&admin, &registration).await.unwrap();
        Self {
            dir,
            served,
            gov,
            roles: Roles {
                admin,
                author,
                security,
                platform,
                responder,
                node,
            },
        }
    }

    fn bundles(&self) -> BundleStore {
        BundleStore::new(self.dir.path().join("bundles"))
    }

    /// Takes a bundle through proposal, two approvals and activation.
    async fn activate(&self, bundle: &Bundle) {
        let roles = &self.roles;
        // Runtime code that differs with the version: STOP and the digest.
        let runtime = [&[0x00], &bundle.digest.0.0[..]].concat();
        let mut creation = vec![
            0x60,
            u8::try_from(runtime.len()).unwrap(),
            0x80,
            0x60,
            9,
            0x5f,
            0x39,
            0x5f,
            0xf3,
        ];
        creation.extend_from_slice(&runtime);
        let contract = self
            .gov
            .client()
            .deploy_policy_contract(&roles.author, &creation)
            .await
            .unwrap();
        let request = ProposalRequest {
            policy: bundle.policy.id.clone(),
            version: bundle.digest,
            contract: contract.address,
            code_hash: contract.code_hash,
            uri: String::new(),
        };
        let proposal = self.gov.propose(&roles.author, &request).await.unwrap();
        self.gov
            .approve(&roles.security, proposal, Role::Security)
            .await
            .unwrap();
        self.gov
            .approve(&roles.platform, proposal, Role::Platform)
            .await
            .unwrap();
        self.gov.activate(&roles.author, proposal).await.unwrap();
    }

    /// A node on this world's chain, with its log in a directory of that name.
    async fn start(&self, log: &str, change: impl FnOnce(&mut ServerConfig)) -> Running {
        let mut config = config();
        config.registry.poll_ms = 50;
        config.anchor.interval_ms = 100;
        config.anchor.retry_ms = 50;
        change(&mut config);
        let client = connect(&self.served.url()).await;
        let gov = Governance::new(client, self.gov.deployment().clone());
        let link = GovernanceLink::new(gov, account("node"), self.roles.node.node_address());
        let deps = Deps {
            snapshot: Snapshot::default(),
            log: open_log(&self.dir.path().join(log)),
            node: self.roles.node.node_address(),
            chain: Some((Arc::new(link), self.bundles())),
            clock: stele_server::system_clock(),
        };
        // Starting blocks; the chain's server runs on this test's threads.
        let handle = tokio::task::spawn_blocking(move || Server::start(config, deps))
            .await
            .unwrap()
            .unwrap();
        Running {
            base: format!("http://{}", handle.addr()),
            client: reqwest::Client::new(),
            handle,
        }
    }
}

async fn connect(url: &str) -> ChainClient {
    let options = ClientOptions {
        attempts: 2,
        backoff: Duration::from_millis(10),
        request_timeout: Duration::from_secs(5),
        ..ClientOptions::default()
    };
    ChainClient::connect(Endpoint::parse(url).unwrap(), options)
        .await
        .unwrap()
}

struct Running {
    base: String,
    client: reqwest::Client,
    handle: Handle,
}

impl Running {
    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self
            .client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn decide(&self, path: &str, input: Value) -> (StatusCode, Value) {
        let url = format!("{}/v1/data/{path}", self.base);
        let response = self
            .client
            .post(url)
            .json(&json!({ "input": input }))
            .send()
            .await
            .unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Asks until the answer is as it should be.
    async fn until(&self, path: &str, wanted: impl Fn(StatusCode, &Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let (status, body) = self.get(path).await;
            if wanted(status, &body) {
                return body;
            }
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{path} never became what was waited for: {body:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn stop(self) {
        tokio::task::spawn_blocking(move || self.handle.shutdown())
            .await
            .unwrap()
            .unwrap();
    }
}

fn admission() -> Bundle {
    bundle_of(POLICIES[0].0, POLICIES[0].1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_decides_with_what_the_registry_holds_and_anchors_its_log() {
    let world = World::new().await;
    let bundle = admission();
    world.bundles().put(&bundle.bytes).unwrap();
    world.activate(&bundle).await;
    let node = world.start("log", |_| {}).await;
    let (_, body) = node
        .decide("kubernetes/admission/deny", json!({"privileged": true}))
        .await;
    assert_eq!(
        body["result"],
        json!(["no privileged pods"]),
        "in force before the first request"
    );
    let id = body["decision_id"].as_str().unwrap().to_owned();
    let (_, body) = node.get("/v1/registry").await;
    assert_eq!(
        body["result"]["policies"][0]["version"],
        bundle.digest.to_string()
    );
    assert!(
        body["result"]["policies"][0]["contract"]["address"]
            .as_str()
            .unwrap()
            .starts_with("0x")
    );

    node.until("/v1/status", |_, body| body["result"]["anchor"]["size"] == 1)
        .await;
    let url = format!("{}/v1/decisions/{id}/proof", node.base);
    let proof = node.client.get(url).send().await.unwrap().bytes().await.unwrap();
    let proof = ProofBundle::from_json(&proof).unwrap();
    verify(&proof, log_key().verifier()).unwrap();
    let anchor = proof.anchor.expect("the proof names its anchor");
    let held = world
        .gov
        .anchor_of(world.roles.node.node_address())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (held.size, held.root, held.block),
        (anchor.size, anchor.root, anchor.block_number)
    );
    let page = node
        .client
        .get(format!("{}/metrics", node.base))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("stele_anchor_size 1\n") && page.contains("stele_anchor_lag_leaves 0\n"),
        "{page}"
    );

    let count = world
        .gov
        .anchor_count(world.roles.node.node_address())
        .await
        .unwrap();
    node.stop().await;
    let again = world.start("log", |_| {}).await;
    again
        .until("/v1/status", |_, body| body["result"]["anchor"]["size"] == 1)
        .await;
    assert_eq!(
        world
            .gov
            .anchor_count(world.roles.node.node_address())
            .await
            .unwrap(),
        count,
        "nothing is anchored twice"
    );
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_and_rollback_change_what_is_in_force_and_a_missing_bundle_keeps_the_last_good_one() {
    let world = World::new().await;
    let first = admission();
    let second = bundle_of(
        POLICIES[0].0,
        &POLICIES[0]
            .1
            .replace("no privileged pods", "privileged pods are forbidden"),
    );
    world.bundles().put(&first.bytes).unwrap();
    world.activate(&first).await;
    let node = world.start("log", |_| {}).await;
    assert_eq!(node.get("/health?bundles").await.0, StatusCode::OK);

    world.activate(&second).await;
    let body = node
        .until("/health?bundles", |status, _| {
            status == StatusCode::INTERNAL_SERVER_ERROR
        })
        .await;
    let told = body["error"].as_str().unwrap();
    assert!(
        told.contains("kubernetes/admission") && told.contains(&second.digest.to_string()),
        "{told}"
    );
    let (_, body) = node
        .decide("kubernetes/admission/deny", json!({"privileged": true}))
        .await;
    assert_eq!(
        body["result"],
        json!(["no privileged pods"]),
        "the last good version stays"
    );

    std::fs::write(world.bundles().path(second.digest), b"not the bundle").unwrap();
    node.until("/health?bundles", |_, body| {
        body["error"]
            .as_str()
            .is_some_and(|error| error.contains("digest"))
    })
    .await;

    world.bundles().put(&second.bytes).unwrap();
    node.until("/health?bundles", |status, _| status == StatusCode::OK)
        .await;
    let (_, body) = node
        .decide("kubernetes/admission/deny", json!({"privileged": true}))
        .await;
    assert_eq!(body["result"], json!(["privileged pods are forbidden"]));

    let policy = PolicyId::new("kubernetes/admission").unwrap();
    let active = world.gov.active(&policy).await.unwrap().unwrap();
    world
        .gov
        .rollback(&world.roles.responder, &policy, active.proposal)
        .await
        .unwrap();
    let version = first.digest.to_string();
    node.until("/v1/registry", |_, body| {
        body["result"]["policies"][0]["version"] == version.as_str()
    })
    .await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_without_any_version_at_hand_is_refused_not_undefined() {
    let world = World::new().await;
    let bundle = admission();
    world.activate(&bundle).await;
    let node = world.start("log", |_| {}).await;
    let (status, body) = node
        .decide("kubernetes/admission/deny", json!({"privileged": true}))
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("policy_unavailable")),
        "{body}"
    );
    assert_eq!(node.decide("other/path", json!({})).await.0, StatusCode::OK);
    world.bundles().put(&bundle.bytes).unwrap();
    node.until("/health?bundles", |status, _| status == StatusCode::OK)
        .await;
    let (_, body) = node
        .decide("kubernetes/admission/deny", json!({"privileged": true}))
        .await;
    assert_eq!(body["result"], json!(["no privileged pods"]));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_never_read_the_registry_refuses_to_decide() {
    let world = World::new().await;
    let client = connect(&world.served.url()).await;
    let World {
        dir,
        served,
        gov,
        roles,
    } = world;
    served.stop().await.unwrap();
    let link = GovernanceLink::new(
        Governance::new(client, gov.deployment().clone()),
        account("node"),
        roles.node.node_address(),
    );
    let deps = Deps {
        snapshot: Snapshot::default(),
        log: open_log(&dir.path().join("log")),
        node: roles.node.node_address(),
        chain: Some((Arc::new(link), BundleStore::new(dir.path().join("bundles")))),
        clock: stele_server::system_clock(),
    };
    let mut config = config();
    config.connections.drain_ms = 500;
    let handle = tokio::task::spawn_blocking(move || Server::start(config, deps))
        .await
        .unwrap()
        .unwrap();
    let node = Running {
        base: format!("http://{}", handle.addr()),
        client: reqwest::Client::new(),
        handle,
    };
    let (status, body) = node.decide("any/path", json!({})).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("policy_unavailable")),
        "{body}"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_log_fails_to_anchor() {
    let world = World::new().await;
    let node = world.start("log", |_| {}).await;
    for _ in 0..3 {
        node.decide("a/b", json!(1)).await;
    }
    node.until("/v1/status", |_, body| body["result"]["anchor"]["size"] == 3)
        .await;
    node.stop().await;

    // The same key on a log with other decisions: first a shorter one, then a longer one.
    let node = world.start("rewritten", |_| {}).await;
    node.decide("a/b", json!(2)).await;
    let body = node
        .until("/health?plugins", |status, _| {
            status == StatusCode::INTERNAL_SERVER_ERROR
        })
        .await;
    // By the first look at the chain, or by an attempt to anchor.
    let shorter = |error: &str| error.contains("more decisions than the log") || error.contains("truncated");
    assert!(body["error"].as_str().is_some_and(shorter), "{body}");
    assert_eq!(
        node.get("/health?plugins&exclude-plugin=anchor").await.0,
        StatusCode::OK
    );
    for _ in 0..5 {
        assert_eq!(
            node.decide("a/b", json!(3)).await.0,
            StatusCode::OK,
            "decisions go on"
        );
    }
    node.until("/health?plugins", |_, body| {
        body["error"]
            .as_str()
            .is_some_and(|error| !shorter(error) && error.contains("anchor"))
    })
    .await;
    let held = world
        .gov
        .anchor_of(world.roles.node.node_address())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(held.size.get(), 3, "the chain keeps what it accepted");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_chain_decisions_go_on_until_the_snapshot_is_stale() {
    let world = World::new().await;
    let policies = [
        bundle_of(POLICIES[0].0, POLICIES[0].1),
        bundle_of(POLICIES[1].0, POLICIES[1].1),
    ];
    for bundle in &policies {
        world.bundles().put(&bundle.bytes).unwrap();
        world.activate(bundle).await;
    }
    let stale = |config: &mut ServerConfig| {
        config.registry.stale_ms = 1_500;
        config.registry.fail_open = vec!["system/main".to_owned()];
        config.connections.drain_ms = 500;
    };
    let node = world.start("log", stale).await;
    assert_eq!(
        node.decide("kubernetes/admission", json!({})).await.0,
        StatusCode::OK
    );
    let World {
        dir,
        served,
        gov,
        roles,
    } = world;
    served.stop().await.unwrap();
    assert_eq!(
        node.decide("kubernetes/admission", json!({})).await.0,
        StatusCode::OK,
        "the last version serves"
    );
    node.until("/v1/registry", |_, body| body["result"]["stale"] == true)
        .await;
    let (status, body) = node.decide("kubernetes/admission", json!({})).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("snapshot_stale")),
        "{body}"
    );
    let (status, body) = node.decide("system/main", json!({"user": "root"})).await;
    assert_eq!(
        (status, &body["result"]),
        (StatusCode::OK, &json!({"allow": true})),
        "it fails open"
    );
    let id = body["decision_id"].as_str().unwrap();
    let (_, body) = node.get(&format!("/v1/decisions/{id}")).await;
    assert_eq!(body["result"]["labels"]["stale"], "true");
    assert_eq!(
        node.get("/health?plugins").await.0,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    node.stop().await;
    drop((dir, gov, roles.admin));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_while_the_chain_is_away_serves_what_it_last_knew() {
    let world = World::new().await;
    let bundle = admission();
    world.bundles().put(&bundle.bytes).unwrap();
    world.activate(&bundle).await;
    world.start("log", |_| {}).await.stop().await;
    assert!(Path::new(&world.dir.path().join("bundles/in-force.json")).exists());
    let client = connect(&world.served.url()).await;
    let World {
        dir,
        served,
        gov,
        roles,
    } = world;
    served.stop().await.unwrap();
    let link = GovernanceLink::new(
        Governance::new(client, gov.deployment().clone()),
        account("node"),
        roles.node.node_address(),
    );
    let deps = Deps {
        snapshot: Snapshot::default(),
        log: open_log(&dir.path().join("log")),
        node: roles.node.node_address(),
        chain: Some((Arc::new(link), BundleStore::new(dir.path().join("bundles")))),
        clock: stele_server::system_clock(),
    };
    let mut config = config();
    config.connections.drain_ms = 500;
    let handle = tokio::task::spawn_blocking(move || Server::start(config, deps))
        .await
        .unwrap()
        .unwrap();
    let node = Running {
        base: format!("http://{}", handle.addr()),
        client: reqwest::Client::new(),
        handle,
    };
    let (_, body) = node
        .decide("kubernetes/admission/deny", json!({"privileged": true}))
        .await;
    assert_eq!(body["result"], json!(["no privileged pods"]));
    node.stop().await;
}
