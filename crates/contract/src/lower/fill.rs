//! Collections whose entries stand in the policy's text: the compiler knows how many there are and where each belongs, so that
//! nothing is searched, moved or grown.

use super::facts::{grown, walk, written};
use super::func::FuncCx;
use super::{call, constant, op};
use crate::lir::{Expr, Stmt};
use crate::op::Op;
use std::collections::BTreeSet;
use stele_rego::ir::{self, Local, Location, Operand, StmtKind};

/// Bytes before the first entry of a collection that is made with all its room: the header.
const HEADER: usize = 96;

/// Statements that are looked through for the entries of a collection: their number times that of the collections of a block bounds
/// the compiler's work.
pub(super) const WINDOW: usize = 512;

/// What is put into a collection that is being filled, in the order of the statements.
#[derive(Debug, Default)]
pub(super) struct Fill {
    /// Places among the sorted entries that the coming statements fill, the next one last.
    places: Vec<usize>,
    /// Number of entries.
    count: usize,
    /// Elements of an array that nothing reads but `sprintf`, which takes them from here: it is not made.
    pub(super) elided: Option<Vec<Operand>>,
}

impl<'a> FuncCx<'_, 'a> {
    /// Finds the statements that fill the collection which `stmt` makes, among those after it in its block.
    pub(super) fn find_fill(&mut self, stmt: &'a ir::Stmt, after: &'a [ir::Stmt]) {
        let (StmtKind::MakeObject { target } | StmtKind::MakeArray { target, .. }) = &stmt.kind else {
            return;
        };
        self.fills.remove(target);
        if self.literals.contains_key(target) {
            return;
        }
        let after = after.get(..WINDOW).unwrap_or(after);
        let mut keys: Vec<&str> = Vec::new();
        let mut elements: Vec<Operand> = Vec::new();
        let mut rest = after.iter();
        for next in rest.by_ref() {
            match &next.kind {
                StmtKind::ObjectInsert { key, value, object }
                | StmtKind::ObjectInsertOnce { key, value, object }
                    if object == target && value.local() != Some(*target) =>
                {
                    match self.string(*key) {
                        Some(text) if !keys.contains(&text) => keys.push(text),
                        _ => break,
                    }
                }
                StmtKind::ArrayAppend { value, array }
                    if array == target && value.local() != Some(*target) =>
                {
                    elements.push(*value);
                }
                _ if mentions(next, *target) => break,
                _ => {}
            }
        }
        // What leaves the block between two entries leaves a part of the collection: only this block may read it.
        let inside: usize = after.iter().map(|next| reads(next, *target)).sum();
        let count = keys.len().max(elements.len());
        if count == 0 || self.locals.read_times.get(target) != Some(&inside) {
            return;
        }
        let places = if keys.is_empty() {
            (0..count).rev().collect()
        } else {
            let place = |key: &&str| keys.iter().filter(|other| *other < key).count();
            keys.iter().rev().map(place).collect()
        };
        let elided = self.only_formatted(*target, &elements, after).then(Vec::new);
        self.fills.insert(
            *target,
            Fill {
                places,
                count,
                elided,
            },
        );
    }

    /// Whether `sprintf` alone reads the array, right in this block and before an element changes.
    fn only_formatted(&self, target: Local, elements: &[Operand], after: &[ir::Stmt]) -> bool {
        let appends = elements.len();
        if appends == 0 || self.locals.read_times.get(&target) != Some(&appends.saturating_add(1)) {
            return false;
        }
        let mut written_since: BTreeSet<Local> = BTreeSet::new();
        let mut seen = 0_usize;
        for next in after {
            match &next.kind {
                StmtKind::ArrayAppend { array, .. } if *array == target => seen = seen.saturating_add(1),
                StmtKind::Call { func, args, .. } if args.contains(&Operand::Local(target)) => {
                    let [format, list] = args.as_slice() else {
                        return false;
                    };
                    let verbs = self.string(*format).and_then(super::special::verbs);
                    let kept = |e: &Operand| e.local().is_none_or(|l| !written_since.contains(&l));
                    return func == "sprintf"
                        && *list == Operand::Local(target)
                        && seen == appends
                        && verbs == Some(appends)
                        && elements.iter().all(kept);
                }
                _ if mentions(next, target) => return false,
                _ => {}
            }
            if seen > 0 {
                walk_one(next, &mut |stmt| {
                    written_since.extend(written(stmt).into_iter().chain(grown(stmt)))
                });
            }
        }
        false
    }

    /// Makes the collection of a local whose entries are known; false if they are not.
    pub(super) fn make_filled(&mut self, target: Local, object: bool, out: &mut Vec<Stmt>) -> bool {
        let Some(fill) = self.fills.get(&target) else {
            return false;
        };
        if fill.elided.is_some() {
            self.defined.insert(target);
            return true;
        }
        let words = u64::try_from(fill.count).unwrap_or(u64::MAX);
        let (words, tag) = if object {
            (words.saturating_mul(2), 14)
        } else {
            (words, 13)
        };
        self.assign(target, call("make", vec![constant(words), constant(tag)]), out);
        true
    }

    /// Puts the next entry in its place; false if that is not known. The last one sets the length, so that a tracer never sees
    /// entries that are not there yet.
    pub(super) fn put_filled(
        &mut self,
        target: Local,
        key: Option<Operand>,
        value: Operand,
        at: Location,
        out: &mut Vec<Stmt>,
    ) -> bool {
        let Some(fill) = self.fills.get_mut(&target) else {
            return false;
        };
        let Some(place) = fill.places.pop() else {
            return false;
        };
        let (count, last) = (fill.count, fill.places.is_empty());
        if fill.elided.is_some() {
            self.operand(value, at, out);
            if let Some(list) = self.fills.get_mut(&target).and_then(|fill| fill.elided.as_mut()) {
                list.push(value);
            }
            return true;
        }
        let collection = self.defined_local(target, at, out);
        let header = op(Op::Shr, vec![constant(8), collection]);
        let words = key.map_or(place, |_| place.saturating_mul(2));
        let mut offset = words.saturating_mul(32).saturating_add(HEADER);
        for operand in key.into_iter().chain([value]) {
            let word = self.operand(operand, at, out);
            let address = op(Op::Add, vec![number(offset), header.clone()]);
            out.push(Stmt::Do(op(Op::Mstore, vec![address, word])));
            offset = offset.saturating_add(32);
        }
        if last {
            out.push(Stmt::Do(op(Op::Mstore, vec![header, number(count)])));
            self.fills.remove(&target);
        }
        true
    }

    /// The elements of an array that was not made because only `sprintf` reads it.
    pub(super) fn take_elided(&mut self, list: Operand) -> Option<Vec<Operand>> {
        let local = list.local()?;
        self.fills.get(&local)?.elided.as_ref()?;
        self.fills.remove(&local)?.elided
    }
}

fn number(value: usize) -> Expr {
    constant(u64::try_from(value).unwrap_or(u64::MAX))
}

fn walk_one<'a>(stmt: &'a ir::Stmt, visit: &mut dyn FnMut(&'a ir::Stmt)) {
    visit(stmt);
    walk(stmt.kind.nested(), visit);
}

fn mentions(stmt: &ir::Stmt, local: Local) -> bool {
    let mut found = false;
    walk_one(stmt, &mut |s| {
        found |= s.kind.access().reads.contains(&local) || written(s).contains(&local);
    });
    found
}

pub(super) fn reads(stmt: &ir::Stmt, local: Local) -> usize {
    let mut times = 0_usize;
    walk_one(stmt, &mut |s| {
        let here = s.kind.access().reads.iter().filter(|l| **l == local).count();
        times = times.saturating_add(here);
    });
    times
}
