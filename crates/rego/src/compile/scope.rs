//! Which names a body uses outside of its closures: those are its own, unless something around it has them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::hir::Var;
use crate::source::Span;
use crate::syntax::ast::{Body, Call, Literal, LiteralKind, Ref, Segment, Term, TermKind, With};
use crate::syntax::visit::{self, Visitor};

/// The names of one body.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Declared by `:=`, `some`, `every` or as a parameter.
    pub(crate) declared: HashMap<Arc<str>, Var>,
    /// Used without declaration.
    pub(crate) implicit: HashMap<Arc<str>, Var>,
    /// Those of `implicit` that some statement of the body declares: closures above the declaration don't see them.
    pub(crate) declares: HashSet<Arc<str>>,
    /// Those of `implicit` that were resolved already.
    pub(crate) used: HashSet<Arc<str>>,
}

/// The names that `literals` declare, closures apart.
pub(crate) fn declarations<'a>(literals: impl IntoIterator<Item = &'a Literal>) -> HashSet<Arc<str>> {
    let mut out = HashSet::new();
    for literal in literals {
        match &literal.kind {
            LiteralKind::Assign(pattern, _) => declared(pattern, &mut out),
            LiteralKind::Some(names) => out.extend(names.iter().map(|name| name.name.clone())),
            LiteralKind::SomeIn { key, value, .. } => {
                key.iter()
                    .chain([value])
                    .for_each(|pattern| declared(pattern, &mut out));
            }
            _ => {}
        }
    }
    out
}

fn declared(pattern: &Term, out: &mut HashSet<Arc<str>>) {
    match &pattern.kind {
        TermKind::Var(name) => {
            out.insert(name.clone());
        }
        TermKind::Array(terms) => terms.iter().for_each(|term| declared(term, out)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| declared(value, out)),
        _ => {}
    }
}

/// The names that `literals` and `terms` use outside of closures, with their first places, in order.
pub(crate) fn candidates<'a>(
    literals: impl IntoIterator<Item = &'a Literal>,
    terms: impl IntoIterator<Item = &'a Term>,
) -> Vec<(Arc<str>, Span)> {
    let mut collector = Candidates {
        seen: HashSet::new(),
        out: Vec::new(),
    };
    for literal in literals {
        collector.literal(literal);
    }
    for term in terms {
        collector.term(term);
    }
    collector.out
}

struct Candidates {
    seen: HashSet<Arc<str>>,
    out: Vec<(Arc<str>, Span)>,
}

impl Candidates {
    fn name(&mut self, name: &Arc<str>, span: Span) {
        if name.as_ref() != "_" && self.seen.insert(name.clone()) {
            self.out.push((name.clone(), span));
        }
    }

    /// The terms in the brackets of a pattern whose bare names are declared.
    fn pattern(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Var(_) => {}
            TermKind::Array(terms) | TermKind::Set(terms) => terms.iter().for_each(|term| self.pattern(term)),
            TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                self.term(key);
                self.pattern(value);
            }),
            _ => self.term(term),
        }
    }
}

impl Visitor for Candidates {
    fn literal(&mut self, literal: &Literal) {
        match &literal.kind {
            LiteralKind::Assign(left, right) => {
                self.pattern(left);
                self.term(right);
            }
            LiteralKind::Some(_) => {}
            LiteralKind::SomeIn {
                key,
                value,
                collection,
            } => {
                key.iter().chain([value]).for_each(|term| self.pattern(term));
                self.term(collection);
            }
            LiteralKind::Every { domain, .. } => self.term(domain),
            _ => return visit::walk_literal(self, literal),
        }
        literal.with.iter().for_each(|with| self.with(with));
    }

    fn body(&mut self, _: &Body) {}

    fn with(&mut self, with: &With) {
        self.term(&with.value);
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Var(name) => self.name(name, term.span),
            TermKind::ArrayComprehension(_)
            | TermKind::SetComprehension(_)
            | TermKind::ObjectComprehension(_)
            | TermKind::Template(_) => {}
            _ => visit::walk_term(self, term),
        }
    }

    fn reference(&mut self, reference: &Ref) {
        self.name(&reference.root.name, reference.root.span);
        for segment in &reference.path {
            if let Segment::Bracket(term) = segment {
                self.term(term);
            }
        }
    }

    fn call(&mut self, call: &Call) {
        call.args.iter().for_each(|arg| self.term(arg));
    }
}
