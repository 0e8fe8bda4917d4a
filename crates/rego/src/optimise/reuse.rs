//! What was met before on the way is not met again.
//!
//! A statement in a block is followed by the rest of that block only if it was defined. There, a look-up with the same operands gives
//! the same, a constant is the same constant, and a condition holds. All of this is forgotten at the end of the block.

use std::collections::HashMap;

use super::facts::Facts;
use super::rename::{self, Names};
use crate::builtins::{self, Purity};
use crate::ir::{Block, Local, Operand, Policy, StmtKind};

pub(super) fn run(policy: &mut Policy) {
    super::each(policy, |blocks, facts| {
        let mut reuse = Reuse {
            facts,
            known: HashMap::new(),
            names: Names::new(),
        };
        for block in blocks {
            reuse.block(block);
        }
    });
}

/// What a statement computes or tests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Form {
    Dot(Operand, Operand),
    Null,
    Int(i64),
    Number(u32),
    Equal(Operand, Operand),
    NotEqual(Operand, Operand),
    IsArray(Operand),
    IsObject(Operand),
    IsSet(Operand),
    Builtin(String, Vec<Operand>),
}

struct Reuse<'f> {
    facts: &'f Facts,
    /// Where the result of what was met is; nowhere for a condition.
    known: HashMap<Form, Option<Local>>,
    /// Other names for the locals that are not set any more.
    names: Names,
}

impl Reuse<'_> {
    fn block(&mut self, block: &mut Block) {
        let mut learned = Vec::new();
        block.stmts.retain_mut(|stmt| {
            rename::own(stmt, &self.names);
            if let Some((form, target)) = self.form(&stmt.kind) {
                match (self.known.get(&form), target) {
                    (Some(Some(known)), Some(target)) => {
                        self.names.insert(target, *known);
                        return false;
                    }
                    (Some(_), None) => return false,
                    _ => {
                        self.known.insert(form.clone(), target);
                        learned.push(form);
                    }
                }
            }
            for nested in stmt.kind.nested_mut() {
                self.block(nested);
            }
            true
        });
        for form in learned {
            self.known.remove(&form);
        }
    }

    /// What a statement computes, and where to, if that is steady.
    fn form(&self, kind: &StmtKind) -> Option<(Form, Option<Local>)> {
        let (form, target) = match kind {
            StmtKind::Dot { source, key, target } => (Form::Dot(*source, *key), Some(*target)),
            StmtKind::MakeNull { target } => (Form::Null, Some(*target)),
            StmtKind::MakeNumberInt { value, target } | StmtKind::AssignInt { value, target } => {
                (Form::Int(*value), Some(*target))
            }
            StmtKind::MakeNumberRef { index, target } => (Form::Number(*index), Some(*target)),
            StmtKind::Equal { a, b } => (Form::Equal(*a, *b), None),
            StmtKind::NotEqual { a, b } => (Form::NotEqual(*a, *b), None),
            StmtKind::IsArray { source } => (Form::IsArray(*source), None),
            StmtKind::IsObject { source } => (Form::IsObject(*source), None),
            StmtKind::IsSet { source } => (Form::IsSet(*source), None),
            StmtKind::Call { func, args, result } if is_pure(func) => {
                (Form::Builtin(func.clone(), args.clone()), Some(*result))
            }
            _ => return None,
        };
        let steady = kind
            .access()
            .reads
            .iter()
            .all(|local| self.facts.is_steady(*local))
            && target.is_none_or(|target| self.facts.is_steady(target));
        steady.then_some((form, target))
    }
}

/// Whether a call is one of a builtin that gives the same for the same arguments.
fn is_pure(name: &str) -> bool {
    // `print` gives nothing, but somebody sees it.
    let unseen = name != crate::trace::PRINT && name != crate::trace::POINT;
    unseen && builtins::find(name).is_some_and(|builtin| builtin.purity == Purity::Pure)
}
