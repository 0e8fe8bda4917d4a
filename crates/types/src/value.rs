//! The values that policies compute with.

mod serde_impl;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::Number;

/// A Rego value. *Undefined* is not a value: it is `Option::None` around this type.
///
/// The derived order is Rego's total order: null, booleans, numbers, strings (by UTF-8 bytes), arrays (element by
/// element, then length), objects (as their sorted key, value, key, value... sequence, then length), sets (as sorted
/// sequences). It depends on the order of the variants below.
///
/// Clones are cheap: everything that can be large is behind an [`Arc`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Value {
    /// JSON `null`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Unicode text.
    String(Arc<str>),
    /// A sequence.
    Array(Arc<Vec<Value>>),
    /// A map; unlike JSON's, its keys may be any value.
    Object(Arc<BTreeMap<Value, Value>>),
    /// A set; JSON has no such thing, see [`Value::to_json_projection`].
    Set(Arc<BTreeSet<Value>>),
}

impl Value {
    /// A string.
    pub fn string(text: &str) -> Self {
        Self::String(text.into())
    }

    /// An array.
    pub fn array(items: impl IntoIterator<Item = Self>) -> Self {
        Self::Array(Arc::new(items.into_iter().collect()))
    }

    /// An object; of equal keys the last one wins.
    pub fn object(pairs: impl IntoIterator<Item = (Self, Self)>) -> Self {
        Self::Object(Arc::new(pairs.into_iter().collect()))
    }

    /// A set.
    pub fn set(items: impl IntoIterator<Item = Self>) -> Self {
        Self::Set(Arc::new(items.into_iter().collect()))
    }

    /// Rego's name of the type, as `type_name` gives it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Set(_) => "set",
        }
    }

    /// The boolean, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub const fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The map, if it is an object.
    pub fn as_object(&self) -> Option<&BTreeMap<Self, Self>> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The members, if it is a set.
    pub fn as_set(&self) -> Option<&BTreeSet<Self>> {
        match self {
            Self::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The value under a string key, if it is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(&Self::string(key))
    }

    /// One step down as Rego's `value[key]`: an object's member, an array's element, or a set's own member.
    pub fn index(&self, key: &Self) -> Option<&Self> {
        match self {
            Self::Object(map) => map.get(key),
            Self::Set(items) => items.get(key),
            Self::Array(items) => items.get(usize::try_from(key.as_number()?.to_i64()?).ok()?),
            _ => None,
        }
    }

    /// True when the value is already what its JSON text says: no sets and no keys other than strings, anywhere.
    pub fn is_json(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::Array(items) => items.iter().all(Self::is_json),
            Self::Object(map) => map
                .iter()
                .all(|(key, value)| matches!(key, Self::String(_)) && value.is_json()),
            Self::Set(_) => false,
        }
    }

    /// The value as JSON can carry it: sets become arrays in their order, keys that are no strings become their JSON
    /// text (of colliding keys the greater original wins), recursively. Results are hashed in this form.
    pub fn to_json_projection(&self) -> Self {
        self.json_projection().into_owned()
    }

    /// [`Value::to_json_projection`] without a copy where there is nothing to change.
    pub fn json_projection(&self) -> Cow<'_, Self> {
        if self.is_json() {
            Cow::Borrowed(self)
        } else {
            Cow::Owned(self.project())
        }
    }

    fn project(&self) -> Self {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => self.clone(),
            Self::Array(items) => Self::array(items.iter().map(Self::project)),
            Self::Set(items) => Self::array(items.iter().map(Self::project)),
            Self::Object(map) => Self::object(
                map.iter()
                    .map(|(key, value)| (Self::String(key.key_text()), value.project())),
            ),
        }
    }

    /// The text of a key in JSON: a string as it is, anything else as its JSON text.
    pub(crate) fn key_text(&self) -> Arc<str> {
        match self {
            Self::String(text) => Arc::clone(text),
            other => crate::json::to_string(other).into(),
        }
    }
}

impl fmt::Debug for Value {
    /// Rego-like text: sets in braces, so that they can be told from arrays.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => {
                f.write_str(&crate::json::to_string(self))
            }
            Self::Array(items) => f.debug_list().entries(items.iter()).finish(),
            Self::Object(map) => f.debug_map().entries(map.iter()).finish(),
            Self::Set(items) if items.is_empty() => f.write_str("set()"),
            Self::Set(items) => f.debug_set().entries(items.iter()).finish(),
        }
    }
}

impl fmt::Display for Value {
    /// Compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::json::to_string(self))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(Arc::new(items))
    }
}

impl From<BTreeMap<Value, Value>> for Value {
    fn from(map: BTreeMap<Value, Value>) -> Self {
        Self::Object(Arc::new(map))
    }
}

impl From<BTreeSet<Value>> for Value {
    fn from(items: BTreeSet<Value>) -> Self {
        Self::Set(Arc::new(items))
    }
}
