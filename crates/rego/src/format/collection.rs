//! Arrays, sets, objects, argument lists and comprehensions.

use super::Formatter;
use super::term::Place;
use crate::source::Span;
use crate::syntax::ast::{Body, Term, TermKind};

/// What stands between commas.
enum Entry<'t> {
    /// An argument or parameter.
    Argument(&'t Term),
    /// An element of an array or set.
    Element(&'t Term),
    /// A key and its value.
    Pair(&'t Term, &'t Term),
}

impl Entry<'_> {
    const fn span(&self) -> Span {
        match self {
            Self::Argument(term) | Self::Element(term) => term.span,
            Self::Pair(key, value) => Span::new(key.span.start, value.span.end),
        }
    }
}

impl Formatter<'_> {
    /// An array, set, object or comprehension.
    pub(super) fn collection(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Array(items) => {
                let span = self.own_span(term, '[', ']');
                self.list(
                    "[",
                    &items.iter().map(Entry::Element).collect::<Vec<_>>(),
                    "]",
                    span,
                );
            }
            TermKind::Set(items) if items.is_empty() => self.out.text("set()"),
            TermKind::Set(items) => {
                let span = self.own_span(term, '{', '}');
                self.list(
                    "{",
                    &items.iter().map(Entry::Element).collect::<Vec<_>>(),
                    "}",
                    span,
                );
            }
            TermKind::Object(pairs) => {
                let span = self.own_span(term, '{', '}');
                let entries: Vec<_> = pairs.iter().map(|(key, value)| Entry::Pair(key, value)).collect();
                self.list("{", &entries, "}", span);
            }
            TermKind::ArrayComprehension(inner) => {
                self.out.text("[");
                self.term(&inner.head, Place::ComprehensionHead);
                self.comprehension(&inner.head, &inner.body, self.own_span(term, '[', ']'));
                self.out.text("]");
            }
            TermKind::SetComprehension(inner) => {
                self.out.text("{");
                self.term(&inner.head, Place::ComprehensionHead);
                self.comprehension(&inner.head, &inner.body, self.own_span(term, '{', '}'));
                self.out.text("}");
            }
            TermKind::ObjectComprehension(inner) => {
                self.out.text("{");
                self.term(&inner.key, Place::Element);
                self.out.text(": ");
                self.term(&inner.value, Place::ComprehensionHead);
                self.comprehension(&inner.value, &inner.body, self.own_span(term, '{', '}'));
                self.out.text("}");
            }
            _ => {}
        }
    }

    /// ` |` and the statements, behind a head that is written.
    fn comprehension(&mut self, head: &Term, body: &Body, span: Span) {
        self.out.text(" |");
        let open = self.past(head.span.end, '|');
        self.inner_body(
            body,
            Span::new(span.start, head.span.end),
            open,
            span.end.saturating_sub(1),
        );
    }

    /// The term's span without parentheses around it.
    fn own_span(&self, term: &Term, opener: char, closer: char) -> Span {
        let start = self.past(term.span.start, opener).saturating_sub(1);
        Span::new(start, self.own_end(term, closer))
    }

    /// Arguments or parameters; `span` is from the opening bracket to behind the closing one.
    pub(super) fn sequence(&mut self, open: &str, terms: &[Term], close: &str, span: Span) {
        let entries: Vec<_> = terms.iter().map(Entry::Argument).collect();
        self.list(open, &entries, close, span);
    }

    /// Entries between brackets. They keep to their lines if they start on different ones, or below the opening bracket.
    fn list(&mut self, open: &str, entries: &[Entry<'_>], close: &str, span: Span) {
        self.out.text(open);
        let mut line = self.line(span.start);
        let mut lines: Vec<Vec<&Entry<'_>>> = Vec::new();
        let mut broken = false;
        for entry in entries {
            let at = self.line(entry.span().start);
            broken |= at > line;
            match lines.last_mut() {
                Some(last) if at <= line => last.push(entry),
                _ => lines.push(vec![entry]),
            }
            line = at;
        }
        if broken || self.comment_before_end(entries, span) {
            self.broken_list(&lines, span);
        } else {
            self.entries(lines.first().map_or(&[], Vec::as_slice));
        }
        self.out.text(close);
    }

    /// Whether a comment has its own line before the first entry or behind the last one.
    fn comment_before_end(&self, entries: &[Entry<'_>], span: Span) -> bool {
        let first = entries.first().map_or(span.end, |entry| entry.span().start);
        let last = entries.last().map_or(span.end, |entry| entry.span().end);
        self.comments.any_alone(span.start, first) || self.comments.any_alone(last, span.end)
    }

    fn broken_list(&mut self, lines: &[Vec<&Entry<'_>>], span: Span) {
        self.end_line(span.start.saturating_add(1));
        self.out.indent();
        for line in lines {
            let (Some(first), Some(last)) = (line.first(), line.last()) else {
                continue;
            };
            self.comments_before(first.span().start);
            self.entries(line);
            self.out.text(",");
            self.end_line(last.span().end);
        }
        self.comments_before(span.end.saturating_sub(1));
        self.out.outdent();
    }

    fn entries(&mut self, entries: &[&Entry<'_>]) {
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                self.out.text(", ");
            }
            match entry {
                Entry::Argument(term) => self.term(term, Place::Argument),
                Entry::Element(term) => self.term(term, Place::Element),
                Entry::Pair(key, value) => {
                    self.term(key, Place::Element);
                    self.out.text(": ");
                    self.term(value, Place::Element);
                }
            }
        }
    }
}
