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
        self.placed_literal(literal, false);
    }

    fn placed_literal(&mut self, literal: &Literal, in_parentheses: bool) {
        if in_parentheses {
            self.bare_operand(literal);
        } else {
            self.statement(literal);
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

    /// Operands; each keeps to its line.
    fn logical(&mut self, logical: &Logical) {
        let last = if logical.op == LogicalOp::Or { 'r' } else { 'd' };
        let mut before: Option<u32> = None;
        for operand in &logical.operands {
            // Only the first operand may be a chain of the same keyword, which groups from the left.
            let parentheses = match &operand.kind {
                LiteralKind::Logical(inner) => {
                    inner.op < logical.op || before.is_some() && inner.op == logical.op
                }
                _ => false,
            };
            let Some(end) = before.replace(operand.span.end) else {
                self.operand(operand, parentheses);
                continue;
            };
            self.out.text(" ");
            self.out.text(logical.op.keyword());
            let down = self.line(operand.span.start) > self.line(end);
            if down {
                self.out.indent();
                let keyword = self.past(end, last);
                self.end_line(keyword);
                self.comments_before(operand.span.start);
            } else {
                self.out.text(" ");
            }
            self.operand(operand, parentheses);
            if down {
                self.out.outdent();
            }
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
        LiteralKind::Logical(inner) => inner
            .operands
            .last()
            .map_or(literal.span.end, |last| last.span.end),
        LiteralKind::Group(body) => body.span.end,
        LiteralKind::Some(names) => names.last().map_or(literal.span.end, |name| name.span.end),
        LiteralKind::Every { body, .. } => body.span.end,
    }
}

fn starts_with_term(literal: &Literal) -> bool {
    match &literal.kind {
        LiteralKind::Term(_) | LiteralKind::Assign(..) | LiteralKind::Unify(..) => true,
        LiteralKind::Logical(inner) => inner.operands.first().is_some_and(starts_with_term),
        _ => false,
    }
}
