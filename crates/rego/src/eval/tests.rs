//! Limits, errors, memoisation and the tracer, on plans in text form. OPA's own plans are in `tests/conformance.rs`.

use std::cell::Cell;

use stele_types::Value;

use super::trace::{Event, Outcome, Recorder};
use super::*;

/// A plan that calls function `p` twice, whose first block is `body`.
fn evaluator(body: &str) -> Evaluator {
    let text = r#"
strings { s0 "result" s1 "a" s2 "5000" }
builtins {
  "numbers.range" {"args":[{"type":"number"},{"type":"number"}],"result":{"type":"array"},"type":"function"}
  "http.send" {"args":[{"type":"object"}],"result":{"type":"object"},"type":"function"}
  "to_number" {"args":[{"type":"any"}],"result":{"type":"number"},"type":"function"}
}
files { f0 "a.rego" }
plan "t/p" [{
  Call func="p" args=[%0 %1] result=%2 @0:1:1
  Call func="p" args=[%0 %1] result=%4 @0:1:2
  MakeObject target=%3 @0:1:1
  ObjectInsert key=s0 value=%2 object=%3 @0:1:1
  ResultSetAdd value=%3 @0:1:1
}]
func "p" path=["g0" "p"] params=[%0 %1] return=%2 [{
  BODY
}{
  ReturnLocal source=%2 @0:9:1
}]"#;
    Evaluator::new(&ir::text::parse(&text.replace("BODY", body)).unwrap()).unwrap()
}

fn run(body: &str, limits: &Limits<'_>, tracer: &mut dyn Tracer) -> Result<Vec<Value>, EvalError> {
    let input = Value::object([("a".into(), "x".into())]);
    evaluator(body).evaluate(
        "t/p",
        Some(&input),
        &Value::object([]),
        &Context::default(),
        limits,
        tracer,
    )
}

fn plain(body: &str) -> Result<Vec<Value>, EvalError> {
    run(body, &Limits::default(), &mut NoTrace)
}

fn result(value: impl Into<Value>) -> Vec<Value> {
    vec![Value::object([("result".into(), value.into())])]
}

#[test]
fn conflicts_are_errors_with_their_place() {
    let body = "AssignVarOnce source=true target=%2 @0:2:3 AssignVarOnce source=true target=%2 @0:3:3";
    assert_eq!(plain(body), Ok(result(true)));
    let error =
        plain(&body.replace("source=true target=%2 @0:3:3", "source=s1 target=%2 @0:3:3")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.rego:3:3: complete rules must not produce multiple outputs"
    );
    assert_eq!(error.opa_code(), Some("eval_conflict_error"));
    let twice = "MakeObject target=%2 @0:2:1 ObjectInsertOnce key=s1 value=true object=%2 @0:2:1 \
                 ObjectInsertOnce key=s1 value=false object=%2 @0:4:1";
    assert!(matches!(plain(twice), Err(EvalError::ObjectConflict { at }) if at.row == 4));
}

#[test]
fn with_restores_and_memo_layers_apart() {
    let body = "With local=%0 path=[1] value=true block={ Dot source=%0 key=s1 target=%3 @0:2:1 } @0:2:1 \
                Dot source=%0 key=s1 target=%4 @0:3:1 MakeArray capacity=2 target=%2 @0:3:1 \
                ArrayAppend value=%3 array=%2 @0:3:1 ArrayAppend value=%4 array=%2 @0:3:1";
    assert_eq!(plain(body), Ok(result(Value::array([true.into(), "x".into()]))));
}

#[test]
fn every_limit_stops() {
    let body = "MakeNumberInt value=1 target=%3 @0:2:1 MakeNumberRef index=2 target=%4 @0:2:1 \
                Call func=\"numbers.range\" args=[%3 %4] result=%5 @0:2:1 \
                Scan source=%5 key=%6 value=%7 block={ Not block={ Not block={ Nop @0:3:1 } @0:3:1 } @0:3:1 } @0:3:1 \
                AssignVar source=true target=%2 @0:4:1";
    assert_eq!(plain(body), Ok(result(true)));
    let limit = |limits: Limits<'_>| match run(body, &limits, &mut NoTrace) {
        Err(EvalError::Limit { limit, .. }) => Some(limit),
        _ => None,
    };
    assert_eq!(
        limit(Limits {
            instructions: 9_000,
            ..Limits::default()
        }),
        Some(LimitKind::Instructions)
    );
    assert_eq!(
        limit(Limits {
            depth: 4,
            ..Limits::default()
        }),
        Some(LimitKind::Depth)
    );
    assert_eq!(
        limit(Limits {
            memory: 1_000,
            ..Limits::default()
        }),
        Some(LimitKind::Memory)
    );
    let asked = Cell::new(0_u32);
    let over = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    assert_eq!(
        limit(Limits {
            deadline: Some(&over),
            ..Limits::default()
        }),
        Some(LimitKind::Deadline)
    );
    assert_eq!(asked.get(), 4);
}

#[test]
fn refusals_are_errors_only_when_reached() {
    let call = "Call func=\"http.send\" args=[%1] result=%3 @0:2:1";
    assert!(matches!(plain(call), Err(EvalError::Refused { name, .. }) if name == "http.send"));
    assert_eq!(
        plain(&format!(
            "AssignVar source=true target=%2 @0:1:1 Break index=0 @0:1:1 {call}"
        )),
        Ok(result(true))
    );
}

#[test]
fn failing_builtins_are_undefined_unless_strict() {
    let body = "Call func=\"to_number\" args=[s1] result=%2 @0:2:1";
    assert_eq!(plain(body), Ok(vec![]));
    let mut strict = evaluator(body);
    strict.options.strict_builtin_errors = true;
    let data = Value::object([]);
    let error = strict.evaluate(
        "t/p",
        None,
        &data,
        &Context::default(),
        &Limits::default(),
        &mut NoTrace,
    );
    assert_eq!(error.unwrap_err().opa_code(), Some("eval_builtin_error"));
}

#[test]
fn the_tracer_sees_rules_lines_and_values() {
    let mut recorder = Recorder::default();
    let body = "Dot source=%0 key=s1 target=%3 @0:2:5 AssignVarOnce source=%3 target=%2 @0:2:1 \
                Dot source=%3 key=s1 target=%4 @0:3:7";
    run(body, &Limits::default(), &mut recorder).unwrap();
    let statement = |row: u32, wanted: Outcome| {
        recorder.events.iter().find_map(|event| match event {
            Event::Statement {
                at,
                outcome,
                bound,
                reads,
                ..
            } if at.row == row && *outcome == wanted => Some((bound.clone(), reads.clone())),
            _ => None,
        })
    };
    let (bound, _) = statement(2, Outcome::Defined).unwrap();
    assert_eq!(bound, Some((3, "x".into())));
    let (bound, reads) = statement(3, Outcome::Undefined).unwrap();
    assert_eq!((bound, reads), (None, vec![(3, "x".into())]));
    let exits: Vec<(bool, Option<Value>)> = recorder
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Exit { memoised, result, .. } => Some((*memoised, result.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(exits, [(false, Some("x".into())), (true, Some("x".into()))]);
}

#[test]
fn an_unknown_entry_point_is_an_error() {
    let evaluator = evaluator("");
    assert_eq!(evaluator.entry_points(), ["t/p"]);
    let data = Value::object([]);
    let error = evaluator.evaluate(
        "x",
        None,
        &data,
        &Context::default(),
        &Limits::default(),
        &mut NoTrace,
    );
    assert_eq!(error, Err(EvalError::UnknownEntryPoint("x".to_owned())));
}

/// The default depth is reached before a thread's default stack (2 MiB) ends, even in a debug build.
#[test]
fn the_default_depth_fits_the_stack() {
    let mut text = String::from(
        "strings {}\nbuiltins {}\nfiles { f0 \"a.rego\" }\nplan \"p\" [{ Call func=\"f0\" args=[%0 %1] result=%2 @0:1:1 }]\n",
    );
    for n in 0..600 {
        let call = if n < 599 {
            format!("Call func=\"f{}\" args=[%0 %1] result=%3 @0:1:1", n + 1)
        } else {
            String::new()
        };
        text.push_str(&format!(
            "func \"f{n}\" path=[\"f{n}\"] params=[%0 %1] return=%2 [{{ Not block={{ {call} }} @0:1:1 }} {{ ReturnLocal source=%2 @0:1:1 }}]\n"
        ));
    }
    let evaluator = Evaluator::new(&ir::text::parse(&text).unwrap()).unwrap();
    let data = Value::object([]);
    let error = evaluator.evaluate(
        "p",
        None,
        &data,
        &Context::default(),
        &Limits::default(),
        &mut NoTrace,
    );
    assert!(
        matches!(
            error,
            Err(EvalError::Limit {
                limit: LimitKind::Depth,
                ..
            })
        ),
        "{error:?}"
    );
}
