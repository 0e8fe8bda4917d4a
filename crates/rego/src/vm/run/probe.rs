//! Reports to whoever watches.

use stele_types::Value;

use super::{Done, Machine};
use crate::builtins;
use crate::eval::LimitKind;
use crate::vm::code::{Op, Operands};
use crate::vm::probe::Passed;
use crate::vm::value::{Kind, Val};

/// The most lines of one `print`: each combination of its arguments' values is a line.
const MAX_LINES: usize = 100;

impl Machine<'_, '_> {
    /// The operations that tell the probe something.
    pub(super) fn report(&mut self, op: &Op) -> Done<()> {
        match *op {
            Op::Probe { point, args } => self.passed(point, args),
            Op::Print { args } => self.print(args)?,
            _ => {}
        }
        Ok(())
    }

    fn values(&self, args: Operands) -> Vec<Val> {
        let args = self.code.operands(args).iter();
        args.map(|src| self.get(*src)).collect()
    }

    fn passed(&mut self, point: u32, args: Operands) {
        if self.probe.is_none() {
            return;
        }
        let values = self.values(args);
        let depth = self.stacks.frames.len();
        if let Some(probe) = self.probe.as_deref_mut() {
            probe.point(&Passed::new(point, depth, &values, &self.env.heap));
        }
    }

    /// `internal.print`: an array that has a set for each argument, empty where it is undefined. What is written out is charged for: a
    /// value may hold another many times for a word each.
    fn print(&mut self, args: Operands) -> Done<()> {
        let list = self.values(args).first().copied().unwrap_or(Val::UNDEFINED);
        if self.probe.is_none() || list.kind() != Kind::Array {
            return Ok(());
        }
        let payable = self.env.session.budget.left().saturating_mul(BYTES);
        let most = self.memory.min(payable);
        let Some(left) = self.env.heap.weigh(list, most) else {
            return Err(self.limit(if payable < self.memory {
                LimitKind::Instructions
            } else {
                LimitKind::Memory
            }));
        };
        let list = self.env.heap.to_value(list).unwrap_or_default();
        let Some(lines) = lines(&list, self.memory) else {
            return Err(self.limit(LimitKind::Memory));
        };
        let written = size(&lines);
        let cost = most.saturating_sub(left).saturating_add(written) / BYTES;
        let budget = &mut self.env.session.budget;
        let paid = budget.work(cost).and_then(|()| budget.allocate(written));
        paid.map_err(|limit| self.limit(limit))?;
        let at = self.at();
        if let Some(probe) = self.probe.as_deref_mut() {
            lines.iter().for_each(|line| probe.print(&at, line));
        }
        Ok(())
    }
}

/// Bytes to an instruction.
const BYTES: u64 = 256;

fn size(lines: &[String]) -> u64 {
    let size = |line: &String| size_of::<String>().saturating_add(line.len()) as u64;
    lines.iter().map(size).fold(0, u64::saturating_add)
}

/// The lines that a `print` writes: its arguments with a space between, one line for each combination of their values. `None` when they are
/// larger than `most`.
fn lines(list: &Value, most: u64) -> Option<Vec<String>> {
    let mut lines = vec![String::new()];
    for (index, part) in list.as_array().unwrap_or_default().iter().enumerate() {
        let texts: Vec<String> = match part {
            Value::Set(values) if values.is_empty() => vec!["<undefined>".to_owned()],
            Value::Set(values) => values.iter().take(MAX_LINES).map(builtins::plain_text).collect(),
            other => vec![builtins::plain_text(other)],
        };
        let space = if index == 0 { "" } else { " " };
        let pairs = lines
            .iter()
            .flat_map(|line| texts.iter().map(move |text| (line, text)));
        let mut left = most;
        let mut extended = Vec::new();
        for (line, text) in pairs.take(MAX_LINES) {
            let length = line.len().saturating_add(space.len()).saturating_add(text.len());
            left = left.checked_sub(length as u64)?;
            extended.push(format!("{line}{space}{text}"));
        }
        lines = extended;
    }
    Some(lines)
}
