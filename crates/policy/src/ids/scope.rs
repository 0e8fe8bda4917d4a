//! Where the variables of a rule get their values.

use std::collections::BTreeMap;
use std::rc::Rc;

use stele_rego::ast::{Call, Literal, LiteralKind, Ref, Rule, Segment, Term, TermKind, With};
use stele_rego::builtins;
use stele_rego::syntax::visit::{self, Visitor};

use crate::load::PolicyModule;
use crate::refs;

/// Where a variable gets a value.
#[derive(Debug)]
pub(super) enum Origin {
    /// It is this, or a part of it.
    Term(Rc<Term>),
    /// It is this argument of the function, from 0, or a part of it.
    Argument(usize),
    /// Nobody knows.
    Anything,
}

/// The variables of a rule, those of its comprehensions included: two of one name are one here, with the values of both.
#[derive(Debug, Default)]
pub(super) struct Scope {
    names: BTreeMap<String, Vec<Origin>>,
    /// Whether `with` puts something in the place of rules, data or functions.
    pub(super) replaces: bool,
}

impl Scope {
    pub(super) fn of(module: &PolicyModule, rule: &Rule, is_function: &dyn Fn(&Vec<String>) -> bool) -> Self {
        let mut collector = Collector {
            module,
            is_function,
            scope: Self::default(),
        };
        for (index, argument) in rule.head.args.iter().flatten().enumerate() {
            collector.bind(argument, &mut || Origin::Argument(index));
        }
        collector.rule(rule);
        collector.scope
    }

    /// Where a variable gets its values; of what is none, nowhere.
    pub(super) fn origins(&self, name: &str) -> &[Origin] {
        self.names.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

struct Collector<'a> {
    module: &'a PolicyModule,
    is_function: &'a dyn Fn(&Vec<String>) -> bool,
    scope: Scope,
}

impl Collector<'_> {
    /// Takes down an origin of all variables of a pattern.
    fn bind(&mut self, pattern: &Term, origin: &mut dyn FnMut() -> Origin) {
        match &pattern.kind {
            TermKind::Var(name) if name.as_ref() != "_" => {
                let origins = self.scope.names.entry(name.to_string()).or_default();
                origins.push(origin());
            }
            TermKind::Array(items) | TermKind::Set(items) => {
                for item in items {
                    self.bind(item, origin);
                }
            }
            TermKind::Object(members) => {
                for (_, value) in members {
                    self.bind(value, origin);
                }
            }
            _ => {}
        }
    }

    fn bind_to(&mut self, pattern: &Term, term: &Term) {
        let term = Rc::new(term.clone());
        self.bind(pattern, &mut || Origin::Term(Rc::clone(&term)));
    }

    /// `f(x, y)` with one argument more than `f` takes: its value is the last.
    fn result(&mut self, call: &Call, term: &Term) {
        let Some((last, arguments)) = call.args.split_last() else {
            return;
        };
        let name = call.function.dotted().unwrap_or_default();
        let path = refs::data_path(self.module, &call.function.root.name, &call.function.path);
        if path.is_some_and(|path| (self.is_function)(&path)) {
            // How many a function takes is not looked up: of one that takes them all the value is of no harm.
            self.bind_to(last, term);
            return;
        }
        let builtin = builtins::find(&name);
        if builtin.is_none_or(|builtin| builtin.arity() == arguments.len() || builtin.relation) {
            self.bind(last, &mut || Origin::Anything);
        }
    }
}

impl Visitor for Collector<'_> {
    fn literal(&mut self, literal: &Literal) {
        match &literal.kind {
            LiteralKind::Assign(left, right) => self.bind_to(left, right),
            LiteralKind::Unify(left, right) => {
                self.bind_to(left, right);
                self.bind_to(right, left);
            }
            LiteralKind::SomeIn {
                key,
                value,
                collection,
            } => {
                for pattern in key.iter().chain([value]) {
                    self.bind_to(pattern, collection);
                }
            }
            LiteralKind::Every {
                key, value, domain, ..
            } => {
                for name in key.iter().chain([value]) {
                    let origin = Origin::Term(Rc::new(domain.clone()));
                    let origins = self.scope.names.entry(name.name.to_string()).or_default();
                    origins.push(origin);
                }
            }
            LiteralKind::Term(term) => {
                if let TermKind::Call(call) = &term.kind {
                    self.result(call, term);
                }
            }
            _ => {}
        }
        visit::walk_literal(self, literal);
    }

    fn with(&mut self, with: &With) {
        self.scope.replaces |= with.target.root.name.as_ref() != "input";
        visit::walk_with(self, with);
    }

    fn reference(&mut self, reference: &Ref) {
        for (index, segment) in reference.path.iter().enumerate() {
            let Segment::Bracket(pattern) = segment else {
                continue;
            };
            let before = reference.path.get(..index).unwrap_or_default();
            let kind = if before.is_empty() {
                TermKind::Var(reference.root.name.clone())
            } else {
                TermKind::Ref(Box::new(Ref {
                    path: before.to_vec(),
                    ..reference.clone()
                }))
            };
            let end = before
                .last()
                .map_or(reference.root.span.end, |last| last.span().end);
            let span = stele_rego::Span {
                end,
                ..reference.span
            };
            self.bind_to(pattern, &Term { span, kind });
        }
        visit::walk_ref(self, reference);
    }
}
