use std::num::NonZeroU32;
use std::time::Duration;

use super::convert::{Interner, from_regorus, to_regorus};
use super::*;
use crate::testing::{self, json};

/// The machine that decides, and the interpreter as its oracle: they must answer alike, and the machine's answer counts.
struct Both {
    machine: VmEngine,
    interpreter: RegorusEngine,
}

impl Engine for Both {
    fn evaluate(&mut self, request: &EvalRequest<'_>) -> Result<EvalOutcome, EngineError> {
        let machine = self.machine.evaluate(request);
        let interpreter = self.interpreter.evaluate(request);
        match (&machine, &interpreter) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours.value, theirs.value, "{}", request.path),
            (Err(ours), Err(theirs)) => {
                let kind = std::mem::discriminant;
                assert_eq!(kind(ours), kind(theirs), "{ours} or {theirs}");
            }
            _ => panic!("{}: {machine:?} or {interpreter:?}", request.path),
        }
        machine
    }
}

fn engine(modules: &[(&str, &str)]) -> Both {
    let set = testing::set(modules);
    Both {
        machine: VmEngine::new(&set.compile().unwrap()),
        interpreter: RegorusEngine::new(&set.prepare().unwrap()).unwrap(),
    }
}

fn path(text: &str) -> DataPath {
    DataPath::parse(text).unwrap()
}

fn eval(engine: &mut impl Engine, at: &str, input: Option<&str>) -> Result<Option<String>, EngineError> {
    let input = input.map(json);
    let at = path(at);
    let outcome = engine.evaluate(&EvalRequest::new(&at, input.as_ref()))?;
    Ok(outcome.value.map(|value| stele_types::json::to_string(&value)))
}

fn value(module: &str, at: &str, input: &str) -> Result<Option<String>, EngineError> {
    eval(&mut engine(&[("p.rego", module)]), at, Some(input))
}

fn some(text: &str) -> Result<Option<String>, EngineError> {
    Ok(Some(text.to_owned()))
}

#[test]
fn rules_packages_prefixes_and_places_inside() {
    let mut engine = engine(&[
        (
            "a.rego",
            "package a.b\n\ndefault allow := false\nallow if input.x == 1\n\nlist := [10, {\"k\": 20}]\n\nmsgs contains \"m\"\n\nf(x) := x\n",
        ),
        ("c.rego", "package a.c\n\nq := 7 if input.x == 1\n"),
        ("a/data.json", r#"{"base": {"n": [1, 2]}, "b": {"extra": 5}}"#),
    ]);
    let one = Some(r#"{"x": 1}"#);
    assert_eq!(eval(&mut engine, "a/b/allow", one), some("true"));
    assert_eq!(eval(&mut engine, "a/b/allow", None), some("false"));
    assert_eq!(eval(&mut engine, "a/b/list/1/k", one), some("20"));
    assert_eq!(eval(&mut engine, "a/b/list/01", one), Ok(None));
    assert_eq!(eval(&mut engine, "a/b/msgs/m", one), some("\"m\""));
    assert_eq!(eval(&mut engine, "a/b/nothing", one), Ok(None));
    assert_eq!(eval(&mut engine, "a/base/n/1", one), some("2"));
    assert_eq!(eval(&mut engine, "nowhere", one), Ok(None));
    let package = r#"{"allow":true,"extra":5,"list":[10,{"k":20}],"msgs":["m"]}"#;
    assert_eq!(eval(&mut engine, "a/b", one), some(package));
    assert_eq!(
        eval(&mut engine, "a", one),
        some(&format!(
            r#"{{"b":{package},"base":{{"n":[1,2]}},"c":{{"q":7}}}}"#
        ))
    );
    assert_eq!(
        eval(&mut engine, "", one),
        some(&format!(
            r#"{{"a":{{"b":{package},"base":{{"n":[1,2]}},"c":{{"q":7}}}}}}"#
        ))
    );
    assert_eq!(
        eval(&mut engine, "a/c", None),
        some("{}"),
        "a package without a defined rule is an empty object"
    );
}

#[test]
fn rule_paths_with_constant_and_variable_heads() {
    let module = "package t\n\nr.q.s := 1\n\np[x].y := x if some x in [1, 2]\n\nm[k] := v if some k, v in {\"a\": 1}\n";
    let mut engine = engine(&[("p.rego", module)]);
    assert_eq!(eval(&mut engine, "t/r/q/s", None), some("1"));
    assert_eq!(eval(&mut engine, "t/r/q", None), some(r#"{"s":1}"#));
    assert_eq!(eval(&mut engine, "t/r", None), some(r#"{"q":{"s":1}}"#));
    assert_eq!(
        eval(&mut engine, "t/p", None),
        some(r#"{"1":{"y":1},"2":{"y":2}}"#)
    );
    assert_eq!(eval(&mut engine, "t/m/a", None), some("1"));
}

#[test]
fn odd_package_names_are_quoted() {
    let mut engine = engine(&[("p.rego", "package a[\"b-c\"].default_\n\np := 1\n")]);
    assert_eq!(eval(&mut engine, "a/b-c/default_/p", None), some("1"));
    assert_eq!(eval(&mut engine, "a/b-c", None), some(r#"{"default_":{"p":1}}"#));
}

#[test]
fn state_does_not_leak_between_requests() {
    let mut engine = engine(&[("p.rego", "package a\n\np := input.x\n")]);
    assert_eq!(eval(&mut engine, "a/p", Some(r#"{"x": 1}"#)), some("1"));
    assert_eq!(eval(&mut engine, "a/p", Some(r#"{"x": 2}"#)), some("2"));
    assert_eq!(eval(&mut engine, "a/p", None), Ok(None));
    assert_eq!(eval(&mut engine, "a", None), some("{}"));
}

#[test]
fn conflicts_are_errors_in_every_form() {
    let modules = [
        "package a\n\np := 1\n\np := 2 if input.x\n",
        "package a\n\ndefault p := 0\n\np := 1 if input.x\n\np := 2 if input.x\n",
        "package a\n\np if not q\n\nq := 1 if input.x\n\nq := 2 if input.x\n",
        "package a\n\np if not f(1)\n\nf(x) := 1 if input.x\n\nf(x) := 2 if x == 1\n",
        "package a\n\np if not f(1)\n\nf(_) := q\n\nq := 1 if input.x\n\nq := 2 if input.x\n",
        "package a\n\np[k] := v if some k, v in {\"a\": 1}\n\np[\"a\"] := 2 if input.x\n",
        "package a\n\np := {k: v | some v in [1, 2]; k := \"a\"; input.x}\n",
    ];
    for module in modules {
        for at in ["a/p", "a"] {
            let got = value(module, at, r#"{"x": true}"#);
            assert!(
                matches!(got, Err(EngineError::Conflict { .. })),
                "{module}{at}: {got:?}"
            );
        }
    }
    let Err(EngineError::Conflict {
        place: Some(place), ..
    }) = value(modules[0], "a/p", r#"{"x": true}"#)
    else {
        panic!("no place");
    };
    assert_eq!(place.file, "p.rego");
    assert!(place.line >= 3, "{place}");
}

#[test]
fn builtin_errors_are_undefined_unless_strict() {
    let module = "package a\n\np := to_number(input.x)\n\nq if not to_number(input.x)\n\nr := f(input.x)\n\nf(x) := to_number(x)\n";
    assert_eq!(value(module, "a/p", r#"{"x": "1"}"#), some("1"));
    assert_eq!(value(module, "a/p", r#"{"x": "one"}"#), Ok(None));
    assert_eq!(value(module, "a/q", r#"{"x": "one"}"#), some("true"));
    assert_eq!(value(module, "a/r", r#"{"x": "one"}"#), Ok(None));
    let mut engine = engine(&[("p.rego", module)]);
    for at in ["a/p", "a/r"] {
        let at = path(at);
        let input = json(r#"{"x": "one"}"#);
        let request = EvalRequest {
            strict_builtin_errors: true,
            ..EvalRequest::new(&at, Some(&input))
        };
        assert!(
            matches!(engine.evaluate(&request), Err(EngineError::Builtin { .. })),
            "{at}"
        );
    }
}

#[test]
fn impure_builtins_are_refused_and_time_is_the_requests() {
    let calls = [
        "http.send({\"method\": \"get\", \"url\": \"http://x\"})",
        "rand.intn(\"a\", 3)",
        "opa.runtime()",
        "uuid.rfc4122(\"a\")",
    ];
    for call in calls {
        for module in [
            format!("package a\n\np := {call}\n"),
            format!("package a\n\np if not f(1)\n\nf(_) := {call}\n"),
        ] {
            let got = value(&module, "a/p", "{}");
            let Err(EngineError::ImpureBuiltin { name, place }) = got else {
                panic!("{module}: {got:?}")
            };
            assert!(call.starts_with(&name), "{name}");
            assert_eq!(place.unwrap().file, "p.rego");
        }
    }
    let module = "package a\n\np := time.now_ns()\n";
    let mut engine = engine(&[("p.rego", module)]);
    let at = path("a/p");
    let context = EvalContext {
        now_ns: Some(1_700_000_000_123_456_789),
        nd: None,
    };
    let outcome = engine
        .evaluate(&EvalRequest {
            context,
            ..EvalRequest::new(&at, None)
        })
        .unwrap();
    assert_eq!(outcome.value, Some(json("1700000000123456789")));
    let strict = EvalRequest {
        strict_builtin_errors: true,
        ..EvalRequest::new(&at, None)
    };
    assert!(
        matches!(
            engine.interpreter.evaluate(&strict),
            Err(EngineError::Builtin { .. })
        ),
        "without a time there is none"
    );
}

const LOOP: &str = "package a\n\np := count([1 | some x in numbers.range(1, 3000); some y in numbers.range(1, 3000); x == y])\n\nq if not f(1)\n\nf(_) := p\n\nr := to_number(\"x\")\n\ns if {\n\tnot r\n\tnot f(1)\n}\n";

#[test]
fn each_limit_has_its_own_error_in_every_mode() {
    let mut engine = engine(&[("p.rego", LOOP)]);
    for at in ["a/p", "a/q", "a/s"] {
        let at = path(at);
        let time = Duration::from_millis(20);
        let limits = Limits {
            time: Some(time),
            instructions: None,
            ..Limits::default()
        };
        let got = engine.evaluate(&EvalRequest {
            limits,
            ..EvalRequest::new(&at, None)
        });
        assert_eq!(got, Err(EngineError::TimeLimit { limit: time }), "{at}");
        let limits = Limits {
            time: None,
            instructions: NonZeroU32::new(10_000),
            ..Limits::default()
        };
        let got = engine.evaluate(&EvalRequest {
            limits,
            ..EvalRequest::new(&at, None)
        });
        assert_eq!(got, Err(EngineError::InstructionLimit { limit: 10_000 }), "{at}");
    }
    let small =
        self::engine(&[("p.rego", "package a\n\np := numbers.range(1, 1000)\n")]).evaluate(&EvalRequest {
            limits: Limits {
                memory: 6_400,
                ..Limits::default()
            },
            ..EvalRequest::new(&path("a/p"), None)
        });
    assert_eq!(small, Err(EngineError::MemoryLimit { limit: 6_400 }));
}

#[test]
fn both_limits_hold_together() {
    let module = "package a\n\np := count([1 | some x in numbers.range(1, 20000); x > 0])\n";
    let mut engine = engine(&[("p.rego", module)]);
    let at = path("a/p");
    let mut with = |instructions| {
        let limits = Limits {
            time: Some(Duration::from_secs(60)),
            instructions: NonZeroU32::new(instructions),
            ..Limits::default()
        };
        engine
            .evaluate(&EvalRequest {
                limits,
                ..EvalRequest::new(&at, None)
            })
            .map(|outcome| outcome.value)
    };
    assert_eq!(with(10_000), Err(EngineError::InstructionLimit { limit: 10_000 }));
    assert_eq!(with(10_000_000), Ok(Some(json("20000"))));
}

#[test]
fn an_engine_works_after_a_limit() {
    let mut engine = engine(&[("p.rego", LOOP), ("q.rego", "package b\n\np := 1\n")]);
    let at = path("a/p");
    let limits = Limits {
        time: None,
        instructions: NonZeroU32::new(100),
        ..Limits::default()
    };
    assert!(
        engine
            .evaluate(&EvalRequest {
                limits,
                ..EvalRequest::new(&at, None)
            })
            .is_err()
    );
    assert_eq!(eval(&mut engine, "b/p", None), some("1"));
}

#[test]
fn prints_are_collected_with_their_place() {
    let mut engine = engine(&[("p.rego", "package a\n\np if {\n\tprint(\"x is\", input.x)\n}\n")]);
    let at = path("a/p");
    let input = json(r#"{"x": 3}"#);
    let compiled = engine.machine.evaluate(&EvalRequest::new(&at, Some(&input)));
    assert_eq!(compiled.unwrap().prints, ["p.rego:4: x is 3"]);
    assert_eq!(engine.machine.take_prints().lines.len(), 1);
    let mut engine = engine.interpreter;
    let outcome = engine.evaluate(&EvalRequest::new(&at, Some(&input))).unwrap();
    assert_eq!(outcome.prints, ["p.rego:4: x is 3"]);
    assert_eq!(
        engine
            .evaluate(&EvalRequest::new(&at, Some(&input)))
            .unwrap()
            .prints
            .len(),
        1
    );
}

#[test]
fn unknown_functions_are_typed() {
    let module = "package a\n\np := graphql.parse(\"a\", \"b\")\n";
    let mut engine = engine(&[("p.rego", module)]).interpreter;
    let got = eval(&mut engine, "a/p", None);
    assert!(
        matches!(&got, Err(EngineError::UnknownFunction { name, .. }) if name == "graphql.parse"),
        "{got:?}"
    );
}

#[test]
fn numbers_cross_exactly_or_not_at_all() {
    let exact = [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "123456789012345678901234567890",
        "-123456789012345678901234567890",
        "0.1",
        "0.5",
        "-2.75",
        "123456789.012345",
        "0.000001",
        "100000000000000000000000",
    ];
    for text in exact {
        let value = json(text);
        let there = to_regorus(&value, &mut Interner::passing()).unwrap();
        assert_eq!(from_regorus(&there, 10).unwrap(), Some(value), "{text}");
    }
    for text in ["0.1234567890123456789", "12345678901234567890.5"] {
        let document = json(&format!(r#"{{"a": [0, {text}]}}"#));
        let got = to_regorus(&document, &mut Interner::passing());
        assert_eq!(
            got,
            Err(ConvertError::Inexact {
                number: text.to_owned(),
                path: "a/1".to_owned()
            })
        );
    }
}

#[test]
fn sets_and_odd_keys_cross() {
    let module = "package a\n\np := {1, \"a\", {2}}\n\nq := {[1, 2]: \"x\", 3: null}\n";
    let mut engine = engine(&[("p.rego", module)]);
    let at = path("a/p");
    let set = engine
        .evaluate(&EvalRequest::new(&at, None))
        .unwrap()
        .value
        .unwrap();
    assert_eq!(
        set,
        Value::set([Value::from(1), Value::from("a"), Value::set([Value::from(2)])])
    );
    let at = path("a/q");
    let object = engine
        .evaluate(&EvalRequest::new(&at, None))
        .unwrap()
        .value
        .unwrap();
    let key = Value::array([Value::from(1), Value::from(2)]);
    assert_eq!(
        object,
        Value::object([(key, Value::from("x")), (Value::from(3), Value::Null)])
    );
    let back = to_regorus(&object, &mut Interner::sharing()).unwrap();
    assert_eq!(from_regorus(&back, 100).unwrap(), Some(object));
}

#[test]
fn strings_of_data_are_shared() {
    let document = json(r#"[{"name": "x"}, {"name": "x"}]"#);
    let there = to_regorus(&document, &mut Interner::sharing()).unwrap();
    let items: Vec<_> = there
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_string().unwrap().clone())
        .collect();
    assert!(std::sync::Arc::ptr_eq(&items[0], &items[1]));
}

#[test]
fn prepared_policies_and_engines_move_between_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<CompiledPolicy>();
    sync::<CompiledPolicy>();
    send::<VmEngine>();
    send::<PreparedPolicy>();
    sync::<PreparedPolicy>();
    send::<RegorusEngine>();
}

#[test]
fn paths_parse_and_print() {
    assert_eq!(path("/a/b/").segments(), ["a", "b"]);
    assert_eq!(path("").to_string(), "data");
    assert_eq!(path("a/b-c/if/x1").to_string(), "data.a[\"b-c\"][\"if\"].x1");
    assert_eq!(
        DataPath::parse("a//b"),
        Err(PathError::EmptySegment {
            path: "a//b".to_owned()
        })
    );
    assert_eq!(
        DataPath::from(&stele_types::EntryPoint::new("a/b/deny").unwrap()),
        path("a/b/deny")
    );
}

/// Lenient mode must not hide a conflict in a function behind a failed builtin elsewhere.
#[test]
fn a_failed_builtin_does_not_hide_a_conflict() {
    let conflict = "f(x) := 1 if input.x\n\nf(x) := 2 if x == 1\n";
    let nested = "f(_) := q\n\nq := 1 if input.x\n\nq := 2 if input.x\n";
    for functions in [conflict, nested] {
        let module = format!("package a\n\np if {{\n\tnot to_number(\"x\")\n\tnot f(1)\n}}\n\n{functions}");
        let got = value(&module, "a/p", r#"{"x": true}"#);
        assert!(
            matches!(got, Err(EngineError::Conflict { .. })),
            "{module}: {got:?}"
        );
        assert_eq!(
            value(&module, "a/p", r#"{"x": false}"#),
            if functions == conflict {
                Ok(None)
            } else {
                some("true")
            }
        );
    }
}

/// One definition of a function conflicts, another gives a value: regorus's lenient mode would take the value.
#[test]
fn another_definitions_value_does_not_hide_a_conflict() {
    let module = "package a\n\np if {\n\tnot to_number(\"x\")\n\tf(1) == 3\n}\n\nf(_) := q\n\nf(x) := 3 if x == 1\n\nq := 1 if input.x\n\nq := 2 if input.x\n";
    for at in ["a/p", "a"] {
        let got = value(module, at, r#"{"x": true}"#);
        assert!(matches!(got, Err(EngineError::Conflict { .. })), "{at}: {got:?}");
    }
    assert_eq!(value(module, "a/p", r#"{"x": false}"#), some("true"));
}
