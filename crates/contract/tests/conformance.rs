//! OPA's own plans for the Rego v1 conformance cases, as contracts under revm.
//!
//! Every case ends as passed, refused (listed in `data/opa-v1-refused.txt`) or wrong; wrong must be none, and a refused case that
//! passes must leave the list. `UPDATE_REFUSED=1` rewrites the list.
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

use common::{Outcome, evaluate, term};
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use stele_contract::abi::ContractError;
use stele_contract::{Options, ResultForm, compile};
use stele_rego::ir;
use stele_types::Value;

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn lines(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The raw text of a JSON member: `serde_json` without arbitrary precision would round big numbers.
#[derive(serde::Deserialize)]
struct Case<'a> {
    note: String,
    file: String,
    #[serde(borrow)]
    input: Option<&'a serde_json::value::RawValue>,
    input_term: Option<String>,
    #[serde(borrow)]
    data: Option<&'a serde_json::value::RawValue>,
    #[serde(default)]
    strict_error: bool,
    #[serde(default)]
    sort_bindings: bool,
    want_error: Option<String>,
    want_error_code: Option<String>,
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

fn raw(text: &serde_json::value::RawValue) -> Value {
    stele_types::json::parse(text.get().as_bytes(), &stele_types::json::Limits::default()).unwrap()
}

enum Verdict {
    Passed(u64, usize),
    Refused(String),
    Wrong(String),
}

/// `sort_bindings`: neither the order of the bindings nor that of an array bound to a variable says anything.
fn same_bindings(got: &[Value], want: &[Value]) -> bool {
    let loose = |v: &Value| -> Vec<(Value, Vec<Value>)> {
        let object = v.as_object().cloned().unwrap_or_default();
        let items = |v: &Value| match v {
            Value::Array(items) => items.to_vec(),
            Value::Set(items) => items.iter().cloned().collect(),
            other => vec![other.clone()],
        };
        object.iter().map(|(k, v)| (k.clone(), items(v))).collect()
    };
    let binding = |g: &Value, w: &Value| {
        let (g, w) = (loose(g), loose(w));
        g.len() == w.len()
            && g.iter()
                .zip(&w)
                .all(|((gk, g), (wk, w))| gk == wk && multiset(g.iter(), w))
    };
    let mut left: Vec<&Value> = want.iter().collect();
    got.len() == want.len()
        && got.iter().all(|g| {
            left.iter()
                .position(|w| binding(g, w))
                .map(|at| left.remove(at))
                .is_some()
        })
}

fn multiset<'a>(got: impl ExactSizeIterator<Item = &'a Value>, want: &[Value]) -> bool {
    let mut left: Vec<&Value> = want.iter().collect();
    let found = |a: &Value| {
        left.iter()
            .position(|b| matches(a, b))
            .map(|at| left.remove(at))
            .is_some()
    };
    got.len() == want.len() && got.into_iter().all(found)
}

/// Whether a result is what the case wants: its JSON projection, except that the order in which the members of a set are
/// listed says nothing.
fn matches(got: &Value, want: &Value) -> bool {
    match (got, want) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| matches(a, b))
        }
        (Value::Set(a), Value::Array(b)) => multiset(a.iter(), b),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(k, v)| {
                    let key = match k {
                        Value::String(_) => k.clone(),
                        _ => Value::string(&stele_types::json::to_string(k)),
                    };
                    b.get(&key).is_some_and(|w| matches(v, w))
                })
        }
        _ => got == want,
    }
}

fn judge(case: &Case<'_>, line: &PlanLine<'_>) -> Verdict {
    let options = Options {
        result: ResultForm::ResultSet,
        strict_builtin_errors: case.strict_error,
        ..Options::default()
    };
    let contract = match compile(&line.plan, &options) {
        Ok(contract) => contract,
        Err(refusals) => {
            let internal = refusals
                .iter()
                .find(|r| matches!(r.reason, stele_contract::Reason::Internal(_)));
            if let Some(defect) = internal {
                return Verdict::Wrong(format!("defect: {defect}"));
            }
            let first = refusals.first().expect("a reason");
            return Verdict::Refused(format!("{}: {}", first.construct, first.reason));
        }
    };
    let input = match (&case.input_term, case.input) {
        (Some(text), _) => Some(term::parse(text).expect("term")),
        (None, Some(json)) => Some(raw(json)),
        (None, None) => None,
    };
    let data = case.data.map_or_else(|| Value::object([]), raw);
    for document in input.iter().chain([&data]) {
        if let Err(e) = stele_types::encoding::encode_contract(document) {
            return Verdict::Refused(format!("document: {e}"));
        }
    }
    let outcome = evaluate(&contract, &line.entrypoints[0], input.as_ref(), &data);
    let size = contract.runtime.len();
    let wants_error = case.want_error.is_some() || case.want_error_code.is_some();
    match (&outcome, line.want_plan_result) {
        (Outcome::Reverted(ContractError::Conflict, _), _) if wants_error => {
            let code = case.want_error_code.as_deref().unwrap_or("eval_conflict_error");
            if code.contains("conflict") || case.strict_error {
                Verdict::Passed(0, size)
            } else {
                Verdict::Wrong(format!("conflict instead of {code}"))
            }
        }
        (Outcome::Reverted(ContractError::BuiltinError, _), _) if wants_error => Verdict::Passed(0, size),
        (
            Outcome::Reverted(
                e @ (ContractError::NumberOverflow
                | ContractError::InexactNumber
                | ContractError::Unsupported
                | ContractError::MissingContext),
                data,
            ),
            _,
        ) => {
            let name: String = data
                .iter()
                .take_while(|b| **b != 0)
                .map(|b| char::from(*b))
                .collect();
            Verdict::Refused(format!("at run time: {} {name}", e.signature()))
        }
        (Outcome::Returned(_, gas), Some(want)) => {
            let got = outcome.value().expect("a result set");
            let want = raw(want);
            let same = match (&got, case.sort_bindings) {
                (Value::Array(items), true) => same_bindings(items, want.as_array().unwrap_or_default()),
                _ => matches(&got, &want),
            };
            if same {
                Verdict::Passed(*gas, size)
            } else {
                Verdict::Wrong(format!("got {got:?}, want {want:?}"))
            }
        }
        (other, want) => Verdict::Wrong(format!("{other:?}, want {want:?} error {:?}", case.want_error)),
    }
}

#[test]
fn opa_plans_give_opas_results() {
    let cases = std::fs::read_to_string(dir().join("../rego/tests/data/opa-v1.jsonl")).unwrap();
    let cases: Vec<String> = cases.lines().map(str::to_owned).collect();
    let plans = lines(&dir().join("../rego/tests/data/opa-v1-plans.jsonl.gz"));
    assert_eq!(cases.len(), plans.len());
    let mut refused = BTreeMap::new();
    let mut wrong = Vec::new();
    let (mut passed, mut gas, mut bytes) = (0_usize, 0_u64, 0_usize);
    for (number, (case, line)) in cases.iter().zip(&plans).enumerate() {
        let case: Case<'_> = serde_json::from_str(case).unwrap();
        let line: PlanLine<'_> = serde_json::from_str(line).unwrap();
        assert_eq!((&case.note, &case.file), (&line.note, &line.file));
        let id = format!("{:04} {}", number + 1, case.note);
        match judge(&case, &line) {
            Verdict::Passed(g, b) => {
                passed += 1;
                gas += g;
                bytes += b;
            }
            Verdict::Refused(why) => {
                refused.insert(id, why);
            }
            Verdict::Wrong(what) => wrong.push(format!("{id}: {what}")),
        }
    }
    println!(
        "passed {passed}, refused {}, wrong {} of {}",
        refused.len(),
        wrong.len(),
        cases.len()
    );
    if let (Some(gas), Some(bytes)) = (gas.checked_div(passed as u64), bytes.checked_div(passed)) {
        println!("mean of passed: {gas} gas, {bytes} bytes of code");
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let list: String = refused
        .iter()
        .map(|(id, why)| format!("{id} | {why}\n"))
        .collect();
    let path = dir().join("tests/data/opa-v1-refused.txt");
    if std::env::var_os("UPDATE_REFUSED").is_some() {
        std::fs::write(&path, &list).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let (old, new): (Vec<&str>, Vec<&str>) = (committed.lines().collect(), list.lines().collect());
    let gone: Vec<_> = old.iter().filter(|l| !new.contains(l)).collect();
    let added: Vec<_> = new.iter().filter(|l| !old.contains(l)).collect();
    assert!(
        gone.is_empty() && added.is_empty(),
        "no longer refused: {gone:#?}\nnewly refused: {added:#?}"
    );
}
