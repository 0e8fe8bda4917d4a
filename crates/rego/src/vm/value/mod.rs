//! Values of the VM: one machine word each, the rest in regions.
//!
//! A [`Val`] holds small things itself (undefined, null, booleans, integers of 60 bits) and refers to a [`Region`] for the
//! others. There are three regions: the program's constants, the data document, both immutable and shared by all threads,
//! and a scratch region that each worker owns and clears between evaluations. No value counts references.
//!
//! | bits | content |
//! |---|---|
//! | 0-3 | kind |
//! | 4-63 | integer: the value |
//! | 4-5 | others: region |
//! | 6 | string: [known](Val::is_known); object: all keys are known strings |
//! | 7 | string: long; object: has an index (see [`Region`]) |
//! | 8-63 | others: place in the region; string: 32 bits offset, 24 bits length |

mod builder;
mod convert;
mod encode;
mod heap;
mod index;
mod member;
mod meter;
mod names;
mod parse;
mod region;
mod shapes;
mod sort;
mod weight;
mod write;

#[cfg(test)]
pub(in crate::vm) mod tests;

pub(crate) use builder::{Builders, Inserted};
pub(crate) use convert::{Constants, from_value, load_value};
pub use heap::Heap;
pub(crate) use member::member;
pub(crate) use meter::Meter;
pub(crate) use names::{Names, hash_text};
pub use parse::ParseError;
pub(crate) use parse::{Reader, load, parse};
pub(crate) use region::Mark;
pub use region::{Full, Region};
pub(crate) use weight::weigh_value;

/// What kind of value a [`Val`] is. The order is Rego's, with undefined before everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// No value.
    Undefined = 0,
    /// `null`.
    Null = 1,
    /// `false`.
    False = 2,
    /// `true`.
    True = 3,
    /// An integer of 60 bits.
    Int = 4,
    /// Any other number.
    Number = 5,
    /// Text.
    String = 6,
    /// An array.
    Array = 7,
    /// An object.
    Object = 8,
    /// A set.
    Set = 9,
}

/// Where a value's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Space {
    /// The program's constants.
    Consts = 0,
    /// The data document.
    Data = 1,
    /// The evaluation's own region.
    Scratch = 2,
    /// Not a region: a collection under construction.
    Building = 3,
}

/// A value, or undefined.
///
/// Equal words mean equal values; unequal words of strings, numbers and collections may be equal values all the same, ask
/// [`Heap::eq`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Val(u64);

const KNOWN: u64 = 1 << 6;
const LONG: u64 = 1 << 7;
const PLACE: u32 = 8;
/// Strings of this length or more are long.
const LONG_FROM: u64 = (1 << 24) - 1;

impl Val {
    /// No value.
    pub const UNDEFINED: Self = Self(Kind::Undefined as u64);
    /// `null`.
    pub const NULL: Self = Self(Kind::Null as u64);
    /// `false`.
    pub const FALSE: Self = Self(Kind::False as u64);
    /// `true`.
    pub const TRUE: Self = Self(Kind::True as u64);

    /// A word that is no value; it compares unequal to all of them.
    pub(crate) const BLANK: Self = Self(0xf);

    /// A boolean.
    #[must_use]
    pub const fn bool(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    /// The integer, when it has at most 60 bits.
    #[must_use]
    pub const fn small(value: i64) -> Option<Self> {
        if (value << 4) >> 4 == value {
            Some(Self((value << 4).cast_unsigned() | Kind::Int as u64))
        } else {
            None
        }
    }

    /// The integer of a [`Kind::Int`].
    #[must_use]
    pub const fn as_int(self) -> Option<i64> {
        if self.0 & 0xf == Kind::Int as u64 {
            Some(self.0.cast_signed() >> 4)
        } else {
            None
        }
    }

    const fn place(kind: Kind, space: Space, place: u64) -> Self {
        Self(kind as u64 | ((space as u64) << 4) | (place << PLACE))
    }

    /// What a string's word grows by when its offset grows by one.
    const OFFSET: u64 = 1 << PLACE;

    /// A string at `offset`, shorter than [`LONG_FROM`].
    const fn string(space: Space, offset: u32, length: u64, known: bool) -> Self {
        let known = if known { KNOWN } else { 0 };
        let place = (offset as u64) | (length << 32);
        Self(Kind::String as u64 | ((space as u64) << 4) | known | (place << PLACE))
    }

    /// A string whose offset and length are two words at `place`.
    const fn long_string(space: Space, place: u64) -> Self {
        Self(Kind::String as u64 | ((space as u64) << 4) | LONG | (place << PLACE))
    }

    /// The kind.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self.0 & 0xf {
            1 => Kind::Null,
            2 => Kind::False,
            3 => Kind::True,
            4 => Kind::Int,
            5 => Kind::Number,
            6 => Kind::String,
            7 => Kind::Array,
            8 => Kind::Object,
            9 => Kind::Set,
            _ => Kind::Undefined,
        }
    }

    /// Whether there is a value.
    #[must_use]
    pub const fn is_defined(self) -> bool {
        self.0 != 0
    }

    const fn space(self) -> Space {
        match (self.0 >> 4) & 3 {
            0 => Space::Consts,
            1 => Space::Data,
            2 => Space::Scratch,
            _ => Space::Building,
        }
    }

    /// Whether this is a collection that is still being built.
    pub(crate) const fn is_building(self) -> bool {
        self.0 & 0xf >= Kind::Array as u64 && (self.0 >> 4) & 3 == Space::Building as u64
    }

    /// The place of a value that is in a region.
    const fn at(self) -> usize {
        (self.0 >> PLACE) as usize
    }

    /// Of a string: it was looked up among the program's constants, so it *is* the constant's word if it equals one. Of an
    /// object: every key is such a string.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.0 & KNOWN != 0
    }

    const fn known(self) -> Self {
        Self(self.0 | KNOWN)
    }

    /// The length of a string that is not long.
    const fn short_length(self) -> u64 {
        self.0 >> (PLACE + 32)
    }

    /// Of an object: an index of its keys stands behind them.
    const fn is_indexed(self) -> bool {
        self.0 & LONG != 0
    }

    const fn indexed(self) -> Self {
        Self(self.0 | LONG)
    }

    const fn is_long(self) -> bool {
        self.0 & LONG != 0
    }

    /// Whether both are strings that cannot be equal, without looking at them: known, and one of them a constant.
    const fn surely_differ(self, other: Self) -> bool {
        self.is_known()
            && other.is_known()
            && (matches!(self.space(), Space::Consts) || matches!(other.space(), Space::Consts))
    }

    /// A number of elements, as it stands before them.
    const fn count(count: usize) -> Self {
        Self(count as u64)
    }

    /// The number of elements that this word stands for.
    const fn as_count(self) -> usize {
        self.0 as usize
    }
}
