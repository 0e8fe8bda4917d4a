//! Which blocks of a function need not run: those that begin by comparing one and the same place of the input (or a parameter) with
//! different constants. The value at that place is looked up once, and only the blocks that expect it, and those that
//! expect nothing, run.

use std::collections::{HashMap, HashSet};

use super::documents;
use crate::ir::{self, Block, Local, Operand, StmtKind};

/// Fewer blocks with a comparison than this are run one after the other.
const LEAST: usize = 4;

/// A constant that can be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Int(i64),
    /// A string of the plan.
    String(u32),
}

/// A place: string keys below a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) root: Local,
    /// Strings of the plan.
    pub(super) keys: Vec<u32>,
}

/// What to look up, and what each block expects there; nothing if it must run always.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) place: Place,
    pub(super) expected: Vec<Option<Key>>,
    /// For each block, the range of locals that are its own: first and count.
    pub(super) own: Vec<(u32, u32)>,
    /// All locals from this one on are in such a range.
    pub(super) shared: u32,
}

/// The index of a function, if it is worth one. `params` are the locals that hold something when it begins; they and the result are
/// below `least`.
pub(super) fn of(blocks: &[Block], params: &[Local], least: u32) -> Option<Index> {
    if blocks.len() < LEAST {
        return None;
    }
    let steady = steady(blocks, params);
    let owners = owners(blocks);
    let guards: Vec<Vec<(Place, Key)>> = blocks
        .iter()
        .enumerate()
        .map(|(number, block)| guards(block, number, &steady, &owners))
        .collect();
    let mut uses: HashMap<&Place, (usize, HashSet<Key>)> = HashMap::new();
    for (place, key) in guards.iter().flatten() {
        let (count, keys) = uses.entry(place).or_default();
        *count = count.saturating_add(1);
        keys.insert(*key);
    }
    let best = uses
        .into_iter()
        // Where all expect the same, the first comparison of each says as much.
        .filter(|(_, (count, keys))| *count >= LEAST && keys.len() > 1)
        // Of equally good places the one with the shortest path, then by its numbers: the choice must not depend on chance.
        .max_by_key(|(place, (count, keys))| {
            let (length, strings, root) = (place.keys.len(), place.keys.clone(), place.root.0);
            (keys.len(), *count, std::cmp::Reverse((length, strings, root)))
        });
    let place = best?.0.clone();
    let expected = guards
        .iter()
        .map(|guards| {
            let mut here = guards.iter().filter(|(other, _)| *other == place);
            here.next().map(|(_, key)| *key)
        })
        .collect();
    let (shared, own) = ranges(&owners, blocks.len(), least);
    Some(Index {
        place,
        expected,
        own,
        shared,
    })
}

/// The locals of each block, above those that several blocks have to do with. Blocks whose locals lie among one another's share them all.
fn ranges(owners: &HashMap<Local, Option<usize>>, blocks: usize, least: u32) -> (u32, Vec<(u32, u32)>) {
    let common = owners.iter().filter(|(_, owner)| owner.is_none());
    let shared = common
        .map(|(local, _)| local.0.saturating_add(1))
        .max()
        .unwrap_or(0)
        .max(least);
    let mut ends: Vec<Option<(u32, u32)>> = vec![None; blocks];
    let mut highest = shared;
    for (local, owner) in owners.iter().filter(|(local, _)| local.0 >= shared) {
        let slot = owner.and_then(|owner| ends.get_mut(owner));
        if let Some(slot) = slot {
            let (first, last) = slot.unwrap_or((local.0, local.0));
            *slot = Some((first.min(local.0), last.max(local.0)));
        }
        highest = highest.max(local.0.saturating_add(1));
    }
    let mut sorted: Vec<(u32, u32)> = ends.iter().flatten().copied().collect();
    sorted.sort_unstable();
    let apart = sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .all(|((_, last), (first, _))| last < first);
    if !apart {
        return (highest, vec![(0, 0); blocks]);
    }
    let range = |ends: &Option<(u32, u32)>| {
        ends.map_or((0, 0), |(first, last)| {
            (first, last.saturating_sub(first).saturating_add(1))
        })
    };
    (shared, ends.iter().map(range).collect())
}

/// The parameters that nothing in the function changes, but for the data document: its paths have rules of their own.
fn steady(blocks: &[Block], params: &[Local]) -> HashSet<Local> {
    let mut steady: HashSet<Local> = params
        .iter()
        .copied()
        .filter(|local| *local != ir::DATA)
        .collect();
    documents::each(blocks, &mut |kind| {
        for local in documents::writes(kind) {
            steady.remove(&local);
        }
    });
    steady
}

/// For each local, the only block that has to do with it; none if there are several.
fn owners(blocks: &[Block]) -> HashMap<Local, Option<usize>> {
    let mut owners: HashMap<Local, Option<usize>> = HashMap::new();
    for (number, block) in blocks.iter().enumerate() {
        documents::each(std::slice::from_ref(block), &mut |kind| {
            for local in documents::writes(kind).into_iter().chain(kind.access().reads) {
                let owner = owners.entry(local).or_insert(Some(number));
                if *owner != Some(number) {
                    *owner = None;
                }
            }
        });
    }
    owners
}

/// The comparisons that a block begins with, as far as nothing that comes before them has an effect outside of it.
fn guards(
    block: &Block,
    number: usize,
    steady: &HashSet<Local>,
    owners: &HashMap<Local, Option<usize>>,
) -> Vec<(Place, Key)> {
    let own = |local: &Local| owners.get(local) == Some(&Some(number));
    let mut places: HashMap<Local, Place> = HashMap::new();
    let mut keys: HashMap<Local, Key> = HashMap::new();
    let mut found = Vec::new();
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Dot { source, key, target } if own(target) => {
                let source = source.local();
                let place = source.and_then(|local| place(local, &places, steady));
                if let (Some(mut place), Operand::StringIndex(key)) = (place, key) {
                    place.keys.push(key.0);
                    places.insert(*target, place);
                }
            }
            StmtKind::MakeNull { target } if own(target) => {
                keys.insert(*target, Key::Null);
            }
            StmtKind::MakeNumberInt { value, target } | StmtKind::AssignInt { value, target }
                if own(target) =>
            {
                keys.insert(*target, Key::Int(*value));
            }
            StmtKind::MakeNumberRef { target, .. } if own(target) => {}
            StmtKind::Equal { a, b } => {
                for (a, b) in [(a, b), (b, a)] {
                    let place = a.local().and_then(|local| place(local, &places, steady));
                    found.extend(place.zip(key(b, &keys)));
                }
            }
            StmtKind::NotEqual { .. } | StmtKind::IsDefined { .. } | StmtKind::Nop {} => {}
            _ => break,
        }
    }
    found
}

fn place(local: Local, places: &HashMap<Local, Place>, steady: &HashSet<Local>) -> Option<Place> {
    let root = || Place {
        root: local,
        keys: Vec::new(),
    };
    let known = places.get(&local).cloned();
    known.or_else(|| steady.contains(&local).then(root))
}

fn key(operand: &Operand, keys: &HashMap<Local, Key>) -> Option<Key> {
    match operand {
        Operand::Local(local) => keys.get(local).copied(),
        Operand::Bool(value) => Some(Key::Bool(*value)),
        Operand::StringIndex(index) => Some(Key::String(index.0)),
    }
}
