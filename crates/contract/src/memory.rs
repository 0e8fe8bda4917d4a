//! Values as they stand in a contract's memory: what a tracer reads while a contract runs.
//!
//! The layout is that of `docs/formats/policy-contract.md`.

use crate::layout::tag;
use alloy_primitives::U256;
use std::collections::{BTreeMap, BTreeSet};
use stele_types::encoding::{self, Limits};
use stele_types::{Number, Value};

/// Deepest nesting that is followed: that of documents, and what a policy may build around them.
const MAX_DEPTH: usize = 128;

/// Bytes of a word.
const WORD: usize = 32;

/// The value of a value word.
///
/// `None` is *undefined*, and any word that is no value of this memory: the tracer may look while a value is being built.
#[must_use]
pub fn value(word: U256, memory: &[u8]) -> Option<Value> {
    read(word, memory, MAX_DEPTH)
}

fn read(word: U256, memory: &[u8], depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let bits = word.as_limbs().first().copied().unwrap_or_default();
    let built = bits & tag::BUILT != 0;
    let payload = word.wrapping_shr(8);
    match bits & 7 {
        1 => Some(Value::Null),
        2 => Some(Value::Bool(!payload.is_zero())),
        tag::NUMBER if built => number(word_at(memory, address(payload)?)?),
        tag::NUMBER => number(word.arithmetic_shr(8)),
        5 if built => Some(Value::array(elements(payload, memory, depth)?)),
        7 if built => {
            let members: BTreeSet<Value> = elements(payload, memory, depth)?.into_iter().collect();
            Some(Value::set(members))
        }
        6 if built => {
            let mut entries: BTreeMap<Value, Value> = BTreeMap::new();
            let mut words = entry_words(payload, memory, 2)?.into_iter();
            while let (Some(key), Some(word)) = (words.next(), words.next()) {
                entries.insert(read(key, memory, depth)?, read(word, memory, depth)?);
            }
            Some(Value::object(entries))
        }
        tag::STRING..=7 => encoded(memory, address(payload)?),
        _ => None,
    }
}

fn address(payload: U256) -> Option<usize> {
    usize::try_from(payload).ok()
}

fn number(word: U256) -> Option<Value> {
    Some(Value::Number(Number::from_fixed18(&word.to_be_bytes())))
}

fn word_at(memory: &[u8], at: usize) -> Option<U256> {
    let bytes = memory.get(at..at.checked_add(WORD)?)?;
    U256::try_from_be_slice(bytes)
}

/// A canonical encoding: one byte of type, four of length, the rest.
fn encoded(memory: &[u8], at: usize) -> Option<Value> {
    let length = memory.get(at.checked_add(1)?..at.checked_add(5)?)?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    let bytes = memory.get(at..at.checked_add(5)?.checked_add(length)?)?;
    encoding::decode(bytes, &Limits::default()).ok()
}

/// The entries of a built collection behind its header `[length, capacity, address of the entries]`.
fn entry_words(payload: U256, memory: &[u8], words: usize) -> Option<Vec<U256>> {
    let header = address(payload)?;
    let length = address(word_at(memory, header)?)?.checked_mul(words)?;
    let first = address(word_at(memory, header.checked_add(64)?)?)?;
    if length.checked_mul(WORD)? > memory.len() {
        return None;
    }
    (0..length)
        .map(|i| word_at(memory, first.checked_add(i.checked_mul(WORD)?)?))
        .collect()
}

fn elements(payload: U256, memory: &[u8], depth: usize) -> Option<Vec<Value>> {
    entry_words(payload, memory, 1)?
        .into_iter()
        .map(|word| read(word, memory, depth))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: u64, low: u64) -> U256 {
        U256::from(address) << 8 | U256::from(low)
    }

    #[test]
    fn words_are_read_as_the_format_says() {
        let mut memory = vec![0; 0x100];
        let text = encoding::encode_contract(&Value::string("ab")).unwrap();
        memory[3..3 + text.len()].copy_from_slice(&text);
        // A built array of one element, the text.
        memory[0x20 + 31] = 1;
        memory[0x60 + 31] = 0x80;
        memory[0x80..0xa0].copy_from_slice(&at(3, 4).to_be_bytes::<32>());
        let array = Value::array([Value::string("ab")]);
        assert_eq!(value(at(3, 4), &memory), Some(Value::string("ab")));
        assert_eq!(value(at(0x20, 13), &memory), Some(array));
        assert_eq!(value(at(1, 2), &memory), Some(Value::Bool(true)));
        let minus_two = U256::ZERO.wrapping_sub(U256::from(2_000_000_000_000_000_000_u64));
        assert_eq!(
            value(minus_two.wrapping_shl(8) | U256::from(3), &memory),
            Some(Value::from(-2_i64))
        );
        for nothing in [U256::ZERO, at(0x1000, 4), at(0x1000, 13), U256::MAX, at(0x40, 8)] {
            assert_eq!(value(nothing, &memory), None, "{nothing:x}");
        }
    }

    #[test]
    fn a_collection_that_holds_itself_ends() {
        let mut memory = vec![0; 0x100];
        memory[31] = 1;
        memory[64 + 31] = 0x80;
        memory[0x80..0xa0].copy_from_slice(&at(0, 13).to_be_bytes::<32>());
        assert_eq!(value(at(0, 13), &memory), None);
    }
}
