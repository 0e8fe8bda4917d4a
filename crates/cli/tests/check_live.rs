//! `stele check --live`: files against what the registry has in force.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/gate.rs"]
mod gate;
mod support;

use gate::{DEPLOYMENT, check, violations};
use serde_json::Value;
use stele_chain::client::{
    Account, ChainClient, ClientOptions, Deployment, Endpoint, Governance, ProposalState,
};
use stele_types::PolicyId;
use support::{Node, Site};

const POLICY: &str = "kubernetes/admission";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The digest of a policy in a report.
fn version(report: &str, policy: &str) -> String {
    let report = json(report);
    let asked = report["policies"].as_array().unwrap();
    let found = asked.iter().find(|asked| asked["policy"] == policy).unwrap();
    found["version"].as_str().unwrap().to_owned()
}

/// Lets the newest proposal serve a tenth of the requests.
fn start_canary(site: &Site, node: &Node) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let text = std::fs::read(site.data().join("deployment.json")).unwrap();
        let deployment: Deployment = serde_json::from_slice(&text).unwrap();
        let endpoint = Endpoint::parse(&node.rpc()).unwrap();
        let client = ChainClient::connect(endpoint, ClientOptions::default())
            .await
            .unwrap();
        let governance = Governance::new(client, deployment);
        let policy = PolicyId::new(POLICY).unwrap();
        let all = governance.versions(&policy).await.unwrap();
        let newest = all
            .iter()
            .find(|proposal| proposal.state == ProposalState::Approved)
            .unwrap();
        let author = Account::from_file(&site.data().join("keys/author.key")).unwrap();
        governance.start_canary(&author, newest.id, 10).await.unwrap();
    });
}

#[test]
fn what_is_in_force_decides_and_what_can_t_be_known_passes_nothing() {
    let site = Site::new();
    std::fs::write(site.path().join("web.yaml"), DEPLOYMENT).unwrap();
    // What lies in the repository does not count.
    let own = "# METADATA\n# custom:\n#   id: own\npackage own\n\ndeny contains \"never\" if false\n";
    std::fs::create_dir(site.path().join("policies")).unwrap();
    check(&site, &["--live", "web.yaml"])
        .fails(2, &["what production would say can't be known", "deployment"]);
    let node = site.up_with(&["--set", "policies=nowhere"]);
    std::fs::write(site.path().join("policies/own.rego"), own).unwrap();
    check(&site, &["web.yaml"]).exits(0);
    let live = ["--live", "--format", "json", "web.yaml"];
    let report = check(&site, &live).exits(1);
    assert_eq!(violations(&report).len(), 3);
    // Production knows no exceptions: those of the repository are taken where that is said, and counted.
    let all = "exceptions:\n- policy: '**'\n  resource: '**'\n  reason: r\n  owner: a@x\n  approver: b@x\n  expires: 2999-12-31\n";
    std::fs::write(site.path().join("stele-exceptions.yaml"), all).unwrap();
    check(&site, &live).exits(1);
    check(
        &site,
        &[&live[..], &["--exceptions", "stele-exceptions.yaml"]].concat(),
    )
    .fails(0, &["production knows neither", "left to them here: 3"]);
    std::fs::remove_file(site.path().join("stele-exceptions.yaml")).unwrap();
    let listed = json(&site.run(&["policy", "list", "--format", "json"]).exits(0));
    let in_force = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["policy"] == POLICY)
        .unwrap();
    assert_eq!(version(&report, POLICY), in_force["version"].as_str().unwrap());

    // A canary is asked where that is wanted.
    let message = "must not run privileged";
    let source = site.changed_library(
        "next",
        "kubernetes/admission/admission.rego",
        message,
        "is privileged",
    );
    site.run(&["policy", "propose", POLICY, "--source", &source])
        .exits(0);
    for role in ["security", "platform"] {
        site.run(&["policy", "approve", POLICY, "--role", role, "--source", &source])
            .exits(0);
    }
    start_canary(&site, &node);
    assert!(check(&site, &live).exits(1).contains("must not run privileged"));
    let canary = check(&site, &[&live[..], &["--canary"]].concat()).exits(1);
    assert!(
        canary.contains("container one is privileged") && !canary.contains("must not run"),
        "{canary}"
    );
    assert_ne!(version(&canary, POLICY), version(&report, POLICY));

    // Elsewhere it takes the contracts that are trusted, the chain, and a node with the bundles.
    let away = Site::new();
    std::fs::write(away.path().join("web.yaml"), DEPLOYMENT).unwrap();
    std::fs::copy(
        site.data().join("deployment.json"),
        away.path().join("contracts.json"),
    )
    .unwrap();
    let (rpc, url) = (node.rpc(), format!("http://{}", node.address));
    let there = ["--deployment", "contracts.json", "--rpc", &rpc];
    let asked = [&live[..], &there[..]].concat();
    check(&away, &asked).fails(2, &["a bundle is not at hand", "--url"]);
    let remote = check(&away, &[&asked[..], &["--url", &url]].concat()).exits(1);
    assert_eq!(violations(&remote), violations(&report));

    // Another bundle under the name of the one in force is not taken, wherever it comes from.
    node.interrupt();
    let bundle = site
        .data()
        .join(format!("bundles/{}.tar.gz", version(&report, POLICY)));
    let other = std::fs::read(
        site.data()
            .join(format!("bundles/{}.tar.gz", version(&canary, POLICY))),
    )
    .unwrap();
    std::fs::write(&bundle, other).unwrap();
    check(&site, &["--live", "web.yaml"]).fails(2, &["has another digest"]);
    check(&site, &["--live", "--rpc", "http://127.0.0.1:1", "web.yaml"])
        .fails(2, &["what production would say can't be known", "chain"]);
    check(&site, &["--live", "--policy", "policies", "web.yaml"]).fails(2, &["--policy"]);
    check(&site, &["--canary", "web.yaml"]).fails(2, &["--live"]);
}
