#![allow(clippy::arithmetic_side_effects, reason = "tests may panic")]

use super::*;
use crate::allow::Allowlist;
use crate::rule::RuleSet;
use crate::source::Options;
use proptest::prelude::*;

/// Fingerprint, line, column, line and column of the end, layers.
type Place = (String, u64, u64, u64, u64, Vec<&'static str>);

/// Findings of a text read in windows of a size, in reads of at most `piece` bytes.
fn found(text: &[u8], core: usize, piece: usize) -> Vec<Place> {
    struct Pieces<'t>(&'t [u8], usize);
    impl Read for Pieces<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(target.len()).min(self.0.len());
            let (now, later) = self.0.split_at(count);
            target[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    let (allowlist, options) = (Allowlist::default(), Options::default());
    let scan = Scan {
        scanner: &scanner,
        allowlist: &allowlist,
        options: &options,
        progress: &(),
    };
    let mut worker = Worker::new(&scan);
    worker.core = core;
    worker.text("t", b"", &mut Pieces(text, piece)).unwrap();
    worker
        .into_report()
        .findings
        .into_iter()
        .map(|f| {
            (
                f.fingerprint,
                f.line,
                f.column,
                f.end_line,
                f.end_column,
                f.layers,
            )
        })
        .collect()
}

fn token(seed: usize) -> String {
    // Letters and digits that differ by seed, behind DigitalOcean's prefix.
    let body: String = (0..64)
        .map(|at| char::from(b"0123456789abcdef"[(at * 7 + seed * 5 + at * at * (seed + 3)) % 16]))
        .collect();
    format!("dop_{}_{body}", "v1")
}

/// What stands between tokens: words, long encoded runs, line breaks, bytes that are no UTF-8.
fn filler(kind: usize, length: usize) -> Vec<u8> {
    match kind {
        0 => b"some words of text\n"
            .iter()
            .copied()
            .cycle()
            .take(length)
            .collect(),
        1 => vec![b'A'; length],
        2 => vec![0xFF; length],
        3 => b"%41%42 x".iter().copied().cycle().take(length).collect(),
        _ => hex::encode(vec![b'q'; length / 2]).into_bytes(),
    }
}

fn encoded(kind: usize, secret: &str, lead: usize) -> String {
    use base64::Engine as _;
    let text = format!("{} {secret} end", "lead ".repeat(lead));
    match kind {
        0 => secret.to_owned(),
        1 => base64::engine::general_purpose::STANDARD.encode(text),
        2 => hex::encode(text),
        _ => format!("x={}", secret.replace('_', "%5F")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn windows_find_what_the_whole_has(
        parts in prop::collection::vec((0..5_usize, 0..90_000_usize, 0..4_usize, 0..6000_usize), 1..4),
        core in 20_000..200_000_usize,
    ) {
        let mut text = Vec::new();
        for (seed, (kind, length, encoding, lead)) in parts.into_iter().enumerate() {
            text.extend(filler(kind, length));
            text.extend(b" ");
            text.extend(encoded(encoding, &token(seed), lead).bytes());
            text.extend(b" ");
        }
        let whole = found(&text, usize::MAX / 4, usize::MAX);
        prop_assert_eq!(&found(&text, core, usize::MAX), &whole);
        prop_assert_eq!(&found(&text, core, 777), &whole);
    }
}

#[test]
fn a_token_is_found_at_every_offset_of_a_window_boundary() {
    let core = 3000;
    for left in (core - 80)..(core + 8) {
        let text = format!("{}\n{} \n", "x".repeat(left), token(left));
        let hits = found(text.as_bytes(), core, usize::MAX);
        assert_eq!(hits.len(), 1, "{left} bytes before");
        assert_eq!((hits[0].1, hits[0].2, hits[0].4), (2, 1, 72));
    }
}

#[test]
fn utf_16_is_read_and_invalid_bytes_do_no_harm() {
    let text = format!("ä = \u{1F511}\n  {}\n", token(1));
    let mut little = vec![0xFF, 0xFE];
    little.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let mut big = vec![0xFE, 0xFF];
    big.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    let (allowlist, options) = (Allowlist::default(), Options::default());
    let scan = Scan {
        scanner: &scanner,
        allowlist: &allowlist,
        options: &options,
        progress: &(),
    };
    for bytes in [little, big] {
        let mut worker = Worker::new(&scan);
        worker.text("t", &bytes[..2], &mut &bytes[2..]).unwrap();
        let report = worker.into_report();
        assert_eq!(report.findings.len(), 1);
        assert_eq!((report.findings[0].line, report.findings[0].column), (2, 3));
    }
    let mut broken = b"\xFF\xC3 ".to_vec();
    broken.extend(token(2).bytes());
    broken.extend(b"\xFE\xFE");
    assert_eq!(found(&broken, 5000, usize::MAX).len(), 1);
}

#[test]
fn a_text_that_breaks_off_is_scanned_as_far_as_it_goes() {
    struct Breaks(Vec<u8>);
    impl Read for Breaks {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("disk"));
            }
            let count = target.len().min(self.0.len());
            target[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    let (allowlist, options) = (Allowlist::default(), Options::default());
    let scan = Scan {
        scanner: &scanner,
        allowlist: &allowlist,
        options: &options,
        progress: &(),
    };
    let mut worker = Worker::new(&scan);
    assert!(
        worker
            .text("t", b"", &mut Breaks(format!("{} ", token(3)).into_bytes()))
            .is_err()
    );
    assert_eq!(worker.into_report().findings.len(), 1);
}
