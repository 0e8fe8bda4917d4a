//! Conditions that neighbouring bodies begin with are tested once.
//!
//! ```text
//! { Dot input "kind" -> a; Equal a "Pod"; A }        { Dot input "kind" -> a; Equal a "Pod"
//! { Dot input "kind" -> b; Equal b "Pod"; B }   =>     Block [{ A } { B }] }
//! ```
//!
//! If one of the statements that are shared is undefined in one of the bodies, it is in all of them. Only bodies of functions and
//! plans are joined: a break inside of one ends that body at most, so that one more block around it does not matter. Of the joined bodies
//! those that have more in common are joined again.
//!
//! Functions whose bodies are looked up by the value of one place are left alone: there it does not matter how many bodies there are.

use super::facts::{Facts, is_quiet};
use super::rename::{self, Names};
use crate::ir::{self, Block, Policy, Stmt, StmtKind};

/// Blocks that are put around bodies at most, one in another: bodies of which each has one more statement in common with the next
/// would otherwise be nested as deep as there are bodies.
const DEEPEST: usize = 16;

pub(super) fn run(policy: &mut Policy) {
    for plan in &mut policy.plans {
        let facts = Facts::new(&plan.blocks, &[ir::INPUT, ir::DATA], None);
        let room = room(&plan.blocks);
        join(&mut plan.blocks, &facts, room);
    }
    for func in &mut policy.funcs {
        if crate::vm::is_indexed(func) {
            continue;
        }
        let facts = Facts::new(&func.blocks, &func.params, Some(func.return_));
        let room = room(&func.blocks);
        join(&mut func.blocks, &facts, room);
    }
}

/// How many blocks may be put around the blocks, one in another.
fn room(blocks: &[Block]) -> usize {
    fn depth(blocks: &[Block]) -> usize {
        let nested = blocks
            .iter()
            .flat_map(|block| &block.stmts)
            .map(|stmt| stmt.kind.nested());
        let deepest = nested.filter(|blocks| !blocks.is_empty()).map(depth).max();
        deepest.unwrap_or_default().saturating_add(1)
    }
    DEEPEST.min(ir::MAX_NESTING.saturating_sub(depth(blocks)))
}

/// Joins neighbours that begin alike, so many times within one another at most.
fn join(blocks: &mut Vec<Block>, facts: &Facts, room: usize) {
    let Some(room) = room.checked_sub(1) else {
        return;
    };
    let mut names = Names::new();
    let mut rest = std::mem::take(blocks).into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut shared = usize::MAX;
        let mut others = Vec::new();
        while let Some(next) = rest.peek() {
            let (length, _) = common(&first, next, shared, facts);
            if length == 0 {
                break;
            }
            shared = length;
            others.extend(rest.next());
        }
        blocks.push(if others.is_empty() {
            first
        } else {
            joined(first, others, shared, (facts, room), &mut names)
        });
    }
    rename::blocks(blocks, &names);
}

/// One block of several that begin with so many common statements. `all` gets the other names of what they set.
fn joined(
    mut first: Block,
    others: Vec<Block>,
    shared: usize,
    (facts, room): (&Facts, usize),
    all: &mut Names,
) -> Block {
    let mut bodies = vec![Block::default()];
    for mut other in others {
        let (_, names) = common(&first, &other, shared, facts);
        other.stmts.drain(..shared.min(other.stmts.len()));
        rename::blocks(std::slice::from_mut(&mut other), &names);
        all.extend(names);
        bodies.push(other);
    }
    let rest = first.stmts.split_off(shared.min(first.stmts.len()));
    if let Some(body) = bodies.first_mut() {
        body.stmts = rest;
    }
    join(&mut bodies, facts, room);
    let location = first.stmts.last().map(|stmt| stmt.location).unwrap_or_default();
    first
        .stmts
        .push(Stmt::new(StmtKind::Block { blocks: bodies }, location));
    first
}

/// How many statements, at most so many, two blocks begin with alike, and the names in the first of what the second sets in them. None
/// if they test nothing.
fn common(first: &Block, second: &Block, most: usize, facts: &Facts) -> (usize, Names) {
    let mut names = Names::new();
    let mut length = 0_usize;
    let mut tested = false;
    for (a, b) in first.stmts.iter().zip(&second.stmts).take(most) {
        if !is_shared(a, facts) || !is_shared(b, facts) {
            break;
        }
        let targets = |stmt: &Stmt| stmt.kind.access().writes;
        let added = targets(b);
        // Steady locals are set once, so none of them has another name yet.
        names.extend(added.iter().copied().zip(targets(a)));
        if rename::form(b, &names) != a.kind {
            for local in &added {
                names.remove(local);
            }
            break;
        }
        tested |= a.kind.can_be_undefined();
        length = length.saturating_add(1);
    }
    if tested {
        (length, names)
    } else {
        (0, Names::new())
    }
}

/// Whether two bodies can have the statement in common: it depends on and sets steady locals only, and has nothing nested.
fn is_shared(stmt: &Stmt, facts: &Facts) -> bool {
    let access = stmt.kind.access();
    let steady = access.reads.iter().all(|local| facts.is_steady(*local));
    steady && stmt.kind.nested().is_empty() && is_quiet(stmt, facts)
}
