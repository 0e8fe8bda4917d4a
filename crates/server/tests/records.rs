//! What verifiers ask of a node: records in bulk, for those who may have them, and bundles by their digest.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod support;

use reqwest::StatusCode;
use serde_json::{Value, json};
use stele_types::{PolicyVersion, sha256};
use support::{Fixture, POLICIES, bundle_of, config};

async fn lines(fixture: &Fixture, query: &str, token: Option<&str>) -> (StatusCode, Vec<Value>) {
    let mut request = fixture.get(&format!("/v1/records?{query}"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (
        status,
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

async fn decide(fixture: &Fixture, count: usize) -> Vec<Value> {
    let mut ids = Vec::new();
    for number in 0..count {
        let body = json!({"input": {"privileged": true, "owner": number}}).to_string();
        let request = fixture.post("/v1/data/kubernetes/admission", body);
        ids.push(fixture.json(request).await.1["decision_id"].clone());
    }
    ids
}

#[tokio::test]
async fn records_come_in_the_order_of_the_log() {
    let fixture = Fixture::start(config());
    let ids = decide(&fixture, 5).await;
    let (status, all) = lines(&fixture, "from=0", None).await;
    assert_eq!(status, StatusCode::OK);
    let found: Vec<Value> = all.iter().map(|record| record["decision_id"].clone()).collect();
    assert_eq!(found, ids);
    assert_eq!(all[3]["input"]["owner"], 3);
    // No token is listed, so one that is sent is nobody's and opens nothing, but closes nothing either.
    assert_eq!(lines(&fixture, "from=0", Some("another node's")).await.1, all);
    assert_eq!(lines(&fixture, "from=2&limit=2", None).await.1, all[2..4]);
    assert_eq!(lines(&fixture, "from=5", None).await, (StatusCode::OK, vec![]));
    assert_eq!(
        lines(&fixture, "from=18446744073709551615", None).await.1.len(),
        0
    );
    for bad in ["", "from=x", "from=-1", "from=0&limit=0"] {
        assert_eq!(
            lines(&fixture, bad, None).await.0,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
    fixture.stop();
}

#[tokio::test]
async fn once_there_are_tokens_everybody_needs_one() {
    let mut config = config();
    config.records.tokens = vec![sha256(&[b"secret"]).to_string(), sha256(&[b"other"]).to_string()];
    let fixture = Fixture::start(config);
    let id = decide(&fixture, 1).await[0].as_str().unwrap().to_owned();
    assert_eq!(lines(&fixture, "from=0", None).await.0, StatusCode::FORBIDDEN);
    // One rule for whatever shows records.
    let paths = [
        "",
        &format!("/{id}"),
        &format!("/{id}/proof"),
        &format!("/{id}/explain"),
    ]
    .map(|rest| format!("/v1/decisions{rest}"));
    for path in &paths {
        let (status, body) = fixture.json(fixture.get(path)).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::FORBIDDEN, &json!("unauthorized")),
            "{path}"
        );
        let status = fixture.json(fixture.get(path).bearer_auth("secret")).await.0;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    // A caller who has the receipt has the salt, and gets the proof of its own decision.
    let record = &lines(&fixture, "from=0", Some("secret")).await.1[0];
    let salt = record["input_salt"].as_str().unwrap();
    for (given, status) in [
        (salt, StatusCode::OK),
        (&"0".repeat(64), StatusCode::FORBIDDEN),
        ("", StatusCode::FORBIDDEN),
    ] {
        let request = fixture.get(&paths[2]).header("stele-input-salt", given);
        assert_eq!(fixture.json(request).await.0, status, "{given}");
        let request = fixture.get(&paths[1]).header("stele-input-salt", given);
        assert_eq!(fixture.json(request).await.0, StatusCode::FORBIDDEN);
    }
    // That it is in the log everybody may know, also when its input is gone.
    let included = format!("/v1/decisions/{id}/inclusion");
    let proof = fixture.json(fixture.get(&included)).await;
    assert_eq!((proof.0, &proof.1["index"]), (StatusCode::OK, &json!(0)));
    let shown: Vec<&String> = proof.1.as_object().unwrap().keys().collect();
    assert_eq!(shown, ["checkpoint", "inclusion", "index", "leaf"]);
    let nowhere = format!("/v1/decisions/{}/inclusion", "0".repeat(8) + &id[8..]);
    assert_eq!(fixture.json(fixture.get(&nowhere)).await.0, StatusCode::NOT_FOUND);
    // It learns that its decision is missing, too: ids are no secret.
    let lost = format!("/v1/decisions/{}/proof", "0".repeat(8) + &id[8..]);
    let request = fixture.get(&lost).header("stele-input-salt", salt);
    assert_eq!(fixture.json(request).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixture.json(fixture.get(&lost)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        lines(&fixture, "from=0", Some("wrong")).await.0,
        StatusCode::FORBIDDEN
    );
    // The digest itself, which stands in the configuration, opens nothing.
    let digest = sha256(&[b"secret"]).to_string();
    assert_eq!(
        lines(&fixture, "from=0", Some(&digest)).await.0,
        StatusCode::FORBIDDEN
    );
    for token in ["secret", "other"] {
        assert_eq!(lines(&fixture, "from=0", Some(token)).await.1.len(), 1);
    }
    fixture.stop();
}

#[tokio::test]
async fn bundles_are_found_by_their_digest() {
    let fixture = Fixture::start(config());
    let built = bundle_of(POLICIES[0].0, POLICIES[0].1);
    let get = |version: String| fixture.get(&format!("/v1/bundles/{version}")).send();
    let answer = get(built.digest.to_string()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(PolicyVersion::of_bundle(&bytes), built.digest);
    assert_eq!(get("0".repeat(64)).await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(
        get("..".to_owned()).await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get("x".repeat(64)).await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    fixture.stop();
}

#[tokio::test]
async fn strangers_make_the_node_publish_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = stele_ledger::Options {
        publish_interval: None,
        ..stele_ledger::Options::default()
    };
    let log = stele_server::DecisionLog::open(dir.path(), support::log_key(), options).unwrap();
    let clock = stele_server::system_clock();
    let fixture = Fixture::start_on(dir, log, config(), support::snapshot(), clock);
    let id = decide(&fixture, 1).await[0].as_str().unwrap().to_owned();
    let included = format!("/v1/decisions/{id}/inclusion");
    for _ in 0..2 {
        let answer = fixture.get(&included).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "1");
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["code"], "not_published", "{body}");
    }
    // Who may read records gets a proof, which publishes.
    let proof = fixture.get(&format!("/v1/decisions/{id}/proof"));
    assert_eq!(fixture.json(proof).await.0, StatusCode::OK);
    assert_eq!(fixture.json(fixture.get(&included)).await.0, StatusCode::OK);
    fixture.stop();
}
