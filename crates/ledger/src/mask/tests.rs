use stele_types::{
    DecisionId, Digest, EntryPoint, NodeAddress, Part, PolicyId, PolicyVersion, Salt, Timestamp, Violation,
    json,
};

use super::*;

fn v(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

fn record() -> DecisionRecord {
    let mut record = DecisionRecord::new(
        DecisionId::from_time_and_random(Timestamp(1), &[0; 10]),
        Timestamp(1),
        NodeAddress([1; 20]),
        PolicyId::new("a").unwrap(),
        PolicyVersion(Digest([2; 32])),
        EntryPoint::new("a/deny").unwrap(),
        Digest([3; 32]),
        Salt([4; 32]),
        Salt([5; 32]),
    );
    record.input = Some(v(
        r#"{"user":{"name":"bob","password":"hunter2"},"list":[{"k":"s3cret"},2],"a/b":1}"#,
    ));
    record.result = Some(Value::set([v(r#"{"msg":"hunter2 is weak"}"#)]));
    record.nd_builtin_cache = Some(v(r#"{"time.now_ns":{"[]":1}}"#));
    record.violations = vec![Violation {
        policy_id: record.policy_id.clone(),
        rule: "deny".into(),
        message: "hunter2 is weak".into(),
        severity: stele_types::Severity::Low,
        resource: None,
        remediation: None,
        controls: vec![],
    }];
    record
}

fn masked(mask: &str) -> DecisionRecord {
    let mut masked = record();
    apply(&mut masked, &parse(&v(mask)).unwrap()).unwrap();
    let check = masked.check(&record().leaf().unwrap()).unwrap();
    assert!(check.is_consistent(), "{check:?}");
    masked
}

#[test]
fn strings_remove() {
    let out = masked(
        r#"["/input/user/password", "/input/list/0", "/input/a~1b", "/input/absent", "/input/list/9"]"#,
    );
    assert_eq!(out.input, Some(v(r#"{"user":{"name":"bob"},"list":[null,2]}"#)));
    assert_eq!(
        out.erased,
        [
            "/input/user/password",
            "/input/list/0",
            "/input/a~1b",
            "/nd_builtin_cache"
        ],
        "the calls of impure builtins repeat the input"
    );
    assert!(out.nd_builtin_cache.is_none() && out.nd_builtin_cache_commitment.is_some());
    assert!(out.masked.is_empty() && out.input_salt.is_none());
    assert!(out.result.is_some() && !out.violations.is_empty());
}

#[test]
fn objects_remove_and_upsert() {
    let out = masked(
        r#"[{"op":"upsert","path":"/input/user/password","value":"**"},{"op":"remove","path":"/input/list"},
            {"op":"upsert","path":"/input/new/deep","value":[1]},{"op":"upsert","path":"/input/user/name/x","value":1}]"#,
    );
    assert_eq!(
        out.input,
        Some(v(
            r#"{"user":{"name":"bob","password":"**"},"a/b":1,"new":{"deep":[1]}}"#
        ))
    );
    assert_eq!(out.masked, ["/input/user/password", "/input/new/deep"]);
    assert_eq!(out.erased, ["/input/list", "/nd_builtin_cache"]);
}

#[test]
fn nothing_masked_survives_in_the_stored_text() {
    let out = masked(r#"["/input/user/password", "/result/0/msg", "/nd_builtin_cache/time.now_ns"]"#);
    let text = String::from_utf8(out.to_json().unwrap()).unwrap();
    assert!(
        !text.contains("hunter2") && !text.contains("now_ns\":{"),
        "{text}"
    );
    assert!(out.violations_commitment.is_some() && out.nd_builtin_cache_commitment.is_some());
    let check = out.check(&record().leaf().unwrap()).unwrap();
    assert_eq!(
        (check.input, check.result, check.detail),
        (Part::Withheld, Part::Withheld, Part::Matches)
    );
    let whole = masked(r#"["/input", {"op":"upsert","path":"/result","value":null}]"#);
    assert_eq!((whole.input, whole.result), (None, Some(Value::Null)));
}

#[test]
fn a_mask_that_finds_nothing_changes_nothing() {
    let mut out = record();
    apply(
        &mut out,
        &parse(&v(r#"["/input/x", "/input/user/name/y", "/nd_builtin_cache/x"]"#)).unwrap(),
    )
    .unwrap();
    let mut expected = record();
    expected.result = expected.result.map(|r| r.to_json_projection());
    assert_eq!(out, expected);
    assert!(parse(&Value::set([v("\"/input\"")])).is_ok());
}

#[test]
fn wrong_masks_are_refused() {
    for bad in [
        "1",
        "{}",
        "[1]",
        r#"["input"]"#,
        r#"["/labels/x"]"#,
        r#"[""]"#,
        r#"["/"]"#,
        r#"[{"path":"/input"}]"#,
        r#"[{"op":"remove"}]"#,
        r#"[{"op":"upsert","path":"/input/x"}]"#,
        r#"[{"op":"move","path":"/input"}]"#,
    ] {
        assert!(parse(&v(bad)).is_err(), "{bad}");
    }
}
