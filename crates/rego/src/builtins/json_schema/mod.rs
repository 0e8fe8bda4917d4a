//! `json.verify_schema` and `json.match_schema`, for the keywords whose errors we can give as OPA's library does.
//!
//! Covered: `type`, `properties`, `additionalProperties`, `required`, `items` (one schema), `enum`, `const`, bounds on numbers, lengths
//! and counts, `uniqueItems`, and what only describes. A schema with any other keyword of JSON Schema is refused.

mod check;
mod read;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use stele_types::{Number, Value, json};

use super::{BuiltinError, Refusal, Session, args, failed};

/// The deepest nesting of schemas.
const MAX_DEPTH: usize = 96;

fn unsupported(what: &'static str) -> BuiltinError {
    Refusal::Unsupported(what).into()
}

/// A schema.
#[derive(Debug)]
enum Schema {
    /// `true` and `false`.
    Always(bool),
    Rules(Box<Rules>),
}

/// What is not asked for is `None` or empty.
#[derive(Debug, Default)]
struct Rules {
    types: Vec<String>,
    properties: BTreeMap<String, Schema>,
    additional: Option<Schema>,
    items: Option<Schema>,
    minimum: Option<Number>,
    maximum: Option<Number>,
    length: Bounds,
    members: Bounds,
    required: Vec<String>,
    elements: Bounds,
    unique: bool,
    constant: Option<Value>,
    choices: Vec<Value>,
}

/// A least and a greatest count.
#[derive(Debug, Default, Clone, Copy)]
struct Bounds {
    min: Option<i64>,
    max: Option<i64>,
}

/// A schema that is not valid, or a case that is not supported.
enum Fault {
    Invalid(String),
    Stop(BuiltinError),
}

/// A document or schema: a value, or JSON text.
fn loaded(session: &mut Session<'_>, value: &Value) -> Result<Value, Fault> {
    match value {
        Value::String(text) => {
            let charge = session.bytes(text.len().saturating_mul(4));
            charge.map_err(|limit| Fault::Stop(limit.into()))?;
            json::parse(text.as_bytes(), &json::Limits::default()).map_err(|error| match error.kind {
                json::JsonErrorKind::TooDeep { .. } | json::JsonErrorKind::Number(_) => {
                    Fault::Stop(unsupported("a JSON document with this depth or these numbers"))
                }
                _ => Fault::Invalid("invalid JSON string".to_owned()),
            })
        }
        Value::Object(_) | Value::Array(_) => Ok(value.to_json_projection()),
        _ => Err(Fault::Invalid("wrong type, expected string or object".to_owned())),
    }
}

/// `json.verify_schema(schema)`
pub(super) fn verify_schema(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let schema = loaded(session, args::any(args, 0)?).and_then(|schema| read::schema(session, &schema));
    match schema {
        Ok(_) => Ok(Value::array([Value::from(true), Value::Null])),
        Err(Fault::Invalid(why)) => Ok(Value::array([
            Value::from(false),
            Value::from(format!("jsonschema: {why}")),
        ])),
        Err(Fault::Stop(error)) => Err(error),
    }
}

/// `json.match_schema(document, schema)`
pub(super) fn match_schema(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let ordinary = |fault| match fault {
        Fault::Invalid(why) => failed(why),
        Fault::Stop(error) => error,
    };
    let document = loaded(session, args::any(args, 0)?).map_err(ordinary)?;
    let schema = loaded(session, args::any(args, 1)?).map_err(ordinary)?;
    let schema = read::schema(session, &schema).map_err(ordinary)?;
    let errors = check::check(session, &schema, &document)?;
    Ok(Value::array([
        Value::from(errors.is_empty()),
        Value::array(errors),
    ]))
}
