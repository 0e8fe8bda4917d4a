//! `glob.match` and `glob.quote_meta`.
//!
//! `*` is any text without a delimiter, `**` any text, `?` one character that is no delimiter, `[abc]`, `[a-z]`, `[!a]` classes,
//! `{a,b}` alternatives, which nest, and `\` takes the next character as it is.

use stele_types::Value;

use super::args::{any, array, string, wrong};
use super::{BuiltinError, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

pub(super) fn matches(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let pattern = string(args, 0)?;
    let delimiters = match any(args, 1)? {
        Value::Null => Vec::new(),
        Value::Array(items) if items.is_empty() => vec!['.'],
        Value::Array(_) => array(args, 1)?
            .iter()
            .map(|item| one_char(args, item))
            .collect::<Result<_>>()?,
        _ => return Err(wrong(args, 1, "one of {array, null}")),
    };
    let text = string(args, 2)?;
    let translated = glob_pattern(pattern, &delimiters)?;
    Ok(session.matches(&translated, text)?.into())
}

fn one_char(args: &[Value], item: &Value) -> Result<char> {
    let mut chars = item
        .as_str()
        .ok_or_else(|| wrong(args, 1, "array of strings"))?
        .chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c),
        _ => Err(failed("operand 2 must be an array of strings of one character")),
    }
}

/// A glob without delimiters as a regular expression, in the notation of the crate `regex`.
///
/// # Errors
/// What is wrong with the glob.
pub fn glob_regex(pattern: &str) -> Result<String> {
    glob_pattern(pattern, &[])
}

/// A glob as a regular expression, in the notation of the crate `regex`. `*` and `?` stand for no delimiter.
///
/// # Errors
/// What is wrong with the glob.
pub fn glob_pattern(pattern: &str, delimiters: &[char]) -> Result<String> {
    let escaped: String = delimiters.iter().map(|c| in_class(*c)).collect();
    let single = if delimiters.is_empty() {
        ".".to_owned()
    } else {
        format!("[^{escaped}]")
    };
    let mut out = String::from("(?s)^");
    if pattern.contains('\u{fffd}') {
        return Err(failed("could not read rune"));
    }
    // OPA's library takes the character for the pattern's end.
    let mut chars = pattern
        .chars()
        .take_while(|c| *c != '\0')
        .collect::<Vec<_>>()
        .into_iter()
        .peekable();
    let mut depth = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                while chars.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '*' => out.push_str(&format!("{single}*")),
            '?' => out.push_str(&single),
            // One at the very end is nothing.
            '\\' => out.extend(chars.next().map(|c| regex::escape(&c.to_string()))),
            '[' => class(&mut chars, &mut out)?,
            '{' => {
                depth = depth.saturating_add(1);
                out.push_str("(?:");
            }
            ',' if depth > 0 => out.push('|'),
            '}' if depth > 0 => {
                depth = depth.saturating_sub(1);
                out.push(')');
            }
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    // Braces that are open at the end are closed there.
    out.push_str(&")".repeat(depth));
    out.push('$');
    Ok(out)
}

/// A character as it may stand in a class of a regular expression.
fn in_class(c: char) -> String {
    if c.is_alphanumeric() {
        c.to_string()
    } else {
        format!("\\x{{{:x}}}", u32::from(c))
    }
}

/// The rest of a class after its bracket: a range of two characters, or else characters, of which `\` makes the next one a plain one.
fn class(chars: &mut std::iter::Peekable<std::vec::IntoIter<char>>, out: &mut String) -> Result<()> {
    let open = || failed("a bracket in a glob is not closed");
    out.push('[');
    if chars.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let first = chars.next().ok_or_else(open)?;
    if chars.next_if_eq(&'-').is_some() {
        let last = chars.next().ok_or_else(open)?;
        if chars.next().ok_or_else(open)? != ']' {
            return Err(failed("a range in a glob is followed by more"));
        }
        if last < first {
            return Err(failed("a range in a glob runs backwards"));
        }
        out.push_str(&format!("{}-{}]", in_class(first), in_class(last)));
        return Ok(());
    }
    let (mut next, mut empty) = (first, true);
    while next != ']' {
        if next == '\\' {
            next = chars.next().ok_or_else(open)?;
        }
        out.push_str(&in_class(next));
        empty = false;
        next = chars.next().ok_or_else(open)?;
    }
    if empty {
        return Err(failed("a class in a glob is empty"));
    }
    out.push(']');
    Ok(())
}

pub(super) fn quote_meta(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut out = String::new();
    for c in string(args, 0)?.chars() {
        if matches!(c, '*' | '?' | '\\' | '[' | ']' | '{' | '}') {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(out.into())
}
