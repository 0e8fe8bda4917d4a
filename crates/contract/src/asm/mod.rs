//! EVM assembly: instructions with symbolic labels, its verifier, and the assembler that makes bytes of it.
//!
//! Calls and returns are instructions of their own here (`Call`, `Ret`), because an EVM jump through a return address
//! says nothing about the stack; with them the verifier can follow every basic block.

mod assemble;
mod simplify;
mod verify;

pub use assemble::{Assembled, assemble};
pub(crate) use simplify::simplify;
pub(crate) use verify::MAX_HEIGHT;
pub use verify::verify;

use crate::op::Op;
use alloy_primitives::U256;

/// A jump target or a place in the data section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(pub u32);

/// One assembly item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A plain opcode.
    Op(Op),
    /// `DUPn`, 1 to 16.
    Dup(u8),
    /// `SWAPn`, 1 to 16.
    Swap(u8),
    /// The shortest push of a constant.
    Push(U256),
    /// Pushes a label's code offset (always `PUSH2`).
    PushLabel(Label),
    /// A basic block starts here, with so many words on the function's stack.
    Label(Label, usize),
    /// A function starts here: return address and `args` words are on the stack.
    Entry {
        /// Where callers jump to.
        label: Label,
        /// Number of arguments.
        args: usize,
        /// Whether a return address lies below the arguments.
        returns: bool,
    },
    /// Unconditional jump.
    Jump(Label),
    /// Jump if the top of the stack is not zero (it is popped).
    JumpIf(Label),
    /// Jump if the top of the stack is zero (it is popped).
    JumpUnless(Label),
    /// Calls `target`; the return address (`back`) and the arguments were pushed before.
    Call {
        /// The function.
        target: Label,
        /// Where execution goes on: the `JUMPDEST` after the call's jump.
        back: Label,
        /// Arguments taken.
        args: usize,
        /// Words returned (0 or 1).
        rets: usize,
    },
    /// Jumps to the return address on top of the stack, leaving `rets` words.
    Ret {
        /// Words returned (0 or 1).
        rets: usize,
    },
    /// What follows was made from this source place (index into the caller's table).
    Mark(u32),
    /// The conditional jump before this is taken when the statement is undefined.
    Undefined,
}

/// Errors of the assembler and its verifier. All of them but [`AsmError::TooHigh`] and [`AsmError::TooLong`] are defects of the
/// compiler, found before a contract exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsmError {
    /// A block is entered with different stack heights.
    #[error("item {at}: {label:?} entered with stack height {got}, expected {expected}")]
    Height {
        /// Item number.
        at: usize,
        /// The block.
        label: Label,
        /// Height found.
        got: usize,
        /// Height declared.
        expected: usize,
    },
    /// An instruction needs more words than the function has.
    #[error("item {at}: stack underflow")]
    Underflow {
        /// Item number.
        at: usize,
    },
    /// A return leaves other words than its result.
    #[error("item {at}: return with stack height {got}, expected {expected}")]
    Return {
        /// Item number.
        at: usize,
        /// Height found.
        got: usize,
        /// Height expected.
        expected: usize,
    },
    /// A label that is used but not placed.
    #[error("{0:?} is not defined")]
    Undefined(Label),
    /// A label placed twice.
    #[error("{0:?} is defined twice")]
    Twice(Label),
    /// Code falls into the next function or off the end.
    #[error("item {at}: control falls off the end of a function")]
    FallsOff {
        /// Item number.
        at: usize,
    },
    /// More words on the stack than are safe.
    #[error("item {at}: a function has {height} words on the stack, at most {MAX_HEIGHT} are allowed")]
    TooHigh {
        /// Item number.
        at: usize,
        /// Words.
        height: usize,
    },
    /// Code offsets are two bytes.
    #[error("code of {0} bytes: offsets above 65,535 can't be pushed with PUSH2")]
    TooLong(usize),
}
