//! Look-ups that do not depend on a loop move out of it.
//!
//! A body that begins with conditions and look-ups has no effect for any element if one of the look-ups, being the same for all elements,
//! is undefined. So it is made before the loop, and if it is undefined the loop does not run. Loops inside of loops come
//! first: what moves out of one may move out of the next.

use std::collections::HashSet;

use super::facts::{Facts, changes, each, is_quiet};
use crate::ir::{Block, Local, Operand, Policy, Stmt, StmtKind};

pub(super) fn run(policy: &mut Policy) {
    super::each(policy, |blocks, facts| {
        for block in blocks {
            hoist(block, facts);
        }
    });
}

/// Moves what can move out of the loops of a block.
fn hoist(block: &mut Block, facts: &Facts) {
    let mut stmts = Vec::with_capacity(block.stmts.len());
    let last = block.stmts.len().saturating_sub(1);
    for (at, mut stmt) in std::mem::take(&mut block.stmts).into_iter().enumerate() {
        for nested in stmt.kind.nested_mut() {
            hoist(nested, facts);
        }
        let mut moved = invariant(&mut stmt, facts);
        if moved.is_empty() || at == last {
            // What is undefined ends the block, and nothing but the loop would have come.
            stmts.append(&mut moved);
            stmts.push(stmt);
        } else {
            let location = stmt.location;
            moved.push(stmt);
            let blocks = vec![Block { stmts: moved }];
            stmts.push(Stmt::new(StmtKind::Block { blocks }, location));
        }
    }
    block.stmts = stmts;
}

/// Takes the look-ups that do not depend on a loop out of it.
fn invariant(stmt: &mut Stmt, facts: &Facts) -> Vec<Stmt> {
    let mut inside: HashSet<Local> = changes(&stmt.kind).into_iter().map(|(local, _)| local).collect();
    let StmtKind::Scan {
        key, value, block, ..
    } = &mut stmt.kind
    else {
        return Vec::new();
    };
    if !facts.is_steady(*key) || !facts.is_steady(*value) {
        return Vec::new();
    }
    let mut breaks = false;
    each(std::slice::from_ref(&*block), &mut |stmt| {
        inside.extend(changes(&stmt.kind).into_iter().map(|(local, _)| local));
        breaks |= matches!(stmt.kind, StmtKind::Break { .. });
    });
    // A break counts the blocks that it leaves, and there may be one more around the loop afterwards. Only plans of others have breaks.
    if breaks {
        return Vec::new();
    }
    let (mut moved, mut kept) = (Vec::new(), Vec::new());
    let mut quiet = true;
    for stmt in std::mem::take(&mut block.stmts) {
        quiet = quiet && is_quiet(&stmt, facts);
        match &stmt.kind {
            StmtKind::Dot { source, key, target } if quiet && fixed(&[*source, *key], &inside, facts) => {
                inside.remove(target);
                moved.push(stmt);
            }
            _ => kept.push(stmt),
        }
    }
    block.stmts = kept;
    moved
}

/// Whether the operands are the same for all elements.
fn fixed(operands: &[Operand], inside: &HashSet<Local>, facts: &Facts) -> bool {
    let mut locals = operands.iter().filter_map(|operand| operand.local());
    facts.are_steady(operands) && locals.all(|local| !inside.contains(&local))
}
