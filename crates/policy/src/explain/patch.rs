//! Changes of a document as JSON Patch (RFC 6902), with paths as JSON Pointers (RFC 6901).

use std::sync::Arc;

use serde::Serialize;
use stele_rego::trace::Edit;
use stele_types::Value;

/// One operation of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// Adds a value that is not there yet; below an array, `-` is the place after its last element.
    Add {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
    /// Replaces a value.
    Replace {
        /// Where.
        path: String,
        /// By what.
        value: Value,
    },
    /// Removes a value.
    Remove {
        /// Where.
        path: String,
    },
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = stele_types::json::to_string;
        match self {
            Self::Add { path, value } => write!(f, "add {path} = {}", json(value)),
            Self::Replace { path, value } => write!(f, "set {path} = {}", json(value)),
            Self::Remove { path } => write!(f, "remove {path}"),
        }
    }
}

/// The operation that makes an edit of a document, and the document after it. `None` when there is no such operation.
pub(super) fn made(document: &Value, edit: &Edit) -> Option<(Operation, Value)> {
    let operation = match edit {
        Edit::Remove(path) => Operation::Remove { path: pointer(path)? },
        Edit::Set(path, value) => set(document, path, value)?,
    };
    let changed = apply(document, std::slice::from_ref(&operation))?;
    Some((operation, changed))
}

fn set(document: &Value, path: &[Value], value: &Value) -> Option<Operation> {
    let mut at = document;
    for (depth, key) in path.iter().enumerate() {
        if let Some(found) = at.index(key) {
            at = found;
            continue;
        }
        let here = path.get(..depth)?;
        let rest = path.get(depth.saturating_add(1)..)?;
        // What is missing below becomes objects.
        let inner = rest.iter().rev().try_fold(value.clone(), |inner, key| {
            key.as_str()?;
            Some(Value::object([(key.clone(), inner)]))
        })?;
        let step = match (at, key) {
            (Value::Object(_), Value::String(_)) => pointer(path.get(..=depth)?)?,
            (Value::Array(items), Value::Number(index))
                if index.to_u64() == u64::try_from(items.len()).ok() =>
            {
                format!("{}/-", pointer(here)?)
            }
            _ => return None,
        };
        return Some(Operation::Add {
            path: step,
            value: inner,
        });
    }
    Some(Operation::Replace {
        path: pointer(path)?,
        value: value.clone(),
    })
}

/// The document after the operations; `None` when one of them has no place in it.
#[must_use]
pub fn apply(document: &Value, patch: &[Operation]) -> Option<Value> {
    patch.iter().try_fold(document.clone(), |document, operation| {
        let (path, value) = match operation {
            Operation::Add { path, value } | Operation::Replace { path, value } => (path, Some(value)),
            Operation::Remove { path } => (path, None),
        };
        let steps: Vec<String> = path
            .split('/')
            .skip(1)
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect();
        let add = matches!(operation, Operation::Add { .. });
        changed(&document, &steps, value, add)
    })
}

/// The value with a change at a path: a new value there, or none.
fn changed(at: &Value, path: &[String], value: Option<&Value>, add: bool) -> Option<Value> {
    let (step, rest) = path.split_first()?;
    match at {
        Value::Object(pairs) => {
            let key = Value::from(step.as_str());
            let mut pairs = pairs.as_ref().clone();
            if !rest.is_empty() {
                let inner = changed(pairs.get(&key)?, rest, value, add)?;
                pairs.insert(key, inner);
            } else {
                if !add && !pairs.contains_key(&key) {
                    return None;
                }
                match value {
                    Some(value) => pairs.insert(key, value.clone()),
                    None => pairs.remove(&key),
                };
            }
            Some(Value::Object(Arc::new(pairs)))
        }
        Value::Array(items) => {
            let mut items = items.as_ref().clone();
            let index = if step == "-" {
                items.len()
            } else {
                step.parse().ok()?
            };
            match (rest.is_empty(), value) {
                (false, _) => {
                    let inner = changed(items.get(index)?, rest, value, add)?;
                    *items.get_mut(index)? = inner;
                }
                (true, Some(value)) if add && index <= items.len() => items.insert(index, value.clone()),
                (true, Some(value)) if !add => *items.get_mut(index)? = value.clone(),
                (true, None) if index < items.len() => {
                    items.remove(index);
                }
                _ => return None,
            }
            Some(Value::Array(Arc::new(items)))
        }
        _ => None,
    }
}

fn pointer(path: &[Value]) -> Option<String> {
    let step = |step: &Value| match step {
        Value::String(name) => Some(name.replace('~', "~0").replace('/', "~1")),
        Value::Number(index) => index.to_u64().map(|index| index.to_string()),
        _ => None,
    };
    path.iter()
        .try_fold(String::new(), |path, key| Some(format!("{path}/{}", step(key)?)))
}
