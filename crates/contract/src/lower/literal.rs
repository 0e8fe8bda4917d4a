//! Operands whose value is known at build time.

use super::func::FuncCx;
use stele_rego::ir::{Operand, StringIndex};
use stele_types::Value;

impl FuncCx<'_, '_> {
    fn constant_text(&self, index: StringIndex) -> Option<String> {
        self.cx.policy.string(index).map(str::to_owned)
    }

    /// The string that an operand always is.
    pub(super) fn literal_text(&self, operand: Operand) -> Option<String> {
        if let Some(Value::String(text)) = self.known_value(operand) {
            return Some(text.to_string());
        }
        match operand {
            Operand::StringIndex(index) => self.constant_text(index),
            Operand::Local(local) => self.constant_text(*self.locals.constants.get(&local)?),
            Operand::Bool(_) => None,
        }
    }

    /// The array of strings that an operand always is.
    pub(super) fn literal_list(&self, operand: Operand) -> Option<Vec<String>> {
        if let Some(Value::Array(items)) = self.known_value(operand) {
            return items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect();
        }
        let list = self.locals.lists.get(&operand.local()?)?;
        list.iter().map(|index| self.constant_text(*index)).collect()
    }

    /// Whether an operand is always null.
    pub(super) fn literal_null(&self, operand: Operand) -> bool {
        self.known_value(operand) == Some(Value::Null)
            || operand
                .local()
                .is_some_and(|local| self.locals.nulls.contains(&local))
    }
}
