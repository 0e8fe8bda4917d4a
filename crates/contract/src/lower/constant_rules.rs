//! Rules that give the same for every input: they read neither `input` nor `data`. The compiler evaluates them.

use super::facts::{matches_path, walk};
use super::known::representable;
use crate::Options;
use std::collections::{BTreeMap, BTreeSet};
use stele_rego::builtins::{self, Body, Purity};
use stele_rego::eval::{self, Context, Evaluator, Limits, NoTrace};
use stele_rego::ir::{Block, DATA, Func, INPUT, Local, Location, Operand, Plan, Policy, Stmt, StmtKind};
use stele_types::Value;

/// The value of each such rule without arguments; `None` if it is undefined.
pub(super) type Constants<'a> = BTreeMap<&'a str, Option<Value>>;

/// Evaluates the constant rules of a policy.
pub(super) fn evaluate<'a>(policy: &'a Policy, options: &Options) -> Constants<'a> {
    let mut found = BTreeMap::new();
    if !options.fold_constants {
        return found;
    }
    let closed = closed(policy);
    let dynamic = dynamic_targets(policy);
    let rules: Vec<&'a Func> = policy
        .funcs
        .iter()
        .filter(|f| f.params.len() == 2 && closed.contains(f.name.as_str()))
        .filter(|f| !dynamic.contains(f.name.as_str()))
        .collect();
    if rules.is_empty() {
        return found;
    }
    let part = Policy {
        static_: policy.static_.clone(),
        plans: rules.iter().map(|rule| ask(&rule.name)).collect(),
        funcs: policy
            .funcs
            .iter()
            .filter(|f| closed.contains(f.name.as_str()))
            .cloned()
            .collect(),
    };
    let strict = eval::Options {
        strict_builtin_errors: options.strict_builtin_errors,
    };
    let Ok(evaluator) = Evaluator::with_options(&part, strict) else {
        return found;
    };
    let limits = Limits {
        instructions: 200_000,
        depth: 128,
        memory: 4 << 20,
        deadline: None,
    };
    let (context, data) = (Context::default(), Value::object([]));
    for rule in rules {
        // Whatever fails, a conflict too, is left to the contract.
        let results = evaluator.evaluate(&rule.name, None, &data, &context, &limits, &mut NoTrace);
        match results.as_deref() {
            Ok([]) => found.insert(rule.name.as_str(), None),
            Ok([value]) if representable(value) => found.insert(rule.name.as_str(), Some(value.clone())),
            _ => None,
        };
    }
    found
}

/// A plan whose only result is the rule's value.
fn ask(rule: &str) -> Plan {
    let value = Local(2);
    let stmt = |kind| Stmt::new(kind, Location::default());
    let stmts = vec![
        stmt(StmtKind::Call {
            func: rule.to_owned(),
            args: vec![Operand::Local(INPUT), Operand::Local(DATA)],
            result: value,
        }),
        stmt(StmtKind::ResultSetAdd { value }),
    ];
    Plan {
        name: rule.to_owned(),
        blocks: vec![Block { stmts }],
    }
}

/// Functions that depend on nothing but their arguments.
fn closed(policy: &Policy) -> BTreeSet<&str> {
    let mut closed: BTreeMap<&str, &Func> = policy.funcs.iter().map(|f| (f.name.as_str(), f)).collect();
    loop {
        let keep: BTreeMap<&str, &Func> = closed
            .iter()
            .filter(|(_, func)| depends_on(&func.blocks, &closed))
            .map(|(name, func)| (*name, *func))
            .collect();
        if keep.len() == closed.len() {
            return keep.into_keys().collect();
        }
        closed = keep;
    }
}

/// Whether the blocks depend on nothing but the function's arguments and the given functions.
fn depends_on(blocks: &[Block], closed: &BTreeMap<&str, &Func>) -> bool {
    let mut fine = true;
    walk(blocks, &mut |stmt| {
        fine &= match &stmt.kind {
            StmtKind::Call {
                result: INPUT | DATA, ..
            } => false,
            StmtKind::Call { func, args, .. } => match closed.get(func.as_str()) {
                Some(_) => args.iter().skip(2).all(|a| !is_document(*a)),
                None => is_pure(func) && args.iter().all(|a| !is_document(*a)),
            },
            StmtKind::CallDynamic { .. } | StmtKind::With { .. } => false,
            other => {
                let access = other.access();
                let mut locals = access.reads.iter().chain(&access.writes);
                locals.all(|local| *local != INPUT && *local != DATA)
            }
        };
    });
    fine
}

fn is_document(operand: Operand) -> bool {
    matches!(operand, Operand::Local(INPUT | DATA))
}

fn is_pure(name: &str) -> bool {
    builtins::find(name).is_some_and(|b| b.purity == Purity::Pure && matches!(b.body, Body::Function(_)))
}

/// Rules that a dynamic call may reach: those are looked up by name in the contract.
fn dynamic_targets(policy: &Policy) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let plans = policy.plans.iter().map(|p| &p.blocks);
    for blocks in plans.chain(policy.funcs.iter().map(|f| &f.blocks)) {
        walk(blocks, &mut |stmt| {
            if let StmtKind::CallDynamic { path, .. } = &stmt.kind {
                let hit = policy.funcs.iter().filter(|f| matches_path(policy, f, path));
                found.extend(hit.map(|f| f.name.as_str()));
            }
        });
    }
    found
}
