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
    /// How many characters there are before each block of the text: a line may have all of a hundred megabytes.
    characters: Vec<usize>,
}

/// How many bytes a block has.
const BLOCK: usize = 4096;

fn characters(bytes: &[u8]) -> usize {
    // All but the first byte of a character begin with the bits 10.
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let after = breaks.map(|(at, _)| at.saturating_add(1));
        let mut count = 0usize;
        let blocks = text.as_bytes().chunks(BLOCK).map(|block| {
            let before = count;
            count = count.saturating_add(characters(block));
            before
        });
        Self {
            starts: std::iter::once(0).chain(after).collect(),
            characters: blocks.collect(),
        }
    }

    /// How many characters there are before a byte.
    fn before(&self, text: &str, offset: usize) -> usize {
        let offset = offset.min(text.len());
        let block = (offset / BLOCK).min(self.characters.len().saturating_sub(1));
        let rest = text.as_bytes().get(block.saturating_mul(BLOCK)..offset);
        let known = self.characters.get(block).copied().unwrap_or_default();
        known.saturating_add(characters(rest.unwrap_or_default()))
    }

    /// The byte at which a line begins, from 1.
    pub(crate) fn start(&self, line: usize) -> Option<usize> {
        self.starts.get(line.checked_sub(1)?).copied()
    }

    /// The position of a byte.
    pub(crate) fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|line| self.starts.get(line))
            .copied();
        let before = self.before(text, start.unwrap_or_default());
        let column = self.before(text, offset).saturating_sub(before);
        Position {
            line,
            column: column.saturating_add(1),
        }
    }
}

/// More of a line is not underlined, in bytes.
const LONGEST: usize = 64 << 10;

/// The range cut at the end of its first line, at least one character long where the text has one.
pub(crate) fn first_line(text: &str, range: &Range<usize>) -> Range<usize> {
    // Of a line that has all of a document nobody wants the end.
    let most = text.floor_char_boundary(range.start.saturating_add(LONGEST));
    let slice = text.get(range.start..range.end.min(most)).unwrap_or_default();
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
    fn long_lines_have_the_same_columns() {
        let text = format!("a\n{}\nb", "xä€".repeat(10_000));
        let lines = Lines::new(&text);
        for (offset, _) in text.char_indices().step_by(997) {
            let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
            let position = lines.position(&text, offset);
            assert_eq!(position.column, text[start..offset].chars().count() + 1);
        }
        assert_eq!(lines.position(&text, text.len()).line, 3);
    }

    #[test]
    fn only_the_first_line_is_underlined() {
        assert_eq!(first_line("a: b  \nc", &(3..8)), 3..4);
        assert_eq!(first_line("", &(0..0)), 0..0);
    }
}
