//! `json.patch` (RFC 6902), on sets too: a member is its own key.

use std::sync::Arc;

use stele_types::Value;

use super::args::{any, array};
use super::json_paths::parse_path;
use super::{BuiltinError, Session};
use crate::eval::LimitKind;

/// How deeply nested a patch may leave a document. A patch of `copy` operations could double its depth and size with each; values are
/// taken apart by recursion.
const MAX_DEPTH: usize = 512;

/// A patch that can't be applied leaves the call undefined, even in strict mode.
pub(super) fn patch(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let mut document = Some(any(args, 0)?.clone());
    for operation in array(args, 1)? {
        session.budget.work(1)?;
        apply(session, &mut document, operation)?.ok_or(BuiltinError::Undefined)?;
    }
    document.ok_or(BuiltinError::Undefined)
}

/// Applies one operation to the document (`None` once the root was removed); `None` if it can't be applied.
fn apply(
    session: &mut Session<'_>,
    document: &mut Option<Value>,
    operation: &Value,
) -> Result<Option<()>, LimitKind> {
    let path = |name: &str| parse_path(operation.get(name)?);
    let Some(target) = path("path") else {
        return Ok(None);
    };
    let value = || operation.get("value").cloned();
    let new = match operation.get("op").and_then(Value::as_str) {
        Some("add") => value(),
        Some("replace") => value().filter(|_| remove(document, &target).is_some()),
        Some("move") => path("from").and_then(|from| remove(document, &from)),
        Some("copy") => path("from").and_then(|from| find(document.as_ref()?, &from).cloned()),
        Some("remove") => return Ok(remove(document, &target).map(drop)),
        Some("test") => {
            let found = document.as_ref().and_then(|document| find(document, &target));
            return Ok(found.filter(|found| value().as_ref() == Some(found)).map(drop));
        }
        _ => None,
    };
    let Some(new) = new else {
        return Ok(None);
    };
    charge(session, &new, target.len())?;
    Ok(insert(document, &target, new))
}

/// Charges for a value that is put somewhere, and refuses one that is nested too deeply there.
fn charge(session: &mut Session<'_>, value: &Value, depth: usize) -> Result<(), LimitKind> {
    if depth > MAX_DEPTH {
        return Err(LimitKind::Depth);
    }
    session.elements(1)?;
    let inner = depth.saturating_add(1);
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| charge(session, item, inner)),
        Value::Set(items) => items.iter().try_for_each(|item| charge(session, item, inner)),
        Value::Object(map) => map.values().try_for_each(|item| charge(session, item, inner)),
        _ => Ok(()),
    }
}

/// The index that a key names in an array of `len` elements: a number or its text, without leading zeros.
fn position(key: &Value, len: usize) -> Option<usize> {
    let index = match key {
        Value::Number(number) => usize::try_from(number.to_i64()?).ok()?,
        Value::String(text) if text.len() > 1 && text.starts_with('0') => return None,
        Value::String(text) if text.starts_with('+') => return None,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    (index < len).then_some(index)
}

fn find<'a>(value: &'a Value, path: &[Value]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Object(map) => map.get(key),
        Value::Set(items) => items.get(key),
        Value::Array(items) => items.get(position(key, items.len())?),
        _ => None,
    })
}

/// Changes the container that holds the last key of `path`.
fn edit<T>(
    value: &mut Value,
    path: &[Value],
    change: &mut dyn FnMut(&mut Value, &Value) -> Option<T>,
) -> Option<T> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        return change(value, first);
    }
    match value {
        Value::Object(map) => edit(Arc::make_mut(map).get_mut(first)?, rest, change),
        Value::Array(items) => {
            let index = position(first, items.len())?;
            edit(Arc::make_mut(items).get_mut(index)?, rest, change)
        }
        Value::Set(items) => {
            let items = Arc::make_mut(items);
            let mut member = items.take(first)?;
            let result = edit(&mut member, rest, change);
            items.insert(member);
            result
        }
        _ => None,
    }
}

fn insert(document: &mut Option<Value>, path: &[Value], new: Value) -> Option<()> {
    if path.is_empty() {
        *document = Some(new);
        return Some(());
    }
    edit(document.as_mut()?, path, &mut |container, key| {
        match container {
            Value::Object(map) => {
                Arc::make_mut(map).insert(key.clone(), new.clone());
            }
            // A member is its own key.
            Value::Set(items) if *key == new => {
                Arc::make_mut(items).insert(new.clone());
            }
            Value::Array(items) => {
                let end = items.len();
                let index = if key.as_str() == Some("-") {
                    end
                } else {
                    position(key, end.saturating_add(1))?
                };
                Arc::make_mut(items).insert(index, new.clone());
            }
            _ => return None,
        }
        Some(())
    })
}

fn remove(document: &mut Option<Value>, path: &[Value]) -> Option<Value> {
    if path.is_empty() {
        return document.take();
    }
    edit(document.as_mut()?, path, &mut |container, key| match container {
        Value::Object(map) => Arc::make_mut(map).remove(key),
        Value::Set(items) => Arc::make_mut(items).take(key),
        Value::Array(items) => {
            let index = position(key, items.len())?;
            Some(Arc::make_mut(items).remove(index))
        }
        _ => None,
    })
}
