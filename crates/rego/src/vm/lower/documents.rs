//! What a body does with its locals, found before it is lowered.

use std::collections::HashSet;

use crate::ir::{self, Block, Local, StmtKind};

/// Calls `see` for every statement, nested ones too.
pub(super) fn each<'a>(blocks: &'a [Block], see: &mut dyn FnMut(&'a StmtKind)) {
    for stmt in blocks.iter().flat_map(|block| &block.stmts) {
        see(&stmt.kind);
        each(stmt.kind.nested(), see);
    }
}

/// The locals that a statement itself sets, `with` and iteration included.
pub(super) fn writes(kind: &StmtKind) -> Vec<Local> {
    let mut writes: Vec<Local> = kind.access().writes.into_iter().collect();
    match kind {
        StmtKind::Scan { key, value, .. } => writes.extend([*key, *value]),
        StmtKind::With { local, .. } => writes.push(*local),
        _ => {}
    }
    writes
}

/// One more than the highest local.
pub(super) fn frame_size(blocks: &[Block]) -> u32 {
    let mut highest = 0;
    each(blocks, &mut |kind| {
        let access = kind.access();
        let scan = match kind {
            StmtKind::Scan { key, value, .. } => [*key, *value],
            _ => [Local(0); 2],
        };
        for local in access.reads.iter().chain(&access.writes).chain(&scan) {
            highest = highest.max(local.0.saturating_add(1));
        }
    });
    highest
}

/// The locals that one statement sets and one reads: what stands between two steps of a path.
pub(super) fn steps(blocks: &[Block]) -> HashSet<Local> {
    let mut uses: std::collections::HashMap<Local, (u32, u32)> = std::collections::HashMap::new();
    each(blocks, &mut |kind| {
        let access = kind.access();
        for local in access.reads {
            let reads = &mut uses.entry(local).or_default().0;
            *reads = reads.saturating_add(1);
        }
        let scan = match kind {
            StmtKind::Scan { key, value, .. } => vec![*key, *value],
            // Set for the block only, and so read and written in a way of its own.
            StmtKind::With { local, .. } => vec![*local, *local],
            _ => Vec::new(),
        };
        for local in access.writes.into_iter().chain(scan) {
            let writes = &mut uses.entry(local).or_default().1;
            *writes = writes.saturating_add(1);
        }
    });
    let once = |(local, uses): (Local, (u32, u32))| (uses == (1, 1)).then_some(local);
    uses.into_iter().filter_map(once).collect()
}

/// The locals that some statement reads.
pub(super) fn read(blocks: &[Block]) -> HashSet<Local> {
    let mut read = HashSet::new();
    each(blocks, &mut |kind| read.extend(kind.access().reads));
    read
}

/// The local in which a statement adds to a collection.
pub(super) fn grown(kind: &StmtKind) -> Option<Local> {
    match kind {
        StmtKind::ArrayAppend { array: local, .. }
        | StmtKind::SetAdd { set: local, .. }
        | StmtKind::ObjectInsert { object: local, .. }
        | StmtKind::ObjectInsertOnce { object: local, .. } => Some(*local),
        _ => None,
    }
}

/// The locals in which collections are built.
pub(super) fn built(blocks: &[Block]) -> HashSet<Local> {
    let mut built = HashSet::new();
    each(blocks, &mut |kind| built.extend(grown(kind)));
    built
}

/// The locals that hold a part of `data` that a path leads to: OPA looks such paths up in its store, where an array index and
/// the text of it are one key.
pub(super) fn base(blocks: &[Block]) -> HashSet<Local> {
    let (mut base, mut other) = (HashSet::from([ir::DATA]), HashSet::new());
    each(blocks, &mut |kind| match kind {
        StmtKind::Dot { source, target, .. } if source.local().is_some_and(|local| base.contains(&local)) => {
            base.insert(*target);
        }
        StmtKind::Scan { key, value, .. } => other.extend([*key, *value]),
        kind => other.extend(kind.access().writes),
    });
    base.retain(|local| !other.contains(local));
    base
}

/// True when everywhere local 0 is the input and local 1 the data, changed by `With` only, as in every plan that OPA makes.
/// Then the result of a function without further parameters is fixed until the next `With`.
pub(super) fn pass_through(policy: &ir::Policy) -> bool {
    let documents = [ir::INPUT, ir::DATA];
    let funcs: HashSet<&str> = policy.funcs.iter().map(|func| func.name.as_str()).collect();
    let mut passes = true;
    let mut check = |kind: &StmtKind| {
        let kept = match kind {
            StmtKind::Call { func, args, .. } if funcs.contains(func.as_str()) => {
                args.starts_with(&documents.map(ir::Operand::Local))
            }
            StmtKind::CallDynamic { args, .. } => args.starts_with(&documents),
            StmtKind::Scan { key, value, .. } => !documents.contains(key) && !documents.contains(value),
            _ => true,
        };
        passes &= kept && !kind.access().writes.iter().any(|local| documents.contains(local));
    };
    for plan in &policy.plans {
        each(&plan.blocks, &mut check);
    }
    for func in &policy.funcs {
        each(&func.blocks, &mut check);
    }
    passes
        && policy
            .funcs
            .iter()
            .all(|func| func.params.starts_with(&documents) && !documents.contains(&func.return_))
}
