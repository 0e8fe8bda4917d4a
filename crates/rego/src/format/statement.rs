//! Bodies and their statements.

use super::Formatter;
use super::term::Place;
use crate::source::Span;
use crate::syntax::ast::{Body, Ident, Literal, LiteralKind, With};

impl Formatter<'_> {
    /// Statements, each on its line and one tab in, between an opening bracket that ends at `open` and is written, and a closing one
    /// at `close`, which is not.
    pub(super) fn block(&mut self, literals: &[Literal], open: u32, close: u32) {
        self.end_line(open);
        self.out.indent();
        let mut end = None;
        for literal in literals {
            let start = literal.span.start;
            let apart = |end: u32| {
                self.comments.any_before(start) || self.line(start) > self.line(end).saturating_add(1)
            };
            if end.is_some_and(apart) {
                self.out.blank();
            }
            self.comments_before(start);
            self.minus_continues = end.is_some() && starts_with_term(literal);
            self.literal(literal);
            self.end_line(literal.span.end);
            end = Some(literal.span.end);
        }
        self.comments_before(close);
        self.out.outdent();
    }

    /// The statements of a comprehension or an `every`: on the line at hand if they were all on the line of `open`, the offset
    /// behind the opening sign.
    pub(super) fn inner_body(&mut self, body: &Body, head: Span, open: u32, close: u32) {
        let last = body.literals.last().map_or(open, |literal| literal.span.end);
        let mut line = self.line(head.start);
        let one_line = body
            .literals
            .iter()
            .all(|literal| std::mem::replace(&mut line, self.line(literal.span.start)) >= line)
            && !self.comments.any_alone(last, close);
        if !one_line {
            return self.block(&body.literals, open, close);
        }
        for (index, literal) in body.literals.iter().enumerate() {
            self.out.text(if index == 0 { " " } else { "; " });
            self.literal(literal);
        }
    }

    /// A statement with its modifiers, which keep to their lines.
    pub(super) fn literal(&mut self, literal: &Literal) {
        self.statement(literal);
        let mut end = statement_end(literal);
        let mut line = self.line(end);
        let mut indented = false;
        for with in &literal.with {
            let at = self.line(with.span.start);
            if at > line {
                if !indented {
                    self.out.indent();
                    indented = true;
                }
                self.end_line(end);
                self.comments_before(with.span.start);
            } else {
                self.out.text(" ");
            }
            line = at;
            end = with.span.end;
            self.modifier(with);
        }
        if indented {
            self.out.outdent();
        }
    }

    pub(super) fn modifier(&mut self, with: &With) {
        self.out.text("with ");
        self.reference(&with.target);
        self.out.text(" as ");
        self.term(&with.value, Place::Value);
    }

    fn statement(&mut self, literal: &Literal) {
        match &literal.kind {
            LiteralKind::Term(term) => self.term(term, Place::Statement),
            LiteralKind::Assign(left, right) => {
                self.term(left, Place::Value);
                self.out.text(" := ");
                self.term(right, Place::Value);
            }
            LiteralKind::Unify(left, right) => {
                self.term(left, Place::Value);
                self.out.text(" = ");
                self.term(right, Place::Value);
            }
            LiteralKind::Not(inner) => {
                self.out.text("not ");
                self.statement(inner);
            }
            LiteralKind::Some(names) => self.some(names, literal.span),
            LiteralKind::SomeIn {
                key,
                value,
                collection,
            } => {
                self.out.text("some ");
                if let Some(key) = key {
                    self.term(key, Place::Nested);
                    self.out.text(", ");
                }
                self.term(value, Place::Nested);
                self.out.text(" in ");
                self.term(collection, Place::Nested);
            }
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
            } => {
                self.out.text("every ");
                if let Some(key) = key {
                    self.out.text(&key.name);
                    self.out.text(", ");
                }
                self.out.text(&value.name);
                self.out.text(" in ");
                self.term(domain, Place::Domain);
                self.out.text(" {");
                let open = body.span.start.saturating_add(1);
                self.inner_body(body, literal.span, open, body.span.end.saturating_sub(1));
                if self.out.in_line() {
                    self.out.text(" ");
                }
                self.out.text("}");
            }
        }
    }

    /// `some x, y`, with the line breaks between the names.
    fn some(&mut self, names: &[Ident], span: Span) {
        self.out.text("some ");
        let mut line = self.line(span.start);
        let mut end = span.start;
        let mut indented = false;
        for (index, name) in names.iter().enumerate() {
            let at = self.line(name.span.start);
            if index > 0 {
                self.out.text(",");
            }
            if index > 0 && at > line {
                if !indented {
                    self.out.indent();
                    indented = true;
                }
                self.end_line(end);
                self.comments_before(name.span.start);
            } else if index > 0 {
                self.out.text(" ");
            }
            line = at;
            end = name.span.end;
            self.out.text(&name.name);
        }
        if indented {
            self.out.outdent();
        }
    }
}

/// Where a statement ends without its modifiers.
fn statement_end(literal: &Literal) -> u32 {
    match &literal.kind {
        LiteralKind::Term(term)
        | LiteralKind::Assign(_, term)
        | LiteralKind::Unify(_, term)
        | LiteralKind::SomeIn { collection: term, .. } => term.span.end,
        LiteralKind::Not(inner) => statement_end(inner),
        LiteralKind::Some(names) => names.last().map_or(literal.span.end, |name| name.span.end),
        LiteralKind::Every { body, .. } => body.span.end,
    }
}

fn starts_with_term(literal: &Literal) -> bool {
    matches!(
        literal.kind,
        LiteralKind::Term(_) | LiteralKind::Assign(..) | LiteralKind::Unify(..)
    )
}
