//! Comparison and arithmetic.

use std::cmp::Ordering;

use super::{Env, two};
use crate::vm::value::{Kind, Val};

type Call = Option<Val>;

pub(super) fn equal(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (a, b) = two(args)?;
    Some(Val::bool(env.heap.eq(a, b)))
}

pub(super) fn neq(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (a, b) = two(args)?;
    Some(Val::bool(!env.heap.eq(a, b)))
}

fn ordered(env: &Env<'_, '_>, args: &[Val], accepts: fn(Ordering) -> bool) -> Call {
    let (a, b) = two(args)?;
    Some(Val::bool(accepts(env.heap.cmp(a, b))))
}

pub(super) fn lt(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    ordered(env, args, Ordering::is_lt)
}

pub(super) fn lte(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    ordered(env, args, Ordering::is_le)
}

pub(super) fn gt(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    ordered(env, args, Ordering::is_gt)
}

pub(super) fn gte(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    ordered(env, args, Ordering::is_ge)
}

fn integers(args: &[Val], compute: fn(i64, i64) -> Option<i64>) -> Call {
    let (a, b) = two(args)?;
    compute(a.as_int()?, b.as_int()?).and_then(Val::small)
}

pub(super) fn plus(_: &mut Env<'_, '_>, args: &[Val]) -> Call {
    integers(args, i64::checked_add)
}

pub(super) fn mul(_: &mut Env<'_, '_>, args: &[Val]) -> Call {
    integers(args, i64::checked_mul)
}

/// Of integers, or the difference of sets.
pub(super) fn minus(env: &mut Env<'_, '_>, args: &[Val]) -> Call {
    let (a, b) = two(args)?;
    if (a.kind(), b.kind()) != (Kind::Set, Kind::Set) {
        return integers(args, i64::checked_sub);
    }
    env.parts.clear();
    let heap = &env.heap;
    let kept = heap
        .parts(a)
        .iter()
        .filter(|member| !heap.index(b, **member).is_defined());
    env.parts.extend(kept);
    Some(env.heap.scratch.collection(Kind::Set, &env.parts))
}
