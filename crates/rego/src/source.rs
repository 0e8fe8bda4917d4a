//! Source files and positions in them.

use std::sync::Arc;

/// A half-open range of bytes `[start, end)` in one source file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset just past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `[start, end)`.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The empty span at the end of this one.
    #[must_use]
    pub const fn after(self) -> Self {
        Self {
            start: self.end,
            end: self.end,
        }
    }

    /// The same range as `usize`, ready to slice with.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A position for people: both numbers start at 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// The version of the language that a text is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegoVersion {
    /// Before OPA 1.0: bodies without `if`, sets as `name[member]`, and keywords only where they are imported.
    V0,
    /// OPA 1.0 and later.
    #[default]
    V1,
}

/// The words that are keywords, or say more, only where `future.keywords` brings them, in v1 too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FutureKeywords {
    /// `left and right`.
    pub and: bool,
    /// `left or right`.
    pub or: bool,
    /// `not` negates all of its statement, which may be a body: `not { ... }`.
    pub not: bool,
}

impl FutureKeywords {
    /// What the import of a path brings, from the path's names: `future`, `keywords`, `or`.
    #[must_use]
    pub fn imported(path: &[&str]) -> Self {
        let ["future", "keywords", names @ ..] = path else {
            return Self::default();
        };
        let brings = |keyword| names.first().is_none_or(|name| *name == keyword);
        Self {
            and: brings("and"),
            or: brings("or"),
            not: brings("not"),
        }
    }

    /// What any of two imports brings.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            and: self.and || other.and,
            or: self.or || other.or,
            not: self.not || other.not,
        }
    }
}

/// A named piece of Rego text. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    version: RegoVersion,
    future: FutureKeywords,
    line_starts: Arc<[u32]>,
}

impl SourceFile {
    /// The longest text that is accepted, in bytes; longer texts are refused by [`crate::parse`].
    pub const MAX_BYTES: usize = 16 * 1024 * 1024;

    /// Names a text. The name is what diagnostics and plans show, usually a path relative to the policy root.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let mut starts = vec![0u32];
        for (offset, byte) in text.bytes().enumerate() {
            if byte == b'\n'
                && let Ok(next) = u32::try_from(offset.saturating_add(1))
            {
                starts.push(next);
            }
        }
        Self {
            name: name.into(),
            text,
            version: RegoVersion::V1,
            future: FutureKeywords::default(),
            line_starts: starts.into(),
        }
    }

    /// The same text in another version of the language.
    #[must_use]
    pub fn with_version(mut self, version: RegoVersion) -> Self {
        self.version = version;
        self
    }

    /// The version of the language, v1 unless said otherwise.
    #[must_use]
    pub const fn version(&self) -> RegoVersion {
        self.version
    }

    /// The same text with keywords that it does not import itself, as a query has them.
    #[must_use]
    pub fn with_future(mut self, future: FutureKeywords) -> Self {
        self.future = future;
        self
    }

    /// The keywords that the text has without importing them.
    #[must_use]
    pub const fn future(&self) -> FutureKeywords {
        self.future
    }

    /// The file's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text under a span; empty when the span is not one of this file.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Line and column of a byte offset.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self
            .text
            .get(start as usize..offset as usize)
            .map_or(offset.saturating_sub(start) as usize, |text| text.chars().count());
        LineColumn {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX).saturating_add(1),
        }
    }

    /// Line and column in bytes, both from 1: what plans record, as OPA's do.
    #[must_use]
    pub fn row_and_byte_column(&self, offset: u32) -> (u32, u32) {
        let row = self.line(offset);
        let start = self
            .line_starts
            .get(row.saturating_sub(1) as usize)
            .copied()
            .unwrap_or(0);
        (row, offset.saturating_sub(start).saturating_add(1))
    }

    /// Line (from 1) of a byte offset.
    #[must_use]
    pub fn line(&self, offset: u32) -> u32 {
        u32::try_from(self.line_starts.partition_point(|start| *start <= offset).max(1)).unwrap_or(u32::MAX)
    }

    /// The text of a line (from 1), without its line break.
    #[must_use]
    pub fn line_text(&self, line: u32) -> &str {
        let index = line.saturating_sub(1) as usize;
        let Some(start) = self.line_starts.get(index).copied() else {
            return "";
        };
        let end = self
            .line_starts
            .get(index.saturating_add(1))
            .map_or(self.text.len(), |next| next.saturating_sub(1) as usize);
        self.text
            .get(start as usize..end)
            .unwrap_or("")
            .trim_end_matches('\r')
    }

    /// How many lines the text has; at least 1.
    #[must_use]
    pub fn line_count(&self) -> u32 {
        u32::try_from(self.line_starts.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let file = SourceFile::new("a.rego", "päckage x\r\nfoo\n");
        assert_eq!(file.line_column(0), LineColumn { line: 1, column: 1 });
        assert_eq!(file.line_column(9), LineColumn { line: 1, column: 9 });
        assert_eq!(file.line_column(12), LineColumn { line: 2, column: 1 });
        assert_eq!(file.line_text(1), "päckage x");
        assert_eq!(file.line_text(2), "foo");
        assert_eq!(file.line_text(9), "");
        assert_eq!(file.line_count(), 3);
    }

    #[test]
    fn offsets_past_the_end_are_harmless() {
        let file = SourceFile::new("a.rego", "x");
        assert_eq!(file.line_column(900).line, 1);
        assert_eq!(file.slice(Span::new(5, 9)), "");
    }
}
