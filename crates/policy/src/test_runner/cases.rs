//! Tests with cases (`test_x[case] if ...`): every case that the body meets must hold, not only those that are left in the result.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_rego::ast::{Rule, Segment, TermKind};
use stele_rego::trace::{Event, Map, Node, Op};
use stele_types::Value;

use super::{FailedLine, Runner, Test};
use crate::engine::EngineError;
use crate::load::PolicyModule;

/// A part of the path to a case.
enum Part {
    Constant(Value),
    Variable(Arc<str>),
}

impl Runner<'_> {
    /// The statement that did not hold for a case which `value`, the result, does not have. Cases are told by the variables that
    /// the rule's head names; of a trace that is too long only its kept events count, and cases named by calls or references
    /// (`test_x[upper(case)]`) can't be told.
    pub(super) fn failed_case(
        &mut self,
        test: &Test<'_>,
        value: Option<&Value>,
    ) -> Result<Option<FailedLine>, EngineError> {
        let skip = test.name.split('.').count().saturating_sub(1);
        let heads: Vec<(&PolicyModule, &Rule, Vec<Part>)> = test
            .definitions
            .iter()
            .filter_map(|(module, rule)| Some((*module, *rule, parts(rule, skip)?)))
            .collect();
        if heads.is_empty() {
            return Ok(None);
        }
        let full = test.path.to_string();
        let (trace, map) = self.trace(test)?;
        let mut own: BTreeSet<u64> = BTreeSet::new();
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
                return Ok(FailedLine::new(map, event).map(|line| line.of_case(case)));
            }
        }
        Ok(None)
    }
}

/// The path of a rule below the test's name, if it has variables and nothing that must be computed.
fn parts(rule: &Rule, skip: usize) -> Option<Vec<Part>> {
    let part = |segment: &Segment| match segment {
        Segment::Dot(ident) => Some(Part::Constant(Value::from(&*ident.name))),
        Segment::Bracket(term) => match &term.kind {
            TermKind::Var(name) if &**name != "_" => Some(Part::Variable(name.clone())),
            TermKind::String(text) => Some(Part::Constant(Value::from(&**text))),
            _ => None,
        },
    };
    let parts: Option<Vec<Part>> = rule.head.reference.path.iter().skip(skip).map(part).collect();
    parts.filter(|parts| parts.iter().any(|part| matches!(part, Part::Variable(_))))
}

/// The case that an event is about, with the names of its variables: `None` where it is not known yet.
fn case_of(
    heads: &[(&PolicyModule, &Rule, Vec<Part>)],
    map: &Map,
    event: &Event,
) -> Option<Vec<(Option<String>, Value)>> {
    let Node::Expression(expression) = event.node else {
        return None;
    };
    let (_, at) = map.statement(expression)?;
    let above = heads.iter().filter_map(|(module, rule, parts)| {
        let place = module.place(rule.head.span);
        (*place.file == *at.file && place.line <= at.row).then_some((place.line, parts))
    });
    let (_, parts) = above.max_by_key(|(line, _)| *line)?;
    let locals = map.locals(event);
    let key = |part: &Part| match part {
        Part::Constant(key) => Some((None, key.clone())),
        Part::Variable(name) => {
            let (name, key) = locals.iter().find(|(local, _)| **local == **name)?;
            Some((Some(name.clone()), (*key).clone()))
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
