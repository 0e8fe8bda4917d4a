//! OPA's data API, end to end.
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
use serde_json::json;
use support::{Fixture, config, without_id};

#[tokio::test]
async fn post_decides_with_an_input_and_gives_an_id() {
    let server = Fixture::start(config());
    let request = server.post(
        "/v1/data/kubernetes/admission/deny",
        r#"{"input": {"privileged": true}}"#,
    );
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["stele-decision"], "deny");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(without_id(body), json!({"result": ["no privileged pods"]}));
    server.stop();
}

#[tokio::test]
async fn packages_rules_and_places_inside_are_documents() {
    let server = Fixture::start(config());
    let input = r#"{"input": {"privileged": false, "owner": {"teams": ["a", "b"]}}}"#;
    let cases = [
        (
            "/v1/data/kubernetes/admission",
            json!({"result": {"deny": [], "owner": {"teams": ["a", "b"]}}}),
        ),
        (
            "/v1/data/kubernetes/admission/",
            json!({"result": {"deny": [], "owner": {"teams": ["a", "b"]}}}),
        ),
        (
            "/v1/data/kubernetes/admission/owner/teams/1",
            json!({"result": "b"}),
        ),
        ("/v1/data/kubernetes/admission/owner/teams/2", json!({})),
        ("/v1/data/kubernetes/admission/absent", json!({})),
        ("/v1/data/nothing/here", json!({})),
        (
            "/v1/data/kubernetes",
            json!({"result": {"admission": {"deny": [], "owner": {"teams": ["a", "b"]}}}}),
        ),
    ];
    for (path, expected) in cases {
        let (status, body) = server.json(server.post(path, input)).await;
        assert_eq!((status, without_id(body)), (StatusCode::OK, expected), "{path}");
    }
    server.stop();
}

#[tokio::test]
async fn a_missing_input_is_warned_about_on_post_only() {
    let server = Fixture::start(config());
    let warning = json!({"code": "api_usage_warning", "message": "'input' key missing from the request"});
    for body in ["", "{}", "null", r#"{"user": "root"}"#] {
        let (_, answer) = server.json(server.post("/v1/data/system/main", body)).await;
        assert_eq!(
            without_id(answer),
            json!({"result": {"allow": false}, "warning": warning}),
            "{body}"
        );
    }
    // D46: what was sent is what was asked, so `null` is an input.
    let (_, answer) = server
        .json(server.post("/v1/data/system/main", r#"{"input": null}"#))
        .await;
    assert_eq!(without_id(answer), json!({"result": {"allow": false}}));
    let (_, answer) = server.json(server.get("/v1/data/system/main")).await;
    assert_eq!(without_id(answer), json!({"result": {"allow": false}}));
    server.stop();
}

#[tokio::test]
async fn get_takes_the_input_from_the_query_string() {
    let server = Fixture::start(config());
    let request = server.get("/v1/data/system/main/allow?input=%7B%22user%22%3A%22root%22%7D");
    let (_, body) = server.json(request).await;
    assert_eq!(without_id(body), json!({"result": true}));
    let (status, body) = server.json(server.get("/v1/data/system/main?input=%7B")).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid_parameter"))
    );
    server.stop();
}

#[tokio::test]
async fn the_webhook_form_takes_and_gives_bare_documents() {
    let server = Fixture::start(config());
    let response = server
        .post("/v0/data/kubernetes/admission/deny", r#"{"privileged": true}"#)
        .send()
        .await
        .unwrap();
    assert!(response.headers().contains_key("stele-decision-id"));
    assert_eq!(
        response.json::<serde_json::Value>().await.unwrap(),
        json!(["no privileged pods"])
    );
    let (status, body) = server
        .json(server.post("/v0/data/kubernetes/admission/absent", "{}"))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body["code"], "undefined_document");
    assert_eq!(
        body["message"],
        "document missing or undefined: data.kubernetes.admission.absent"
    );
    let (status, body) = server.json(server.post("/", r#"{"user": "root"}"#)).await;
    assert_eq!(
        (status, body),
        (StatusCode::OK, json!({"allow": true})),
        "the default decision"
    );
    server.stop();
}

#[tokio::test]
async fn parameters_add_what_they_promise() {
    let server = Fixture::start(config());
    let ask = |query: &str| server.get(&format!("/v1/data/system/main/allow?{query}"));
    let (_, body) = server.json(ask("metrics")).await;
    for timer in [
        "timer_rego_input_parse_ns",
        "timer_rego_query_eval_ns",
        "timer_server_handler_ns",
    ] {
        assert!(body["metrics"][timer].is_u64(), "{timer}: {body}");
    }
    assert!(body["metrics"].get("timer_stele_log_commit_ns").is_none());
    let (_, body) = server.json(ask("instrument=true")).await;
    assert!(body["metrics"]["timer_stele_log_commit_ns"].is_u64(), "{body}");
    let (_, body) = server.json(ask("provenance=true")).await;
    assert_eq!(body["provenance"]["version"], env!("CARGO_PKG_VERSION"));
    assert_ne!(
        body["provenance"].get("build_timestamp"),
        Some(&"".into()),
        "no date"
    );
    assert_eq!(
        body["provenance"]["bundles"]["system/main"]["revision"]
            .as_str()
            .map(str::len),
        Some(64)
    );
    let text = ask("pretty=true").send().await.unwrap().text().await.unwrap();
    assert!(text.contains("\n  \"result\": false"), "{text}");
    let (status, body) = server.json(ask("explain=loudly")).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid_parameter"))
    );
    server.stop();
}

#[tokio::test]
async fn malformed_bodies_say_where() {
    let server = Fixture::start(config());
    let (status, body) = server
        .json(server.post("/v1/data/system/main", "{\"input\":\n @}"))
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid_parameter"))
    );
    let message = body["message"].as_str().unwrap();
    assert!(
        message.contains("malformed input document") && message.contains("line 2"),
        "{message}"
    );
    for wrong in ["[1]", "1", "\"x\""] {
        let (status, _) = server.json(server.post("/v1/data/system/main", wrong)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let deep = format!("{{\"input\": {}1{}}}", "[".repeat(200), "]".repeat(200));
    let (status, _) = server.json(server.post("/v1/data/system/main", deep)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "too deep");
    server.stop();
}

#[tokio::test]
async fn a_memory_limit_has_its_own_error() {
    let mut config = config();
    config.limits.eval_memory_bytes = 16_000;
    let server = Fixture::start(config);
    let (status, body) = server.json(server.post("/v1/data/broken/big", "{}")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{body}");
    assert_eq!(body["errors"][0]["code"], "eval_memory_limit_error", "{body}");
    server.stop();
}

#[tokio::test]
async fn failed_evaluations_have_opas_error_body() {
    let mut config = config();
    config.limits.eval_ms = 50;
    let server = Fixture::start(config);
    let cases = [
        (
            "/v1/data/broken/two",
            r#"{"input": {"x": 1}}"#,
            "eval_conflict_error",
        ),
        ("/v1/data/broken/loop", "{}", "eval_time_limit_error"),
        (
            "/v1/data/broken/strict?strict-builtin-errors",
            r#"{"input": {"zero": 0}}"#,
            "eval_builtin_error",
        ),
    ];
    for (path, input, code) in cases {
        let (status, body) = server.json(server.post(path, input)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}: {body}");
        assert_eq!(
            (body["code"].as_str(), body["errors"][0]["code"].as_str()),
            (Some("internal_error"), Some(code)),
            "{body}"
        );
        assert_eq!(body["message"], "error(s) occurred while evaluating query");
        assert!(
            body["decision_id"].is_string(),
            "the failure is on record: {body}"
        );
    }
    let (_, body) = server
        .json(server.post("/v1/data/broken/strict", r#"{"input": {"zero": 0}}"#))
        .await;
    assert_eq!(
        without_id(body),
        json!({}),
        "leniently, a failed builtin is undefined"
    );
    let (_, body) = server
        .json(server.post("/v1/data/broken/two", r#"{"input": {"x": 1}}"#))
        .await;
    assert!(body["errors"][0]["location"]["row"].is_u64(), "{body}");
    server.stop();
}

#[tokio::test]
async fn an_instruction_limit_has_its_own_error() {
    let mut config = config();
    config.limits.eval_instructions = 1_000;
    let server = Fixture::start(config);
    let (status, body) = server.json(server.post("/v1/data/broken/busy", "{}")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{body}");
    assert_eq!(
        body["errors"][0]["code"], "eval_instruction_limit_error",
        "{body}"
    );
    server.stop();
}
