//! Arrays and objects that statements in a row build at once: one operation makes them, with the keys of an object in order already.

use std::collections::BTreeMap;

use super::{Body, documents};
use crate::ir::{Local, Operand, Stmt, StmtKind};
use crate::vm::code::{Op, Src};

impl<'a> Body<'_, 'a> {
    /// Lowers statements at the beginning of `stmts` that make a whole array or object; says how many there were.
    pub(super) fn aggregate(&mut self, stmts: &'a [Stmt]) -> usize {
        let Some((first, rest)) = stmts.split_first() else {
            return 0;
        };
        let (target, object) = match first.kind {
            StmtKind::MakeArray { target, .. } => (target, false),
            StmtKind::MakeObject { target } => (target, true),
            _ => return 0,
        };
        if self.constants.contains_key(&target) {
            return 0;
        }
        let mut grown = Vec::new();
        let mut taken = 1_usize;
        for stmt in rest {
            if documents::grown(&stmt.kind) == Some(target) {
                grown.push(stmt);
            } else if !self.makes_constant(&stmt.kind) {
                break;
            }
            taken = taken.saturating_add(1);
        }
        // Nothing else may add to it, or make it again.
        let changes = grown.len().saturating_mul(2).saturating_add(1);
        if grown.is_empty() || self.facts.changes(target) as usize != changes {
            return 0;
        }
        let Some(parts) = self.parts(target, object, &grown) else {
            return 0;
        };
        let location = first.location;
        let parts: Vec<Src> = parts.into_iter().map(|part| self.src(part, location)).collect();
        self.built.remove(&target);
        let op = Op::Collect {
            object,
            parts: self.lowering.range(parts),
            dst: target.0,
            fail: self.fail(),
        };
        self.emit(op, location);
        taken
    }

    /// What the collection is made of: elements, or keys and values in the order of the keys.
    fn parts(&self, target: Local, object: bool, grown: &[&'a Stmt]) -> Option<Vec<Operand>> {
        let mut pairs = BTreeMap::new();
        let mut elements = Vec::new();
        for stmt in grown {
            match &stmt.kind {
                StmtKind::ArrayAppend { value, .. } if !object => elements.push(*value),
                StmtKind::ObjectInsert {
                    key: key @ Operand::StringIndex(index),
                    value,
                    ..
                }
                | StmtKind::ObjectInsertOnce {
                    key: key @ Operand::StringIndex(index),
                    value,
                    ..
                } if object => {
                    if pairs
                        .insert(self.lowering.string(index.0), [*key, *value])
                        .is_some()
                    {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        elements.extend(pairs.into_values().flatten());
        // It is not a part of itself.
        (!elements.contains(&Operand::Local(target))).then_some(elements)
    }
}
