//! Terms.

use std::collections::HashMap;
use std::sync::Arc;

use stele_types::Number;

use super::statement::is_call;
use super::{Lowerer, Name, plain};
use crate::compile::hir::{
    Comprehension, ComprehensionHead, Expr, Literal, LiteralKind, Path, Ref, Root, Var,
};
use crate::compile::tree::ref_text;
use crate::diagnostic::Code;
use crate::format::tree;
use crate::source::Span;
use crate::syntax::ast::{self, Ident, Segment, TemplatePart, Term, TermKind};
use crate::syntax::visit::{self, Visitor};

impl Lowerer<'_, '_> {
    /// A term whose outermost layer may be a reference or a comprehension.
    pub(super) fn top(&mut self, term: &Term, out: &mut Vec<Literal>) -> Expr {
        match &term.kind {
            TermKind::Null => Expr::Null,
            TermKind::Bool(value) => Expr::Bool(*value),
            TermKind::Number(text) => Expr::Number(text.clone()),
            TermKind::String(text) => Expr::String(text.clone()),
            TermKind::Var(name) => match self.resolve(name, term.span) {
                Name::Var(var) => Expr::Var(var),
                Name::Document(root, path) => self.document(root, path, &[], term.span, out),
            },
            TermKind::Ref(reference) => self.reference(&reference.root, &reference.path, reference.span, out),
            TermKind::Select(base, segments) => {
                let root = Root::Var(self.operand_var(base, out));
                let path = self.segments(segments, out);
                Expr::Ref(Box::new(Ref { root, path }))
            }
            TermKind::Array(terms) => Expr::Array(self.operands(terms, out)),
            TermKind::Set(terms) => Expr::Set(self.operands(terms, out)),
            TermKind::Object(pairs) => self.object(pairs, out),
            TermKind::ArrayComprehension(c) => self.comprehension(&c.body, &[&c.head], |mut heads| {
                ComprehensionHead::Array(heads.remove(0))
            }),
            TermKind::SetComprehension(c) => self.comprehension(&c.body, &[&c.head], |mut heads| {
                ComprehensionHead::Set(heads.remove(0))
            }),
            TermKind::ObjectComprehension(c) => {
                self.comprehension(&c.body, &[&c.key, &c.value], |mut heads| {
                    let value = heads.remove(1);
                    ComprehensionHead::Object(heads.remove(0), value)
                })
            }
            TermKind::Call(_) | TermKind::Infix(..) | TermKind::Membership(_) | TermKind::Template(_) => {
                let (function, args) = self.operation(term, out);
                let result = self.fresh(term.span);
                out.push(plain(
                    LiteralKind::Call {
                        function,
                        args,
                        out: Some(Expr::Var(result)),
                    },
                    term.span,
                ));
                Expr::Var(result)
            }
        }
    }

    /// An object. Of keys that are one term only the last counts; as in OPA, the values of the others are not evaluated.
    fn object(&mut self, pairs: &[(Term, Term)], out: &mut Vec<Literal>) -> Expr {
        let names: Vec<Option<String>> = match pairs {
            [] | [_] => vec![None; pairs.len()],
            _ => pairs.iter().map(|(key, _)| key_name(key)).collect(),
        };
        let last: HashMap<&str, usize> = names
            .iter()
            .enumerate()
            .filter_map(|(position, name)| Some((name.as_deref()?, position)))
            .collect();
        let counts = |position: &usize, name: &Option<String>| {
            name.as_deref()
                .is_none_or(|name| last.get(name) == Some(position))
        };
        let lowered = pairs
            .iter()
            .zip(names.iter().enumerate())
            .filter(|(_, (position, name))| counts(position, name))
            .map(|((key, value), _)| (self.operand(key, out), self.operand(value, out)));
        Expr::Object(lowered.collect())
    }

    /// A term without references, calls and comprehensions: they move to statements in `out`.
    pub(super) fn operand(&mut self, term: &Term, out: &mut Vec<Literal>) -> Expr {
        match self.top(term, out) {
            moved @ (Expr::Ref(_) | Expr::Comprehension(_)) => Expr::Var(self.moved(moved, term.span, out)),
            kept => kept,
        }
    }

    /// As [`Self::operand`], always as a local.
    pub(super) fn operand_var(&mut self, term: &Term, out: &mut Vec<Literal>) -> Var {
        match self.top(term, out) {
            Expr::Var(var) => var,
            other => self.moved(other, term.span, out),
        }
    }

    fn moved(&mut self, expr: Expr, span: Span, out: &mut Vec<Literal>) -> Var {
        let var = self.fresh(span);
        out.push(plain(LiteralKind::Unify(Expr::Var(var), expr), span));
        var
    }

    pub(super) fn operands(&mut self, terms: &[Term], out: &mut Vec<Literal>) -> Vec<Expr> {
        terms.iter().map(|term| self.operand(term, out)).collect()
    }

    /// A pattern whose bare names are declared. With `reuse`, names that the scope has declared already keep their locals.
    pub(super) fn pattern(&mut self, term: &Term, reuse: bool, out: &mut Vec<Literal>) -> Expr {
        match &term.kind {
            TermKind::Var(name) => {
                let known = self
                    .scopes
                    .last()
                    .and_then(|scope| scope.declared.get(name))
                    .copied();
                match known.filter(|_| reuse) {
                    Some(var) => {
                        self.idle.remove(&var);
                        Expr::Var(var)
                    }
                    None => Expr::Var(self.declare(&Ident {
                        name: name.clone(),
                        span: term.span,
                    })),
                }
            }
            TermKind::Array(terms) => {
                Expr::Array(terms.iter().map(|term| self.pattern(term, reuse, out)).collect())
            }
            TermKind::Object(pairs) => Expr::Object(
                pairs
                    .iter()
                    .map(|(key, value)| (self.operand(key, out), self.pattern(value, reuse, out)))
                    .collect(),
            ),
            _ if is_call(term) => self.operand(term, out),
            _ => self.top(term, out),
        }
    }

    fn reference(&mut self, root: &Ident, segments: &[Segment], span: Span, out: &mut Vec<Literal>) -> Expr {
        match self.resolve(&root.name, root.span) {
            Name::Var(var) => {
                let (root, path) = (Root::Var(var), self.segments(segments, out));
                Expr::Ref(Box::new(Ref { root, path }))
            }
            Name::Document(root, path) => self.document(root, path, segments, span, out),
        }
    }

    /// What is at `segments` below the document at `path`.
    fn document(
        &mut self,
        root: Root,
        path: Path,
        segments: &[Segment],
        span: Span,
        out: &mut Vec<Literal>,
    ) -> Expr {
        if root == Root::Data {
            self.no_function(&path, segments, span);
        }
        let mut path: Vec<Expr> = path.into_iter().map(Expr::String).collect();
        path.extend(self.segments(segments, out));
        Expr::Ref(Box::new(Ref { root, path }))
    }

    /// Reports a function that is read as if it were a document: it would be undefined, and what depends on it never hold.
    fn no_function(&mut self, path: &Path, segments: &[Segment], span: Span) {
        let names = segments.iter().map_while(Segment::as_str);
        let whole: Path = path.iter().cloned().chain(names.map(Arc::from)).collect();
        let mut prefixes = (1..=whole.len()).filter_map(|end| whole.get(..end));
        let Some(function) = prefixes.find(|prefix| self.env.tree.function(prefix).is_some()) else {
            return;
        };
        let message = format!(
            "`{}` is a function, and has no value of its own",
            ref_text(function)
        );
        self.report_help(span, Code::Type, message, "call it with arguments");
    }

    fn segments(&mut self, segments: &[Segment], out: &mut Vec<Literal>) -> Vec<Expr> {
        let lower = |segment: &Segment| match segment {
            Segment::Dot(ident) => Expr::String(ident.name.clone()),
            Segment::Bracket(term) => self.operand(term, out),
        };
        segments.iter().map(lower).collect()
    }

    fn comprehension(
        &mut self,
        body: &ast::Body,
        heads: &[&Term],
        head: impl FnOnce(Vec<Expr>) -> ComprehensionHead,
    ) -> Expr {
        let start = self.next_var();
        self.enter(&body.literals, heads);
        let mut literals = Vec::new();
        self.body(body, &mut literals);
        let heads: Vec<Expr> = heads
            .iter()
            .map(|term| self.operand(term, &mut literals))
            .collect();
        self.leave();
        let owned = start..self.next_var();
        Expr::Comprehension(Box::new(Comprehension {
            head: head(heads),
            body: literals,
            owned,
        }))
    }

    /// The parts of an interpolated string: texts as they are, terms as sets that are empty when the term is undefined.
    pub(super) fn template(&mut self, parts: &[TemplatePart], _: &mut Vec<Literal>) -> Vec<Expr> {
        let mut lowered = Vec::new();
        for part in parts {
            match part {
                TemplatePart::Text(text) => lowered.push(Expr::String(Arc::clone(text))),
                TemplatePart::Term(term, with) => lowered.push(self.at_most_one(term, with)),
            }
        }
        lowered
    }

    /// A term as the set of its values, which is empty when it is undefined.
    pub(super) fn at_most_one(&mut self, term: &Term, with: &[ast::With]) -> Expr {
        let start = self.next_var();
        self.enter(&[], &[term]);
        let mut body = Vec::new();
        let modifiers = self.modifiers(with, &mut body);
        let mut made = Vec::new();
        let head = Expr::Var(self.operand_var(term, &mut made));
        for mut literal in made {
            literal.with.extend(modifiers.iter().cloned());
            body.push(literal);
        }
        if body.is_empty() {
            body.push(plain(LiteralKind::Test(Expr::Bool(true)), term.span));
        }
        self.leave();
        let owned = start..self.next_var();
        let head = ComprehensionHead::Set(head);
        Expr::Comprehension(Box::new(Comprehension { head, body, owned }))
    }
}

/// What tells whether two keys are one term. Each `_` is a variable of its own, so that what has one is no other term; equal numbers are one.
fn key_name(key: &Term) -> Option<String> {
    struct Wildcards(bool);
    impl Visitor for Wildcards {
        fn term(&mut self, term: &Term) {
            self.0 |= matches!(&term.kind, TermKind::Var(name) if name.as_ref() == "_");
            visit::walk_term(self, term);
        }
    }
    if let TermKind::Number(text) = &key.kind
        && let Ok(number) = Number::parse(text)
    {
        return Some(number.to_string());
    }
    let mut wildcards = Wildcards(false);
    wildcards.term(key);
    (!wildcards.0).then(|| tree::term(key))
}
