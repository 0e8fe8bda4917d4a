//! Tests with cases (`test_x[case] if ...`): every case that the body meets must hold, not only those that are left in the result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stele_rego::ast::{Rule, Segment, Term, TermKind};
use stele_rego::trace::{Event, Map, Node, Op};
use stele_types::Value;

use super::{FailedLine, Runner, Test, holds};
use crate::engine::EngineError;
use crate::lint::fold;
use crate::load::PolicyModule;

/// One case of a test, with the cases below it (`test_x[a][b]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// The key; of one that is no string, its JSON.
    pub name: String,
    /// Whether it, and all below it, held.
    pub passed: bool,
    /// The cases below it, by their keys.
    pub cases: Vec<TestCase>,
}

/// The cases of a test, and the statement at which the first that failed did, if a statement can be told.
#[derive(Default)]
pub(super) struct Cases {
    pub(super) found: Vec<TestCase>,
    pub(super) failed: Option<FailedLine>,
}

/// A part of the path to a case.
enum Part<'a> {
    Constant(Value),
    Variable(Arc<str>),
    /// What is computed of the body's variables.
    Computed(&'a PolicyModule, &'a Term),
}

/// A definition, and its path below the test's name.
struct Head<'a> {
    module: &'a PolicyModule,
    rule: &'a Rule,
    parts: Vec<Part<'a>>,
}

/// Whether each case that was met held.
type Met = BTreeMap<Vec<Value>, bool>;

impl Runner<'_> {
    /// The cases of a test whose result is `value`: those that the result has, and those that a statement kept out of it. They are told by the variables of
    /// the body that the rule's head names, or is computed of; of a trace that is too long only its kept events count.
    pub(super) fn cases(&mut self, test: &Test<'_>, value: Option<&Value>) -> Result<Cases, EngineError> {
        let skip = test.name.split('.').count().saturating_sub(1);
        let heads: Vec<Head<'_>> = test
            .definitions
            .iter()
            .filter_map(|(module, rule)| {
                let parts = parts(module, rule, skip)?;
                Some(Head { module, rule, parts })
            })
            .collect();
        let Some(depth) = heads.iter().map(|head| head.parts.len()).max() else {
            return Ok(Cases::default());
        };
        let mut met = Met::new();
        in_result(value, depth, &mut Vec::new(), &mut met);
        let full = test.path.to_string();
        let (trace, map) = self.trace(test)?;
        let mut own: BTreeSet<u64> = BTreeSet::new();
        let mut failed = None;
        for event in &trace.events {
            if event.op == Op::Enter && map.rule(event.node).is_some_and(|rule| *rule.path == *full) {
                own.insert(event.query_id);
            }
            if event.op != Op::Fail || !own.contains(&event.query_id) {
                continue;
            }
            if let Some(case) = case_of(&heads, map, event)
                && !has(value, case.iter().map(|(_, key)| key))
            {
                met.insert(case.iter().map(|(_, key)| key.clone()).collect(), false);
                failed = failed.or_else(|| FailedLine::new(map, event).map(|line| line.of_case(case)));
            }
        }
        let met: Vec<(&[Value], bool)> = met.iter().map(|(path, held)| (path.as_slice(), *held)).collect();
        Ok(Cases {
            found: tree(&met),
            failed,
        })
    }
}

/// The cases in a result: below so many keys, or where there are no more.
fn in_result(value: Option<&Value>, depth: usize, path: &mut Vec<Value>, met: &mut Met) {
    match value {
        Some(Value::Object(members)) if depth > 0 => {
            for (key, value) in members.iter() {
                path.push(key.clone());
                in_result(Some(value), depth.saturating_sub(1), path, met);
                path.pop();
            }
        }
        _ if path.is_empty() => {}
        value => {
            met.insert(path.clone(), holds(value));
        }
    }
}

/// Cases by their keys. They are in order, so that those of one key follow each other.
fn tree(met: &[(&[Value], bool)]) -> Vec<TestCase> {
    let first = |(path, _): &(&[Value], bool)| path.first().cloned();
    met.chunk_by(|one, other| first(one) == first(other))
        .filter_map(|same| {
            let key = first(same.first()?)?;
            let below: Vec<(&[Value], bool)> = same
                .iter()
                .filter_map(|(path, held)| Some((path.get(1..)?, *held)))
                .filter(|(path, _)| !path.is_empty())
                .collect();
            Some(TestCase {
                name: key
                    .as_str()
                    .map_or_else(|| stele_rego::trace::show(&key), str::to_owned),
                passed: same.iter().all(|(_, held)| *held),
                cases: tree(&below),
            })
        })
        .collect()
}

/// The path of a rule below the test's name, if not all of it is constant.
fn parts<'a>(module: &'a PolicyModule, rule: &'a Rule, skip: usize) -> Option<Vec<Part<'a>>> {
    let part = |segment: &'a Segment| match segment {
        Segment::Dot(ident) => Part::Constant(Value::from(&*ident.name)),
        Segment::Bracket(term) => match &term.kind {
            TermKind::Var(name) => Part::Variable(name.clone()),
            TermKind::String(text) => Part::Constant(Value::from(&**text)),
            _ => Part::Computed(module, term),
        },
    };
    let parts: Vec<Part<'_>> = rule.head.reference.path.iter().skip(skip).map(part).collect();
    let constant = |part: &Part<'_>| matches!(part, Part::Constant(_));
    (!parts.iter().all(constant)).then_some(parts)
}

/// The case that an event is about, with the names of its variables: `None` where it is not known yet.
fn case_of(heads: &[Head<'_>], map: &Map, event: &Event) -> Option<Vec<(Option<String>, Value)>> {
    let Node::Expression(expression) = event.node else {
        return None;
    };
    let (_, at) = map.statement(expression)?;
    let above = heads.iter().filter_map(|head| {
        let place = head.module.place(head.rule.head.span);
        (*place.file == *at.file && place.line <= at.row).then_some((place.line, &head.parts))
    });
    let (_, parts) = above.max_by_key(|(line, _)| *line)?;
    let locals = map.locals(event);
    let key = |part: &Part<'_>| match part {
        Part::Constant(key) => Some((None, key.clone())),
        Part::Variable(name) => {
            let (name, key) = locals.iter().find(|(local, _)| **local == **name)?;
            Some((Some(name.clone()), (*key).clone()))
        }
        Part::Computed(module, term) => {
            let known = locals.iter().map(|(name, value)| (name.as_str(), *value));
            let key = fold::value_of(&module.ast, term, known)?;
            Some((Some(module.ast.source.slice(term.span).to_owned()), key))
        }
    };
    parts.iter().map(key).collect()
}

/// Whether a result has a case.
fn has<'v>(value: Option<&Value>, case: impl Iterator<Item = &'v Value>) -> bool {
    let mut at = value;
    for key in case {
        at = match at {
            Some(Value::Object(members)) => members.get(key),
            _ => None,
        };
    }
    at.is_some()
}

impl FailedLine {
    /// With the case's variables among the values.
    fn of_case(mut self, case: Vec<(Option<String>, Value)>) -> Self {
        for (name, key) in case {
            let Some(name) = name else { continue };
            if !self.values.iter().any(|(other, _)| *other == name) {
                self.values.push((name, Some(key)));
            }
        }
        self
    }
}
