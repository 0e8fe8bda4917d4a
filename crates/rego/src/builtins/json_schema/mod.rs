//! `json.verify_schema` and `json.match_schema`, with the keywords of JSON Schema drafts 4, 6 and 7 and the errors of OPA's library.
//!
//! Refused are references to other documents, identifiers within a schema that has references, and the few texts and formats for which
//! it is not certain what OPA says. `pattern` holds, as it does in OPA's newest versions; older ones pass over it.

mod check;
mod collections;
mod combine;
mod formats;
mod keywords;
mod numbers;
mod read;
mod refs;
mod uris;

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

/// A schema that was read, with what it refers to.
#[derive(Debug)]
struct Compiled {
    root: Schema,
    /// What [`Schema::Reference`] counts.
    targets: Vec<Schema>,
}

/// A schema.
#[derive(Debug)]
enum Schema {
    /// `true` and `false`.
    Always(bool),
    /// `$ref`: the place in [`Compiled::targets`].
    Reference(usize),
    Rules(Box<Rules>),
}

/// What is not asked for is `None` or empty.
#[derive(Debug, Default)]
struct Rules {
    types: Vec<String>,
    properties: BTreeMap<String, Schema>,
    patterns: Vec<(Pattern, Schema)>,
    additional: Option<Schema>,
    names: Option<Schema>,
    dependencies: BTreeMap<String, Dependency>,
    items: Items,
    contains: Option<Schema>,
    multiple: Option<Number>,
    minimum: Option<Number>,
    above: Option<Number>,
    maximum: Option<Number>,
    below: Option<Number>,
    length: Bounds,
    pattern: Option<Pattern>,
    format: Option<String>,
    members: Bounds,
    required: Vec<String>,
    elements: Bounds,
    unique: bool,
    constant: Option<Value>,
    choices: Vec<Value>,
    combined: Combined,
}

/// Schemas for the same value.
#[derive(Debug, Default)]
struct Combined {
    any: Vec<Schema>,
    one: Vec<Schema>,
    all: Vec<Schema>,
    not: Option<Schema>,
    when: Option<Schema>,
    then: Option<Schema>,
    otherwise: Option<Schema>,
}

/// What the elements of an array must be.
#[derive(Debug, Default)]
enum Items {
    #[default]
    Any,
    Each(Schema),
    /// Schemas by position, and one for those behind them.
    Listed(Vec<Schema>, Option<Schema>),
}

/// What must be where a property is.
#[derive(Debug)]
enum Dependency {
    Names(Vec<String>),
    Schema(Schema),
}

/// A regular expression.
#[derive(Debug)]
struct Pattern {
    /// As it was written.
    text: String,
    /// In the syntax of the `regex` crate, by which the session knows its compiled form.
    translated: String,
}

/// A least and a greatest count.
#[derive(Debug, Default, Clone, Copy)]
struct Bounds {
    min: Option<i64>,
    max: Option<i64>,
}

/// Versions of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Draft {
    Four,
    Six,
    Seven,
    /// No known version: the keywords of all of them.
    Mixed,
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
