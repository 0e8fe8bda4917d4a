//! The comments that are not written yet.

use std::collections::VecDeque;

use crate::source::{SourceFile, Span};
use crate::syntax::token::Comment;

/// Comments in the order of the source.
pub(super) struct Comments<'a> {
    source: &'a SourceFile,
    waiting: VecDeque<Span>,
}

impl<'a> Comments<'a> {
    pub(super) fn new(source: &'a SourceFile, comments: &[Comment]) -> Self {
        Self {
            source,
            waiting: comments.iter().map(|comment| comment.span).collect(),
        }
    }

    /// A comment's text, without blanks at its end.
    pub(super) fn text(&self, comment: Span) -> &'a str {
        self.source.slice(comment).trim_end()
    }

    /// Takes the next comment if it stands before `offset`.
    pub(super) fn next_before(&mut self, offset: u32) -> Option<Span> {
        self.waiting.pop_front_if(|comment| comment.start < offset)
    }

    /// Whether a comment that stands before `offset` waits.
    pub(super) fn any_before(&self, offset: u32) -> bool {
        self.waiting.front().is_some_and(|comment| comment.start < offset)
    }

    /// Whether a comment between the two offsets stands on a line of its own.
    pub(super) fn any_alone(&self, from: u32, to: u32) -> bool {
        self.waiting
            .iter()
            .skip_while(|comment| comment.start < from)
            .take_while(|comment| comment.start < to)
            .any(|comment| {
                let line = self.source.line(comment.start);
                self.source.line_text(line).trim_start().starts_with('#')
            })
    }

    /// Takes the comment for the end of a line on which everything before `upto` is written: one that was passed over, or
    /// one that follows directly.
    pub(super) fn at_end_of_line(&mut self, upto: u32) -> Option<Span> {
        let source = self.source;
        self.waiting.pop_front_if(|comment| {
            comment.start < upto
                || source
                    .slice(Span::new(upto, comment.start))
                    .chars()
                    .all(|c| matches!(c, ' ' | '\t' | '\r' | ',' | ';'))
        })
    }

    /// Whether a comment stands within the span.
    pub(super) fn any_within(&self, span: Span) -> bool {
        self.waiting
            .iter()
            .take_while(|comment| comment.start < span.end)
            .any(|comment| span.start < comment.start)
    }

    /// Forgets the comments within a span whose text is written as it is.
    pub(super) fn drop_within(&mut self, span: Span) {
        self.waiting
            .retain(|comment| comment.start < span.start || comment.start >= span.end);
    }
}
