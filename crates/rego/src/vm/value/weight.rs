//! How large a value is when it is written out.
//!
//! Within a region a value may hold another many times for a word each. Written out or copied it is as large as all of
//! them together, which an evaluation must not be able to use against its caller.

use std::fmt::{self, Write};

use stele_types::{Number, Value};

use super::{Heap, Kind, Val};

/// Bytes of a value that holds nothing.
const EACH: u64 = 16;

/// Counts what is written.
struct Counter(u64);

impl Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len() as u64);
        Ok(())
    }
}

impl Heap<'_> {
    /// Takes what the value weighs, about as many bytes as a copy of it would have, from what is `left`; `None` when it
    /// weighs more.
    pub(crate) fn weigh(&self, val: Val, left: u64) -> Option<u64> {
        let left = left.checked_sub(EACH)?;
        match val.kind() {
            Kind::String => left.checked_sub(self.text(val).len() as u64),
            Kind::Number => self
                .number(val)
                .map_or(Some(left), |number| weigh_number(&number, left)),
            _ => {
                let mut parts = self.parts(val).iter();
                parts.try_fold(left, |left, part| self.weigh(*part, left))
            }
        }
    }
}

fn weigh_number(number: &Number, left: u64) -> Option<u64> {
    // `1e4000` has four thousand digits.
    let mut digits = Counter(0);
    let _ = write!(digits, "{number}");
    left.checked_sub(digits.0)
}

/// As [`Heap::weigh`], of an ordinary value.
pub(crate) fn weigh_value(value: &Value, left: u64) -> Option<u64> {
    let left = left.checked_sub(EACH)?;
    match value {
        Value::Null | Value::Bool(_) => Some(left),
        Value::Number(number) => weigh_number(number, left),
        Value::String(text) => left.checked_sub(text.len() as u64),
        Value::Array(items) => items.iter().try_fold(left, |left, item| weigh_value(item, left)),
        Value::Set(items) => items.iter().try_fold(left, |left, item| weigh_value(item, left)),
        Value::Object(map) => map.iter().try_fold(left, |left, (key, value)| {
            weigh_value(value, weigh_value(key, left)?)
        }),
    }
}
