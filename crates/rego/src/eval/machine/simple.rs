//! The statements that touch nothing but the frame.

use std::collections::BTreeMap;
use std::sync::Arc;

use stele_types::Value;

use super::{Flow, Frame, UNDEFINED};
use crate::eval::code::{Kind, Op, Stmt};
use crate::eval::error::EvalError;
use crate::eval::{Budget, LimitKind};

/// Executes one of them.
pub(super) fn simple(stmt: &Stmt, frame: &mut Frame, budget: &mut Budget<'_>) -> Result<Flow, EvalError> {
    charge(&stmt.op, frame, budget).map_err(|limit| EvalError::Limit {
        at: stmt.at.clone(),
        limit,
    })?;
    let defined = match &stmt.op {
        Op::Assign { source, target } => {
            let value = frame.value(source).cloned();
            frame.set(*target, value);
            true
        }
        Op::Const { value, target } => {
            frame.set(*target, Some(value.clone()));
            true
        }
        Op::Reset(target) => {
            frame.set(*target, None);
            true
        }
        Op::Dot {
            source,
            key,
            target,
            base,
        } => {
            let value = match (frame.value(source), frame.value(key)) {
                (Some(source), Some(key)) => source
                    .index(key)
                    .or_else(|| index_base(source, key).filter(|_| *base))
                    .cloned(),
                _ => None,
            };
            let defined = value.is_some();
            frame.set(*target, value);
            defined
        }
        Op::Equal { a, b, negated } => match (frame.value(a), frame.value(b)) {
            (Some(a), Some(b)) => (a == b) != *negated,
            _ => false,
        },
        Op::Is(kind, arg) => match frame.value(arg) {
            Some(Value::Array(_)) => *kind == Kind::Array,
            Some(Value::Object(_)) => *kind == Kind::Object,
            Some(Value::Set(_)) => *kind == Kind::Set,
            _ => false,
        },
        Op::IsDefined { source, negated } => frame.get(*source).is_some() != *negated,
        Op::Len { source, target } => {
            let length = frame.value(source).and_then(length);
            let defined = length.is_some();
            frame.set(*target, length);
            defined
        }
        _ => return build(stmt, frame),
    };
    Ok(if defined { Flow::Next } else { UNDEFINED })
}

/// Charges for the comparisons of a statement.
fn charge(op: &Op, frame: &Frame, budget: &mut Budget<'_>) -> Result<(), LimitKind> {
    match op {
        Op::Dot { source, key, .. } => match (frame.value(source), frame.value(key)) {
            (Some(source), Some(key)) => search(source, key, budget),
            _ => Ok(()),
        },
        Op::Equal { a, b, .. } => equal(frame.value(a), frame.value(b), budget),
        Op::AssignOnce { source, target } => equal(frame.value(source), frame.get(*target), budget),
        Op::SetAdd { value, set } => match (frame.get(*set), frame.value(value)) {
            (Some(set), Some(value)) => search(set, value, budget),
            _ => Ok(()),
        },
        Op::ObjectInsert {
            key, value, object, ..
        } => match (frame.get(*object), frame.value(key)) {
            (Some(object @ Value::Object(map)), Some(key)) => {
                search(object, key, budget)?;
                equal(map.get(key), frame.value(value), budget)
            }
            _ => Ok(()),
        },
        Op::Merge { a, b, .. } => match (frame.get(*a), frame.get(*b)) {
            (Some(a), Some(Value::Object(b))) => b.keys().try_for_each(|key| search(a, key, budget)),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Charges for the comparisons of the builtins that are operators. All others are charged for their arguments.
pub(super) fn charge_builtin(name: &str, args: &[Value], budget: &mut Budget<'_>) -> Result<(), LimitKind> {
    match (name, args) {
        ("equal" | "neq" | "lt" | "lte" | "gt" | "gte", [a, b]) => equal(Some(a), Some(b), budget),
        ("internal.member_2", [value, collection]) => match collection {
            Value::Array(items) => budget.search(items.iter(), value),
            Value::Object(map) => budget.search(map.values(), value),
            Value::Set(items) => budget.search(items.iter(), value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn equal(a: Option<&Value>, b: Option<&Value>, budget: &mut Budget<'_>) -> Result<(), LimitKind> {
    match (a, b) {
        (Some(a), Some(b)) => budget.equal(a, b).map(|_| ()),
        _ => Ok(()),
    }
}

/// Charges for a search among the keys or members of a collection.
fn search(collection: &Value, key: &Value, budget: &mut Budget<'_>) -> Result<(), LimitKind> {
    match collection {
        Value::Object(map) => budget.search(map.keys(), key),
        Value::Set(items) => budget.search(items.iter(), key),
        _ => Ok(()),
    }
}

/// The statements that build collections.
fn build(stmt: &Stmt, frame: &mut Frame) -> Result<Flow, EvalError> {
    let malformed = |found: &Value| EvalError::Malformed {
        statement: stmt.name,
        at: stmt.at.clone(),
        found: found.type_name(),
    };
    match &stmt.op {
        Op::AssignOnce { source, target } => {
            let Some(value) = frame.value(source).cloned() else {
                return Ok(UNDEFINED);
            };
            match frame.get(*target) {
                Some(old) if *old != value => return Err(EvalError::Conflict { at: stmt.at.clone() }),
                Some(_) => {}
                None => frame.set(*target, Some(value)),
            }
        }
        Op::ArrayAppend { value, array } => {
            let Some(value) = frame.value(value).cloned() else {
                return Ok(UNDEFINED);
            };
            match frame.slot(*array) {
                Some(Value::Array(items)) => Arc::make_mut(items).push(value),
                Some(other) => return Err(malformed(other)),
                None => return Ok(UNDEFINED),
            }
        }
        Op::SetAdd { value, set } => {
            let Some(value) = frame.value(value).cloned() else {
                return Ok(UNDEFINED);
            };
            match frame.slot(*set) {
                Some(Value::Set(items)) => {
                    Arc::make_mut(items).insert(value);
                }
                Some(other) => return Err(malformed(other)),
                None => return Ok(UNDEFINED),
            }
        }
        Op::ObjectInsert {
            key,
            value,
            object,
            once,
        } => {
            let (Some(key), Some(value)) = (frame.value(key).cloned(), frame.value(value).cloned()) else {
                return Ok(UNDEFINED);
            };
            match frame.slot(*object) {
                Some(Value::Object(map)) => {
                    if *once && map.get(&key).is_some_and(|old| *old != value) {
                        return Err(EvalError::ObjectConflict { at: stmt.at.clone() });
                    }
                    Arc::make_mut(map).insert(key, value);
                }
                Some(other) => return Err(malformed(other)),
                None => return Ok(UNDEFINED),
            }
        }
        Op::Merge { a, b, target } => {
            let (Some(a), Some(b)) = (frame.get(*a), frame.get(*b)) else {
                return Ok(UNDEFINED);
            };
            let merged = merge(a, b);
            frame.set(*target, Some(merged));
        }
        _ => {}
    }
    Ok(Flow::Next)
}

/// An object of a base document under the text of a number.
fn index_base<'a>(source: &'a Value, key: &Value) -> Option<&'a Value> {
    match (source, key) {
        (Value::Object(map), Value::Number(number)) => map.get(&Value::from(number.to_string())),
        _ => None,
    }
}

fn length(value: &Value) -> Option<Value> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        Value::Set(items) => items.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    Some(Value::from(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// The recursive merge of two objects; `a` wins where they clash.
fn merge(a: &Value, b: &Value) -> Value {
    let (Value::Object(map), Value::Object(other)) = (a, b) else {
        return a.clone();
    };
    let mut merged = BTreeMap::clone(map);
    for (key, value) in other.iter() {
        let value = map
            .get(key)
            .map_or_else(|| value.clone(), |own| merge(own, value));
        merged.insert(key.clone(), value);
    }
    merged.into()
}

/// `target` with the value at `first`, then `rest`, replaced; what is no object on the way becomes one.
pub(super) fn upsert(target: Option<&Value>, first: &Value, rest: &[Value], value: Value) -> Value {
    let mut map = match target {
        Some(Value::Object(map)) => BTreeMap::clone(map),
        _ => BTreeMap::new(),
    };
    let value = match rest.split_first() {
        Some((next, rest)) => upsert(map.get(first), next, rest, value),
        None => value,
    };
    map.insert(first.clone(), value);
    map.into()
}
