//! Base64, hex and JSON.
//!
//! Strings are Unicode here: decoding to bytes that are not UTF-8 is an error, where OPA yields a string that JSON can't hold.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use stele_types::{Value, json};

use super::args::{any, object, string};
use super::{BuiltinError, Session, bad_operand, base64, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

pub(super) fn utf8(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| failed("the decoded bytes are not UTF-8"))
}

pub(super) fn base64_encode(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    session.bytes(text.len().saturating_mul(2))?;
    Ok(STANDARD.encode(text).into())
}

pub(super) fn base64_decode(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(utf8(base64::standard(string(args, 0)?)?)?.into())
}

pub(super) fn base64_is_valid(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let valid = |text: &str| base64::standard(text).is_ok();
    Ok(any(args, 0)?.as_str().is_some_and(valid).into())
}

pub(super) fn base64url_encode(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    session.bytes(text.len().saturating_mul(2))?;
    Ok(URL_SAFE.encode(text).into())
}

pub(super) fn base64url_encode_no_pad(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    session.bytes(text.len().saturating_mul(2))?;
    Ok(URL_SAFE_NO_PAD.encode(text).into())
}

/// Padding may be missing, not incomplete.
pub(super) fn base64url_decode(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    let padded = text.trim_end_matches(['\r', '\n']).ends_with('=');
    let bytes = if padded {
        base64::url_padded(text)
    } else {
        base64::url(text)
    };
    Ok(utf8(bytes?)?.into())
}

pub(super) fn hex_encode(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    session.bytes(text.len().saturating_mul(2))?;
    Ok(hex::encode(text).into())
}

pub(super) fn hex_decode(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let bytes = hex::decode(string(args, 0)?).map_err(|error| failed(format!("encoding/hex: {error}")))?;
    Ok(utf8(bytes)?.into())
}

/// The text of an object's key in JSON.
pub(super) fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.to_string(),
        other => json::to_string(other),
    }
}

/// JSON as Go writes it: `<`, `>`, `&` and two line separators are escaped. They occur in strings only.
pub(super) fn go_json(value: &Value) -> String {
    json::to_string(value)
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

pub(super) fn json_marshal(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = go_json(any(args, 0)?);
    session.bytes(text.len())?;
    Ok(text.into())
}

pub(super) fn json_unmarshal(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    session.bytes(text.len().saturating_mul(4))?;
    json::parse(text.as_bytes(), &json::Limits::default()).map_err(|error| failed(error.to_string()))
}

pub(super) fn json_is_valid(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let Some(text) = any(args, 0)?.as_str() else {
        return Ok(false.into());
    };
    session.bytes(text.len().saturating_mul(4))?;
    Ok(json::parse(text.as_bytes(), &json::Limits::default())
        .is_ok()
        .into())
}

/// Options: `pretty`, `indent` (default a tab), `prefix`; naming one of the last two implies `pretty`.
pub(super) fn json_marshal_with_options(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (mut indent, mut prefix) = ("\t", "");
    let (mut implied, mut explicit) = (false, None);
    for (key, value) in object(args, 1)? {
        let text = || {
            value
                .as_str()
                .ok_or_else(|| bad_operand(format!("operand 2 key {key} failed cast to string")))
        };
        match key.as_str() {
            Some("indent") => (indent, implied) = (text()?, true),
            Some("prefix") => (prefix, implied) = (text()?, true),
            Some("pretty") => {
                explicit = Some(
                    value
                        .as_bool()
                        .ok_or_else(|| bad_operand("operand 2 key pretty failed cast to bool"))?,
                );
            }
            _ => {
                return Err(bad_operand(format!(
                    "operand 2 object contained unknown key {key}"
                )));
            }
        }
    }
    let compact = go_json(any(args, 0)?);
    session.bytes(compact.len())?;
    Ok(if explicit.unwrap_or(implied) {
        pretty(session, &compact, prefix, indent)?.into()
    } else {
        compact.into()
    })
}

/// Lays compact JSON out over lines; empty collections stay on theirs. Each line is charged before it begins: prefix and indent may be long.
fn pretty(session: &mut Session<'_>, compact: &str, prefix: &str, indent: &str) -> Result<String> {
    session.bytes(prefix.len())?;
    let mut out = String::from(prefix);
    let mut depth = 0_usize;
    let mut chars = compact.chars().peekable();
    let (mut in_string, mut escaped) = (false, false);
    let mut line = |out: &mut String, depth: usize| -> Result<()> {
        let indented = indent.len().saturating_mul(depth);
        session.bytes(prefix.len().saturating_add(indented).saturating_add(1))?;
        out.push('\n');
        out.push_str(prefix);
        (0..depth).for_each(|_| out.push_str(indent));
        Ok(())
    };
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            (in_string, escaped) = match c {
                _ if escaped => (true, false),
                '"' => (false, false),
                c => (true, c == '\\'),
            };
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                out.push(c);
            }
            '[' | '{' => {
                out.push(c);
                if let Some(close) = chars.next_if(|next| matches!(next, ']' | '}')) {
                    out.push(close);
                } else {
                    depth = depth.saturating_add(1);
                    line(&mut out, depth)?;
                }
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth)?;
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth)?;
            }
            ':' => out.push_str(": "),
            other => out.push(other),
        }
    }
    Ok(out)
}
