//! Finding the constant that equals a text.

use super::{Region, Val};

/// The strings of a region, by their text. Open addressing over a power of two of slots, at most half of them in use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    slots: Vec<(u32, Val)>,
    used: usize,
    /// By length, which marks ([`bit`]) occur: most texts that are no constant are told by this alone.
    filter: Vec<u64>,
}

/// Texts longer than this are not looked up: constants of that size are rare, and hashing costs.
pub(crate) const LONGEST: usize = 96;

impl Names {
    /// Whether some string has the length and the ends of `text`.
    #[inline]
    pub(crate) fn may_have(&self, text: &[u8]) -> bool {
        let marks = self.filter.get(text.len()).copied().unwrap_or_default();
        marks >> bit(text) & 1 != 0
    }

    /// The string that equals `text`, if there is one. `region` is where the strings are.
    #[inline]
    pub(crate) fn find(&self, text: &[u8], region: &Region) -> Option<Val> {
        if !self.may_have(text) {
            return None;
        }
        self.find_hashed(hash(text), text, region)
    }

    pub(crate) fn find_hashed(&self, hash: u32, text: &[u8], region: &Region) -> Option<Val> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let (have, val) = self.slots.get(at)?;
            if !val.is_defined() {
                return None;
            }
            if *have == hash && region.bytes_of(*val) == text {
                return Some(*val);
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    /// Adds a string that is not there yet.
    pub(crate) fn insert(&mut self, text: &str, val: Val, hash: u32) {
        if self.filter.len() <= text.len() {
            self.filter.resize(text.len().wrapping_add(1), 0);
        }
        if let Some(marks) = self.filter.get_mut(text.len()) {
            *marks |= 1 << bit(text.as_bytes());
        }
        self.put(val, hash);
    }

    fn put(&mut self, val: Val, hash: u32) {
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
            self.put(val, hash);
        }
    }
}

/// The mark of a text: a number below 64, chosen by its first and last byte.
#[inline]
fn bit(text: &[u8]) -> u32 {
    let ends = text.first().zip(text.last());
    let bit = ends.map_or(0, |(first, last)| first.wrapping_mul(5).wrapping_add(*last));
    u32::from(bit & 63)
}

/// The hash of a text.
pub(crate) fn hash_text(text: &str) -> u32 {
    hash(text.as_bytes())
}

/// A hash of short texts: multiply and rotate over words of eight bytes, the last of which may overlap the one before. It need
/// not resist chosen inputs: inputs are only looked up, the table holds what the policy's author wrote.
fn hash(bytes: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let length = bytes.len();
    let mut state = (length as u64).wrapping_mul(FACTOR);
    let mut mix = |word: u64| state = (state ^ word).wrapping_mul(FACTOR).rotate_left(29);
    if let Some(last) = length.checked_sub(8) {
        let mut at = 0;
        while at < last {
            mix(word(bytes, at));
            at = at.wrapping_add(8);
        }
        mix(word(bytes, last));
    } else if let Some(last) = length.checked_sub(4) {
        mix(half(bytes, 0) << 32 | half(bytes, last));
    } else {
        let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or_default());
        mix(byte(0) << 16 | byte(length >> 1) << 8 | byte(length.wrapping_sub(1)));
    }
    // The upper half is mixed best.
    (state.wrapping_mul(FACTOR) >> 32) as u32
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let chunk = bytes.get(at..at.wrapping_add(8));
    chunk
        .and_then(|chunk| chunk.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}

fn half(bytes: &[u8], at: usize) -> u64 {
    let chunk = bytes.get(at..at.wrapping_add(4));
    chunk
        .and_then(|chunk| chunk.try_into().ok())
        .map_or(0, u32::from_le_bytes)
        .into()
}
