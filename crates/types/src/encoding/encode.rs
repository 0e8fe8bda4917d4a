//! Values to bytes.

use crate::encoding::{MAX_DEPTH, tag};
use crate::{Number, Value};

/// Why a value can't be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A wide number where only contract numbers are allowed.
    #[error("{number} can't be represented in a contract input")]
    WideNumber {
        /// The number in scientific form, cut to 80 characters.
        number: String,
    },
    /// More than the format's 32-bit sizes can say.
    #[error("the value is larger than the 4 GiB that the encoding can hold")]
    TooLarge,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the value is nested deeper than {MAX_DEPTH}")]
    TooDeep,
}

/// The canonical bytes of a value.
pub fn encode(value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(256);
    encode_into(value, &mut out)?;
    Ok(out)
}

/// The canonical bytes of a value that a contract must be able to read: wide numbers are refused.
pub fn encode_contract(value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(256);
    Encoder {
        out: &mut out,
        wide: false,
    }
    .value(value, 0)?;
    Ok(out)
}

/// Whether canonical bytes hold a wide number, which contracts can't read. Containers are dense, so one pass over the tags sees every value; bytes
/// that are not canonical give any answer.
#[must_use]
pub fn has_wide_number(mut bytes: &[u8]) -> bool {
    let size = |bytes: &[u8], at: usize| {
        let field = bytes
            .get(at..at.saturating_add(4))
            .and_then(|field| field.try_into().ok());
        usize::try_from(u32::from_be_bytes(field.unwrap_or_default())).unwrap_or(usize::MAX)
    };
    while let Some(tag) = bytes.first() {
        let length = match *tag {
            tag::NUMBER => 33,
            tag::WIDE_NUMBER => return true,
            tag::STRING => size(bytes, 1).saturating_add(5),
            tag::ARRAY | tag::SET => size(bytes, 5).saturating_mul(4).saturating_add(9),
            tag::OBJECT => size(bytes, 5).saturating_mul(8).saturating_add(9),
            _ => 1,
        };
        bytes = bytes.get(length..).unwrap_or_default();
    }
    false
}

/// The canonical bytes of a value, or the empty byte string for undefined.
pub fn encode_optional(value: Option<&Value>) -> Result<Vec<u8>, EncodeError> {
    value.map_or_else(|| Ok(Vec::new()), encode)
}

/// Appends the canonical bytes of a value.
pub fn encode_into(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    Encoder { out, wide: true }.value(value, 0)
}

struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    /// Whether wide numbers are allowed.
    wide: bool,
}

impl Encoder<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), EncodeError> {
        if depth > MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        match value {
            Value::Null => self.out.push(tag::NULL),
            Value::Bool(false) => self.out.push(tag::FALSE),
            Value::Bool(true) => self.out.push(tag::TRUE),
            Value::Number(number) => self.number(number)?,
            Value::String(text) => {
                self.out.push(tag::STRING);
                self.bytes(text.as_bytes())?;
            }
            Value::Array(items) => self.container(tag::ARRAY, items.len(), 1, items.iter(), depth)?,
            Value::Set(items) => self.container(tag::SET, items.len(), 1, items.iter(), depth)?,
            Value::Object(map) => {
                let parts = map.iter().flat_map(|(key, member)| [key, member]);
                self.container(tag::OBJECT, map.len(), 2, parts, depth)?;
            }
        }
        Ok(())
    }

    fn number(&mut self, number: &Number) -> Result<(), EncodeError> {
        if let Ok(word) = number.to_fixed18() {
            self.out.push(tag::NUMBER);
            self.out.extend_from_slice(&word);
            return Ok(());
        }
        let text = number.to_scientific();
        if !self.wide {
            return Err(EncodeError::WideNumber {
                number: text.chars().take(80).collect(),
            });
        }
        self.out.push(tag::WIDE_NUMBER);
        self.bytes(text.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let length = u32::try_from(bytes.len()).map_err(|_| EncodeError::TooLarge)?;
        self.out.extend_from_slice(&length.to_be_bytes());
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Tag, body size, count, `count x parts_each` offsets, parts. Sizes and offsets are filled in behind.
    fn container<'v>(
        &mut self,
        tag: u8,
        count: usize,
        parts_each: usize,
        parts: impl Iterator<Item = &'v Value>,
        depth: usize,
    ) -> Result<(), EncodeError> {
        let start = self.out.len();
        let slots = count.checked_mul(parts_each).ok_or(EncodeError::TooLarge)?;
        let table_bytes = slots.checked_mul(4).ok_or(EncodeError::TooLarge)?;
        let count = u32::try_from(count).map_err(|_| EncodeError::TooLarge)?;
        self.out.push(tag);
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(&count.to_be_bytes());
        let mut slot = self.out.len();
        self.out.resize(slot.saturating_add(table_bytes), 0);
        for part in parts {
            let offset = self.distance(start)?;
            self.patch(slot, offset);
            slot = slot.saturating_add(4);
            self.value(part, depth.saturating_add(1))?;
        }
        // The size counts what follows the size field: everything but the tag and the field itself.
        let body = self.distance(start)?.saturating_sub(5);
        self.patch(start.saturating_add(1), body);
        Ok(())
    }

    fn distance(&self, start: usize) -> Result<u32, EncodeError> {
        u32::try_from(self.out.len().saturating_sub(start)).map_err(|_| EncodeError::TooLarge)
    }

    fn patch(&mut self, at: usize, value: u32) {
        if let Some(slot) = self.out.get_mut(at..at.saturating_add(4)) {
            slot.copy_from_slice(&value.to_be_bytes());
        }
    }
}
