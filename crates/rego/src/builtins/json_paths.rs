//! `json.filter` and `json.remove`: a tree of paths selects parts of a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use stele_types::Value;

use super::args::{any, collection, object, wrong};
use super::{BuiltinError, Session};

type Result<T> = std::result::Result<T, BuiltinError>;

/// A path is an array of keys or text such as `a/b/0` (JSON pointer escapes, leading slashes optional).
pub(super) fn parse_path(path: &Value) -> Option<Vec<Value>> {
    match path {
        Value::String(text) if text.is_empty() => Some(Vec::new()),
        Value::String(text) => Some(
            text.trim_start_matches('/')
                .split('/')
                .map(|part| Value::from(part.replace("~1", "/").replace("~0", "~")))
                .collect(),
        ),
        Value::Array(items) => Some(items.to_vec()),
        _ => None,
    }
}

/// The paths of argument 1 as a tree: null at the end of a path.
fn tree(args: &[Value]) -> Result<Value> {
    let mut root = BTreeMap::new();
    for path in collection(args, 1)? {
        let path =
            parse_path(path).ok_or_else(|| wrong(args, 1, "one of {set, array} of string or array paths"))?;
        add(&mut root, &path);
    }
    Ok(root.into())
}

fn add(node: &mut BTreeMap<Value, Value>, path: &[Value]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        node.insert(first.clone(), Value::Null);
        return;
    }
    let child = node.entry(first.clone()).or_insert_with(|| Value::object([]));
    // A path that ends here already covers everything below.
    if let Value::Object(map) = child {
        add(Arc::make_mut(map), rest);
    }
}

/// The part of `value` that `tree` names; `None` if there is none of it.
pub(super) fn filter_by(value: &Value, tree: &Value) -> Option<Value> {
    let Value::Object(wanted) = tree else {
        return Some(value.clone());
    };
    let below = |key: &Value, child: &Value| filter_by(child, wanted.get(key)?);
    Some(match value {
        Value::Object(map) => Value::object(
            map.iter()
                .filter_map(|(key, child)| Some((key.clone(), below(key, child)?))),
        ),
        Value::Set(items) => Value::set(items.iter().filter_map(|item| below(item, item))),
        Value::Array(items) => Value::array(
            items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| below(&Value::from(index.to_string()), item)),
        ),
        scalar => scalar.clone(),
    })
}

/// `value` without what `tree` names; `None` if nothing is left.
fn remove_by(value: &Value, tree: Option<&Value>) -> Option<Value> {
    let wanted = match tree {
        Some(Value::Object(wanted)) => wanted,
        Some(Value::Null) => return None,
        _ => return Some(value.clone()),
    };
    let below = |key: &Value, child: &Value| remove_by(child, wanted.get(key));
    Some(match value {
        Value::Object(map) => Value::object(
            map.iter()
                .filter_map(|(key, child)| Some((key.clone(), below(key, child)?))),
        ),
        Value::Set(items) => Value::set(items.iter().filter_map(|item| below(item, item))),
        Value::Array(items) => Value::array(
            items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| below(&Value::from(index.to_string()), item)),
        ),
        scalar => scalar.clone(),
    })
}

pub(super) fn filter(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    object(args, 0)?;
    Ok(filter_by(any(args, 0)?, &tree(args)?).unwrap_or_else(|| Value::object([])))
}

pub(super) fn remove(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    object(args, 0)?;
    remove_by(any(args, 0)?, Some(&tree(args)?)).ok_or(BuiltinError::Undefined)
}
