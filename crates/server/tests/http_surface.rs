//! Everything around decisions: other endpoints, refusals, sizes, compression, shutdown.
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

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use stele_server::ROUTES;
use support::{Fixture, config};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn oversized_bodies_are_refused_plain_and_packed() {
    let mut config = config();
    config.limits.body_bytes = 10_000;
    let server = Fixture::start(config);
    let big = format!("{{\"input\": \"{}\"}}", "x".repeat(20_000));
    let (status, body) = server
        .json(server.post("/v1/data/system/main", big.clone()))
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, Some("request_too_large"))
    );
    assert!(body["message"].as_str().unwrap().contains("10000"), "{body}");
    let packed = gzip(big.as_bytes());
    assert!(packed.len() < 1_000);
    let bomb = server
        .post("/v1/data/system/main", packed)
        .header("content-encoding", "gzip");
    assert_eq!(server.json(bomb).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let addr = server.base.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(addr).unwrap();
    stream
        .write_all(b"POST /v1/data/system/main HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    stream
        .write_all(format!("{:x}\r\n{big}\r\n0\r\n\r\n", big.len()).as_bytes())
        .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413", "no length was declared");
    let (status, _) = server.json(server.post("/v1/data/system/main", "{}")).await;
    assert_eq!(status, StatusCode::OK, "the server is still well");
    server.stop();
}

#[tokio::test]
async fn gzip_works_both_ways() {
    let server = Fixture::start(config());
    let owner = "o".repeat(5_000);
    let input = gzip(format!("{{\"input\": {{\"owner\": \"{owner}\"}}}}").as_bytes());
    let request = server
        .post("/v1/data/kubernetes/admission/owner", input)
        .header("content-encoding", "gzip");
    let response = request.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let packed = response.bytes().await.unwrap();
    assert!(packed.len() < 1_000);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap()["result"],
        json!(owner)
    );
    let broken = server
        .post("/v1/data/system/main", "no gzip")
        .header("content-encoding", "gzip");
    assert_eq!(server.json(broken).await.0, StatusCode::BAD_REQUEST);
    let brotli = server
        .post("/v1/data/system/main", "x")
        .header("content-encoding", "br");
    assert_eq!(server.json(brotli).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    server.stop();
}

#[tokio::test]
async fn mutations_point_to_the_registry() {
    let server = Fixture::start(config());
    for (method, path) in [
        ("PUT", "/v1/policies/x"),
        ("DELETE", "/v1/policies/x"),
        ("PATCH", "/v1/policies/x"),
        ("PUT", "/v1/data/x"),
        ("PATCH", "/v1/data/x"),
        ("DELETE", "/v1/data/x"),
        ("PUT", "/v1/data"),
    ] {
        let request = server
            .client
            .request(method.parse().unwrap(), format!("{}{path}", server.base));
        let (status, body) = server.json(request.body("package x")).await;
        assert_eq!(
            (status, body["code"].as_str()),
            (StatusCode::FORBIDDEN, Some("invalid_operation")),
            "{method} {path}"
        );
        assert!(
            body["message"].as_str().unwrap().contains("stele policy propose"),
            "{body}"
        );
    }
    server.stop();
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let server = Fixture::start(config());
    let (status, body) = server.json(server.get("/v2/data")).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::NOT_FOUND, Some("resource_not_found"))
    );
    let request = server.client.delete(format!("{}/v1/query", server.base));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, POST");
    let (status, _) = server.json(server.get("/v1/data/a//b")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    server.stop();
}

#[tokio::test]
async fn policies_in_force_are_listed_with_their_text() {
    let server = Fixture::start(config());
    let (_, body) = server.json(server.get("/v1/policies")).await;
    let modules = body["result"].as_array().unwrap();
    assert_eq!(modules.len(), 3);
    assert!(
        modules
            .iter()
            .all(|module| module["id"].is_string() && module["raw"].as_str().unwrap().contains("package"))
    );
    let (_, body) = server.json(server.get("/v1/policies/kubernetes/admission")).await;
    assert_eq!(body["result"]["policy"]["severity"], "high");
    let module = modules[0]["id"].as_str().unwrap();
    let (_, body) = server.json(server.get(&format!("/v1/policies/{module}"))).await;
    assert_eq!(body["result"]["raw"], modules[0]["raw"]);
    assert_eq!(
        server.json(server.get("/v1/policies/none")).await.0,
        StatusCode::NOT_FOUND
    );
    let (_, body) = server.json(server.get("/v1/registry")).await;
    let ids: Vec<&str> = body["result"]["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["broken", "kubernetes/admission", "system/main"]);
    server.stop();
}

#[tokio::test]
async fn ad_hoc_queries_bind_variables() {
    let server = Fixture::start(config());
    let (_, body) = server
        .json(server.get("/v1/query?q=data.system.main.allow%20%3D%20x"))
        .await;
    assert_eq!(body, json!({"result": [{"x": false}]}));
    let query = r#"{"query": "data.system.main.allow = x", "input": {"user": "root"}}"#;
    assert_eq!(
        server.json(server.post("/v1/query", query)).await.1,
        json!({"result": [{"x": true}]})
    );
    assert_eq!(
        server
            .json(server.get("/v1/query?q=1%3D%3D2&explain=off"))
            .await
            .1,
        json!({}),
        "nothing matches"
    );
    let (_, traced) = server
        .json(server.get("/v1/query?q=1%3D%3D2&explain=fails&pretty"))
        .await;
    let lines = traced["explanation"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line.as_str().unwrap().contains("Fail 1 = 2")),
        "{traced:#}"
    );
    let (_, traced) = server.json(server.get("/v1/query?q=1%3D%3D2&explain=full")).await;
    assert_eq!(traced["explanation"][0]["op"], "enter", "{traced:#}");
    let (status, body) = server.json(server.get("/v1/query?q=x%20%3A%3D%20%3A%3D")).await;
    assert_eq!(
        (status, body["errors"][0]["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("rego_parse_error"))
    );
    assert_eq!(
        server.json(server.get("/v1/query")).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        server.json(server.post("/v1/query", "{}")).await.0,
        StatusCode::BAD_REQUEST
    );
    server.stop();
}

#[tokio::test]
async fn health_config_status_and_metrics_answer() {
    let server = Fixture::start(config());
    for path in [
        "/health",
        "/health?bundles",
        "/health?bundles=true&plugins",
        "/health/live",
        "/health/ready",
    ] {
        assert_eq!(
            server.json(server.get(path)).await,
            (StatusCode::OK, json!({})),
            "{path}"
        );
    }
    let (_, body) = server.json(server.get("/v1/config")).await;
    assert_eq!(body["result"]["limits"]["json_depth"], 128);
    let (_, body) = server.json(server.get("/v1/status")).await;
    assert_eq!(body["result"]["bundles"]["broken"]["name"], "broken");
    server
        .json(server.post(
            "/v1/data/kubernetes/admission/deny",
            r#"{"input": {"privileged": true}}"#,
        ))
        .await;
    server
        .json(server.post("/v1/data/broken/two", r#"{"input": {"x": 1}}"#))
        .await;
    server.json(server.post("/v1/data/made/up", "{}")).await;
    let response = server.get("/metrics").send().await.unwrap();
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let page = response.text().await.unwrap();
    for line in [
        "stele_decisions_total{policy_id=\"kubernetes/admission\",decision=\"deny\"} 1",
        "stele_decision_errors_total{policy_id=\"broken\",code=\"eval_conflict_error\"} 1",
        "stele_evaluation_duration_seconds_count{policy_id=\"kubernetes/admission\"} 1",
        "http_request_duration_seconds_count{code=\"200\",handler=\"v1/data\",method=\"post\"} 2",
        "stele_policies_in_force 3",
        "stele_ledger_leaves 3",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is not in\n{page}"
        );
    }
    assert!(!page.contains("made/up"), "callers can't make label values");
    server.stop();
}

#[tokio::test]
async fn slow_clients_are_cut_and_the_rest_is_served() {
    let mut config = config();
    config.connections.header_ms = 200;
    config.connections.body_ms = 200;
    let server = Fixture::start(config);
    let addr = server.base.strip_prefix("http://").unwrap().to_owned();
    let mut silent = TcpStream::connect(&addr).unwrap();
    silent
        .write_all(b"POST /v1/data/system/main HTTP/1.1\r\nhost: x\r\n")
        .unwrap();
    let mut stuck = TcpStream::connect(&addr).unwrap();
    stuck
        .write_all(b"POST /v1/data/system/main HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        .unwrap();
    assert_eq!(
        server.json(server.post("/v1/data/system/main", "{}")).await.0,
        StatusCode::OK
    );
    for stream in [&mut silent, &mut stuck] {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    let mut answer = String::new();
    let ended = silent.read_to_string(&mut answer);
    assert!(
        ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset,
        "cut, not hung"
    );
    let mut answer = [0; 12];
    stuck.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    server.stop();
}

/// An answer leaves when it is there, whatever else the client has sent: kept back until nothing more is to be read, answers of a client that asks many things
/// at once took a gigabyte.
#[tokio::test]
async fn an_answer_waits_for_no_further_request() {
    let server = Fixture::start(config());
    let addr = server.base.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET /health HT")
        .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    server.stop();
}

/// One that asks and asks and never reads keeps its connection, and what waits for it, no longer than one that does not send.
#[tokio::test]
async fn a_client_that_never_reads_shuts_nobody_out() {
    let mut config = config();
    config.connections.body_ms = 200;
    config.connections.max = 1;
    let server = Fixture::start(config);
    let addr = server.base.strip_prefix("http://").unwrap().to_owned();
    let greedy = tokio::task::spawn_blocking(move || {
        let mut greedy = TcpStream::connect(&addr).unwrap();
        greedy
            .set_write_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        // Until both ends' buffers are full.
        let ask = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000);
        let mut asked = 0;
        while asked < 1_000 && greedy.write_all(&ask).is_ok() {
            asked += 1;
        }
        greedy
    });
    let greedy = greedy.await.unwrap();
    let others = server.json(server.post("/v1/data/system/main", "{}"));
    let served = tokio::time::timeout(Duration::from_secs(60), others).await;
    assert_eq!(served.expect("the others are served").0, StatusCode::OK);
    drop(greedy);
    server.stop();
}

#[tokio::test]
async fn shutdown_answers_what_is_under_way_and_frees_the_port() {
    let server = Fixture::start(config());
    let addr: std::net::SocketAddr = server.base.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(addr).unwrap();
    stream
        .write_all(
            b"POST /v1/data/system/main HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n",
        )
        .unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // Whoever waits for the body has begun with the request.
    let mut asks = [0; 25];
    stream.read_exact(&mut asks).unwrap();
    assert_eq!(&asks, b"HTTP/1.1 100 Continue\r\n\r\n");
    let stopping = std::thread::spawn(move || drop(server.stop()));
    let started = std::time::Instant::now();
    while TcpStream::connect(addr).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never stops");
        std::thread::sleep(Duration::from_millis(5));
    }
    stream.write_all(b"{}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    stopping.join().unwrap();
    let again = Fixture::start(stele_server::ServerConfig {
        listen: addr,
        ..config()
    });
    assert_eq!(again.json(again.get("/health")).await.0, StatusCode::OK);
    again.stop();
}

#[test]
fn the_description_covers_exactly_the_routes() {
    let document: Value = serde_json::from_str(stele_server::openapi_document()).unwrap();
    assert_eq!(
        document["openapi"].as_str().map(|version| &version[..4]),
        Some("3.1.")
    );
    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters")
        {
            described.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    let mut routes: Vec<String> = ROUTES
        .iter()
        .map(|route| format!("{} {}", route.method, route.template.replace("{*", "{")))
        .collect();
    described.sort();
    routes.sort();
    assert_eq!(described, routes);
}

#[test]
fn the_description_is_valid_openapi() {
    let schema: Value = serde_json::from_str(include_str!("data/openapi-3.1.schema.json")).unwrap();
    let document: Value = serde_json::from_str(stele_server::openapi_document()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut broken = document;
    broken["paths"]["/health"]["get"]["responses"] = json!([]);
    assert!(!validator.is_valid(&broken), "the schema does look at operations");
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    let document: Value = serde_json::from_str(stele_server::openapi_document()).unwrap();
    let mut waiting = vec![&document];
    let mut seen = 0;
    while let Some(value) = waiting.pop() {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            seen += 1;
            assert!(
                document.pointer(target.strip_prefix('#').unwrap()).is_some(),
                "{target}"
            );
        }
        match value {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(seen > 50);
}

/// One request on a connection that stays open, or on one that is kept waiting.
async fn ask_on(stream: &mut tokio::net::TcpStream) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    stream
        .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn beyond_the_limit_of_connections_clients_wait_and_are_served_in_turn() {
    let mut config = config();
    config.connections.max = 2;
    let server = Fixture::start(config);
    let address = server.base.trim_start_matches("http://").to_owned();
    let connect = || tokio::net::TcpStream::connect(address.clone());
    let (mut first, mut second) = (connect().await.unwrap(), connect().await.unwrap());
    assert!(ask_on(&mut first).await.starts_with("HTTP/1.1 200"));
    assert!(ask_on(&mut second).await.starts_with("HTTP/1.1 200"));
    let mut third = connect().await.unwrap();
    let waiting = ask_on(&mut third);
    tokio::pin!(waiting);
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "two are open, the third must wait: {early:?}");
    assert!(
        ask_on(&mut second).await.starts_with("HTTP/1.1 200"),
        "those inside go on"
    );
    drop(first);
    assert!(waiting.await.starts_with("HTTP/1.1 200"));
    server.stop();
}

#[tokio::test]
async fn queries_are_evaluated_partially() {
    let server = Fixture::start(config());
    let compile = |body: serde_json::Value| server.json(server.post("/v1/compile", body.to_string()));
    let (status, body) = compile(json!({"query": "data.system.main.allow == true"})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let user = json!({"type": "ref", "value": [
        {"type": "var", "value": "input"}, {"type": "string", "value": "user"}
    ]});
    let eq = json!({"type": "ref", "value": [{"type": "var", "value": "eq"}]});
    let root = json!({"type": "string", "value": "root"});
    assert_eq!(
        body,
        json!({"result": {"queries": [[{"index": 0, "terms": [eq, user, root]}]]}})
    );
    let known = json!({
        "query": "data.system.main.allow == true", "input": {"user": "root"}, "unknowns": ["input.other"]
    });
    assert_eq!(
        compile(known).await.1,
        json!({"result": {"queries": [[]]}}),
        "always"
    );
    let known = json!({
        "query": "data.system.main.allow == true", "input": {"user": "bob"}, "unknowns": ["input.other"]
    });
    assert_eq!(compile(known).await.1, json!({"result": {}}), "never");
    let kept = json!({
        "query": "data.system.main.allow == true", "options": {"disableInlining": ["data.system.main.allow"]}
    });
    let (_, body) = compile(kept).await;
    assert_eq!(
        body["result"]["support"][0]["package"]["path"],
        json!([
            {"type": "var", "value": "data"},
            {"type": "string", "value": "partial"},
            {"type": "string", "value": "system"},
            {"type": "string", "value": "main"}
        ])
    );
    for (wrong, says) in [
        (json!({}), "query"),
        (json!({"query": "x := :="}), "error"),
        (
            json!({"query": "data.system.main.allow", "unknowns": ["nope"]}),
            "nope",
        ),
        (
            json!({"query": "data.system.main.allow", "unknowns": 1}),
            "unknowns",
        ),
        (
            json!({"query": "data.system.main.allow", "options": []}),
            "options",
        ),
        (json!({"query": "data.nobody.allow"}), "policy"),
    ] {
        let (status, body) = compile(wrong.clone()).await;
        assert_eq!(
            (status, body["code"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid_parameter")),
            "{wrong}"
        );
        assert!(body["message"].as_str().unwrap().contains(says), "{body}");
    }
    let metrics = server.post("/v1/compile?metrics&pretty", r#"{"query": "1 == 1"}"#);
    let (_, body) = server.json(metrics).await;
    assert!(
        body["metrics"]["timer_rego_partial_eval_ns"].is_number(),
        "{body}"
    );
    server.stop();
}
