//! Calls: what is called, and whether it takes these arguments.

use std::sync::Arc;

use super::{Lowerer, Name};
use crate::compile::hir::{Expr, Function, Literal, Path, Root};
use crate::compile::tree::ref_text;
use crate::compile::{builtins, metadata};
use crate::diagnostic::Code;
use crate::source::{RegoVersion, Span};
use crate::syntax::ast::{self, Ref};
use crate::trace::PRINT;

/// Calls that give the annotations of the rule.
const METADATA: [&str; 2] = ["rego.metadata.rule", "rego.metadata.chain"];

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
            if !self.env.options.print {
                return None;
            }
            let args = call.args.iter().map(|arg| self.at_most_one(arg, &[])).collect();
            return Some((Function::Builtin(PRINT.into()), vec![Expr::Array(args)], None));
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
        let args = match function {
            Function::Builtin(_) if METADATA.contains(&name.as_str()) => self.metadata(&name, span)?,
            _ => args,
        };
        let result = terms.next().map(|term| self.operand(term, out));
        Some((function, args, result))
    }

    /// The arguments of the builtin that stands for a call of `rego.metadata...`: its result, and something empty to add to it.
    fn metadata(&mut self, name: &str, span: Span) -> Option<Vec<Expr>> {
        let result = match self.rule {
            None => Err("it may be called in the main part of a rule only".to_owned()),
            Some(rule) if name == METADATA[0] => metadata::rule(self.env.modules, self.env.index, rule),
            Some(rule) => metadata::chain(self.env.modules, self.env.index, rule),
        };
        match result {
            Ok(constant @ Expr::Object(_)) => Some(vec![constant, Expr::Object(Vec::new())]),
            Ok(constant) => Some(vec![constant, Expr::Array(Vec::new())]),
            Err(why) => {
                let help = "pass what the policy needs as data";
                self.report_help(
                    span,
                    Code::Unsupported,
                    format!("`{name}` is not supported here: {why}"),
                    help,
                );
                None
            }
        }
    }

    /// What a name in a call means, with the number of its arguments.
    fn function(&mut self, name: &Ref, dotted: &str) -> Option<(Function, usize)> {
        if let Some((path, arity)) = self.function_path(name) {
            return Some((Function::Rule(path), arity));
        }
        let span = name.span;
        if METADATA.contains(&dotted) {
            // What it gives stands there as a constant: see `metadata`.
            let function = if dotted == METADATA[0] {
                "object.union"
            } else {
                "array.concat"
            };
            return Some((Function::Builtin(function.into()), 0));
        }
        // What v0 had and we have is called as ever.
        let old = self.env.module.source.version() == RegoVersion::V0 && builtins::arity(dotted).is_some();
        if let Some(help) = builtins::removed(dotted).filter(|_| !old) {
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
