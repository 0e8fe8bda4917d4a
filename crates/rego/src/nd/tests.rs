//! Calls, their record, and replays.

use std::cell::Cell;

use proptest::prelude::*;
use stele_types::{Value, json};

use super::{Local, NdBuiltins, NdCache, NdCalls, NdError};
use crate::builtins::{Body, BuiltinError, Refusal, Session, find};
use crate::eval::{Budget, Context, LimitKind, Limits};

/// Answers with the number of calls so far, a failure for `"fail"`, and what was asked for `"echo"`.
#[derive(Default)]
struct Counting(Cell<i64>);

impl NdBuiltins for Counting {
    fn call(&self, name: &'static str, args: &[Value]) -> Result<Value, NdError> {
        self.0.set(self.0.get() + 1);
        match args.first().and_then(Value::as_str) {
            Some("fail") => Err(NdError::Failed(format!("{name}: no. {}", self.0.get()))),
            Some("refuse") => Err(NdError::Refused("not here".to_owned())),
            Some("late") => Err(NdError::Deadline),
            Some("echo") => Ok(Value::array(args.iter().cloned())),
            _ => Ok(Value::from(self.0.get())),
        }
    }
}

fn parse(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

#[test]
fn a_call_is_made_once_and_recorded_as_opa_does() {
    let host = Counting::default();
    let calls = NdCalls::new(&host);
    let ask = |name, args: &[Value]| calls.call(name, args);
    let request = Value::object([("url".into(), "http://a/?b=<c>&d".into()), ("n".into(), 1.into())]);
    assert_eq!(ask("http.send", std::slice::from_ref(&request)), Ok(1.into()));
    assert_eq!(ask("http.send", &[request]), Ok(1.into()));
    assert_eq!(ask("opa.runtime", &[]), Ok(2.into()));
    let failed = ask("uuid.rfc4122", &["fail".into()]).unwrap_err();
    assert_eq!(ask("uuid.rfc4122", &["fail".into()]), Err(failed));
    // A set in the result, where the builtin returns one, and in the arguments.
    let members = Value::set(["echo".into(), "x".into()]);
    assert_eq!(
        ask("net.lookup_ip_addr", &["echo".into(), "x".into(), "x".into()]),
        Ok(members)
    );
    assert_eq!(host.0.get(), 4);
    let recorded = calls.into_cache();
    assert_eq!(recorded.len(), 4);
    assert_eq!(
        json::to_string(&recorded.to_value().unwrap()),
        concat!(
            r#"{"http.send":{"[{\"n\":1,\"url\":\"http://a/?b=\\u003cc\\u003e\\u0026d\"}]":1},"#,
            r#""net.lookup_ip_addr":{"[\"echo\",\"x\",\"x\"]":["echo","x"]},"opa.runtime":{"[]":2},"#,
            r##""uuid.rfc4122#failed":{"[\"fail\"]":"uuid.rfc4122: no. 3"}}"##
        )
    );
    assert_eq!(NdCache::default().to_value(), None);
}

#[test]
fn what_the_host_refuses_is_not_recorded() {
    let host = Counting::default();
    let calls = NdCalls::new(&host);
    let refused = Err(NdError::Refused("not here".to_owned()));
    assert_eq!(calls.call("uuid.rfc4122", &["refuse".into()]), refused);
    assert_eq!(
        calls.call("uuid.rfc4122", &["late".into()]),
        Err(NdError::Deadline)
    );
    assert!(calls.into_cache().is_empty());
}

#[test]
fn a_replay_asks_nobody_and_invents_nothing() {
    // As OPA writes it, and with the keys written otherwise.
    let recorded = NdCache::from_value(&parse(
        r##"{"rand.intn": {"[\"a\\u0026b\", 1.0]": 5}, "net.lookup_ip_addr": {"[\"h\"]": ["::1"]},
            "uuid.rfc4122#failed": {"[\"x\"]": "no"}}"##,
    ))
    .unwrap();
    let calls = NdCalls::new(&recorded);
    assert_eq!(calls.call("rand.intn", &["a&b".into(), 1.into()]), Ok(5.into()));
    assert_eq!(
        calls.call("net.lookup_ip_addr", &["h".into()]),
        Ok(Value::set(["::1".into()]))
    );
    assert_eq!(
        calls.call("uuid.rfc4122", &["x".into()]),
        Err(NdError::Failed("no".to_owned()))
    );
    let missing = calls.call("rand.intn", &["a".into(), 1.into()]).unwrap_err();
    assert_eq!(
        missing.to_string(),
        r#"the recorded nd_builtin_cache has no call with the arguments ["a",1]"#
    );
    assert_eq!(
        calls.into_cache(),
        recorded,
        "what was replayed is what was recorded"
    );
}

#[test]
fn other_shapes_are_no_caches() {
    for (text, says) in [
        ("[]", "object from names"),
        (r#"{"a": 1}"#, "the calls of a must be an object"),
        (r#"{"a": {"x": 1}}"#, "JSON text of an array"),
        (r#"{"a": {"{}": 1}}"#, "JSON text of an array"),
        (r##"{"a#failed": {"[]": 1}}"##, "must be messages"),
    ] {
        let error = NdCache::from_value(&parse(text)).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn chance_is_the_seeds() {
    let local = |seed: u8| Local {
        seed: [seed; 32],
        runtime: Value::object([]),
    };
    let draw = |seed: u8, key: &str, bound: i64| {
        let number = local(seed)
            .call("rand.intn", &[key.into(), bound.into()])
            .unwrap();
        number.as_number().and_then(stele_types::Number::to_i64).unwrap()
    };
    assert_eq!(draw(1, "a", 1_000_000), draw(1, "a", 1_000_000));
    assert_ne!(draw(1, "a", 1_000_000), draw(2, "a", 1_000_000));
    assert_ne!(draw(1, "a", 1_000_000), draw(1, "b", 1_000_000));
    assert_eq!((draw(1, "a", 0), draw(1, "a", 1), draw(1, "a", -1)), (0, 0, 0));
    let seen: std::collections::BTreeSet<i64> = (0..100).map(|i| draw(1, &i.to_string(), -5)).collect();
    assert_eq!(seen, (0..5).collect());
    assert_eq!(draw(3, "a", i64::MIN), draw(3, "a", i64::MIN));

    let uuid = |seed: u8, key: &str| local(seed).call("uuid.rfc4122", &[key.into()]).unwrap();
    assert_eq!(uuid(1, "k"), uuid(1, "k"));
    assert_ne!(uuid(1, "k"), uuid(2, "k"));
    assert_ne!(uuid(1, "k"), uuid(1, "l"));
    let text = uuid(1, "k");
    let parsed = uuid::Uuid::parse_str(text.as_str().unwrap()).unwrap();
    assert_eq!(
        (parsed.get_version_num(), parsed.get_variant()),
        (4, uuid::Variant::RFC4122)
    );

    let refused = local(1).call("http.send", &[Value::object([])]).unwrap_err();
    assert_eq!(
        refused,
        NdError::Refused("http.send is not available here".to_owned())
    );
}

/// Calls a builtin in a context.
fn call(context: Context<'_>, name: &str, args: &[Value]) -> Result<Value, BuiltinError> {
    let Body::Function(function) = find(name).unwrap().body else {
        panic!("{name} has no function");
    };
    function(&mut Session::new(context, Budget::new(Limits::default())), args)
}

#[test]
fn without_a_time_what_needs_it_is_an_error() {
    let none = Context::default();
    let no_time = Err(BuiltinError::Refused(Refusal::NoTime));
    assert_eq!(call(none, "time.now_ns", &[]), no_time);
    let verify = "crypto.x509.parse_and_verify_certificates";
    assert_eq!(call(none, verify, &["".into()]), no_time);
    let epoch = Context::at(stele_types::Timestamp::from_nanos(0));
    assert_eq!(call(epoch, "time.now_ns", &[]), Ok(0.into()));
}

#[test]
fn arguments_are_checked_before_the_host_is_asked() {
    let host = Counting::default();
    let calls = NdCalls::new(&host);
    let context = Context {
        nd: Some(&calls),
        ..Context::default()
    };
    for (name, args) in [
        ("http.send", vec![Value::from("x")]),
        ("net.lookup_ip_addr", vec![1.into()]),
        ("rand.intn", vec!["x".into(), "y".into()]),
        ("uuid.rfc4122", vec![Value::Null]),
    ] {
        let error = call(context, name, &args).unwrap_err();
        assert!(matches!(error, BuiltinError::Type(_)), "{name}: {error}");
    }
    assert_eq!(host.0.get(), 0);
    let late = call(context, "uuid.rfc4122", &["late".into()]);
    assert_eq!(late, Err(BuiltinError::Limit(LimitKind::Deadline)));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (any::<i32>(), 0_u32..30).prop_map(|(n, e)| parse(&format!("{n}e-{e}"))),
        "[ -~<&\u{2028}\u{e9}\u{1f600}\"\\\\]{0,8}".prop_map(|text| Value::from(text.as_str())),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::array),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::set),
            prop::collection::vec((inner.clone(), inner), 0..4).prop_map(Value::object),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_recorded_survives_json_and_replays(
        asked in prop::collection::vec((0_usize..4, prop::collection::vec(values(), 0..3)), 0..12)
    ) {
        const NAMES: [&str; 4] = ["http.send", "net.lookup_ip_addr", "rand.intn", "opa.runtime"];
        let host = Counting::default();
        let calls = NdCalls::new(&host);
        let ask = |calls: &NdCalls<'_>| -> Vec<_> {
            asked.iter().map(|(name, args)| {
                // Failures and echoes too: the first argument says which.
                let mut args = args.clone();
                args.insert(0, ["echo", "fail", "count"][args.len() % 3].into());
                calls.call(NAMES[*name], &args)
            }).collect()
        };
        let answers = ask(&calls);
        let recorded = calls.into_cache();
        let value = recorded.to_value().unwrap_or_else(|| Value::object([]));
        let text = json::to_string(&value);
        let limits = json::Limits::default();
        let read = NdCache::from_value(&json::parse(text.as_bytes(), &limits).unwrap()).unwrap();
        prop_assert_eq!(&read, &recorded);
        prop_assert_eq!(ask(&NdCalls::new(&read)), answers);
    }
}
