//! Sorting values.

use super::{Heap, Kind, Val};

/// Runs of so many are sorted by insertion.
const RUN: usize = 16;

impl Heap<'_> {
    /// Sorts by a value of each item, stably.
    ///
    /// The library's sort may panic when the order is none, which is how a comparison looks that the
    /// [meter](super::Meter) has stopped. Only comparisons of collections are stopped.
    pub(super) fn sort_by_key<T: Copy>(&self, items: &mut [T], key: impl Fn(T) -> Val) {
        let collection = |item: &T| key(*item).kind() >= Kind::Array;
        if !items.iter().any(collection) {
            items.sort_by(|a, b| self.cmp(key(*a), key(*b)));
            return;
        }
        let ordered = |a: T, b: T| self.cmp(key(a), key(b)).is_le();
        for run in items.chunks_mut(RUN) {
            insert(run, &ordered);
        }
        let mut from = items.to_vec();
        let mut width = RUN;
        while width < items.len() {
            from.copy_from_slice(items);
            let wider = width.saturating_mul(2);
            for (out, both) in items.chunks_mut(wider).zip(from.chunks(wider)) {
                merge(out, both.split_at(width.min(both.len())), &ordered);
            }
            width = wider;
        }
    }
}

fn insert<T: Copy>(run: &mut [T], ordered: &impl Fn(T, T) -> bool) {
    for end in 1..run.len() {
        let mut at = end;
        while let Some([before, item]) = at.checked_sub(1).and_then(|start| run.get_mut(start..=at)) {
            if ordered(*before, *item) {
                break;
            }
            std::mem::swap(before, item);
            at = at.wrapping_sub(1);
        }
    }
}

/// Merges two sorted runs into `out`, which is as long as both.
fn merge<T: Copy>(out: &mut [T], (mut a, mut b): (&[T], &[T]), ordered: &impl Fn(T, T) -> bool) {
    for slot in out {
        let (first, rest, of) = match (a.split_first(), b.split_first()) {
            (Some((x, _)), Some((y, others))) if !ordered(*x, *y) => (y, others, &mut b),
            (Some((x, others)), _) => (x, others, &mut a),
            (None, Some((y, others))) => (y, others, &mut b),
            (None, None) => return,
        };
        *slot = *first;
        *of = rest;
    }
}
