//! Type checking: calls of builtins that can't accept their arguments, comparisons that never hold, and references into documents that
//! have no such part.
//!
//! The types of rules follow from their bodies, those of `input` and base data from schemas, if there are any; what nothing is known
//! of may be anything. A type is an upper bound, so what is reported fails, or is undefined, whenever it is evaluated.

mod annotations;
mod body;
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
    groups: Vec<Type>,
    everywhere: Documents,
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
    let mut types = Types {
        // What depends on itself, which is an error elsewhere, may be anything.
        groups: vec![Type::any(); tree.groups.len()],
        everywhere: annotations::everywhere(schemas),
    };
    let edges = recursion::dependencies(tree, rules);
    for id in recursion::order(&edges) {
        let Some(group) = tree.groups.get(id) else {
            continue;
        };
        let found = types.group(group, tree, rules, modules, &annotations, diagnostics);
        if let Some(slot) = types.groups.get_mut(id) {
            *slot = found;
        }
    }
    types
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

    fn group(
        &self,
        group: &Group,
        tree: &Tree,
        rules: &HashMap<RuleId, Rule>,
        modules: &[Module],
        annotations: &Annotations<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Type {
        let mut found = Type::nothing();
        for id in group.rules.iter().chain(&group.default) {
            let (Some(rule), Some(module)) = (rules.get(id), modules.get(id.module)) else {
                return Type::any();
            };
            let documents = annotations.of(*id);
            for branch in &rule.branches {
                let mut body = Body::new(
                    tree,
                    &self.groups,
                    &documents,
                    branch,
                    &module.source,
                    diagnostics,
                );
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

/// The type of a rule's document, or of what a function gives.
fn of_group(groups: &[Type], id: GroupId) -> Type {
    groups.get(id).cloned().unwrap_or(Type::any())
}
