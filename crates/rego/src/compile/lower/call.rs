//! Calls: what is called, and whether it takes these arguments.

use std::sync::Arc;

use super::{Lowerer, Name};
use crate::compile::builtins;
use crate::compile::hir::{Expr, Function, Literal, Path, Root};
use crate::compile::tree::ref_text;
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{self, Ref};

impl Lowerer<'_, '_> {
    /// Lowers a call. With `statement`, an argument more than the function takes stands for its result. `None`: reported, or erased.
    pub(super) fn call(
        &mut self,
        call: &ast::Call,
        span: Span,
        statement: bool,
        out: &mut Vec<Literal>,
    ) -> Option<(Function, Vec<Expr>, Option<Expr>)> {
        let name = call.function.dotted().unwrap_or_default();
        if name == "print" && self.function_path(&call.function).is_none() {
            return None;
        }
        let (function, arity) = self.function(&call.function, &name)?;
        let mut terms = call.args.iter();
        let extra = statement && call.args.len() == arity.saturating_add(1);
        if call.args.len() != arity && !extra {
            let message = format!(
                "`{name}` takes {arity} argument{}, not {}",
                if arity == 1 { "" } else { "s" },
                call.args.len()
            );
            self.report(span, Code::Arity, message);
            return None;
        }
        let args = terms
            .by_ref()
            .take(arity)
            .map(|term| self.operand(term, out))
            .collect();
        let result = terms.next().map(|term| self.operand(term, out));
        Some((function, args, result))
    }

    /// What a name in a call means, with the number of its arguments.
    fn function(&mut self, name: &Ref, dotted: &str) -> Option<(Function, usize)> {
        if let Some((path, arity)) = self.function_path(name) {
            return Some((Function::Rule(path), arity));
        }
        let span = name.span;
        match dotted {
            "rego.metadata.rule" | "rego.metadata.chain" => {
                let help = "pass what the policy needs as data";
                self.report_help(
                    span,
                    Code::Unsupported,
                    format!("`{dotted}` is not supported yet"),
                    help,
                );
                return None;
            }
            _ => {}
        }
        if let Some(help) = builtins::removed(dotted) {
            self.report_help(
                span,
                Code::DeprecatedBuiltin,
                format!("Rego v1 has no builtin `{dotted}`"),
                help,
            );
            return None;
        }
        if let Some(arity) = builtins::arity(dotted) {
            return Some((Function::Builtin(dotted.into()), arity));
        }
        let document = self.document_path(name);
        let is_rule = document
            .as_ref()
            .is_some_and(|path| self.env.tree.document(path).is_some());
        if is_rule {
            let help = "give it parameters, or read its value without parentheses";
            self.report_help(
                span,
                Code::UndefinedFunction,
                format!("`{dotted}` is a rule, not a function"),
                help,
            );
            return None;
        }
        let help = match builtins::similar(dotted) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => "it is neither a builtin nor a function of this package or an import".to_owned(),
        };
        self.report_help(
            span,
            Code::UndefinedFunction,
            format!("unknown function `{dotted}`"),
            help,
        );
        None
    }

    /// The path below `data` that a constant name stands for, if it stands for one.
    pub(super) fn document_path(&mut self, name: &Ref) -> Option<Path> {
        let names = name.constant()?;
        let (root, rest) = names.split_first()?;
        if self.scopes.iter().any(|scope| scope.declared.contains_key(root)) || !self.is_document(root) {
            return None;
        }
        match self.resolve(root, name.root.span) {
            Name::Document(Root::Data, path) => Some(path.into_iter().chain(rest.iter().cloned()).collect()),
            _ => None,
        }
    }

    fn is_document(&self, root: &Arc<str>) -> bool {
        root.as_ref() == "data"
            || self.env.imports.contains_key(root)
            || self.env.tree.package_has(&self.env.package, root)
    }

    /// The path and arity of the user's function that a name stands for.
    pub(super) fn function_path(&mut self, name: &Ref) -> Option<(Path, usize)> {
        let path = self.document_path(name)?;
        let (_, arity) = self.env.tree.function(&path)?;
        Some((path, arity))
    }

    /// A function as people write it.
    pub(super) fn function_text(function: &Function) -> String {
        match function {
            Function::Builtin(name) => name.to_string(),
            Function::Rule(path) => ref_text(path),
        }
    }
}
