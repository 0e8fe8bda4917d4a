//! `with`: a document is replaced while a block runs.

use super::block::ScopeKind;
use super::func::FuncCx;
use super::{call, constant};
use crate::error::Reason;
use crate::lir::{Expr, Stmt};
use stele_rego::ir::{self, Local, Location, Operand, StringIndex};

impl<'a> FuncCx<'_, 'a> {
    /// Puts back what a `with` block replaced; nothing for other blocks.
    pub(super) fn restore(&mut self, kind: &ScopeKind, out: &mut Vec<Stmt>) {
        if let ScopeKind::With { local, saved, memo } = kind {
            let store = self.store(*local, Expr::Var(*saved));
            out.push(store);
            out.push(Stmt::Do(call("memo_pop", vec![Expr::Var(*memo)])));
        }
    }

    /// Lowers a `With` statement.
    pub(super) fn with(
        &mut self,
        local: Local,
        path: &[u32],
        value: Operand,
        block: &'a ir::Block,
        at: Location,
        out: &mut Vec<Stmt>,
    ) {
        // The whole document may be replaced by an undefined one (a planner's way to restore it), a part of it may not.
        let defined = value.local().is_none_or(|l| self.defined.contains(&l)) || !path.is_empty();
        let value = match path {
            [] => self.possibly_undefined(value, at, out),
            _ => self.operand(value, at, out),
        };
        let (saved, memo, done) = (self.temp(), self.temp(), self.temp());
        let old = self.read(local);
        out.push(Stmt::Set(saved, old));
        let mut keys = Vec::new();
        for index in path {
            let Some(text) = self.cx.policy.string(StringIndex(*index)).map(str::to_owned) else {
                self.refuse(
                    at,
                    "WithStmt",
                    Reason::InvalidPlan(format!("no string constant {index}")),
                );
                return;
            };
            keys.push(self.cx.text(&text));
        }
        let replaced = replace(&Expr::Var(saved), &keys, value);
        let store = self.store(local, replaced);
        out.push(store);
        out.push(Stmt::Set(memo, call("memo_push", Vec::new())));
        out.push(Stmt::Set(done, constant(0)));
        let label = self.label();
        let kind = ScopeKind::With { local, saved, memo };
        let before = self.defined.contains(&local);
        if defined {
            self.defined.insert(local);
        } else {
            self.defined.remove(&local);
        }
        let mut body = self.block(block, label.clone(), kind.clone());
        if !super::block::diverges(&body) {
            body.push(Stmt::Set(done, constant(1)));
        }
        out.push(Stmt::Block(label, body));
        self.restore(&kind, out);
        if before {
            self.defined.insert(local);
        } else {
            self.defined.remove(&local);
        }
        self.require(Expr::Var(done), at, out);
    }
}

/// The document with the value at the path: a copy along the path, the rest shared.
fn replace(document: &Expr, keys: &[Expr], value: Expr) -> Expr {
    let Some((first, rest)) = keys.split_first() else {
        return value;
    };
    let inner = if rest.is_empty() {
        value
    } else {
        let child = call("field", vec![document.clone(), first.clone()]);
        replace(&child, rest, value)
    };
    call("upsert", vec![document.clone(), first.clone(), inner])
}
