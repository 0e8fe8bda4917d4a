//! How large a value is when it is written out whole. Values share their parts: thirty nested pairs of one text are a billion
//! texts, so nothing walks, compares or encodes a value before it is known to be small.

use crate::abi::MAX_DEPTH;
use stele_types::Value;

/// Bytes of a collection without parts, and those that each part adds to its own.
const HEADER: usize = 9;
const OFFSET: usize = 4;

/// The size of a value: a part that stands in it several times counts as often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Bytes of its encoding for contracts.
    bytes: usize,
    /// 1 for what has no parts, else one more than that of its deepest part.
    depth: u64,
    /// Numbers in it.
    pub(super) numbers: usize,
}

impl Extent {
    /// The largest value that the compiler computes with, in bytes of its encoding.
    pub(super) const TRACKED: usize = 1 << 18;

    /// That of a collection without parts.
    pub(super) const EMPTY: Self = Self::flat(HEADER, 0);

    const fn flat(bytes: usize, numbers: usize) -> Self {
        Self {
            bytes,
            depth: 1,
            numbers,
        }
    }

    /// The extent of a value, unless it takes more than `budget` bytes or is nested deeper than contracts read. Looks at no more parts
    /// than that.
    pub(super) fn within(value: &Value, budget: usize) -> Option<Self> {
        Self::measure(value, budget, MAX_DEPTH)
    }

    fn measure(value: &Value, budget: usize, depth: u64) -> Option<Self> {
        let below = depth.checked_sub(1)?;
        let mut whole = match value {
            Value::Null | Value::Bool(_) => Self::flat(1, 0),
            Value::Number(_) => Self::flat(33, 1),
            Value::String(text) => Self::flat(text.len().saturating_add(5), 0),
            Value::Array(_) | Value::Set(_) | Value::Object(_) => Self::EMPTY,
        };
        let mut add = |part: &Value| {
            let left = budget.checked_sub(whole.bytes)?.checked_sub(OFFSET)?;
            whole = whole.and(Self::measure(part, left, below)?);
            Some(())
        };
        match value {
            Value::Array(items) => items.iter().try_for_each(&mut add)?,
            Value::Set(items) => items.iter().try_for_each(&mut add)?,
            Value::Object(map) => map.iter().flat_map(<[&Value; 2]>::from).try_for_each(&mut add)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        (whole.bytes <= budget).then_some(whole)
    }

    /// That of a collection with one more part.
    fn and(self, part: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(OFFSET).saturating_add(part.bytes),
            depth: self.depth.max(part.depth.saturating_add(1)),
            numbers: self.numbers.saturating_add(part.numbers),
        }
    }

    /// At most that of a collection into which the parts were put; `None` if the compiler does not compute with it.
    pub(super) fn grown(self, parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let whole = parts.into_iter().fold(self, Self::and);
        (whole.bytes <= Self::TRACKED && whole.depth <= MAX_DEPTH).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stele_types::encoding::encode_contract;

    #[test]
    fn an_extent_is_that_of_the_encoding() {
        let text = Value::string("text");
        let pair = Value::object([
            (text.clone(), Value::from(5_i64)),
            (Value::Null, Value::array([])),
        ]);
        let all = Value::set([
            text,
            pair.clone(),
            Value::array([pair.clone(), pair, Value::Bool(true)]),
        ]);
        let bytes = encode_contract(&all).unwrap().len();
        let extent = Extent::within(&all, bytes).unwrap();
        assert_eq!((extent.bytes, extent.depth, extent.numbers), (bytes, 4, 3));
        assert_eq!(Extent::within(&all, bytes - 1), None);
    }

    #[test]
    fn what_is_put_together_has_the_extent_of_the_whole() {
        let part = Value::array([Value::string("a")]);
        let of = |value: &Value| Extent::within(value, 1000).unwrap();
        let (array, object) = (
            Value::array([part.clone(), part.clone()]),
            Value::object([(part.clone(), Value::Null)]),
        );
        let twice = Extent::EMPTY.grown([of(&part), of(&part)]);
        assert_eq!(twice, Some(of(&array)));
        let pair = Extent::EMPTY.grown([of(&part), of(&Value::Null)]);
        assert_eq!(pair, Some(of(&object)));
    }

    #[test]
    fn shared_parts_end_a_walk_early() {
        let mut value = Value::string("a");
        let mut extent = Extent::within(&value, 10);
        for _ in 0..60 {
            value = Value::array([value.clone(), value]);
            extent = extent.and_then(|part| Extent::EMPTY.grown([part, part]));
        }
        assert_eq!((Extent::within(&value, 1 << 20), extent), (None, None));
    }

    #[test]
    fn depth_ends_where_contracts_end() {
        let nested = |depth: u64| (1..depth).fold(Value::array([]), |value, _| Value::array([value]));
        assert!(Extent::within(&nested(MAX_DEPTH), 10_000).is_some());
        assert_eq!(Extent::within(&nested(MAX_DEPTH + 1), 10_000), None);
    }
}
