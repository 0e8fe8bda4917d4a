//! Recorded calls, in OPA's form.

use std::collections::BTreeMap;

use stele_types::{Value, json};
use thiserror::Error;

use super::{NdBuiltins, NdError};
use crate::builtins;

/// Marks the member that has the failed calls of a builtin: `http.send#failed`. OPA does not record them; without them a replay could not tell
/// a call that failed from one that never was.
const FAILED: &str = "#failed";

/// What a call gave: a value, or the message of its failure.
type Answer = Result<Value, String>;

/// Calls of impure builtins and what they gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NdCache(BTreeMap<String, BTreeMap<String, Answer>>);

/// A value that is no cache.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an nd_builtin_cache: {0}")]
pub struct NdCacheError(String);

impl NdCache {
    /// Whether there are no calls.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of calls.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// OPA's form: for each builtin an object from the JSON text of the array of arguments to the result. Failed calls stand under
    /// the builtin's name with `#failed` after it, with their message. `None` when there are no calls.
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        let mut members: BTreeMap<Value, Value> = BTreeMap::new();
        for (name, calls) in &self.0 {
            let part = |wanted: bool| -> BTreeMap<Value, Value> {
                let calls = calls.iter().filter(|(_, answer)| answer.is_ok() == wanted);
                let member = |(key, answer): (&String, &Answer)| {
                    let value = match answer {
                        Ok(value) => value.to_json_projection(),
                        Err(message) => Value::string(message),
                    };
                    (Value::string(key), value)
                };
                calls.map(member).collect()
            };
            for (suffix, calls) in [("", part(true)), (FAILED, part(false))] {
                if !calls.is_empty() {
                    members.insert(Value::from(format!("{name}{suffix}")), calls.into());
                }
            }
        }
        (!members.is_empty()).then(|| members.into())
    }

    /// Reads what [`NdCache::to_value`] or OPA wrote.
    ///
    /// # Errors
    /// [`NdCacheError`] when the value has another shape.
    pub fn from_value(value: &Value) -> Result<Self, NdCacheError> {
        let bad = |what: &str| NdCacheError(what.to_owned());
        let mut cache = Self::default();
        let members = value
            .as_object()
            .ok_or_else(|| bad("it must be an object from names of builtins to calls"))?;
        for (name, calls) in members {
            let name = name
                .as_str()
                .ok_or_else(|| bad("names of builtins must be strings"))?;
            let calls = calls
                .as_object()
                .ok_or_else(|| bad(&format!("the calls of {name} must be an object")))?;
            let (builtin, failed) = name
                .strip_suffix(FAILED)
                .map_or((name, false), |builtin| (builtin, true));
            for (key, value) in calls {
                let args = key
                    .as_str()
                    .map(|text| (text, json::parse(text.as_bytes(), &LIMITS)));
                let Some((_, Ok(Value::Array(args)))) = args else {
                    return Err(bad(&format!(
                        "the calls of {name} must stand under the JSON text of an array, not under {key}"
                    )));
                };
                let answer = match (failed, value) {
                    (false, value) => Ok(restored(builtin, value.clone())),
                    (true, Value::String(message)) => Err(message.to_string()),
                    (true, other) => {
                        return Err(bad(&format!(
                            "the failures of {builtin} must be messages, not {other}"
                        )));
                    }
                };
                cache.put(builtin, self::key(&args), answer);
            }
        }
        Ok(cache)
    }

    /// The calls of a record; none when it has no cache.
    ///
    /// # Errors
    /// As [`NdCache::from_value`].
    pub fn of_record(value: Option<&Value>) -> Result<Self, NdCacheError> {
        value.map_or_else(|| Ok(Self::default()), Self::from_value)
    }

    pub(super) fn get(&self, name: &str, key: &str) -> Option<Result<Value, NdError>> {
        let answer = self.0.get(name)?.get(key)?;
        Some(answer.clone().map_err(NdError::Failed))
    }

    pub(super) fn put(&mut self, name: &str, key: String, answer: Answer) {
        let calls = self.0.entry(name.to_owned()).or_default();
        calls.insert(key, answer);
    }
}

/// Replays.
impl NdBuiltins for NdCache {
    fn call(&self, name: &'static str, args: &[Value]) -> Result<Value, NdError> {
        let key = key(args);
        self.get(name, &key)
            .unwrap_or(Err(NdError::NotRecorded { args: key }))
    }
}

/// Arguments were read within the limits of an input or made by a policy within those of its evaluation.
const LIMITS: json::Limits = json::Limits {
    max_bytes: usize::MAX,
    max_depth: 1 << 10,
};

/// The text under which OPA records a call: the JSON of the array of arguments, as Go writes it.
pub(super) fn key(args: &[Value]) -> String {
    let args = Value::array(args.iter().cloned());
    let text = json::to_string(&args.json_projection());
    let mut key = String::with_capacity(text.len());
    for char in text.chars() {
        // Go escapes what could end a script or a line in HTML and JavaScript. All of these stand inside of strings.
        match char {
            '<' => key.push_str("\\u003c"),
            '>' => key.push_str("\\u003e"),
            '&' => key.push_str("\\u0026"),
            '\u{2028}' => key.push_str("\\u2028"),
            '\u{2029}' => key.push_str("\\u2029"),
            other => key.push(other),
        }
    }
    key
}

/// The set that an array in JSON stands for, where the builtin returns one.
pub(super) fn restored(name: &str, value: Value) -> Value {
    let returns_set = builtins::find(name).is_some_and(|builtin| builtin.result == "set");
    match value {
        Value::Array(items) if returns_set => Value::set(items.iter().cloned()),
        other => other,
    }
}
