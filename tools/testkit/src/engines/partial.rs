//! Partial evaluation against full evaluation.
//!
//! A query is evaluated partially with a part of its documents unknown. For many values of that part, what is left, written as
//! Rego and compiled again, must have the solutions that the query has, and fail where the query fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use stele_rego::ast;
use stele_rego::eval::{Context, EvalError, Evaluator, NoTrace};
use stele_rego::partial::{PartialError, PartialOptions, PartialRequest, Residual, partially_evaluate};
use stele_rego::{Diagnostic, QueryScope, SourceFile, compile_query, parse, parse_query};
use stele_types::Value;

use super::evaluator::LIMITS;
use super::generate::Generated;
use super::wild::Wild;
use super::{Chance, Policy};

/// What is known when the query is evaluated partially.
#[derive(Debug, Clone)]
pub struct Known {
    /// The known part of the input.
    pub input: Option<Value>,
    /// The base documents; what is unknown of them is not read.
    pub data: Value,
}

/// What is known later: all of it.
#[derive(Debug, Clone)]
pub struct Concrete {
    /// The whole input.
    pub input: Option<Value>,
    /// The whole base documents.
    pub data: Value,
    /// The base documents that the residual gets: those that were unknown.
    pub unknown_data: Value,
}

/// A query, what is unknown, and how to go about it.
#[derive(Debug, Clone)]
pub struct Question {
    /// The policy.
    pub policy: Arc<Policy>,
    /// The query.
    pub query: String,
    /// Unknowns and the rest.
    pub options: PartialOptions,
    /// What is known of the documents.
    pub known: Known,
}

/// The two evaluations differ.
#[derive(Debug)]
pub struct Disagreement {
    question: Question,
    concrete: Option<Concrete>,
    expected: String,
    found: String,
    residual: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for module in self.question.policy.modules() {
            writeln!(f, "# {}\n{}", module.name, module.text)?;
        }
        let options = &self.question.options;
        writeln!(
            f,
            "query: {}\nunknowns: {:?}, kept: {:?}, shallow: {}",
            self.question.query, options.unknowns, options.disable_inlining, options.shallow_inlining
        )?;
        writeln!(f, "data: {}", self.question.known.data)?;
        writeln!(f, "known input: {}", text(self.question.known.input.as_ref()))?;
        if let Some(concrete) = &self.concrete {
            writeln!(f, "input: {}", text(concrete.input.as_ref()))?;
            writeln!(f, "data: {}", concrete.data)?;
        }
        writeln!(
            f,
            "residual:\n{}\nexpected: {}\nfound: {}",
            self.residual, self.expected, self.found
        )
    }
}

fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "undefined".to_owned(), ToString::to_string)
}

/// What was compared.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    /// Residuals, each of one query.
    pub residuals: u64,
    /// Residuals without queries: no solution whatever the unknowns are.
    pub never: u64,
    /// Residuals that hold whatever the unknowns are.
    pub always: u64,
    /// Residuals with support modules.
    pub supported: u64,
    /// Evaluations of a residual beside the full one.
    pub comparisons: u64,
    /// Comparisons in which there were solutions.
    pub solutions: u64,
    /// Comparisons in which both failed.
    pub failures: u64,
    /// Evaluations in which only the full one failed: what is known to be false can hide a failure in the same statement.
    pub hidden: u64,
    /// Questions that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
}

impl Counts {
    /// Adds what another thread counted.
    pub fn add(&mut self, other: Self) {
        let sum = |a: &mut u64, b: u64| *a = a.saturating_add(b);
        sum(&mut self.residuals, other.residuals);
        sum(&mut self.never, other.never);
        sum(&mut self.always, other.always);
        sum(&mut self.supported, other.supported);
        sum(&mut self.comparisons, other.comparisons);
        sum(&mut self.solutions, other.solutions);
        sum(&mut self.failures, other.failures);
        sum(&mut self.hidden, other.hidden);
        for (reason, count) in other.refused {
            self.refuse(reason, count);
        }
    }

    fn refuse(&mut self, reason: String, count: u64) {
        let found = self.refused.entry(reason).or_default();
        *found = found.saturating_add(count);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} residuals ({} never hold, {} always, {} with support), {} comparisons ({} with solutions, {} failed in both, {} only in full)",
            self.residuals,
            self.never,
            self.always,
            self.supported,
            self.comparisons,
            self.solutions,
            self.failures,
            self.hidden
        )?;
        for (reason, count) in &self.refused {
            writeln!(f, "  {count} refused: {reason}")?;
        }
        Ok(())
    }
}

/// Solutions by their variables, or why there are none.
type Answer = Result<BTreeSet<Value>, EvalError>;

/// A compiled query.
struct Ready(Evaluator);

impl Ready {
    fn new(modules: &[ast::Module], query: &str) -> Result<Self, String> {
        let source = SourceFile::new("query", query);
        let body = parse_query(&source).map_err(|found| lines(&found))?;
        let options = super::options();
        let plan = compile_query(modules, &source, &body, &options).map_err(|found| lines(&found))?;
        Evaluator::new(&plan).map(Self).map_err(|error| error.to_string())
    }

    fn answer(&self, input: Option<&Value>, data: &Value) -> Answer {
        let context = Context::default();
        let rows = self
            .0
            .evaluate("eval", input, data, &context, &LIMITS, &mut NoTrace)?;
        Ok(rows.into_iter().collect())
    }
}

fn lines(found: &[Diagnostic]) -> String {
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    found.join("\n")
}

/// Compares one question's residual with the question itself on all documents.
///
/// # Errors
/// Where they differ, or the residual does not compile.
pub fn compare(
    question: &Question,
    concretes: &[Concrete],
    counts: &mut Counts,
) -> Result<(), Box<Disagreement>> {
    let fail = |concrete: Option<&Concrete>, expected: String, found: String, residual: String| {
        Box::new(Disagreement {
            question: question.clone(),
            concrete: concrete.cloned(),
            expected,
            found,
            residual,
        })
    };
    let Some(modules) = trees(
        question
            .policy
            .modules()
            .iter()
            .map(|module| (&module.name, &module.text)),
    ) else {
        return Ok(());
    };
    // What does not compile is no question.
    let Ok(original) = Ready::new(&modules, &question.query) else {
        return Ok(());
    };
    let residual = match evaluate(question, &modules) {
        Ok(residual) => residual,
        Err(PartialError::Compile(_)) => return Ok(()),
        Err(PartialError::Eval(error)) => {
            // What is known fails in itself; the query may still not come to it.
            counts.refuse(format!("evaluation: {}", kind(&error)), 1);
            return Ok(());
        }
        Err(error) => {
            counts.refuse(reason(&error), 1);
            return Ok(());
        }
    };
    let written = written(&residual);
    let made = ready(&residual).map_err(|error| fail(None, String::new(), error, written.clone()))?;
    counts.residuals = counts.residuals.saturating_add(1);
    counts.never = counts.never.saturating_add(u64::from(residual.is_empty()));
    counts.always = counts
        .always
        .saturating_add(u64::from(residual.queries().iter().any(String::is_empty)));
    counts.supported = counts
        .supported
        .saturating_add(u64::from(!residual.support().is_empty()));
    for concrete in concretes {
        let expected = original.answer(concrete.input.as_ref(), &concrete.data);
        let found = solutions(&made, concrete, expected.as_ref().ok());
        match (&expected, &found) {
            (Err(EvalError::Limit { .. } | EvalError::Refused { .. }), _)
            | (_, Err(EvalError::Limit { .. })) => {
                counts.refuse("a limit, or a refused builtin".to_owned(), 1);
                continue;
            }
            (Ok(expected), Ok(found)) if expected == found => {
                counts.solutions = counts.solutions.saturating_add(u64::from(!found.is_empty()));
            }
            (Err(EvalError::Conflict { .. } | EvalError::ObjectConflict { .. }), Ok(found))
                if found.is_empty() =>
            {
                counts.hidden = counts.hidden.saturating_add(1);
            }
            (Err(_), Err(_)) => counts.failures = counts.failures.saturating_add(1),
            _ => {
                let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
                return Err(fail(Some(concrete), expected, found, written));
            }
        }
        counts.comparisons = counts.comparisons.saturating_add(1);
    }
    Ok(())
}

/// The question, evaluated partially.
fn evaluate(question: &Question, modules: &[ast::Module]) -> Result<Residual, PartialError> {
    let source = SourceFile::new("query", question.query.as_str());
    let query = parse_query(&source).map_err(PartialError::Compile)?;
    partially_evaluate(&PartialRequest {
        modules,
        scope: &QueryScope::default(),
        source: &source,
        query: &query,
        data: &question.known.data,
        input: question.known.input.as_ref(),
        context: Context::default(),
        limits: LIMITS,
        strict_builtin_errors: false,
        compile: &super::options(),
        options: &question.options,
    })
}

fn trees<'t>(modules: impl Iterator<Item = (&'t String, &'t String)>) -> Option<Vec<ast::Module>> {
    modules
        .map(|(name, text)| parse(&SourceFile::new(name.as_str(), text.as_str())).ok())
        .collect()
}

/// All queries of a residual, compiled with its modules.
fn ready(residual: &Residual) -> Result<Vec<Ready>, String> {
    let support = residual.support();
    let modules: Result<Vec<ast::Module>, String> = support
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let source = SourceFile::new(format!("support{index}.rego"), text.as_str());
            parse(&source).map_err(|found| lines(&found))
        })
        .collect();
    let modules = modules?;
    residual
        .queries()
        .iter()
        .map(|query| {
            // No statements: it holds.
            let query = if query.is_empty() { "true" } else { query };
            Ready::new(&modules, query)
        })
        .collect()
}

/// The solutions of all queries together, with the variables that the original has.
fn solutions(queries: &[Ready], concrete: &Concrete, expected: Option<&BTreeSet<Value>>) -> Answer {
    let names: Option<Vec<Value>> = expected
        .and_then(|rows| rows.first())
        .and_then(Value::as_object)
        .map(|row| row.keys().cloned().collect());
    let mut out = BTreeSet::new();
    for query in queries {
        for row in query.answer(concrete.input.as_ref(), &concrete.unknown_data)? {
            out.insert(match (&names, row.as_object()) {
                (Some(names), Some(found)) => Value::object(
                    names
                        .iter()
                        .filter_map(|name| Some((name.clone(), found.get(name)?.clone())))
                        .collect::<Vec<_>>(),
                ),
                _ => row,
            });
        }
    }
    Ok(out)
}

fn written(residual: &Residual) -> String {
    let mut out = String::new();
    for query in residual.queries() {
        out.push_str(&format!("# query\n{query}\n"));
    }
    for module in residual.support() {
        out.push_str(&format!("# support\n{module}\n"));
    }
    out
}

fn kind(error: &EvalError) -> String {
    match error {
        EvalError::Refused { name, .. } => format!("builtin {name}"),
        EvalError::Limit { limit, .. } => limit.to_string(),
        other => other.opa_code().unwrap_or("other").to_owned(),
    }
}

fn reason(error: &PartialError) -> String {
    let text = error.to_string();
    // Without the names in it.
    let parts: Vec<&str> = text.split('`').step_by(2).collect();
    parts.join("...")
}

/// A question about a generated policy, and documents that agree with what is known in it. `inputs` are at least one.
fn question(
    policy: &Arc<Policy>,
    inputs: &[Option<Value>],
    others: &[Value],
    chance: &mut Chance,
) -> Option<(Question, Vec<Concrete>)> {
    let paths: Vec<String> = policy
        .entry_points()
        .iter()
        .map(|path| format!("data.{}", path.as_str().replace('/', ".")))
        .collect();
    let path = paths.get(chance.below(paths.len()))?;
    let query = match chance.below(12) {
        0..=2 => path.clone(),
        3 | 4 => format!("some x; data.{}[x]", path.trim_start_matches("data.")),
        5 => format!("not {path}"),
        6 => format!("{path} == true"),
        7 => format!("x := [y | some y in {path}]"),
        8 => format!("some x; {path}[x][\"a\"]"),
        9 => format!("every k, v in {path} {{ k != v; v != input.a }}"),
        _ => format!("x := {path}"),
    };
    let mut options = PartialOptions {
        shallow_inlining: chance.one_in(6),
        ..PartialOptions::default()
    };
    if chance.one_in(6) {
        options.disable_inlining = vec![paths.get(chance.below(paths.len()))?.clone()];
    }
    let (known, concretes) = split(policy, inputs, others, &mut options, chance);
    let question = Question {
        policy: Arc::clone(policy),
        query,
        options,
        known,
    };
    Some((question, concretes))
}

/// Says what is unknown, and gives it several values.
fn split(
    policy: &Arc<Policy>,
    inputs: &[Option<Value>],
    others: &[Value],
    options: &mut PartialOptions,
    chance: &mut Chance,
) -> (Known, Vec<Concrete>) {
    let nothing = Value::object([]);
    let first = inputs.first().cloned().flatten();
    let mut known = Known {
        input: None,
        data: policy.data().clone(),
    };
    let concretes = match (chance.below(4), &first) {
        (0, Some(Value::Object(base))) => {
            // One member of the input is unknown.
            let key = Value::string(chance.word(&["a", "b", "c"]));
            options.unknowns = vec![format!("input.{}", key.as_str().unwrap_or_default())];
            let mut rest = base.as_ref().clone();
            rest.remove(&key);
            known.input = Some(Value::Object(Arc::new(rest.clone())));
            let with = |input: &Option<Value>| {
                let mut all = rest.clone();
                if let Some(value) = input.as_ref().and_then(|input| input.index(&key)) {
                    all.insert(key.clone(), value.clone());
                }
                Some(Value::Object(Arc::new(all)))
            };
            let concrete = |input: &Option<Value>| Concrete {
                input: with(input),
                data: policy.data().clone(),
                unknown_data: nothing.clone(),
            };
            inputs.iter().map(concrete).collect()
        }
        (1, _) if policy.data().get("base").is_some() => {
            options.unknowns = vec!["data.base".to_owned()];
            known.input = first.clone();
            let concrete = |other: &Value| {
                let unknown = other
                    .get("base")
                    .map(|base| (Value::string("base"), base.clone()));
                let rest = policy.data().as_object().into_iter().flatten();
                let rest = rest.filter(|(key, _)| key.as_str() != Some("base"));
                let rest = rest.map(|(key, value)| (key.clone(), value.clone()));
                Concrete {
                    input: first.clone(),
                    data: Value::object(rest.chain(unknown.clone())),
                    unknown_data: Value::object(unknown),
                }
            };
            others.iter().map(concrete).collect()
        }
        _ => inputs
            .iter()
            .map(|input| Concrete {
                input: input.clone(),
                data: policy.data().clone(),
                unknown_data: nothing.clone(),
            })
            .collect(),
    };
    (known, concretes)
}

/// Asks questions about generated policies, from the seed on, until there are so many comparisons, or so many disagreements to keep.
pub fn campaign(
    seed: u64,
    comparisons: u64,
    inputs: usize,
    questions: usize,
    keep: usize,
    counts: &mut Counts,
) -> Vec<Box<Disagreement>> {
    let mut found = Vec::new();
    for seed in seed.. {
        if counts.comparisons >= comparisons || found.len() >= keep {
            break;
        }
        let mut chance = Chance(seed);
        let (policy, documents) = if chance.one_in(4) {
            let rules: Vec<u64> = (0..4).map(|_| chance.advance()).collect();
            let generated = Generated::from_seeds(&rules, chance.advance());
            let documents = (0..inputs)
                .map(|_| Some(generated.with_input(chance.advance()).input))
                .collect();
            (generated.policy, documents)
        } else {
            let wild = Wild::from_seed(seed, inputs);
            (wild.policy, wild.inputs)
        };
        let others: Vec<Value> = (0..inputs)
            .map(|_| Wild::from_seed(chance.advance(), 0).policy.data().clone())
            .collect();
        for _ in 0..questions {
            if let Some((question, concretes)) = question(&policy, &documents, &others, &mut chance)
                && let Err(disagreement) = compare(&question, &concretes, counts)
            {
                found.push(disagreement);
            }
        }
    }
    found
}
