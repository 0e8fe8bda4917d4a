//! Taking arguments apart.

use std::collections::{BTreeMap, BTreeSet};

use stele_types::{Number, Value};

use super::{BuiltinError, TypeError, bad_operand};

/// Argument `index` (from 0) must have been `expected`.
pub(super) fn wrong(args: &[Value], index: usize, expected: &'static str) -> BuiltinError {
    let found = args.get(index).map_or("nothing", Value::type_name);
    TypeError {
        operand: index.saturating_add(1),
        expected,
        found,
    }
    .into()
}

pub(super) fn any(args: &[Value], index: usize) -> Result<&Value, BuiltinError> {
    args.get(index).ok_or_else(|| wrong(args, index, "a value"))
}

pub(super) fn string(args: &[Value], index: usize) -> Result<&str, BuiltinError> {
    args.get(index)
        .and_then(Value::as_str)
        .ok_or_else(|| wrong(args, index, "string"))
}

pub(super) fn number(args: &[Value], index: usize) -> Result<&Number, BuiltinError> {
    args.get(index)
        .and_then(Value::as_number)
        .ok_or_else(|| wrong(args, index, "number"))
}

/// An integer of 64 bits.
pub(super) fn integer(args: &[Value], index: usize) -> Result<i64, BuiltinError> {
    number(args, index)?.to_i64().ok_or_else(|| {
        bad_operand(format!(
            "operand {} must be integer number",
            index.saturating_add(1)
        ))
    })
}

pub(super) fn array(args: &[Value], index: usize) -> Result<&[Value], BuiltinError> {
    args.get(index)
        .and_then(Value::as_array)
        .ok_or_else(|| wrong(args, index, "array"))
}

pub(super) fn object(args: &[Value], index: usize) -> Result<&BTreeMap<Value, Value>, BuiltinError> {
    args.get(index)
        .and_then(Value::as_object)
        .ok_or_else(|| wrong(args, index, "object"))
}

pub(super) fn set(args: &[Value], index: usize) -> Result<&BTreeSet<Value>, BuiltinError> {
    args.get(index)
        .and_then(Value::as_set)
        .ok_or_else(|| wrong(args, index, "set"))
}

/// The elements of an array or set.
pub(super) fn elements(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::Set(items) => Some(items.iter().collect()),
        _ => None,
    }
}

/// The elements of an argument that must be an array or set.
pub(super) fn collection(args: &[Value], index: usize) -> Result<Vec<&Value>, BuiltinError> {
    args.get(index)
        .and_then(elements)
        .ok_or_else(|| wrong(args, index, "one of {set, array}"))
}

/// The strings of an argument that must be an array or set of strings.
pub(super) fn strings(args: &[Value], index: usize) -> Result<Vec<&str>, BuiltinError> {
    collection(args, index)?
        .into_iter()
        .map(|item| {
            item.as_str()
                .ok_or_else(|| wrong(args, index, "one of {set, array} of strings"))
        })
        .collect()
}

/// A length or index as a value.
pub(super) fn count(count: usize) -> Value {
    Value::from(i64::try_from(count).unwrap_or(i64::MAX))
}
