//! Decisions that ask other hosts: answers, records, explanations, limits, and what waits for whom.
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

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::StatusCode;
use serde_json::{Value, json};
use stele_pdp::{PolicyInForce, PolicyOptions, Snapshot};
use stele_server::ServerConfig;
use stele_types::PolicyId;
use support::{Fixture, bundle_of, config};

const OWNERS: &str = "# METADATA\n# custom:\n#   id: owners\npackage owners\n\n\
    default allow := false\n\n\
    allow if input.user in response.body.owners\n\n\
    response := http.send({\"method\": \"get\", \"url\": input.url, \"headers\": {\"x-user\": input.user}, \"timeout\": \"60s\"})\n\n\
    id := uuid.rfc4122(\"id\")\n";
const PLAIN: &str = "# METADATA\n# custom:\n#   id: plain\npackage plain\n\ndefault allow := true\n";

fn snapshot(policies: &[(&str, &str)]) -> Snapshot {
    let policies = policies.iter().map(|(id, text)| {
        let built = bundle_of(id, text);
        let id = PolicyId::new(id).unwrap();
        Arc::new(
            PolicyInForce::from_bundle(&built.bytes, &id, built.digest, PolicyOptions::default()).unwrap(),
        )
    });
    Snapshot::new(policies).unwrap()
}

fn allowing() -> ServerConfig {
    let mut config = config();
    config.nd_builtins.allow_net = vec!["127.0.0.1".to_owned()];
    config
}

/// Answers each request on a connection of its own with alice and bob as owners; requests for `/wait` are answered when all of `together`
/// have come.
fn peer(together: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let count = Arc::<AtomicUsize>::default();
    let (counted, gate) = (Arc::clone(&count), Arc::new(std::sync::Barrier::new(together)));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (counted, gate) = (Arc::clone(&counted), Arc::clone(&gate));
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut first = String::new();
                reader.read_line(&mut first).unwrap();
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                counted.fetch_add(1, Ordering::Relaxed);
                if first.contains("/never") {
                    let _ = reader.read(&mut [0]);
                    return;
                }
                if first.contains("/wait") {
                    gate.wait();
                }
                let body = r#"{"owners": ["alice", "bob"]}"#;
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = reader.get_mut().write_all(answer.as_bytes());
            });
        }
    });
    (addr, count)
}

fn input(user: &str, url: &str) -> String {
    json!({"input": {"user": user, "url": url}}).to_string()
}

async fn record(server: &Fixture, answer: &Value) -> Value {
    let id = answer["decision_id"].as_str().unwrap();
    let (status, body) = server.json(server.get(&format!("/v1/decisions/{id}"))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["result"].clone()
}

#[tokio::test]
async fn an_answer_from_outside_is_recorded_and_explained_without_asking_again() {
    let (addr, asked) = peer(1);
    let server = Fixture::start_with(allowing(), snapshot(&[("owners", OWNERS)]));
    let url = format!("http://{addr}/owners?a=b&c=d");
    for (user, allowed) in [("alice", true), ("eve", false)] {
        let (status, answer) = server
            .json(server.post("/v1/data/owners/allow", input(user, &url)))
            .await;
        assert_eq!(
            (status, &answer["result"]),
            (StatusCode::OK, &json!(allowed)),
            "{answer}"
        );
        let record = record(&server, &answer).await;
        let calls = record["nd_builtin_cache"]["http.send"].as_object().unwrap();
        let (key, response) = calls.iter().next().unwrap();
        let key: Value = serde_json::from_str(key).unwrap();
        assert_eq!(key[0]["headers"]["x-user"], user);
        assert_eq!(response["body"]["owners"], json!(["alice", "bob"]));
        let id = record["decision_id"].as_str().unwrap();
        let explained = server.get(&format!("/v1/decisions/{id}/explain"));
        let explained = explained.send().await.unwrap();
        assert_eq!(explained.status(), StatusCode::OK);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2, "explanations ask nobody");
    let (_, answer) = server
        .json(server.post("/v1/data/owners?explain=full", input("bob", &url)))
        .await;
    assert!(answer["explanation"].is_array(), "{answer}");
    assert_eq!(answer["result"]["id"].as_str().unwrap().len(), 36);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    server.stop();
}

#[tokio::test]
async fn hosts_that_are_not_listed_are_not_asked_and_the_refusal_is_on_record() {
    let (addr, asked) = peer(1);
    let url = format!("http://{addr}/");
    let mut other = config();
    other.nd_builtins.allow_net = vec!["api.example.com".to_owned()];
    for config in [config(), other] {
        let server = Fixture::start_with(config, snapshot(&[("owners", OWNERS)]));
        let (status, answer) = server
            .json(server.post("/v1/data/owners/allow", input("alice", &url)))
            .await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
        let error = &answer["errors"][0];
        assert_eq!(error["code"], "eval_builtin_error");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("server.nd_builtins.allow_net"), "{message}");
        assert_eq!(error["location"]["row"], 10);
        let record = record(&server, &answer).await;
        assert!(
            record["error"].as_str().unwrap().contains("allow_net"),
            "{record}"
        );
        assert_eq!(record["nd_builtin_cache"], Value::Null);
        server.stop();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_decision_that_waits_holds_up_no_other() {
    const WAITING: usize = 6;
    let (addr, asked) = peer(WAITING);
    let mut config = allowing();
    config.workers = 1;
    config.limits.eval_ms = 60_000;
    let server = Fixture::start_with(config, snapshot(&[("owners", OWNERS), ("plain", PLAIN)]));
    let url = format!("http://{addr}/wait");
    let ask = || server.post("/v1/data/owners/allow", input("alice", &url)).send();
    // Nobody is answered before all have asked, and there is one worker.
    let first: Vec<_> = (1..WAITING).map(|_| tokio::spawn(ask())).collect();
    while asked.load(Ordering::Relaxed) < WAITING - 1 {
        tokio::task::yield_now().await;
    }
    let (status, answer) = server.json(server.post("/v1/data/plain/allow", "{}")).await;
    assert_eq!((status, &answer["result"]), (StatusCode::OK, &json!(true)));
    let mut all = first;
    all.push(tokio::spawn(ask()));
    for waiting in all {
        let answer: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
        assert_eq!(answer["result"], json!(true), "{answer}");
    }
    server.stop();
}

#[tokio::test]
async fn waiting_counts_against_the_decisions_time() {
    let (addr, _) = peer(1);
    let mut config = allowing();
    config.limits.eval_ms = 50;
    let server = Fixture::start_with(config, snapshot(&[("owners", OWNERS)]));
    let url = format!("http://{addr}/never");
    let (status, answer) = server
        .json(server.post("/v1/data/owners/allow", input("alice", &url)))
        .await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer["errors"][0]["code"], "eval_time_limit_error", "{answer}");
    server.stop();
}

#[tokio::test]
async fn what_was_answered_is_masked_and_erased_with_the_rest() {
    let (addr, _) = peer(1);
    let mask = "# METADATA\n# custom:\n#   id: system/log\npackage system.log\n\n\
        mask contains \"/nd_builtin_cache\" if input.input.user == \"bob\"\n";
    let server = Fixture::start_with(allowing(), snapshot(&[("owners", OWNERS), ("system/log", mask)]));
    let url = format!("http://{addr}/");
    let ask = async |user: &str| {
        let (_, answer) = server
            .json(server.post("/v1/data/owners/allow", input(user, &url)))
            .await;
        assert_eq!(answer["result"], json!(true));
        answer
    };
    let masked = ask("bob").await;
    let seen = record(&server, &masked).await;
    assert_eq!(
        (&seen["nd_builtin_cache"], &seen["erased"]),
        (&Value::Null, &json!(["/nd_builtin_cache"]))
    );
    let kept = ask("alice").await;
    assert!(record(&server, &kept).await["nd_builtin_cache"].is_object());
    let id = kept["decision_id"].as_str().unwrap();
    let erase = server.post(&format!("/v1/decisions/{id}/erase"), r#"{"reason": "asked for"}"#);
    assert_eq!(server.json(erase).await.0, StatusCode::OK);
    let seen = record(&server, &kept).await;
    assert_eq!(
        (&seen["nd_builtin_cache"], &seen["input"]),
        (&Value::Null, &Value::Null),
        "{seen}"
    );
    assert_eq!(seen["erased"], json!(["/nd_builtin_cache", "/input"]));
    for answer in [masked, kept] {
        let id = answer["decision_id"].as_str().unwrap();
        let proof = server
            .get(&format!("/v1/decisions/{id}/proof"))
            .send()
            .await
            .unwrap();
        let bundle = stele_ledger::ProofBundle::from_json(&proof.bytes().await.unwrap()).unwrap();
        stele_ledger::verify(&bundle, support::log_key().verifier()).unwrap();
        let explained = server
            .get(&format!("/v1/decisions/{id}/explain"))
            .send()
            .await
            .unwrap();
        assert_eq!(explained.status(), StatusCode::CONFLICT);
    }
    server.stop();
}

/// Asks the peer itself, as the last of those that it waits for.
fn release(peer: SocketAddr) {
    let mut stream = std::net::TcpStream::connect(peer).unwrap();
    stream
        .write_all(b"GET /wait HTTP/1.1\r\nhost: peer\r\n\r\n")
        .unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
}

async fn recorded(server: &Fixture) -> Vec<Value> {
    let (status, body) = server.json(server.get("/v1/decisions")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["result"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_a_record_all_the_same() {
    let (addr, asked) = peer(2);
    let mut config = allowing();
    config.limits.eval_ms = 60_000;
    // The next connection is served when the one before it has ended.
    config.connections.max = 1;
    let server = Fixture::start_with(config, snapshot(&[("owners", OWNERS)]));
    let body = input("alice", &format!("http://{addr}/wait"));
    let address = server.base.strip_prefix("http://").unwrap();
    let mut caller = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /v1/data/owners/allow HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}",
        body.len()
    );
    caller
        .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
        .unwrap();
    while asked.load(Ordering::Relaxed) < 1 {
        tokio::task::yield_now().await;
    }
    drop(caller);
    assert_eq!(
        recorded(&server).await,
        Vec::<Value>::new(),
        "nothing is decided yet"
    );
    release(addr);
    let records = loop {
        let records = recorded(&server).await;
        if !records.is_empty() {
            break records;
        }
    };
    assert_eq!(records.len(), 1);
    let id = records[0]["decision_id"].as_str().unwrap();
    let (_, record) = server.json(server.get(&format!("/v1/decisions/{id}"))).await;
    assert_eq!(record["result"]["result"], json!(true), "{record}");
    assert!(record["result"]["nd_builtin_cache"]["http.send"].is_object());
    let metrics = server.text("/metrics").await;
    assert!(
        metrics.contains("stele_decisions_total{policy_id=\"owners\",decision=\"allow\"} 1"),
        "{metrics}"
    );
    server.stop();
}

#[tokio::test]
async fn so_many_wait_for_a_place_and_so_long() {
    for (waiting, waiting_ms) in [(0, 60_000), (8, 1)] {
        let (addr, asked) = peer(2);
        let mut config = allowing();
        config.limits.eval_ms = 60_000;
        config.nd_builtins.concurrent = 1;
        config.nd_builtins.waiting = waiting;
        config.nd_builtins.waiting_ms = waiting_ms;
        let server = Fixture::start_with(config, snapshot(&[("owners", OWNERS), ("plain", PLAIN)]));
        let url = format!("http://{addr}/wait");
        let first = tokio::spawn(server.post("/v1/data/owners/allow", input("alice", &url)).send());
        while asked.load(Ordering::Relaxed) < 1 {
            tokio::task::yield_now().await;
        }
        let (status, answer) = server
            .json(server.post("/v1/data/owners/allow", input("alice", &url)))
            .await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("remote_busy")),
            "{answer}"
        );
        let (status, _) = server.json(server.post("/v1/data/plain/allow", "{}")).await;
        assert_eq!(status, StatusCode::OK, "what asks nobody waits for nobody");
        release(addr);
        let answer: Value = first.await.unwrap().unwrap().json().await.unwrap();
        assert_eq!(answer["result"], json!(true), "{answer}");
        assert_eq!(asked.load(Ordering::Relaxed), 2, "the one refused asked nobody");
        server.stop();
    }
}
