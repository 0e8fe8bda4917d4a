//! OPA's conformance cases as contracts under revm: from OPA's own plans, and from source through our front end.
//!
//! Every case ends as passed, refused (listed in `data/`) or wrong; wrong must be none, and a refused case that passes must leave
//! its list. `UPDATE_REFUSED=1 cargo test -p stele-contract --test conformance` rewrites the lists.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "test code may panic and print"
)]

mod common;

use common::cases::{Case, Tally, Verdict, cases, dir, judge, matches, raw, same_bindings};
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::Path;
use stele_rego::{Code, CompileOptions, SourceFile, compile_query, ir, parse, parse_query};
use stele_types::Value;

fn lines(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[derive(serde::Deserialize)]
struct PlanLine<'a> {
    note: String,
    file: String,
    entrypoints: Vec<String>,
    plan: ir::Policy,
    #[serde(borrow)]
    want_plan_result: Option<&'a serde_json::value::RawValue>,
}

fn opa_plans(what: &str, fold: bool, list: &str) {
    let cases = cases();
    let plans = lines(&dir().join("../rego/tests/data/opa-v1-plans.jsonl.gz"));
    assert_eq!(cases.len(), plans.len());
    let mut tally = Tally::default();
    for (number, (case, line)) in cases.iter().zip(&plans).enumerate() {
        let case: Case<'_> = serde_json::from_str(case).unwrap();
        let line: PlanLine<'_> = serde_json::from_str(line).unwrap();
        assert_eq!((&case.note, &case.file), (&line.note, &line.file));
        let right = |got: &[Value]| {
            let want = line
                .want_plan_result
                .map(raw)
                .ok_or("a result where none is wanted")?;
            let same = match case.sort_bindings {
                true => same_bindings(got, want.as_array().unwrap_or_default()),
                false => matches(&Value::array(got.iter().cloned()), &want),
            };
            same.then_some(())
                .ok_or_else(|| format!("got {got:?}, want {want:?}"))
        };
        let verdict = judge(&case, &line.plan, &line.entrypoints[0], fold, &right);
        tally.add(number, &case.note, verdict);
    }
    tally.check(what, list);
}

#[test]
fn opa_plans_give_opas_results() {
    opa_plans("OPA's plans", true, "opa-v1-refused.txt");
}

/// Nothing is computed by the compiler, so that literal arguments reach the routines of the contract.
#[test]
fn opa_plans_give_opas_results_without_folding() {
    opa_plans("OPA's plans, not folded", false, "opa-v1-refused-unfolded.txt");
}

/// The case through our front end.
fn from_source(case: &Case<'_>, fold: bool) -> Verdict {
    let mut modules = Vec::new();
    for (index, text) in case.modules.iter().enumerate() {
        match parse(&SourceFile::new(format!("module-{index}.rego"), text.as_str())) {
            Ok(module) => modules.push(module),
            Err(errors) => return Verdict::Wrong(format!("does not parse: {}", errors[0])),
        }
    }
    let source = SourceFile::new("query", case.query.as_str());
    let query = match parse_query(&source) {
        Ok(query) => query,
        Err(errors) => return Verdict::Wrong(format!("the query does not parse: {}", errors[0])),
    };
    let policy = match compile_query(&modules, &source, &query, &CompileOptions::default()) {
        Ok(policy) => policy,
        Err(errors) if errors.iter().all(|error| error.code == Code::Unsupported) => {
            return Verdict::Refused(format!("front end: {}", errors[0].message));
        }
        Err(errors) => {
            return Verdict::Wrong(format!("does not compile: {} [{}]", errors[0], errors[0].code));
        }
    };
    judge(case, &policy, "eval", fold, &|got| bindings(case, got))
}

/// Whether the bindings are those of the case, which lists each once and in any order.
fn bindings(case: &Case<'_>, got: &[Value]) -> Result<(), String> {
    let want = case.want_result.map_or_else(|| Value::array([]), raw);
    let named = |object: &Value| match object.as_object() {
        Some(map) if case.ignore_generated_vars => Value::object(
            map.iter()
                .filter(|(key, _)| !key.as_str().is_some_and(|name| name.starts_with("__local")))
                .map(|(k, v)| (k.clone(), v.clone())),
        ),
        _ => object.clone(),
    };
    let sorted = |value: &Value| match (value.as_object(), case.sort_bindings) {
        (Some(map), true) => Value::object(map.iter().map(|(k, v)| (k.clone(), in_order(v)))),
        _ => value.clone(),
    };
    let mut found: Vec<Value> = got
        .iter()
        .map(|v| sorted(&named(&v.to_json_projection())))
        .collect();
    let mut wanted: Vec<Value> = want.as_array().unwrap_or_default().iter().map(sorted).collect();
    found.sort();
    wanted.sort();
    wanted.dedup();
    (found == wanted)
        .then_some(())
        .ok_or_else(|| format!("got {found:?}, want {wanted:?}"))
}

/// An array in Rego order; anything else as it is.
fn in_order(value: &Value) -> Value {
    let mut items = match value {
        Value::Array(items) => items.to_vec(),
        other => return other.clone(),
    };
    items.sort();
    Value::array(items)
}

fn source(what: &str, fold: bool, list: &str) {
    let mut tally = Tally::default();
    for (number, case) in cases().iter().enumerate() {
        let case: Case<'_> = serde_json::from_str(case).unwrap();
        tally.add(number, &case.note, from_source(&case, fold));
    }
    tally.check(what, list);
}

#[test]
fn source_gives_opas_results() {
    source("our plans", true, "opa-v1-refused-source.txt");
}

#[test]
fn source_gives_opas_results_without_folding() {
    source(
        "our plans, not folded",
        false,
        "opa-v1-refused-source-unfolded.txt",
    );
}
