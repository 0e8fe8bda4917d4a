//! Types and casts.

use stele_types::{Number, Value};

use super::args::{any, wrong};
use super::{BuiltinError, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

pub(super) fn type_name(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(any(args, 0)?.type_name().into())
}

macro_rules! is {
    ($($name:ident => $pattern:pat,)+) => { $(
        /// True for its type; otherwise false.
        pub(super) fn $name(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
            Ok(matches!(any(args, 0)?, $pattern).into())
        }
    )+ };
}

is! {
    is_null => Value::Null,
    is_boolean => Value::Bool(_),
    is_number => Value::Number(_),
    is_string => Value::String(_),
    is_array => Value::Array(_),
    is_object => Value::Object(_),
    is_set => Value::Set(_),
}

pub(super) fn to_number(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let number = match any(args, 0)? {
        Value::Null => Number::ZERO,
        Value::Bool(value) => Number::from(i64::from(*value)),
        Value::Number(number) => number.clone(),
        Value::String(text)
            if matches!(
                text.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str(),
                "inf" | "infinity" | "nan"
            ) =>
        {
            return Err(wrong(args, 0, "valid number string"));
        }
        Value::String(text) => parse_go_number(text)
            .ok_or_else(|| failed(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")))?,
        _ => return Err(wrong(args, 0, "one of {null, boolean, number, string}")),
    };
    Ok(number.into())
}

/// What Go's `ParseFloat` accepts and a JSON number can hold: a sign, missing digits on one side of the point, leading zeros.
/// Hexadecimal floats, infinities and NaN are not numbers here.
fn parse_go_number(text: &str) -> Option<Number> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => ("-", text.get(1..)?),
        b'+' => ("", text.get(1..)?),
        _ => ("", text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (rest.get(..at)?, rest.get(at..)?),
        None => (rest, ""),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    Number::parse(&format!("{sign}{whole}.{fraction}{exponent}")).ok()
}

macro_rules! cast {
    ($($name:ident => $pattern:pat, $expected:literal,)+) => { $(
        /// The argument itself if it has the type; an error otherwise.
        pub(super) fn $name(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
            match any(args, 0)? {
                value @ $pattern => Ok(value.clone()),
                _ => Err(wrong(args, 0, $expected)),
            }
        }
    )+ };
}

cast! {
    cast_string => Value::String(_), "string",
    cast_boolean => Value::Bool(_), "boolean",
    cast_null => Value::Null, "null",
    cast_object => Value::Object(_), "object",
}

pub(super) fn cast_array(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    match any(args, 0)? {
        value @ Value::Array(_) => Ok(value.clone()),
        Value::Set(items) => Ok(Value::array(items.iter().cloned())),
        _ => Err(wrong(args, 0, "one of {set, array}")),
    }
}

pub(super) fn cast_set(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    match any(args, 0)? {
        value @ Value::Set(_) => Ok(value.clone()),
        Value::Array(items) => Ok(Value::set(items.iter().cloned())),
        _ => Err(wrong(args, 0, "one of {set, array}")),
    }
}
