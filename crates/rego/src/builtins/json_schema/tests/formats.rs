//! Formats, as Go's standard library sees them.

use stele_types::json;

use super::super::match_schema;
use super::{call, errors};
use crate::builtins::BuiltinError;

#[test]
fn formats_hold_or_not() {
    for (format, good, bad) in [
        (
            "date",
            &["2024-02-29"][..],
            &["2023-02-29", "2024-2-29", "", "2024-02-29T00:00:00Z"][..],
        ),
        (
            "time",
            &["12:30:00", "12:30:00Z", "12:30:00+02:00", "12:30:00.5"],
            &["24:00:00", "12:30"],
        ),
        (
            "date-time",
            &[
                "2024-02-29T12:00:00Z",
                "2024-02-29T12:00:00.123+01:00",
                "2024-02-29",
                "12:00:00",
            ],
            &["2024-02-29 12:00:00Z", "2024-02-30T12:00:00Z"],
        ),
        (
            "hostname",
            &["a", "a-b.example.com", "1.2"],
            &["", "-a", "a-", "a..b", "a.", "a_b"],
        ),
        (
            "email",
            &["a@b", "a.b+c@example.com"],
            &["", "a", "a..b@c", ".a@b", "a@b."],
        ),
        (
            "ipv4",
            &["1.2.3.4", "::ffff:1.2.3.4"],
            &["1.2.3", "01.2.3.4", "::1", "1.2.3.4.5"],
        ),
        (
            "ipv6",
            &["::1", "1:2:3:4:5:6:7:8"],
            &["1.2.3.4", "1::2::3", "fe80::1%eth0", "12345::"],
        ),
        (
            "uri",
            &["http://a/b?c#d", "urn:a:b", "mailto:a@b"],
            &["a/b", "", "http://a/%zz", ":a", r"http://a/\b"],
        ),
        (
            "uri-reference",
            &["", "a/b", "/a:b", "#f"],
            &["a/%", "1:2", "#%zz", r"a\b"],
        ),
        ("uri-template", &["/a/{b}/c", "/a"], &["/a/{b"]),
        (
            "uuid",
            &["123e4567-E89b-12d3-a456-426614174000"],
            &[
                "123e4567e89b12d3a456426614174000",
                "123e4567-e89b-12d3-a456-42661417400g",
            ],
        ),
        ("regex", &["", "a+(b|c)"], &["(", "(?!a)"]),
        ("json-pointer", &["", "/", "/a/~0~1"], &["a", "/~2", "/a~"]),
        (
            "relative-json-pointer",
            &["0", "1/a", "10#"],
            &["", "01", "-1", "1#/a", "1a"],
        ),
        ("a-format-of-ones-own", &["anything"], &[]),
    ] {
        let schema = format!(r#"{{"items": {{"format": "{format}"}}}}"#);
        let document = |text: &str| format!("[{}]", json::to_string(&text.into()));
        for text in good {
            errors(&document(text), &schema, &[]);
        }
        let why = format!("Does not match format '{format}'");
        for text in bad {
            errors(&document(text), &schema, &[("0", "format", &why)]);
        }
    }
    errors("[1, null]", r#"{"items": {"format": "date"}}"#, &[]);
}

#[test]
fn what_is_not_certain_is_refused() {
    for (format, text) in [
        ("email", "Name <a@b>"),
        ("email", "\\\"a b\\\"@c"),
        ("uri", "http://a b/"),
        ("uri", "http://u%20@a/"),
        ("uri", "http://[::1%25eth0]/"),
    ] {
        let schema = format!(r#"{{"items": {{"format": "{format}"}}}}"#);
        let result = call(match_schema, &[&format!("[\"{text}\"]"), &schema]);
        assert!(
            matches!(result, Err(BuiltinError::Refused(_))),
            "{text}: {result:?}"
        );
    }
}
