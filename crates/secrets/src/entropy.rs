//! How random a text looks.

use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Shannon entropy in bits per byte, from 0 (one byte repeated, or empty) to 8.
///
/// Source: C. E. Shannon, "A Mathematical Theory of Communication" (1948), section 6, with byte frequencies as probabilities.
pub(crate) fn shannon(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let total = bytes.len() as f64;
    let weighted: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum();
    weighted.max(0.0)
}

/// Parts of texts that people put where an issued token would go: long enough that chance does not write them.
const STAND_INS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "redacted",
    "your_",
    "your-",
    "yourtoken",
    "xxxxxx",
    "******",
    "......",
    "------",
    "insert_",
    "dummy_",
    "sample_",
    "1234567890",
    "0123456789",
    "abcdefghij",
    "deadbeef",
];

/// More of them, for what a person chose: the text is shorter, and the word stands for all of it.
const CHOSEN_STAND_INS: &[&str] = &[
    "replace",
    "dummy",
    "sample",
    "insert",
    "yoursecret",
    "yourkey",
    "yourpass",
    "xxxx",
    "****",
    "....",
    "todo",
    "foobar",
    "notreal",
    "not_real",
    "fake",
    "12345678",
    "abcdef",
    "lorem",
    "test",
    "demo",
    "mock",
    "secret",
    "password",
    "passwd",
    "changeit",
    "guest",
    "admin",
    "default",
    "postgres",
    "mysql",
    "root",
    "string",
    "undefined",
    "null",
    "none",
    "true",
    "false",
    "hunter2",
    "letmein",
];

/// An automaton that finds any of some words, without regard to ASCII case.
pub(crate) fn any_of(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(words)
        .ok()
}

static STAND_IN: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(STAND_INS));
static CHOSEN_STAND_IN: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(CHOSEN_STAND_INS));

/// Whether a text has one of an automaton's words.
pub(crate) fn has(words: &LazyLock<Option<AhoCorasick>>, text: &[u8]) -> bool {
    words.as_ref().is_some_and(|words| words.is_match(text))
}

/// Whether a text stands for a token instead of being one: documentation placeholders, counters, one character repeated.
pub(crate) fn is_stand_in(secret: &[u8]) -> bool {
    // In a body of thousands of characters, chance writes anything.
    (secret.len() <= 256 && has(&STAND_IN, secret)) || longest_run(secret).saturating_mul(2) >= secret.len()
}

/// Whether a text stands for a password or key that a person would choose.
pub(crate) fn is_chosen_stand_in(secret: &[u8]) -> bool {
    is_stand_in(secret) || has(&CHOSEN_STAND_IN, secret)
}

/// The longest run of one byte.
fn longest_run(bytes: &[u8]) -> usize {
    let mut longest = 0_usize;
    let mut current = 0_usize;
    let mut last = None;
    for byte in bytes.iter().map(u8::to_ascii_lowercase) {
        current = if last == Some(byte) {
            current.saturating_add(1)
        } else {
            1
        };
        last = Some(byte);
        longest = longest.max(current);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_has_its_known_values() {
        assert_eq!(shannon(b""), 0.0);
        assert_eq!(shannon(b"aaaa"), 0.0);
        assert_eq!(shannon(b"abab"), 1.0);
        let all: Vec<u8> = (0..=255).collect();
        assert!((shannon(&all) - 8.0).abs() < 1e-9);
    }

    #[test]
    fn placeholders_are_no_secrets() {
        for text in [
            "your-api-key",
            "XXXXXXXXXXXX",
            "EXAMPLEKEY99",
            "aaaaaaaaaaab",
            "change_me_now",
        ] {
            assert!(is_stand_in(text.as_bytes()), "{text}");
        }
        assert!(!is_stand_in(b"q8Zr1LmTw0"));
        assert!(is_chosen_stand_in(b"test1234"));
        assert!(!is_stand_in(b"test1234"));
        assert!(!is_chosen_stand_in(b"q8Zr1LmTw0"));
    }
}
