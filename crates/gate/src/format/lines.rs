//! Lines with their places, for formats of lines.

use std::ops::Range;

/// A line, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'t> {
    pub(super) text: &'t str,
    /// The byte of the text at which it begins.
    pub(super) start: usize,
}

/// The lines of a text, without what ends them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let skipped = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut start = skipped;
    text.get(skipped..)
        .unwrap_or_default()
        .split_inclusive('\n')
        .map(move |line| {
            let at = start;
            start = start.saturating_add(line.len());
            Line {
                text: line.trim_end_matches(['\n', '\r']),
                start: at,
            }
        })
}

impl<'t> Line<'t> {
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start.saturating_add(self.text.len())
    }

    pub(super) fn from(&self, at: usize) -> Self {
        Self {
            text: self.text.get(at..).unwrap_or_default(),
            start: self.start.saturating_add(at),
        }
    }

    pub(super) fn to(&self, at: usize) -> Self {
        Self {
            text: self.text.get(..at).unwrap_or_default(),
            start: self.start,
        }
    }

    pub(super) fn trimmed(&self) -> Self {
        let lead = self.text.len().saturating_sub(self.text.trim_start().len());
        let rest = self.from(lead);
        rest.to(rest.text.trim_end().len())
    }

    /// What is before and behind the first of these characters, each of one byte.
    pub(super) fn split(&self, at: &[char]) -> Option<(Line<'t>, Line<'t>)> {
        let found = self.text.find(at)?;
        Some((self.to(found), self.from(found.saturating_add(1))))
    }
}
