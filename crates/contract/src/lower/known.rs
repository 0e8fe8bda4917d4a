//! Values known at build time: followed through straight-line code while a function is lowered, so that pure builtins of known
//! arguments are computed by the compiler.

use super::extent::Extent;
use super::facts::{grown, walk, written};
use super::func::FuncCx;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use stele_rego::builtins::{self, Body, BuiltinError, Purity, Session};
use stele_rego::eval::{Budget, Context, Limits};
use stele_rego::ir::{Block, Local, Operand, Stmt, StmtKind, StringIndex};
use stele_types::{Number, Value, encoding};

/// The largest value that a call is replaced by, in bytes of its encoding.
const MAX_BYTES: usize = 2_048;

/// A value, and the `Make` statements whose collections are part of it: growing one of those changes it.
#[derive(Clone, Debug)]
struct Known {
    value: Value,
    extent: Extent,
    /// The statement that made the value itself.
    root: Option<u32>,
    parts: BTreeSet<u32>,
}

impl Known {
    /// A value that holds no collection which grows; `None` if it is too large.
    fn of(value: Value) -> Option<Self> {
        Some(Self {
            extent: Extent::within(&value, Extent::TRACKED)?,
            value,
            root: None,
            parts: BTreeSet::new(),
        })
    }
}

/// The locals whose value is known at the current statement.
#[derive(Debug, Default)]
pub(super) struct KnownLocals {
    map: BTreeMap<Local, Known>,
    made: u32,
}

/// What a builtin gives for known arguments.
pub(super) enum Folded {
    /// This value.
    Value(Value),
    /// Nothing, which is no error.
    Undefined,
    /// An error: undefined, unless builtin errors are strict.
    Failed,
}

impl KnownLocals {
    fn set(&mut self, local: Local, value: Value) {
        match Known::of(value) {
            Some(known) => {
                self.map.insert(local, known);
            }
            None => self.forget(local),
        }
    }

    fn make(&mut self, local: Local, value: Value) {
        let id = self.made;
        self.made = id.saturating_add(1);
        self.map.insert(
            local,
            Known {
                value,
                extent: Extent::EMPTY,
                root: Some(id),
                parts: BTreeSet::from([id]),
            },
        );
    }

    fn forget(&mut self, local: Local) {
        self.map.remove(&local);
    }

    /// Forgets the collection in a local, and everything that holds it.
    fn forget_grown(&mut self, local: Local) {
        match self.map.remove(&local).and_then(|known| known.root) {
            Some(root) => self.map.retain(|_, known| !known.parts.contains(&root)),
            // It may be a part of anything.
            None => self.map.retain(|_, known| known.parts.is_empty()),
        }
    }

    /// Forgets what some statement of the blocks may change.
    pub(super) fn forget_changed(&mut self, blocks: &[Block]) {
        walk(blocks, &mut |stmt| {
            if let Some(local) = grown(stmt) {
                self.forget_grown(local);
            }
            for local in written(stmt) {
                self.forget(local);
            }
        });
    }

    /// One more element in the collection of a local.
    fn grow(
        &mut self,
        local: Local,
        added: &[Option<Known>],
        put: impl FnOnce(&mut Value, Vec<Value>) -> bool,
    ) {
        let old = self.map.get(&local).cloned();
        self.forget_grown(local);
        let (Some(mut known), Some(added)) = (old, added.iter().cloned().collect::<Option<Vec<Known>>>())
        else {
            return;
        };
        // What is too large is not even compared with what is there.
        let Some(extent) = known.extent.grown(added.iter().map(|one| one.extent)) else {
            return;
        };
        known.extent = extent;
        let mut values = Vec::new();
        for one in added {
            // A collection inside itself has no value.
            if known.root.is_some_and(|root| one.parts.contains(&root)) {
                return;
            }
            known.parts.extend(one.parts);
            values.push(one.value);
        }
        if known.root.is_some() && put(&mut known.value, values) {
            self.map.insert(local, known);
        }
    }
}

impl FuncCx<'_, '_> {
    fn known(&self, operand: Operand) -> Option<Known> {
        match operand {
            Operand::Bool(value) => Known::of(Value::Bool(value)),
            Operand::StringIndex(index) => Known::of(Value::string(self.cx.policy.string(index)?)),
            Operand::Local(local) => self.known.map.get(&local).cloned(),
        }
    }

    /// The value that an operand certainly has here.
    pub(super) fn known_value(&self, operand: Operand) -> Option<Value> {
        self.known(operand).map(|known| known.value)
    }

    /// The same with its extent.
    pub(super) fn known_sized(&self, operand: Operand) -> Option<(Value, Extent)> {
        self.known(operand).map(|known| (known.value, known.extent))
    }

    /// Notes what a statement without blocks, and that is no call, does to the locals.
    pub(super) fn track(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::AssignVar { source, target } | StmtKind::AssignVarOnce { source, target } => {
                match self.known(*source) {
                    Some(known) => {
                        self.known.map.insert(*target, known);
                    }
                    None => self.known.forget(*target),
                }
            }
            StmtKind::AssignInt { value, target } | StmtKind::MakeNumberInt { value, target } => {
                self.known.set(*target, Value::from(*value));
            }
            StmtKind::MakeNumberRef { index, target } => {
                match self.cx.policy.string(StringIndex(*index)).map(Number::parse) {
                    Some(Ok(number)) => self.known.set(*target, Value::Number(number)),
                    _ => self.known.forget(*target),
                }
            }
            StmtKind::MakeNull { target } => self.known.set(*target, Value::Null),
            StmtKind::MakeArray { target, .. } => self.known.make(*target, Value::array([])),
            StmtKind::MakeObject { target } => self.known.make(*target, Value::object([])),
            StmtKind::MakeSet { target } => self.known.make(*target, Value::set([])),
            StmtKind::ArrayAppend { value, array } => {
                let added = [self.known(*value)];
                self.known.grow(*array, &added, |collection, values| {
                    let Value::Array(items) = collection else {
                        return false;
                    };
                    Arc::make_mut(items).extend(values);
                    true
                });
            }
            StmtKind::SetAdd { value, set } => {
                let added = [self.known(*value)];
                self.known.grow(*set, &added, |collection, values| {
                    let Value::Set(items) = collection else {
                        return false;
                    };
                    Arc::make_mut(items).extend(values);
                    true
                });
            }
            StmtKind::ObjectInsert { key, value, object }
            | StmtKind::ObjectInsertOnce { key, value, object } => {
                let added = [self.known(*key), self.known(*value)];
                self.known.grow(*object, &added, |collection, values| {
                    let (Value::Object(map), [key, value]) = (collection, values.as_slice()) else {
                        return false;
                    };
                    Arc::make_mut(map).insert(key.clone(), value.clone());
                    true
                });
            }
            _ => {
                for local in written(stmt) {
                    self.known.forget(local);
                }
            }
        }
    }

    /// Forgets the locals that a loop or a `with` sets for its block.
    pub(super) fn forget_scoped(&mut self, stmt: &Stmt) {
        if matches!(stmt.kind, StmtKind::Scan { .. } | StmtKind::With { .. }) {
            for local in written(stmt) {
                self.known.forget(local);
            }
        }
    }

    /// Notes the result of a call; `None` if it is not known.
    pub(super) fn track_call(&mut self, result: Local, value: Option<Value>) {
        match value {
            Some(value) => self.known.set(result, value),
            None => self.known.forget(result),
        }
    }

    /// Computes a pure builtin whose arguments are known; `None` if that must be left to the contract.
    pub(super) fn fold(&self, func: &str, args: &[Operand]) -> Option<Folded> {
        let builtin = builtins::find(func)?;
        let Body::Function(function) = builtin.body else {
            return None;
        };
        let folds = self.cx.options.fold_constants && builtin.purity == Purity::Pure && !builtin.relation;
        if !folds || args.len() != builtin.arity() {
            return None;
        }
        let args: Vec<Value> = args.iter().map(|a| self.known_value(*a)).collect::<Option<_>>()?;
        let limits = Limits {
            instructions: 1_000_000,
            memory: 16 << 20,
            ..Limits::default()
        };
        let mut session = Session::new(Context::default(), Budget::new(limits));
        match function(&mut session, &args) {
            Ok(value) => representable(&value).then_some(Folded::Value(value)),
            Err(BuiltinError::Undefined) => Some(Folded::Undefined),
            Err(BuiltinError::Limit(_) | BuiltinError::Refused(_)) => None,
            Err(_) => Some(Folded::Failed),
        }
    }
}

/// Whether a contract can hold the value as a constant of acceptable size.
pub(super) fn representable(value: &Value) -> bool {
    Extent::within(value, MAX_BYTES).is_some() && encoding::encode_contract(value).is_ok()
}
