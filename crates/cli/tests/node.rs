//! `stele up` as a newcomer runs it: from nothing, again, interrupted, killed.
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

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use support::{Site, eventually, example, http, kill_9, starter_policies};

const ADMISSION: &str = "/v1/data/kubernetes/admission";

fn versions(site: &Site) -> serde_json::Value {
    serde_json::from_str(
        &site
            .run(&["policy", "list", "--all", "--format", "json"])
            .exits(0),
    )
    .unwrap()
}

fn block_number(rpc: &str) -> String {
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#;
    let (status, text) = http(
        rpc.trim_start_matches("http://").trim_end_matches('/'),
        "POST",
        "/",
        body,
    )
    .unwrap();
    assert_eq!(status, 200);
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["result"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn an_empty_directory_becomes_a_node_that_enforces_the_starter_library() {
    let site = Site::new();
    let node = site.up();
    assert!(node.banner.contains("DEVELOPMENT MODE"), "{}", node.banner);
    let list = versions(&site);
    assert_eq!(list.as_array().unwrap().len(), starter_policies());
    for version in list.as_array().unwrap() {
        assert_eq!(version["state"], "in force");
        assert_eq!(version["approvals"], serde_json::json!(["security", "platform"]));
    }
    let answer = node.json("POST", ADMISSION, &example("kubernetes/pod-privileged.json"));
    assert_eq!(answer["result"]["allow"], false);
    assert!(answer["decision_id"].is_string());
    let answer = node.json("POST", ADMISSION, &example("kubernetes/pod-hardened.json"));
    assert_eq!(answer["result"]["allow"], true);
    node.interrupt();
}

#[test]
fn a_second_start_resumes_and_repeats_nothing() {
    let site = Site::new();
    let node = site.up();
    let id = node.json("POST", ADMISSION, &example("kubernetes/pod-privileged.json"))["decision_id"].clone();
    eventually("the decision is anchored", || {
        let proof = node.json(
            "GET",
            &format!("/v1/decisions/{}/proof", id.as_str().unwrap()),
            b"",
        );
        proof.get("anchor").cloned()
    });
    let (before, block) = (versions(&site), block_number(&node.rpc()));
    node.interrupt();

    let node = site.up();
    assert_eq!(versions(&site), before);
    assert_eq!(
        block_number(&node.rpc()),
        block,
        "a start without news must send no transaction"
    );
    let listed = site.run(&["decision", "list", "--format", "json"]).exits(0);
    assert!(listed.contains(id.as_str().unwrap()));
    node.interrupt();
}

#[test]
fn kill_9_loses_nothing_acknowledged() {
    let site = Site::new();
    let node = site.up();
    let body = example("kubernetes/pod-privileged.json");
    let (address, pid) = (node.address.clone(), node.pid());
    let stop = AtomicBool::new(false);
    let acknowledged: BTreeSet<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut ids = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let Ok((200, text)) = http(&address, "POST", ADMISSION, &body) else {
                            break;
                        };
                        // An answer that was cut off was not acknowledged.
                        let Ok(answer) = serde_json::from_str::<serde_json::Value>(&text) else {
                            break;
                        };
                        ids.push(answer["decision_id"].as_str().unwrap().to_owned());
                    }
                    ids
                })
            })
            .collect();
        eventually("a few hundred decisions are made", || {
            let (_, text) = node.http("GET", "/metrics", b"");
            let made: f64 = text
                .lines()
                .filter(|line| line.starts_with("stele_decisions_total"))
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum();
            (made > 300.0).then_some(())
        });
        kill_9(pid);
        stop.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    drop(node);
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());

    let fsck = site.run(&["audit", "fsck"]).exits(0);
    assert!(fsck.contains("sound:"), "{fsck}");
    let node = site.up();
    for id in &acknowledged {
        let (status, text) = node.http("GET", &format!("/v1/decisions/{id}"), b"");
        assert_eq!(status, 200, "acknowledged decision {id} is lost: {text}");
    }
    node.interrupt();
}

#[test]
fn a_kill_during_the_first_start_is_made_good_by_the_next() {
    let site = Site::new();
    let mut child = site
        .command(&["up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"])
        .spawn()
        .unwrap();
    // Somewhere in the middle of the bootstrap; wherever it is, the next start must finish the work.
    eventually("the deployment is written", || {
        site.data().join("deployment.json").exists().then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let node = site.up();
    assert_eq!(
        versions(&site)
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["state"] == "in force")
            .count(),
        starter_policies()
    );
    node.interrupt();
}

#[test]
fn commands_work_without_a_running_node() {
    let site = Site::new();
    let node = site.up();
    let id = node.json("POST", ADMISSION, &example("kubernetes/pod-privileged.json"))["decision_id"].clone();
    node.interrupt();
    let id = id.as_str().unwrap();
    assert_eq!(versions(&site).as_array().unwrap().len(), starter_policies());
    assert!(site.run(&["decision", "list"]).exits(0).contains(id));
    assert!(
        site.run(&["decision", "show", id])
            .exits(0)
            .contains("must not run privileged")
    );
    assert!(
        site.run(&["decision", "explain", "latest"])
            .exits(0)
            .contains("admission.rego:")
    );
    site.run(&["prove", id, "-o", "proof.json"]).exits(0);
    assert!(site.run(&["verify", "proof.json"]).exits(0).contains("VERIFIED"));
    site.run(&["audit", "fsck"]).exits(0);
}
