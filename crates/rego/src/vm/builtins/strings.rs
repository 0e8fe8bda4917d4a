//! Strings.

use std::fmt::Write as _;

use super::{Env, two};
use crate::vm::value::{Kind, Val};

type Call = Option<Val>;

fn texts<'e>(env: &'e Env<'_, '_>, args: &[Val]) -> Option<(&'e str, &'e str)> {
    let (a, b) = two(args)?;
    Some((env.heap.as_text(a)?, env.heap.as_text(b)?))
}

pub(super) fn startswith(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    texts(env, args).map(|(text, part)| Val::bool(text.starts_with(part)))
}

pub(super) fn endswith(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    texts(env, args).map(|(text, part)| Val::bool(text.ends_with(part)))
}

pub(super) fn contains(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    texts(env, args).map(|(text, part)| Val::bool(text.contains(part)))
}

/// Makes a string of what stands in the buffer. A string that finds no room goes the general way, which says so.
fn made(env: &mut Env<'_, '_>) -> Call {
    env.heap.scratch.string(&env.text).ok()
}

/// Texts that grow longer than this go the general way, which charges for them before it makes them.
const LONGEST: usize = 1 << 20;

fn short(text: &str) -> Option<()> {
    (text.len() <= LONGEST).then_some(())
}

pub(super) fn concat(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (separator, list) = two(args)?;
    let separator = env.heap.as_text(separator)?;
    if !matches!(list.kind(), Kind::Array | Kind::Set) {
        return None;
    }
    env.text.clear();
    for (at, part) in env.heap.parts(list).iter().enumerate() {
        if at != 0 {
            env.text.push_str(separator);
        }
        env.text.push_str(env.heap.as_text(*part)?);
        short(&env.text)?;
    }
    made(env)
}

pub(super) fn split(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (text, separator) = texts(env, args)?;
    if separator.is_empty() {
        return None;
    }
    let (text, separator) = (text.to_owned(), separator.to_owned());
    env.parts.clear();
    for part in text.split(separator.as_str()) {
        let part = env.heap.scratch.string(part).ok()?;
        env.parts.push(part);
    }
    Some(env.heap.scratch.collection(Kind::Array, &env.parts))
}

/// Of ASCII; other text has rules of its own.
fn case(env: &mut Env<'_, '_>, args: &[Val], change: fn(&mut str)) -> Call {
    let text = env.heap.as_text(*args.first()?)?;
    if !text.is_ascii() {
        return None;
    }
    env.text.clear();
    env.text.push_str(text);
    change(&mut env.text);
    made(env)
}

pub(super) fn lower(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    case(env, args, str::make_ascii_lowercase)
}

pub(super) fn upper(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    case(env, args, str::make_ascii_uppercase)
}

/// With plain `%s`, `%v`, `%d` and `%%` only, strings and small integers as arguments, and as many of them as verbs.
pub(super) fn sprintf(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (format, list) = two(args)?;
    if list.kind() != Kind::Array {
        return None;
    }
    let mut rest = env.heap.as_text(format)?;
    let mut values = env.heap.parts(list).iter();
    env.text.clear();
    while let Some((before, after)) = rest.split_once('%') {
        env.text.push_str(before);
        let verb = *after.as_bytes().first()?;
        match verb {
            b'%' => env.text.push('%'),
            b's' | b'v' | b'd' => {
                let value = *values.next()?;
                match (verb, value.kind()) {
                    (b's' | b'v', Kind::String) => env.text.push_str(env.heap.text(value)),
                    (b'd' | b'v', Kind::Int) => write!(env.text, "{}", value.as_int()?).ok()?,
                    _ => return None,
                }
                short(&env.text)?;
            }
            _ => return None,
        }
        rest = after.get(1..)?;
    }
    env.text.push_str(rest);
    if values.next().is_some() {
        return None;
    }
    made(env)
}

pub(super) fn regex_match(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (pattern, text) = two(args)?;
    let (pattern, text) = (env.heap.as_text(pattern)?, env.heap.as_text(text)?);
    // What is not free is charged where all builtins are.
    let pattern = env.patterns.get(pattern)?.free(text.len())?;
    Some(Val::bool(pattern.is_match(text)))
}
