//! Challenges from the command line: an honest node is upheld, a lying one suspended, and nothing is published without consent.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/lies.rs"]
mod lies;
#[path = "support/peers.rs"]
mod peers;
mod support;

use lies::log_a_lie;
use peers::Anvil;
use serde_json::Value;
use support::{Node, Site, example, workspace};

#[test]
fn an_honest_decision_is_upheld_and_nothing_is_sent_without_consent() {
    let site = Site::new();
    let node = site.up();
    let id = node.admit("kubernetes/pod-privileged.json");
    // All that would be published is shown, and then nothing happens: there is nobody to ask.
    let refused = site.run(&["challenge", &id]);
    assert!(refused.out.is_empty(), "{}", refused.out);
    refused.fails(
        2,
        &[
            "needs consent",
            "input salt",
            "\"AdmissionReview\"",
            "data (",
            "the recorded result",
        ],
    );
    let answer = site
        .run(&["challenge", &id, "--yes", "--format", "json"])
        .exits(0);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["verdict"], "upheld");
    assert_eq!(
        answer["before"], false,
        "nothing was sent before there was consent"
    );
    assert_eq!(answer["decision_id"], id.as_str());
    assert!(answer["gas_used"].as_u64().unwrap() > 100_000);
    let again = site.run(&["challenge", &id, "--yes"]).exits(0);
    assert!(again.starts_with("upheld before"), "{again}");

    // What can't be re-executed is refused before anything is published, with the reason.
    let rule = node.decide("/v1/data/lib/kubernetes", "kubernetes/pod-privileged.json");
    site.run(&["challenge", &rule, "--yes"])
        .fails(2, &["no policy was in force"]);
    let helper = node.decide(
        "/v1/data/kubernetes/admission/restricted_namespace",
        "kubernetes/pod-privileged.json",
    );
    site.run(&["challenge", &helper, "--yes"])
        .fails(2, &["can't re-execute", "UnknownEntryPoint"]);
    let erased = node.admit("kubernetes/pod-privileged.json");
    site.run(&["decision", "erase", &erased, "--reason", "asked for"])
        .exits(0);
    site.run(&["challenge", &erased, "--yes"]).fails(2, &["erased"]);
    node.interrupt();
    // Without a node the chain of the data directory is asked.
    let again = site.run(&["challenge", &id, "--yes"]).exits(0);
    assert!(again.starts_with("upheld before"), "{again}");
}

#[test]
fn a_lying_node_is_suspended_by_a_stranger_with_the_proof_alone() {
    refuted(&[]);
}

#[test]
fn a_lying_node_is_suspended_on_anvil() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    refuted(&["--rpc", &anvil.url]);
}

fn refuted(more: &[&str]) {
    let site = Site::new();
    let node = site.up_with(more);
    let truth = node.admit("kubernetes/pod-privileged.json");
    let other = node.admit("kubernetes/pod-hardened.json");
    node.interrupt();
    let lie = log_a_lie(&site, &truth, &other);
    let node = site.up_with(more);
    site.run(&["prove", &lie, "-o", "proof.json"]).exits(0);
    // The proof is genuine: offline it verifies, for it proves what was recorded, not that it is right.
    site.run(&["verify", "proof.json"]).exits(0);

    let deployment: Value =
        serde_json::from_slice(&std::fs::read(site.data().join("deployment.json")).unwrap()).unwrap();
    let version = serde_json::from_slice::<Value>(&std::fs::read(site.path().join("proof.json")).unwrap())
        .unwrap()["record"]["policy_version"]
        .as_str()
        .unwrap()
        .to_owned();
    let stranger = Site::new();
    let bundle = site.data().join(format!("bundles/{version}.tar.gz"));
    let [proof, bundle, key] = [
        site.path().join("proof.json"),
        bundle,
        site.data().join("keys/compliance.key"),
    ]
    .map(|path| path.to_str().unwrap().to_owned());
    let rpc = node.rpc();
    let contract = deployment["challenge"].as_str().unwrap();
    let challenge = |more: &[&str]| {
        let args = [
            "challenge",
            "--proof",
            &proof,
            "--rpc",
            &rpc,
            "--contract",
            contract,
            "--key",
            &key,
        ];
        stranger.run(&[&args[..], more].concat())
    };
    challenge(&["--yes"]).fails(2, &["--bundle"]);
    let wrong = workspace().join("README.md");
    challenge(&["--yes", "--bundle", wrong.to_str().unwrap()]).fails(2, &["is the bundle of version"]);
    challenge(&["--bundle", &bundle]).fails(2, &["ANOTHER result", "what the policy says", "needs consent"]);
    let answer = challenge(&["--bundle", &bundle, "--yes", "--format", "json"]).exits(1);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (&answer["verdict"], &answer["conflict"]),
        (&"refuted".into(), &false.into())
    );
    let before = challenge(&["--bundle", &bundle, "--yes"]).exits(1);
    assert!(before.starts_with("refuted before"), "{before}");

    // The node decides on, but the chain takes no anchor of it any more.
    let later = node.admit("kubernetes/pod-hardened.json");
    site.run(&["prove", &later, "--wait", "2", "-o", "later.json"])
        .exits(0);
    let later: Value =
        serde_json::from_slice(&std::fs::read(site.path().join("later.json")).unwrap()).unwrap();
    assert!(later.get("anchor").is_none(), "{later}");
    // Its own operator is told why a challenge is pointless now.
    site.run(&["challenge", &other, "--yes"])
        .fails(2, &["not active"]);
    // A contract that is none of ours is not asked.
    let ledger = deployment["ledger"].as_str().unwrap();
    let args = [
        "challenge",
        "--proof",
        &proof,
        "--rpc",
        &rpc,
        "--contract",
        ledger,
        "--key",
        &key,
        "--bundle",
        &bundle,
    ];
    stranger.run(&args).fails(2, &["is not the Challenge"]);
}

/// The chain's own view of an example's input.
fn on_chain(site: &Site, node: &Node, input: &str) -> Result<bool, stele_chain::ChainError> {
    use stele_chain::client::{ChainClient, ClientOptions, Deployment, Endpoint, Governance};
    let deployment = std::fs::read(site.data().join("deployment.json")).unwrap();
    let deployment: Deployment = serde_json::from_slice(&deployment).unwrap();
    let body = stele_types::json::parse(&example(input), &stele_types::json::Limits::default()).unwrap();
    let input = stele_types::encoding::encode(body.get("input").unwrap()).unwrap();
    let policy = "kubernetes/admission".parse().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let endpoint = Endpoint::parse(&node.rpc()).unwrap();
        let client = ChainClient::connect(endpoint, ClientOptions::default())
            .await
            .unwrap();
        let answer = Governance::new(client, deployment)
            .check_enforcement(&policy, &input)
            .await?;
        Ok(answer.allowed)
    })
}

#[test]
fn policies_are_enforced_on_chain_once_their_data_is_there() {
    let site = Site::new();
    let node = site.up();
    let error = on_chain(&site, &node, "kubernetes/pod-hardened.json").unwrap_err();
    assert!(error.is_revert("DataNotBound"), "{error}");
    let bound = site
        .run(&["policy", "bind-data", "kubernetes/admission"])
        .exits(0);
    assert!(bound.contains("are on the chain, for Enforcer 0x"), "{bound}");
    assert!(on_chain(&site, &node, "kubernetes/pod-hardened.json").unwrap());
    assert!(!on_chain(&site, &node, "kubernetes/pod-privileged.json").unwrap());
    site.run(&["policy", "bind-data", "no/policy"])
        .fails(2, &["no version in force"]);
    let author = site.data().join("keys/author.key");
    let args = [
        "policy",
        "bind-data",
        "kubernetes/admission",
        "--key",
        author.to_str().unwrap(),
    ];
    site.run(&args).fails(2, &["AccessControlUnauthorizedAccount"]);
}

/// A policy that no contract can hold, and one that demands what contracts can do.
fn policies(site: &Site, name: &str, custom: &str, rule: &str) -> String {
    let dir = site.path().join(name).join("lottery");
    std::fs::create_dir_all(&dir).unwrap();
    let text = format!(
        "# METADATA\n# title: T\n# custom:\n#   id: lottery\n{custom}package lottery\n\nallow if {rule}\n\nhelper := 1\n"
    );
    std::fs::write(dir.join("lottery.rego"), text).unwrap();
    site.path().join(name).to_str().unwrap().to_owned()
}

#[test]
fn what_can_not_be_challenged_is_said_so_from_the_start_and_can_be_forbidden() {
    let site = Site::new();
    let impure = policies(&site, "impure", "", "rand.intn(\"a\", 10) >= 0");
    let strict = policies(
        &site,
        "strict",
        "#   require_challengeable: true\n",
        "rand.intn(\"a\", 10) >= 0",
    );
    let pure = policies(&site, "pure", "#   require_challengeable: true\n", "input.x > 1");
    let node = site.up_with(&["--policies", &impure, "--set", "server.registry.poll_ms=100"]);
    let list = site.run(&["policy", "list"]).exits(0);
    assert!(list.contains("no: it has no contract"), "{list}");
    let answer = node.json("POST", "/v1/data/lottery/allow", br#"{"input": {"x": 2}}"#);
    assert_eq!(answer["result"], true, "it decides all the same");
    let id = answer["decision_id"].as_str().unwrap();
    let record = node.json("GET", &format!("/v1/decisions/{id}"), b"");
    let labels = &record["result"]["labels"];
    assert_eq!(labels["challengeable"], "false");
    assert_eq!(labels["challengeable_reason"], "the policy has no contract");
    site.run(&["challenge", id, "--yes"])
        .fails(2, &["can't re-execute", "no contract", "nothing was sent"]);

    // A policy may forbid that: then it must become a contract ...
    let propose = |source: &str, more: &[&str]| {
        site.run(&[&["policy", "propose", "lottery", "--source", source], more].concat())
    };
    propose(&impure, &[]).fails(2, &["rand.intn", "--without-contract"]);
    propose(&strict, &["--without-contract"]).fails(2, &["rand.intn", "require_challengeable"]);
    propose(&pure, &[]).exits(0);
    for role in ["security", "platform"] {
        site.run(&["policy", "approve", "lottery", "--role", role, "--source", &pure])
            .exits(0);
    }
    site.run(&["policy", "activate", "lottery"]).exits(0);
    // ... and decides only what that contract can re-execute.
    let asked = |path: &str, body: &[u8]| node.http("POST", path, body);
    support::eventually("the version is followed", || {
        asked("/v1/data/lottery/helper", br#"{"input": {"x": 2}}"#)
            .1
            .contains("not_challengeable")
            .then_some(())
    });
    assert_eq!(asked("/v1/data/lottery/helper", b"{}").0, 400);
    let (status, text) = asked("/v1/data/lottery/allow", br#"{"input": {"x": 2, "y": 1e-30}}"#);
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("a number that contracts can't hold"), "{text}");
    let answer = node.json("POST", "/v1/data/lottery/allow", br#"{"input": {"x": 2}}"#);
    let id = answer["decision_id"].as_str().unwrap();
    site.run(&["challenge", id, "--yes"]).exits(0);
    let list = site.run(&["policy", "list"]).exits(0);
    assert!(list.contains(" yes "), "{list}");
}
