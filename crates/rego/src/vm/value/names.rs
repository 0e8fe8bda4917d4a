//! Finding the constant that equals a text.

use super::{Region, Val};

/// The strings of a region, by their text. Open addressing over a power of two of slots, at most half of them in use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    slots: Vec<(u32, Val)>,
    used: usize,
}

/// Texts longer than this are not looked up: constants of that size are rare, and hashing costs.
pub(crate) const LONGEST: usize = 96;

impl Names {
    /// The string that equals `text`, if there is one. `region` is where the strings are.
    pub(crate) fn find(&self, text: &str, region: &Region) -> Option<Val> {
        self.find_hashed(hash(text.as_bytes()), text, region)
    }

    pub(crate) fn find_hashed(&self, hash: u32, text: &str, region: &Region) -> Option<Val> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let (have, val) = self.slots.get(at)?;
            if !val.is_defined() {
                return None;
            }
            if *have == hash && region.text_of(*val) == text {
                return Some(*val);
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    /// Adds a string that is not there yet.
    pub(crate) fn insert(&mut self, val: Val, hash: u32) {
        if self.used.saturating_mul(2) >= self.slots.len() {
            self.grow();
        }
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return;
        };
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if !slot.1.is_defined() {
                *slot = (hash, val);
                self.used = self.used.saturating_add(1);
                return;
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = self.slots.len().saturating_mul(2).max(16);
        let old = std::mem::replace(&mut self.slots, vec![(0, Val::UNDEFINED); size]);
        self.used = 0;
        for (hash, val) in old.into_iter().filter(|(_, val)| val.is_defined()) {
            self.insert(val, hash);
        }
    }
}

/// The hash of a text.
pub(crate) fn hash_text(text: &str) -> u32 {
    hash(text.as_bytes())
}

/// A hash of short texts: multiply and rotate over words of eight bytes. It need not resist chosen inputs: inputs are only
/// looked up, the table holds what the policy's author wrote.
fn hash(bytes: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = (bytes.len() as u64).wrapping_mul(FACTOR);
    let mut chunks = bytes.chunks_exact(8);
    let mut mix = |word: u64| state = (state ^ word).wrapping_mul(FACTOR).rotate_left(29);
    for chunk in &mut chunks {
        mix(chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut last = [0; 8];
        if let Some(place) = last.get_mut(..rest.len()) {
            place.copy_from_slice(rest);
        }
        mix(u64::from_le_bytes(last));
    }
    // The upper half is mixed best.
    (state.wrapping_mul(FACTOR) >> 32) as u32
}
