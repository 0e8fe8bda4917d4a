//! Values across the border to the regorus interpreter, exact in both directions.
//!
//! regorus holds integers of any size exactly and every other number as a binary64. A decimal therefore crosses only when its
//! binary64 prints back as the same decimal (all numbers of up to 15 significant digits do); any other is refused with
//! [`ConvertError::Inexact`] and never rounded. The strings of an input are shared, not copied: both sides keep them in an `Arc<str>`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use stele_types::{Number, Value};

use super::ConvertError;

/// How a document is converted.
///
/// One instance per document. A data document stays loaded and repeats itself: its keys, many of its strings, and lists and
/// records that hold nothing but scalars. An interner that shares keeps one copy of each, which is most of what keeps a loaded document small. It
/// also copies the strings, so that nothing of the source document stays alive.
#[derive(Debug, Default)]
pub struct Interner {
    shared: Option<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    strings: HashSet<Arc<str>>,
    containers: HashMap<Value, regorus::Value>,
}

/// Containers of more members than this are not looked up: they are seldom equal.
const SHARED_MEMBERS: usize = 16;
/// At most this many containers are remembered: what repeats often is met early, and the memory costs more than it saves otherwise.
const SHARED_CONTAINERS: usize = 4096;

impl Interner {
    /// An interner that keeps one copy of what repeats (for documents that stay loaded).
    #[must_use]
    pub fn sharing() -> Self {
        Self {
            shared: Some(Shared::default()),
        }
    }

    /// An interner that passes everything through (for inputs, which live for one request).
    #[must_use]
    pub fn passing() -> Self {
        Self::default()
    }

    fn string(&mut self, text: &Arc<str>) -> Arc<str> {
        let Some(shared) = &mut self.shared else {
            return Arc::clone(text);
        };
        if let Some(kept) = shared.strings.get(text) {
            return Arc::clone(kept);
        }
        let copy: Arc<str> = Arc::from(&**text);
        shared.strings.insert(Arc::clone(&copy));
        copy
    }

    /// The copy of an equal container met before.
    fn container(&self, value: &Value) -> Option<regorus::Value> {
        let shared = self.shared.as_ref()?;
        is_small(value)
            .then(|| shared.containers.get(value).cloned())
            .flatten()
    }

    fn keep(&mut self, value: &Value, converted: &regorus::Value) {
        if let Some(shared) = &mut self.shared
            && shared.containers.len() < SHARED_CONTAINERS
            && is_small(value)
        {
            shared.containers.insert(value.clone(), converted.clone());
        }
    }
}

/// A container of few scalars.
fn is_small(value: &Value) -> bool {
    let scalar = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_) | Value::Set(_));
    match value {
        Value::Array(items) => items.len() <= SHARED_MEMBERS && items.iter().all(scalar),
        Value::Object(entries) => entries.len() <= SHARED_MEMBERS && entries.values().all(scalar),
        _ => false,
    }
}

/// Converts `value` for the interpreter.
///
/// # Errors
///
/// [`ConvertError::Inexact`] names the first number that would lose digits.
pub fn to_regorus(value: &Value, interner: &mut Interner) -> Result<regorus::Value, ConvertError> {
    let mut path = Vec::new();
    convert_in(value, interner, &mut path)
}

/// Names one step of a path for an error message.
enum Step<'a> {
    Key(&'a Value),
    Index(usize),
}

fn render_path(path: &[Step<'_>]) -> String {
    if path.is_empty() {
        return "the root".to_owned();
    }
    let steps: Vec<String> = path
        .iter()
        .map(|step| match step {
            Step::Key(Value::String(text)) => text.to_string(),
            Step::Key(other) => stele_types::json::to_string(other),
            Step::Index(index) => index.to_string(),
        })
        .collect();
    steps.join("/")
}

fn convert_in<'a>(
    value: &'a Value,
    interner: &mut Interner,
    path: &mut Vec<Step<'a>>,
) -> Result<regorus::Value, ConvertError> {
    if let Some(shared) = interner.container(value) {
        return Ok(shared);
    }
    let converted = match value {
        Value::Null => regorus::Value::Null,
        Value::Bool(flag) => regorus::Value::Bool(*flag),
        Value::Number(number) => convert_number(number, path)?,
        Value::String(text) => regorus::Value::String(interner.string(text)),
        Value::Array(items) => {
            let mut out = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                out.push(convert_in(item, interner, path)?);
                path.pop();
            }
            regorus::Value::from(out)
        }
        Value::Object(entries) => {
            let mut out = BTreeMap::new();
            for (key, item) in entries.iter() {
                path.push(Step::Key(key));
                let item = convert_in(item, interner, path)?;
                out.insert(convert_in(key, interner, path)?, item);
                path.pop();
            }
            regorus::Value::from(out)
        }
        Value::Set(members) => {
            let mut out = BTreeSet::new();
            for (index, member) in members.iter().enumerate() {
                path.push(Step::Index(index));
                out.insert(convert_in(member, interner, path)?);
                path.pop();
            }
            regorus::Value::from(out)
        }
    };
    interner.keep(value, &converted);
    Ok(converted)
}

fn convert_number(number: &Number, path: &[Step<'_>]) -> Result<regorus::Value, ConvertError> {
    if let Some(small) = number.to_i64() {
        return Ok(regorus::Value::from(small));
    }
    let text = number.to_string();
    let inexact = || ConvertError::Inexact {
        number: text.clone(),
        path: render_path(path),
    };
    let converted = regorus::Value::from_numeric_string(&text).map_err(|_| inexact())?;
    match number_from(&converted) {
        Ok(back) if back == *number => Ok(converted),
        _ => Err(inexact()),
    }
}

/// Reads a number of the interpreter: integers exactly, a binary64 as the shortest decimal that denotes it (which is what its
/// `Display` prints).
fn number_from(value: &regorus::Value) -> Result<Number, ConvertError> {
    if let Ok(small) = value.as_i64() {
        return Ok(Number::from(small));
    }
    let text = match value.as_number() {
        Ok(number) => number.format_decimal(),
        Err(error) => error.to_string(),
    };
    Number::parse(&text).map_err(|_| ConvertError::BadNumber { text })
}

/// Converts a result of the interpreter; `None` stands for undefined. At most `max_nodes` nodes are taken.
///
/// # Errors
///
/// [`ConvertError::TooLarge`] above `max_nodes`, the others when the interpreter returns what Rego has no name for.
pub fn from_regorus(value: &regorus::Value, max_nodes: usize) -> Result<Option<Value>, ConvertError> {
    if matches!(value, regorus::Value::Undefined) {
        return Ok(None);
    }
    let mut left = max_nodes;
    take(value, &mut left, max_nodes).map(Some)
}

fn take(value: &regorus::Value, left: &mut usize, limit: usize) -> Result<Value, ConvertError> {
    *left = left.checked_sub(1).ok_or(ConvertError::TooLarge { limit })?;
    Ok(match value {
        regorus::Value::Null => Value::Null,
        regorus::Value::Bool(flag) => Value::Bool(*flag),
        regorus::Value::Number(_) => Value::Number(number_from(value)?),
        regorus::Value::String(text) => Value::String(Arc::clone(text)),
        regorus::Value::Array(items) => {
            let items: Result<Vec<Value>, _> = items.iter().map(|item| take(item, left, limit)).collect();
            Value::Array(Arc::new(items?))
        }
        regorus::Value::Object(entries) => {
            let mut out = BTreeMap::new();
            for (key, item) in entries.iter() {
                // The interpreter keeps a place for a rule it has not finished; such an entry does not exist.
                if !matches!(item, regorus::Value::Undefined) {
                    out.insert(take(key, left, limit)?, take(item, left, limit)?);
                }
            }
            Value::Object(Arc::new(out))
        }
        regorus::Value::Set(members) => {
            let members: Result<BTreeSet<Value>, _> =
                members.iter().map(|member| take(member, left, limit)).collect();
            Value::Set(Arc::new(members?))
        }
        regorus::Value::Undefined => return Err(ConvertError::NestedUndefined),
    })
}
