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
    record.erased = vec!["/input".into(), "/violations".into()];
    record.withhold_nd_builtin_cache().unwrap();
    assert!(record.nd_builtin_cache.is_none() && record.nd_builtin_cache_commitment.is_some());
    record.input = None;
    record.input_salt = None;
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

mod bytes {
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    /// Texts with everything that JSON escapes, and beyond ASCII.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z/]{0,8}",
            any::<String>(),
            "[\\x00-\\x1f\"\\\\\\x7f]{1,4}",
            "[\u{e000}-\u{ffff}\u{10000}-\u{10ffff}]{1,3}"
        ]
    }

    fn violation() -> impl Strategy<Value = Violation> {
        let severity = prop::sample::select(crate::Severity::ALL);
        (
            text(),
            text(),
            option::of(text()),
            option::of(text()),
            vec(text(), 0..3),
            severity,
        )
            .prop_map(
                |(rule, message, resource, remediation, controls, severity)| Violation {
                    policy_id: PolicyId::new("a/b").unwrap(),
                    rule,
                    message,
                    severity,
                    resource,
                    remediation,
                    controls,
                },
            )
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(|n| v(&n.to_string())),
            Just(v("-0.1234567890123456789012345e40")),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::array),
                vec(inner.clone(), 0..4).prop_map(Value::set),
                vec((inner.clone(), inner), 0..4).prop_map(Value::object),
            ]
        })
    }

    fn record() -> impl Strategy<Value = DecisionRecord> {
        let texts = (
            option::of(text()),
            option::of(text()),
            option::of(text()),
            option::of(text()),
        );
        let maps = (
            btree_map(text(), text(), 0..3),
            btree_map(text(), any::<u64>(), 0..3),
            btree_map(text(), text(), 0..3),
        );
        let values = (option::of(value()), option::of(value()), option::of(value()));
        let lists = (vec(violation(), 0..3), vec(text(), 0..2), vec(text(), 0..2));
        (
            texts,
            maps,
            values,
            lists,
            option::of(Just(Digest([7; 32]))),
            any::<bool>(),
        )
            .prop_map(
                |(
                    (error, actor, resource, trace),
                    (labels, metrics, bundles),
                    values,
                    lists,
                    digest,
                    salted,
                )| {
                    let mut record = sample();
                    (record.input, record.result, record.nd_builtin_cache) = values;
                    (record.violations, record.erased, record.masked) = lists;
                    (record.error, record.actor, record.resource, record.trace_id) =
                        (error, actor, resource, trace);
                    (record.labels, record.metrics) = (labels, metrics);
                    let revisions = bundles.into_iter();
                    record.bundles = revisions
                        .map(|(name, revision)| (name, BundleRevision { revision }))
                        .collect();
                    (record.violations_commitment, record.nd_builtin_cache_commitment) = (digest, digest);
                    record.input_salt = record.input_salt.filter(|_| salted);
                    record
                },
            )
    }

    proptest! {
        #[test]
        fn a_record_is_written_as_its_fields_say(record in record()) {
            let written = String::from_utf8(record.to_json().unwrap()).unwrap();
            prop_assert_eq!(written, serde_json::to_string(&record).unwrap());
        }

        #[test]
        fn violations_are_written_in_jcs(violations in vec(violation(), 0..4)) {
            let mut written = Vec::new();
            super::super::write::write_violations(&violations, &mut written);
            let jcs = serde_json_canonicalizer::to_vec(&violations).unwrap();
            prop_assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(jcs).unwrap());
        }

        #[test]
        fn details_are_committed_to_in_jcs(record in record()) {
            let jcs = serde_json_canonicalizer::to_vec(&record.detail().unwrap()).unwrap();
            prop_assert_eq!(record.detail_text().unwrap(), jcs);
        }

        #[test]
        fn rendered_documents_stand_for_the_records_own(mut record in record(), salt: [u8; 32]) {
            record.erased.clear();
            record.masked.clear();
            record.error = None;
            record.input_salt = Some(Salt(salt));
            let (input, result) = (record.input.as_ref(), record.result.as_ref());
            let texts = [input, result].map(|value| value.map(json::to_vec).unwrap_or_default());
            let canonical = crate::encoding::encode_optional(input).unwrap();
            let rendered = Rendered::new(&Salt(salt), (&texts[0], &canonical), (&texts[1], result)).unwrap();
            let (json, leaf) = (record.to_json().unwrap(), record.leaf().unwrap());
            (record.input, record.result) = (None, None);
            let mut written = Vec::new();
            record.write_json_with(&rendered, &mut written).unwrap();
            prop_assert_eq!(written, json);
            prop_assert_eq!(record.leaf_with(&rendered).unwrap(), leaf);
        }
    }
}
