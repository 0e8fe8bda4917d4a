//! OPA's conformance cases: OPA's plan, data and input, our evaluator and our VM, OPA's result.
//!
//! A case is *passed* (same result, or an error of the same code), *refused* (a builtin that the evaluator does not execute) or
//! *wrong*. None may be wrong, and the refused ones are listed in `data/refused.txt`: a case that leaves or enters that list
//! fails this test until the list says so. `UPDATE_REFUSED=1` writes the list anew.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

#[path = "support/nd.rs"]
mod nd;
#[path = "support/term.rs"]
mod term;
#[path = "support/vm.rs"]
mod vm;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value as Json;
use stele_rego::eval::{EvalError, Evaluator, Limits, NoTrace, Options};
use stele_rego::ir::Policy;
use stele_rego::nd::NdCalls;
use stele_types::Value;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

struct Case {
    id: String,
    case: Json,
    plan: Policy,
    want: Json,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(data("opa-v1.jsonl")).unwrap();
    let key = |json: &Json| {
        format!(
            "{} | {}",
            json["file"].as_str().unwrap(),
            json["note"].as_str().unwrap()
        )
    };
    let plans = GzDecoder::new(std::fs::File::open(data("opa-v1-plans.jsonl.gz")).unwrap());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    // The files list the same cases in the same order; some notes occur more than once.
    text.lines()
        .zip(BufReader::new(plans).lines())
        .map(|(case, plan)| {
            let case: Json = serde_json::from_str(case).unwrap();
            let mut plan: Json = serde_json::from_str(&plan.unwrap()).unwrap();
            let id = key(&plan);
            assert_eq!(id, key(&case));
            let count = seen
                .entry(id.clone())
                .and_modify(|count| *count += 1)
                .or_insert(1);
            let id = if *count == 1 { id } else { format!("{id} #{count}") };
            Case {
                case,
                want: plan["want_plan_result"].take(),
                plan: serde_json::from_value(plan["plan"].take()).unwrap(),
                id,
            }
        })
        .collect()
}

fn value(json: &Json) -> Value {
    stele_types::json::parse(json.to_string().as_bytes(), &stele_types::json::Limits::default()).unwrap()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Passed,
    Refused(String),
    Wrong(String),
}

fn run(case: &Case) -> Verdict {
    let strict = case.case["strict_error"].as_bool().unwrap_or(false);
    let evaluator = Evaluator::with_options(
        &case.plan,
        Options {
            strict_builtin_errors: strict,
        },
    )
    .unwrap();
    let input = match (&case.case["input"], &case.case["input_term"]) {
        (Json::Null, Json::String(text)) => Some(term::parse(text)),
        (Json::Null, _) => None,
        (json, _) => Some(value(json)),
    };
    let data = match &case.case["data"] {
        Json::Null => Value::object([]),
        json => value(json),
    };
    let host = nd::local();
    let calls = NdCalls::new(&host);
    let result = evaluator.evaluate(
        "eval",
        input.as_ref(),
        &data,
        &nd::context(&calls),
        &Limits::default(),
        &mut NoTrace,
    );
    let on_vm = nd::run(&case.plan, input.as_ref(), &data, &calls.into_cache(), strict);
    match vm::difference(&result, &on_vm) {
        Some(difference) => Verdict::Wrong(difference),
        None => verdict(case, result),
    }
}

fn verdict(case: &Case, result: Result<Vec<Value>, EvalError>) -> Verdict {
    let wants_error = case.case.get("want_error").is_some() || case.case.get("want_error_code").is_some();
    match result {
        Err(EvalError::Refused { name, refusal, .. }) => Verdict::Refused(format!("{name}: {refusal}")),
        Err(error) if wants_error => match case.case["want_error_code"].as_str() {
            Some(code) if error.opa_code() != Some(code) => {
                Verdict::Wrong(format!("wanted {code}, got {:?}: {error}", error.opa_code()))
            }
            _ => Verdict::Passed,
        },
        Err(error) => Verdict::Wrong(error.to_string()),
        Ok(values) if wants_error => Verdict::Wrong(format!("wanted an error, got {values:?}")),
        Ok(values) => {
            let want: Vec<Value> = case.want.as_array().unwrap().iter().map(value).collect();
            let loose = case.case["sort_bindings"].as_bool().unwrap_or(false);
            let got = values;
            if any_order(
                &want.iter().collect::<Vec<_>>(),
                &got.iter().collect::<Vec<_>>(),
                &|want, got| bindings(want, got, loose),
            ) {
                Verdict::Passed
            } else {
                Verdict::Wrong(format!("wanted {want:?}, got {got:?}"))
            }
        }
    }
}

/// Do the items match one to one?
fn any_order(want: &[&Value], got: &[&Value], same: &dyn Fn(&Value, &Value) -> bool) -> bool {
    let mut left: Vec<&Value> = got.to_vec();
    want.len() == got.len()
        && want.iter().all(|want| {
            let found = left.iter().position(|got| same(want, got));
            found.map(|at| left.remove(at)).is_some()
        })
}

/// One result: bindings of variables to values. `loose`: arrays bound to variables have no order.
fn bindings(want: &Value, got: &Value, loose: bool) -> bool {
    let (Value::Object(want), Value::Object(got)) = (want, got) else {
        return false;
    };
    want.len() == got.len()
        && want.iter().all(|(key, want)| match (want, got.get(key)) {
            (Value::Array(want), Some(Value::Array(got))) if loose => any_order(
                &want.iter().collect::<Vec<_>>(),
                &got.iter().collect::<Vec<_>>(),
                &same,
            ),
            (want, Some(got)) => same(want, got),
            (_, None) => false,
        })
}

/// Equality, where an array of the expectation may stand for a set, and text for a key that is no string.
fn same(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Array(want), Value::Set(got)) => any_order(
            &want.iter().collect::<Vec<_>>(),
            &got.iter().collect::<Vec<_>>(),
            &same,
        ),
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got.iter()).all(|(want, got)| same(want, got))
        }
        (Value::Object(want), Value::Object(got)) => {
            let got: BTreeMap<Value, &Value> = got
                .iter()
                .map(|(key, value)| match key {
                    Value::String(_) => (key.clone(), value),
                    other => (Value::from(stele_types::json::to_string(other)), value),
                })
                .collect();
            want.len() == got.len()
                && want
                    .iter()
                    .all(|(key, want)| got.get(key).is_some_and(|got| same(want, got)))
        }
        (want, got) => want == got,
    }
}

#[test]
fn opa_conformance() {
    let (mut passed, mut refused, mut wrong) = (0, BTreeMap::new(), Vec::new());
    for case in cases() {
        match run(&case) {
            Verdict::Passed => passed += 1,
            Verdict::Refused(why) => {
                refused.insert(case.id, why);
            }
            Verdict::Wrong(why) => wrong.push(format!("{}: {why}", case.id)),
        }
    }
    println!(
        "{passed} passed, {} refused, {} wrong",
        refused.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let list: String = refused
        .iter()
        .map(|(id, why)| format!("{id} | {why}\n"))
        .collect();
    if std::env::var_os("UPDATE_REFUSED").is_some() {
        std::fs::write(data("refused.txt"), &list).unwrap();
    }
    let known = std::fs::read_to_string(data("refused.txt")).unwrap_or_default();
    let difference: Vec<&str> = known
        .lines()
        .filter(|line| !list.lines().any(|other| other == *line))
        .chain(
            list.lines()
                .filter(|line| !known.lines().any(|other| other == *line)),
        )
        .collect();
    assert!(
        difference.is_empty(),
        "data/refused.txt differs in:\n{}",
        difference.join("\n")
    );
    assert_eq!(passed + refused.len(), 1_033);
}
