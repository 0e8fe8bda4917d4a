//! What an evaluation found.

use stele_types::Value;
use stele_types::encoding::EncodeError;

use super::value::{Heap, Kind, Val};

/// The result set of an evaluation, in the worker's memory.
#[derive(Debug)]
pub struct Outcome<'w> {
    heap: Heap<'w>,
    results: &'w [Val],
    input: Val,
}

impl<'w> Outcome<'w> {
    pub(super) fn new(heap: Heap<'w>, results: &'w [Val], input: Val) -> Self {
        Self { heap, results, input }
    }

    /// The values added to the result set, sorted, each once. A plan made for an entry point adds one object
    /// `{"result": VALUE}`, or nothing when the entry point is undefined.
    #[must_use]
    pub fn results(&self) -> Vec<Value> {
        self.results
            .iter()
            .filter_map(|val| self.heap.to_value(*val))
            .collect()
    }

    /// Whether nothing was added to the result set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// The entry point's value; undefined when there is none.
    #[must_use]
    pub fn result(&self) -> Val {
        self.results
            .first()
            .map_or(Val::UNDEFINED, |first| self.heap.field_by_text(*first, "result"))
    }

    /// The input document.
    #[must_use]
    pub fn input(&self) -> Val {
        self.input
    }

    /// Whether all numbers of the input are integers of 60 bits. It may be so where this says that it is not.
    #[must_use]
    pub fn input_is_narrow(&self) -> bool {
        // Input is read into the scratch region; only other numbers take room there.
        self.heap.scratch.numbers().is_empty()
    }

    /// For looking at values.
    #[must_use]
    pub fn heap(&self) -> &Heap<'w> {
        &self.heap
    }

    /// The entry point's value; `None` when it is undefined.
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        self.heap.to_value(self.result())
    }

    /// The entry point's value as compact JSON; nothing when it is undefined.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write_json(&mut out);
        out
    }

    /// Appends the entry point's value as compact JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.heap.write_json(self.result(), out);
    }

    /// Appends the canonical bytes of the entry point's value, with sets as they are.
    ///
    /// # Errors
    /// When the value is nested too deeply or needs more than 4 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.heap.encode(self.result(), out)
    }

    /// Whether the entry point has a value.
    #[must_use]
    pub fn is_defined(&self) -> bool {
        self.result().kind() != Kind::Undefined
    }
}
