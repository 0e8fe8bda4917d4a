//! Operations that build collections.

use super::{Done, Machine};
use crate::eval::EvalError;
use crate::vm::code::{Op, Operands, Reg};
use crate::vm::value::{Inserted, Kind, Val};

impl Machine<'_, '_> {
    pub(super) fn build(&mut self, op: &Op) -> Done<()> {
        match *op {
            Op::Begin { kind, dst } => {
                let begun = self.builders.begin(kind, &[], &self.env.heap);
                self.set(dst, begun);
            }
            Op::Seal { reg } => {
                let val = self.reg(reg);
                if val.is_building() {
                    let sealed = self.builders.seal(val, &mut self.env.heap);
                    self.set(reg, sealed);
                }
            }
            Op::MoveOnce { src, dst, fail } => {
                let val = self.get(src);
                let old = self.reg(dst);
                if !val.is_defined() {
                    self.go_on_if(false, fail);
                } else if !old.is_defined() {
                    self.set(dst, val);
                } else if !self.env.heap.eq(old, val) {
                    return Err(Box::new(EvalError::Conflict { at: self.at() }));
                }
            }
            Op::Append { src, array, fail } => {
                let val = self.get(src);
                if let Some(open) =
                    self.open(array, Kind::Array, val.is_defined(), fail, "ArrayAppendStmt")?
                {
                    self.builders.append(open, val);
                }
            }
            Op::Add { src, set, fail } => {
                let val = self.get(src);
                if let Some(open) = self.open(set, Kind::Set, val.is_defined(), fail, "SetAddStmt")? {
                    self.builders.add(open, val, &self.env.heap);
                }
            }
            Op::Insert {
                key,
                value,
                object,
                once,
                fail,
            } => {
                let (key, value) = (self.get(key), self.get(value));
                let defined = key.is_defined() && value.is_defined();
                let statement = if once {
                    "ObjectInsertOnceStmt"
                } else {
                    "ObjectInsertStmt"
                };
                if let Some(open) = self.open(object, Kind::Object, defined, fail, statement)? {
                    let inserted = self.builders.insert(open, key, value, once, &self.env.heap);
                    if inserted == Inserted::Conflict {
                        return Err(Box::new(EvalError::ObjectConflict { at: self.at() }));
                    }
                }
            }
            Op::Collect {
                object,
                parts,
                dst,
                fail,
            } => self.collect(object, parts, dst, fail),
            Op::Merge { a, b, dst, fail } => {
                let (a, b) = (self.get(a), self.get(b));
                if a.is_defined() && b.is_defined() {
                    let merged = self.merge(a, b);
                    self.set(dst, merged);
                } else {
                    self.go_on_if(false, fail);
                }
            }
            // `run` and `more` have executed all others.
            _ => self.report(op)?,
        }
        Ok(())
    }

    fn collect(&mut self, object: bool, parts: Operands, dst: Reg, fail: u32) {
        let mut made = std::mem::take(&mut self.stacks.args);
        made.clear();
        made.extend(self.code.operands(parts).iter().map(|src| self.get(*src)));
        if made.iter().all(|part| part.is_defined()) {
            let kind = if object { Kind::Object } else { Kind::Array };
            let val = self.env.heap.scratch.collection(kind, &made);
            self.set(dst, val);
        } else {
            self.go_on_if(false, fail);
        }
        self.stacks.args = made;
    }

    /// The collection under construction in a register, ready to take more; `None` when the statement is undefined.
    fn open(
        &mut self,
        reg: Reg,
        kind: Kind,
        defined: bool,
        fail: u32,
        statement: &'static str,
    ) -> Done<Option<Val>> {
        let val = self.reg(reg);
        if !defined || !val.is_defined() {
            self.go_on_if(false, fail);
            return Ok(None);
        }
        if val.kind() != kind {
            let found = self.env.heap.type_name(val);
            return Err(Box::new(EvalError::Malformed {
                statement,
                at: self.at(),
                found,
            }));
        }
        if val.is_building() {
            return Ok(Some(val));
        }
        // It was read before: others may refer to it, so a copy grows.
        let parts = self.env.heap.parts(val).to_vec();
        let open = self.builders.begin(kind, &parts, &self.env.heap);
        self.set(reg, open);
        Ok(Some(open))
    }

    /// The recursive merge of two objects; `a` wins where they clash.
    fn merge(&mut self, a: Val, b: Val) -> Val {
        if (a.kind(), b.kind()) != (Kind::Object, Kind::Object) {
            return a;
        }
        let mut parts = self.env.heap.parts(a).to_vec();
        let others = self.env.heap.parts(b).to_vec();
        let mut added = Vec::new();
        for pair in others.chunks_exact(2) {
            let [key, value] = pair else { continue };
            let own = self.env.heap.index(a, *key);
            if !own.is_defined() {
                added.extend([*key, *value]);
            } else if (own.kind(), value.kind()) == (Kind::Object, Kind::Object) {
                let merged = self.merge(own, *value);
                let place = parts
                    .iter()
                    .step_by(2)
                    .position(|have| self.env.heap.eq(*have, *key))
                    .and_then(|place| parts.get_mut(place.wrapping_mul(2).wrapping_add(1)));
                if let Some(place) = place {
                    *place = merged;
                }
            }
        }
        parts.append(&mut added);
        self.env.heap.sort_pairs(&mut parts);
        self.env.heap.scratch.collection(Kind::Object, &parts)
    }
}
