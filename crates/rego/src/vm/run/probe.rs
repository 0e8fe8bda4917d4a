//! Reports to whoever watches.

use stele_types::Value;

use super::Machine;
use crate::builtins;
use crate::vm::code::{Op, Operands};
use crate::vm::probe::Passed;
use crate::vm::value::{Kind, Val};

/// The most lines of one `print`: each combination of its arguments' values is a line.
const MAX_LINES: usize = 100;

impl Machine<'_, '_> {
    /// The operations that tell the probe something.
    pub(super) fn report(&mut self, op: &Op) {
        match *op {
            Op::Probe { point, args } => self.passed(point, args),
            Op::Print { args } => self.print(args),
            _ => {}
        }
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

    /// `internal.print`: an array that has a set for each argument, empty where it is undefined.
    fn print(&mut self, args: Operands) {
        let list = self.values(args).first().copied().unwrap_or(Val::UNDEFINED);
        if self.probe.is_none() || list.kind() != Kind::Array {
            return;
        }
        let at = self.at();
        let lines = self.env.heap.to_value(list).map(|list| lines(&list));
        if let Some(probe) = self.probe.as_deref_mut() {
            lines.iter().flatten().for_each(|line| probe.print(&at, line));
        }
    }
}

/// The lines that a `print` writes: its arguments with a space between, one line for each combination of their values.
fn lines(list: &Value) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (index, part) in list.as_array().unwrap_or_default().iter().enumerate() {
        let texts: Vec<String> = match part {
            Value::Set(values) if values.is_empty() => vec!["<undefined>".to_owned()],
            Value::Set(values) => values.iter().map(builtins::plain_text).collect(),
            other => vec![builtins::plain_text(other)],
        };
        let space = if index == 0 { "" } else { " " };
        let extended = lines
            .iter()
            .flat_map(|line| texts.iter().map(move |text| format!("{line}{space}{text}")));
        lines = extended.take(MAX_LINES).collect();
    }
    lines
}
