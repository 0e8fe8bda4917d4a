//! `object.*`.

use std::collections::{BTreeMap, BTreeSet};

use stele_types::Value;

use super::args::{any, array, object, wrong};
use super::json_paths::filter_by;
use super::{BuiltinError, Session};

type Result<T> = std::result::Result<T, BuiltinError>;
type Map = BTreeMap<Value, Value>;

/// `object.get(object, key or path, default)`.
pub(super) fn get(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    object(args, 0)?;
    let (whole, key, default) = (any(args, 0)?, any(args, 1)?, any(args, 2)?);
    let found = match key {
        Value::Array(path) => path.iter().try_fold(whole, |value, key| value.index(key)),
        key => whole.index(key),
    };
    Ok(found.unwrap_or(default).clone())
}

/// The keys of an argument that is an object, array or set of keys.
fn keys_of(args: &[Value], index: usize) -> Result<BTreeSet<Value>> {
    Ok(match any(args, index)? {
        Value::Array(items) => items.iter().cloned().collect(),
        Value::Set(items) => BTreeSet::clone(items),
        Value::Object(map) => map.keys().cloned().collect(),
        _ => return Err(wrong(args, index, "one of {object, set, array}")),
    })
}

pub(super) fn keys(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::set(object(args, 0)?.keys().cloned()))
}

pub(super) fn remove(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (map, keys) = (object(args, 0)?, keys_of(args, 1)?);
    Ok(Value::object(
        map.iter()
            .filter(|(key, _)| !keys.contains(key))
            .map(|(key, value)| (key.clone(), value.clone())),
    ))
}

pub(super) fn filter(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    object(args, 0)?;
    let wanted = Value::object(keys_of(args, 1)?.into_iter().map(|key| (key, Value::Null)));
    Ok(filter_by(any(args, 0)?, &wanted).unwrap_or_else(|| Value::object([])))
}

/// `b` over `a`: objects under one key merge, everything else is replaced.
fn overlay(a: &Map, b: &Map) -> Map {
    let mut merged = a.clone();
    for (key, value) in b {
        let value = match (a.get(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => overlay(old, new).into(),
            _ => value.clone(),
        };
        merged.insert(key.clone(), value);
    }
    merged
}

pub(super) fn union(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (object(args, 0)?, object(args, 1)?);
    session.elements(a.len().saturating_add(b.len()))?;
    Ok(overlay(a, b).into())
}

/// The union of an array of objects, later ones over earlier ones.
pub(super) fn union_n(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut merged = Map::new();
    for item in array(args, 0)? {
        let Value::Object(map) = item else {
            return Err(wrong(args, 0, "array of objects"));
        };
        session.elements(map.len().saturating_add(merged.len()))?;
        merged = overlay(&merged, map);
    }
    Ok(merged.into())
}
