//! Locals: what they hide, and those that nothing uses.

use std::collections::{BTreeMap, BTreeSet};

use stele_rego::Span;
use stele_rego::ast::{Call, Ident, Literal, LiteralKind, Ref, Rule, Segment, Term, TermKind, With};
use stele_rego::syntax::visit::{self, Visitor};

use super::{SHADOWED_NAME, Sink, UNUSED_VARIABLE};
use crate::load::{PolicyModule, PolicySet};

/// First names of Rego's builtins: those without a dot, and the families before one.
const BUILTIN_ROOTS: [&str; 72] = [
    "abs",
    "all",
    "any",
    "array",
    "base64",
    "base64url",
    "bits",
    "ceil",
    "concat",
    "count",
    "crypto",
    "endswith",
    "floor",
    "format_int",
    "glob",
    "graph",
    "graphql",
    "hex",
    "http",
    "indexof",
    "indexof_n",
    "intersection",
    "io",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "json",
    "lower",
    "max",
    "min",
    "net",
    "numbers",
    "object",
    "opa",
    "print",
    "product",
    "providers",
    "rand",
    "regex",
    "rego",
    "replace",
    "round",
    "semver",
    "set_diff",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "strings",
    "substring",
    "sum",
    "time",
    "to_number",
    "trace",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "units",
    "upper",
    "urlquery",
    "uuid",
    "walk",
    "yaml",
];

/// A local where it is introduced.
struct Local {
    name: String,
    span: Span,
    /// Parameters may be unused: a function's shape is often given.
    parameter: bool,
}

/// The locals of one rule, and how often each name is mentioned.
#[derive(Default)]
struct Locals {
    declared: Vec<Local>,
    /// Names in places where an undeclared one is a local too: in brackets, and beside `=`.
    bound: Vec<(String, Span)>,
    mentions: BTreeMap<String, usize>,
}

impl Locals {
    fn declare(&mut self, ident: &Ident, parameter: bool) {
        self.declared.push(Local {
            name: ident.name.to_string(),
            span: ident.span,
            parameter,
        });
    }

    /// Declares the variables of a pattern, without looking into references and calls.
    fn pattern(&mut self, term: &Term, parameter: bool) {
        match &term.kind {
            TermKind::Var(name) if !term.is_wildcard() => {
                // The pattern will be walked like any term; take that mention back.
                let ident = Ident {
                    name: name.clone(),
                    span: term.span,
                };
                self.declare(&ident, parameter);
                let count = self.mentions.entry(name.to_string()).or_default();
                *count = count.wrapping_sub(1);
            }
            TermKind::Array(items) => items.iter().for_each(|item| self.pattern(item, parameter)),
            TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| self.pattern(value, parameter)),
            _ => {}
        }
    }

    /// The variables of a pattern beside `=`.
    fn unified(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Var(name) if !term.is_wildcard() => self.bound.push((name.to_string(), term.span)),
            TermKind::Array(items) => items.iter().for_each(|item| self.unified(item)),
            TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| self.unified(value)),
            _ => {}
        }
    }

    /// The variables in brackets.
    fn indices(&mut self, path: &[Segment]) {
        for segment in path {
            if let Segment::Bracket(term) = segment {
                self.unified(term);
            }
        }
    }

    fn mention(&mut self, name: &str) {
        let count = self.mentions.entry(name.to_owned()).or_default();
        *count = count.wrapping_add(1);
    }
}

impl Visitor for Locals {
    fn literal(&mut self, literal: &Literal) {
        match &literal.kind {
            LiteralKind::Assign(left, _) => self.pattern(left, false),
            LiteralKind::Unify(left, right) => {
                self.unified(left);
                self.unified(right);
            }
            LiteralKind::Some(names) => names.iter().for_each(|name| self.declare(name, false)),
            LiteralKind::SomeIn { key, value, .. } => {
                for term in key.iter().chain([value]) {
                    self.pattern(term, false);
                }
            }
            LiteralKind::Every { key, value, .. } => {
                for name in key.iter().chain([value]) {
                    self.declare(name, false);
                }
            }
            _ => {}
        }
        visit::walk_literal(self, literal);
    }

    fn reference(&mut self, reference: &Ref) {
        self.mention(&reference.root.name);
        self.indices(&reference.path);
        visit::walk_ref(self, reference);
    }

    fn with(&mut self, with: &With) {
        self.mention(&with.target.root.name);
        visit::walk_with(self, with);
    }

    fn call(&mut self, call: &Call) {
        self.mention(&call.function.root.name);
        for argument in &call.args {
            self.term(argument);
        }
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Var(name) => self.mention(name),
            TermKind::Select(_, path) => self.indices(path),
            _ => {}
        }
        visit::walk_term(self, term);
    }
}

/// Checks the locals of every rule of a module.
pub(super) fn check(module: &PolicyModule, set: &PolicySet, sink: &mut Sink) {
    let imports: BTreeSet<&str> = module
        .ast
        .imports
        .iter()
        .filter_map(|import| import.name())
        .map(|name| name.name.as_ref())
        .collect();
    let rules: BTreeSet<&str> = set
        .modules()
        .iter()
        .filter(|other| other.package == module.package)
        .flat_map(|other| &other.ast.rules)
        .map(|rule| rule.head.name().as_ref())
        .collect();
    let hides = |name: &str| match name {
        "input" | "data" => Some(format!("the document `{name}`")),
        _ if imports.contains(name) => Some("an import".to_owned()),
        _ if rules.contains(name) => Some("a rule".to_owned()),
        _ if BUILTIN_ROOTS.contains(&name) => Some("a builtin".to_owned()),
        _ => None,
    };
    let is_global =
        |name: &str| matches!(name, "input" | "data") || imports.contains(name) || rules.contains(name);
    for rule in &module.ast.rules {
        let locals = locals(rule);
        for (name, span) in &locals.bound {
            let declared = locals.declared.iter().any(|local| local.name == *name);
            let once = locals.mentions.get(name) == Some(&1);
            if once && !declared && !is_global(name) && !name.starts_with('_') {
                let message = format!("the local `{name}` is never used");
                let fix = "write `_` in its place; if an existing name was meant, correct it";
                sink.put(UNUSED_VARIABLE, module, *span, message, fix);
            }
        }
        for local in &locals.declared {
            if let Some(what) = hides(&local.name) {
                let message = format!("the local `{}` hides {what} of the same name", local.name);
                sink.put(SHADOWED_NAME, module, local.span, message, "rename the local");
            }
            let mentioned = locals.mentions.get(&local.name).copied().unwrap_or_default();
            if mentioned == 0 && !local.parameter && !local.name.starts_with('_') {
                let message = format!("the local `{}` is never used", local.name);
                sink.put(
                    UNUSED_VARIABLE,
                    module,
                    local.span,
                    message,
                    "remove it, or write `_` in its place",
                );
            }
        }
    }
}

fn locals(rule: &Rule) -> Locals {
    let mut locals = Locals::default();
    for parameter in rule.head.args.iter().flatten() {
        locals.pattern(parameter, true);
    }
    locals.rule(rule);
    locals
}
