//! Assembly to bytes. Label pushes are always `PUSH2`, so that one pass fixes every offset.

use super::{AsmError, Item, Label};
use crate::op::{DUP1, JUMP, JUMPDEST, JUMPI, Op, PUSH0, SWAP1};
use alloy_primitives::U256;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes, and where the marks ended up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// Code followed by the data section.
    pub bytes: Vec<u8>,
    /// Length of the code without the data.
    pub code_len: usize,
    /// `(program counter, mark)` in ascending order of the counter.
    pub marks: Vec<(u32, u32)>,
    /// Each function's label and first program counter, ascending; a function ends where the next one begins.
    pub functions: Vec<(Label, u32)>,
    /// Program counters of the jumps that return from functions, ascending.
    pub returns: Vec<u32>,
    /// Program counters of the conditional jumps that are taken when a statement is undefined, ascending.
    pub undefined: Vec<u32>,
}

#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    offsets: BTreeMap<Label, usize>,
    fixups: Vec<(usize, Label)>,
    marks: Vec<(u32, u32)>,
    functions: Vec<(Label, u32)>,
    returns: Vec<u32>,
    undefined: Vec<u32>,
}

impl Out {
    /// The program counter of what comes next.
    fn pc(&self) -> Result<u32, AsmError> {
        u32::try_from(self.bytes.len()).map_err(|_| AsmError::TooLong(self.bytes.len()))
    }

    fn push_word(&mut self, word: &U256) {
        let be = word.to_be_bytes::<32>();
        let used = be.iter().skip_while(|b| **b == 0).count();
        // At most 32, so the conversion cannot fail.
        self.bytes
            .push(PUSH0.saturating_add(u8::try_from(used).unwrap_or(32)));
        self.bytes.extend(be.iter().skip(32_usize.saturating_sub(used)));
    }

    fn push_label(&mut self, label: Label) {
        self.bytes.push(PUSH0.saturating_add(2));
        self.fixups.push((self.bytes.len(), label));
        self.bytes.extend([0, 0]);
    }

    fn place(&mut self, label: Label) -> Result<(), AsmError> {
        match self.offsets.insert(label, self.bytes.len()) {
            None => Ok(()),
            Some(_) => Err(AsmError::Twice(label)),
        }
    }

    fn item(&mut self, item: &Item, used: &BTreeSet<Label>) -> Result<(), AsmError> {
        match item {
            Item::Op(op) => self.bytes.push(op.byte()),
            Item::Dup(n) => self.bytes.push(DUP1.saturating_add(n.saturating_sub(1))),
            Item::Swap(n) => self.bytes.push(SWAP1.saturating_add(n.saturating_sub(1))),
            Item::Push(word) => self.push_word(word),
            Item::PushLabel(label) => self.push_label(*label),
            Item::Label(label, _) | Item::Entry { label, .. } => {
                if matches!(item, Item::Entry { .. }) {
                    let pc = self.pc()?;
                    self.functions.push((*label, pc));
                }
                self.place(*label)?;
                if used.contains(label) {
                    self.bytes.push(JUMPDEST);
                }
            }
            Item::Jump(label) => {
                self.push_label(*label);
                self.bytes.push(JUMP);
            }
            Item::JumpIf(label) => {
                self.push_label(*label);
                self.bytes.push(JUMPI);
            }
            Item::JumpUnless(label) => {
                self.bytes.push(Op::Iszero.byte());
                self.push_label(*label);
                self.bytes.push(JUMPI);
            }
            Item::Call { target, back, .. } => {
                self.push_label(*target);
                self.bytes.push(JUMP);
                self.place(*back)?;
                self.bytes.push(JUMPDEST);
            }
            Item::Ret { .. } => {
                let pc = self.pc()?;
                self.returns.push(pc);
                self.bytes.push(JUMP);
            }
            Item::Mark(mark) => {
                let pc = self.pc()?;
                self.marks.push((pc, *mark));
            }
            // The jump's opcode is the last byte so far.
            Item::Undefined => {
                let pc = self.pc()?.saturating_sub(1);
                self.undefined.push(pc);
            }
        }
        Ok(())
    }
}

fn jump_targets(items: &[Item]) -> BTreeSet<Label> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::PushLabel(l) | Item::Jump(l) | Item::JumpIf(l) | Item::JumpUnless(l) => Some(*l),
            Item::Call { target, .. } => Some(*target),
            _ => None,
        })
        .collect()
}

/// Turns verified items and labelled data into code.
///
/// # Errors
/// A label without a place or with two, or code that two-byte offsets cannot address.
pub fn assemble(items: &[Item], data: &[(Label, Vec<u8>)]) -> Result<Assembled, AsmError> {
    let used = jump_targets(items);
    let mut out = Out::default();
    for item in items {
        out.item(item, &used)?;
    }
    let code_len = out.bytes.len();
    if !data.is_empty() {
        // Data is never entered: INVALID keeps a stray fall-through from running it.
        out.bytes.push(Op::Invalid.byte());
    }
    for (label, bytes) in data {
        out.place(*label)?;
        out.bytes.extend(bytes);
    }
    if out.bytes.len() > usize::from(u16::MAX) {
        return Err(AsmError::TooLong(out.bytes.len()));
    }
    for (at, label) in &out.fixups {
        let offset = *out.offsets.get(label).ok_or(AsmError::Undefined(*label))?;
        let be = u16::try_from(offset)
            .map_err(|_| AsmError::TooLong(offset))?
            .to_be_bytes();
        if let Some(slot) = out.bytes.get_mut(*at..at.saturating_add(2)) {
            slot.copy_from_slice(&be);
        }
    }
    Ok(Assembled {
        bytes: out.bytes,
        code_len,
        marks: dedup_marks(&out.marks),
        functions: out.functions,
        returns: out.returns,
        undefined: out.undefined,
    })
}

/// Keeps the last of several marks at one counter and drops repetitions of the same mark.
fn dedup_marks(marks: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut kept: Vec<(u32, u32)> = Vec::new();
    for mark in marks {
        if kept.last().is_some_and(|last| last.0 == mark.0) {
            kept.pop();
        }
        if kept.last().is_none_or(|last| last.1 != mark.1) {
            kept.push(*mark);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_are_shortest_and_labels_two_bytes() {
        let (a, d) = (Label(0), Label(1));
        let items = [
            Item::Push(U256::ZERO),
            Item::Push(U256::from(0x1234)),
            Item::Push(U256::MAX),
            Item::Jump(a),
            Item::Label(a, 3),
            Item::PushLabel(d),
            Item::Op(Op::Stop),
        ];
        let out = assemble(&items, &[(d, vec![0xaa])]).unwrap();
        assert_eq!(&out.bytes[..4], &[0x5f, 0x61, 0x12, 0x34]);
        assert_eq!(out.bytes[4], 0x7f);
        // jump target: 1 + 3 + 33 + 4 = 41
        assert_eq!(
            &out.bytes[37..46],
            &[0x61, 0, 41, JUMP, JUMPDEST, 0x61, 0, 47, 0x00]
        );
        assert_eq!(out.code_len, 46);
        assert_eq!(&out.bytes[46..], &[0xfe, 0xaa]);
    }

    #[test]
    fn missing_and_double_labels_are_errors() {
        assert_eq!(
            assemble(&[Item::Jump(Label(7))], &[]),
            Err(AsmError::Undefined(Label(7)))
        );
        let twice = [Item::Label(Label(1), 0), Item::Label(Label(1), 0)];
        assert_eq!(assemble(&twice, &[]), Err(AsmError::Twice(Label(1))));
    }
}
