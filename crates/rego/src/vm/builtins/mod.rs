//! Builtins that work on the heap directly. All others go through [`crate::builtins`], by way of a conversion.
//!
//! A native answers only where the plain case is at hand; `None` hands the call over to the general implementation, which
//! has the exact results and errors for everything else.

mod collections;
mod compare;
mod strings;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::builtins::{Pattern, Session, go_regex};

use super::value::{Heap, Kind, Val};

/// What natives work with.
pub(super) struct Env<'m, 's> {
    pub(super) heap: Heap<'m>,
    pub(super) session: Session<'s>,
    pub(super) patterns: &'m mut Patterns,
    /// For text and elements being made.
    pub(super) text: String,
    pub(super) parts: Vec<Val>,
}

/// A builtin on the heap. The number of arguments has been checked, and all are defined.
pub(super) type Native = fn(&mut Env<'_, '_>, &[Val]) -> Option<Val>;

/// The native of this name.
pub(super) fn native(name: &str) -> Option<Native> {
    Some(match name {
        "equal" => compare::equal,
        "neq" => compare::neq,
        "lt" => compare::lt,
        "lte" => compare::lte,
        "gt" => compare::gt,
        "gte" => compare::gte,
        "plus" => compare::plus,
        "minus" => compare::minus,
        "mul" => compare::mul,
        "is_null" => |env, args| is(env, args, &[Kind::Null]),
        "is_boolean" => |env, args| is(env, args, &[Kind::False, Kind::True]),
        "is_number" => |env, args| is(env, args, &[Kind::Int, Kind::Number]),
        "is_string" => |env, args| is(env, args, &[Kind::String]),
        "is_array" => |env, args| is(env, args, &[Kind::Array]),
        "is_object" => |env, args| is(env, args, &[Kind::Object]),
        "is_set" => |env, args| is(env, args, &[Kind::Set]),
        "count" => collections::count,
        "sum" => collections::sum,
        "max" => collections::max,
        "min" => collections::min,
        "internal.member_2" => collections::member,
        "internal.member_3" => collections::member_with_key,
        "object.get" => collections::get,
        "object.keys" => collections::keys,
        "array.concat" => collections::concat,
        "or" => collections::union,
        "walk" => collections::walk,
        "and" => collections::intersection,
        "startswith" => strings::startswith,
        "endswith" => strings::endswith,
        "contains" => strings::contains,
        "concat" => strings::concat,
        "split" => strings::split,
        "lower" => strings::lower,
        "upper" => strings::upper,
        "sprintf" => strings::sprintf,
        "regex.match" => strings::regex_match,
        // Whoever watches is told by an operation of its own, which charges for it.
        "internal.print" => |_, args| (args.first()?.kind() == Kind::Array).then_some(Val::TRUE),
        _ => return None,
    })
}

fn is(_: &mut Env<'_, '_>, args: &[Val], kinds: &[Kind]) -> Option<Val> {
    Some(Val::bool(kinds.contains(&args.first()?.kind())))
}

/// Two arguments.
fn two(args: &[Val]) -> Option<(Val, Val)> {
    Some((*args.first()?, *args.get(1)?))
}

/// A length as a value.
fn length(count: usize) -> Option<Val> {
    i64::try_from(count).ok().and_then(Val::small)
}

/// Compiled patterns of a worker, by their text in Go's syntax.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    compiled: HashMap<String, Option<Pattern>>,
}

impl Patterns {
    /// The most that are kept.
    const MOST: usize = 512;

    /// The compiled form; `None` when it can't be had here.
    fn get(&mut self, pattern: &str) -> Option<&Pattern> {
        if !self.compiled.contains_key(pattern) {
            if self.compiled.len() >= Self::MOST {
                self.compiled.clear();
            }
            let compiled = go_regex(pattern).ok();
            let compiled = compiled.and_then(|text| Pattern::new(&text).ok());
            self.compiled.insert(pattern.to_owned(), compiled);
        }
        self.compiled.get(pattern)?.as_ref()
    }
}
