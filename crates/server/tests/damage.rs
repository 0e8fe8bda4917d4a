//! A log whose damaged records keep nobody from deciding: everybody who looks is told.
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

use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use serde_json::{Value, json};
use stele_ledger::Options;
use stele_server::DecisionLog;
use support::{Fixture, config, log_key, snapshot};

/// A log of small files.
fn open(dir: &Path) -> DecisionLog {
    let options = Options {
        segment_bytes: 6_000,
        ..Options::default()
    };
    DecisionLog::open(dir, log_key(), options).unwrap()
}

fn start(dir: tempfile::TempDir) -> Fixture {
    let log = open(dir.path());
    Fixture::start_on(dir, log, config(), snapshot(), stele_server::system_clock())
}

fn record_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("records")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "rec"))
        .collect();
    files.sort();
    files
}

async fn decide(fixture: &Fixture) {
    let request = fixture.post("/v1/data/system/main", r#"{"input": {"user": "root"}}"#);
    assert_eq!(fixture.json(request).await.0, StatusCode::OK);
}

async fn metrics(fixture: &Fixture) -> String {
    let page = fixture.get("/metrics").send().await.unwrap();
    page.text().await.unwrap()
}

/// The schema that the description has for the answer of a request.
fn described(path: &str, method: &str) -> jsonschema::Validator {
    let mut document: Value = serde_json::from_str(stele_server::openapi_document()).unwrap();
    let answer =
        document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"].take();
    assert!(answer.is_object(), "{method} {path}");
    let schema = json!({"allOf": [answer], "components": document["components"].take()});
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn fits(path: &str, method: &str, answer: &Value) {
    let validator = described(path, method);
    let errors: Vec<String> = validator
        .iter_errors(answer)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{path}: {errors:?}: {answer}");
}

#[tokio::test]
async fn damage_that_decisions_survive_is_told_everywhere() {
    let fixture = start(tempfile::tempdir().unwrap());
    while record_files(fixture.dir.path()).len() < 3 {
        decide(&fixture).await;
    }
    let (_, status) = fixture.json(fixture.get("/v1/status")).await;
    fits("/v1/status", "get", &status);
    assert_eq!(status["result"]["log"]["damage"], Value::Null);
    assert_eq!(
        status["result"]["plugins"]["log"],
        json!({"state": "OK", "message": null})
    );
    assert!(metrics(&fixture).await.contains("\nstele_ledger_damaged 0\n"));
    let (_, report) = fixture.json(fixture.post("/v1/audit/fsck", "")).await;
    fits("/v1/audit/fsck", "post", &report);
    assert_eq!(report["sound"], true);
    let dir = fixture.stop();

    let files = record_files(dir.path());
    let damaged = &files[files.len() - 2];
    let mut bytes = std::fs::read(damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(damaged, bytes).unwrap();
    let fixture = start(dir);
    decide(&fixture).await;
    let name = damaged.file_name().unwrap().to_str().unwrap();
    let (_, status) = fixture.json(fixture.get("/v1/status")).await;
    fits("/v1/status", "get", &status);
    for said in [
        &status["result"]["log"]["damage"],
        &status["result"]["plugins"]["log"]["message"],
    ] {
        assert!(said.as_str().unwrap().contains(name), "{status}");
    }
    assert_eq!(status["result"]["plugins"]["log"]["state"], "ERROR");
    assert!(metrics(&fixture).await.contains("\nstele_ledger_damaged 1\n"));
    let (code, health) = fixture.json(fixture.get("/health?plugins")).await;
    let said = health["error"].as_str().unwrap();
    assert!(
        code == StatusCode::INTERNAL_SERVER_ERROR && said.starts_with("log: ") && said.contains(name),
        "{code} {health}"
    );
    // It decides, so it stays in service.
    for well in ["/health?plugins&exclude-plugin=log", "/health/ready", "/health"] {
        assert_eq!(fixture.json(fixture.get(well)).await.0, StatusCode::OK, "{well}");
    }
    let (_, report) = fixture.json(fixture.post("/v1/audit/fsck", "")).await;
    fits("/v1/audit/fsck", "post", &report);
    assert_eq!(report["sound"], false);
    // The description is no empty one.
    let mut lesser = report.clone();
    lesser["result"].as_object_mut().unwrap().remove("tolerance_s");
    assert!(!described("/v1/audit/fsck", "post").is_valid(&lesser));
    lesser = report;
    lesser["result"]["problems"][0]
        .as_object_mut()
        .unwrap()
        .remove("mend");
    assert!(!described("/v1/audit/fsck", "post").is_valid(&lesser));
    fixture.stop();
}
