//! Collections that grow. In a plan a collection is a value: what was assigned, inserted or passed on stays as it was when the local it
//! came from grows. A contract grows collections in place, so it copies first what another place may hold too.

use super::facts::{Locals, walk, written};
use super::fill::{WINDOW, reads};
use super::func::FuncCx;
use super::{call, constant, op};
use crate::abi::ContractError;
use crate::lir::{Expr, Stmt};
use crate::op::Op;
use std::collections::{BTreeMap, BTreeSet};
use stele_rego::ir::{self, Block, Local, Location, Operand, StmtKind};

/// The type bits of the collection that a statement makes, and the local that takes it.
fn makes(kind: &StmtKind) -> Option<(Local, u64)> {
    match kind {
        StmtKind::MakeArray { target, .. } => Some((*target, 5)),
        StmtKind::MakeObject { target } => Some((*target, 6)),
        StmtKind::MakeSet { target } => Some((*target, 7)),
        _ => None,
    }
}

/// The type bits of the locals that hold collections of one kind wherever they are defined, because nothing else sets them.
pub(super) fn made(blocks: &[Block]) -> BTreeMap<Local, u64> {
    let mut kinds: BTreeMap<Local, Option<u64>> = BTreeMap::new();
    walk(blocks, &mut |stmt| {
        if let StmtKind::ResetLocal { .. } = &stmt.kind {
            return;
        }
        let kind = makes(&stmt.kind).map(|(_, kind)| kind);
        for local in written(stmt) {
            let known = kinds.entry(local).or_insert(kind);
            if *known != kind {
                *known = None;
            }
        }
    });
    kinds
        .into_iter()
        .filter_map(|(local, kind)| Some((local, kind?)))
        .collect()
}

impl Locals {
    /// The locals that grow and whose collection is held by another place too after a statement.
    fn shared_by(&self, kind: &StmtKind) -> Vec<Local> {
        let mut locals = match kind {
            // A copy is made at once, see `copies`.
            StmtKind::AssignVar { target, .. } if self.grows.contains(target) => Vec::new(),
            // The key and the value of a scan are parts of its source; `with` keeps the old document aside.
            StmtKind::Scan {
                source, key, value, ..
            } => vec![*source, *key, *value],
            StmtKind::With { local, value, .. } => value.local().into_iter().chain([*local]).collect(),
            // A part of the source, or the result of another function.
            StmtKind::Dot { target, .. } => vec![*target],
            StmtKind::ArrayAppend { value, .. } | StmtKind::SetAdd { value, .. } => {
                value.local().into_iter().collect()
            }
            StmtKind::ObjectInsert { key, value, .. } | StmtKind::ObjectInsertOnce { key, value, .. } => {
                key.local().into_iter().chain(value.local()).collect()
            }
            StmtKind::AssignVar { .. }
            | StmtKind::AssignVarOnce { .. }
            | StmtKind::Call { .. }
            | StmtKind::CallDynamic { .. }
            | StmtKind::ObjectMerge { .. }
            | StmtKind::ResultSetAdd { .. } => {
                let access = kind.access();
                access.reads.into_iter().chain(access.writes).collect()
            }
            _ => Vec::new(),
        };
        locals.retain(|local| self.grows.contains(local));
        locals
    }

    /// The local that holds a collection alone after a statement.
    fn owned_by(&self, kind: &StmtKind) -> Option<Local> {
        match kind {
            StmtKind::AssignVar { target, .. } if self.grows.contains(target) => Some(*target),
            kind => makes(kind).map(|(target, _)| target),
        }
    }

    /// The locals that grow and that some statement of the blocks shares.
    pub(super) fn shared_in(&self, blocks: &[Block]) -> BTreeSet<Local> {
        let mut found = BTreeSet::new();
        if !self.grows.is_empty() {
            walk(blocks, &mut |stmt| found.extend(self.shared_by(&stmt.kind)));
        }
        found
    }
}

impl FuncCx<'_, '_> {
    /// Notes which locals a statement shares, and which it makes its own.
    pub(super) fn share(&mut self, kind: &StmtKind) {
        self.shared.extend(self.locals.shared_by(kind));
        if let Some(local) = self.locals.owned_by(kind) {
            self.shared.remove(&local);
        }
    }

    /// Whether the target of `stmt`, if it has one, can be read without this statement having set it just before: the reads that
    /// follow it in its block, `after`, are not all.
    pub(super) fn seen_elsewhere(&self, stmt: &ir::Stmt, after: &[ir::Stmt]) -> bool {
        let (StmtKind::Dot { target, .. }
        | StmtKind::Len { target, .. }
        | StmtKind::Call { result: target, .. }) = &stmt.kind
        else {
            return false;
        };
        // What one statement alone sets is read where that was defined.
        if self.locals.writes.get(target) == Some(&1) {
            return false;
        }
        let following = after.get(..WINDOW).unwrap_or(after);
        let here: usize = following.iter().map(|next| reads(next, *target)).sum();
        let all = self.locals.read_times.get(target).copied().unwrap_or_default();
        here != all || self.locals.once.contains(target)
    }

    /// Lowers a statement that puts operands into a collection of the type bits `tag`.
    pub(super) fn grow(
        &mut self,
        routine: &str,
        local: Local,
        tag: u64,
        operands: &[Operand],
        at: Location,
        out: &mut Vec<Stmt>,
    ) {
        let old = self.defined_local(local, at, out);
        let inside = Operand::Local(local);
        let mut words: Vec<Expr> = operands.iter().map(|o| self.operand(*o, at, out)).collect();
        if operands.contains(&inside) {
            // The collection as it was becomes a part of what it is then.
            let part = self.temp();
            out.push(Stmt::Set(part, old));
            for (word, operand) in words.iter_mut().zip(operands) {
                if *operand == inside {
                    *word = Expr::Var(part);
                }
            }
            self.shared.insert(local);
        }
        if self.locals.made.get(&local) != Some(&tag) {
            let kind = op(Op::And, vec![self.read(local), constant(7)]);
            let fail = Stmt::Do(call("fail", vec![Expr::Const(ContractError::Internal.word())]));
            let other = op(Op::Sub, vec![kind, constant(tag)]);
            out.push(Stmt::If(other, vec![fail], Vec::new()));
        }
        if self.shared.remove(&local) {
            let value = self.read(local);
            let store = self.store(local, call("fresh", vec![value]));
            out.push(store);
        }
        let mut args = vec![self.read(local)];
        args.append(&mut words);
        out.push(Stmt::Do(call(routine, args)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kinds: Vec<StmtKind>) -> Block {
        let stmts = kinds
            .into_iter()
            .map(|kind| ir::Stmt::new(kind, Location::default()));
        Block {
            stmts: stmts.collect(),
        }
    }

    #[test]
    fn the_kind_of_a_local_is_known_where_one_kind_of_statement_sets_it() {
        let [a, b] = [Local(5), Local(6)];
        let blocks = [block(vec![
            StmtKind::MakeSet { target: a },
            StmtKind::ResetLocal { target: a },
            StmtKind::MakeSet { target: a },
            StmtKind::MakeSet { target: b },
            StmtKind::MakeObject { target: b },
        ])];
        assert_eq!(made(&blocks), BTreeMap::from([(a, 7)]));
    }
}
