//! Bytes to values: bounded, and only canonical bytes are accepted.

use std::collections::{BTreeMap, BTreeSet};

use crate::encoding::{MAX_DEPTH, tag};
use crate::{Number, Value};

/// What an encoded value may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest encoding, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting; a scalar has depth 0.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 256 MiB, depth [`MAX_DEPTH`].
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_depth: MAX_DEPTH,
        }
    }
}

/// Why bytes are not a canonical value, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed value at byte {offset}: {problem}")]
pub struct DecodeError {
    /// Byte offset of the culprit, from 0.
    pub offset: usize,
    /// What is wrong.
    pub problem: &'static str,
}

/// Reads the canonical bytes of one value; bytes that follow it are an error.
///
/// Every departure from the canonical form is an error, so `encode(decode(bytes)) == bytes` for all accepted bytes.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Value, DecodeError> {
    if bytes.len() > limits.max_bytes {
        return Err(DecodeError {
            offset: limits.max_bytes,
            problem: "longer than the limit",
        });
    }
    let mut decoder = Decoder {
        bytes,
        at: 0,
        max_depth: limits.max_depth.min(MAX_DEPTH),
    };
    let value = decoder.value(0)?;
    if decoder.at < bytes.len() {
        return decoder.fail("bytes follow the value");
    }
    Ok(value)
}

/// INVARIANT: `at <= bytes.len()`.
struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    max_depth: usize,
}

impl<'a> Decoder<'a> {
    fn fail<T>(&self, problem: &'static str) -> Result<T, DecodeError> {
        Err(DecodeError {
            offset: self.at,
            problem,
        })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(slice) => {
                self.at = self.at.saturating_add(count);
                Ok(slice)
            }
            None => self.fail("unexpected end"),
        }
    }

    fn size(&mut self) -> Result<usize, DecodeError> {
        let bytes = self.take(4)?;
        let value = bytes
            .iter()
            .fold(0u32, |value, byte| value.wrapping_shl(8) | u32::from(*byte));
        usize::try_from(value).or_else(|_| self.fail("size does not fit"))
    }

    fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.size()?;
        let start = self.at;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| DecodeError {
            offset: start,
            problem: "text is not UTF-8",
        })
    }

    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let Some(tag) = self.bytes.get(self.at) else {
            return self.fail("unexpected end");
        };
        if *tag >= tag::ARRAY && depth >= self.max_depth {
            return self.fail("nested too deep");
        }
        self.take(1)?;
        match *tag {
            tag::NULL => Ok(Value::Null),
            tag::FALSE => Ok(Value::Bool(false)),
            tag::TRUE => Ok(Value::Bool(true)),
            tag::NUMBER => {
                let mut word = [0; 32];
                word.copy_from_slice(self.take(32)?);
                Ok(Value::Number(Number::from_fixed18(&word)))
            }
            tag::WIDE_NUMBER => self.wide_number(),
            tag::STRING => self.text().map(Value::string),
            tag::ARRAY => {
                let mut items = Vec::new();
                self.container(1, depth, |item, _| {
                    items.push(item);
                    Ok(())
                })?;
                Ok(Value::from(items))
            }
            tag::SET => self.set(depth),
            tag::OBJECT => self.object(depth),
            _ => {
                self.at = self.at.saturating_sub(1);
                self.fail("unknown tag")
            }
        }
    }

    fn wide_number(&mut self) -> Result<Value, DecodeError> {
        let start = self.at;
        let text = self.text()?;
        let fail = |problem| DecodeError {
            offset: start,
            problem,
        };
        let number = Number::parse(text).map_err(|_| fail("wide number is not a number"))?;
        if number.to_scientific() != text {
            return Err(fail("wide number is not in its normal form"));
        }
        if number.to_fixed18().is_ok() {
            return Err(fail("wide number fits a plain number"));
        }
        Ok(Value::Number(number))
    }

    fn set(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let mut items: Vec<Value> = Vec::new();
        self.container(1, depth, |item, _| {
            if items.last().is_some_and(|last| *last >= item) {
                return Err("set members are not sorted and unique");
            }
            items.push(item);
            Ok(())
        })?;
        Ok(Value::from(items.into_iter().collect::<BTreeSet<_>>()))
    }

    fn object(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let mut pairs: Vec<(Value, Value)> = Vec::new();
        let mut pending: Option<Value> = None;
        self.container(2, depth, |part, is_key| {
            if is_key {
                if pairs.last().is_some_and(|(last, _)| *last >= part) {
                    return Err("object keys are not sorted and unique");
                }
                pending = Some(part);
            } else if let Some(key) = pending.take() {
                pairs.push((key, part));
            }
            Ok(())
        })?;
        Ok(Value::from(pairs.into_iter().collect::<BTreeMap<_, _>>()))
    }

    /// Body size, count, offsets, parts; every offset must point at the place where its part really is.
    fn container(
        &mut self,
        parts_each: usize,
        depth: usize,
        mut accept: impl FnMut(Value, bool) -> Result<(), &'static str>,
    ) -> Result<(), DecodeError> {
        let start = self.at.saturating_sub(1);
        let body = self.size()?;
        let body_start = self.at;
        let count = self.size()?;
        let table_bytes = count
            .checked_mul(parts_each)
            .and_then(|slots| slots.checked_mul(4));
        let Some(table_bytes) = table_bytes else {
            return self.fail("count is too large");
        };
        // Taking the whole table first bounds the work by the bytes that are really there.
        let table = self.take(table_bytes)?;
        for (number, slot) in table.chunks_exact(4).enumerate() {
            let offset = slot
                .iter()
                .fold(0usize, |value, byte| value.wrapping_shl(8) | usize::from(*byte));
            if offset != self.at.saturating_sub(start) {
                return self.fail("offset does not point at its element");
            }
            let part_start = self.at;
            let part = self.value(depth.saturating_add(1))?;
            let is_key = number.is_multiple_of(parts_each);
            accept(part, is_key).map_err(|problem| DecodeError {
                offset: part_start,
                problem,
            })?;
        }
        if self.at.saturating_sub(body_start) != body {
            return self.fail("body size does not match the content");
        }
        Ok(())
    }
}
