//! Renaming of locals.

use std::collections::HashMap;

use crate::ir::{Block, Local, Stmt, StmtKind};

/// Other names for locals.
pub(super) type Names = HashMap<Local, Local>;

/// Renames the locals of blocks and of everything in them.
pub(super) fn blocks(blocks: &mut [Block], names: &Names) {
    if names.is_empty() {
        return;
    }
    for stmt in blocks.iter_mut().flat_map(|block| &mut block.stmts) {
        rename(stmt, names);
    }
}

fn rename(stmt: &mut Stmt, names: &Names) {
    own(stmt, names);
    blocks(stmt.kind.nested_mut(), names);
}

/// Renames the locals of a statement itself.
pub(super) fn own(stmt: &mut Stmt, names: &Names) {
    for local in stmt.kind.locals_mut() {
        if let Some(name) = names.get(local) {
            *local = *name;
        }
    }
}

/// A copy of a statement without nested blocks, with other names and without its place: what two statements have in common.
pub(super) fn form(stmt: &Stmt, names: &Names) -> StmtKind {
    let mut stmt = stmt.clone();
    rename(&mut stmt, names);
    stmt.kind
}
