//! The VM's code: operations on registers, with jumps.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::value::{Kind, Names, Region, Val};
use crate::builtins::Builtin;
use crate::eval::At;
use crate::ir::Location;

/// A register of the frame.
pub(super) type Reg = u32;
/// A place in the code.
pub(super) type Pc = u32;

/// A register or a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Src(u32);

impl Src {
    const CONST: u32 = 1 << 31;

    pub(super) const fn reg(reg: Reg) -> Self {
        Self(reg)
    }

    pub(super) const fn constant(index: u32) -> Self {
        Self(index | Self::CONST)
    }

    /// The constant's index or the register.
    pub(super) const fn split(self) -> Result<u32, Reg> {
        if self.0 & Self::CONST == 0 {
            Err(self.0)
        } else {
            Ok(self.0 & !Self::CONST)
        }
    }
}

/// A range of [`Code::operands`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operands {
    pub(super) start: u32,
    pub(super) count: u32,
}

/// One operation. `fail` is where execution goes on when the statement is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// Goes on elsewhere.
    Jump(Pc),
    /// Looks up which blocks of a table may run, keeps that in `list`, and goes to the first of them.
    Dispatch { table: u32, list: Reg },
    /// Goes to the next of these blocks after `block`.
    Next { table: u32, list: Reg, block: u32 },
    /// `dst = src`, which may be undefined.
    Move { src: Src, dst: Reg },
    /// `dst = src`; a conflict when `dst` has another value.
    MoveOnce { src: Src, dst: Reg, fail: Pc },
    /// `dst = undefined`.
    Reset { dst: Reg },
    /// Begins an empty collection.
    Begin { kind: Kind, dst: Reg },
    /// Makes the collection under construction in this register a value.
    Seal { reg: Reg },
    /// Appends to an array.
    Append { src: Src, array: Reg, fail: Pc },
    /// Adds to a set.
    Add { src: Src, set: Reg, fail: Pc },
    /// Puts a pair into an object; `once`: a conflict when the key has another value.
    Insert {
        key: Src,
        value: Src,
        object: Reg,
        once: bool,
        fail: Pc,
    },
    /// Makes an array of these elements, or an object of these keys and values, which are in order; fails if one is undefined.
    Collect {
        object: bool,
        parts: Operands,
        dst: Reg,
        fail: Pc,
    },
    /// `dst = a` merged over `b`, recursively.
    Merge { a: Src, b: Src, dst: Reg, fail: Pc },
    /// `dst = source[key]`. `base`: the source is a base document.
    Dot {
        source: Src,
        key: Src,
        dst: Reg,
        base: bool,
        fail: Pc,
    },
    /// `dst = source[keys...]`, with constant strings as keys.
    Path {
        source: Src,
        keys: Operands,
        dst: Reg,
        fail: Pc,
    },
    /// Fails unless `a` and `b` are defined, and equal (or not, when negated).
    Equal { a: Src, b: Src, negated: bool, fail: Pc },
    /// As [`Op::Equal`] of `source[key]` and `with`.
    Compare {
        source: Src,
        key: Src,
        with: Src,
        negated: bool,
        fail: Pc,
    },
    /// Fails unless the value is of this kind.
    Is { kind: Kind, src: Src, fail: Pc },
    /// Fails unless the register is defined (or undefined, when negated).
    Defined { reg: Reg, negated: bool, fail: Pc },
    /// `dst` = the number of elements or characters.
    Length { src: Src, dst: Reg, fail: Pc },
    /// Calls a function; see [`Func`].
    Call {
        func: u32,
        args: Operands,
        dst: Reg,
        fail: Pc,
    },
    /// Calls the function with this path; `missing`: where to go when there is none.
    CallDynamic {
        path: Operands,
        args: Operands,
        dst: Reg,
        fail: Pc,
        missing: Pc,
    },
    /// Calls a builtin.
    Builtin {
        builtin: u32,
        args: Operands,
        dst: Reg,
        fail: Pc,
    },
    /// Calls a builtin, and fails if it is undefined or false.
    Test { builtin: u32, args: Operands, fail: Pc },
    /// Begins to go over `src` with the state in two registers from `state` on. The first element is had at `next`.
    ScanBegin { src: Src, state: Reg, next: Pc },
    /// Goes on at `body` with the next key and value, if there are any.
    ScanNext {
        state: Reg,
        key: Reg,
        value: Reg,
        body: Pc,
    },
    /// Replaces (a part of) a document until [`Op::WithEnd`].
    With {
        reg: Reg,
        path: Operands,
        value: Src,
        saved: Reg,
        fail: Pc,
    },
    /// Undoes a replacement.
    WithEnd { reg: Reg, saved: Reg },
    /// Tells the probe that a traced program is here.
    Probe { point: u32, args: Operands },
    /// Tells the probe what `print` writes.
    Print { args: Operands },
    /// Adds to the result set.
    Result { src: Src, fail: Pc },
    /// Ends the function with this value.
    Return { src: Src },
    /// Ends the function without a value, or the plan.
    End,
}

/// The blocks of a function by the value that they expect at one place.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Where the value is: constant keys below a register.
    pub(super) source: Reg,
    pub(super) keys: Operands,
    /// The list of each value.
    pub(super) lists: HashMap<Val, u32, RandomState>,
    /// Blocks, ascending. The first list has those that run always, and no other list has them.
    pub(super) blocks: Vec<Vec<u32>>,
    /// The registers that only this block uses, for each block: first and count.
    pub(super) own: Vec<(Reg, u32)>,
    /// Where each block begins, and where the function goes on after the last.
    pub(super) targets: Vec<Pc>,
}

impl Table {
    /// The first block from `from` on that is in the list or runs always; the number of blocks if there is none.
    pub(super) fn next(&self, list: usize, from: u32) -> usize {
        let first = |list: usize| {
            let blocks = self.blocks.get(list)?;
            blocks.get(blocks.partition_point(|block| *block < from)).copied()
        };
        let next = match (first(0), first(list)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        next.map_or(self.own.len(), |block| block as usize)
    }
}

/// A function: one per rule.
#[derive(Debug, Clone)]
pub(super) struct Func {
    pub(super) start: Pc,
    pub(super) params: Vec<Reg>,
    /// Registers of its frame.
    pub(super) frame: u32,
    /// How many of them, from the first on, must be undefined when it begins.
    pub(super) clear: u32,
    /// Where its result is remembered, when that depends on nothing but input and data.
    pub(super) memo: Option<u32>,
}

/// An entry point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) start: Pc,
    pub(super) frame: u32,
}

/// A builtin that the program calls.
#[derive(Debug, Clone)]
pub(super) struct Called {
    pub(super) name: Arc<str>,
    /// `None` when no table lists it.
    pub(super) builtin: Option<&'static Builtin>,
    pub(super) native: Option<super::builtins::Native>,
}

/// The constants of a program.
#[derive(Debug)]
pub(super) struct Constants {
    pub(super) region: Region,
    /// The strings among them, by text.
    pub(super) names: Names,
}

/// A whole program.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) constants: Arc<Constants>,
    /// The values that [`Src`] refers to.
    pub(super) pool: Vec<Val>,
    pub(super) ops: Vec<Op>,
    /// For each operation, where it comes from.
    pub(super) locations: Vec<Location>,
    pub(super) operands: Vec<Src>,
    pub(super) funcs: Vec<Func>,
    pub(super) tables: Vec<Table>,
    pub(super) plans: HashMap<String, Plan, RandomState>,
    pub(super) builtins: Vec<Called>,
    /// Functions by path, for dynamic calls.
    pub(super) paths: HashMap<Vec<String>, u32>,
    pub(super) files: Vec<Arc<str>>,
    /// Functions whose result is remembered.
    pub(super) memos: u32,
}

impl Code {
    /// Where an operation comes from.
    pub(super) fn at(&self, pc: usize) -> At {
        let location = self.locations.get(pc).copied().unwrap_or_default();
        let file = usize::try_from(location.file)
            .ok()
            .and_then(|n| self.files.get(n))
            .cloned();
        At {
            file: file.unwrap_or_default(),
            row: location.row,
            col: location.col,
        }
    }

    pub(super) fn operands(&self, range: Operands) -> &[Src] {
        let start = range.start as usize;
        self.operands
            .get(start..start.wrapping_add(range.count as usize))
            .unwrap_or_default()
    }
}
