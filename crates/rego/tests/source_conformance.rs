//! OPA's conformance cases through our front end and evaluator.
//!
//! Each case passes, is refused with a typed reason, or is wrong. Nothing may be wrong, and the refused cases are exactly those of
//! `data/refused-source.txt`: one that starts to pass fails the test until the list says so. To write the list anew, run
//! `UPDATE_REFUSED=1 cargo test -p stele-rego --test source_conformance`.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic and report"
)]

use stele_rego::eval::{EvalError, Evaluator, Limits, NoTrace, Options};
use stele_rego::nd::{NdCache, NdCalls};
use stele_rego::{Code, CompileOptions, SourceFile, compile_query, parse, parse_query};
use stele_types::Value;
use stele_types::json;

/// How a case ended.
#[derive(Debug)]
enum Outcome {
    Passed,
    Refused(String),
    Wrong(String),
}

fn load() -> Vec<serde_json::Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/opa-v1.jsonl");
    let text = std::fs::read_to_string(path).expect("the cases are in the repository");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect()
}

fn value(json: &serde_json::Value) -> Value {
    json::parse(json.to_string().as_bytes(), &json::Limits::default()).expect("the cases hold valid JSON")
}

/// The result of a query without modules.
fn evaluate_term(text: &str) -> Option<Value> {
    let source = SourceFile::new("term", format!("x = {text}"));
    let query = parse_query(&source).ok()?;
    let policy = compile_query(&[], &source, &query, &CompileOptions::default()).ok()?;
    let results = run(&policy, None, &Value::Object(Default::default()), true)
        .0
        .ok()?;
    results.first()?.get("x").cloned()
}

#[path = "support/nd.rs"]
mod nd;
#[path = "support/vm.rs"]
mod vm;

fn run(
    policy: &stele_rego::ir::Policy,
    input: Option<&Value>,
    data: &Value,
    strict: bool,
) -> (Result<Vec<Value>, EvalError>, NdCache) {
    let evaluator = Evaluator::with_options(
        policy,
        Options {
            strict_builtin_errors: strict,
        },
    )
    .expect("our plans verify");
    let host = nd::local();
    let calls = NdCalls::new(&host);
    let context = nd::context(&calls);
    let answer = evaluator.evaluate("eval", input, data, &context, &Limits::default(), &mut NoTrace);
    (answer, calls.into_cache())
}

fn run_case(case: &serde_json::Value) -> Outcome {
    let mut modules = Vec::new();
    for (index, text) in case["modules"].as_array().into_iter().flatten().enumerate() {
        let source = SourceFile::new(
            format!("module-{index}.rego"),
            text.as_str().expect("modules are texts"),
        );
        match parse(&source) {
            Ok(module) => modules.push(module),
            Err(errors) => return Outcome::Wrong(format!("does not parse: {}", errors[0])),
        }
    }
    let source = SourceFile::new("query", case["query"].as_str().expect("a query"));
    let query = match parse_query(&source) {
        Ok(query) => query,
        Err(errors) => return Outcome::Wrong(format!("the query does not parse: {}", errors[0])),
    };
    let policy = match compile_query(&modules, &source, &query, &CompileOptions::default()) {
        Ok(policy) => policy,
        Err(errors) if errors.iter().all(|error| error.code == Code::Unsupported) => {
            return Outcome::Refused(errors[0].message.clone());
        }
        Err(errors) => {
            return Outcome::Wrong(format!("does not compile: {} [{}]", errors[0], errors[0].code));
        }
    };
    let data = value(case.get("data").unwrap_or(&serde_json::json!({})));
    let input = match case.get("input_term").and_then(serde_json::Value::as_str) {
        Some(term) => Some(evaluate_term(term).expect("input terms are constants")),
        None => case.get("input").map(value),
    };
    let strict = case["strict_error"].as_bool().unwrap_or(false);
    let (answer, recorded) = run(&policy, input.as_ref(), &data, strict);
    let on_vm = nd::run(&policy, input.as_ref(), &data, &recorded, strict);
    if let Some(difference) = vm::difference(&answer, &on_vm) {
        return Outcome::Wrong(difference);
    }
    match answer {
        Err(EvalError::Refused { name, refusal, .. }) => Outcome::Refused(format!("{name}: {refusal}")),
        Err(error) => match (
            case.get("want_error_code").and_then(serde_json::Value::as_str),
            error.opa_code(),
        ) {
            (Some(wanted), Some(code)) if wanted == code => Outcome::Passed,
            (None, Some(_)) if case.get("want_error").is_some() => Outcome::Passed,
            (wanted, _) => Outcome::Wrong(format!("error {error}, wanted {wanted:?}")),
        },
        Ok(_) if case.get("want_error").is_some() || case.get("want_error_code").is_some() => {
            Outcome::Wrong("no error".to_owned())
        }
        Ok(results) => compare(case, &results),
    }
}

fn compare(case: &serde_json::Value, results: &[Value]) -> Outcome {
    let mut found: Vec<Value> = results.iter().map(Value::to_json_projection).collect();
    let mut wanted: Vec<Value> = match case.get("want_result") {
        Some(serde_json::Value::Array(items)) => items.iter().map(value).collect(),
        _ => Vec::new(),
    };
    if case["ignore_generated_vars"].as_bool().unwrap_or(false) {
        found.iter_mut().for_each(|object| *object = keep_named(object));
    }
    if case["sort_bindings"].as_bool().unwrap_or(false) {
        found
            .iter_mut()
            .chain(&mut wanted)
            .for_each(|value| *value = with_sorted_arrays(value));
    }
    found.sort();
    wanted.sort();
    wanted.dedup();
    if found == wanted {
        return Outcome::Passed;
    }
    let show = |values: &[Value]| values.iter().map(json::to_string).collect::<Vec<_>>().join(" ");
    Outcome::Wrong(format!("got {}, wanted {}", show(&found), show(&wanted)))
}

/// An object without the variables that OPA's compiler made.
fn keep_named(object: &Value) -> Value {
    let Value::Object(members) = object else {
        return object.clone();
    };
    let kept = members
        .iter()
        .filter(|(key, _)| !matches!(key, Value::String(name) if name.starts_with("__local")));
    Value::Object(std::sync::Arc::new(
        kept.map(|(key, value)| (key.clone(), value.clone())).collect(),
    ))
}

/// OPA's harness sorts the arrays among the bindings of such cases.
fn with_sorted_arrays(value: &Value) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let sorted = members.iter().map(|(key, value)| {
        let value = match value {
            Value::Array(items) => {
                let mut items = items.as_ref().clone();
                items.sort();
                Value::Array(std::sync::Arc::new(items))
            }
            other => other.clone(),
        };
        (key.clone(), value)
    });
    Value::Object(std::sync::Arc::new(sorted.collect()))
}

#[test]
fn no_conformance_case_is_wrong() {
    let refused_path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/refused-source.txt");
    let mut passed = 0;
    let mut refused = Vec::new();
    let mut wrong = Vec::new();
    let cases = load();
    for case in &cases {
        let name = format!(
            "{}: {}",
            case["file"].as_str().unwrap_or(""),
            case["note"].as_str().unwrap_or("")
        );
        match run_case(case) {
            Outcome::Passed => passed += 1,
            Outcome::Refused(reason) => {
                refused.push(format!("{name} | {reason}\n"));
            }
            Outcome::Wrong(what) => wrong.push(format!("{name}: {what}")),
        }
    }
    eprintln!(
        "{} cases: {passed} passed, {} refused, {} wrong",
        cases.len(),
        refused.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    refused.sort();
    let list = refused.concat();
    if std::env::var_os("UPDATE_REFUSED").is_some() {
        std::fs::write(refused_path, &list).expect("a writable list");
    }
    let committed = std::fs::read_to_string(refused_path).expect("the list is in the repository");
    assert_eq!(
        committed, list,
        "the refused cases have changed; see the head of this file"
    );
}
