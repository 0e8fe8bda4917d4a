//! From an answer to its record, its proof and its erasure, on a real ledger.
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

use reqwest::StatusCode;
use serde_json::{Value, json};
use stele_ledger::{ProofBundle, SignedCheckpoint, verify};
use stele_types::DecisionId;
use support::{Fixture, config, log_key, open_log};

async fn decide(server: &Fixture, path: &str, body: &str) -> String {
    let (_, answer) = server.json(server.post(path, body.to_owned())).await;
    answer["decision_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_answer_leads_to_a_record_and_a_proof_that_verifies_offline() {
    let server = Fixture::start(config());
    let request = server
        .post(
            "/v1/data/kubernetes/admission/deny",
            r#"{"input": {"privileged": true}}"#,
        )
        .header("stele-actor", "alice")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
    let (_, answer) = server.json(request).await;
    let id = answer["decision_id"].as_str().unwrap();
    let (status, body) = server.json(server.get(&format!("/v1/decisions/{id}"))).await;
    assert_eq!(status, StatusCode::OK);
    let record = &body["result"];
    assert_eq!(record["result"], answer["result"]);
    assert_eq!(record["input"], json!({"privileged": true}));
    assert_eq!(
        (record["actor"].as_str(), record["labels"]["decision"].as_str()),
        (Some("alice"), Some("deny"))
    );
    assert_eq!(record["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(record["violations"][0]["message"], "no privileged pods");
    assert!(record["requested_by"].as_str().unwrap().starts_with("127.0.0.1:"));

    let proof = server
        .get(&format!("/v1/decisions/{id}/proof"))
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let bundle = ProofBundle::from_json(&proof).unwrap();
    assert_eq!(bundle.record.decision_id.to_string(), id);
    verify(&bundle, log_key().verifier()).unwrap();
    server.stop();
}

#[tokio::test]
async fn failed_evaluations_and_paths_without_policy_are_on_record_too() {
    let server = Fixture::start(config());
    let (status, body) = server
        .json(server.post("/v1/data/broken/two", r#"{"input": {"x": 1}}"#))
        .await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let id = body["decision_id"].as_str().unwrap();
    let (_, body) = server.json(server.get(&format!("/v1/decisions/{id}"))).await;
    assert!(
        body["result"]["error"].as_str().unwrap().contains("conflict"),
        "{body}"
    );
    let id = decide(&server, "/v1/data/nothing/here", "{}").await;
    let (_, body) = server.json(server.get(&format!("/v1/decisions/{id}"))).await;
    assert_eq!(body["result"]["policy_version"], "0".repeat(64));
    server.stop();
}

#[tokio::test]
async fn decisions_are_listed_newest_first_by_page_policy_and_verdict() {
    let server = Fixture::start(config());
    let mut ids = Vec::new();
    for number in 0..5 {
        let body = format!("{{\"input\": {{\"privileged\": {}}}}}", number % 2 == 0);
        ids.push(decide(&server, "/v1/data/kubernetes/admission", &body).await);
        decide(&server, "/v1/data/system/main", "{}").await;
    }
    ids.reverse();
    let listed = |body: &Value| -> Vec<String> {
        let decisions = body["result"].as_array().unwrap();
        decisions
            .iter()
            .map(|decision| decision["decision_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, body) = server.json(server.get("/v1/decisions")).await;
    assert_eq!((listed(&body).len(), body["next_cursor"].is_null()), (10, true));
    let (_, body) = server
        .json(server.get("/v1/decisions?policy=kubernetes/admission"))
        .await;
    assert_eq!(listed(&body), ids);
    let (_, body) = server
        .json(server.get("/v1/decisions?policy=kubernetes/admission&decision=deny"))
        .await;
    assert_eq!(listed(&body), [ids[0].clone(), ids[2].clone(), ids[4].clone()]);
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let (_, body) = server
            .json(server.get(&format!("/v1/decisions?limit=3{cursor}")))
            .await;
        walked.extend(listed(&body));
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(walked.len(), 10, "each decision once");
    for wrong in ["limit=0", "limit=1001", "limit=x", "cursor=x", "policy=a//b"] {
        let (status, _) = server.json(server.get(&format!("/v1/decisions?{wrong}"))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    server.stop();
}

#[tokio::test]
async fn erasure_takes_the_input_and_leaves_the_proof() {
    let server = Fixture::start(config());
    let id = decide(
        &server,
        "/v1/data/system/main",
        r#"{"input": {"user": "mallory"}}"#,
    )
    .await;
    let erase = |body: &'static str| server.post(&format!("/v1/decisions/{id}/erase"), body);
    let plain = server
        .client
        .post(format!("{}/v1/decisions/{id}/erase", server.base))
        .body("{}");
    assert_eq!(
        server.json(plain).await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "a form of another origin could send this"
    );
    assert_eq!(
        server.json(erase(r#"{"raison": "x"}"#)).await.0,
        StatusCode::BAD_REQUEST
    );
    let (status, body) = server.json(erase(r#"{"reason": "request 17"}"#)).await;
    assert_eq!(
        (status, body["result"]["erased"].as_bool()),
        (StatusCode::OK, Some(true)),
        "{body}"
    );
    let (_, body) = server.json(server.get(&format!("/v1/decisions/{id}"))).await;
    assert!(
        body["result"].get("input").is_none() && body["result"].get("input_salt").is_none(),
        "{body}"
    );
    let proof = server
        .get(&format!("/v1/decisions/{id}/proof"))
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    verify(&ProofBundle::from_json(&proof).unwrap(), log_key().verifier()).unwrap();
    let (_, body) = server.json(erase("{}")).await;
    assert!(
        body["result"]["recorded"].is_null(),
        "a second erasure changes nothing: {body}"
    );
    server.stop();
}

#[tokio::test]
async fn erasure_can_be_switched_off() {
    let mut config = config();
    config.admin.erase = false;
    let server = Fixture::start(config);
    let id = decide(&server, "/v1/data/system/main", "{}").await;
    let (status, body) = server
        .json(server.post(&format!("/v1/decisions/{id}/erase"), "{}"))
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::FORBIDDEN, Some("unauthorized"))
    );
    server.stop();
}

#[tokio::test]
async fn unknown_and_malformed_ids_differ() {
    let server = Fixture::start(config());
    let absent = DecisionId::from_time_and_random(stele_types::Timestamp(1), &[0; 10]);
    for path in ["", "/proof", "/explain"] {
        let (status, _) = server
            .json(server.get(&format!("/v1/decisions/{absent}{path}")))
            .await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        let (status, _) = server.json(server.get(&format!("/v1/decisions/x{path}"))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
    server.stop();
}

#[tokio::test]
async fn the_log_is_served_as_static_files() {
    let server = Fixture::start(config());
    for _ in 0..3 {
        decide(&server, "/v1/data/system/main", "{}").await;
    }
    let mut note = String::new();
    // A bound on hangs, not a measurement.
    for _ in 0..600 {
        let response = server.get("/checkpoint").send().await.unwrap();
        if response.status() == StatusCode::OK {
            assert_eq!(response.headers()["cache-control"], "no-cache");
            note = response.text().await.unwrap();
            if SignedCheckpoint::open(&note, log_key().verifier())
                .unwrap()
                .checkpoint
                .size
                .get()
                == 3
            {
                break;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(
        SignedCheckpoint::open(&note, log_key().verifier())
            .unwrap()
            .checkpoint
            .size
            .get(),
        3
    );
    let tile = server.get("/tile/0/000.p/3").send().await.unwrap();
    assert_eq!(tile.status(), StatusCode::OK);
    // A partial tile goes when the full one is there.
    assert_eq!(tile.headers()["cache-control"], "public, max-age=60");
    assert_eq!(tile.bytes().await.unwrap().len(), 3 * 32);
    // Not full yet; a cache that remembers that would hide the tile once it is.
    let full = server.get("/tile/0/000").send().await.unwrap();
    assert_eq!(full.status(), StatusCode::NOT_FOUND);
    assert_eq!(full.headers()["cache-control"], "no-store");
    assert_eq!(
        server.get("/tile/..%2f..%2fkey").send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    server.stop();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let server = Fixture::start(config());
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(decide(&server, "/v1/data/kubernetes", "{}").await);
    }
    let dir = server.stop();
    let log = open_log(dir.path());
    for id in ids {
        log.ledger().record(&id.parse().unwrap()).unwrap();
    }
}

#[tokio::test]
async fn without_a_working_log_there_is_no_answer() {
    let server = Fixture::start(config());
    decide(&server, "/v1/data/system/main", "{}").await;
    // An input that no record can hold: the log refuses it, and the decision is withheld.
    let mut config = config();
    config.limits.body_bytes = 200 << 20;
    let dir = server.stop();
    let log = stele_server::DecisionLog::open(
        dir.path(),
        log_key(),
        stele_ledger::Options {
            max_record_bytes: 2_000,
            ..stele_ledger::Options::default()
        },
    )
    .unwrap();
    let deps = stele_server::Deps {
        snapshot: support::snapshot(),
        log,
        node: support::NODE,
        chain: None,
        clock: stele_server::system_clock(),
    };
    let handle = stele_server::Server::start(config, deps).unwrap();
    let client = reqwest::Client::new();
    let url = format!("http://{}/v1/data/system/main", handle.addr());
    let big = format!("{{\"input\": \"{}\"}}", "x".repeat(5_000));
    let response = client.post(&url).body(big).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body: Value = response.json().await.unwrap();
    assert!(
        body["message"].as_str().unwrap().contains("withheld") && body.get("result").is_none(),
        "{body}"
    );
    assert_eq!(
        client.post(&url).body("{}").send().await.unwrap().status(),
        StatusCode::OK
    );
    handle.shutdown().unwrap();
}

#[tokio::test]
async fn decisions_are_explained_inline_and_later() {
    let server = Fixture::start(config());
    let input = r#"{"input": {"privileged": true}}"#;
    let (_, body) = server
        .json(server.post("/v1/data/kubernetes/admission/deny?explain=full", input))
        .await;
    let events = body["explanation"].as_array().unwrap();
    assert_eq!(events[0]["op"], "enter");
    let held = events
        .iter()
        .find(|event| event["op"] == "exit" && event["type"] == "rule");
    let file = held.unwrap()["location"]["file"].as_str().unwrap();
    assert!(file.ends_with("policy.rego"), "names file and line: {events:#?}");
    let (_, pretty) = server
        .json(server.post("/v1/data/kubernetes/admission/deny?explain=fails&pretty", input))
        .await;
    let lines = pretty["explanation"].as_array().unwrap();
    assert!(lines.iter().all(|line| line.is_string()), "{lines:#?}");
    let id = body["decision_id"].as_str().unwrap();
    let (status, body) = server
        .json(server.get(&format!("/v1/decisions/{id}/explain")))
        .await;
    assert_eq!(status, StatusCode::OK);
    let text = body["result"]["explanation"].as_str().unwrap();
    assert!(text.contains("policy.rego"), "{text}");
    assert_eq!(
        body["result"]["details"]["change"]["patch"][0]["path"], "/privileged",
        "{text}"
    );
    let (_, _) = server
        .json(server.post(&format!("/v1/decisions/{id}/erase"), "{}"))
        .await;
    let (status, body) = server
        .json(server.get(&format!("/v1/decisions/{id}/explain")))
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::CONFLICT, Some("resource_conflict")),
        "{body}"
    );
    server.stop();
}
