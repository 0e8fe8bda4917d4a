//! Golden vectors of the byte formats. A change here is a deliberate format break: raise the format's version, and write the
//! files anew with `STELE_WRITE_GOLDEN=1 cargo test -p stele-types --test golden`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::path::PathBuf;

use serde_json::json;
use stele_types::encoding::{self, decode, encode};
use stele_types::{
    BundleRevision, DecisionRecord, Digest, EntryPoint, Leaf, NodeAddress, Number, PolicyId, PolicyVersion,
    Salt, Severity, Timestamp, Value, Violation, sha256,
};

/// Compares with the file, or writes it when asked to; the hash pins the file itself.
fn golden(name: &str, content: &serde_json::Value, pinned: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    // Our own writer sorts keys, whatever features the build turned on in serde_json.
    let content: Value = serde_json::from_value(content.clone()).unwrap();
    let text = format!("{}\n", stele_types::json::to_string_pretty(&content));
    if std::env::var_os("STELE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, stored, "{name} has changed");
    assert_eq!(
        sha256(&[stored.as_bytes()]).to_hex(),
        pinned,
        "{name} has changed, and so must its pinned hash"
    );
}

fn n(text: &str) -> Value {
    Value::Number(Number::parse(text).unwrap())
}

fn s(text: &str) -> Value {
    Value::string(text)
}

/// JSON that can say what JSON can't: `{"number": ..}`, `{"string": ..}`, `{"array": []}`, `{"set": []}`, `{"object": [[k, v]]}`.
fn notation(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => json!(null),
        Value::Bool(b) => json!(b),
        Value::Number(number) => json!({"number": number.to_scientific()}),
        Value::String(text) => json!({"string": text.as_ref()}),
        Value::Array(items) => json!({"array": items.iter().map(notation).collect::<Vec<_>>()}),
        Value::Set(items) => json!({"set": items.iter().map(notation).collect::<Vec<_>>()}),
        Value::Object(map) => {
            json!({"object": map.iter().map(|(k, v)| json!([notation(k), notation(v)])).collect::<Vec<_>>()})
        }
    }
}

fn values() -> Vec<(&'static str, Value)> {
    let deep = (0..5).fold(Value::set([]), |inner, _| {
        Value::array([inner, Value::Bool(true)])
    });
    vec![
        ("null", Value::Null),
        ("false", Value::Bool(false)),
        ("true", Value::Bool(true)),
        ("zero", n("0")),
        ("one", n("1")),
        ("minus one", n("-1")),
        ("smallest fraction", n("1e-18")),
        ("one and a half", n("1.5")),
        ("largest i64", n("9223372036854775807")),
        ("smallest i64", n("-9223372036854775808")),
        (
            "largest plain number",
            n("57896044618658097711785492504343953926634992332820282019728.792003956564819967"),
        ),
        (
            "smallest plain number",
            n("-57896044618658097711785492504343953926634992332820282019728.792003956564819968"),
        ),
        (
            "just too large",
            n("57896044618658097711785492504343953926634992332820282019728.792003956564819968"),
        ),
        ("just too fine", n("1e-19")),
        ("wide negative", n("-12345678901234567890e50")),
        ("empty string", s("")),
        ("ascii string", s("hello")),
        ("string of many planes", s("aé€😀\u{0}")),
        ("empty array", Value::array([])),
        ("array", Value::array([Value::Null, n("2"), s("x")])),
        ("nested arrays", deep),
        ("empty object", Value::object([])),
        (
            "object",
            Value::object([
                (s("b"), n("1")),
                (s("a"), Value::Null),
                (s("aa"), Value::Bool(true)),
            ]),
        ),
        (
            "object with keys of every kind",
            Value::object([
                (Value::Null, n("0")),
                (Value::Bool(true), n("1")),
                (n("10"), n("2")),
                (n("9.5"), n("3")),
                (s("9"), n("4")),
                (Value::array([n("1")]), n("5")),
                (Value::object([(s("k"), s("v"))]), n("6")),
                (Value::set([n("1")]), n("7")),
            ]),
        ),
        ("empty set", Value::set([])),
        (
            "set",
            Value::set([s("b"), s("a"), n("3"), Value::set([n("1"), n("2")])]),
        ),
        (
            "an input",
            Value::object([(
                s("user"),
                Value::object([
                    (s("name"), s("bob")),
                    (s("roles"), Value::array([s("dev"), s("ops")])),
                ]),
            )]),
        ),
    ]
}

#[test]
fn value_encoding() {
    let vectors: Vec<_> = values()
        .into_iter()
        .map(|(name, value)| {
            let bytes = encode(&value).unwrap();
            assert_eq!(
                decode(&bytes, &encoding::Limits::default()).unwrap(),
                value,
                "{name}"
            );
            json!({"name": name, "value": notation(&value), "hex": hex::encode(bytes)})
        })
        .collect();
    let tags: std::collections::BTreeSet<_> = values().iter().map(|(_, v)| encode(v).unwrap()[0]).collect();
    assert_eq!(
        tags.into_iter().collect::<Vec<_>>(),
        (0..=8).collect::<Vec<_>>(),
        "every tag has a vector"
    );
    golden(
        "value-encoding.json",
        &json!(vectors),
        "6ea9a5ec920c5767b5a6521c0cd48451019f14eea3d1362e5aa41342a86332ec",
    );
}

fn record() -> DecisionRecord {
    let mut record = DecisionRecord::new(
        "0190b3c2-7d2e-7c4a-9a43-0d2f6a1b5c3d".parse().unwrap(),
        Timestamp(1_767_323_045_000_000_006),
        NodeAddress([0x11; 20]),
        PolicyId::new("kubernetes/admission").unwrap(),
        PolicyVersion(Digest([0x22; 32])),
        EntryPoint::new("kubernetes/admission/deny").unwrap(),
        Digest([0x33; 32]),
        Salt([0x44; 32]),
        Salt([0x55; 32]),
    );
    record.input = Some(Value::object([
        (s("user"), s("bob")),
        (s("amount"), n("0.1234567890123456789012345")),
    ]));
    record.result = Some(Value::array([s("no")]));
    record.labels.insert("region".into(), "eu".into());
    record.metrics.insert("timer_rego_query_eval_ns".into(), u64::MAX);
    record
        .bundles
        .insert("main".into(), BundleRevision { revision: "7".into() });
    record.nd_builtin_cache = Some(Value::object([(s("time.now_ns"), n("1"))]));
    record.requested_by = Some("127.0.0.1:1".into());
    record.actor = Some("bob".into());
    record.resource = Some("Pod/default/web".into());
    record.enforcement_point = Some("admission".into());
    record.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".into());
    record.span_id = Some("00f067aa0ba902b7".into());
    record.latency_ns = (1 << 53) + 1;
    record.violations.push(Violation {
        policy_id: record.policy_id.clone(),
        rule: "deny".into(),
        message: "no".into(),
        severity: Severity::High,
        resource: Some("Pod/default/web".into()),
        remediation: Some("yes".into()),
        controls: vec!["nist-800-53-r5:AC-6".into()],
    });
    record
}

#[test]
fn leaf() {
    let leaf = record().leaf().unwrap();
    let bytes = leaf.to_bytes();
    assert_eq!(Leaf::from_bytes(&bytes), Ok(leaf));
    let words: Vec<_> = bytes.chunks(32).map(hex::encode).collect();
    golden(
        "leaf.json",
        &json!({"words": words, "leaf_hash": sha256(&[&[0], &bytes]).to_hex()}),
        "b4ba6542324d289c652282ecb450ce16950109047a0ab50e245af441a3a2d104",
    );
}

#[test]
fn record_commitment() {
    let record = record();
    let stored: serde_json::Value = serde_json::from_slice(&record.to_json().unwrap()).unwrap();
    let undefined = {
        let mut record = record.clone();
        (record.input, record.result) = (None, None);
        record.leaf().unwrap()
    };
    let leaf = record.leaf().unwrap();
    golden(
        "record.json",
        &json!({
            "record": String::from_utf8(record.to_json().unwrap()).unwrap(),
            "fields": stored.as_object().unwrap().keys().collect::<std::collections::BTreeSet<_>>(),
            "violations_commitment": record.commit_violations().unwrap(),
            "nd_builtin_cache_commitment": record.commit_nd_builtin_cache().unwrap(),
            "input_commitment": leaf.input_commitment,
            "result_digest": leaf.result_digest,
            "detail_commitment": leaf.detail_commitment,
            "input_commitment_when_undefined": undefined.input_commitment,
            "result_digest_when_undefined": undefined.result_digest,
        }),
        "de2e4502119e30616e0010c68da47d47c376dbf319731944d789c483237b456c",
    );
}
