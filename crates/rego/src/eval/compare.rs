//! Comparisons within the limits.
//!
//! Values share their parts, so two of them can take time without bound to compare though they take little memory. Small values
//! are compared as they are. For larger ones each part that is looked at is counted, sixteen to an instruction.

use std::cmp::Ordering;

use stele_types::Value;

use super::limits::{Budget, LimitKind};

/// Parts to an instruction.
const PARTS: u64 = 16;
/// A value with no more parts than this is small.
const SMALL: u64 = 1_024;
/// Parts between two charges.
const QUANTUM: u64 = 1 << 12;

impl Budget<'_> {
    /// Whether two values are equal.
    ///
    /// # Errors
    /// When a limit is reached before that is known.
    pub(crate) fn equal(&mut self, a: &Value, b: &Value) -> Result<bool, LimitKind> {
        if small(a) || small(b) {
            return Ok(a == b);
        }
        self.metered(|walk| walk.order(a, b)).map(Ordering::is_eq)
    }

    /// Charges for finding `key` among those of a collection, or the place where it belongs.
    ///
    /// # Errors
    /// When a limit is reached.
    pub(crate) fn search<'v>(
        &mut self,
        keys: impl IntoIterator<Item = &'v Value>,
        key: &Value,
    ) -> Result<(), LimitKind> {
        if small(key) {
            return Ok(());
        }
        self.metered(|walk| {
            keys.into_iter()
                .try_for_each(|other| walk.order(other, key).map(|_| ()))
        })
    }

    fn metered<T>(
        &mut self,
        compare: impl FnOnce(&mut Walk<'_, '_>) -> Result<T, LimitKind>,
    ) -> Result<T, LimitKind> {
        let mut walk = Walk {
            budget: self,
            seen: 0,
        };
        let found = compare(&mut walk)?;
        let seen = walk.seen;
        self.work(seen / PARTS)?;
        Ok(found)
    }
}

/// Whether a value has few parts, counted as often as they occur.
fn small(value: &Value) -> bool {
    fn count(value: &Value, left: u64) -> Option<u64> {
        let left = left.checked_sub(1)?;
        match value {
            Value::Array(items) => items.iter().try_fold(left, |left, item| count(item, left)),
            Value::Set(items) => items.iter().try_fold(left, |left, item| count(item, left)),
            Value::Object(map) => map
                .iter()
                .try_fold(left, |left, (key, value)| count(value, count(key, left)?)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(left),
        }
    }
    count(value, SMALL).is_some()
}

/// Goes through two values side by side.
struct Walk<'w, 'a> {
    budget: &'w mut Budget<'a>,
    seen: u64,
}

impl Walk<'_, '_> {
    /// The order of two values, which is that of [`Value`].
    fn order(&mut self, a: &Value, b: &Value) -> Result<Ordering, LimitKind> {
        self.seen = self.seen.saturating_add(1);
        if self.seen >= QUANTUM {
            self.seen = 0;
            self.budget.work(QUANTUM / PARTS)?;
        }
        match (a, b) {
            (Value::Array(a), Value::Array(b)) => self.each(a.iter(), b.iter()),
            (Value::Set(a), Value::Set(b)) => self.each(a.iter(), b.iter()),
            (Value::Object(a), Value::Object(b)) => {
                let parts = |(key, value)| [key, value];
                self.each(a.iter().flat_map(parts), b.iter().flat_map(parts))
            }
            _ => Ok(a.cmp(b)),
        }
    }

    fn each<'v>(
        &mut self,
        a: impl Iterator<Item = &'v Value>,
        mut b: impl Iterator<Item = &'v Value>,
    ) -> Result<Ordering, LimitKind> {
        for a in a {
            let Some(b) = b.next() else {
                return Ok(Ordering::Greater);
            };
            let order = self.order(a, b)?;
            if order.is_ne() {
                return Ok(order);
            }
        }
        Ok(if b.next().is_some() {
            Ordering::Less
        } else {
            Ordering::Equal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Limits;

    /// `[[..., ...], [..., ...]]`, of so many levels, each held twice.
    fn doubled(levels: u32, leaf: i64) -> Value {
        (0..levels).fold(Value::array([leaf.into()]), |value, _| {
            Value::array([value.clone(), value])
        })
    }

    #[test]
    fn the_order_of_large_values_is_that_of_all_values() {
        let variants = |leaf: i64| {
            let large = doubled(11, leaf);
            [
                large.clone(),
                Value::set([large.clone(), 1.into()]),
                Value::object([("a".into(), large.clone())]),
                Value::object([(large.clone(), 1.into()), ("b".into(), 2.into())]),
                Value::array([large.clone(), 1.into()]),
                Value::array([large]),
            ]
        };
        let values: Vec<Value> = [1, 2].into_iter().flat_map(variants).collect();
        for (a, b) in values.iter().flat_map(|a| values.iter().map(move |b| (a, b))) {
            let mut budget = Budget::new(Limits::default());
            assert_eq!(budget.metered(|walk| walk.order(a, b)), Ok(a.cmp(b)));
            assert_eq!(budget.equal(a, b), Ok(a == b));
            assert!(budget.spent() > 0 || a.cmp(b).is_ne());
        }
    }

    #[test]
    fn comparisons_end_at_the_limits() {
        let (a, b) = (doubled(60, 1), doubled(60, 1));
        let limited = |limits| {
            let mut budget = Budget::new(limits);
            let equal = budget.equal(&a, &b).unwrap_err();
            let mut budget = Budget::new(limits);
            assert_eq!(budget.search([&a], &b), Err(equal));
            equal
        };
        let instructions = Limits {
            instructions: 10_000,
            ..Limits::default()
        };
        assert_eq!(limited(instructions), LimitKind::Instructions);
        let over = || true;
        let deadline = Limits {
            deadline: Some(&over),
            ..Limits::default()
        };
        assert_eq!(limited(deadline), LimitKind::Deadline);
        // What is small is compared with whatever there is.
        assert_eq!(Budget::new(instructions).equal(&a, &1.into()), Ok(false));
    }
}
