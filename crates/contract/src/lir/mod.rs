//! The low-level IR: structured functions over 256-bit words.
//!
//! Both the runtime library (text files under `runtime/`) and lowered policies are programs of this form. A function keeps
//! its variables either on the EVM stack (`frame stack`: runtime routines, may recurse) or in a static memory frame
//! (`frame memory`: policy functions, which never recurse because Rego does not). The text form, [`print()`] and
//! [`parse`], round-trips; [`verify`] runs on every compilation.
//!
//! Evaluation order inside one expression is unspecified (opcode arguments are evaluated right to left, call arguments left
//! to right): side effects on memory belong in statements of their own.

mod lex;
mod parse;
mod print;
mod verify;

pub(crate) use parse::{Macros, parse_into};
pub use parse::{ParseError, parse};
pub use print::print;
pub use verify::{VerifyError, verify};

use crate::op::Op;
use alloy_primitives::U256;
use std::collections::{BTreeMap, BTreeSet};

/// A variable of a function: an index into [`Func::vars`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Var(pub u32);

/// Where a function keeps its variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// On the EVM stack; scoped by block.
    Stack,
    /// In a static memory frame, zeroed on entry.
    Memory,
}

/// A value that is known only when the layout of memory and code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// The value word of a pooled constant.
    Const(u32),
    /// Address of a memo slot.
    Memo(u32),
    /// Address of the first memo slot.
    MemoBase,
    /// Size of all memo slots, in bytes.
    MemoSize,
    /// Memory address of the constant pool.
    PoolBase,
    /// Size of the constant pool, in bytes.
    PoolSize,
    /// Code offset of the constant pool.
    PoolCode,
    /// First free memory address.
    Heap,
    /// Code offset of a data table.
    Table(u32),
    /// Size of a data table, in bytes.
    TableSize(u32),
}

/// An expression: yields one word (or none, for a call or opcode used as a statement).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A constant.
    Const(U256),
    /// A variable.
    Var(Var),
    /// A layout symbol.
    Symbol(Symbol),
    /// Assigns a variable and yields the value.
    Tee(Var, Box<Self>),
    /// An opcode; the first argument is the top of the stack.
    Op(Op, Vec<Expr>),
    /// A call by name.
    Call(String, Vec<Expr>),
}

/// A place in the Rego source: indices as in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Index of the file.
    pub file: u32,
    /// Line, from 1.
    pub row: u32,
    /// Column, from 1.
    pub col: u32,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stmt {
    /// Declares a stack variable (only in `frame stack`).
    Let(Var, Expr),
    /// Assigns a variable.
    Set(Var, Expr),
    /// Evaluates an expression that yields nothing.
    Do(Expr),
    /// Branches.
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// Loops while the condition is not zero. `break LABEL` leaves it, `continue LABEL` goes to the condition.
    While(String, Expr, Vec<Stmt>),
    /// A block that `break LABEL` leaves.
    Block(String, Vec<Stmt>),
    /// Leaves the named loop or block.
    Break(String),
    /// Goes on with the named loop.
    Continue(String),
    /// Returns.
    Leave,
    /// What follows comes from this source place.
    At(Place),
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Func {
    /// Unique name.
    pub name: String,
    /// Parameters: the first variables.
    pub params: u32,
    /// Whether it yields a word: the variable after the parameters, zero on entry.
    pub returns: bool,
    /// Where its variables live.
    pub frame: Frame,
    /// Names of all variables, in order of declaration (need not be unique).
    pub vars: Vec<String>,
    /// The body.
    pub body: Vec<Stmt>,
}

impl Func {
    /// The variable that holds the result.
    #[must_use]
    pub fn result(&self) -> Option<Var> {
        self.returns.then_some(Var(self.params))
    }
}

/// Functions by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The functions.
    pub funcs: BTreeMap<String, Func>,
}

impl Stmt {
    /// Calls `f` with every expression directly in this statement and with every nested statement list.
    fn parts(&self) -> (Option<&Expr>, [&[Self]; 2]) {
        match self {
            Self::Let(_, e) | Self::Set(_, e) | Self::Do(e) => (Some(e), [&[], &[]]),
            Self::If(c, a, b) => (Some(c), [a, b]),
            Self::While(_, c, a) => (Some(c), [a, &[]]),
            Self::Block(_, a) => (None, [a, &[]]),
            Self::Break(_) | Self::Continue(_) | Self::Leave | Self::At(_) => (None, [&[], &[]]),
        }
    }
}

/// Visits every expression node under `body`, outer ones first.
pub fn walk_exprs<'a>(body: &'a [Stmt], visit: &mut dyn FnMut(&'a Expr)) {
    fn expr<'a>(e: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
        visit(e);
        match e {
            Expr::Op(_, args) | Expr::Call(_, args) => args.iter().for_each(|arg| expr(arg, visit)),
            Expr::Tee(_, inner) => expr(inner, visit),
            Expr::Const(_) | Expr::Var(_) | Expr::Symbol(_) => {}
        }
    }
    for stmt in body {
        let (own, nested) = stmt.parts();
        if let Some(e) = own {
            expr(e, visit);
        }
        for list in nested {
            walk_exprs(list, visit);
        }
    }
}

/// Visits every expression node under `body` to change it, outer ones first.
pub(crate) fn walk_exprs_mut(body: &mut [Stmt], visit: &mut dyn FnMut(&mut Expr)) {
    fn expr(e: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
        visit(e);
        match e {
            Expr::Op(_, args) | Expr::Call(_, args) => args.iter_mut().for_each(|arg| expr(arg, visit)),
            Expr::Tee(_, inner) => expr(inner, visit),
            Expr::Const(_) | Expr::Var(_) | Expr::Symbol(_) => {}
        }
    }
    for stmt in body {
        match stmt {
            Stmt::Let(_, e) | Stmt::Set(_, e) | Stmt::Do(e) => expr(e, visit),
            Stmt::If(c, then, els) => {
                expr(c, visit);
                walk_exprs_mut(then, visit);
                walk_exprs_mut(els, visit);
            }
            Stmt::While(_, c, body) => {
                expr(c, visit);
                walk_exprs_mut(body, visit);
            }
            Stmt::Block(_, body) => walk_exprs_mut(body, visit),
            Stmt::Break(_) | Stmt::Continue(_) | Stmt::Leave | Stmt::At(_) => {}
        }
    }
}

/// Names of the functions that `func` calls, each once, in order of first use.
#[must_use]
pub fn callees(func: &Func) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    walk_exprs(&func.body, &mut |e| {
        if let Expr::Call(name, _) = e
            && seen.insert(name)
        {
            names.push(name);
        }
    });
    names
}

#[cfg(test)]
mod tests;
