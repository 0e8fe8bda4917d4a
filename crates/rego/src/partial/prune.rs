//! What a residual refers to, and how large it is.

use std::sync::Arc;

use stele_types::Value;

use super::term::{Callee, Conjunction, Kind, Replacement, Statement, SupportRule, Target, Term, TermRoot};
use crate::compile::hir::Path;

/// Leaves out the rules that neither the queries nor rules that they need refer to.
pub(super) fn prune(queries: &[Conjunction], rules: Vec<SupportRule>) -> Vec<SupportRule> {
    let mut paths = Vec::new();
    for query in queries {
        query
            .iter()
            .for_each(|statement| statement_paths(statement, &mut paths));
    }
    let mut waiting = rules.into_iter().enumerate().collect::<Vec<_>>();
    let mut needed = Vec::new();
    let mut seen = std::collections::HashSet::new();
    while let Some(path) = paths.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let (found, others): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|(_, rule)| rule.path.starts_with(&path) || path.starts_with(&rule.path));
        waiting = others;
        for (index, rule) in found {
            for branch in &rule.branches {
                branch
                    .body
                    .iter()
                    .for_each(|statement| statement_paths(statement, &mut paths));
                term_paths(&branch.value, &mut paths);
            }
            rule.suffix.iter().for_each(|term| term_paths(term, &mut paths));
            needed.push((index, rule));
        }
    }
    needed.sort_by_key(|(index, _)| *index);
    needed.into_iter().map(|(_, rule)| rule).collect()
}

pub(super) fn statement_paths(statement: &Statement, out: &mut Vec<Path>) {
    for with in &statement.with {
        match &with.value {
            Replacement::Term(term) => term_paths(term, out),
            Replacement::Function(Callee::Rule(path)) => out.push(path.clone()),
            Replacement::Function(Callee::Builtin(_)) => {}
        }
        // A function that is replaced has to exist.
        if let Target::Function(Callee::Rule(path)) = &with.target {
            out.push(path.clone());
        }
    }
    match &statement.kind {
        Kind::Test(term) => term_paths(term, out),
        Kind::Unify(a, b) | Kind::NotEqual(a, b) => {
            term_paths(a, out);
            term_paths(b, out);
        }
        Kind::Call {
            function,
            args,
            out: result,
        } => {
            if let Callee::Rule(path) = function {
                out.push(path.clone());
            }
            args.iter().chain(result).for_each(|term| term_paths(term, out));
        }
        Kind::Not(inner) => statement_paths(inner, out),
        Kind::Every { domain, body, .. } => {
            term_paths(domain, out);
            body.iter().for_each(|statement| statement_paths(statement, out));
        }
    }
}

fn term_paths(term: &Term, out: &mut Vec<Path>) {
    match term {
        Term::Const(_) | Term::Var(_) => {}
        Term::Ref(reference) => {
            if reference.root == TermRoot::Data {
                out.push(names(&reference.path));
            }
            reference.path.iter().for_each(|part| term_paths(part, out));
        }
        Term::Array(terms) | Term::Set(terms) => terms.iter().for_each(|term| term_paths(term, out)),
        Term::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            term_paths(key, out);
            term_paths(value, out);
        }),
        Term::Comprehension(inner) => {
            inner.head.iter().for_each(|term| term_paths(term, out));
            inner
                .body
                .iter()
                .for_each(|statement| statement_paths(statement, out));
        }
    }
}

/// Whether a statement makes objects by comprehension, which fails when keys conflict.
pub(super) fn makes_objects(statement: &Statement) -> bool {
    let with =
        |with: &super::term::TermWith| matches!(&with.value, Replacement::Term(term) if term_makes(term));
    statement.with.iter().any(with)
        || match &statement.kind {
            Kind::Test(term) => term_makes(term),
            Kind::Unify(a, b) | Kind::NotEqual(a, b) => term_makes(a) || term_makes(b),
            Kind::Call { args, out, .. } => args.iter().chain(out).any(term_makes),
            Kind::Not(inner) => makes_objects(inner),
            Kind::Every { domain, body, .. } => term_makes(domain) || body.iter().any(makes_objects),
        }
}

fn term_makes(term: &Term) -> bool {
    match term {
        Term::Const(_) | Term::Var(_) => false,
        Term::Ref(reference) => reference.path.iter().any(term_makes),
        Term::Array(terms) | Term::Set(terms) => terms.iter().any(term_makes),
        Term::Object(pairs) => pairs
            .iter()
            .any(|(key, value)| term_makes(key) || term_makes(value)),
        Term::Comprehension(inner) => {
            inner.collects == super::term::Collects::Object
                || inner.head.iter().any(term_makes)
                || inner.body.iter().any(makes_objects)
        }
    }
}

/// The names that a path begins with.
fn names(path: &[Term]) -> Path {
    path.iter()
        .map_while(|part| match part {
            Term::Const(Value::String(name)) => Some(Arc::clone(name)),
            _ => None,
        })
        .collect()
}

/// The number of terms of a conjunction.
pub(super) fn count(body: &[Statement]) -> usize {
    body.iter().map(count_statement).fold(0, usize::saturating_add)
}

/// The number of terms of a rule.
pub(super) fn count_rule(rule: &SupportRule) -> usize {
    let branches = rule
        .branches
        .iter()
        .map(|branch| count(&branch.body).saturating_add(count_term(&branch.value)));
    let suffix = rule.suffix.iter().map(count_term);
    branches.chain(suffix).fold(1, usize::saturating_add)
}

fn count_statement(statement: &Statement) -> usize {
    let with = statement.with.iter().map(|with| match &with.value {
        Replacement::Term(term) => count_term(term),
        Replacement::Function(_) => 1,
    });
    let own = match &statement.kind {
        Kind::Test(term) => count_term(term),
        Kind::Unify(a, b) | Kind::NotEqual(a, b) => count_term(a).saturating_add(count_term(b)),
        Kind::Call { args, out, .. } => args
            .iter()
            .chain(out)
            .map(count_term)
            .fold(1, usize::saturating_add),
        Kind::Not(inner) => count_statement(inner),
        Kind::Every { domain, body, .. } => count_term(domain).saturating_add(count(body)),
    };
    with.fold(own.saturating_add(1), usize::saturating_add)
}

fn count_term(term: &Term) -> usize {
    match term {
        Term::Const(value) => count_value(value),
        Term::Var(_) => 1,
        Term::Ref(reference) => reference
            .path
            .iter()
            .map(count_term)
            .fold(1, usize::saturating_add),
        Term::Array(terms) | Term::Set(terms) => terms.iter().map(count_term).fold(1, usize::saturating_add),
        Term::Object(pairs) => pairs
            .iter()
            .map(|(key, value)| count_term(key).saturating_add(count_term(value)))
            .fold(1, usize::saturating_add),
        Term::Comprehension(inner) => inner
            .head
            .iter()
            .map(count_term)
            .fold(count(&inner.body), usize::saturating_add),
    }
}

fn count_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
        Value::Array(items) => items.iter().map(count_value).fold(1, usize::saturating_add),
        Value::Set(items) => items.iter().map(count_value).fold(1, usize::saturating_add),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| count_value(key).saturating_add(count_value(value)))
            .fold(1, usize::saturating_add),
    }
}
