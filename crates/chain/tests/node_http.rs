//! The JSON-RPC protocol and the HTTP server around the embedded node: batches, malformed input, limits, shutdown.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops by panicking"
)]

mod common;

use std::sync::Arc;

use common::{account, options};
use serde_json::{Value, json};
use stele_chain::node::{Node, NodeServer};

fn node() -> (tempfile::TempDir, Arc<Node>) {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    (dir, node)
}

fn ask(node: &Node, body: &str) -> Value {
    serde_json::from_slice(&node.handle(body.as_bytes())).unwrap()
}

fn call(node: &Node, method: &str, params: Value) -> Value {
    ask(
        node,
        &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string(),
    )
}

fn code(answer: &Value) -> i64 {
    answer["error"]["code"]
        .as_i64()
        .unwrap_or_else(|| panic!("no error: {answer}"))
}

#[test]
fn protocol_errors_have_their_codes() {
    let (_dir, node) = node();
    for (body, expected) in [
        ("", -32700),
        ("{", -32700),
        ("[]", -32600),
        ("3", -32600),
        (r#"{"id":1}"#, -32600),
        (r#"{"id":{},"method":"eth_chainId"}"#, -32600),
        (r#"{"id":1,"method":"eth_nothing"}"#, -32601),
        (r#"{"id":1,"method":"eth_sendTransaction","params":[{}]}"#, -32601),
        (r#"{"id":1,"method":"eth_chainId","params":{"a":1}}"#, -32602),
        (r#"{"id":1,"method":"eth_getBalance","params":[]}"#, -32602),
        (r#"{"id":1,"method":"eth_getBalance","params":["0x12"]}"#, -32602),
        (
            r#"{"id":1,"method":"eth_getBlockByNumber","params":["newest",false]}"#,
            -32602,
        ),
        (
            r#"{"id":1,"method":"eth_call","params":[{"to":"0x0000000000000000000000000000000000000001"},"latest",{"0x0000000000000000000000000000000000000001":{"balance":"0x1"}}]}"#,
            -32602,
        ),
        (
            r#"{"id":1,"method":"eth_sendRawTransaction","params":["0x"]}"#,
            -32000,
        ),
        (
            r#"{"id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x5","toBlock":"0x1"}]}"#,
            -32602,
        ),
        (
            r#"{"id":1,"method":"eth_getFilterChanges","params":["0x99"]}"#,
            -32000,
        ),
        (
            r#"{"id":1,"method":"eth_feeHistory","params":["0x4","0x99",[]]}"#,
            -32000,
        ),
        (
            r#"{"id":1,"method":"eth_feeHistory","params":["0x4","latest",[50,20]]}"#,
            -32602,
        ),
    ] {
        assert_eq!(code(&ask(&node, body)), expected, "{body}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(code(&ask(&node, &deep)), -32700);
    let text = call(&node, "eth_getBalance", json!([]))["error"]["message"].clone();
    assert_eq!(text, "missing value for required argument 0");
}

#[test]
fn batches_keep_order_and_leave_notifications_unanswered() {
    let (_dir, node) = node();
    let batch = json!([
        {"jsonrpc": "2.0", "id": "a", "method": "eth_chainId"},
        {"jsonrpc": "2.0", "method": "eth_blockNumber"},
        7,
        {"jsonrpc": "2.0", "id": 2, "method": "no_such"},
    ]);
    let answers = ask(&node, &batch.to_string());
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 3);
    assert_eq!(
        (&answers[0]["id"], &answers[0]["result"]),
        (&json!("a"), &json!("0x57e1e"))
    );
    assert_eq!((code(&answers[1]), code(&answers[2])), (-32600, -32601));
    let silent = json!([{"jsonrpc": "2.0", "method": "eth_chainId"}]).to_string();
    assert!(node.handle(silent.as_bytes()).is_empty());
    let long = Value::Array(vec![json!({"id": 1, "method": "eth_chainId"}); 1_001]);
    assert_eq!(code(&ask(&node, &long.to_string())), -32600);
}

#[test]
fn a_fresh_chain_answers_what_wallets_ask_first() {
    let (_dir, node) = node();
    let result = |method: &str, params: Value| call(&node, method, params)["result"].clone();
    assert_eq!(result("net_version", json!([])), "359966");
    assert_eq!(result("net_listening", json!([])), true);
    assert_eq!(result("eth_syncing", json!([])), false);
    assert_eq!(result("eth_accounts", json!([])), json!([]));
    assert_eq!(result("eth_gasPrice", json!([])), "0x0");
    assert_eq!(result("eth_maxPriorityFeePerGas", json!([])), "0x0");
    assert_eq!(result("eth_blockNumber", json!([])), "0x0");
    assert_eq!(
        result("eth_getBlockTransactionCountByNumber", json!(["latest"])),
        "0x0"
    );
    assert_eq!(result("eth_getBlockByNumber", json!(["0x1", false])), Value::Null);
    assert_eq!(
        result(
            "eth_getTransactionReceipt",
            json!([format!("0x{}", "00".repeat(32))])
        ),
        Value::Null
    );
    assert_eq!(result("eth_getCode", json!([account(0), "latest"])), "0x");
    assert_eq!(
        result("eth_getStorageAt", json!([account(0), "0x0", "latest"])),
        format!("0x{}", "0".repeat(64))
    );
    assert_eq!(
        result("web3_sha3", json!(["0x"])),
        "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    );
    let history = result("eth_feeHistory", json!([4, "latest", [10, 90]]));
    assert_eq!(history["oldestBlock"], "0x0");
    assert_eq!(history["baseFeePerGas"], json!(["0x0", "0x0"]));
    assert_eq!(history["reward"], json!([["0x0", "0x0"]]));
    let block = result("eth_getBlockByNumber", json!(["latest", true]));
    assert_eq!(block["transactions"], json!([]));
    assert_eq!(block["baseFeePerGas"], "0x0");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_refuses_browsers_and_oversized_bodies() {
    let (_dir, node) = node();
    let server = NodeServer::start(node, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let client = reqwest::Client::builder()
        // A connection that the server hangs up must not be taken for the next request.
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
    let post = || client.post(server.url());
    let good = post()
        .header("content-type", "application/json; charset=utf-8")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(good.status(), 200);
    assert!(good.headers().get("access-control-allow-origin").is_none());
    assert_eq!(good.json::<Value>().await.unwrap()["result"], "0x57e1e");
    let form = post()
        .header("content-type", "text/plain")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 415, "a cross-site form can't send JSON");
    let rebound = post()
        .header("content-type", "application/json")
        .header("host", "evil.example")
        .body(body);
    assert_eq!(rebound.send().await.unwrap().status(), 403);
    let huge = post()
        .header("content-type", "application/json")
        .body(vec![b' '; 6 << 20])
        .send()
        .await;
    // The server may hang up before it has read everything; it must not answer 200.
    assert!(huge.map_or(true, |answer| answer.status() == 413));
    let again = post()
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_frees_port_and_chain() {
    let (dir, node) = node();
    let server = NodeServer::start(node, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = server.address();
    let client = reqwest::Client::new();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
    let post = client
        .post(server.url())
        .header("content-type", "application/json")
        .body(body);
    assert_eq!(post.send().await.unwrap().status(), 200);
    // The client's connection is idle but open; stopping must not wait for it.
    tokio::time::timeout(std::time::Duration::from_secs(3), server.stop())
        .await
        .unwrap()
        .unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    let server = NodeServer::start(node, address).await.unwrap();
    let taken = NodeServer::start(
        Node::open(tempfile::tempdir().unwrap().path(), options()).unwrap(),
        address,
    )
    .await;
    assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_server_stops() {
    let (dir, node) = node();
    let server = NodeServer::start(node, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = server.address();
    tokio::net::TcpStream::connect(address).await.unwrap();
    drop(server);
    let stopped = async {
        while tokio::net::TcpStream::connect(address).await.is_ok()
            || Node::open(dir.path(), options()).is_err()
        {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    // A bound on hangs, not a measurement.
    tokio::time::timeout(std::time::Duration::from_secs(60), stopped)
        .await
        .unwrap();
}
