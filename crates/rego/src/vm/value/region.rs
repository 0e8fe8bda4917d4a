//! A region: the content of values that do not fit into a word.

use std::ops::Range;

use foldhash::fast::RandomState;
use stele_types::Number;

use super::{Kind, LONG_FROM, Space, Val};

/// Content of strings, numbers and collections.
///
/// A collection is its count followed by that many values; of an object, by that many pairs of key and value, sorted by
/// key; of a set, by its members in order. A string is a place in one long text; the offset and length of a long one are
/// kept among the words.
#[derive(Debug, Clone)]
pub struct Region {
    pub(super) space: Space,
    pub(super) words: Vec<Val>,
    pub(super) text: String,
    /// Where in the text the document is that was read last. Strings that lie in it are plain (nothing in them needs an escape) and stand
    /// between quotes.
    pub(super) document: Range<usize>,
    pub(super) numbers: Vec<Number>,
    /// Of the indexes of objects. Seeded, because documents choose the keys.
    pub(super) hasher: RandomState,
    /// Empty collections get words of their own, so that whoever watches can tell where in a document one stands.
    pub(crate) apart: bool,
}

/// How far a region is filled.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    words: usize,
    text: usize,
    numbers: usize,
    document: Range<usize>,
}

/// The region can hold no more: its text would pass 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("values of one evaluation can't hold more than 4 GiB of text")]
pub struct Full;

impl Region {
    /// An empty region.
    pub(crate) fn new(space: Space) -> Self {
        let mut region = Self {
            space,
            words: Vec::new(),
            text: String::new(),
            document: 0..0,
            numbers: Vec::new(),
            hasher: RandomState::default(),
            apart: false,
        };
        region.clear();
        region
    }

    /// Forgets all values and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.text.clear();
        self.document = 0..0;
        self.numbers.clear();
        // All empty collections share the first word, unless they are kept apart.
        self.words.push(Val::count(0));
    }

    /// How far it is filled.
    pub(crate) fn end(&self) -> Mark {
        Mark {
            words: self.words.len(),
            text: self.text.len(),
            numbers: self.numbers.len(),
            document: self.document.clone(),
        }
    }

    /// Forgets the values that came later, and keeps the memory. Nothing writes to what stood before.
    pub(crate) fn cut(&mut self, end: &Mark) {
        self.words.truncate(end.words);
        self.text.truncate(end.text);
        self.numbers.truncate(end.numbers);
        self.document = end.document.clone();
    }

    /// Gives back memory beyond `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        self.words.shrink_to(bytes.div_ceil(size_of::<Val>()));
        self.text.shrink_to(bytes);
        self.numbers.shrink_to(bytes.div_ceil(size_of::<Number>()));
    }

    /// Bytes in use.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words
            .len()
            .saturating_mul(size_of::<Val>())
            .saturating_add(self.text.len())
            // A number that is no small integer has a heap block of about 64 bytes.
            .saturating_add(
                self.numbers
                    .len()
                    .saturating_mul(size_of::<Number>().saturating_add(64)),
            )
    }

    /// A number.
    pub(crate) fn number(&mut self, number: Number) -> Val {
        if let Some(small) = number.to_i64().and_then(Val::small) {
            return small;
        }
        let place = self.numbers.len();
        self.numbers.push(number);
        Val::place(Kind::Number, self.space, place as u64)
    }

    /// An integer.
    pub(crate) fn integer(&mut self, value: i64) -> Val {
        Val::small(value).unwrap_or_else(|| self.number(Number::from(value)))
    }

    /// A string that was not looked up.
    pub(crate) fn string(&mut self, text: &str) -> Result<Val, Full> {
        let start = self.text.len();
        self.text.push_str(text);
        self.string_from(start, false)
    }

    /// A string that is a constant of the program.
    pub(crate) fn constant(&mut self, text: &str) -> Result<Val, Full> {
        let start = self.text.len();
        self.text.push_str(text);
        self.string_from(start, true)
    }

    /// A string that stands in the region's text already, which has less than 4 GiB.
    #[inline]
    pub(super) fn place(&mut self, start: usize, length: usize, known: bool) -> Val {
        let (offset, length) = (start as u64, length as u64);
        if length < LONG_FROM {
            return Val::string(self.space, offset as u32, length, known);
        }
        let place = self.words.len() as u64;
        self.words.push(Val(offset));
        self.words.push(Val(length));
        Val::long_string(self.space, place)
    }

    /// The string that begins at `start` and ends where the text ends now.
    pub(super) fn string_from(&mut self, start: usize, known: bool) -> Result<Val, Full> {
        let length = self.text.len().saturating_sub(start);
        u32::try_from(start).map_err(|_| Full)?;
        Ok(self.place(start, length, known))
    }

    /// A collection of these words: the elements of an array, the sorted members of a set, or the sorted pairs of an object.
    pub(crate) fn collection(&mut self, kind: Kind, parts: &[Val]) -> Val {
        if parts.is_empty() && !self.apart {
            return Val::place(kind, self.space, 0);
        }
        if kind == Kind::Object && !parts.is_empty() {
            let mut keys = parts.iter().step_by(2);
            let all_known = keys.all(|key| key.kind() == Kind::String && key.is_known());
            return self.object(parts, all_known);
        }
        let place = self.words.len() as u64;
        self.words.push(Val::count(parts.len()));
        self.words.extend_from_slice(parts);
        Val::place(kind, self.space, place)
    }

    /// An object of sorted pairs, at least one. `all_known`: every key is a known string.
    pub(super) fn object(&mut self, parts: &[Val], all_known: bool) -> Val {
        let place = self.words.len() as u64;
        self.words.push(Val::count(parts.len() >> 1));
        self.words.extend_from_slice(parts);
        let made = Val::place(Kind::Object, self.space, place);
        if all_known { made.known() } else { made }
    }

    /// As [`Region::object`], of pairs that are sorted by these positions.
    pub(super) fn object_in_order(&mut self, parts: &[Val], order: &[u16], all_known: bool) -> Val {
        let place = self.words.len();
        let (pairs, _) = parts.as_chunks::<2>();
        let end = place.wrapping_add(1).wrapping_add(parts.len());
        self.words.resize(end, Val::count(pairs.len()));
        let slots = self.words.get_mut(place.wrapping_add(1)..).unwrap_or_default();
        // An order has as many positions as there are pairs.
        for (slot, at) in slots.as_chunks_mut::<2>().0.iter_mut().zip(order) {
            if let Some(pair) = pairs.get(usize::from(*at)) {
                *slot = *pair;
            }
        }
        let place = place as u64;
        let made = Val::place(Kind::Object, self.space, place);
        if all_known { made.known() } else { made }
    }

    /// The text of a string of this region.
    pub(super) fn text_of(&self, val: Val) -> &str {
        let (offset, end) = self.range_of(val);
        self.text.get(offset..end).unwrap_or_default()
    }

    /// The bytes of a string of this region.
    #[inline]
    pub(super) fn bytes_of(&self, val: Val) -> &[u8] {
        let (offset, end) = self.range_of(val);
        self.text.as_bytes().get(offset..end).unwrap_or_default()
    }

    /// The length of a string of this region, and all bytes from where it begins.
    #[inline]
    pub(super) fn text_from(&self, val: Val) -> (usize, &[u8]) {
        let (offset, end) = self.range_of(val);
        let rest = self.text.as_bytes().get(offset..).unwrap_or_default();
        (end.wrapping_sub(offset), rest)
    }

    /// A string of this region with the quotes around it, if it is a place in a document.
    #[inline]
    pub(super) fn quoted(&self, val: Val) -> Option<&[u8]> {
        let (offset, end) = self.range_of(val);
        let (start, end) = (offset.checked_sub(1)?, end.wrapping_add(1));
        let inside = self.document.start <= start && end <= self.document.end;
        let text = inside.then(|| self.text.as_bytes().get(start..end));
        text.flatten()
    }

    #[inline]
    fn range_of(&self, val: Val) -> (usize, usize) {
        let (offset, length) = if val.is_long() {
            let word = |at: usize| self.words.get(at).map_or(0, |word| word.as_count());
            (word(val.at()), word(val.at().wrapping_add(1)))
        } else {
            (val.at() & 0xffff_ffff, val.at() >> 32)
        };
        (offset, offset.wrapping_add(length))
    }

    /// The words of a collection of this region.
    #[inline]
    pub(super) fn parts_of(&self, val: Val) -> &[Val] {
        let at = val.at();
        let count = self.words.get(at).map_or(0, |word| word.as_count());
        let words = if val.kind() == Kind::Object {
            count.wrapping_mul(2)
        } else {
            count
        };
        let start = at.wrapping_add(1);
        self.words
            .get(start..start.wrapping_add(words))
            .unwrap_or_default()
    }

    /// The numbers that no word holds.
    pub(crate) fn numbers(&self) -> &[Number] {
        &self.numbers
    }

    pub(super) fn number_of(&self, val: Val) -> Option<&Number> {
        self.numbers.get(val.at())
    }
}
