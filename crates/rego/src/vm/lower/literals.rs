//! Locals that hold a constant: numbers, null, and collections of constants. They become operands, and cost nothing when the code runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use stele_types::{Number, Value};

use super::Lowering;
use crate::ir::{Block, Local, Operand, Stmt, StmtKind};
use crate::optimise::Facts;
use crate::vm::code::Src;

/// Most parts that the constants of a program are made of, written out whole, and looks that sorting them takes. What would be more is
/// made when the code runs, where the limits of the evaluation hold.
pub(super) const MAX_PARTS: usize = 1 << 22;

/// How deep a constant may nest: values are taken apart by recursion.
const MAX_DEPTH: u32 = 128;

/// How large a constant is when it is written out whole. Parts are shared: thirty nested pairs of one text are a billion texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    /// The value itself and its parts; one that stands in it several times counts as often.
    parts: usize,
    /// 1 for what has no parts, else one more than that of its deepest part.
    depth: u32,
}

impl Extent {
    const ONE: Self = Self { parts: 1, depth: 1 };

    /// That of a collection with one more part.
    fn and(self, part: Self) -> Self {
        Self {
            parts: self.parts.saturating_add(part.parts),
            depth: self.depth.max(part.depth.saturating_add(1)),
        }
    }
}

/// What is known about the constants of one body.
struct Literals<'l, 'a> {
    lowering: &'l mut Lowering<'a>,
    facts: &'l Facts,
    /// Complete.
    found: HashMap<Local, (Value, Extent)>,
}

/// A collection that statements in a row build of constants.
struct Growing {
    value: Value,
    extent: Extent,
    /// How often its local was changed so far, as [`Facts::changes`] counts.
    changes: u32,
}

/// The locals of a body that hold constants.
pub(super) fn of(blocks: &[Block], facts: &Facts, lowering: &mut Lowering<'_>) -> HashMap<Local, Src> {
    let mut literals = Literals {
        facts,
        found: HashMap::new(),
        lowering,
    };
    literals.blocks(blocks);
    let Literals { lowering, found, .. } = literals;
    found
        .into_iter()
        .map(|(local, (value, _))| (local, lowering.pool.literal(&value)))
        .collect()
}

impl Literals<'_, '_> {
    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            let mut growing = BTreeMap::new();
            for stmt in &block.stmts {
                if !self.stmt(stmt, &mut growing) {
                    self.complete(&mut growing);
                }
                self.blocks(stmt.kind.nested());
            }
            self.complete(&mut growing);
        }
    }

    /// Collections that nothing else changes are constants. A parameter has another value before.
    fn complete(&mut self, growing: &mut BTreeMap<Local, Growing>) {
        for (local, grown) in std::mem::take(growing) {
            if self.facts.changes(local) == grown.changes && !self.facts.is_parameter(local) {
                self.found.insert(local, (grown.value, grown.extent));
            }
        }
    }

    /// Notes what a statement makes; false if it does anything else than make constants.
    fn stmt(&mut self, stmt: &Stmt, growing: &mut BTreeMap<Local, Growing>) -> bool {
        let (target, value) = match &stmt.kind {
            StmtKind::MakeNull { target } => (*target, Value::Null),
            StmtKind::MakeNumberInt { value, target } | StmtKind::AssignInt { value, target } => {
                (*target, Value::from(*value))
            }
            StmtKind::MakeNumberRef { index, target } => match Number::parse(self.lowering.string(*index)) {
                Ok(number) => (*target, Value::Number(number)),
                Err(_) => return false,
            },
            StmtKind::MakeArray { target, .. } => return begin(*target, Value::array([]), growing),
            StmtKind::MakeSet { target } => return begin(*target, Value::set([]), growing),
            StmtKind::MakeObject { target } => return begin(*target, Value::object([]), growing),
            kind => return self.grow(kind, growing),
        };
        if !self.facts.is_steady(target) {
            return false;
        }
        self.found.insert(target, (value, Extent::ONE));
        true
    }

    fn grow(&mut self, kind: &StmtKind, growing: &mut BTreeMap<Local, Growing>) -> bool {
        let (local, parts) = match kind {
            StmtKind::ArrayAppend { value, array } => (array, [Some(*value), None]),
            StmtKind::SetAdd { value, set } => (set, [Some(*value), None]),
            StmtKind::ObjectInsert { key, value, object }
            | StmtKind::ObjectInsertOnce { key, value, object } => (object, [Some(*key), Some(*value)]),
            _ => return false,
        };
        let parts: Option<Vec<(Value, Extent)>> = parts
            .into_iter()
            .flatten()
            .map(|part| self.constant(part, growing))
            .collect();
        let (Some(parts), Some(grown)) = (parts, growing.get_mut(local)) else {
            return false;
        };
        if !takes(&grown.value, kind) {
            return false;
        }
        let extent = parts.iter().fold(grown.extent, |all, (_, part)| all.and(*part));
        // What is sorted is compared with others, as deep as it goes.
        let compared = match &grown.value {
            Value::Set(items) => items.len().checked_ilog2(),
            Value::Object(map) => map.len().checked_ilog2(),
            _ => None,
        };
        // What is not compared is written out all the same.
        let looks = compared.map_or(1, |looks| looks.saturating_add(1)) as usize;
        let added = extent
            .parts
            .saturating_sub(grown.extent.parts)
            .saturating_mul(looks);
        if extent.depth > MAX_DEPTH || added > self.lowering.literal_parts {
            return false;
        }
        self.lowering.literal_parts = self.lowering.literal_parts.saturating_sub(added);
        grown.extent = extent;
        if !put(
            &mut grown.value,
            parts.into_iter().map(|(value, _)| value).collect(),
        ) {
            return false;
        }
        grown.changes = grown.changes.saturating_add(2);
        true
    }

    fn constant(&self, operand: Operand, growing: &BTreeMap<Local, Growing>) -> Option<(Value, Extent)> {
        match operand {
            Operand::Bool(value) => Some((Value::Bool(value), Extent::ONE)),
            Operand::StringIndex(index) => Some((Value::from(self.lowering.string(index.0)), Extent::ONE)),
            Operand::Local(local) => {
                let grown = growing.get(&local);
                let grown = grown.filter(|grown| self.facts.changes(local) == grown.changes);
                match grown {
                    Some(grown) => Some((grown.value.clone(), grown.extent)),
                    None => self.found.get(&local).cloned(),
                }
            }
        }
    }
}

fn begin(target: Local, value: Value, growing: &mut BTreeMap<Local, Growing>) -> bool {
    // A second beginning counts as one change too many.
    let grown = Growing {
        value,
        extent: Extent::ONE,
        changes: 1,
    };
    growing.insert(target, grown);
    true
}

/// Whether a statement is the one that adds to such a collection. A plan that others made may add to an array as if it were a set: that is an error
/// when it runs.
fn takes(collection: &Value, kind: &StmtKind) -> bool {
    match kind {
        StmtKind::ArrayAppend { .. } => matches!(collection, Value::Array(_)),
        StmtKind::SetAdd { .. } => matches!(collection, Value::Set(_)),
        _ => matches!(collection, Value::Object(_)),
    }
}

/// Adds to a collection; false if that is no collection, or a conflict.
fn put(collection: &mut Value, parts: Vec<Value>) -> bool {
    match (collection, <[Value; 2]>::try_from(parts)) {
        (Value::Object(map), Ok([key, value])) => {
            let map: &mut BTreeMap<Value, Value> = Arc::make_mut(map);
            map.insert(key, value).is_none()
        }
        (Value::Array(items), Err(one)) => {
            let items: &mut Vec<Value> = Arc::make_mut(items);
            items.extend(one);
            true
        }
        (Value::Set(items), Err(one)) => {
            let items: &mut BTreeSet<Value> = Arc::make_mut(items);
            items.extend(one);
            true
        }
        _ => false,
    }
}
