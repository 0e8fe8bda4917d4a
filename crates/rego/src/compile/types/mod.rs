//! Type checking: calls of builtins that can't accept their arguments, comparisons that never hold, and references into documents that
//! have no such part.
//!
//! The types of rules follow from their bodies, those of `input` and base data from schemas, if there are any; what nothing is known
//! of may be anything. A type is an upper bound, so what is reported fails, or is undefined, whenever it is evaluated.

mod annotations;
mod body;
mod parts;
mod schema;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

pub use schema::Schemas;

use super::hir::{Branch, Rule};
use super::recursion;
use super::tree::{Group, GroupId, Kind, RuleId, Tree};
use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;
use crate::syntax::ast::Module;
use annotations::{Annotations, Documents};
use body::Body;
use shape::{Fields, Kinds, Type};

/// The types of all rules.
pub(super) struct Types {
    groups: Groups,
    everywhere: Documents,
}

/// The types of the documents of rules, and of what functions give.
struct Groups {
    /// By the schemas.
    known: Vec<Type>,
    /// Where `with` has replaced the input, for which its schemas do not hold; none if there is no schema of the input.
    any_input: Option<Vec<Type>>,
}

impl Groups {
    fn get(&self, id: GroupId, input_is_replaced: bool) -> Type {
        let loose = self.any_input.as_ref().filter(|_| input_is_replaced);
        let types = loose.unwrap_or(&self.known);
        types.get(id).cloned().unwrap_or(Type::any())
    }
}

/// Checks all rules of a program without recursion.
pub(super) fn check(
    modules: &[Module],
    tree: &Tree,
    rules: &HashMap<RuleId, Rule>,
    schemas: &Schemas,
    diagnostics: &mut Vec<Diagnostic>,
) -> Types {
    let annotations = Annotations::read(modules, schemas, diagnostics);
    let program = Program {
        tree,
        rules,
        modules,
        annotations: &annotations,
    };
    // What depends on itself, which is an error elsewhere, may be anything.
    let unknown = || vec![Type::any(); tree.groups.len()];
    let mut groups = Groups {
        known: unknown(),
        any_input: annotations.know_input().then(unknown),
    };
    let edges = recursion::dependencies(tree, rules);
    for id in recursion::order(&edges) {
        let Some(group) = tree.groups.get(id) else {
            continue;
        };
        let found = program.group(group, &groups, false, diagnostics);
        if let Some(slot) = groups.known.get_mut(id) {
            *slot = found;
        }
        if groups.any_input.is_some() {
            // Nothing is wrong with a rule that only some other input makes so.
            let found = program.group(group, &groups, true, &mut Vec::new());
            if let Some(slot) = groups.any_input.as_mut().and_then(|types| types.get_mut(id)) {
                *slot = found;
            }
        }
    }
    Types {
        groups,
        everywhere: annotations::everywhere(schemas),
    }
}

/// All rules of a program, and what is known of their documents.
struct Program<'a> {
    tree: &'a Tree,
    rules: &'a HashMap<RuleId, Rule>,
    modules: &'a [Module],
    annotations: &'a Annotations<'a>,
}

impl Types {
    /// Checks a query.
    pub(super) fn query(
        &self,
        tree: &Tree,
        branch: &Branch,
        source: &SourceFile,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        Body::new(tree, &self.groups, &self.everywhere, branch, source, diagnostics).branch();
    }
}

impl Program<'_> {
    /// The type of a group, with the schemas of the input or with any input.
    fn group(
        &self,
        group: &Group,
        groups: &Groups,
        any_input: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Type {
        let mut found = Type::nothing();
        for id in group.rules.iter().chain(&group.default) {
            let (Some(rule), Some(module)) = (self.rules.get(id), self.modules.get(id.module)) else {
                return Type::any();
            };
            let documents = self.annotations.of(*id);
            for branch in &rule.branches {
                let mut body = Body::new(self.tree, groups, &documents, branch, &module.source, diagnostics);
                if any_input {
                    body = body.with_any_input();
                }
                let (suffix, value) = body.branch();
                found = found.or(match group.kind {
                    Kind::Complete | Kind::Function(_) => value,
                    Kind::Set => Type::set(value),
                    Kind::Object => nested(suffix, if rule.contains { Type::set(value) } else { value }),
                });
            }
        }
        if group.kind == Kind::Set && found.is_nothing() {
            return Type::of(Kinds::SET);
        }
        found.shallow()
    }
}

/// The object that holds a value under the keys given.
fn nested(keys: Vec<body::Key>, value: Type) -> Type {
    keys.into_iter().rev().fold(value, |inner, key| {
        Type::object(match key {
            body::Key::Name(name) => Fields {
                named: BTreeMap::from([(name, inner)]),
                others: None,
            },
            body::Key::Of(key) => Fields {
                named: BTreeMap::new(),
                others: Some((key, inner)),
            },
        })
    })
}
