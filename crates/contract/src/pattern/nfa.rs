//! Patterns to automata over bytes that rely on the text being UTF-8.
//!
//! A contract checks the UTF-8 of its documents before anything reads them, and makes no other text. So where a class has every
//! character beyond ASCII, its automaton need not tell well-formed sequences of bytes from others: a byte above 0xbf begins a
//! character, those from 0x80 to 0xbf end with the next byte that is none of them. Patterns with `.` and `[^...]` have much smaller
//! tables that way.

use super::{BUILD_LIMIT, PatternError, Work, describe};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::syntax;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, Hir, HirKind, Repetition};

/// The automaton of a pattern in the regex crate's syntax.
pub(super) fn build(pattern: &str, limit: usize, work: &mut Work) -> Result<NFA, PatternError> {
    let config = syntax::Config::new().utf8(false);
    let hir = syntax::parse_with(pattern, &config).map_err(|e| PatternError::Bad(describe(&e)))?;
    let built = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(BUILD_LIMIT)),
        )
        .build_from_hir(&relax(&hir));
    built.map_err(|e| match e.size_limit() {
        Some(_) => {
            work.take_unfinished();
            PatternError::TooBig { size: None, limit }
        }
        None => PatternError::Bad(describe(&e)),
    })
}

/// The same pattern on texts in UTF-8, with classes of bytes for those of characters that have all beyond ASCII.
fn relax(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Class(class) => match wide(class) {
            Some(ascii) => character(&ascii),
            None => hir.clone(),
        },
        HirKind::Repetition(repetition) => repeat(repetition),
        HirKind::Capture(capture) => {
            let mut capture = capture.clone();
            capture.sub = Box::new(relax(&capture.sub));
            Hir::capture(capture)
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(relax).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(relax).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => hir.clone(),
    }
}

/// Without an upper bound, any bytes go on as well as characters do: what comes next begins with the first byte of a character, and
/// there is none in the middle of one.
fn repeat(repetition: &Repetition) -> Hir {
    let ascii = match repetition.sub.kind() {
        HirKind::Class(class) if repetition.max.is_none() => wide(class),
        _ => None,
    };
    let Some(ascii) = ascii else {
        return Hir::repetition(repetition.with(relax(&repetition.sub)));
    };
    let times = |min, max, sub| {
        let mut some = repetition.with(sub);
        (some.min, some.max) = (min, max);
        Hir::repetition(some)
    };
    let bytes = bytes(ascii.iter().copied().chain([(0x80, 0xff)]));
    Hir::concat(vec![
        times(repetition.min, Some(repetition.min), character(&ascii)),
        times(0, None, bytes),
    ])
}

/// The ASCII characters of a class that has all the others.
fn wide(class: &Class) -> Option<Vec<(u8, u8)>> {
    let Class::Unicode(class) = class else { return None };
    let mut beyond = ClassUnicode::empty();
    beyond.push(regex_syntax::hir::ClassUnicodeRange::new('\u{80}', char::MAX));
    let mut missing = beyond;
    missing.difference(class);
    if !missing.ranges().is_empty() {
        return None;
    }
    let ascii = class.iter().filter(|range| range.start().is_ascii());
    Some(
        ascii
            .map(|range| {
                let end = u8::try_from(range.end()).unwrap_or(0x7f).min(0x7f);
                (u8::try_from(range.start()).unwrap_or(0x7f), end)
            })
            .collect(),
    )
}

/// One character: of ASCII one of these, or any other.
fn character(ascii: &[(u8, u8)]) -> Hir {
    let rest = Repetition {
        min: 0,
        max: None,
        greedy: true,
        sub: Box::new(bytes([(0x80, 0xbf)])),
    };
    let beyond = Hir::concat(vec![bytes([(0xc0, 0xff)]), Hir::repetition(rest)]);
    Hir::alternation(vec![bytes(ascii.iter().copied()), beyond])
}

fn bytes(ranges: impl IntoIterator<Item = (u8, u8)>) -> Hir {
    let ranges = ranges
        .into_iter()
        .map(|(first, last)| ClassBytesRange::new(first, last));
    Hir::class(Class::Bytes(ClassBytes::new(ranges)))
}

#[cfg(test)]
mod tests {
    use super::super::{Search, Work, regex, search};
    use regex_automata::meta::Regex;

    const PATTERNS: [&str; 34] = [
        "[^x]",
        "^[^x]$",
        "[^x]+",
        "[^x]*y",
        ".",
        "^.{2,3}$",
        "^.{2,}$",
        "a.b",
        "a[^b]+b",
        "a[^b]*?b",
        "(?s:.)$",
        "[^ab][^bx]",
        "(^|[^a-b])(x|y)",
        "([^'}]|'[^']*')+",
        "é[^x]",
        "[^é]",
        "[^é]+x",
        "[a€]+",
        "(?i)[^k]x",
        "(x|[^y])(y|.)+?b",
        "^[^a]*?$",
        r"\b[^a]",
        r"[^x]\b",
        "(?m)^[^x]$",
        "(?U)[^x]+",
        "(?U)a[^b]*b",
        "[^x]{2,}?",
        "a[^b]{1,}?b",
        "a|",
        "|a[^x]",
        r"[^a]+\b[^b]+",
        r".*\bx.*",
        "([^a]*[^b])*",
        r"[^\x00-\x7f]+",
    ];

    /// Texts of the characters that the patterns name and of characters of two, three and four bytes.
    fn texts() -> Vec<String> {
        let alphabet = [
            "a", "b", "x", "y", "k", "'", "}", "\n", "é", "€", "\u{212a}", "😀",
        ];
        let mut texts = vec![String::new()];
        for length in 0..4_usize {
            let longest: Vec<String> = texts
                .iter()
                .filter(|text| text.chars().count() == length)
                .cloned()
                .collect();
            texts.extend(
                longest
                    .iter()
                    .flat_map(|text| alphabet.map(|c| format!("{text}{c}"))),
            );
        }
        texts
    }

    fn entry(search: &Search, state: usize, byte: Option<u8>) -> usize {
        let (head, columns, width) = (
            search.classes as usize,
            search.columns as usize,
            search.width as usize,
        );
        let class = |byte: u8| search.bytes[..head].get(usize::from(byte)).copied().unwrap_or(0);
        let column = byte.map_or(columns - 1, |byte| usize::from(class(byte)));
        let at = head + (state * columns + column) * width;
        let bytes = &search.bytes[at..at + width];
        bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b))
    }

    /// The first match as the contract finds it.
    fn found(search: &Search, text: &str) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let places = (0..=bytes.len()).filter(|place| text.is_char_boundary(*place));
        for place in places {
            let mut state = entry(search, 0, place.checked_sub(1).map(|before| bytes[before]));
            let mut end = None;
            for at in place..=bytes.len() {
                if state == 0 {
                    break;
                }
                let Some(byte) = bytes.get(at) else {
                    if entry(search, state, None) == 1 {
                        end = Some(at);
                    }
                    break;
                };
                state = entry(search, state, Some(*byte));
                if state > 0 && state <= search.matching as usize {
                    end = Some(at);
                }
            }
            if let Some(end) = end {
                return Some((place, end));
            }
        }
        None
    }

    #[test]
    fn texts_are_matched_as_by_automata_that_check_their_characters() {
        let texts = texts();
        for pattern in PATTERNS {
            let translated = stele_rego::builtins::go_regex(pattern).unwrap();
            let reference = Regex::new(&translated).unwrap();
            let (table, search) = (
                regex(pattern, 1 << 16, &mut Work::default()).unwrap(),
                search(pattern, 1 << 16, &mut Work::default()).unwrap(),
            );
            for text in &texts {
                let want = reference.find(text.as_str()).map(|m| (m.start(), m.end()));
                assert_eq!(table.is_match(text), want.is_some(), "{pattern} on {text:?}");
                assert_eq!(found(&search, text), want, "{pattern} on {text:?}");
            }
        }
    }

    #[test]
    fn classes_of_almost_all_characters_cost_no_more_than_their_ascii_part() {
        for (pattern, most) in [("^[^;]*$", 128 + 4 * 3), ("a[^;&\n]*b", 128 + 5 * 5)] {
            let size = regex(pattern, 1 << 16, &mut Work::default()).unwrap().bytes.len();
            assert!(size <= most, "{pattern}: {size}");
        }
    }
}
