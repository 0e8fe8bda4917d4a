use super::*;
use crate::json;

fn v(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

fn sample() -> DecisionRecord {
    let mut record = DecisionRecord::new(
        "0190b3c2-7d2e-7c4a-9a43-0d2f6a1b5c3d".parse().unwrap(),
        Timestamp(1_700_000_000_123_456_789),
        NodeAddress([0x11; 20]),
        PolicyId::new("kubernetes/admission").unwrap(),
        PolicyVersion(Digest([0x22; 32])),
        EntryPoint::new("kubernetes/admission/deny").unwrap(),
        Digest([0x33; 32]),
        Salt([0x44; 32]),
        Salt([0x55; 32]),
    );
    record.input = Some(v(r#"{"user":"bob","amount":0.1234567890123456789012345}"#));
    record.result = Some(Value::set([v("\"no\""), v("1")]));
    record.labels.insert("region".into(), "eu".into());
    record.metrics.insert("timer_rego_query_eval_ns".into(), u64::MAX);
    record.latency_ns = (1 << 53) + 1;
    record.violations.push(Violation {
        policy_id: record.policy_id.clone(),
        rule: "deny".into(),
        message: "no".into(),
        severity: crate::Severity::High,
        resource: None,
        remediation: None,
        controls: vec!["nist-800-53-r5:AC-6".into()],
    });
    record.nd_builtin_cache = Some(v(r#"{"time.now_ns":{"[]":1}}"#));
    record
}

#[test]
fn json_round_trips_and_keeps_the_leaf() {
    let record = sample();
    let leaf = record.leaf().unwrap();
    let json = record.to_json().unwrap();
    let read = DecisionRecord::from_json(&json).unwrap();
    assert_eq!(read.leaf().unwrap(), leaf);
    assert_eq!(read.input, record.input);
    assert_eq!(read.to_json().unwrap(), json);
    let check = read.check(&leaf).unwrap();
    assert!(check.is_consistent() && check.input == Part::Matches && check.detail == Part::Matches);
    assert!(DecisionRecord::from_json(br#"{"x":1}"#).is_err());
    let smuggled = String::from_utf8(json)
        .unwrap()
        .replacen('{', r#"{"extra":1,"#, 1);
    assert!(
        DecisionRecord::from_json(smuggled.as_bytes())
            .unwrap_err()
            .to_string()
            .contains("extra")
    );
}

#[test]
fn null_is_not_undefined() {
    let mut record = sample();
    record.input = Some(Value::Null);
    record.result = None;
    let read = DecisionRecord::from_json(&record.to_json().unwrap()).unwrap();
    assert_eq!((read.input, read.result), (Some(Value::Null), None));
    let mut undefined = record.clone();
    undefined.input = None;
    assert_ne!(
        record.leaf().unwrap().input_commitment,
        undefined.leaf().unwrap().input_commitment
    );
}

#[test]
fn a_failed_evaluation_is_not_an_undefined_result() {
    let mut failed = sample();
    failed.result = None;
    let undefined = failed.leaf().unwrap();
    failed.error = Some("timeout".into());
    let leaf = failed.leaf().unwrap();
    assert_eq!(leaf.result_digest, crate::NO_ANSWER);
    assert_ne!(leaf.result_digest, undefined.result_digest);
    assert!(failed.check(&leaf).unwrap().is_consistent());
    assert_eq!(failed.check(&undefined).unwrap().result, Part::Differs);
    let mut both = failed.clone();
    both.result = Some(Value::Null);
    assert!(matches!(both.leaf(), Err(RecordError::ResultAndError)));
    assert_eq!(both.check(&leaf).unwrap().result, Part::Differs);
}

#[test]
fn every_field_is_committed_to() {
    let original = sample();
    let leaf = original.leaf().unwrap();
    type Change = fn(&mut DecisionRecord);
    let changes: &[(&str, Change)] = &[
        ("decision_id", |r| r.decision_id = DecisionId(uuid::Uuid::nil())),
        ("timestamp", |r| r.timestamp.0 += 1),
        ("node", |r| r.node.0[0] ^= 1),
        ("policy_id", |r| r.policy_id = PolicyId::new("other").unwrap()),
        ("policy_version", |r| r.policy_version.0.0[0] ^= 1),
        ("path", |r| r.path = EntryPoint::new("other").unwrap()),
        ("data_digest", |r| r.data_digest.0[0] ^= 1),
        ("input", |r| r.input = Some(Value::Null)),
        ("input_salt", |r| r.input_salt = Some(Salt([0; 32]))),
        ("no input_salt", |r| r.input_salt = None),
        ("result", |r| r.result = None),
        ("detail_salt", |r| r.detail_salt = Salt([0; 32])),
        ("labels", |r| r.labels.clear()),
        ("metrics", |r| r.metrics.values_mut().for_each(|m| *m -= 1)),
        ("bundles", |r| {
            r.bundles
                .insert("b".into(), BundleRevision { revision: "1".into() });
        }),
        ("nd_builtin_cache", |r| r.nd_builtin_cache = None),
        ("nd_builtin_cache_commitment alone", |r| {
            r.nd_builtin_cache_commitment = r.commit_nd_builtin_cache().unwrap();
            r.nd_builtin_cache = None;
        }),
        ("requested_by", |r| r.requested_by = Some("x".into())),
        ("actor", |r| r.actor = Some("x".into())),
        ("resource", |r| r.resource = Some("x".into())),
        ("enforcement_point", |r| r.enforcement_point = Some("x".into())),
        ("trace_id", |r| r.trace_id = Some("x".into())),
        ("span_id", |r| r.span_id = Some("x".into())),
        ("latency_ns", |r| r.latency_ns -= 1),
        ("violations", |r| r.violations[0].severity = crate::Severity::Low),
        ("violations_commitment alone", |r| {
            r.violations_commitment = Some(r.commit_violations().unwrap());
            r.violations.clear();
        }),
        ("error", |r| r.error = Some("x".into())),
    ];
    for (name, change) in changes {
        let mut changed = original.clone();
        change(&mut changed);
        assert!(
            !changed.check(&leaf).unwrap().is_consistent(),
            "{name} is not committed to"
        );
    }
}

#[test]
fn withheld_parts_do_not_break_the_rest() {
    let mut record = sample();
    let leaf = record.leaf().unwrap();
    record.violations_commitment = Some(record.commit_violations().unwrap());
    record.violations.clear();
    record.input = None;
    record.input_salt = None;
    record.erased = vec!["/input".into(), "/violations".into()];
    record.masked = vec!["/result/0".into()];
    record.result = None;
    let check = record.check(&leaf).unwrap();
    assert!(check.is_consistent());
    assert_eq!(
        (check.input, check.result, check.detail),
        (Part::Withheld, Part::Withheld, Part::Matches)
    );
    assert!(matches!(record.leaf(), Err(RecordError::Withheld)));
    assert!(!record.is_withheld("in") && record.is_withheld("result"));
}
