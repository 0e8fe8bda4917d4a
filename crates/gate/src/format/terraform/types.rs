//! Types: what variables are declared with, and what values of several types come to together.
//! Source of the rules: <https://developer.hashicorp.com/terraform/language/expressions/type-constraints>.

use std::borrow::Cow;
use std::ops::Range;

use hcl_edit::expr::{Expression, FuncCall, ObjectKey, TraversalOperator};
use stele_types::Value;

use super::config::Expr;
use super::eval::{Scope, Site, is_known, number_of, text_of, truth, unknown};
use crate::node::{Entry, Node, NodeKind};

/// A type as it is written; in the JSON syntax that is a string.
pub(super) fn written(expr: &Expr) -> Option<(Cow<'_, Expression>, Site)> {
    match expr {
        Expr::Hcl(expression, base) => Some((Cow::Borrowed(expression), Site::Base(*base))),
        Expr::Literal(node) => {
            let parsed = node.as_str()?.parse().ok()?;
            Some((Cow::Owned(parsed), Site::Fixed(node.range.clone())))
        }
        _ => None,
    }
}

/// A value as one of a type. What can't be that is unknown; what the type means is not always understood, then the value stays as it is.
pub(super) fn convert(scope: &Scope<'_>, node: &Node, wanted: &Expression) -> Node {
    if matches!(node.kind, NodeKind::Unknown | NodeKind::Scalar(Value::Null)) {
        return node.clone();
    }
    let range = node.range.clone();
    let found = match wanted {
        Expression::Variable(name) => named(node, name.as_str()),
        // As it was written long ago.
        Expression::String(name) => named(node, name.as_str()),
        Expression::Parenthesis(inner) => Some(convert(scope, node, inner.inner())),
        Expression::FuncCall(call) => constructed(scope, node, call),
        _ => Some(node.clone()),
    };
    found.unwrap_or_else(|| unknown(range))
}

fn named(node: &Node, name: &str) -> Option<Node> {
    let value = match name {
        "string" => Value::string(&text_of(node)?),
        "number" => Value::Number(number_of(node)?),
        "bool" => Value::Bool(truth(node)?),
        "list" => return Some(Node::array(node.range.clone(), unified(items(node)?.to_vec()))),
        _ => return Some(node.clone()),
    };
    Some(Node::scalar(node.range.clone(), value))
}

fn items(node: &Node) -> Option<&[Node]> {
    match &node.kind {
        NodeKind::Array(items) | NodeKind::Set(items) => Some(items),
        _ => None,
    }
}

/// `list(T)` and its like.
fn constructed(scope: &Scope<'_>, node: &Node, call: &FuncCall) -> Option<Node> {
    let range = node.range.clone();
    let first = call.args.iter().next();
    let each = |of: &Expression| {
        let all = items(node)?.iter().map(|item| convert(scope, item, of));
        let is_any = matches!(of, Expression::Variable(name) if name.as_str() == "any");
        let all: Vec<Node> = all.collect();
        Some(if is_any { unified(all) } else { all })
    };
    match (call.name.name.as_str(), first) {
        ("list", Some(of)) => Some(Node::array(range, each(of)?)),
        ("set", Some(of)) => Some(set_of(range, each(of)?)),
        ("map", Some(of)) => {
            let NodeKind::Object(entries) = &node.kind else {
                return None;
            };
            let entry = |entry: &Entry| Entry {
                value: convert(scope, &entry.value, of),
                ..entry.clone()
            };
            Some(Node::object(range, entries.iter().map(entry).collect()))
        }
        ("tuple", Some(Expression::Array(of))) => {
            let found = items(node).filter(|items| items.len() == of.len())?;
            let pairs = found.iter().zip(of.iter());
            let all = pairs.map(|(item, of)| convert(scope, item, of));
            Some(Node::array(range, all.collect()))
        }
        ("object", Some(Expression::Object(members))) => {
            let mut entries = Vec::new();
            for (key, of) in members {
                let key = match key {
                    ObjectKey::Ident(name) => name.to_string(),
                    ObjectKey::Expression(name) => text_of(&scope.eval(name))?,
                };
                let value = member(scope, node, &key, of.expr());
                entries.push(Entry::new(&key, value));
            }
            Some(Node::object(range, entries))
        }
        _ => Some(node.clone()),
    }
}

/// A member of an object, `optional(T, default)` if it need not be there.
fn member(scope: &Scope<'_>, node: &Node, key: &str, of: &Expression) -> Node {
    let there = node.get(key);
    let missing = || unknown(node.range.clone());
    let Expression::FuncCall(call) = of else {
        return there.map_or_else(missing, |there| convert(scope, there, of));
    };
    if call.name.name.as_str() != "optional" {
        return there.map_or_else(missing, |there| convert(scope, there, of));
    }
    let mut args = call.args.iter();
    let (of, default) = (args.next(), args.next());
    if there.is_none() && matches!(node.kind, NodeKind::Open(_)) {
        return missing();
    }
    let null = NodeKind::Scalar(Value::Null);
    let value = match (there.filter(|there| there.kind != null), default) {
        (Some(there), _) => there.clone(),
        (None, Some(default)) => scope.eval(default),
        (None, None) => Node {
            range: node.range.clone(),
            kind: null,
        },
    };
    match of {
        Some(of) => convert(scope, &value, of),
        None => value,
    }
}

/// A set: each element once, all of one type, in the order that Terraform gives them.
pub(super) fn set_of(range: Range<usize>, items: Vec<Node>) -> Node {
    let mut seen = std::collections::BTreeSet::new();
    let mut items = unified(items);
    items.retain(|item| !is_known(item) || seen.insert(item.to_value()));
    items.sort_by_cached_key(Node::to_value);
    let kind = NodeKind::Set(items);
    Node { range, kind }
}

/// Elements of one list: if there are texts among the scalars, all are.
pub(super) fn unified(items: Vec<Node>) -> Vec<Node> {
    let is_text = |item: &Node| matches!(item.kind, NodeKind::Scalar(Value::String(_)));
    if !items.iter().any(is_text) {
        return items;
    }
    items.into_iter().map(as_text).collect()
}

fn as_text(node: Node) -> Node {
    match text_of(&node) {
        Some(text) => Node::scalar(node.range, Value::string(&text)),
        None => node,
    }
}

/// The result of a condition, whose other result has a say in its type.
pub(super) fn alike(node: Node, other: &Node) -> Node {
    match (&node.kind, &other.kind) {
        (NodeKind::Scalar(_), NodeKind::Scalar(Value::String(_))) => as_text(node),
        (NodeKind::Array(_), NodeKind::Set(_)) => match node.kind {
            NodeKind::Array(items) => set_of(node.range, items),
            kind => Node { kind, ..node },
        },
        _ => node,
    }
}

/// Whether it is a set of which not every element is known: how many it has, and in which order they come, is not known either.
pub(super) fn is_partial(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Set(_)) && !is_known(node)
}

/// The elements of a list; of one that is known in part only, neither how many they are nor their order. That stays marked though each of these is known.
pub(super) fn list_of(range: Range<usize>, mut items: Vec<Node>, is_partial: bool) -> Node {
    if !is_partial {
        return Node::array(range, items);
    }
    if items.iter().all(is_known) {
        items.push(unknown(range.clone()));
    }
    let kind = NodeKind::Set(items);
    Node { range, kind }
}

/// Whether two values are equal, if that can be told. Scalars of different types are not, but of which type one is may be up to a provider; `exact` says that it is not.
pub(super) fn same(left: &Node, right: &Node, exact: &dyn Fn() -> bool) -> Option<bool> {
    match (&left.kind, &right.kind) {
        (NodeKind::Unknown, _) | (_, NodeKind::Unknown) => None,
        (NodeKind::Open(_), NodeKind::Object(_) | NodeKind::Open(_))
        | (NodeKind::Object(_), NodeKind::Open(_)) => None,
        (NodeKind::Set(_), NodeKind::Set(_)) if is_partial(left) || is_partial(right) => None,
        (NodeKind::Scalar(left), NodeKind::Scalar(right)) => {
            let is_null = *left == Value::Null || *right == Value::Null;
            let is_same = std::mem::discriminant(left) == std::mem::discriminant(right);
            (is_null || is_same || exact()).then(|| left == right)
        }
        (NodeKind::Array(left), NodeKind::Array(right)) | (NodeKind::Set(left), NodeKind::Set(right)) => {
            if left.len() != right.len() {
                return Some(false);
            }
            // A list and a tuple differ though their elements don't.
            all(left
                .iter()
                .zip(right)
                .map(|(left, right)| same(left, right, exact)))
            .filter(|same| !same || exact())
        }
        (NodeKind::Object(left), NodeKind::Object(other)) => {
            if left.len() != other.len() {
                return Some(false);
            }
            all(left.iter().map(|entry| match right.get(&entry.key) {
                Some(value) => same(&entry.value, value, exact),
                None => Some(false),
            }))
            .filter(|same| !same || exact())
        }
        (NodeKind::Array(_), NodeKind::Set(_)) | (NodeKind::Set(_), NodeKind::Array(_)) => None,
        _ => Some(false),
    }
}

/// Whether all are true: one that is not decides, whatever else is unknown.
fn all(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut found = Some(true);
    if parts.any(|part| {
        if part.is_none() {
            found = None;
        }
        part == Some(false)
    }) {
        return Some(false);
    }
    found
}

/// Whether an expression surely has the type of the value that it comes to: it is written, computed, or of a variable with a type.
pub(super) fn is_exact(scope: &Scope<'_>, expression: &Expression) -> bool {
    match expression {
        Expression::Bool(_)
        | Expression::Number(_)
        | Expression::String(_)
        | Expression::UnaryOp(_)
        | Expression::BinaryOp(_) => true,
        Expression::Array(items) => items.iter().all(|item| is_exact(scope, item)),
        Expression::Parenthesis(inner) => is_exact(scope, inner.inner()),
        Expression::Traversal(traversal) => {
            let is_var = matches!(&traversal.expr, Expression::Variable(name) if name.as_str() == "var");
            let mut operators = traversal.operators.iter().map(|operator| operator.value());
            let (Some(TraversalOperator::GetAttr(name)), None) = (operators.next(), operators.next()) else {
                return false;
            };
            let block = scope.instance.module.variables.get(name.as_str());
            let declared = block.and_then(|block| written(&block.body.attr("type")?.expr));
            let is_scalar = |name: &str| matches!(name, "string" | "number" | "bool");
            is_var
                && declared.is_some_and(|(declared, _)| match &*declared {
                    Expression::Variable(name) => is_scalar(name.as_str()),
                    _ => false,
                })
        }
        _ => false,
    }
}
