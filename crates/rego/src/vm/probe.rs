//! Watching an evaluation.
//!
//! A program that was compiled for it ([`crate::compile_traced`]) has an operation at each *point* that is worth a report: where a
//! body begins, where an expression begins, and where it held. Other programs have none, so that nobody pays for what nobody
//! watches; what executes both is one and the same machine.

use super::value::{Heap, Val};
use crate::eval::At;
use stele_types::Value;

/// Is told what an evaluation does.
pub trait Probe {
    /// A traced program is at one of its points.
    fn point(&mut self, _passed: &Passed<'_>) {}

    /// `print` wrote a line.
    fn print(&mut self, _at: &At, _line: &str) {}
}

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

    /// What a word stands for; `None` if it is undefined.
    #[must_use]
    pub fn value(&self, val: Val) -> Option<Value> {
        self.heap.to_value(val)
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
