//! Terms: operators with the parentheses that they need, references, calls, strings.

use super::Formatter;
use crate::source::Span;
use crate::syntax::ast::{InfixOp, Ref, Segment, TemplatePart, Term, TermKind, With};

/// Where a term stands, which decides about its parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is a whole statement.
    Statement,
    /// It is a whole value: a side of `:=`, what is in brackets.
    Value,
    /// It is an argument: a union keeps the parentheses that it has.
    Argument,
    /// It is an element or a head where a bare `|` would begin a comprehension's body.
    Element,
    /// It is the head of a comprehension.
    ComprehensionHead,
    /// It is an operand of a statement's operator: parentheses only where this precedence asks for them.
    Operand { least: u8 },
    /// It is an operand further down: any operator in it gets parentheses.
    Nested,
    /// It is what `every` goes through: all operators but `in` may stand bare.
    Domain,
    /// Segments follow it.
    Base,
}

/// Longer chains of operators do without the parentheses around what they begin with, which would nest more deeply than the
/// parser allows.
const LONGEST_CHAIN: usize = 32;

impl Formatter<'_> {
    /// A term.
    pub(super) fn term(&mut self, term: &Term, place: Place) {
        let leads_on = matches!(
            term.kind,
            TermKind::Infix(..) | TermKind::Membership(_) | TermKind::Select(..)
        );
        let minus = self.minus_continues && is_negative(term);
        let parentheses = minus || needs_parentheses(term, place);
        // Operators pass it on to the term on their left.
        self.minus_continues &= leads_on && !parentheses;
        if parentheses {
            self.out.text("(");
        }
        self.bare(term, if parentheses { Place::Value } else { place });
        if parentheses {
            self.out.text(")");
        }
    }

    fn bare(&mut self, term: &Term, place: Place) {
        let source = self.source;
        match &term.kind {
            TermKind::Null => self.out.text("null"),
            TermKind::Bool(value) => self.out.text(if *value { "true" } else { "false" }),
            TermKind::Number(text) => self.out.text(text),
            TermKind::String(_) => self.out.text(source.slice(self.string_span(term))),
            TermKind::Template(parts) => self.template(term, parts),
            TermKind::Var(name) => self.out.text(name),
            TermKind::Ref(reference) => self.reference(reference),
            TermKind::Select(base, segments) => {
                self.term(base, Place::Base);
                self.segments(segments);
            }
            TermKind::Call(call) => {
                self.reference(&call.function);
                let open = call.function.span.end;
                let end = self.own_end(term, ')');
                self.sequence("(", &call.args, ")", Span::new(open, end));
            }
            TermKind::Infix(op, sides) => self.infix(*op, &sides.0, &sides.1, place),
            TermKind::Membership(membership) => {
                if let Some(key) = &membership.key {
                    self.term(key, Place::Nested);
                    self.out.text(", ");
                }
                self.term(&membership.value, Place::Nested);
                self.out.text(" in ");
                self.term(&membership.collection, Place::Nested);
            }
            _ => self.collection(term),
        }
    }

    fn infix(&mut self, op: InfixOp, left: &Term, right: &Term, place: Place) {
        let precedence = op.precedence();
        let bare_left = Place::Operand { least: precedence };
        let least = precedence.saturating_add(1);
        let (before, after) = if place == Place::Statement {
            (bare_left, Place::Operand { least })
        } else if chain(left) > LONGEST_CHAIN {
            (bare_left, Place::Nested)
        } else {
            (Place::Nested, Place::Nested)
        };
        self.term(left, before);
        self.out.text(" ");
        self.out.text(op.symbol());
        self.out.text(" ");
        self.term(right, after);
    }

    /// A name and its segments.
    pub(super) fn reference(&mut self, reference: &Ref) {
        self.out.text(&reference.root.name);
        self.segments(&reference.path);
    }

    pub(super) fn segments(&mut self, segments: &[Segment]) {
        for segment in segments {
            match segment {
                Segment::Dot(name) => {
                    self.out.text(".");
                    self.out.text(&name.name);
                }
                Segment::Bracket(term) => match &term.kind {
                    TermKind::String(name) => {
                        let span = self.string_span(term);
                        self.constant_segment(name, span);
                    }
                    _ => {
                        self.out.text("[");
                        self.term(term, Place::Value);
                        self.out.text("]");
                    }
                },
            }
        }
    }

    /// The string itself, without parentheses around it, which are part of its term's span.
    fn string_span(&self, term: &Term) -> Span {
        let quotes = ['"', '`'];
        let written = self.source.slice(term.span);
        let offset = |at: Option<usize>| at.and_then(|at| u32::try_from(at).ok());
        match (offset(written.find(quotes)), offset(written.rfind(quotes))) {
            (Some(first), Some(last)) => Span::new(
                term.span.start.saturating_add(first),
                term.span.start.saturating_add(last).saturating_add(1),
            ),
            _ => term.span,
        }
    }

    /// An interpolated string: its text as it is written, its expressions formatted.
    fn template(&mut self, term: &Term, parts: &[TemplatePart]) {
        let source = self.source;
        let start = self.past(term.span.start, '$').saturating_sub(1);
        let quote = source
            .slice(Span::new(start.saturating_add(1), start.saturating_add(2)))
            .chars()
            .next()
            .unwrap_or('"');
        let end = self.own_end(term, quote);
        let whole = Span::new(start, end);
        if self.comments.any_within(whole) {
            self.out.text(source.slice(whole));
            self.comments.drop_within(whole);
            return;
        }
        let mut written = start;
        for part in parts {
            let TemplatePart::Term(inner, with) = part else {
                continue;
            };
            // Only blanks stand between the braces and what is in them.
            let before = source.slice(Span::new(written, inner.span.start)).trim_end();
            self.out.text(before);
            self.term(inner, Place::Value);
            self.template_modifiers(with);
            let last = with.last().map_or(inner.span.end, |with| with.span.end);
            written = self.past(last, '}').saturating_sub(1);
        }
        self.out.text(source.slice(Span::new(written, end)));
    }

    fn template_modifiers(&mut self, with: &[With]) {
        for modifier in with {
            self.out.text(" ");
            self.modifier(modifier);
        }
    }

    /// Where the term ends that closes with `closer`; parentheses around it are part of its span.
    pub(super) fn own_end(&self, term: &Term, closer: char) -> u32 {
        if closer == ')' && !self.source.slice(term.span).starts_with('(') {
            return term.span.end;
        }
        let text = self.source.slice(term.span);
        let length = text
            .rfind(closer)
            .map_or(text.len(), |at| at.saturating_add(closer.len_utf8()));
        term.span.start.saturating_add(u32::try_from(length).unwrap_or(0))
    }
}

/// How many operators follow each other to the left.
fn chain(term: &Term) -> usize {
    let mut length = 0usize;
    let mut term = term;
    while let TermKind::Infix(_, sides) = &term.kind {
        length = length.saturating_add(1);
        term = &sides.0;
    }
    length
}

fn is_negative(term: &Term) -> bool {
    matches!(&term.kind, TermKind::Number(text) if text.starts_with('-'))
}

/// Whether parentheses stood directly around an operator's term.
fn was_in_parentheses(term: &Term) -> bool {
    match &term.kind {
        TermKind::Infix(_, sides) => term.span.start < sides.0.span.start,
        _ => false,
    }
}

fn needs_parentheses(term: &Term, place: Place) -> bool {
    match &term.kind {
        TermKind::Infix(op, _) => match place {
            Place::Statement | Place::Value | Place::Domain => false,
            Place::Argument => *op == InfixOp::Or && was_in_parentheses(term),
            Place::Element => *op == InfixOp::Or,
            Place::ComprehensionHead => *op == InfixOp::Or || was_in_parentheses(term),
            Place::Operand { least } => op.precedence() < least,
            Place::Nested | Place::Base => true,
        },
        TermKind::Membership(membership) => match place {
            Place::Statement => false,
            Place::Value | Place::Argument | Place::Element | Place::ComprehensionHead => {
                membership.key.is_some()
            }
            Place::Operand { .. } | Place::Nested | Place::Domain | Place::Base => true,
        },
        TermKind::Null
        | TermKind::Bool(_)
        | TermKind::Number(_)
        | TermKind::String(_)
        | TermKind::Template(_)
        | TermKind::Var(_)
        | TermKind::Ref(_)
        | TermKind::Select(..) => place == Place::Base,
        _ => false,
    }
}
