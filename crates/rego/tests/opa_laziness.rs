#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]
//! Where OPA's interpreter evaluates less than we do, or shows more (`docs/opa-divergences.md`, D47 and D49).

use stele_rego::eval::{Context, Evaluator, Limits, NoTrace};
use stele_rego::{CompileOptions, SourceFile, compile, parse};
use stele_types::{EntryPoint, Timestamp, Value, json};

/// What the rule `r` of a module gives for the input `{}`, as JSON; `undefined`, or the message of the error.
fn answer(rules: &str) -> String {
    let module = parse(&SourceFile::new("a.rego", format!("package a\n{rules}\n"))).expect("it parses");
    let entry_points = [EntryPoint::new("a/r").unwrap()];
    let plan = compile(&[module], &entry_points, &CompileOptions::default()).expect("it compiles");
    let (context, empty) = (Context::at(Timestamp::from_nanos(0)), Value::object([]));
    let limits = Limits::default();
    let evaluator = Evaluator::new(&plan).unwrap();
    match evaluator.evaluate("a/r", Some(&empty), &empty, &context, &limits, &mut NoTrace) {
        Ok(results) => results.first().map_or_else(
            || "undefined".to_owned(),
            |one| json::to_string(one.get("result").unwrap()),
        ),
        Err(error) => error.to_string(),
    }
}

#[test]
fn conflicts_are_errors_wherever_they_are_met() {
    // Undefined in OPA, whose `not` stops at the first value.
    let negated = answer("q := 1\nq := 2 if not input.a\nr if not q");
    assert!(negated.contains("multiple outputs"), "{negated}");
    // In OPA true: only the key `b` is evaluated.
    let keyed = answer("q[k] := v if some [k, v] in [[\"a\", 1], [\"a\", 2], [\"b\", 3]]\nr if q.b == 3");
    assert!(keyed.contains("unique"), "{keyed}");
}

#[test]
fn constant_keys_that_are_no_strings_have_no_empty_objects() {
    // In OPA {"7":{}}.
    assert_eq!(answer("r[7][x] := 1 if some x in input.xs"), "{}");
    assert_eq!(answer("r[\"7\"][x] := 1 if some x in input.xs"), r#"{"7":{}}"#);
}
