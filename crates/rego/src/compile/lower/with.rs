//! `with` modifiers: what is replaced, and by what.

use std::sync::Arc;

use super::{Lowerer, Name};
use crate::compile::builtins;
use crate::compile::hir::{Function, Literal, Path, Root, With, WithTarget, WithValue};
use crate::compile::tree::ref_text;
use crate::diagnostic::Code;
use crate::syntax::ast::{self, Ref, Segment, Term, TermKind};

impl Lowerer<'_, '_> {
    /// Lowers the modifiers of a statement; their values are evaluated in `out`, before any of them applies.
    pub(super) fn modifiers(&mut self, with: &[ast::With], out: &mut Vec<Literal>) -> Vec<With> {
        with.iter().filter_map(|with| self.modifier(with, out)).collect()
    }

    fn modifier(&mut self, with: &ast::With, out: &mut Vec<Literal>) -> Option<With> {
        let (target, arity) = self.target(&with.target)?;
        let replacement = match arity {
            Some(arity) => self.replacement(&target, arity, &with.value)?,
            None => None,
        };
        let value = match replacement {
            Some(function) => WithValue::Function(function),
            None => WithValue::Value(self.operand(&with.value, out)),
        };
        Some(With { target, value })
    }

    /// What is replaced, and the number of its arguments if it is a function.
    fn target(&mut self, target: &Ref) -> Option<(WithTarget, Option<usize>)> {
        let Some(names) = target.constant() else {
            let span = target
                .path
                .iter()
                .find(|segment| segment.as_str().is_none())
                .map_or(target.span, Segment::span);
            let help = "replace the document above it, e.g. `with input as object.union(input, {...})`";
            self.report_help(
                span,
                Code::InvalidWith,
                "what `with` replaces must be constant",
                help,
            );
            return None;
        };
        if let Some((path, arity)) = self.function_path(target) {
            return Some((WithTarget::Function(Function::Rule(path)), Some(arity)));
        }
        if let Some(path) = self.document_path(target) {
            return self.data_target(target, path);
        }
        let (root, rest) = names.split_first()?;
        let is_input = root.as_ref() == "input"
            || self
                .env
                .imports
                .get(root)
                .is_some_and(|import| import.root == Root::Input);
        if is_input && let Name::Document(Root::Input, path) = self.resolve(root, target.root.span) {
            return Some((
                WithTarget::Input(path.into_iter().chain(rest.iter().cloned()).collect()),
                None,
            ));
        }
        let dotted = names.join(".");
        if let Some(arity) = builtins::arity(&dotted).filter(|_| !dotted.starts_with("internal.")) {
            return Some((
                WithTarget::Function(Function::Builtin(Arc::from(dotted))),
                Some(arity),
            ));
        }
        let help = "`with` replaces `input`, a document below `data`, a rule or a function";
        self.report_help(
            target.span,
            Code::InvalidWith,
            format!("`{dotted}` can't be replaced"),
            help,
        );
        None
    }

    fn data_target(&mut self, target: &Ref, path: Path) -> Option<(WithTarget, Option<usize>)> {
        let above = path
            .split_last()
            .and_then(|(_, above)| self.env.tree.document(above));
        let Some(rule) = above.and_then(|group| self.env.tree.groups.get(group)) else {
            return Some((WithTarget::Data(path), None));
        };
        let message = format!(
            "`with` can't replace a part of the rule `{}`",
            ref_text(&rule.path)
        );
        self.report_help(target.span, Code::InvalidWith, message, "replace the whole rule");
        None
    }

    /// The function that replaces another, if the value names one. `None` outside: reported.
    fn replacement(&mut self, target: &WithTarget, arity: usize, value: &Term) -> Option<Option<Function>> {
        let name = match &value.kind {
            TermKind::Ref(reference) => reference.as_ref().clone(),
            TermKind::Var(name) => {
                let root = ast::Ident {
                    name: name.clone(),
                    span: value.span,
                };
                Ref {
                    span: value.span,
                    root,
                    path: Vec::new(),
                }
            }
            _ => return Some(None),
        };
        let found = match self.function_path(&name) {
            Some((path, arity)) => Some((Function::Rule(path), arity)),
            None => self.builtin_value(&name),
        };
        let Some((function, found)) = found else {
            return Some(None);
        };
        if found != arity {
            let WithTarget::Function(target) = target else {
                return Some(None);
            };
            let message = format!(
                "`{}` takes {arity} arguments, its replacement `{}` takes {found}",
                Self::function_text(target),
                Self::function_text(&function)
            );
            self.report(value.span, Code::Arity, message);
            return None;
        }
        Some(Some(function))
    }

    /// The builtin that a name stands for when it is neither a local nor a document.
    fn builtin_value(&mut self, name: &Ref) -> Option<(Function, usize)> {
        let dotted = name.dotted()?;
        let root = &name.root.name;
        let local = self.scopes.iter().any(|scope| scope.declared.contains_key(root));
        if local || self.document_path(name).is_some() {
            return None;
        }
        let arity = builtins::arity(&dotted)?;
        Some((Function::Builtin(Arc::from(dotted)), arity))
    }
}
