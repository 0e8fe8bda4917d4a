//! What a function's locals hold, in words: `input.user`, `input.roles[_]`, `count(input.roles)`.
//!
//! The plan has no names of variables, whoever made it; but it says what was computed, and that tells more than a name would.

use super::facts::walk;
use crate::source_map::rule_name;
use std::collections::BTreeMap;
use stele_rego::ir::{Block, DATA, INPUT, Local, Operand, Policy, StmtKind};

/// Longest text, in bytes; longer ones end in an ellipsis.
const MAX_TEXT: usize = 96;

/// The expression behind each local that has one.
pub(super) fn of(policy: &Policy, params: &[Local], blocks: &[Block]) -> BTreeMap<Local, String> {
    let mut names = Names {
        policy,
        found: BTreeMap::from([(INPUT, "input".to_owned()), (DATA, "data".to_owned())]),
    };
    for (number, param) in params.iter().enumerate() {
        names
            .found
            .insert(*param, format!("argument {}", number.saturating_add(1)));
    }
    walk(blocks, &mut |stmt| names.statement(&stmt.kind));
    names.found
}

struct Names<'a> {
    policy: &'a Policy,
    found: BTreeMap<Local, String>,
}

impl Names<'_> {
    fn statement(&mut self, stmt: &StmtKind) {
        match stmt {
            StmtKind::Dot { source, key, target } => {
                let (source, key) = (self.operand(*source), self.step(*key));
                self.name(*target, source.map(|source| format!("{source}{key}")));
            }
            StmtKind::Scan {
                source, key, value, ..
            } => {
                let source = self.found.get(source).cloned();
                self.name(*value, source.as_ref().map(|source| format!("{source}[_]")));
                self.name(*key, source.map(|source| format!("key in {source}")));
            }
            StmtKind::Len { source, target } => {
                let source = self.operand(*source);
                self.name(*target, source.map(|source| format!("count({source})")));
            }
            StmtKind::Call { func, args, result } => {
                let text = self.call(func, args);
                self.name(*result, Some(text));
            }
            StmtKind::AssignVar { source, target } | StmtKind::AssignVarOnce { source, target } => {
                // A constant is worth no line of its own.
                let text = source.local().and_then(|local| self.found.get(&local).cloned());
                self.name(*target, text);
            }
            _ => {}
        }
    }

    fn name(&mut self, local: Local, text: Option<String>) {
        let Some(mut text) = text else { return };
        if text.len() > MAX_TEXT {
            let end = text.floor_char_boundary(MAX_TEXT);
            text.truncate(end);
            text.push('…');
        }
        self.found.entry(local).or_insert(text);
    }

    fn operand(&self, operand: Operand) -> Option<String> {
        match operand {
            Operand::Local(local) => self.found.get(&local).cloned(),
            Operand::StringIndex(index) => self.policy.string(index).map(|text| format!("{text:?}")),
            Operand::Bool(value) => Some(value.to_string()),
        }
    }

    /// A step of a path.
    fn step(&self, key: Operand) -> String {
        if let Operand::StringIndex(index) = key
            && let Some(text) = self.policy.string(index)
        {
            let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
            let plain = text.chars().all(word) && !text.starts_with(|c: char| c.is_ascii_digit());
            return if plain && !text.is_empty() {
                format!(".{text}")
            } else {
                format!("[{text:?}]")
            };
        }
        let key = self.operand(key).unwrap_or_else(|| "…".to_owned());
        format!("[{key}]")
    }

    /// A call; rules have no arguments of their own.
    fn call(&self, func: &str, args: &[Operand]) -> String {
        let known = self.policy.func(func);
        let name = known.map_or_else(|| func.to_owned(), |_| rule_name(func).to_owned());
        let own: Vec<String> = args
            .iter()
            .skip(if known.is_some() { 2 } else { 0 })
            .map(|arg| self.operand(*arg).unwrap_or_else(|| "…".to_owned()))
            .collect();
        if known.is_some() && own.is_empty() {
            return name;
        }
        format!("{name}({})", own.join(", "))
    }
}
