//! Values as Rego terms, and pieces of source.

use stele_rego::ast::{HeadKind, Literal, LiteralKind, Rule, Segment, Term, TermKind};
use stele_types::{Value, json};

use crate::load::PolicyModule;

/// The value as a Rego term.
pub(super) fn term(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", join(items.iter())),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => format!("{{{}}}", join(items.iter())),
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", term(key), term(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        scalar => json::to_string(scalar),
    }
}

fn join<'a>(items: impl Iterator<Item = &'a Value>) -> String {
    items.map(term).collect::<Vec<_>>().join(", ")
}

/// The value that a definition gives, as a Rego term: the member of a set, `{key: value}` for an entry of an object, the value otherwise.
pub(super) fn head_value(module: &PolicyModule, rule: &Rule) -> String {
    let source = &module.ast.source;
    let value = match &rule.head.kind {
        HeadKind::Contains(member) => return source.slice(member.span).to_owned(),
        HeadKind::Value(Some(value)) => source.slice(value.span),
        HeadKind::Value(None) => "true",
    };
    let mut variable = rule
        .head
        .reference
        .path
        .iter()
        .filter(|segment| segment.as_str().is_none());
    match (variable.next(), variable.next()) {
        (Some(Segment::Bracket(key)), None) => format!("{{{}: {value}}}", source.slice(key.span)),
        _ => value.to_owned(),
    }
}

/// The names that a statement binds, as far as they are written as patterns.
pub(super) fn bound_names(literal: &Literal, out: &mut Vec<String>) {
    match &literal.kind {
        LiteralKind::Assign(left, _) => pattern_names(left, out),
        LiteralKind::SomeIn { key, value, .. } => {
            for pattern in key.iter().chain([value]) {
                pattern_names(pattern, out);
            }
        }
        _ => {}
    }
}

/// The variables of a pattern.
pub(super) fn pattern_names(term: &Term, out: &mut Vec<String>) {
    match &term.kind {
        TermKind::Var(name) if !term.is_wildcard() => out.push(name.to_string()),
        TermKind::Array(items) => items.iter().for_each(|item| pattern_names(item, out)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| pattern_names(value, out)),
        _ => {}
    }
}

/// The parts of a statement whose values tell why it failed.
pub(super) fn operands(literal: &Literal) -> Vec<&Term> {
    match &literal.kind {
        LiteralKind::Not(inner) => operands(inner),
        LiteralKind::Term(term) => match &term.kind {
            TermKind::Infix(_, sides) => vec![&sides.0, &sides.1],
            TermKind::Call(call) => call.args.iter().collect(),
            TermKind::Membership(inner) => vec![&inner.value, &inner.collection],
            _ => vec![term],
        },
        LiteralKind::Assign(_, right) => vec![right],
        LiteralKind::SomeIn { collection, .. } => vec![collection],
        LiteralKind::Every { domain, .. } => vec![domain],
        LiteralKind::Unify(..) | LiteralKind::Some(_) => Vec::new(),
    }
    .into_iter()
    .filter(|term| tells_something(term))
    .collect()
}

/// Whether a term's value is not plain from its text.
fn tells_something(term: &Term) -> bool {
    match &term.kind {
        TermKind::Var(_) => !term.is_wildcard(),
        TermKind::Ref(_)
        | TermKind::Select(..)
        | TermKind::Call(_)
        | TermKind::Infix(..)
        | TermKind::Minus(_) => true,
        _ => false,
    }
}
