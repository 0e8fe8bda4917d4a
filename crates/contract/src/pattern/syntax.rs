//! Regular expressions mean what they mean in Go.

use super::{Work, regex};

fn matches(pattern: &str, text: &str) -> bool {
    regex(pattern, 1 << 16, &mut Work::default())
        .unwrap()
        .is_match(text)
}

#[test]
fn patterns_mean_what_they_mean_in_go() {
    for (pattern, text, expected) in [
        (
            "^sha256:[0-9a-f]{64}$",
            &format!("sha256:{}", "0a".repeat(32)),
            true,
        ),
        (
            "^sha256:[0-9a-f]{64}$",
            &format!("sha256:{}", "0A".repeat(32)),
            false,
        ),
        ("b+", &"abbc".to_owned(), true),
        ("^b+$", &"abbc".to_owned(), false),
        ("", &"".to_owned(), true),
        ("^$", &"a".to_owned(), false),
        (r"^\d+$", &"12".to_owned(), true),
        (r"^\d+$", &"١٢".to_owned(), false),
        (r"^[\w.-]+$", &"a-b.c_d".to_owned(), true),
        (r"^\s$", &"\u{b}".to_owned(), false),
        (r"^.$", &"é".to_owned(), true),
        (r"^[^a]$", &"é".to_owned(), true),
        (r"(?i)^HeLLo", &"hello there".to_owned(), true),
        (r"\bfoo\b", &"a foo b".to_owned(), true),
        (r"\bfoo\b", &"afoo b".to_owned(), false),
        (r"^a{2,3}$", &"aaaa".to_owned(), false),
        (r"^a{,3}$", &"a{,3}".to_owned(), true),
        (r"^[[a]$", &"[".to_owned(), true),
        (r"^[a&&b]$", &"&".to_owned(), true),
        (r"^\<a\>$", &"<a>".to_owned(), true),
        (r"a|^b", &"cb".to_owned(), false),
        (r"(?m)^b$", &"a\nb\nc".to_owned(), true),
        (r"^[]a]$", &"]".to_owned(), true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} on {text:?}");
    }
}

#[test]
fn what_differs_is_refused() {
    for pattern in [
        "a**", "(?x)a", "a(", "[a", r"\B", "a{1001}", "(?=a)", "(?<!a)", r"\1",
    ] {
        assert!(
            regex(pattern, 1 << 16, &mut Work::default()).is_err(),
            "{pattern}"
        );
    }
}

#[test]
fn automata_that_are_small_at_last_are_not_given_up() {
    for pattern in [
        "AKIA[0-9A-Z]{16}|PRIVATE KEY-----|aws_secret_access_key",
        "^(?:[^b]*a){3}$",
    ] {
        assert!(regex(pattern, 8192, &mut Work::default()).is_ok(), "{pattern}");
    }
    let error = regex("(?s)^.*a.{20}b$", 8192, &mut Work::default()).unwrap_err();
    assert_eq!(
        error,
        super::PatternError::TooBig {
            size: None,
            limit: 8192
        }
    );
}

#[test]
fn big_automata_are_refused_with_their_size() {
    let error = regex("^[a-z]{400}$", 1024, &mut Work::default()).unwrap_err();
    assert!(
        matches!(error, super::PatternError::TooBig { limit: 1024, .. }),
        "{error:?}"
    );
}
