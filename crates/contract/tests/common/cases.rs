//! Conformance cases: how a contract's answer is judged.
#![allow(unreachable_pub, clippy::print_stdout, reason = "test module that reports")]

use super::{Outcome, evaluate_at};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use stele_contract::abi::ContractError;
use stele_contract::{Options, Reason, Refusal, ResultForm, compile};
use stele_rego::ir;
use stele_types::Value;

pub fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The cases, one JSON object a line.
pub fn cases() -> Vec<String> {
    let text = std::fs::read_to_string(dir().join("../rego/tests/data/opa-v1.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The raw text of a JSON member: `serde_json` without arbitrary precision would round big numbers.
#[derive(serde::Deserialize)]
pub struct Case<'a> {
    pub note: String,
    pub file: String,
    #[serde(default)]
    pub query: String,
    #[serde(default)]
    pub modules: Vec<String>,
    #[serde(borrow)]
    pub input: Option<&'a serde_json::value::RawValue>,
    pub input_term: Option<String>,
    #[serde(borrow)]
    pub data: Option<&'a serde_json::value::RawValue>,
    #[serde(default)]
    pub strict_error: bool,
    #[serde(default)]
    pub sort_bindings: bool,
    #[serde(default)]
    pub ignore_generated_vars: bool,
    #[serde(borrow)]
    pub want_result: Option<&'a serde_json::value::RawValue>,
    pub want_error: Option<String>,
    pub want_error_code: Option<String>,
}

impl Case<'_> {
    fn wants_error(&self) -> bool {
        self.want_error.is_some() || self.want_error_code.is_some()
    }
}

pub fn raw(text: &serde_json::value::RawValue) -> Value {
    stele_types::json::parse(text.get().as_bytes(), &stele_types::json::Limits::default()).unwrap()
}

pub enum Verdict {
    Passed(u64, usize),
    Refused(String),
    Wrong(String),
}

/// `sort_bindings`: neither the order of the bindings nor that of an array bound to a variable says anything.
pub fn same_bindings(got: &[Value], want: &[Value]) -> bool {
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

pub fn multiset<'a>(got: impl ExactSizeIterator<Item = &'a Value>, want: &[Value]) -> bool {
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
pub fn matches(got: &Value, want: &Value) -> bool {
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

/// Compiles a plan, runs it on the case's documents, and judges what comes out; `right` says whether a result set is the wanted one.
pub fn judge(
    case: &Case<'_>,
    plan: &ir::Policy,
    entry: &str,
    fold_constants: bool,
    right: &dyn Fn(&[Value]) -> Result<(), String>,
) -> Verdict {
    let options = Options {
        result: ResultForm::ResultSet,
        strict_builtin_errors: case.strict_error,
        fold_constants,
        ..Options::default()
    };
    let contract = match compile(plan, &options) {
        Ok(contract) => contract,
        Err(refusals) => return refusal(&refusals),
    };
    let input = match (&case.input_term, case.input) {
        (Some(text), _) => Some(super::term::parse(text).expect("term")),
        (None, Some(json)) => Some(raw(json)),
        (None, None) => None,
    };
    let data = case.data.map_or_else(|| Value::object([]), raw);
    for document in input.iter().chain([&data]) {
        if let Err(e) = stele_types::encoding::encode_contract(document) {
            return Verdict::Refused(format!("document: {e}"));
        }
    }
    // Some cases read the clock; none depends on what it says.
    let outcome = evaluate_at(&contract, entry, input.as_ref(), &data, 1_500_000_000_000_000_000);
    let size = contract.runtime.len();
    match &outcome {
        Outcome::Returned(_, gas) if !case.wants_error() => {
            let got = outcome.value().expect("a result set");
            match right(got.as_array().expect("an array")) {
                Ok(()) => Verdict::Passed(*gas, size),
                Err(why) => Verdict::Wrong(why),
            }
        }
        Outcome::Reverted(error, data) => reverted(case, *error, data, size),
        other => Verdict::Wrong(format!("{other:?}, wanted error {:?}", case.want_error)),
    }
}

/// A defect of the compiler is wrong, anything else it says is a refusal.
fn refusal(refusals: &[Refusal]) -> Verdict {
    let defect = refusals.iter().find(|r| matches!(r.reason, Reason::Internal(_)));
    match (defect, refusals.first()) {
        (Some(defect), _) => Verdict::Wrong(format!("defect: {defect}")),
        (None, Some(first)) => Verdict::Refused(format!("{}: {}", first.construct, first.reason)),
        (None, None) => Verdict::Wrong("refused without a reason".to_owned()),
    }
}

fn reverted(case: &Case<'_>, error: ContractError, data: &[u8], size: usize) -> Verdict {
    match error {
        ContractError::Conflict if case.wants_error() => {
            let code = case.want_error_code.as_deref().unwrap_or("eval_conflict_error");
            if code.contains("conflict") || case.strict_error {
                Verdict::Passed(0, size)
            } else {
                Verdict::Wrong(format!("conflict instead of {code}"))
            }
        }
        ContractError::BuiltinError if case.wants_error() => Verdict::Passed(0, size),
        ContractError::NumberOverflow
        | ContractError::InexactNumber
        | ContractError::Unsupported
        | ContractError::MissingContext => {
            let name: String = data
                .iter()
                .take_while(|b| **b != 0)
                .map(|b| char::from(*b))
                .collect();
            Verdict::Refused(format!("at run time: {} {name}", error.signature()))
        }
        _ => Verdict::Wrong(format!("{error:?}, wanted error {:?}", case.want_error)),
    }
}

/// Adds verdicts up and compares the refusals with a committed list.
#[derive(Default)]
pub struct Tally {
    passed: usize,
    gas: u64,
    bytes: usize,
    refused: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, number: usize, note: &str, verdict: Verdict) {
        let id = format!("{:04} {note}", number + 1);
        match verdict {
            Verdict::Passed(gas, bytes) => {
                self.passed += 1;
                self.gas += gas;
                self.bytes += bytes;
            }
            Verdict::Refused(why) => {
                self.refused.insert(id, why);
            }
            Verdict::Wrong(what) => self.wrong.push(format!("{id}: {what}")),
        }
    }

    /// Reports, and fails unless nothing is wrong and the refusals are exactly those of the list.
    pub fn check(self, what: &str, list: &str) {
        let (refused, wrong) = (self.refused.len(), self.wrong.len());
        let all = self.passed + refused + wrong;
        println!(
            "{what}: passed {}, refused {refused}, wrong {wrong} of {all}",
            self.passed
        );
        let count = u64::try_from(self.passed).unwrap();
        if let (Some(gas), Some(bytes)) = (self.gas.checked_div(count), self.bytes.checked_div(self.passed)) {
            println!("mean of passed: {gas} gas, {bytes} bytes of code");
        }
        assert!(self.wrong.is_empty(), "{wrong} wrong:\n{}", self.wrong.join("\n"));
        let text: String = self
            .refused
            .iter()
            .map(|(id, why)| format!("{id} | {why}\n"))
            .collect();
        let path = dir().join("tests/data").join(list);
        if std::env::var_os("UPDATE_REFUSED").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let (old, new): (Vec<&str>, Vec<&str>) = (committed.lines().collect(), text.lines().collect());
        let gone: Vec<_> = old.iter().filter(|l| !new.contains(l)).collect();
        let added: Vec<_> = new.iter().filter(|l| !old.contains(l)).collect();
        assert!(
            gone.is_empty() && added.is_empty(),
            "no longer refused: {gone:#?}\nnewly refused: {added:#?}"
        );
    }
}
