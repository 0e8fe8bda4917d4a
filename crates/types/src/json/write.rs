//! Writing JSON: one text per value.
//!
//! Object keys are sorted (by UTF-8 bytes), sets are arrays in their order, keys that are no strings are their JSON
//! text, numbers are plain decimals, and only what must be escaped is.

use std::io::Write as _;

use super::plain_run;
use crate::Value;

/// Compact JSON bytes.
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

/// Compact JSON text.
pub fn to_string(value: &Value) -> String {
    into_text(to_vec(value))
}

/// JSON text with two spaces of indentation per level.
pub fn to_string_pretty(value: &Value) -> String {
    let mut out = Vec::with_capacity(256);
    write_pretty(value, 0, &mut out);
    into_text(out)
}

/// Appends compact JSON.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => write_list(items.iter(), out),
        Value::Set(items) => write_list(items.iter(), out),
        Value::Object(map) if map.keys().all(|key| matches!(key, Value::String(_))) => {
            out.push(b'{');
            let mut first = true;
            for (key, member) in map.iter() {
                separate(&mut first, out);
                write_string(key.as_str().unwrap_or_default(), out);
                out.push(b':');
                write(member, out);
            }
            out.push(b'}');
        }
        Value::Object(_) => write(&value.to_json_projection(), out),
        _ => write_scalar(value, out),
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    // Only UTF-8 is ever pushed, so nothing is replaced.
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn separate(first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::take(first) {
        out.push(b',');
    }
}

fn write_list<'a>(items: impl Iterator<Item = &'a Value>, out: &mut Vec<u8>) {
    out.push(b'[');
    let mut first = true;
    for item in items {
        separate(&mut first, out);
        write(item, out);
    }
    out.push(b']');
}

fn write_scalar(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::String(text) => write_string(text, out),
        Value::Number(number) => {
            // Writing to memory does not fail.
            let _ = write!(out, "{number}");
        }
        _ => out.extend_from_slice(b"null"),
    }
}

/// Appends a quoted string, escaping the quote, the backslash and control characters.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len().saturating_add(2));
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at_checked(plain_run(rest)).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else {
            break;
        };
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0x08 => out.extend_from_slice(br"\b"),
            0x0c => out.extend_from_slice(br"\f"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
        rest = after;
    }
    out.push(b'"');
}

fn new_line(indent: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', indent.saturating_mul(2)));
}

fn write_pretty(value: &Value, indent: usize, out: &mut Vec<u8>) {
    let inner = indent.saturating_add(1);
    let mut list = |items: &mut dyn Iterator<Item = &Value>| {
        out.push(b'[');
        let mut first = true;
        for item in items {
            separate(&mut first, out);
            new_line(inner, out);
            write_pretty(item, inner, out);
        }
        new_line(indent, out);
        out.push(b']');
    };
    match value {
        Value::Array(items) if !items.is_empty() => list(&mut items.iter()),
        Value::Set(items) if !items.is_empty() => list(&mut items.iter()),
        Value::Object(map) if !map.is_empty() => {
            let projected;
            let map = if map.keys().all(|key| matches!(key, Value::String(_))) {
                map.as_ref()
            } else {
                projected = value.to_json_projection();
                projected.as_object().unwrap_or(map)
            };
            out.push(b'{');
            let mut first = true;
            for (key, member) in map {
                separate(&mut first, out);
                new_line(inner, out);
                write_string(key.as_str().unwrap_or_default(), out);
                out.extend_from_slice(b": ");
                write_pretty(member, inner, out);
            }
            new_line(indent, out);
            out.push(b'}');
        }
        _ => write(value, out),
    }
}
