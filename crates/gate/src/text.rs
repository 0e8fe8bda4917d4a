//! Lines and columns.

use std::ops::Range;

/// A place in a text, from 1. Columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Where the lines of a text begin.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let after = breaks.map(|(at, _)| at.saturating_add(1));
        Self {
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    /// The position of a byte.
    pub(crate) fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|line| self.starts.get(line))
            .copied();
        let before = text.get(start.unwrap_or_default()..offset).unwrap_or_default();
        Position {
            line,
            column: before.chars().count().saturating_add(1),
        }
    }
}

/// The range cut at the end of its first line, at least one character long where the text has one.
pub(crate) fn first_line(text: &str, range: &Range<usize>) -> Range<usize> {
    let slice = text.get(range.clone()).unwrap_or_default();
    let length = slice.find(['\n', '\r']).unwrap_or(slice.len());
    let trimmed = slice.get(..length).map_or(0, |line| line.trim_end().len());
    let end = range.start.saturating_add(trimmed).min(text.len());
    range.start.min(end)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters() {
        let text = "aä\nb\n";
        let lines = Lines::new(text);
        let at = |offset| {
            let position = lines.position(text, offset);
            (position.line, position.column)
        };
        assert_eq!((at(0), at(1), at(3)), ((1, 1), (1, 2), (1, 3)));
        assert_eq!((at(4), at(6)), ((2, 1), (3, 1)));
    }

    #[test]
    fn only_the_first_line_is_underlined() {
        assert_eq!(first_line("a: b  \nc", &(3..8)), 3..4);
        assert_eq!(first_line("", &(0..0)), 0..0);
    }
}
