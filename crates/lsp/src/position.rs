//! Positions of the protocol and byte offsets.
//!
//! The protocol counts lines from 0 and, within a line, code units of the encoding that client and server agreed on: UTF-16 unless the
//! client offers UTF-8. A line ends with `\n`, `\r\n` or `\r`.

use lsp_types::{Position, PositionEncodingKind, Range};
use stele_rego::Span;

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// Code units of UTF-16: a character outside of the basic plane counts 2.
    Utf16,
}

impl Encoding {
    /// The best of those that a client offers. All clients know UTF-16.
    pub(crate) fn choose(offered: Option<&[PositionEncodingKind]>) -> Self {
        match offered {
            Some(kinds) if kinds.contains(&PositionEncodingKind::UTF8) => Self::Utf8,
            _ => Self::Utf16,
        }
    }

    pub(crate) const fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn width(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        }
    }
}

/// Where the lines of a text start and end.
#[derive(Clone, Debug)]
pub(crate) struct LineIndex {
    /// Start and end of each line in bytes, the line break not included; at least one line.
    lines: Vec<(usize, usize)>,
}

impl LineIndex {
    pub(crate) fn new(text: &str) -> Self {
        let mut lines = Vec::new();
        let mut start = 0usize;
        let mut bytes = text.bytes().enumerate().peekable();
        while let Some((at, byte)) = bytes.next() {
            let wide = byte == b'\r' && bytes.next_if(|(_, next)| *next == b'\n').is_some();
            if byte == b'\n' || byte == b'\r' {
                lines.push((start, at));
                start = at.saturating_add(if wide { 2 } else { 1 });
            }
        }
        lines.push((start, text.len()));
        Self { lines }
    }

    /// The offset of a position. Columns past the end of a line mean its end, lines past the last one the end of the text; a column
    /// within a character means its start.
    pub(crate) fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let line = usize::try_from(position.line).unwrap_or(usize::MAX);
        let Some((start, end)) = self.lines.get(line).copied() else {
            return text.len();
        };
        let wanted = usize::try_from(position.character).unwrap_or(usize::MAX);
        let mut column = 0usize;
        for (at, character) in text.get(start..end).unwrap_or_default().char_indices() {
            column = column.saturating_add(encoding.width(character));
            if column > wanted {
                return start.saturating_add(at);
            }
        }
        end
    }

    /// The position of an offset. An offset within a character or a line break means its start.
    pub(crate) fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let line = self
            .lines
            .partition_point(|(start, _)| *start <= offset)
            .saturating_sub(1);
        let (start, end) = self.lines.get(line).copied().unwrap_or_default();
        let mut column = 0usize;
        for (at, character) in text.get(start..end).unwrap_or_default().char_indices() {
            let after = start.saturating_add(at).saturating_add(character.len_utf8());
            if after > offset {
                break;
            }
            column = column.saturating_add(encoding.width(character));
        }
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position::new(number(line), number(column))
    }

    pub(crate) fn range(&self, text: &str, span: Span, encoding: Encoding) -> Range {
        let range = span.range();
        Range::new(
            self.position(text, range.start, encoding),
            self.position(text, range.end, encoding),
        )
    }

    /// The bytes of a line (from 0), its line break not included.
    pub(crate) fn line(&self, line: usize) -> std::ops::Range<usize> {
        self.lines.get(line).map_or(0..0, |(start, end)| *start..*end)
    }

    /// The bytes of a line (from 0) with its line break.
    pub(crate) fn whole_line(&self, line: usize) -> std::ops::Range<usize> {
        let own = self.line(line);
        let next = self.lines.get(line.saturating_add(1)).map(|(start, _)| *start);
        own.start..next.unwrap_or(own.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOTH: [Encoding; 2] = [Encoding::Utf8, Encoding::Utf16];

    #[test]
    fn columns_count_code_units() {
        let text = "aä𝔸b\r\nx\ry\n";
        let index = LineIndex::new(text);
        let at = |offset, encoding| {
            let position = index.position(text, offset, encoding);
            (position.line, position.character)
        };
        assert_eq!(at(7, Encoding::Utf16), (0, 4), "before b");
        assert_eq!(at(7, Encoding::Utf8), (0, 7), "before b");
        assert_eq!(at(8, Encoding::Utf16), (0, 5), "the line break");
        assert_eq!(at(9, Encoding::Utf16), (0, 5), "inside of the line break");
        assert_eq!(at(10, Encoding::Utf16), (1, 0));
        assert_eq!(at(12, Encoding::Utf16), (2, 0), "behind a lone carriage return");
        assert_eq!(at(14, Encoding::Utf16), (3, 0), "the empty last line");
        assert_eq!(at(99, Encoding::Utf16), (3, 0), "past the end");
        let back = |line, column, encoding| index.offset(text, Position::new(line, column), encoding);
        assert_eq!(back(0, 3, Encoding::Utf16), 3, "within a surrogate pair");
        assert_eq!(back(0, 5, Encoding::Utf8), 3, "within a character");
        assert_eq!(back(0, 99, Encoding::Utf16), 8, "past the line's end");
        assert_eq!(back(9, 0, Encoding::Utf16), 14, "past the last line");
    }

    #[test]
    fn the_best_encoding_offered_is_chosen() {
        let kinds = [PositionEncodingKind::UTF16, PositionEncodingKind::UTF8];
        assert_eq!(Encoding::choose(Some(&kinds)), Encoding::Utf8);
        assert_eq!(
            Encoding::choose(Some(&[PositionEncodingKind::UTF32])),
            Encoding::Utf16
        );
        assert_eq!(Encoding::choose(None), Encoding::Utf16);
    }

    /// Lines by a slower way: what the standard library and the specification say.
    fn slow_position(text: &str, offset: usize, encoding: Encoding) -> (usize, usize) {
        let before = text[..offset].replace("\r\n", "\n").replace('\r', "\n");
        let line = before.rsplit('\n').next().unwrap();
        let column = match encoding {
            Encoding::Utf8 => line.len(),
            Encoding::Utf16 => line.encode_utf16().count(),
        };
        (before.matches('\n').count(), column)
    }

    proptest! {
        #[test]
        fn offsets_survive_the_way_there_and_back(text in "[a\u{e4}\u{20ac}\u{1d538}\r\n\t]{0,40}") {
            let index = LineIndex::new(&text);
            for encoding in BOTH {
                for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
                    let inside_break = text[..offset].ends_with('\r') && text[offset..].starts_with('\n');
                    if inside_break {
                        continue;
                    }
                    let position = index.position(&text, offset, encoding);
                    let found = (position.line as usize, position.character as usize);
                    prop_assert_eq!(found, slow_position(&text, offset, encoding), "{} {:?}", offset, encoding);
                    prop_assert_eq!(index.offset(&text, position, encoding), offset);
                }
            }
        }

        #[test]
        fn any_position_is_a_character_boundary(text in "[a\u{e4}\u{1d538}\r\n]{0,20}", line in 0u32..9, column in 0u32..30) {
            let index = LineIndex::new(&text);
            for encoding in BOTH {
                let offset = index.offset(&text, Position::new(line, column), encoding);
                prop_assert!(text.is_char_boundary(offset));
                let back = index.position(&text, offset, encoding);
                prop_assert!(back <= Position::new(line, column));
            }
        }

        #[test]
        fn any_offset_has_a_position(text in "\\PC{0,20}", offset in 0usize..99) {
            let index = LineIndex::new(&text);
            for encoding in BOTH {
                let position = index.position(&text, offset, encoding);
                prop_assert!(index.offset(&text, position, encoding) <= text.len());
            }
        }
    }
}
