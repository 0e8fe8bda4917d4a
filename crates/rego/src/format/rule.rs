//! Rules: heads, conditions, `else` branches.

use super::Formatter;
use super::term::Place;
use crate::source::Span;
use crate::syntax::ast::{Body, Else, Head, HeadKind, Literal, LiteralKind, Rule, Segment, Term, TermKind};

/// How a condition was written.
#[derive(PartialEq, Eq)]
enum Layout {
    /// Behind its head, on one line or not in braces.
    Inline,
    /// In braces, a statement to a line.
    Block,
}

impl Formatter<'_> {
    /// A rule; the line that it ends on stays open.
    pub(super) fn rule(&mut self, rule: &Rule) {
        if rule.default {
            self.out.text("default ");
        }
        let lone = rule.elses.is_empty();
        let body = rule.body.as_ref().filter(|body| !(lone && is_only_true(body)));
        self.head(&rule.head, rule.default, body.is_none(), rule.body.is_some());
        let mut end = rule.head.span.end;
        let mut layout = Layout::Inline;
        if let Some(body) = body {
            layout = self.condition(end, body);
            end = body.span.end;
        }
        for (index, branch) in rule.elses.iter().enumerate() {
            let last = index.saturating_add(1) == rule.elses.len();
            layout = self.else_branch(branch, end, &layout, rule, last);
            end = branch.span.end;
        }
    }

    fn head(&mut self, head: &Head, default: bool, unconditional: bool, conditional: bool) {
        self.head_reference(head);
        if let Some(args) = &head.args {
            let open = self.past(head.reference.span.end, '(');
            self.sequence(
                "(",
                args,
                ")",
                Span::new(open.saturating_sub(1), self.end_of_args(open, args)),
            );
        }
        match &head.kind {
            HeadKind::Contains(member) => {
                self.out.text(" contains ");
                self.term(member, Place::Value);
            }
            HeadKind::Value(Some(value)) if default || unconditional || !is_true(value) => {
                self.out.text(" := ");
                self.term(value, Place::Value);
            }
            // A head alone defines nothing, but a condition that was left out did.
            HeadKind::Value(None) if unconditional && conditional => self.out.text(" := true"),
            HeadKind::Value(_) => {}
        }
    }

    /// Name and path. A path of one segment is written in brackets, unless longer ones in the module want dots.
    fn head_reference(&mut self, head: &Head) {
        self.out.text(&head.reference.root.name);
        // `true["x"]` would be the constant.
        let constant = matches!(head.name().as_ref(), "true" | "false" | "null");
        match head.reference.path.as_slice() {
            [Segment::Dot(name)] if !self.long_heads && !constant => {
                self.out.text(&format!("[{:?}]", name.name.as_ref()));
            }
            [Segment::Bracket(term)] if !self.long_heads => {
                self.out.text("[");
                self.term(term, Place::Value);
                self.out.text("]");
            }
            path => self.segments(path),
        }
    }

    /// The offset behind the parameters' closing parenthesis.
    fn end_of_args(&self, open: u32, args: &[Term]) -> u32 {
        let from = args.last().map_or(open, |last| last.span.end);
        self.past(from, ')')
    }

    /// ` if` and a condition, behind a head or an `else` that ends at `end`.
    fn condition(&mut self, end: u32, body: &Body) -> Layout {
        self.out.text(" if");
        if let [literal] = body.literals.as_slice()
            && self.line(literal.span.start) == self.line(end)
            && !starts_with_brace(literal)
        {
            self.out.text(" ");
            self.literal(literal);
            return Layout::Inline;
        }
        self.out.text(" {");
        let braced = self.source.slice(body.span).starts_with('{');
        let open = body.span.start.saturating_add(u32::from(braced));
        self.block(
            &body.literals,
            open,
            body.span.end.saturating_sub(u32::from(braced)),
        );
        self.out.text("}");
        Layout::Block
    }

    /// An `else` branch behind a condition that was written with `layout` and ends at `end`.
    fn else_branch(&mut self, branch: &Else, end: u32, layout: &Layout, rule: &Rule, last: bool) -> Layout {
        let start = branch.span.start;
        let line = self.line(start);
        let inline = *layout == Layout::Block
            && line > self.line(rule.span.start)
            && !self.source.line_text(line).trim_start().starts_with("else")
            && !self.comments.any_before(start);
        if inline {
            self.out.text(" ");
        } else {
            self.end_line(end);
            self.out.blank();
            self.comments_before(start);
        }
        self.out.text("else");
        let body = branch.body.as_ref().filter(|body| !(last && is_only_true(body)));
        let mut end = start;
        match &branch.value {
            Some(value) if body.is_none() || !is_true(value) => {
                self.out.text(" := ");
                self.term(value, Place::Value);
            }
            None if body.is_none() => self.out.text(" := true"),
            _ => {}
        }
        if let Some(value) = &branch.value {
            end = value.span.end;
        }
        match body {
            Some(body) => self.condition(end, body),
            None => Layout::Inline,
        }
    }
}

/// Whether a condition says `true` and nothing else: the same as none.
fn is_only_true(body: &Body) -> bool {
    matches!(
        body.literals.as_slice(),
        [Literal { kind: LiteralKind::Term(term), with, .. }] if with.is_empty() && is_true(term)
    )
}

fn is_true(term: &Term) -> bool {
    matches!(term.kind, TermKind::Bool(true))
}

/// Whether the statement's text starts with `{`, which behind `if` would open a body.
fn starts_with_brace(literal: &Literal) -> bool {
    match &literal.kind {
        LiteralKind::Term(term) | LiteralKind::Assign(term, _) | LiteralKind::Unify(term, _) => {
            term_starts_with_brace(term)
        }
        LiteralKind::Logical(inner) => inner.operands.first().is_some_and(|first| match &first.kind {
            LiteralKind::Group(_) | LiteralKind::Logical(_) => {
                first.with.is_empty() && starts_with_brace(first)
            }
            // Terms that start with braces are in parentheses there.
            _ => false,
        }),
        LiteralKind::Group(_) => literal.with.is_empty(),
        LiteralKind::Not(_)
        | LiteralKind::Some(_)
        | LiteralKind::SomeIn { .. }
        | LiteralKind::Every { .. } => false,
    }
}

pub(super) fn term_starts_with_brace(term: &Term) -> bool {
    match &term.kind {
        TermKind::Set(items) => !items.is_empty(),
        TermKind::Object(_) | TermKind::SetComprehension(_) | TermKind::ObjectComprehension(_) => true,
        TermKind::Select(base, _) => term_starts_with_brace(base),
        TermKind::Infix(_, sides) => term_starts_with_brace(&sides.0),
        TermKind::Membership(membership) => {
            term_starts_with_brace(membership.key.as_ref().unwrap_or(&membership.value))
        }
        _ => false,
    }
}
