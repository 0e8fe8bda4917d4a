//! Memory layout of a policy contract, and the constant pool.
//!
//! ```text
//! 0x00 .. 0x40   scratch: reverts; start of the value being checked
//! 0x40 .. 0x80   position and end of the JSON text being read
//! 0x80           free memory pointer
//! 0xa0           input value word
//! 0xc0           data value word
//! 0xe0           context value word
//! 0x100          result set (value word of an array)
//! 0x120 ..       memo slots, one word for each rule without arguments
//!       ..       constant pool, copied from code at the start
//!       ..       static frames of policy functions (callers before callees, siblings overlap)
//!       ..       heap
//! ```

use crate::lir::{Frame, Program, Symbol, callees};
use alloy_primitives::U256;
use std::collections::BTreeMap;

/// Reading position of the JSON reader.
pub(crate) const POSITION: u64 = 0x40;
/// End of the JSON reader's text.
pub(crate) const END: u64 = 0x60;
/// Free memory pointer.
pub(crate) const FREE: u64 = 0x80;
/// Value word of `input`.
pub(crate) const INPUT: u64 = 0xa0;
/// Value word of `data`.
pub(crate) const DATA: u64 = 0xc0;
/// Value word of the decision context.
pub(crate) const CONTEXT: u64 = 0xe0;
/// Value word of the result set.
pub(crate) const RESULTS: u64 = 0x100;
/// First memo slot.
pub(crate) const MEMO: u64 = 0x120;

/// Value tags: the low three bits of a value word (1 null, 2 boolean, 3 number, 4 string, 5 array, 6 object, 7 set), and the
/// bit that tells built values from encoded ones.
pub(crate) mod tag {
    /// Number; payload is the signed fixed-point number if it fits 248 bits.
    pub(crate) const NUMBER: u64 = 3;
    /// String; payload is the address of its canonical encoding.
    pub(crate) const STRING: u64 = 4;
    /// Set in words whose payload is the address of a runtime-built container or of a number of more than 248 bits.
    pub(crate) const BUILT: u64 = 8;
}

/// A constant of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Constant {
    /// A string.
    String(String),
    /// A fixed-point number: two's complement, value x 10^18.
    Number(U256),
    /// A collection in the canonical encoding.
    Encoded(Vec<u8>),
}

/// Interned constants; strings and wide numbers take pool space, small numbers are immediate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    constants: Vec<Constant>,
    offsets: Vec<usize>,
    index: BTreeMap<Constant, u32>,
    bytes: Vec<u8>,
}

impl Pool {
    /// The index of a constant, added if new.
    pub(crate) fn intern(&mut self, constant: Constant) -> u32 {
        if let Some(i) = self.index.get(&constant) {
            return *i;
        }
        let index = u32::try_from(self.constants.len()).unwrap_or(u32::MAX);
        self.offsets.push(self.bytes.len());
        match &constant {
            Constant::String(text) => {
                self.bytes.push(5);
                self.bytes
                    .extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
                self.bytes.extend(text.as_bytes());
            }
            Constant::Number(word) if immediate(*word).is_none() => {
                self.bytes.extend(word.to_be_bytes::<32>())
            }
            Constant::Encoded(bytes) => self.bytes.extend(bytes),
            Constant::Number(_) => {}
        }
        self.constants.push(constant.clone());
        self.index.insert(constant, index);
        index
    }

    /// The pool's bytes as they stand in the data section.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn word(&self, index: u32, base: u64) -> Option<U256> {
        let i = usize::try_from(index).ok()?;
        let address = base.saturating_add(u64::try_from(*self.offsets.get(i)?).ok()?);
        let pointer = U256::from(address).wrapping_shl(8);
        Some(match self.constants.get(i)? {
            Constant::String(_) => pointer | U256::from(tag::STRING),
            // The tags of encoded collections are one more than those of value words.
            Constant::Encoded(bytes) => {
                pointer | U256::from(bytes.first().copied().unwrap_or_default().saturating_sub(1))
            }
            Constant::Number(word) => {
                immediate(*word).unwrap_or_else(|| pointer | U256::from(tag::NUMBER | tag::BUILT))
            }
        })
    }
}

/// The value word of a fixed-point number that fits 248 bits.
#[must_use]
pub(crate) fn immediate(word: U256) -> Option<U256> {
    let shifted = word.wrapping_shl(8);
    (shifted.arithmetic_shr(8) == word).then(|| shifted | U256::from(tag::NUMBER))
}

/// Where everything is.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    memo_slots: u32,
    pool: Pool,
    tables: Vec<usize>,
    frames: BTreeMap<String, u64>,
    heap: u64,
}

impl Layout {
    /// Lays out a verified program.
    #[must_use]
    pub(crate) fn new(program: &Program, memo_slots: u32, pool: Pool, tables: Vec<usize>) -> Self {
        let memo_end = MEMO.saturating_add(u64::from(memo_slots).saturating_mul(32));
        let pool_size = u64::try_from(pool.bytes.len()).unwrap_or(u64::MAX);
        let first = memo_end.saturating_add(pool_size).next_multiple_of(32);
        let (frames, heap) = place_frames(program, first);
        Self {
            memo_slots,
            pool,
            tables,
            frames,
            heap,
        }
    }

    /// Address of the first variable of a memory-frame function.
    #[must_use]
    pub(crate) fn frame(&self, func: &str) -> Option<u64> {
        self.frames.get(func).copied()
    }

    fn pool_base(&self) -> u64 {
        MEMO.saturating_add(u64::from(self.memo_slots).saturating_mul(32))
    }

    /// The pool's bytes.
    #[must_use]
    pub(crate) fn pool_bytes(&self) -> &[u8] {
        self.pool.bytes()
    }

    /// The value of a symbol, if it does not depend on code offsets.
    #[must_use]
    pub(crate) fn resolve(&self, symbol: Symbol) -> Option<U256> {
        Some(match symbol {
            Symbol::Const(i) => self.pool.word(i, self.pool_base())?,
            Symbol::Memo(i) => U256::from(MEMO.saturating_add(u64::from(i).saturating_mul(32))),
            Symbol::MemoBase => U256::from(MEMO),
            Symbol::MemoSize => U256::from(u64::from(self.memo_slots).saturating_mul(32)),
            Symbol::PoolBase => U256::from(self.pool_base()),
            Symbol::PoolSize => U256::from(self.pool.bytes.len()),
            Symbol::Heap => U256::from(self.heap),
            Symbol::TableSize(i) => U256::from(*self.tables.get(usize::try_from(i).ok()?)?),
            Symbol::PoolCode | Symbol::Table(_) => return None,
        })
    }
}

/// A function's frame begins where the frames of all its callers have ended, so frames of functions that are never active
/// together overlap.
fn place_frames(program: &Program, first: u64) -> (BTreeMap<String, u64>, u64) {
    let number: BTreeMap<&str, usize> = program.funcs.keys().map(String::as_str).zip(0..).collect();
    let calls: Vec<Vec<usize>> = program
        .funcs
        .values()
        .map(|func| {
            let callees = callees(func).into_iter();
            callees.filter_map(|name| number.get(name).copied()).collect()
        })
        .collect();
    let mut frames = vec![first; program.funcs.len()];
    let mut heap = first;
    // Longest path: stack-frame functions add nothing, so cycles among them do not grow, and the rest is acyclic.
    for _ in 0..=program.funcs.len() {
        let mut changed = false;
        for ((place, func), callees) in program.funcs.values().enumerate().zip(&calls) {
            let base = frames.get(place).copied().unwrap_or(first);
            let size = match func.frame {
                Frame::Stack => 0,
                Frame::Memory => u64::try_from(func.vars.len())
                    .unwrap_or(u64::MAX)
                    .saturating_mul(32),
            };
            let end = base.saturating_add(size);
            heap = heap.max(end);
            for callee in callees {
                if let Some(at) = frames.get_mut(*callee)
                    && *at < end
                {
                    *at = end;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    let frames = program.funcs.keys().cloned().zip(frames).collect();
    (frames, heap)
}
