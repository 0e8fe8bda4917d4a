//! Bodies and their statements.

use super::Formatter;
use super::rule::term_starts_with_brace;
use super::term::Place;
use crate::source::Span;
use crate::syntax::ast::{Body, Ident, Literal, LiteralKind, Logical, LogicalOp, Term, With};

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
        match &literal.kind {
            // Braces that no keyword joins are a set, except in parentheses.
            LiteralKind::Group(body) if modified_twice(body).is_none() => self.parenthesised(literal),
            _ => self.placed_literal(literal, false),
        }
    }

    fn placed_literal(&mut self, literal: &Literal, in_parentheses: bool) {
        match &literal.kind {
            LiteralKind::Group(body) => match modified_twice(body) {
                Some(inner) => self.parenthesised(inner),
                None => self.braces(body, literal.span),
            },
            _ if in_parentheses => self.bare_operand(literal),
            _ => self.statement(literal),
        }
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
                let parentheses = matches!(inner.kind, LiteralKind::Logical(_));
                if self.future.not {
                    self.operand(inner, parentheses);
                } else {
                    self.statement(inner);
                }
            }
            LiteralKind::Logical(inner) => self.logical(inner),
            LiteralKind::Group(body) => self.braces(body, literal.span),
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
                self.out.text(" ");
                self.braces(body, literal.span);
            }
        }
    }

    /// A body in braces, in a statement that begins at `head`.
    fn braces(&mut self, body: &Body, head: Span) {
        self.out.text("{");
        let open = body.span.start.saturating_add(1);
        self.inner_body(body, head, open, body.span.end.saturating_sub(1));
        if self.out.in_line() {
            self.out.text(" ");
        }
        self.out.text("}");
    }

    /// Two operands; the second one keeps to its line.
    fn logical(&mut self, logical: &Logical) {
        let below = |side: &Literal, least: LogicalOp| match &side.kind {
            LiteralKind::Logical(inner) => inner.op < least,
            _ => false,
        };
        let (left, right) = (&logical.left, &logical.right);
        self.operand(left, below(left, logical.op));
        self.out.text(" ");
        self.out.text(logical.op.keyword());
        let down = self.line(right.span.start) > self.line(left.span.end);
        if down {
            self.out.indent();
            let keyword = self.past(left.span.end, if logical.op == LogicalOp::Or { 'r' } else { 'd' });
            self.end_line(keyword);
            self.comments_before(right.span.start);
        } else {
            self.out.text(" ");
        }
        let same = matches!(&right.kind, LiteralKind::Logical(inner) if inner.op == logical.op);
        self.operand(right, same || below(right, logical.op));
        if down {
            self.out.outdent();
        }
    }

    /// What a keyword is about, in the parentheses that it needs.
    fn operand(&mut self, operand: &Literal, parentheses: bool) {
        if parentheses || !operand.with.is_empty() {
            return self.parenthesised(operand);
        }
        self.bare_operand(operand);
    }

    fn parenthesised(&mut self, literal: &Literal) {
        self.out.text("(");
        self.placed_literal(literal, true);
        self.out.text(")");
    }

    /// An operand, whose term is in parentheses if it starts with braces that would be read as a body's.
    fn bare_operand(&mut self, operand: &Literal) {
        match &operand.kind {
            LiteralKind::Term(term) if term_starts_with_brace(term) => self.kept_together(term),
            LiteralKind::Assign(left, right) if term_starts_with_brace(left) => {
                self.kept_together(left);
                self.out.text(" := ");
                self.term(right, Place::Value);
            }
            LiteralKind::Unify(left, right) if term_starts_with_brace(left) => {
                self.kept_together(left);
                self.out.text(" = ");
                self.term(right, Place::Value);
            }
            _ => self.statement(operand),
        }
    }

    fn kept_together(&mut self, term: &Term) {
        self.out.text("(");
        self.term(term, Place::Statement);
        self.out.text(")");
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

/// The statement of a body that is `(p with input as x)`, if modifiers follow it.
fn modified_twice(body: &Body) -> Option<&Literal> {
    match body.literals.as_slice() {
        [inner] if !inner.with.is_empty() => Some(inner),
        _ => None,
    }
}

/// Where a statement ends without its modifiers.
fn statement_end(literal: &Literal) -> u32 {
    match &literal.kind {
        LiteralKind::Term(term)
        | LiteralKind::Assign(_, term)
        | LiteralKind::Unify(_, term)
        | LiteralKind::SomeIn { collection: term, .. } => term.span.end,
        LiteralKind::Not(inner) => match inner.kind {
            LiteralKind::Logical(_) => inner.span.end,
            _ if !inner.with.is_empty() => inner.span.end,
            _ => statement_end(inner),
        },
        LiteralKind::Logical(inner) => inner.right.span.end,
        LiteralKind::Group(body) => body.span.end,
        LiteralKind::Some(names) => names.last().map_or(literal.span.end, |name| name.span.end),
        LiteralKind::Every { body, .. } => body.span.end,
    }
}

fn starts_with_term(literal: &Literal) -> bool {
    match &literal.kind {
        LiteralKind::Term(_) | LiteralKind::Assign(..) | LiteralKind::Unify(..) => true,
        LiteralKind::Logical(inner) => starts_with_term(&inner.left),
        _ => false,
    }
}
