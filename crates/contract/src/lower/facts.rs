//! Facts about a policy that decide how it is lowered.

use super::constant_rules::Constants;
use std::collections::{BTreeMap, BTreeSet};
use stele_rego::ir::{Block, DATA, Func, Local, Operand, Plan, Policy, Stmt, StmtKind, StringIndex};

/// Visits every statement of the blocks, nested ones too.
pub(super) fn walk<'a>(blocks: &'a [Block], visit: &mut dyn FnMut(&'a Stmt)) {
    for stmt in blocks.iter().flat_map(|b| &b.stmts) {
        visit(stmt);
        walk(stmt.kind.nested(), visit);
    }
}

/// Whether a function may be the target of a dynamic call.
pub(super) fn matches_path(policy: &Policy, func: &Func, path: &[Operand]) -> bool {
    func.path.len() == path.len()
        && func
            .path
            .iter()
            .zip(path)
            .all(|(segment, operand)| match operand {
                Operand::StringIndex(i) => policy.string(*i) == Some(segment.as_str()),
                Operand::Local(_) => true,
                Operand::Bool(_) => false,
            })
}

/// Names of the functions that the plans reach, without those whose value is known.
pub(super) fn reachable<'a>(
    policy: &'a Policy,
    plans: &[(&'a Plan, [u8; 32])],
    constants: &Constants<'a>,
) -> BTreeSet<&'a str> {
    let by_name: BTreeMap<&str, &Func> = policy.funcs.iter().map(|f| (f.name.as_str(), f)).collect();
    let mut found = BTreeSet::new();
    let mut work: Vec<&'a [Block]> = plans.iter().map(|(p, _)| p.blocks.as_slice()).collect();
    while let Some(blocks) = work.pop() {
        let mut called: Vec<&'a Func> = Vec::new();
        walk(blocks, &mut |stmt| match &stmt.kind {
            StmtKind::Call { func, .. } => called.extend(by_name.get(func.as_str())),
            StmtKind::CallDynamic { path, .. } => {
                called.extend(policy.funcs.iter().filter(|f| matches_path(policy, f, path)));
            }
            _ => {}
        });
        for func in called {
            if !constants.contains_key(func.name.as_str()) && found.insert(func.name.as_str()) {
                work.push(&func.blocks);
            }
        }
    }
    found
}

/// Rules without arguments that are evaluated at most once while the documents stay the same, so that they need no memo: one
/// call site, outside loops, in a plan or in a rule without arguments.
pub(super) fn called_once<'a>(
    policy: &'a Policy,
    plans: &[(&'a Plan, [u8; 32])],
    reachable: &BTreeSet<&str>,
) -> BTreeSet<&'a str> {
    let mut count = BTreeMap::new();
    for (plan, _) in plans {
        call_sites(&plan.blocks, false, policy, &mut count);
    }
    for func in policy
        .funcs
        .iter()
        .filter(|f| reachable.contains(f.name.as_str()))
    {
        call_sites(&func.blocks, func.params.len() > 2, policy, &mut count);
    }
    count
        .into_iter()
        .filter(|(_, n)| *n == 1)
        .map(|(name, _)| name)
        .collect()
}

/// Counts the calls of each function; one that may be repeated counts as two.
fn call_sites<'a>(
    blocks: &'a [Block],
    repeats: bool,
    policy: &'a Policy,
    count: &mut BTreeMap<&'a str, usize>,
) {
    for stmt in blocks.iter().flat_map(|b| &b.stmts) {
        let mut add = |name: &'a str, times: usize| {
            let n = count.entry(name).or_default();
            *n = n.saturating_add(times);
        };
        match &stmt.kind {
            StmtKind::Call { func, .. } => add(func, if repeats { 2 } else { 1 }),
            StmtKind::CallDynamic { path, .. } => {
                policy
                    .funcs
                    .iter()
                    .filter(|f| matches_path(policy, f, path))
                    .for_each(|f| add(&f.name, 2));
            }
            _ => {}
        }
        let inside = repeats || matches!(stmt.kind, StmtKind::Scan { .. });
        call_sites(stmt.kind.nested(), inside, policy, count);
    }
}

/// What one function does with its locals.
#[derive(Default)]
pub(super) struct Locals {
    /// Number of statements that write each local.
    pub(super) writes: BTreeMap<Local, usize>,
    /// Locals that some statement reads.
    pub(super) reads: BTreeSet<Local>,
    /// How many statements read each local.
    pub(super) read_times: BTreeMap<Local, usize>,
    /// Locals that hold one string constant wherever they are defined.
    pub(super) constants: BTreeMap<Local, StringIndex>,
    /// Locals that hold one number wherever they are defined, as its text.
    pub(super) numbers: BTreeMap<Local, String>,
    /// Locals that hold an array of string constants wherever they are defined.
    pub(super) lists: BTreeMap<Local, Vec<StringIndex>>,
    /// Locals that hold null wherever they are defined.
    pub(super) nulls: BTreeSet<Local>,
    /// Locals that hold a part of the base data document: reached from `data` by lookups alone.
    pub(super) base: BTreeSet<Local>,
    /// Locals whose collection some statement grows.
    pub(super) grows: BTreeSet<Local>,
    /// How many statements grow each.
    pub(super) grow_times: BTreeMap<Local, usize>,
    /// The type bits of the collections of locals that only `Make` statements of one kind set.
    pub(super) made: BTreeMap<Local, u64>,
    /// Locals that an `AssignVarOnce` sets, which compares with what is there.
    pub(super) once: BTreeSet<Local>,
    /// Every local.
    pub(super) all: BTreeSet<Local>,
}

/// Every local that a statement itself sets, including those that `Scan` and `With` set for their block.
pub(super) fn written(stmt: &Stmt) -> Vec<Local> {
    let mut locals = stmt.kind.access().writes;
    match &stmt.kind {
        StmtKind::Scan { key, value, .. } => locals.extend([*key, *value]),
        StmtKind::With { local, .. } => locals.push(*local),
        _ => {}
    }
    locals
}

/// The local whose collection a statement grows.
pub(super) fn grown(stmt: &Stmt) -> Option<Local> {
    match &stmt.kind {
        StmtKind::ArrayAppend { array: local, .. }
        | StmtKind::SetAdd { set: local, .. }
        | StmtKind::ObjectInsert { object: local, .. }
        | StmtKind::ObjectInsertOnce { object: local, .. } => Some(*local),
        _ => None,
    }
}

/// Every local whose collection grows anywhere in the blocks.
pub(super) fn grown_in(blocks: &[Block]) -> BTreeSet<Local> {
    let mut found = BTreeSet::new();
    walk(blocks, &mut |stmt| found.extend(grown(stmt)));
    found
}

/// Every local written anywhere in the blocks.
pub(super) fn written_in(blocks: &[Block]) -> BTreeSet<Local> {
    let mut found = BTreeSet::new();
    walk(blocks, &mut |stmt| found.extend(written(stmt)));
    found
}

impl Locals {
    pub(super) fn of(policy: &Policy, blocks: &[Block]) -> Self {
        let mut facts = Self::default();
        let mut numbers: Vec<(Local, String)> = Vec::new();
        let mut strings: Vec<(Local, StringIndex)> = Vec::new();
        walk(blocks, &mut |stmt| {
            let access = stmt.kind.access();
            facts.reads.extend(access.reads.iter().copied());
            for local in &access.reads {
                let times = facts.read_times.entry(*local).or_default();
                *times = times.saturating_add(1);
            }
            if let Some(local) = grown(stmt) {
                facts.grows.insert(local);
                let times = facts.grow_times.entry(local).or_default();
                *times = times.saturating_add(1);
            }
            if let StmtKind::AssignVarOnce { target, .. } = &stmt.kind {
                facts.reads.insert(*target);
                facts.once.insert(*target);
            }
            facts.all.extend(access.reads);
            for local in written(stmt) {
                facts.all.insert(local);
                let count = facts.writes.entry(local).or_default();
                *count = count.saturating_add(1);
            }
            match &stmt.kind {
                StmtKind::AssignVar {
                    source: Operand::StringIndex(i),
                    target,
                } => strings.push((*target, *i)),
                StmtKind::MakeNull { target } => {
                    facts.nulls.insert(*target);
                }
                StmtKind::MakeNumberInt { value, target } => numbers.push((*target, value.to_string())),
                StmtKind::MakeNumberRef { index, target } => {
                    numbers.extend(
                        policy
                            .string(StringIndex(*index))
                            .map(|s| (*target, s.to_owned())),
                    );
                }
                StmtKind::Dot {
                    source: Operand::Local(source),
                    target,
                    ..
                } if *source == DATA || facts.base.contains(source) => {
                    facts.base.insert(*target);
                }
                _ => {}
            }
        });
        facts.nulls.retain(|l| facts.writes.get(l) == Some(&1));
        facts.made = super::shared::made(blocks);
        facts.lists = constant_lists(blocks, &facts.writes);
        let once = |l: &Local| facts.writes.get(l) == Some(&1);
        facts.base.retain(once);
        facts.numbers = numbers.into_iter().filter(|(l, _)| once(l)).collect();
        facts.constants = strings.into_iter().filter(|(l, _)| once(l)).collect();
        facts
    }
}

/// Arrays that are made and filled with string constants in one block, without anything in between that could leave it.
fn constant_lists(blocks: &[Block], writes: &BTreeMap<Local, usize>) -> BTreeMap<Local, Vec<StringIndex>> {
    fn collect(blocks: &[Block], lists: &mut BTreeMap<Local, Vec<StringIndex>>) {
        for block in blocks {
            let mut here = BTreeSet::new();
            for stmt in &block.stmts {
                match &stmt.kind {
                    StmtKind::MakeArray { target, .. } => {
                        here.insert(*target);
                        lists.insert(*target, Vec::new());
                    }
                    StmtKind::ArrayAppend {
                        value: Operand::StringIndex(i),
                        array,
                    } if here.contains(array) => {
                        if let Some(list) = lists.get_mut(array) {
                            list.push(*i);
                        }
                    }
                    _ => {
                        here.clear();
                        collect(stmt.kind.nested(), lists);
                    }
                }
            }
        }
    }
    let mut lists = BTreeMap::new();
    collect(blocks, &mut lists);
    lists.retain(|local, _| writes.get(local) == Some(&1));
    // An element from anywhere else makes the array unknown.
    let mut appends: BTreeMap<Local, usize> = BTreeMap::new();
    walk(blocks, &mut |stmt| {
        if let StmtKind::ArrayAppend { array, .. } = &stmt.kind {
            let count = appends.entry(*array).or_default();
            *count = count.saturating_add(1);
        }
    });
    lists.retain(|local, list| appends.get(local).copied().unwrap_or_default() == list.len());
    lists
}
