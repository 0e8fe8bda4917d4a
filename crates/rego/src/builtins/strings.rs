//! Strings. Positions and lengths count Unicode code points.

use stele_types::Value;

use super::args::{any, array, collection, count, integer, object, string, strings, wrong};
use super::{BuiltinError, Session, failed, text};

type Result<T> = std::result::Result<T, BuiltinError>;

pub(super) fn concat(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (separator, parts) = (string(args, 0)?, strings(args, 1)?);
    let size: usize = parts
        .iter()
        .map(|part| part.len().saturating_add(separator.len()))
        .sum();
    session.bytes(size)?;
    Ok(parts.join(separator).into())
}

pub(super) fn contains(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(string(args, 0)?.contains(string(args, 1)?).into())
}

pub(super) fn startswith(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(string(args, 0)?.starts_with(string(args, 1)?).into())
}

pub(super) fn endswith(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(string(args, 0)?.ends_with(string(args, 1)?).into())
}

/// The positions of `search` in `base`, overlapping ones included.
fn positions<'a>(base: &'a str, search: &'a str) -> Result<impl Iterator<Item = usize> + 'a> {
    if search.is_empty() {
        return Err(failed("empty search character"));
    }
    let starts = base.char_indices().enumerate();
    Ok(starts
        .filter(move |(_, (at, _))| base.get(*at..).is_some_and(|rest| rest.starts_with(search)))
        .map(|(index, _)| index))
}

pub(super) fn indexof(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let first = positions(string(args, 0)?, string(args, 1)?)?.next();
    Ok(first.map_or_else(|| Value::from(-1), count))
}

pub(super) fn indexof_n(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let base = string(args, 0)?;
    session.elements(base.len())?;
    Ok(Value::array(positions(base, string(args, 1)?)?.map(count)))
}

pub(super) fn substring(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (base, start, length) = (string(args, 0)?, integer(args, 1)?, integer(args, 2)?);
    let start = usize::try_from(start).map_err(|_| failed("negative offset"))?;
    let rest = base.chars().skip(start);
    Ok(match usize::try_from(length) {
        Ok(length) => rest.take(length).collect::<String>(),
        Err(_) => rest.collect(),
    }
    .into())
}

/// Go maps each code point by itself: `ß` has no upper case, and the final sigma no special lower case.
fn map_case(text: &str, map: impl Fn(char) -> Option<char>) -> Value {
    text.chars()
        .map(|c| map(c).unwrap_or(c))
        .collect::<String>()
        .into()
}

/// The only item of an iterator.
fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

pub(super) fn lower(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(map_case(string(args, 0)?, |c| match c {
        'İ' => Some('i'),
        c => single(c.to_lowercase()),
    }))
}

pub(super) fn upper(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(map_case(string(args, 0)?, |c| single(c.to_uppercase())))
}

pub(super) fn split(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (text, separator) = (string(args, 0)?, string(args, 1)?);
    session.elements(if separator.is_empty() {
        text.len()
    } else {
        text.matches(separator).count()
    })?;
    if separator.is_empty() {
        return Ok(Value::array(text.chars().map(|c| Value::from(c.to_string()))));
    }
    Ok(Value::array(text.split(separator).map(Value::from)))
}

/// The first `n` parts, or the last `-n`; all if there are no more.
pub(super) fn split_n(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let wanted = integer(args, 2)?;
    let all = split(session, args)?;
    let parts = all.as_array().unwrap_or_default();
    let count = usize::try_from(wanted.unsigned_abs())
        .unwrap_or(usize::MAX)
        .min(parts.len());
    let from = if wanted < 0 {
        parts.len().saturating_sub(count)
    } else {
        0
    };
    Ok(Value::array(parts.iter().skip(from).take(count).cloned()))
}

pub(super) fn replace(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (text, old, new) = (string(args, 0)?, string(args, 1)?, string(args, 2)?);
    session.bytes(
        text.matches(old)
            .count()
            .saturating_mul(new.len())
            .saturating_add(text.len()),
    )?;
    Ok(text.replace(old, new).into())
}

/// All patterns at once, without looking at replaced text again; where several fit, the first in key order wins.
pub(super) fn replace_n(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 1)?;
    let pair = |(old, new): (&Value, &Value)| -> Result<(String, String)> {
        match (old.as_str(), new.as_str()) {
            (Some(old), Some(new)) => Ok((old.to_owned(), new.to_owned())),
            _ => Err(wrong(args, 0, "object of strings")),
        }
    };
    let pairs = object(args, 0)?.iter().map(pair).collect::<Result<Vec<_>>>()?;
    let longest = pairs
        .iter()
        .map(|(_, new)| new.len())
        .max()
        .unwrap_or(0)
        .saturating_add(1);
    session.bytes(text.len().saturating_mul(longest))?;
    session.elements(pairs.len())?;
    // Each may be tried at each character.
    let tried = u64::try_from(text.len().saturating_mul(pairs.len())).unwrap_or(u64::MAX);
    session.budget.work(tried >> 5)?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Where an empty pattern was replaced, another one may fit, and then the character stays.
    let mut allow_empty = true;
    loop {
        let found = pairs
            .iter()
            .find(|(old, _)| rest.starts_with(old.as_str()) && (allow_empty || !old.is_empty()));
        if let Some((old, new)) = found {
            out.push_str(new);
            rest = rest.get(old.len()..).unwrap_or_default();
            allow_empty = !old.is_empty();
            continue;
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some(c) => out.push(c),
            None => return Ok(out.into()),
        }
        rest = chars.as_str();
        allow_empty = true;
    }
}

pub(super) fn trim(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (text, cutset) = (string(args, 0)?, string(args, 1)?);
    Ok(text.trim_matches(|c| cutset.contains(c)).into())
}

pub(super) fn trim_left(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (text, cutset) = (string(args, 0)?, string(args, 1)?);
    Ok(text.trim_start_matches(|c| cutset.contains(c)).into())
}

pub(super) fn trim_right(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (text, cutset) = (string(args, 0)?, string(args, 1)?);
    Ok(text.trim_end_matches(|c| cutset.contains(c)).into())
}

pub(super) fn trim_prefix(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    Ok(text.strip_prefix(string(args, 1)?).unwrap_or(text).into())
}

pub(super) fn trim_suffix(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    Ok(text.strip_suffix(string(args, 1)?).unwrap_or(text).into())
}

pub(super) fn trim_space(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(string(args, 0)?.trim().into())
}

pub(super) fn reverse(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(string(args, 0)?.chars().rev().collect::<String>().into())
}

/// How often `search` occurs without overlap; the empty string once more than there are characters.
pub(super) fn count_of(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (text, search) = (string(args, 0)?, string(args, 1)?);
    Ok(count(text.matches(search).count()))
}

/// One string, or a collection of them.
fn one_or_more(args: &[Value], index: usize) -> Result<Vec<&str>> {
    match any(args, index)? {
        Value::String(text) => Ok(vec![text]),
        Value::Array(_) | Value::Set(_) => strings(args, index),
        _ => Err(wrong(args, index, "one of {string, set, array}")),
    }
}

pub(super) fn any_prefix_match(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (texts, prefixes) = (one_or_more(args, 0)?, one_or_more(args, 1)?);
    session.elements(texts.len().saturating_mul(prefixes.len()))?;
    Ok(texts
        .iter()
        .any(|text| prefixes.iter().any(|prefix| text.starts_with(prefix)))
        .into())
}

pub(super) fn any_suffix_match(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (texts, suffixes) = (one_or_more(args, 0)?, one_or_more(args, 1)?);
    session.elements(texts.len().saturating_mul(suffixes.len()))?;
    Ok(texts
        .iter()
        .any(|text| suffixes.iter().any(|suffix| text.ends_with(suffix)))
        .into())
}

/// `$"..."`: literal parts, and expressions as sets of at most one value.
pub(super) fn template_string(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut out = String::new();
    for part in array(args, 0)? {
        match part {
            Value::Set(values) if values.len() > 1 => {
                return Err(failed("template-strings must not produce multiple outputs"));
            }
            Value::Set(values) => {
                out.push_str(
                    &values
                        .first()
                        .map_or_else(|| "<undefined>".to_owned(), text::plain),
                );
            }
            other => out.push_str(&text::plain(other)),
        }
    }
    session.bytes(out.len())?;
    Ok(out.into())
}

/// `print` writes to OPA's log; here it only holds.
pub(super) fn print(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    collection(args, 0)?;
    Ok(true.into())
}

/// `trace` notes a message in OPA's trace; here it only holds.
pub(super) fn trace(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    string(args, 0)?;
    Ok(true.into())
}
