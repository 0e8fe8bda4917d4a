//! The canonical value encoding, version 1. Normative description: `docs/formats/value-encoding.md`.
//!
//! Equal values have equal bytes and the other way round, so a hash of the bytes commits to the value. Offset tables and
//! sorted keys let a contract look up a member with a binary search over calldata.

mod decode;
mod encode;
#[cfg(test)]
pub(crate) mod tests;

pub use decode::{DecodeError, Limits, decode};
pub use encode::{EncodeError, encode, encode_contract, encode_into, encode_optional, has_wide_number};

/// Deepest nesting of arrays, objects and sets that can be encoded or decoded.
pub const MAX_DEPTH: usize = 128;

/// Tag bytes.
pub mod tag {
    /// `null`.
    pub const NULL: u8 = 0x00;
    /// `false`.
    pub const FALSE: u8 = 0x01;
    /// `true`.
    pub const TRUE: u8 = 0x02;
    /// A number in fixed point: 32 bytes follow.
    pub const NUMBER: u8 = 0x03;
    /// A number that does not fit [`NUMBER`]: length and normalised scientific text follow.
    pub const WIDE_NUMBER: u8 = 0x04;
    /// A string: length and UTF-8 bytes follow.
    pub const STRING: u8 = 0x05;
    /// An array: body size, count, offsets and elements follow.
    pub const ARRAY: u8 = 0x06;
    /// An object: body size, count, offset pairs and key, value, key, value... follow.
    pub const OBJECT: u8 = 0x07;
    /// A set: as an array.
    pub const SET: u8 = 0x08;
}
