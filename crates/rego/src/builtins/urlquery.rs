//! `urlquery.*`: `application/x-www-form-urlencoded` as Go's `net/url` has it.

use std::collections::BTreeMap;

use stele_types::Value;

use super::args::{elements, object, string, wrong};
use super::{BuiltinError, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn unescape(text: &str) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let pair: Vec<u8> = bytes.by_ref().take(2).collect();
                let decoded = hex::decode(&pair).ok().filter(|decoded| decoded.len() == 1);
                out.extend(decoded.ok_or_else(|| failed(format!("invalid URL escape in {text:?}")))?);
            }
            other => out.push(other),
        }
    }
    super::encoding::utf8(out)
}

pub(super) fn encode(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    session.bytes(text.len().saturating_mul(3))?;
    Ok(escape(text).into())
}

pub(super) fn decode(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(unescape(string(args, 0)?)?.into())
}

/// Keys in order; a collection of strings repeats its key.
pub(super) fn encode_object(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut pairs = Vec::new();
    // OPA goes through JSON first, which makes text of keys.
    let map: BTreeMap<String, &Value> = object(args, 0)?
        .iter()
        .map(|(key, value)| (super::encoding::key_text(key), value))
        .collect();
    for (key, value) in map {
        let values = match value {
            Value::String(_) => vec![value],
            other => elements(other)
                .ok_or_else(|| wrong(args, 0, "object of string, array[string], or set[string]"))?,
        };
        for value in values {
            let Value::String(text) = value else {
                return Err(wrong(args, 0, "object of string, array[string], or set[string]"));
            };
            pairs.push(format!("{}={}", escape(&key), escape(text)));
        }
    }
    let text = pairs.join("&");
    session.bytes(text.len())?;
    Ok(text.into())
}

pub(super) fn decode_object(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut fields: BTreeMap<Value, Vec<Value>> = BTreeMap::new();
    for pair in string(args, 0)?.split('&').filter(|pair| !pair.is_empty()) {
        session.elements(2)?;
        if pair.contains(';') {
            return Err(failed("invalid semicolon separator in query"));
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields
            .entry(unescape(key)?.into())
            .or_default()
            .push(unescape(value)?.into());
    }
    Ok(Value::object(
        fields.into_iter().map(|(key, values)| (key, values.into())),
    ))
}
