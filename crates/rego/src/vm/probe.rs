//! Watching an evaluation.
//!
//! A program that was compiled for it ([`crate::compile_traced`]) has an operation at each *point* that is worth a report: where a
//! body begins, where an expression begins, and where it held. Other programs have none, so that nobody pays for what nobody
//! watches; what executes both is one and the same machine.

use super::value::{Heap, Kind, Val};
use crate::eval::At;
use stele_types::Value;

/// Is told what an evaluation does.
pub trait Probe {
    /// A traced program is at one of its points.
    fn point(&mut self, _passed: &Passed<'_>) {}

    /// `print` wrote a line.
    fn print(&mut self, _at: &At, _line: &str) {}
}

/// In place of a value that is too large to be copied.
const TOO_LARGE: &str = "<too large to be shown>";

/// Where a traced program is.
#[derive(Debug)]
pub struct Passed<'a> {
    /// The number of the point in the program's [`Map`](crate::trace::Map).
    pub point: u32,
    /// How many functions are being executed.
    pub depth: usize,
    /// What the point reports. A word stands for the same value as long as the evaluation lasts.
    pub values: &'a [Val],
    heap: &'a Heap<'a>,
}

impl<'a> Passed<'a> {
    pub(super) fn new(point: u32, depth: usize, values: &'a [Val], heap: &'a Heap<'a>) -> Self {
        Self {
            point,
            depth,
            values,
            heap,
        }
    }

    /// Whether a word is that of a collection without elements.
    pub(crate) fn is_empty(&self, val: Val) -> bool {
        let is_collection = matches!(val.kind(), Kind::Array | Kind::Object | Kind::Set);
        is_collection && !val.is_building() && self.heap.parts(val).is_empty()
    }

    /// What stands under a key; undefined where nothing does.
    pub(crate) fn index(&self, source: Val, key: Val) -> Val {
        self.heap.index(source, key)
    }

    /// What a word stands for; `None` if it is undefined. Its size, about as many bytes as a copy has, is taken from what is `left`; a value
    /// that is larger, as one that holds another many times over for a word each may be, is replaced by a text that says so.
    pub fn value(&self, val: Val, left: &mut u64) -> Option<Value> {
        if !val.is_defined() {
            return None;
        }
        if let Some(rest) = self.heap.weigh(val, *left) {
            *left = rest;
            return self.heap.to_value(val);
        }
        // So that finding out costs no more in all than the largest value that fits.
        *left /= 2;
        Some(TOO_LARGE.into())
    }
}

/// Several probes are told in order.
impl Probe for Vec<&mut dyn Probe> {
    fn point(&mut self, passed: &Passed<'_>) {
        self.iter_mut().for_each(|probe| probe.point(passed));
    }

    fn print(&mut self, at: &At, line: &str) {
        self.iter_mut().for_each(|probe| probe.print(at, line));
    }
}

/// Keeps what `print` writes, with its place.
impl Probe for Vec<(At, String)> {
    fn print(&mut self, at: &At, line: &str) {
        self.push((at.clone(), line.to_owned()));
    }
}
