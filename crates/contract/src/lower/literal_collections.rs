//! Collections that the policy's text writes out whole: they are constants of the contract, and nothing makes them when it runs.

use super::extent::Extent;
use super::fill::{WINDOW, reads};
use super::func::FuncCx;
use super::known::representable;
use crate::lir::Expr;
use std::collections::BTreeMap;
use std::sync::Arc;
use stele_rego::ir::{self, Local, Operand, StmtKind, StringIndex};
use stele_types::{Number, Value};

/// Numbers of a constant collection: in its encoding one takes 33 bytes, which is more than the code that puts it there.
const NUMBERS: usize = 4;

impl FuncCx<'_, '_> {
    /// Whether `stmt` makes a collection whose entries are put in by the statements right after it, `after`, and are all known. From
    /// then on the local stands for a constant.
    pub(super) fn find_literal(&mut self, stmt: &ir::Stmt, after: &[ir::Stmt]) {
        let Some((target, empty)) = made(&stmt.kind) else {
            return;
        };
        let once = self.locals.writes.get(&target) == Some(&1) && !self.given.contains(&target);
        if !self.cx.options.fold_constants || !once {
            return;
        }
        // What is read elsewhere may be read before this, in an earlier round of a loop.
        let after = after.get(..WINDOW).unwrap_or(after);
        let inside: usize = after.iter().map(|next| reads(next, target)).sum();
        if self.locals.read_times.get(&target).copied().unwrap_or_default() != inside {
            return;
        }
        let mut run = Run {
            values: BTreeMap::from([(target, (empty, Extent::EMPTY))]),
            target,
            put: 0,
            read_early: false,
            read: false,
        };
        for next in after {
            if !self.follow(&mut run, &next.kind) {
                break;
            }
        }
        // Nothing else may put an entry in, nor read what is not whole yet.
        if run.read_early || self.locals.grow_times.get(&target).copied().unwrap_or_default() != run.put {
            return;
        }
        let Some((value, extent)) = run.values.remove(&target) else {
            return;
        };
        if extent.numbers <= NUMBERS && representable(&value) {
            self.literals.insert(target, value);
        }
    }

    /// The constant that a local stands for. What calls of known arguments alone read is in no contract.
    pub(super) fn literal(&mut self, local: Local) -> Option<Expr> {
        let value = self.literals.get(&local)?;
        self.cx.value(value)
    }

    /// What a statement does to the values of a run; false if the run ends before it.
    fn follow(&self, run: &mut Run, stmt: &StmtKind) -> bool {
        let once = |local: &Local| self.locals.writes.get(local) == Some(&1);
        if let Some((local, empty)) = made(stmt) {
            run.values.insert(local, (empty, Extent::EMPTY));
            return once(&local);
        }
        match stmt {
            StmtKind::MakeNumberInt { value, target } | StmtKind::AssignInt { value, target } => {
                run.set(*target, Value::from(*value));
                once(target)
            }
            StmtKind::MakeNumberRef { index, target } => {
                let text = self.cx.policy.string(StringIndex(*index)).map(Number::parse);
                let Some(Ok(number)) = text else { return false };
                run.set(*target, Value::Number(number));
                once(target)
            }
            StmtKind::MakeNull { target } => {
                run.set(*target, Value::Null);
                once(target)
            }
            StmtKind::ArrayAppend { value, array } => {
                let parts = [self.in_run(run, *value)];
                run.put(*array, parts, |collection, [value]| match collection {
                    Value::Array(items) => {
                        Arc::make_mut(items).push(value);
                        true
                    }
                    _ => false,
                })
            }
            StmtKind::SetAdd { value, set } => {
                let parts = [self.in_run(run, *value)];
                run.put(*set, parts, |collection, [value]| match collection {
                    Value::Set(items) => {
                        Arc::make_mut(items).insert(value);
                        true
                    }
                    _ => false,
                })
            }
            StmtKind::ObjectInsert { key, value, object }
            | StmtKind::ObjectInsertOnce { key, value, object } => {
                let parts = [self.in_run(run, *key), self.in_run(run, *value)];
                run.put(*object, parts, |collection, [key, value]| match collection {
                    // A key that is there already is replaced, or in conflict: left to the contract.
                    Value::Object(map) => Arc::make_mut(map).insert(key, value).is_none(),
                    _ => false,
                })
            }
            _ => false,
        }
    }

    /// The value of an operand in a run.
    fn in_run(&self, run: &mut Run, operand: Operand) -> Option<(Value, Extent)> {
        run.read |= operand.local() == Some(run.target);
        let own = operand.local().and_then(|local| run.values.get(&local));
        own.cloned().or_else(|| self.known_sized(operand))
    }
}

/// Statements that make and fill collections of known values.
struct Run {
    values: BTreeMap<Local, (Value, Extent)>,
    /// The collection that is asked about.
    target: Local,
    /// Entries that were put into it.
    put: usize,
    /// Whether it was read, and whether something was put into it after that.
    read: bool,
    read_early: bool,
}

impl Run {
    /// Sets a local to a value without parts.
    fn set(&mut self, local: Local, value: Value) {
        match Extent::within(&value, Extent::TRACKED) {
            Some(extent) => self.values.insert(local, (value, extent)),
            None => self.values.remove(&local),
        };
    }

    /// Puts an entry into a collection of the run; false if one of them is not known, or too large together.
    fn put<const N: usize>(
        &mut self,
        into: Local,
        parts: [Option<(Value, Extent)>; N],
        entry: impl FnOnce(&mut Value, [Value; N]) -> bool,
    ) -> bool {
        let extents = parts
            .each_ref()
            .map(|part| part.as_ref().map(|(_, extent)| *extent));
        let values = parts.map(|part| part.map(|(value, _)| value));
        let Some((collection, extent)) = self.values.get_mut(&into) else {
            return false;
        };
        let grown = extents.into_iter().collect::<Option<Vec<_>>>();
        let Some(grown) = grown.and_then(|parts| extent.grown(parts)) else {
            return false;
        };
        *extent = grown;
        if !entry(collection, values.map(Option::unwrap_or_default)) {
            return false;
        }
        if into == self.target {
            self.put = self.put.saturating_add(1);
            self.read_early |= self.read;
        }
        true
    }
}

/// The local that a statement puts a new collection into, and that collection.
fn made(stmt: &StmtKind) -> Option<(Local, Value)> {
    Some(match stmt {
        StmtKind::MakeArray { target, .. } => (*target, Value::array([])),
        StmtKind::MakeObject { target } => (*target, Value::object([])),
        StmtKind::MakeSet { target } => (*target, Value::set([])),
        _ => return None,
    })
}
