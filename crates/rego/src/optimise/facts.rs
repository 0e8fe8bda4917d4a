//! What is known about the locals of a plan or function.

use std::collections::{HashMap, HashSet};

use crate::ir::{Block, Local, Operand, Stmt, StmtKind};

/// How often each local is set, by the text of the plan.
#[derive(Debug)]
pub(crate) struct Facts {
    writes: HashMap<Local, u32>,
    params: HashSet<Local>,
}

impl Facts {
    pub(crate) fn new(blocks: &[Block], params: &[Local], result: Option<Local>) -> Self {
        let mut writes = HashMap::new();
        // A result is undefined from the beginning on, and then set: it changes.
        writes.extend(result.map(|local| (local, 2)));
        each(blocks, &mut |stmt| {
            for (local, times) in changes(&stmt.kind) {
                let count: &mut u32 = writes.entry(local).or_default();
                *count = count.saturating_add(times);
            }
        });
        Self {
            writes,
            params: params.iter().copied().collect(),
        }
    }

    /// How often the local is changed: once for each statement that sets it, twice for each that changes what is in it.
    pub(crate) fn changes(&self, local: Local) -> u32 {
        self.writes.get(&local).copied().unwrap_or_default()
    }

    /// Whether the local has a value before any statement.
    pub(crate) fn is_parameter(&self, local: Local) -> bool {
        self.params.contains(&local)
    }

    /// Whether the local, wherever it can be read, holds what its one setting statement has put there; or what the caller has, if it
    /// is a parameter.
    pub(crate) fn is_steady(&self, local: Local) -> bool {
        self.changes(local) == u32::from(!self.is_parameter(local))
    }

    /// Whether all locals among the operands are steady.
    pub(super) fn are_steady(&self, operands: &[Operand]) -> bool {
        let mut locals = operands.iter().filter_map(|operand| operand.local());
        locals.all(|local| self.is_steady(local))
    }
}

/// Calls `see` for every statement, nested ones too.
pub(super) fn each<'a>(blocks: &'a [Block], see: &mut dyn FnMut(&'a Stmt)) {
    for stmt in blocks.iter().flat_map(|block| &block.stmts) {
        see(stmt);
        each(stmt.kind.nested(), see);
    }
}

/// The locals whose value a statement changes; twice if what it was before matters.
pub(super) fn changes(kind: &StmtKind) -> Vec<(Local, u32)> {
    match kind {
        StmtKind::Scan { key, value, .. } => vec![(*key, 1), (*value, 1)],
        StmtKind::With { local, .. } => vec![(*local, 2)],
        StmtKind::AssignVarOnce { target, .. } => vec![(*target, 2)],
        StmtKind::ArrayAppend { array: local, .. }
        | StmtKind::SetAdd { set: local, .. }
        | StmtKind::ObjectInsert { object: local, .. }
        | StmtKind::ObjectInsertOnce { object: local, .. } => vec![(*local, 2)],
        other => other
            .access()
            .writes
            .into_iter()
            .map(|local| (local, 1))
            .collect(),
    }
}

/// Whether a statement does nothing but look at values and set steady locals, and can't fail with an error. When the block that it stands in
/// is left later on, nothing tells whether it ran: where what it sets can be read, the block was not left.
pub(super) fn is_quiet(stmt: &Stmt, facts: &Facts) -> bool {
    let own = |target: &Local| facts.is_steady(*target);
    match &stmt.kind {
        StmtKind::Dot { target, .. }
        | StmtKind::Len { target, .. }
        | StmtKind::MakeNull { target }
        | StmtKind::MakeNumberInt { target, .. }
        | StmtKind::MakeNumberRef { target, .. }
        | StmtKind::AssignInt { target, .. }
        | StmtKind::AssignVar { target, .. } => own(target),
        StmtKind::Equal { .. }
        | StmtKind::NotEqual { .. }
        | StmtKind::IsArray { .. }
        | StmtKind::IsObject { .. }
        | StmtKind::IsSet { .. }
        | StmtKind::IsDefined { .. }
        | StmtKind::IsUndefined { .. }
        | StmtKind::Nop {} => true,
        StmtKind::Not { block } => are_quiet(block, facts),
        StmtKind::Scan {
            key, value, block, ..
        } => own(key) && own(value) && are_quiet(block, facts),
        _ => false,
    }
}

fn are_quiet(block: &Block, facts: &Facts) -> bool {
    block.stmts.iter().all(|stmt| is_quiet(stmt, facts))
}
