//! PEM blocks (RFC 7468), found as Go finds them: text around a block is skipped, and a block that is broken is no block.

use crate::builtins::base64;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
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

/// The body of a block and what follows its last line.
fn body<'a>(text: &'a str, label: &str, headers: bool) -> Option<(&'a str, &'a str)> {
    let (body, trailer) = match text.strip_prefix(END) {
        Some(trailer) if !headers => ("", trailer),
        _ => text.split_once("\n-----END ")?,
    };
    let end = trailer.strip_prefix(label)?.strip_prefix(DASHES)?;
    let (empty, rest) = line(end);
    empty.is_empty().then_some((body, rest))
}

fn block(after_begin: &str) -> Option<(Block, &str)> {
    let (first, mut rest) = line(after_begin);
    let label = first.strip_suffix(DASHES)?;
    let mut headers = false;
    loop {
        let (header, next) = line(rest);
        if !header.contains(':') {
            break;
        }
        (headers, rest) = (true, next);
    }
    let (body, rest) = body(rest, label, headers)?;
    let compact: String = body.chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
    let bytes = base64::standard(&compact).ok()?;
    let label = label.to_owned();
    Some((Block { label, bytes }, rest))
}

/// The first block in `text`, and what follows it.
pub(crate) fn next(text: &str) -> Option<(Block, &str)> {
    let mut rest = text;
    loop {
        rest = after_begin(rest)?;
        if let Some(found) = block(rest) {
            return Some(found);
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
}
