//! The canonical value encoding straight from the heap, the same bytes as [`stele_types::encoding`] makes.

use stele_types::encoding::{EncodeError, MAX_DEPTH, tag};

use super::{Heap, Kind, Val};

/// 10^18.
const ONE: i128 = 1_000_000_000_000_000_000;

impl Heap<'_> {
    /// Appends the canonical bytes of a value; nothing for undefined.
    ///
    /// # Errors
    /// When the value is nested too deeply or needs more than 4 GiB.
    pub fn encode(&self, val: Val, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.encode_at(val, out, 0)
    }

    fn encode_at(&self, val: Val, out: &mut Vec<u8>, depth: usize) -> Result<(), EncodeError> {
        if depth > MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        match val.kind() {
            Kind::Undefined => {}
            Kind::Null => out.push(tag::NULL),
            Kind::False => out.push(tag::FALSE),
            Kind::True => out.push(tag::TRUE),
            Kind::Int => out.extend_from_slice(&integer(val.as_int().unwrap_or_default())),
            Kind::Number => {
                if let Some(number) = self.number(val) {
                    stele_types::encoding::encode_into(&number.into_owned().into(), out)?;
                }
            }
            Kind::String => {
                let text = self.text(val);
                let length = u32::try_from(text.len()).map_err(|_| EncodeError::TooLarge)?;
                let [a, b, c, d] = length.to_be_bytes();
                out.reserve(text.len().saturating_add(5));
                out.extend_from_slice(&[tag::STRING, a, b, c, d]);
                out.extend_from_slice(text.as_bytes());
            }
            Kind::Array => self.container(tag::ARRAY, val, out, depth)?,
            Kind::Set => self.container(tag::SET, val, out, depth)?,
            Kind::Object => self.container(tag::OBJECT, val, out, depth)?,
        }
        Ok(())
    }

    /// Tag, body size, count, one offset a part, parts. Sizes and offsets are filled in behind.
    fn container(&self, tag: u8, val: Val, out: &mut Vec<u8>, depth: usize) -> Result<(), EncodeError> {
        let parts = self.parts(val);
        let start = out.len();
        let count = u32::try_from(parts.len() >> u32::from(val.kind() == Kind::Object))
            .map_err(|_| EncodeError::TooLarge)?;
        let [a, b, c, d] = count.to_be_bytes();
        out.extend_from_slice(&[tag, 0, 0, 0, 0, a, b, c, d]);
        let mut slot = out.len();
        out.resize(slot.saturating_add(parts.len().saturating_mul(4)), 0);
        for part in parts {
            let offset = distance(start, out)?;
            patch(out, slot, offset);
            slot = slot.wrapping_add(4);
            self.encode_at(*part, out, depth.saturating_add(1))?;
        }
        // The size counts what follows the size field: everything but the tag and the field itself.
        let body = distance(start, out)?.saturating_sub(5);
        patch(out, start.saturating_add(1), body);
        Ok(())
    }
}

/// Tag, sign and magnitude: 60 bits times 60 bits.
fn integer(value: i64) -> [u8; 33] {
    let word = i128::from(value).wrapping_mul(ONE).to_be_bytes();
    let mut out = if value < 0 { [0xff; 33] } else { [0; 33] };
    let [first, rest @ ..] = &mut out;
    *first = tag::NUMBER;
    if let Some(low) = rest.last_chunk_mut() {
        *low = word;
    }
    out
}

fn distance(start: usize, out: &[u8]) -> Result<u32, EncodeError> {
    u32::try_from(out.len().saturating_sub(start)).map_err(|_| EncodeError::TooLarge)
}

#[inline]
fn patch(out: &mut [u8], at: usize, value: u32) {
    if let Some(slot) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *slot = value.to_be_bytes();
    }
}
