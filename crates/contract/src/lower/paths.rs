//! Paths into `input` and `data` that are looked up more than once: they get a memo, as rules without arguments do.
//!
//! Only paths of short constant keys outside of `with` blocks count, in functions that assign each local of the path once; so a
//! path means the same wherever it stands, and `with` saves and clears its memo with the others.

use super::facts::{Locals, walk, written};
use super::func::memo_front;
use super::{Context, call, constant, op};
use crate::layout;
use crate::lir::{Expr, Frame, Func, Program, Stmt, Var, walk_exprs_mut};
use crate::op::Op;
use std::collections::{BTreeMap, BTreeSet};
use stele_rego::ir::{self, Block, DATA, INPUT, Local, Operand, Policy, StmtKind};

/// Strings of fewer bytes lie within one word with their tag and length.
pub(super) const SHORT: usize = 28;

/// Keys of the longest path that gets a memo. No document of a contract nests deeper, and each path holds all of its keys.
const LONGEST: usize = 64;

/// A document and keys.
type Path = (Local, Vec<String>);

/// What is known of the paths of a policy.
#[derive(Default)]
pub(super) struct Paths {
    /// Path of each local that holds one, by function.
    of: BTreeMap<(String, Local), Path>,
    /// Paths with a memo, and its function.
    memos: BTreeMap<Path, String>,
    /// Locals whose only reader is the next statement, which looks a path with a memo up.
    elided: BTreeSet<(String, Local)>,
}

/// How a lookup is lowered.
pub(super) enum Lookup {
    /// By this function.
    Memo(String),
    /// Not at all: the next statement looks further.
    Elided,
    /// As any other.
    Plain,
}

impl Paths {
    /// Finds the paths that the functions look up, and those that are worth a memo.
    pub(super) fn find(policy: &Policy, reachable: &BTreeSet<&str>) -> Self {
        let mut paths = Self::default();
        let funcs: Vec<&ir::Func> = policy
            .funcs
            .iter()
            .filter(|func| reachable.contains(func.name.as_str()))
            .collect();
        if funcs.iter().any(|func| assigns_documents(&func.blocks)) {
            return paths;
        }
        let mut count: BTreeMap<Path, usize> = BTreeMap::new();
        for func in &funcs {
            let mut search = Search {
                policy,
                func: &func.name,
                locals: Locals::of(policy, &func.blocks),
                paths: &mut paths,
                count: &mut count,
            };
            search.blocks(&func.blocks, func.params.len() > 2);
        }
        let worth = count.into_iter().filter(|(_, times)| *times > 1);
        for (number, (path, _)) in worth.enumerate() {
            paths.memos.insert(path, format!("i{number}"));
        }
        for func in &funcs {
            let locals = Locals::of(policy, &func.blocks);
            paths.elide(&func.name, &locals, &func.blocks);
        }
        paths
    }

    pub(super) fn lookup(&self, func: &str, target: Local) -> Lookup {
        let key = (func.to_owned(), target);
        if self.elided.contains(&key) {
            return Lookup::Elided;
        }
        let memo = self.of.get(&key).and_then(|path| self.memos.get(path));
        memo.map_or(Lookup::Plain, |name| Lookup::Memo(name.clone()))
    }

    fn has_memo(&self, func: &str, target: Local) -> bool {
        let path = self.of.get(&(func.to_owned(), target));
        path.is_some_and(|path| self.memos.contains_key(path))
    }

    /// A lookup whose value only the next statement reads, to look further into a path with a memo, is undefined only if that one
    /// is too.
    fn elide(&mut self, func: &str, locals: &Locals, blocks: &[Block]) {
        for block in blocks {
            for (stmt, next) in block.stmts.iter().zip(block.stmts.iter().skip(1)) {
                if let (
                    StmtKind::Dot { target, .. },
                    StmtKind::Dot {
                        source: Operand::Local(source),
                        target: further,
                        ..
                    },
                ) = (&stmt.kind, &next.kind)
                    && source == target
                    && locals.read_times.get(target) == Some(&1)
                    && self.of.contains_key(&(func.to_owned(), *target))
                    && self.has_memo(func, *further)
                {
                    self.elided.insert((func.to_owned(), *target));
                }
            }
            for stmt in &block.stmts {
                self.elide(func, locals, stmt.kind.nested());
            }
        }
    }

    /// The functions of the memos.
    pub(super) fn lower(cx: &mut Context<'_>) {
        let memos: Vec<(Path, String)> = cx
            .paths
            .memos
            .iter()
            .map(|(path, name)| (path.clone(), name.clone()))
            .collect();
        for (path, name) in memos {
            let body = format!("{name}.body");
            let value = value(cx, &path);
            let front = memo_front(&name, &body, cx.memo_slots);
            cx.memo_slots = cx.memo_slots.saturating_add(1);
            let func = Func {
                name: body.clone(),
                params: 0,
                returns: true,
                frame: Frame::Stack,
                vars: vec!["v".to_owned()],
                body: vec![Stmt::Set(Var(0), value)],
            };
            cx.program.funcs.insert(name, front);
            cx.program.funcs.insert(body, func);
        }
    }
}

/// Lookups of short keys as those of any others: the key is not written out at each of them, which costs gas and saves code.
pub(crate) fn look_up_plainly(program: &mut Program) {
    for func in program.funcs.values_mut() {
        walk_exprs_mut(&mut func.body, &mut |e| {
            if let Expr::Call(name, args) = e
                && name == "dot_short"
            {
                *name = "dot".to_owned();
                args.truncate(2);
            }
        });
    }
}

/// Looks a path up from the longest part of it that has a memo.
fn value(cx: &mut Context<'_>, (document, keys): &Path) -> Expr {
    let Some((last, before)) = keys.split_last() else {
        let at = if *document == INPUT {
            layout::INPUT
        } else {
            layout::DATA
        };
        return op(Op::Mload, vec![constant(at)]);
    };
    let parent = (*document, before.to_vec());
    let source = match cx.paths.memos.get(&parent) {
        Some(name) => call(name, Vec::new()),
        None => value(cx, &parent),
    };
    cx.lookup(source, last)
}

/// Whether a statement other than `with` sets `input` or `data`.
fn assigns_documents(blocks: &[Block]) -> bool {
    let mut found = false;
    walk(blocks, &mut |stmt| {
        let with = matches!(stmt.kind, StmtKind::With { .. });
        found |= !with && written(stmt).iter().any(|local| [INPUT, DATA].contains(local));
    });
    found
}

struct Search<'s> {
    policy: &'s Policy,
    func: &'s str,
    locals: Locals,
    paths: &'s mut Paths,
    count: &'s mut BTreeMap<Path, usize>,
}

impl Search<'_> {
    fn blocks(&mut self, blocks: &[Block], repeats: bool) {
        for stmt in blocks.iter().flat_map(|block| &block.stmts) {
            match &stmt.kind {
                StmtKind::Dot { source, key, target } => self.dot(*source, *key, *target, repeats),
                // What stands in there looks into another document.
                StmtKind::With { .. } => {}
                StmtKind::Scan { block, .. } => self.blocks(std::slice::from_ref(block), true),
                kind => self.blocks(kind.nested(), repeats),
            }
        }
    }

    fn dot(&mut self, source: Operand, key: Operand, target: Local, repeats: bool) {
        let key = match key {
            Operand::StringIndex(index) => self.policy.string(index),
            Operand::Local(local) => {
                let index = self.locals.constants.get(&local);
                index.and_then(|index| self.policy.string(*index))
            }
            Operand::Bool(_) => None,
        };
        let (Some(key), Some(source)) = (key.filter(|key| key.len() < SHORT), source.local()) else {
            return;
        };
        if self.locals.writes.get(&target) != Some(&1) {
            return;
        }
        let mut path = match self.paths.of.get(&(self.func.to_owned(), source)) {
            Some(path) => path.clone(),
            None if source == INPUT || source == DATA => (source, Vec::new()),
            None => return,
        };
        if path.1.len() >= LONGEST {
            return;
        }
        path.1.push(key.to_owned());
        let times = self.count.entry(path.clone()).or_default();
        *times = times.saturating_add(if repeats { 2 } else { 1 });
        self.paths.of.insert((self.func.to_owned(), target), path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stele_rego::{CompileOptions, SourceFile, compile, parse};
    use stele_types::EntryPoint;

    #[test]
    fn long_paths_are_known_as_far_as_documents_nest() {
        let text = format!("package p\n\nr if input{}\n", ".a".repeat(500));
        let module = parse(&SourceFile::new("p.rego", text)).unwrap();
        let entry_points = [EntryPoint::new("p/r").unwrap()];
        let policy = compile(&[module], &entry_points, &CompileOptions::default()).unwrap();
        let all = policy.funcs.iter().map(|func| func.name.as_str()).collect();
        let paths = Paths::find(&policy, &all);
        assert_eq!(paths.of.len(), LONGEST);
        assert!(paths.of.values().all(|(_, keys)| keys.len() <= LONGEST));
    }
}
