//! A node whose files may not grow any more: it refuses to decide, loses nothing that it acknowledged, and goes on when there is room.
//!
//! The room is taken by a limit on the size of files (`prlimit`, of util-linux), because a test can't fill the machine's disk.
#![cfg(target_os = "linux")]
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

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::Command;

use support::{Site, eventually, example, workspace};

const PATH: &str = "/v1/data/kubernetes/admission";

fn limit_files(pid: u32, size: &str) {
    let status = Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--fsize={size}:")])
        .status()
        .expect("prlimit, of util-linux");
    assert!(status.success());
}

/// The size of the biggest file below a directory.
fn biggest(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap();
    let sizes = entries.map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            biggest(&path)
        } else {
            std::fs::metadata(&path).map_or(0, |metadata| metadata.len())
        }
    });
    sizes.max().unwrap_or(0)
}

fn id_of(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["decision_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_full_disk_refuses_decisions_and_loses_none() {
    let site = Site::new();
    // Nothing but decisions shall write while there is no room.
    let node = site.up_ignoring(
        "XFSZ",
        &[
            "--set",
            "server.anchor.interval_ms=86400000",
            "--set",
            "server.receipts.enabled=false",
        ],
    );
    let body = example("kubernetes/pod-privileged.json");
    let (status, first) = node.http("POST", PATH, &body);
    assert_eq!(status, 200, "{first}");
    let mut acknowledged = vec![id_of(&first)];
    limit_files(node.pid(), &(biggest(&site.data()) + 64_000).to_string());
    let refused = loop {
        assert!(acknowledged.len() < 5_000, "the limit does not bite");
        let (status, answer) = node.http("POST", PATH, &body);
        if status != 200 {
            break (status, answer);
        }
        acknowledged.push(id_of(&answer));
    };
    assert_eq!(refused.0, 503, "{}", refused.1);
    assert!(refused.1.contains("free some space"), "{}", refused.1);
    let (status, answer) = node.http("POST", PATH, &body);
    assert_eq!(status, 503, "{answer}");
    limit_files(node.pid(), "unlimited");
    let after = eventually("decisions go on", || {
        let (status, answer) = node.http("POST", PATH, &body);
        (status == 200).then_some(answer)
    });
    acknowledged.push(id_of(&after));
    node.interrupt();
    site.run(&["audit", "fsck"]).exits(0);
    let node = site.up();
    for id in &acknowledged {
        let (status, text) = node.http("GET", &format!("/v1/decisions/{id}"), b"");
        assert_eq!(status, 200, "acknowledged decision {id} is lost: {text}");
    }
    node.interrupt();
}

#[test]
fn a_node_that_can_not_write_what_it_logs_goes_on() {
    let site = Site::new();
    let node = site.up_unheard(&["--set", "log.filter=trace"]);
    let body = example("kubernetes/pod-privileged.json");
    let (status, answer) = node.http("POST", PATH, &body);
    assert_eq!(status, 200, "{answer}");
    node.interrupt();
    site.run(&["audit", "fsck"]).exits(0);
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_result_that_can_not_be_printed_is_an_error_of_the_environment() {
    let site = Site::new();
    let tested = "package tested_test\n\ntest_sum if 1 + 1 == 2\n";
    std::fs::write(site.path().join("tested_test.rego"), tested).unwrap();
    let policies = workspace().join("policies");
    let policies = policies.to_str().unwrap();
    let good = workspace().join("examples/library/kubernetes/rbac/good.yaml");
    let good = good.to_str().unwrap();
    let commands: [&[&str]; 5] = [
        &["eval", "1 + 1"],
        &["eval", "-f", "pretty", "1 + 1"],
        &["check", "--policy", policies, "--format", "json", good],
        &["policy", "test", "tested_test.rego"],
        &["completions", "bash"],
    ];
    for args in commands {
        // Each of them passes where there is room.
        site.run(args).exits(0);
        let full = site.command(args).stdout(full()).output().unwrap();
        let error = String::from_utf8(full.stderr).unwrap();
        assert_eq!(full.status.code(), Some(3), "{args:?}: {error}");
        assert!(
            error.contains("can't write to standard output"),
            "{args:?}: {error}"
        );
    }
}

#[test]
fn notes_that_can_not_be_printed_change_no_exit_code() {
    let site = Site::new();
    let unheard = site.command(&["eval", "1 +"]).stderr(full()).output().unwrap();
    assert_eq!(unheard.status.code(), Some(2));
}
