//! Blocks, and the ways out of them.

use super::facts::written_in;
use super::func::FuncCx;
use super::{constant, op};
use crate::error::Reason;
use crate::lir::{Expr, Stmt, Var};
use crate::op::Op;
use stele_rego::ir::{self, Local, Location, Operand};

/// A block of the plan that encloses the current statement.
pub(super) struct Scope {
    pub(super) label: String,
    pub(super) kind: ScopeKind,
}

/// What leaving a block means.
#[derive(Clone)]
pub(super) enum ScopeKind {
    /// Go to its end.
    Block,
    /// Go on with the next element.
    Scan,
    /// Go to the end, where the replaced document is put back; leaving further puts it back on the way.
    With {
        /// The replaced local.
        local: Local,
        /// Its saved value.
        saved: Var,
        /// Saved memo slots.
        memo: Var,
    },
}

/// Whether the statements name the label.
pub(super) fn leaves(body: &[Stmt], label: &str) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Break(l) | Stmt::Continue(l) => l == label,
        Stmt::If(_, a, b) => leaves(a, label) || leaves(b, label),
        Stmt::While(_, _, a) | Stmt::Block(_, a) => leaves(a, label),
        _ => false,
    })
}

/// Whether control never passes the end of the statements.
pub(super) fn diverges(body: &[Stmt]) -> bool {
    matches!(
        body.last(),
        Some(Stmt::Break(_) | Stmt::Continue(_) | Stmt::Leave)
    )
}

impl<'a> FuncCx<'_, 'a> {
    /// Lowers one block in its own scope.
    pub(super) fn block(&mut self, block: &'a ir::Block, label: String, kind: ScopeKind) -> Vec<Stmt> {
        let before = self.defined.clone();
        let written = written_in(std::slice::from_ref(block));
        // Wherever control leaves the block, no more is shared than was before and what the block shares.
        let mut shared = self.shared.clone();
        shared.extend(self.locals.shared_in(std::slice::from_ref(block)));
        if matches!(kind, ScopeKind::Scan) {
            // The body runs again after its own writes.
            self.defined.retain(|l| !written.contains(l));
            self.shared.clone_from(&shared);
        }
        // What holds within the block may not hold after it, and a body of a loop follows itself.
        let one = std::slice::from_ref(block);
        if !matches!(kind, ScopeKind::Block) {
            self.known.forget_changed(one);
        }
        let passed = matches!(kind, ScopeKind::Block).then(|| label.clone());
        self.scopes.push(Scope { label, kind });
        let mut body = Vec::new();
        for (number, stmt) in block.stmts.iter().enumerate() {
            let after = block.stmts.get(number.saturating_add(1)..).unwrap_or_default();
            self.find_literal(stmt, after);
            self.find_fill(stmt, after);
            self.observed = self.seen_elsewhere(stmt, after);
            self.stmt(stmt, &mut body);
            if diverges(&body) {
                break;
            }
        }
        self.scopes.pop();
        self.known.forget_changed(one);
        self.shared = shared;
        // What is defined at the end of a block is so behind it where nothing leaves the block earlier.
        if passed.is_none_or(|label| leaves(&body, &label)) {
            self.defined = before.into_iter().filter(|l| !written.contains(l)).collect();
        }
        body
    }

    /// Statements that leave `index + 1` blocks.
    pub(super) fn leave(&mut self, index: usize, at: Location) -> Vec<Stmt> {
        let mut out = Vec::new();
        let crossed: Vec<ScopeKind> = self
            .scopes
            .iter()
            .rev()
            .take(index)
            .map(|scope| scope.kind.clone())
            .collect();
        for kind in crossed {
            self.restore(&kind, &mut out);
        }
        let target = self
            .scopes
            .iter()
            .rev()
            .nth(index)
            .map(|s| (s.label.clone(), s.kind.clone()));
        match target {
            Some((label, ScopeKind::Scan)) => out.push(Stmt::Continue(label)),
            Some((label, _)) => out.push(Stmt::Break(label)),
            None => self.refuse(
                at,
                "BreakStmt",
                Reason::InvalidPlan("leaves more blocks than there are".into()),
            ),
        }
        out
    }

    /// Statements that put back every document that enclosing `with` blocks replaced.
    pub(super) fn restore_all(&mut self, out: &mut Vec<Stmt>) {
        let kinds: Vec<ScopeKind> = self.scopes.iter().rev().map(|scope| scope.kind.clone()).collect();
        for kind in kinds {
            self.restore(&kind, out);
        }
    }

    /// The statement "undefined unless `cond` holds".
    pub(super) fn require(&mut self, cond: Expr, at: Location, out: &mut Vec<Stmt>) {
        let leave = self.leave(0, at);
        out.push(Stmt::If(op(Op::Iszero, vec![cond]), leave, Vec::new()));
    }

    /// The statement "undefined if `cond` holds".
    pub(super) fn reject(&mut self, cond: Expr, at: Location, out: &mut Vec<Stmt>) {
        let leave = self.leave(0, at);
        out.push(Stmt::If(cond, leave, Vec::new()));
    }

    /// Reads an operand; undefined if it is.
    pub(super) fn operand(&mut self, operand: Operand, at: Location, out: &mut Vec<Stmt>) -> Expr {
        match operand {
            Operand::Bool(value) => constant(if value { 0x102 } else { 2 }),
            Operand::StringIndex(index) => {
                let text = self.cx.policy.string(index).map(str::to_owned);
                if text.is_none() {
                    self.refuse(
                        at,
                        "operand",
                        Reason::InvalidPlan(format!("no string constant {index}")),
                    );
                }
                self.cx.text(&text.unwrap_or_default())
            }
            Operand::Local(local) => self.defined_local(local, at, out),
        }
    }

    /// Reads an operand as it is, undefined or not.
    pub(super) fn possibly_undefined(&mut self, operand: Operand, at: Location, out: &mut Vec<Stmt>) -> Expr {
        match operand {
            Operand::Local(local) => self.read(local),
            Operand::Bool(_) | Operand::StringIndex(_) => self.operand(operand, at, out),
        }
    }

    /// Reads a local; undefined if it is.
    pub(super) fn defined_local(&mut self, local: Local, at: Location, out: &mut Vec<Stmt>) -> Expr {
        if let Some(literal) = self.literal(local) {
            return literal;
        }
        if !self.defined.contains(&local) {
            let value = self.read(local);
            self.require(value, at, out);
            self.defined.insert(local);
        }
        self.read(local)
    }

    /// Sets a local to a value that is certainly defined.
    pub(super) fn assign(&mut self, local: Local, value: Expr, out: &mut Vec<Stmt>) {
        let store = self.store(local, value);
        out.push(store);
        self.defined.insert(local);
    }

    /// Sets a local to a value that may be undefined, in which case the statement and the local are.
    pub(super) fn assign_if_defined(&mut self, local: Local, value: Expr, at: Location, out: &mut Vec<Stmt>) {
        if let Expr::Var(var) = self.read(local) {
            self.require(Expr::Tee(var, Box::new(value)), at, out);
        } else {
            let temp = self.temp();
            out.push(Stmt::Set(temp, value));
            let store = self.store(local, Expr::Var(temp));
            out.push(store);
            self.require(Expr::Var(temp), at, out);
        }
        self.defined.insert(local);
    }

    /// Leaves the block if an operand of a statement is undefined, and with it the target, as a value that it could have had before
    /// would be seen.
    pub(super) fn require_operands(
        &mut self,
        operands: &[Operand],
        target: Local,
        at: Location,
        out: &mut Vec<Stmt>,
    ) {
        for local in operands.iter().filter_map(|operand| operand.local()) {
            if self.observed && !self.defined.contains(&local) {
                let value = self.read(local);
                let mut leave = vec![self.store(target, constant(0))];
                leave.extend(self.leave(0, at));
                out.push(Stmt::If(op(Op::Iszero, vec![value]), leave, Vec::new()));
                self.defined.insert(local);
            }
        }
    }
}
