//! `count`, `sum`, `product`, `max`, `min`, `sort`, `all`, `any`, and membership.

use stele_types::{Number, Value};

use super::args::{any, collection, count, wrong};
use super::{BuiltinError, Session};

type Result<T> = std::result::Result<T, BuiltinError>;

pub(super) fn count_of(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(count(match any(args, 0)? {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        Value::Set(items) => items.len(),
        Value::String(text) => text.chars().count(),
        _ => return Err(wrong(args, 0, "one of {array, object, set, string}")),
    }))
}

fn fold(
    args: &[Value],
    start: Number,
    step: fn(&Number, &Number) -> std::result::Result<Number, stele_types::NumberError>,
) -> Result<Value> {
    let mut total = start;
    for item in collection(args, 0)? {
        let number = item
            .as_number()
            .ok_or_else(|| wrong(args, 0, "one of {set, array} of numbers"))?;
        total = step(&total, number)?;
    }
    Ok(total.into())
}

pub(super) fn sum(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    fold(args, Number::ZERO, Number::add)
}

pub(super) fn product(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    fold(args, Number::from(1), Number::mul)
}

pub(super) fn max(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    collection(args, 0)?
        .into_iter()
        .max()
        .cloned()
        .ok_or(BuiltinError::Undefined)
}

/// The least element; of a set, null is it only where it is alone, as in OPA.
pub(super) fn min(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let items = collection(args, 0)?;
    let set = matches!(any(args, 0)?, Value::Set(_));
    let least = items
        .iter()
        .filter(|item| !(set && matches!(item, Value::Null)))
        .min();
    least
        .or_else(|| items.first())
        .map(|least| (*least).clone())
        .ok_or(BuiltinError::Undefined)
}

pub(super) fn sort(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut items: Vec<Value> = collection(args, 0)?.into_iter().cloned().collect();
    items.sort();
    Ok(items.into())
}

pub(super) fn all(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(collection(args, 0)?
        .into_iter()
        .all(|item| *item == Value::Bool(true))
        .into())
}

pub(super) fn any_of(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(collection(args, 0)?
        .into_iter()
        .any(|item| *item == Value::Bool(true))
        .into())
}

/// `x in collection`.
pub(super) fn member(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let wanted = any(args, 0)?;
    let found = match any(args, 1)? {
        Value::Set(items) => items.contains(wanted),
        Value::Array(items) => items.contains(wanted),
        Value::Object(map) => map.values().any(|value| value == wanted),
        _ => false,
    };
    Ok(found.into())
}

/// `key, value in collection`.
pub(super) fn member_with_key(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (key, value) = (any(args, 0)?, any(args, 1)?);
    let collection = any(args, 2)?;
    Ok((collection.index(key) == Some(value)).into())
}
