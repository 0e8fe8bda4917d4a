//! A query that gives its values has the solutions that it has without.

use std::collections::BTreeSet;

use stele_rego::ast::Module;
use stele_rego::eval::Context;
use stele_rego::vm::{Input, Program, Request, Worker};
use stele_rego::{
    CompileOptions, QueryScope, SourceFile, compile_query, compile_query_in, ir, parse, parse_query,
};
use stele_types::{Timestamp, Value, json};

use super::Query;

fn value(json: &serde_json::Value) -> Value {
    json::parse(json.to_string().as_bytes(), &json::Limits::default()).unwrap()
}

/// The result set of a plan, or the error's text without its place.
fn solutions(plan: &ir::Policy, input: Option<&Value>, data: &Value) -> Result<Vec<Value>, String> {
    let program = Program::new(plan).unwrap();
    let data = program.data(data).unwrap();
    let request = Request {
        context: Context::at(Timestamp(1_500_000_000_000_000_000)),
        strict_builtin_errors: true,
        ..Request::new("eval", input.map_or(Input::Undefined, Input::Value))
    };
    let mut worker = Worker::default();
    let outcome = worker.evaluate(&program, &data, &request);
    match outcome {
        Ok(outcome) => Ok(outcome.results()),
        Err(error) => {
            let text = error.to_string();
            Err(text
                .split_once(": ")
                .map_or(text.clone(), |(_, rest)| rest.to_owned()))
        }
    }
}

fn modules(case: &serde_json::Value) -> Vec<Module> {
    let texts = case["modules"].as_array().into_iter().flatten().enumerate();
    texts
        .map(|(index, text)| {
            let source = SourceFile::new(format!("module-{index}.rego"), text.as_str().unwrap());
            parse(&source).unwrap()
        })
        .collect()
}

#[test]
fn capturing_changes_no_solution_of_any_conformance_case() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../rego/tests/data/opa-v1.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let options = CompileOptions::default();
    let mut compared = 0;
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let note = &case["note"];
        let modules = modules(&case);
        let text = case["query"].as_str().unwrap();
        let source = SourceFile::new("query", text);
        let Ok(body) = parse_query(&source) else { continue };
        let plain = compile_query(&modules, &source, &body, &options);
        let scope = QueryScope::default();
        let query = Query::parse(SourceFile::new("query", text), &modules, &scope).unwrap();
        let captured = compile_query_in(&modules, &scope, &query.source, &query.body, &options);
        let (plain, captured) = match (plain, captured) {
            (Ok(plain), Ok(captured)) => (plain, captured),
            (Err(_), Err(_)) => continue,
            (plain, captured) => panic!("{note}: {:?} {:?}", plain.err(), captured.err()),
        };
        let data = value(case.get("data").unwrap_or(&serde_json::json!({})));
        let input = case.get("input").map(value);
        let expected = solutions(&plain, input.as_ref(), &data);
        let found = solutions(&captured, input.as_ref(), &data);
        let (expected, found) = match (expected, found) {
            (Ok(expected), Ok(found)) => (expected, found),
            (Err(expected), Err(found)) => {
                assert_eq!(expected, found, "{note}");
                continue;
            }
            (expected, found) => panic!("{note}: {expected:?} {found:?}"),
        };
        let expected: BTreeSet<Value> = expected.iter().map(Value::to_json_projection).collect();
        let found: BTreeSet<Value> = query
            .rows(found)
            .into_iter()
            .filter(|row| !row.expressions.contains(&Value::Bool(false)))
            .map(|row| Value::object(row.bindings.into_iter().map(|(name, value)| (name.into(), value))))
            .collect();
        assert_eq!(expected, found, "{note}: {text}");
        compared += 1;
    }
    assert!(compared > 800, "{compared} cases have an answer");
}
