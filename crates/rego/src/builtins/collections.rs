//! Arrays and sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_types::Value;

use super::args::{any, array, integer, set, wrong};
use super::{BuiltinError, Session};

type Result<T> = std::result::Result<T, BuiltinError>;

pub(super) fn concat(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (array(args, 0)?, array(args, 1)?);
    session.elements(a.len().saturating_add(b.len()))?;
    Ok([a, b].concat().into())
}

pub(super) fn reverse(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let items = array(args, 0)?;
    session.elements(items.len())?;
    Ok(Value::array(items.iter().rev().cloned()))
}

/// Elements from index `start` to before `stop`, both moved into the array's bounds.
pub(super) fn slice(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let items = array(args, 0)?;
    let bound = |index: i64| {
        usize::try_from(index.max(0))
            .unwrap_or(usize::MAX)
            .min(items.len())
    };
    let (start, stop) = (bound(integer(args, 1)?), bound(integer(args, 2)?));
    Ok(Value::array(
        items
            .get(start..stop.max(start))
            .unwrap_or_default()
            .iter()
            .cloned(),
    ))
}

/// One level of nested arrays dissolved.
pub(super) fn flatten(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut flat = Vec::new();
    for item in array(args, 0)? {
        match item {
            Value::Array(inner) => {
                session.elements(inner.len())?;
                flat.extend(inner.iter().cloned());
            }
            other => flat.push(other.clone()),
        }
    }
    Ok(flat.into())
}

pub(super) fn and(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::set(set(args, 0)?.intersection(set(args, 1)?).cloned()))
}

pub(super) fn or(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (set(args, 0)?, set(args, 1)?);
    session.elements(a.len().saturating_add(b.len()))?;
    Ok(Value::set(a.union(b).cloned()))
}

fn sets(args: &[Value]) -> Result<Vec<&Arc<BTreeSet<Value>>>> {
    set(args, 0)?
        .iter()
        .map(|item| match item {
            Value::Set(inner) => Ok(inner),
            _ => Err(wrong(args, 0, "set of sets")),
        })
        .collect()
}

pub(super) fn intersection(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut sets = sets(args)?.into_iter();
    let Some(first) = sets.next() else {
        return Ok(Value::set([]));
    };
    let mut common = BTreeSet::clone(first);
    for other in sets {
        common.retain(|item| other.contains(item));
    }
    Ok(common.into())
}

pub(super) fn union(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut all = BTreeSet::new();
    for set in sets(args)? {
        session.elements(set.len())?;
        all.extend(set.iter().cloned());
    }
    Ok(all.into())
}

/// `walk`: every path and value below the argument, as an array of pairs, the value itself first.
pub(super) fn walk(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut pairs = Vec::new();
    descend(session, &mut Vec::new(), any(args, 0)?, &mut pairs)?;
    Ok(pairs.into())
}

fn descend(
    session: &mut Session<'_>,
    path: &mut Vec<Value>,
    value: &Value,
    pairs: &mut Vec<Value>,
) -> Result<()> {
    session.elements(path.len().saturating_add(4))?;
    pairs.push(Value::array([Value::array(path.iter().cloned()), value.clone()]));
    let mut child = |key: Value, value: &Value| {
        path.push(key);
        let done = descend(session, path, value, pairs);
        path.pop();
        done
    };
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| child(super::args::count(index), item)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| child(key.clone(), value)),
        Value::Set(items) => items.iter().try_for_each(|item| child(item.clone(), item)),
        _ => Ok(()),
    }
}
