//! Collections under construction: what the statements `MakeArray`, `MakeSet` and `MakeObject` begin.
//!
//! A builder belongs to one local. Before its value is read in any way it is sealed into the scratch region, so no other
//! word ever refers to it.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;

use super::{Heap, Kind, Space, Val};

/// Above this many keys an object has an index.
const UNINDEXED: usize = 12;
/// Below this many members a set does not look for those that repeat.
const FULL: usize = 64;

#[derive(Debug, Default)]
struct Builder {
    /// Elements, members, or keys and values in turn; unsorted. Of a set, members may be there more than once.
    parts: Vec<Val>,
    /// Of a set: when it has this many members, those that repeat are dropped.
    full: usize,
    /// Slots of an open addressing table: hash and number of the key, from 1. A power of two of them, or none.
    slots: Vec<(u32, u32)>,
}

/// A worker's builders. Their memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Builders {
    builders: Vec<Builder>,
    free: Vec<usize>,
    hasher: RandomState,
}

/// What became of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It is there now.
    Yes,
    /// The key was there, with another value.
    Conflict,
}

impl Builders {
    /// Forgets everything that is under construction.
    pub(crate) fn clear(&mut self) {
        self.free.clear();
        for (at, builder) in self.builders.iter_mut().enumerate() {
            builder.parts.clear();
            builder.slots.clear();
            self.free.push(at);
        }
    }

    /// Gives back memory, if there is much of it.
    pub(crate) fn shrink(&mut self) {
        self.builders.truncate(64);
        for builder in &mut self.builders {
            builder.parts.shrink_to(1 << 12);
            builder.slots.shrink_to(1 << 12);
        }
        self.clear();
    }

    /// Begins a collection with these parts, sorted if the kind asks for it.
    pub(crate) fn begin(&mut self, kind: Kind, parts: &[Val], heap: &Heap<'_>) -> Val {
        let at = self.free.pop().unwrap_or_else(|| {
            self.builders.push(Builder::default());
            self.builders.len().wrapping_sub(1)
        });
        if let Some(builder) = self.builders.get_mut(at) {
            builder.parts.extend_from_slice(parts);
            builder.full = parts.len().saturating_mul(2).max(FULL);
            if kind == Kind::Object {
                builder.reindex(heap, &self.hasher);
            }
        }
        Val::place(kind, Space::Building, at as u64)
    }

    /// Appends to an array.
    pub(crate) fn append(&mut self, array: Val, value: Val) {
        if let Some(builder) = self.builders.get_mut(array.at()) {
            builder.parts.push(value);
        }
    }

    /// Adds a member to a set.
    pub(crate) fn add(&mut self, set: Val, member: Val, heap: &Heap<'_>) {
        let Some(builder) = self.builders.get_mut(set.at()) else {
            return;
        };
        builder.parts.push(member);
        if builder.parts.len() >= builder.full {
            heap.sort_members(&mut builder.parts);
            builder.full = builder.parts.len().saturating_mul(2).max(FULL);
        }
    }

    /// Puts a value under a key; with `once`, only if none other is there.
    pub(crate) fn insert(
        &mut self,
        object: Val,
        key: Val,
        value: Val,
        once: bool,
        heap: &Heap<'_>,
    ) -> Inserted {
        let Some(builder) = self.builders.get_mut(object.at()) else {
            return Inserted::Yes;
        };
        let hash = builder.hash(key, heap, &self.hasher);
        match builder.find(key, hash, heap) {
            None => {
                builder.parts.extend([key, value]);
                builder.grown(hash, heap, &self.hasher);
            }
            Some(number) => {
                let place = number.wrapping_mul(2).wrapping_add(1);
                let old = builder.parts.get_mut(place);
                if once {
                    if old.is_some_and(|old| !heap.eq(*old, value)) {
                        return Inserted::Conflict;
                    }
                } else if let Some(old) = old {
                    *old = value;
                }
            }
        }
        Inserted::Yes
    }

    /// Ends a construction: the value is in the scratch region now.
    pub(crate) fn seal(&mut self, val: Val, heap: &mut Heap<'_>) -> Val {
        let at = val.at();
        let Some(builder) = self.builders.get_mut(at) else {
            return Val::UNDEFINED;
        };
        match val.kind() {
            Kind::Set => heap.sort_members(&mut builder.parts),
            Kind::Object => heap.sort_pairs(&mut builder.parts),
            _ => {}
        }
        let sealed = heap.scratch.collection(val.kind(), &builder.parts);
        builder.parts.clear();
        builder.slots.clear();
        self.free.push(at);
        sealed
    }

    /// Bytes of everything under construction.
    pub(crate) fn bytes(&self) -> usize {
        let words: usize = self.builders.iter().map(|builder| builder.parts.len()).sum();
        words.saturating_mul(size_of::<Val>())
    }
}

impl Builder {
    /// The key's hash, or 0 while there is no index.
    fn hash(&self, key: Val, heap: &Heap<'_>, hasher: &RandomState) -> u32 {
        if self.slots.is_empty() && self.parts.len() <= UNINDEXED.wrapping_mul(2) {
            0
        } else {
            hash(key, heap, hasher)
        }
    }

    /// The number of the key of an object.
    fn find(&self, key: Val, hash: u32, heap: &Heap<'_>) -> Option<usize> {
        if self.slots.is_empty() {
            let mut keys = self.parts.iter().step_by(2);
            return keys.position(|have| heap.eq(*have, key));
        }
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let (have, number) = self.slots.get(at)?;
            let number = (*number as usize).checked_sub(1)?;
            let place = number.wrapping_mul(2);
            if *have == hash && self.parts.get(place).is_some_and(|have| heap.eq(*have, key)) {
                return Some(number);
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    /// A key was added at the end.
    fn grown(&mut self, hash: u32, heap: &Heap<'_>, hasher: &RandomState) {
        let count = self.parts.len() >> 1;
        if self.slots.is_empty() && count <= UNINDEXED {
            return;
        }
        if count.saturating_mul(2) > self.slots.len() {
            self.reindex(heap, hasher);
        } else {
            self.enter(hash, count);
        }
    }

    fn reindex(&mut self, heap: &Heap<'_>, hasher: &RandomState) {
        self.slots.clear();
        let count = self.parts.len() >> 1;
        if count <= UNINDEXED {
            return;
        }
        self.slots
            .resize(count.saturating_mul(4).next_power_of_two(), (0, 0));
        let keys = self.parts.iter().step_by(2);
        let hashes: Vec<u32> = keys.map(|key| hash(*key, heap, hasher)).collect();
        for (number, hash) in hashes.into_iter().enumerate() {
            self.enter(hash, number.wrapping_add(1));
        }
    }

    fn enter(&mut self, hash: u32, number: usize) {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.1 == 0 {
                *slot = (hash, u32::try_from(number).unwrap_or(u32::MAX));
                return;
            }
            at = at.wrapping_add(1) & mask;
        }
    }
}

/// A hash of the value, the same for equal values. Seeded, because inputs choose these keys.
fn hash(val: Val, heap: &Heap<'_>, hasher: &RandomState) -> u32 {
    let whole = match val.kind() {
        Kind::String => hasher.hash_one(heap.text(val)),
        Kind::Number => hasher.hash_one(heap.number(val)),
        Kind::Array | Kind::Object | Kind::Set => {
            if !heap.meter.pass(heap.parts(val).len()) {
                return 0;
            }
            let parts = heap.parts(val).iter().map(|part| hash(*part, heap, hasher));
            parts.fold(hasher.hash_one(val.kind() as u8), |state, part| {
                hasher.hash_one((state, part))
            })
        }
        _ => hasher.hash_one(val),
    };
    whole as u32
}
