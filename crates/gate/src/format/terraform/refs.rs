//! What names stand for.

use std::ops::Range;
use std::rc::Rc;

use hcl_edit::expr::TraversalOperator as Operator;
use stele_types::Value;

use super::eval::{Scope, number_of, text_of, unknown};
use super::types;
use crate::node::{Node, NodeKind};

/// The value that a reference begins with, and how many of its operators were needed to name it.
pub(super) fn root(
    scope: &Scope<'_>,
    name: &str,
    operators: &[&Operator],
    range: Range<usize>,
) -> (Rc<Node>, usize) {
    let mut frame = scope.frame;
    while let Some(own) = frame {
        if own.name == name {
            return (own.value.clone(), 0);
        }
        frame = own.next;
    }
    let attribute = |index: usize| match operators.get(index) {
        Some(Operator::GetAttr(ident)) => Some(ident.as_str()),
        _ => None,
    };
    let (world, instance) = (scope.world, scope.instance);
    let nothing = || Rc::new(unknown(range.clone()));
    let found = match (name, attribute(0), attribute(1)) {
        ("var", Some(name), _) => (instance.variable(world, name), 1),
        ("local", Some(name), _) => (instance.local(world, name), 1),
        ("path", Some(kind), _) => (Some(Rc::new(path(scope, kind, range.clone()))), 1),
        ("module", Some(name), Some(output)) => (instance.output(world, name, None, output), 2),
        ("module", Some(name), None) => match (operators.get(1), attribute(2)) {
            (Some(Operator::Index(index)), Some(output)) => {
                let key = scope.eval(index);
                (instance.output(world, name, Some(&key), output), 3)
            }
            _ => (None, operators.len()),
        },
        ("data", Some(kind), Some(name)) => match attribute(2) {
            Some(attr) => (instance.attribute(world, "data", (kind, name), attr), 3),
            None => resource(scope, "data", (kind, name), (operators, 2)),
        },
        ("terraform" | "self" | "each" | "count" | "module" | "data", ..) => (None, operators.len()),
        (kind, Some(name), Some(attr)) => (instance.attribute(world, "resource", (kind, name), attr), 2),
        (kind, Some(name), None) => resource(scope, "resource", (kind, name), (operators, 1)),
        _ => (None, operators.len()),
    };
    (found.0.unwrap_or_else(nothing), found.1.min(operators.len()))
}

/// A resource that is not followed by an attribute, but by a key, a splat or nothing; `named`: how many operators name it.
fn resource(
    scope: &Scope<'_>,
    mode: &str,
    of: (&str, &str),
    (operators, named): (&[&Operator], usize),
) -> (Option<Rc<Node>>, usize) {
    let Scope { world, instance, .. } = scope;
    let rest = operators.get(named..).unwrap_or_default();
    let found = match rest {
        [Operator::Index(_), Operator::GetAttr(name), ..] if !instance.says(mode, of, name.as_str()) => {
            return (None, operators.len());
        }
        [Operator::Index(index), ..] => {
            let key = text_of(&scope.eval(index));
            let found = key.and_then(|key| instance.resource(world, mode, of, Some(&key)));
            return (found, named.saturating_add(1));
        }
        // Most ask for what only the provider knows.
        [
            Operator::AttrSplat(_) | Operator::FullSplat(_),
            Operator::GetAttr(name),
            ..,
        ] if !instance.says(mode, of, name.as_str()) => None,
        _ => instance.resource(world, mode, of, None),
    };
    (found, named)
}

fn path(scope: &Scope<'_>, kind: &str, range: Range<usize>) -> Node {
    match kind {
        "module" => Node::scalar(range, Value::string(&scope.instance.module.path)),
        "root" => Node::scalar(range, Value::string(".")),
        _ => unknown(range),
    }
}

/// Goes on from a value by the rest of a reference.
pub(super) fn follow(scope: &Scope<'_>, from: &Node, operators: &[&Operator], range: &Range<usize>) -> Node {
    let Some((first, rest)) = operators.split_first() else {
        return from.clone();
    };
    scope.world.budget.charge_search(match &from.kind {
        NodeKind::Object(entries) | NodeKind::Open(entries) => entries.len(),
        _ => 0,
    });
    let next = match first {
        Operator::GetAttr(name) => member(from, name.as_str()),
        Operator::LegacyIndex(index) => usize::try_from(*index.value())
            .ok()
            .and_then(|index| item(from, index)),
        Operator::Index(index) => indexed(from, &scope.eval(index)),
        Operator::AttrSplat(_) | Operator::FullSplat(_) => {
            let items = match &from.kind {
                NodeKind::Unknown => return unknown(range.clone()),
                NodeKind::Scalar(Value::Null) => &[][..],
                NodeKind::Array(items) | NodeKind::Set(items) => items,
                _ => std::slice::from_ref(from),
            };
            let each = items.iter().map(|item| follow(scope, item, rest, range));
            return types::list_of(range.clone(), each.collect(), types::is_partial(from));
        }
    };
    match next {
        Some(next) => follow(scope, next, rest, range),
        None => unknown(range.clone()),
    }
}

/// The element that a key or an index names.
pub(super) fn indexed<'n>(from: &'n Node, key: &Node) -> Option<&'n Node> {
    match &from.kind {
        NodeKind::Array(_) => item(from, usize::try_from(number_of(key)?.to_i64()?).ok()?),
        _ => member(from, &text_of(key)?),
    }
}

fn item(from: &Node, index: usize) -> Option<&Node> {
    match &from.kind {
        NodeKind::Array(items) => items.get(index),
        _ => None,
    }
}

fn member<'n>(from: &'n Node, name: &str) -> Option<&'n Node> {
    match (&from.kind, name.parse()) {
        (NodeKind::Array(items), Ok(index)) => items.get::<usize>(index),
        _ => from.get(name),
    }
}
