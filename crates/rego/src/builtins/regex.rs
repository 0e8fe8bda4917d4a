//! `regex.*`: Go's RE2 syntax on the `regex` crate, which [`go_regex`] translates.

use std::sync::LazyLock;

use stele_types::Value;

use super::args::{any, integer, string};
use super::pattern::Pattern;
use super::regex_syntax::go_regex;
use super::session::charge;
use super::{BuiltinError, Session, failed};
use crate::eval::Budget;

type Result<T> = std::result::Result<T, BuiltinError>;

/// Compiles a pattern in Go's syntax.
fn compile(session: &mut Session<'_>, pattern: &str) -> Result<Pattern> {
    let translated = go_regex(pattern)?;
    session.pattern(&translated)
}

pub(super) fn is_valid(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let Some(pattern) = any(args, 0)?.as_str() else {
        return Ok(false.into());
    };
    match compile(session, pattern) {
        Ok(_) => Ok(true.into()),
        Err(BuiltinError::Failed(_)) => Ok(false.into()),
        Err(other) => Err(other),
    }
}

pub(super) fn matches(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let pattern = compile(session, string(args, 0)?)?;
    Ok(pattern.is_match(&mut session.budget, string(args, 1)?)?.into())
}

/// The parts between matches. Go drops an empty match at the very start or end instead of splitting there.
pub(super) fn split(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let pattern = compile(session, string(args, 0)?)?;
    let text = string(args, 1)?;
    session.elements(text.len())?;
    if text.is_empty() && !string(args, 0)?.is_empty() {
        return Ok(Value::array(["".into()]));
    }
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    pattern.matches(&mut session.budget, text, |found| {
        end = found.0;
        if found.1 != 0 {
            parts.push(text.get(start..end).unwrap_or_default().into());
        }
        start = found.1;
        true
    })?;
    if end != text.len() {
        parts.push(text.get(start..).unwrap_or_default().into());
    }
    Ok(Value::Array(std::sync::Arc::new(parts)))
}

/// How many matches are wanted: all if negative.
fn wanted(args: &[Value]) -> Result<usize> {
    Ok(usize::try_from(integer(args, 2)?).unwrap_or(usize::MAX))
}

pub(super) fn find_n(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let pattern = compile(session, string(args, 0)?)?;
    let text = string(args, 1)?;
    session.elements(text.len())?;
    let (most, mut all) = (wanted(args)?, Vec::new());
    if most > 0 {
        pattern.matches(&mut session.budget, text, |(start, end)| {
            all.push(text.get(start..end).unwrap_or_default().into());
            all.len() < most
        })?;
    }
    Ok(Value::array(all))
}

/// For each match the whole match and its groups; a group that took no part is empty.
pub(super) fn find_all_string_submatch_n(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let pattern = compile(session, string(args, 0)?)?;
    let text = string(args, 1)?;
    session.elements(text.len().saturating_mul(pattern.groups()))?;
    let (most, mut all) = (wanted(args)?, Vec::new());
    if most > 0 {
        pattern.captures(&mut session.budget, text, |_, _, captures| {
            let groups = captures
                .iter()
                .map(|group| group.map_or("", |group| group.as_str()));
            all.push(Value::array(groups.map(Value::from)));
            Ok(all.len() < most)
        })?;
    }
    Ok(Value::array(all))
}

/// `$1` and `${name}` in the replacement stand for groups ([`expand`]).
pub(super) fn replace(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (base, value) = (string(args, 0)?, string(args, 2)?);
    let pattern = compile(session, string(args, 1)?)?;
    let mut out = String::with_capacity(base.len());
    let mut last = 0;
    pattern.captures(&mut session.budget, base, |budget, (start, end), captures| {
        out.push_str(base.get(last..start).unwrap_or_default());
        expand(budget, captures, value, &mut out)?;
        last = end;
        Ok(true)
    })?;
    out.push_str(base.get(last..).unwrap_or_default());
    session.bytes(base.len())?;
    Ok(out.into())
}

/// What a replacement stands for, as of Go's `Regexp.Expand`. Each part is charged before it is made: a thousand groups that hold a whole
/// text are a thousand texts.
fn expand(
    budget: &mut Budget<'_>,
    captures: &regex::Captures<'_>,
    value: &str,
    out: &mut String,
) -> Result<()> {
    let mut put = |text: &str| -> Result<()> {
        charge(budget, text.len())?;
        out.push_str(text);
        Ok(())
    };
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        put(before)?;
        if let Some(tail) = after.strip_prefix('$') {
            put("$")?;
            rest = tail;
        } else if let Some((name, tail)) = group_name(after) {
            put(group(captures, name))?;
            rest = tail;
        } else {
            put("$")?;
            rest = after;
        }
    }
    put(rest)
}

/// The name or number of a group behind `$`, in braces or as long as it can be, and what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    static NAME: LazyLock<Option<regex::Regex>> =
        LazyLock::new(|| regex::Regex::new(r"^[\p{L}\p{Nd}_]+").ok());
    let braced = text.strip_prefix('{');
    let inner = braced.unwrap_or(text);
    let end = NAME.as_ref()?.find(inner)?.end();
    let (name, tail) = inner.split_at_checked(end)?;
    let tail = if braced.is_some() {
        tail.strip_prefix('}')?
    } else {
        tail
    };
    Some((name, tail))
}

/// What a group holds; a number that begins with a zero is a name, which no group has.
fn group<'t>(captures: &regex::Captures<'t>, name: &str) -> &'t str {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let found = if is_number {
        let is_plain = name == "0" || !name.starts_with('0');
        let number = name.parse().ok().filter(|_| is_plain);
        number.and_then(|number| captures.get(number))
    } else {
        captures.name(name)
    };
    found.map_or("", |found| found.as_str())
}

/// `regex.template_match(template, text, start, end)`: patterns between the delimiters, literal text elsewhere.
pub(super) fn template_match(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (template, text) = (string(args, 0)?, string(args, 1)?);
    let delimiter = |index| match string(args, index)?.as_bytes() {
        [byte] if byte.is_ascii() => Ok(char::from(*byte)),
        _ => Err(failed("delimiters have to be exactly one character long")),
    };
    let (open, close) = (delimiter(2)?, delimiter(3)?);
    let mut translated = String::from("^");
    let mut rest = template;
    loop {
        let at = rest.find([open, close]).unwrap_or(rest.len());
        let (literal, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        translated.push_str(&regex::escape(literal));
        let Some(inner) = tail.strip_prefix(open) else {
            if tail.is_empty() {
                break;
            }
            return Err(failed("unbalanced delimiters in the template"));
        };
        let end =
            balanced(inner, open, close).ok_or_else(|| failed("unbalanced delimiters in the template"))?;
        let (pattern, tail) = inner.split_at_checked(end).unwrap_or((inner, ""));
        translated.push_str(&format!("({})", go_regex(pattern)?));
        rest = tail.get(1..).unwrap_or_default();
    }
    translated.push('$');
    Ok(session.matches(&translated, text)?.into())
}

/// Where the delimiter that is open at the start of `text` closes.
fn balanced(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 1_usize;
    for (at, c) in text.char_indices() {
        if c == close {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        } else if c == open {
            depth = depth.checked_add(1)?;
        }
    }
    None
}
