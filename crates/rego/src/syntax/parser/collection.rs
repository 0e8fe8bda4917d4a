//! Arrays, sets, objects and comprehensions.

use super::{Parse, Parser};
use crate::syntax::ast::{Comprehension, ObjectComprehension, Term, TermKind};
use crate::syntax::token::Tok;

impl Parser<'_> {
    /// Terms separated by commas, up to `end`, which is consumed. A comma may precede `end`.
    pub(super) fn terms(&mut self, end: &Tok, wanted: &str) -> Parse<Vec<Term>> {
        let mut terms = Vec::new();
        let mut height = 0;
        while !self.eat(end) {
            terms.push(self.expression(false)?);
            height = height.max(self.height);
            if !self.eat(&Tok::Comma) && !self.at(end) {
                return Err(self.unexpected(wanted));
            }
        }
        self.height = height;
        Ok(terms)
    }

    /// The first element, which ends at a `|`.
    fn first(&mut self) -> Parse<Term> {
        self.pipe_ends = true;
        let term = self.expression(false);
        self.pipe_ends = false;
        term
    }

    /// `[a, b]` or `[head | body]`.
    pub(super) fn array(&mut self) -> Parse<Term> {
        let start = self.span();
        self.advance();
        if self.eat(&Tok::RBracket) {
            self.height = 1;
            return Ok(self.term_from(start, TermKind::Array(Vec::new())));
        }
        let first = self.first()?;
        let mut height = self.height;
        let kind = if self.eat(&Tok::Pipe) {
            let body = self.comprehension_body(&Tok::RBracket)?;
            height = height.max(self.height);
            self.expect(&Tok::RBracket, "`]`")?;
            TermKind::ArrayComprehension(Box::new(Comprehension { head: first, body }))
        } else {
            TermKind::Array(self.elements(first, &Tok::RBracket, "`,` or `]`", &mut height)?)
        };
        let term = self.term_from(start, kind);
        self.built_over(height, term.span)?;
        Ok(term)
    }

    /// The elements after the first one.
    fn elements(&mut self, first: Term, end: &Tok, wanted: &str, height: &mut u32) -> Parse<Vec<Term>> {
        let mut terms = vec![first];
        if self.eat(&Tok::Comma) {
            terms.extend(self.terms(end, wanted)?);
            *height = (*height).max(self.height);
        } else if !self.eat(end) {
            return Err(self.unexpected(wanted));
        }
        Ok(terms)
    }

    /// `{}`, `{k: v}`, `{a}`, `{head | body}` or `{key: value | body}`.
    pub(super) fn braces(&mut self) -> Parse<Term> {
        let start = self.span();
        self.advance();
        if self.eat(&Tok::RBrace) {
            self.height = 1;
            return Ok(self.term_from(start, TermKind::Object(Vec::new())));
        }
        let first = self.first()?;
        let mut height = self.height;
        let kind = if self.eat(&Tok::Colon) {
            self.object(first, &mut height)?
        } else if self.eat(&Tok::Pipe) {
            let body = self.comprehension_body(&Tok::RBrace)?;
            height = height.max(self.height);
            self.expect(&Tok::RBrace, "`}`")?;
            TermKind::SetComprehension(Box::new(Comprehension { head: first, body }))
        } else {
            TermKind::Set(self.elements(first, &Tok::RBrace, "`:`, `,` or `}`", &mut height)?)
        };
        let term = self.term_from(start, kind);
        self.built_over(height, term.span)?;
        Ok(term)
    }

    fn object(&mut self, key: Term, height: &mut u32) -> Parse<TermKind> {
        let value = self.first()?;
        *height = (*height).max(self.height);
        if self.eat(&Tok::Pipe) {
            let body = self.comprehension_body(&Tok::RBrace)?;
            *height = (*height).max(self.height);
            self.expect(&Tok::RBrace, "`}`")?;
            return Ok(TermKind::ObjectComprehension(Box::new(ObjectComprehension {
                key,
                value,
                body,
            })));
        }
        let mut pairs = vec![(key, value)];
        loop {
            if self.eat(&Tok::RBrace) {
                return Ok(TermKind::Object(pairs));
            }
            if !self.eat(&Tok::Comma) {
                return Err(self.unexpected("`,` or `}`"));
            }
            if self.eat(&Tok::RBrace) {
                return Ok(TermKind::Object(pairs));
            }
            let key = self.expression(false)?;
            *height = (*height).max(self.height);
            self.expect(&Tok::Colon, "`:` and the key's value")?;
            let value = self.expression(false)?;
            *height = (*height).max(self.height);
            pairs.push((key, value));
        }
    }
}
