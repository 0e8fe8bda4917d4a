//! The values of keywords. The messages are those of OPA's library.

use std::collections::BTreeMap;

use stele_types::{Number, Value};

use super::numbers::is_certain;
use super::{Bounds, Draft, Fault, Pattern, unsupported};
use crate::builtins::{BuiltinError, Session, go_regex};

pub(super) type Read<T> = Result<T, Fault>;
pub(super) type Map = BTreeMap<Value, Value>;

/// How the messages call a schema.
pub(super) const SCHEMA: &str = "Valid Schema";

const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "number", "null", "object", "string",
];

pub(super) fn invalid<T>(why: impl Into<String>) -> Read<T> {
    Err(Fault::Invalid(why.into()))
}

/// A keyword with a value of another type.
pub(super) fn wrong<T>(expected: &str, keyword: &str) -> Read<T> {
    invalid(format!("Invalid type. Expected: {expected}, given: {keyword}"))
}

pub(super) fn get<'m>(map: &'m Map, keyword: &str) -> Option<&'m Value> {
    map.get(&Value::string(keyword))
}

/// A keyword whose value is text.
pub(super) fn text<'m>(map: &'m Map, keyword: &str) -> Read<Option<&'m str>> {
    match get(map, keyword) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => wrong("string", keyword),
    }
}

/// A keyword whose value is a list.
pub(super) fn list<'m>(map: &'m Map, keyword: &str) -> Read<&'m [Value]> {
    match get(map, keyword) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => invalid(format!("{keyword} must be of an array")),
    }
}

/// A keyword whose value is an object.
pub(super) fn object<'m>(map: &'m Map, keyword: &str) -> Read<Option<&'m Map>> {
    match get(map, keyword) {
        None => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        // OPA's texts write this one keyword with a capital.
        Some(_) if keyword == "properties" => invalid("Properties must be of type object"),
        Some(_) => invalid(format!("{keyword} must be of type object")),
    }
}

/// The version that `$schema` names.
pub(super) fn draft(map: &Map) -> Read<Draft> {
    let name = match get(map, "$schema") {
        None => return Ok(Draft::Mixed),
        Some(Value::String(name)) => name,
        Some(_) => return invalid("$schema must be of type string"),
    };
    match name.strip_suffix('#').unwrap_or(name) {
        "http://json-schema.org/draft-04/schema" => Ok(Draft::Four),
        "http://json-schema.org/draft-06/schema" => Ok(Draft::Six),
        "http://json-schema.org/draft-07/schema" => Ok(Draft::Seven),
        // OPA takes the names of all others for no version, however new.
        other if is_plain_address(other) => Ok(Draft::Mixed),
        _ => Err(Fault::Stop(unsupported("a JSON schema of this version"))),
    }
}

/// Addresses that are written in one way only.
fn is_plain_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        rest.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_./".contains(&b))
    })
}

pub(super) fn types(map: &Map) -> Read<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let listed = match get(map, "type") {
        None => return Ok(found),
        Some(value @ Value::String(_)) => std::slice::from_ref(value),
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) => return wrong("type", "string/Array Of Strings"),
    };
    for item in listed {
        let Some(name) = item.as_str() else {
            return wrong("type", "string/Array Of Strings");
        };
        if !TYPES.contains(&name) {
            let valid = TYPES.join(" ");
            return invalid(format!(
                "has a primitive type that is NOT VALID -- given: /{name}/ Expected valid values are:[{valid}]"
            ));
        }
        if found.iter().any(|known| known == name) {
            return invalid(format!("{name} type is duplicated"));
        }
        found.push(name.to_owned());
    }
    Ok(found)
}

pub(super) fn number(map: &Map, keyword: &str) -> Read<Option<Number>> {
    match get(map, keyword) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.clone())),
        Some(_) => invalid(format!("{keyword} must be of a Number")),
    }
}

/// `multipleOf`
pub(super) fn multiple(map: &Map) -> Read<Option<Number>> {
    match get(map, "multipleOf") {
        None => Ok(None),
        Some(Value::Number(number)) if *number > Number::ZERO => Ok(Some(number.clone())),
        Some(Value::Number(_)) => invalid("multipleOf must be strictly greater than 0"),
        Some(_) => wrong("Number", "multipleOf"),
    }
}

/// A bound and its exclusive form: up to draft 4 the exclusive one is a boolean, from draft 6 on a number of its own.
pub(super) fn limit(
    map: &Map,
    draft: Draft,
    plain: &str,
    exclusive: &str,
) -> Read<(Option<Number>, Option<Number>)> {
    let bound = number(map, plain)?;
    let (booleans, numbers) = (matches!(draft, Draft::Four | Draft::Mixed), draft != Draft::Four);
    match get(map, exclusive) {
        None => Ok((bound, None)),
        Some(Value::Bool(_)) if booleans && bound.is_none() => {
            invalid(format!("{exclusive} cannot be used without {plain}"))
        }
        Some(Value::Bool(true)) if booleans => Ok((None, bound)),
        Some(Value::Bool(false)) if booleans => Ok((bound, None)),
        Some(Value::Number(number)) if numbers => Ok((bound, Some(number.clone()))),
        Some(_) => match (booleans, numbers) {
            (true, true) => wrong("boolean/number", exclusive),
            (true, false) => wrong("boolean", exclusive),
            _ => wrong("number", exclusive),
        },
    }
}

pub(super) fn bounds(map: &Map, min: &str, max: &str, ordered: bool) -> Read<Bounds> {
    let bound = |keyword: &str| match get(map, keyword) {
        None => Ok(None),
        Some(value) => match value.as_number().and_then(Number::to_i64) {
            None => invalid(format!("{keyword} must be of an integer")),
            Some(bound) if bound < 0 => invalid(format!("{keyword} must be greater than or equal to 0")),
            Some(bound) => Ok(Some(bound)),
        },
    };
    let bounds = Bounds {
        min: bound(min)?,
        max: bound(max)?,
    };
    match (bounds.min, bounds.max) {
        (Some(least), Some(most)) if ordered && least > most => {
            invalid(format!("{min} cannot be greater than {max}"))
        }
        _ => Ok(bounds),
    }
}

pub(super) fn required(map: &Map) -> Read<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for item in list(map, "required")? {
        let Some(name) = item.as_str() else {
            return wrong("string", "required");
        };
        if found.iter().any(|known| known == name) {
            return invalid("required items must be unique");
        }
        found.push(name.to_owned());
    }
    Ok(found)
}

pub(super) fn unique(map: &Map) -> Read<bool> {
    match get(map, "uniqueItems") {
        None => Ok(false),
        Some(Value::Bool(unique)) => Ok(*unique),
        Some(_) => invalid("uniqueItems must be of a boolean"),
    }
}

pub(super) fn choices(map: &Map) -> Read<Vec<Value>> {
    let mut found: Vec<Value> = Vec::new();
    let listed = list(map, "enum")?;
    if listed.is_empty() && get(map, "enum").is_some() {
        // Nothing is one of none; older versions of OPA take that for no `enum`.
        return Err(Fault::Stop(unsupported("a JSON schema with an empty enum")));
    }
    for item in listed {
        let item = certain(item)?;
        if found.contains(&item) {
            return invalid("enum items must be unique");
        }
        found.push(item);
    }
    Ok(found)
}

/// OPA compares such values by way of 64-bit floating point numbers.
pub(super) fn certain(value: &Value) -> Read<Value> {
    if is_certain(value) {
        Ok(value.clone())
    } else {
        Err(Fault::Stop(unsupported(
            "a JSON schema with a number of this size",
        )))
    }
}

/// A regular expression in Go's syntax; `why` is the message if it is none.
pub(super) fn pattern(session: &mut Session<'_>, text: &str, why: impl Fn() -> String) -> Read<Pattern> {
    let compiled = go_regex(text).and_then(|translated| {
        session.pattern(&translated)?;
        Ok(translated)
    });
    match compiled {
        Ok(translated) => Ok(Pattern {
            text: text.to_owned(),
            translated,
        }),
        Err(BuiltinError::Failed(_)) => invalid(why()),
        Err(other) => Err(Fault::Stop(other)),
    }
}
