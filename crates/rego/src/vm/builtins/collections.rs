//! Collections.

use std::cmp::Ordering;

use super::{Env, length, two};
use crate::vm::value::{Kind, Val};

type Call = Option<Val>;

const LISTS: [Kind; 2] = [Kind::Array, Kind::Set];

pub(super) fn count(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    env.heap.length(*args.first()?).and_then(length)
}

/// Of small integers.
pub(super) fn sum(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let list = *args.first()?;
    if !LISTS.contains(&list.kind()) {
        return None;
    }
    let mut parts = env.heap.parts(list).iter();
    let total = parts.try_fold(0_i64, |sum, part| sum.checked_add(part.as_int()?))?;
    Val::small(total)
}

fn extreme(env: &Env<'_, '_>, args: &[Val], wanted: Ordering) -> Call {
    let list = *args.first()?;
    if !LISTS.contains(&list.kind()) {
        return None;
    }
    let better = |best: Val, part: &Val| {
        if env.heap.cmp(*part, best) == wanted {
            *part
        } else {
            best
        }
    };
    let (first, rest) = env.heap.parts(list).split_first()?;
    Some(rest.iter().fold(*first, better))
}

pub(super) fn max(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    extreme(env, args, Ordering::Greater)
}

pub(super) fn min(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let least = extreme(env, args, Ordering::Less)?;
    let list = *args.first()?;
    if least.kind() != Kind::Null || list.kind() != Kind::Set {
        return Some(least);
    }
    // Of a set, null is the least only where it is alone, as in OPA.
    let rest = env
        .heap
        .parts(list)
        .iter()
        .filter(|part| part.kind() != Kind::Null);
    let smaller = |best: Val, part: Val| {
        if env.heap.cmp(part, best) == Ordering::Less {
            part
        } else {
            best
        }
    };
    Some(rest.copied().reduce(smaller).unwrap_or(least))
}

/// `x in collection`.
pub(super) fn member(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (wanted, collection) = two(args)?;
    let heap = &env.heap;
    Some(Val::bool(match collection.kind() {
        Kind::Set => heap.index(collection, wanted).is_defined(),
        Kind::Array => heap.parts(collection).iter().any(|part| heap.eq(*part, wanted)),
        Kind::Object => heap
            .pairs(collection)
            .any(|pair| pair.last().is_some_and(|value| heap.eq(*value, wanted))),
        _ => return None,
    }))
}

/// `k, v in collection`.
pub(super) fn member_with_key(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (key, wanted) = two(args)?;
    let collection = *args.get(2)?;
    if !matches!(collection.kind(), Kind::Array | Kind::Object) {
        return None;
    }
    let found = env.heap.index(collection, key);
    Some(Val::bool(found.is_defined() && env.heap.eq(found, wanted)))
}

pub(super) fn get(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (object, key) = two(args)?;
    if object.kind() != Kind::Object {
        return None;
    }
    let default = *args.get(2)?;
    let found = if key.kind() == Kind::Array {
        let path = env.heap.parts(key).iter();
        path.fold(object, |value, key| env.heap.index(value, *key))
    } else {
        env.heap.index(object, key)
    };
    Some(if found.is_defined() { found } else { default })
}

pub(super) fn keys(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let object = *args.first()?;
    if object.kind() != Kind::Object {
        return None;
    }
    env.parts.clear();
    env.parts.extend(env.heap.parts(object).iter().step_by(2));
    Some(env.heap.scratch.collection(Kind::Set, &env.parts))
}

pub(super) fn concat(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (a, b) = two(args)?;
    if (a.kind(), b.kind()) != (Kind::Array, Kind::Array) {
        return None;
    }
    env.parts.clear();
    env.parts.extend_from_slice(env.heap.parts(a));
    env.parts.extend_from_slice(env.heap.parts(b));
    Some(env.heap.scratch.collection(Kind::Array, &env.parts))
}

/// `a | b`.
pub(super) fn union(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    merge(env, args, true)
}

/// `a & b`.
pub(super) fn intersection(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    merge(env, args, false)
}

/// Goes through two sets in order; keeps all members, or those of both.
fn merge(env: &mut Env<'_, '_>, args: &[Val], all: bool) -> Call {
    let (a, b) = two(args)?;
    if (a.kind(), b.kind()) != (Kind::Set, Kind::Set) {
        return None;
    }
    env.parts.clear();
    let (mut left, mut right) = (env.heap.parts(a), env.heap.parts(b));
    while let (Some((x, after_x)), Some((y, after_y))) = (left.split_first(), right.split_first()) {
        let order = env.heap.cmp(*x, *y);
        if all || order.is_eq() {
            env.parts.push(if order.is_le() { *x } else { *y });
        }
        if order.is_le() {
            left = after_x;
        }
        if order.is_ge() {
            right = after_y;
        }
    }
    if all {
        env.parts.extend_from_slice(left);
        env.parts.extend_from_slice(right);
    }
    Some(env.heap.scratch.collection(Kind::Set, &env.parts))
}

/// Every value in a value with the path to it, charged as the general implementation charges. The values stay where they are,
/// where a copy of each would take as much as the document times its depth.
pub(super) fn walk(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let mut pairs = std::mem::take(&mut env.parts);
    pairs.clear();
    let walked = descend(env, &mut Vec::new(), *args.first()?, &mut pairs);
    let made = walked.map(|()| env.heap.scratch.collection(Kind::Array, &pairs));
    env.parts = pairs;
    made
}

fn descend(env: &mut Env<'_, '_>, path: &mut Vec<Val>, val: Val, pairs: &mut Vec<Val>) -> Option<()> {
    let elements = path.len().saturating_add(4) as u64;
    env.session.budget.work(elements).ok()?;
    env.session.budget.allocate(elements.saturating_mul(32)).ok()?;
    let steps = env.heap.scratch.collection(Kind::Array, path);
    let pair = env.heap.scratch.collection(Kind::Array, &[steps, val]);
    pairs.push(pair);
    let stride = if val.kind() == Kind::Object { 2 } else { 1 };
    let mut at = 0_usize;
    while let Some(part) = env.heap.parts(val).get(at).copied() {
        let (key, value) = match val.kind() {
            Kind::Array => (length(at)?, part),
            Kind::Object => (part, *env.heap.parts(val).get(at.saturating_add(1))?),
            // A set's member is its own key.
            _ => (part, part),
        };
        path.push(key);
        descend(env, path, value, pairs)?;
        path.pop();
        at = at.saturating_add(stride);
    }
    Some(())
}
