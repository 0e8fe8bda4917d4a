//! Parameters that may be undefined. Planners pass what they have computed, so a function need not ask; a plan made by hand may pass a
//! local that holds nothing, and the function runs all the same.

use super::facts::{walk, written};
use std::collections::{BTreeMap, BTreeSet};
use stele_rego::ir::{Block, DATA, Func, INPUT, Local, Operand, Plan, Policy, Stmt, StmtKind};

/// What sets a local.
#[derive(Clone, Copy)]
enum Setter {
    /// Something with a value, always.
    Value,
    /// Something with a value, or nothing, in which case the block is left.
    Attempt,
    /// This local's value or lack of one.
    Copy(Local),
    /// Nothing, or anybody's guess.
    Unknown,
}

/// The parameters of each function that may be undefined.
pub(super) fn params<'a>(
    policy: &'a Policy,
    plans: &[(&'a Plan, [u8; 32])],
    reachable: &BTreeSet<&str>,
) -> BTreeMap<&'a str, BTreeSet<Local>> {
    let funcs: BTreeMap<&str, &Func> = policy.funcs.iter().map(|f| (f.name.as_str(), f)).collect();
    let mut callers: Vec<Caller<'a>> = plans
        .iter()
        .map(|(plan, _)| Caller::new(None, &plan.blocks))
        .collect();
    let reached = policy
        .funcs
        .iter()
        .filter(|f| reachable.contains(f.name.as_str()));
    callers.extend(reached.map(|func| Caller::new(Some(func), &func.blocks)));
    let mut found: BTreeMap<&'a str, BTreeSet<Local>> = BTreeMap::new();
    loop {
        let mut more = Vec::new();
        for caller in &callers {
            let own = caller.func.and_then(|func| found.get(func.name.as_str()));
            for (name, args) in &caller.calls {
                let Some(func) = funcs.get(name) else { continue };
                for (param, arg) in func.params.iter().zip(*args).skip(2) {
                    let known = found.get(name).is_some_and(|params| params.contains(param));
                    if !known && arg.local().is_some_and(|local| !caller.certain(local, own, 0)) {
                        more.push((func.name.as_str(), *param));
                    }
                }
            }
        }
        if more.is_empty() {
            return found;
        }
        for (func, param) in more {
            found.entry(func).or_default().insert(param);
        }
    }
}

/// A plan or function that calls others.
struct Caller<'a> {
    func: Option<&'a Func>,
    setters: BTreeMap<Local, Vec<Setter>>,
    calls: Vec<(&'a str, &'a [Operand])>,
}

impl<'a> Caller<'a> {
    fn new(func: Option<&'a Func>, blocks: &'a [Block]) -> Self {
        let mut setters: BTreeMap<Local, Vec<Setter>> = BTreeMap::new();
        let mut calls = Vec::new();
        walk(blocks, &mut |stmt| {
            for local in written(stmt) {
                setters.entry(local).or_default().push(setter(stmt));
            }
            if let StmtKind::Call { func, args, .. } = &stmt.kind {
                calls.push((func.as_str(), args.as_slice()));
            }
        });
        Self { func, setters, calls }
    }

    /// Whether a local is defined wherever a verified plan reads it; `undefined` are the parameters that may not be.
    fn certain(&self, local: Local, undefined: Option<&BTreeSet<Local>>, depth: u32) -> bool {
        /// Copies of copies that are followed.
        const LONGEST: u32 = 16;
        if local == DATA {
            return true;
        }
        let setters = self.setters.get(&local).map(Vec::as_slice).unwrap_or_default();
        // There may be no input; the result is undefined to begin with.
        if local == INPUT || self.func.is_some_and(|func| func.return_ == local) {
            return false;
        }
        let param = self.func.is_some_and(|func| func.params.contains(&local));
        if param && undefined.is_some_and(|params| params.contains(&local)) {
            return false;
        }
        match setters {
            [] => param,
            // What reads it comes after it, or the verifier would have refused.
            [Setter::Attempt] => !param,
            _ => setters.iter().all(|setter| match setter {
                Setter::Value => true,
                Setter::Copy(from) => {
                    depth < LONGEST && self.certain(*from, undefined, depth.saturating_add(1))
                }
                Setter::Attempt | Setter::Unknown => false,
            }),
        }
    }
}

fn setter(stmt: &Stmt) -> Setter {
    match &stmt.kind {
        StmtKind::AssignVar {
            source: Operand::Local(source),
            ..
        } => Setter::Copy(*source),
        StmtKind::AssignVar { .. }
        | StmtKind::AssignInt { .. }
        | StmtKind::MakeArray { .. }
        | StmtKind::MakeNull { .. }
        | StmtKind::MakeNumberInt { .. }
        | StmtKind::MakeNumberRef { .. }
        | StmtKind::MakeObject { .. }
        | StmtKind::MakeSet { .. }
        | StmtKind::Scan { .. } => Setter::Value,
        StmtKind::AssignVarOnce { .. }
        | StmtKind::Call { .. }
        | StmtKind::CallDynamic { .. }
        | StmtKind::Dot { .. }
        | StmtKind::Len { .. }
        | StmtKind::ObjectMerge { .. } => Setter::Attempt,
        _ => Setter::Unknown,
    }
}
