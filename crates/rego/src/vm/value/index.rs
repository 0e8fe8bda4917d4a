//! Indexes of large objects in documents that stay.
//!
//! Behind the pairs of an indexed object stand the number of slots and then the slots, two in a word: an open addressing
//! table with linear probing, two thirds full. A slot is 0 when it is free; otherwise it has the number of a pair, from 1, in its
//! upper 24 bits and eight bits of the key's hash below. An object in a document that stays costs six bytes a key
//! for it; in an input, which is looked at once, an index would not pay.

use std::hash::BuildHasher as _;

use super::{Kind, Region, Space, Val};

/// An object with more keys than this has an index.
const UNINDEXED: usize = 16;
/// Pairs that a slot can number.
const MOST: usize = (1 << 24) - 1;

impl Region {
    /// Gives the object that was made last an index, if it is large and all its keys are strings. `consts` is where strings that are
    /// constants are.
    pub(super) fn index_last(&mut self, object: Val, consts: &Region) -> Val {
        let pairs = self.parts_of(object).as_chunks::<2>().0;
        let strings = pairs.iter().all(|[key, _]| key.kind() == Kind::String);
        if object.kind() != Kind::Object || !(UNINDEXED..MOST).contains(&pairs.len()) || !strings {
            return object;
        }
        let count = pairs.len().saturating_add(pairs.len() >> 1).next_multiple_of(2);
        let mut slots = vec![0_u32; count];
        for (number, [key, _]) in (1_u32..).zip(pairs) {
            let hash = self.hasher.hash_one(self.key(*key, consts));
            let mut at = first(hash, count);
            while slots.get(at).is_some_and(|slot| *slot != 0) {
                at = after(at, count);
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = number << 8 | tag(hash);
            }
        }
        self.words.push(Val::count(count));
        let words = slots.as_chunks::<2>().0.iter();
        self.words
            .extend(words.map(|[low, high]| Val(u64::from(*low) | u64::from(*high) << 32)));
        object.indexed()
    }

    /// The value under a key of an indexed object; undefined when there is none.
    pub(super) fn find(&self, object: Val, text: &[u8], consts: &Region) -> Val {
        let parts = self.parts_of(object);
        let behind = object.at().wrapping_add(1).wrapping_add(parts.len());
        let count = self.words.get(behind).map_or(0, |word| word.as_count());
        let slots = behind.wrapping_add(1);
        let slots = self
            .words
            .get(slots..slots.wrapping_add(count >> 1))
            .unwrap_or_default();
        let hash = self.hasher.hash_one(text);
        let mut at = first(hash, count);
        loop {
            let word = slots.get(at >> 1).map_or(0, |word| word.0);
            let slot = (word >> ((at & 1) << 5)) as u32;
            let Some(number) = (slot >> 8).checked_sub(1) else {
                return Val::UNDEFINED;
            };
            let pair = (number as usize) << 1;
            if slot & 0xff == tag(hash)
                && let Some([key, value]) = parts.get(pair..pair.wrapping_add(2))
                && self.key(*key, consts) == text
            {
                return *value;
            }
            at = after(at, count);
        }
    }

    fn key<'r>(&'r self, key: Val, consts: &'r Region) -> &'r [u8] {
        if matches!(key.space(), Space::Consts) {
            consts.bytes_of(key)
        } else {
            self.bytes_of(key)
        }
    }
}

/// The slot that a hash begins at, by its lower half.
fn first(hash: u64, count: usize) -> usize {
    ((hash & 0xffff_ffff).wrapping_mul(count as u64) >> 32) as usize
}

fn after(at: usize, count: usize) -> usize {
    let next = at.wrapping_add(1);
    if next < count { next } else { 0 }
}

fn tag(hash: u64) -> u32 {
    (hash >> 56) as u32
}
