//! `stele audit fsck` beside a running node that is of another version.
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

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use support::{Ran, Site};

/// Answers one request: the version to whoever asks for the status, else what it was given.
fn answer(mut stream: TcpStream, status: u16, body: &Value) {
    let mut request = Vec::new();
    let mut part = [0; 4_096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&part[..length]),
        }
    }
    let (status, body) = if request.starts_with(b"GET /v1/status ") {
        (200, json!({"result": {"version": "0.0.9"}}))
    } else {
        (status, body.clone())
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes());
}

/// Runs fsck where the data directory's node answers like this.
fn beside(site: &Site, status: u16, body: Value) -> Ran {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let path = site.data().join("node.json");
    let mut running: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    running["url"] = json!(url);
    std::fs::write(&path, running.to_string()).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), status, &body);
        }
    });
    site.run(&["audit", "fsck", "--offline", "--format", "json"])
}

#[test]
fn a_node_of_another_version_is_named() {
    let site = Site::new();
    let node = site.up();
    let report = json!({"decisions": 1, "files": 1, "tiles": 1, "anchors": 0, "problems": []});
    let both = [
        "Stele 0.0.9",
        &format!("this command is Stele {}", env!("CARGO_PKG_VERSION")),
    ];

    // What an earlier one leaves out is not made up.
    let ran = beside(&site, 200, json!({"sound": true, "result": report}));
    assert!(ran.err.contains("of an earlier version"), "{}", ran.err);
    let out: Value = serde_json::from_str(&ran.exits(0)).unwrap();
    assert_eq!(
        (&out["sound"], &out["report"]["tolerance_s"]),
        (&json!(true), &Value::Null)
    );

    let unsound = json!({"result": report});
    let unknown = json!({"code": "invalid_parameter", "message": "unknown field `tolerance_s`"});
    let missing = json!({"code": "resource_not_found", "message": "no such path"});
    for (status, body, why) in [
        (200, unsound, "missing field `sound`"),
        (
            200,
            json!({"sound": true, "result": {}}),
            "missing field `decisions`",
        ),
        (400, unknown, "unknown field `tolerance_s`"),
        (404, missing, "no such path"),
    ] {
        beside(&site, status, body).fails(3, &[why, both[0], both[1], "restart the node"]);
    }
    node.interrupt();
}
