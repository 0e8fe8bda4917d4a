//! `With`: replaced documents, and what is remembered under each.

use super::{Done, Machine, UNKNOWN};
use crate::vm::code::{Operands, Reg, Src};
use crate::vm::value::{Kind, Val};

impl Machine<'_, '_> {
    pub(super) fn with(
        &mut self,
        reg: Reg,
        path: Operands,
        value: Src,
        (saved, fail): (Reg, u32),
    ) -> Done<()> {
        let value = self.get(value);
        let before = self.reg(reg);
        let path: Vec<Val> = self
            .code
            .operands(path)
            .iter()
            .map(|key| self.get(*key))
            .collect();
        // Undefined is a legal replacement of a whole document: so a `with` is undone inside of another.
        if !path.is_empty() && !value.is_defined() {
            self.go_on_if(false, fail);
            return Ok(());
        }
        let held = self.env.heap.scratch.bytes();
        let after = self.replaced(before, &path, value);
        // Every object on the way is copied: one instruction for each 256 bytes, as for builtins.
        let copied = self.env.heap.scratch.bytes().saturating_sub(held);
        let charged = self.env.session.budget.work((copied >> 8) as u64);
        charged.map_err(|limit| self.limit(limit))?;
        self.check_memory()?;
        self.set(saved, before);
        self.set(reg, after);
        self.push_memo();
        Ok(())
    }

    /// `target` with the value at `path` replaced; what is no object on the way becomes one.
    fn replaced(&mut self, target: Val, path: &[Val], value: Val) -> Val {
        let Some((first, rest)) = path.split_first() else {
            return value;
        };
        let under = if target.kind() == Kind::Object {
            self.env.heap.index(target, *first)
        } else {
            Val::UNDEFINED
        };
        let value = self.replaced(under, rest, value);
        let mut parts = if target.kind() == Kind::Object {
            self.env.heap.parts(target).to_vec()
        } else {
            Vec::new()
        };
        parts.extend([*first, value]);
        self.env.heap.sort_pairs(&mut parts);
        self.env.heap.scratch.collection(Kind::Object, &parts)
    }

    pub(super) fn push_memo(&mut self) {
        let layer = self.code.memos as usize;
        let length = self.stacks.memo.len().wrapping_add(layer);
        self.stacks.memo.resize(length, UNKNOWN);
    }

    pub(super) fn pop_memo(&mut self) {
        let layer = self.code.memos as usize;
        let length = self.stacks.memo.len().saturating_sub(layer);
        self.stacks.memo.truncate(length);
    }

    /// The place of a result in the present layer.
    pub(super) fn memo_slot(&mut self, memo: u32) -> Option<&mut Val> {
        let layer = self.code.memos as usize;
        let start = self.stacks.memo.len().saturating_sub(layer);
        self.stacks.memo.get_mut(start.wrapping_add(memo as usize))
    }
}
