//! `graphql.*`: GraphQL documents, their trees in OPA's form, and their validation.
//!
//! A document is a string, or an object that an earlier call made of one.

mod ast;
mod from_value;
mod lexer;
mod parser;
mod schema;
mod to_value;
mod validate;

#[cfg(test)]
mod tests;

use stele_types::Value;

use self::ast::{Pos, QueryDocument, SchemaDocument};
use self::parser::Parsed;
use super::{BuiltinError, Refusal, Session, args, failed};

/// Why a document is not accepted.
#[derive(Debug)]
enum Fault {
    /// It is ill-formed or breaks a rule.
    Invalid { pos: Option<Pos>, message: String },
    /// That can't be decided: a limit was reached, or the document is of a kind that is not supported.
    Stop(BuiltinError),
}

impl Fault {
    fn unsupported(what: &'static str) -> Self {
        Self::Stop(Refusal::Unsupported(what).into())
    }

    fn too_deep() -> Self {
        Self::unsupported("a GraphQL document nested too deeply")
    }
}

fn invalid(pos: Option<Pos>, message: impl Into<String>) -> Fault {
    let message = message.into();
    Fault::Invalid { pos, message }
}

impl From<Fault> for BuiltinError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Stop(error) => error,
            Fault::Invalid {
                pos: Some(Pos { line, column }),
                message,
            } if column >= 0 => {
                let message = message.trim_end_matches('.');
                failed(format!("{message} in GraphQL string at location {line}:{column}"))
            }
            Fault::Invalid { message, .. } => failed(format!("GraphQL parse error: input: {message}")),
        }
    }
}

/// What the rules say of a document: nothing, if that can't be decided.
fn verdict<T>(result: Parsed<T>) -> Result<Option<T>, BuiltinError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Invalid { .. }) => Ok(None),
        Err(Fault::Stop(error)) => Err(error),
    }
}

/// Charges for reading a document.
fn charge(session: &mut Session<'_>, document: &Value) -> Parsed<()> {
    let size = document.as_str().map_or(0, str::len);
    // Trees are bigger than their text.
    session
        .bytes(size.saturating_mul(16))
        .map_err(|limit| Fault::Stop(limit.into()))
}

fn read_query(session: &mut Session<'_>, document: &Value) -> Parsed<QueryDocument> {
    charge(session, document)?;
    match document {
        Value::String(text) => parser::parse_query(text),
        Value::Object(_) => from_value::query(&document.to_json_projection()),
        _ => Err(invalid(None, "a GraphQL document must be a string or an object")),
    }
}

fn read_schema(session: &mut Session<'_>, document: &Value) -> Parsed<SchemaDocument> {
    charge(session, document)?;
    match document {
        Value::String(text) => parser::parse_schema(text),
        Value::Object(_) => from_value::schema(&document.to_json_projection()),
        _ => Err(invalid(None, "a GraphQL document must be a string or an object")),
    }
}

/// Query and schema, if the query is valid.
fn verified(session: &mut Session<'_>, args: &[Value]) -> Parsed<(QueryDocument, SchemaDocument)> {
    let any = |index| args::any(args, index).map_err(Fault::Stop);
    let query = read_query(session, any(0)?)?;
    let document = read_schema(session, any(1)?)?;
    let schema = schema::load(&document)?;
    validate::validate(&schema, &query, session)?;
    Ok((query, document))
}

/// An argument must be a string or an object.
fn check_type(args: &[Value], index: usize) -> Result<(), BuiltinError> {
    match args::any(args, index)? {
        Value::String(_) | Value::Object(_) => Ok(()),
        _ => Err(args::wrong(args, index, "one of {string, object}")),
    }
}

/// `graphql.parse_query(query)`
pub(super) fn parse_query(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    args::string(args, 0)?;
    let document = read_query(session, args::any(args, 0)?)?;
    Ok(to_value::query(&document))
}

/// `graphql.parse_schema(schema)`
pub(super) fn parse_schema(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    args::string(args, 0)?;
    let document = read_schema(session, args::any(args, 0)?)?;
    Ok(to_value::schema(&document))
}

/// `graphql.parse(query, schema)`
pub(super) fn parse(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    check_type(args, 0)?;
    check_type(args, 1)?;
    let (query, schema) = verified(session, args)?;
    Ok(Value::array([to_value::query(&query), to_value::schema(&schema)]))
}

/// `graphql.parse_and_verify(query, schema)`
pub(super) fn parse_and_verify(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let result = verified(session, args);
    Ok(match verdict(result)? {
        Some((query, schema)) => Value::array([
            Value::from(true),
            to_value::query(&query),
            to_value::schema(&schema),
        ]),
        None => Value::array([Value::from(false), Value::object([]), Value::object([])]),
    })
}

/// `graphql.is_valid(query, schema)`
pub(super) fn is_valid(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let result = verified(session, args);
    Ok(Value::from(verdict(result)?.is_some()))
}

/// `graphql.schema_is_valid(schema)`
pub(super) fn schema_is_valid(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let result = read_schema(session, args::any(args, 0)?).and_then(|document| schema::load(&document));
    Ok(Value::from(verdict(result)?.is_some()))
}
