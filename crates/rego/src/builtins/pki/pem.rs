//! PEM blocks (RFC 7468), found as Go finds them: text around a block is skipped, and a block that is broken is no block.

use crate::builtins::base64;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
/// Behind the content.
const LAST: &str = "\n-----END ";
const DASHES: &str = "-----";

/// A decoded block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What it says it is: `CERTIFICATE`.
    pub(crate) label: String,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

/// The line that `text` starts with, without blanks at its end, and what follows it.
fn line(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    (first.trim_end_matches(['\r', ' ', '\t']), rest)
}

/// What follows the next `-----BEGIN ` that starts a line.
fn after_begin(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix(BEGIN) {
        return Some(rest);
    }
    text.match_indices(BEGIN).find_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        before.ends_with('\n').then(|| rest.strip_prefix(BEGIN))?
    })
}

/// What was found while blocks were looked for from the beginning of a text on, so that nothing is looked at again for each of many blocks that
/// are none.
#[derive(Default)]
struct Seen<'a> {
    /// Where the next last line is, with the line break before it.
    end: usize,
    /// Lines with colons that follow each other, from the first of them to what follows the last.
    headers: (usize, usize),
    /// A last line behind its `-----END `: where that is, its text, and what follows it.
    last: Option<(usize, &'a str, &'a str)>,
}

/// What stands at a `-----BEGIN `.
enum Found<'a> {
    Block(Block, &'a str),
    /// No block; others may follow.
    Broken,
}

impl<'a> Seen<'a> {
    /// The block whose first line goes on at `at`; `None` if no block ends behind that.
    fn block(&mut self, text: &'a str, at: usize) -> Option<Found<'a>> {
        let (first, rest) = line(text.get(at..)?);
        let Some(label) = first.strip_suffix(DASHES) else {
            return Some(Found::Broken);
        };
        let begin = text.len().saturating_sub(rest.len());
        let start = self.behind_headers(text, begin);
        let rest = text.get(start..)?;
        let (body, end, trailer) = match rest.strip_prefix(END) {
            Some(trailer) if start == begin => ("", start, trailer),
            _ => {
                if self.end < start {
                    self.end = rest.find(LAST)?.saturating_add(start);
                }
                let trailer = text.get(self.end..)?.strip_prefix(LAST)?;
                (text.get(start..self.end)?, self.end, trailer)
            }
        };
        Some(
            self.decoded(label, body, end, trailer)
                .map_or(Found::Broken, |(block, rest)| Found::Block(block, rest)),
        )
    }

    /// What follows the headers that begin at `at`, if any do.
    fn behind_headers(&mut self, text: &str, at: usize) -> usize {
        if (self.headers.0..self.headers.1).contains(&at) {
            return self.headers.1;
        }
        let mut rest = text.get(at..).unwrap_or_default();
        loop {
            let (header, next) = line(rest);
            if !header.contains(':') {
                break;
            }
            rest = next;
        }
        let end = text.len().saturating_sub(rest.len());
        self.headers = (at, end);
        end
    }

    fn decoded(
        &mut self,
        label: &'a str,
        body: &str,
        end: usize,
        trailer: &'a str,
    ) -> Option<(Block, &'a str)> {
        let (last, rest) = match self.last {
            Some((at, last, rest)) if at == end => (last, rest),
            _ => line(trailer),
        };
        self.last = Some((end, last, rest));
        if last.strip_suffix(DASHES) != Some(label) {
            return None;
        }
        // A dash of another block's first line is found soon.
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/= \t\r\n".contains(&byte);
        if !body.bytes().all(is_digit) {
            return None;
        }
        let compact: String = body.chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
        let bytes = base64::standard(&compact).ok()?;
        let label = label.to_owned();
        Some((Block { label, bytes }, rest))
    }
}

/// The first block in `text`, and what follows it.
pub(crate) fn next(text: &str) -> Option<(Block, &str)> {
    let mut seen = Seen::default();
    let mut rest = text;
    loop {
        rest = after_begin(rest)?;
        let at = text.len().saturating_sub(rest.len());
        if let Found::Block(block, rest) = seen.block(text, at)? {
            return Some((block, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_in_other_text() {
        let text = "noise\n-----BEGIN A B-----\r\nAQ ID\r\n-----END A B-----\r\nrest";
        let (found, rest) = next(text).unwrap();
        assert_eq!(
            (found.label.as_str(), found.bytes.as_slice()),
            ("A B", &[1, 2, 3][..])
        );
        assert_eq!(rest, "rest");
    }

    #[test]
    fn broken_blocks_are_skipped() {
        let text = "-----BEGIN A-----\nAQID\n-----END B-----\n-----BEGIN C-----\nkey: value\n\nBA==\n-----END C-----";
        let (found, rest) = next(text).unwrap();
        assert_eq!(
            (found.label.as_str(), found.bytes.as_slice(), rest),
            ("C", &[4][..], "")
        );
        for nothing in [
            "",
            "x -----BEGIN A-----\nAQID\n-----END A-----",
            "-----BEGIN A-----\n!\n-----END A-----",
            "-----BEGIN ",
        ] {
            assert_eq!(next(nothing), None, "{nothing}");
        }
    }

    /// The same without a memory.
    fn plainly(text: &str) -> Option<(Block, &str)> {
        fn block(after_begin: &str) -> Option<(Block, &str)> {
            let (first, mut rest) = line(after_begin);
            let label = first.strip_suffix(DASHES)?;
            let mut headers = false;
            while line(rest).0.contains(':') {
                (headers, rest) = (true, line(rest).1);
            }
            let (body, trailer) = match rest.strip_prefix(END) {
                Some(trailer) if !headers => ("", trailer),
                _ => rest.split_once(LAST)?,
            };
            let (empty, rest) = line(trailer.strip_prefix(label)?.strip_prefix(DASHES)?);
            let bytes = base64::standard(&body.replace([' ', '\t'], "")).ok()?;
            let label = label.to_owned();
            empty.is_empty().then_some((Block { label, bytes }, rest))
        }
        let mut rest = after_begin(text)?;
        loop {
            match block(rest) {
                Some(found) => return Some(found),
                None => rest = after_begin(rest)?,
            }
        }
    }

    #[test]
    fn what_was_seen_changes_no_answer() {
        const PIECES: [&str; 18] = [
            "-----BEGIN A-----\n",
            "-----BEGIN A-----\n",
            "-----BEGIN B-----\r\n",
            "-----BEGIN a:b-----\n",
            "-----END A-----\n",
            "-----END A-----\n",
            "-----END B-----",
            "-----END a:b----- \n",
            "-----END A-----x\n",
            "-----BEGIN A----------\n",
            "-----END A----------\n",
            "AQID",
            "AQID\n",
            "k: v\n",
            "\n",
            " ",
            "!",
            "-----",
        ];
        let mut state = 1_u64;
        let mut found = 0;
        for _ in 0..200_000 {
            let mut draw = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(state >> 40).unwrap()
            };
            let pieces = draw() % 10;
            let text: String = (0..pieces).map(|_| PIECES[draw() % PIECES.len()]).collect();
            let expected = plainly(&text);
            found += usize::from(expected.is_some());
            assert_eq!(next(&text), expected, "{text:?}");
        }
        assert!(found > 1000, "{found}");
    }

    #[test]
    fn many_broken_blocks_are_gone_through_once() {
        let many = |piece: &str| piece.repeat(1 << 18);
        let begins = many("-----BEGIN A-----\n");
        // Looking from each to the end would take hours.
        for text in [
            begins.clone(),
            format!("{begins}-----END B-----"),
            format!("{begins}-----END A-----{}x", many(" ")),
            format!("{begins}!\n-----END A-----"),
            format!(
                "{}-----END A----------{}x",
                many("-----BEGIN A-----\n-----BEGIN A----------\n"),
                many(" ")
            ),
            many("-----BEGIN a:b-----\n"),
            many("-----BEGIN A-----\nk: v\n"),
        ] {
            assert_eq!(next(&text), None);
        }
        let text = format!("{begins}AQID\n-----END A-----");
        assert_eq!(next(&text).map(|(block, _)| block.bytes), Some(vec![1, 2, 3]));
    }
}
