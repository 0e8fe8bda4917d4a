use proptest::prelude::*;

use super::*;
use crate::Value;
use crate::encoding::tests::arbitrary_value;

fn read(text: &str) -> Result<Value, JsonError> {
    parse(text.as_bytes(), &Limits::default())
}

#[test]
fn compact_and_pretty_text() {
    let value = read(" { \"b\" : [ 1 , 2.50 , [] , {} ] , \"a\" : \"x\\ny\\u00e9\\ud83d\\ude00\\/\" , \"a\\u0000\" : null } ").unwrap();
    let compact = "{\"a\":\"x\\nyé😀/\",\"a\\u0000\":null,\"b\":[1,2.5,[],{}]}";
    assert_eq!(to_string(&value), compact);
    assert_eq!(
        to_string_pretty(&value),
        "{\n  \"a\": \"x\\nyé😀/\",\n  \"a\\u0000\": null,\n  \"b\": [\n    1,\n    2.5,\n    [],\n    {}\n  ]\n}"
    );
    assert_eq!(read(compact).unwrap(), value);
}

#[test]
fn last_of_equal_keys_wins() {
    assert_eq!(
        to_string(&read(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap()),
        r#"{"a":3,"b":2}"#
    );
}

#[test]
fn a_key_twice_is_refused_where_it_must_not_be() {
    let unique = |text: &str| parse_unique(text.as_bytes(), &Limits::default());
    let sound = r#"{"a":{"a":1},"b":[{"a":1},{"a":1}],"A":2}"#;
    assert_eq!(unique(sound), read(sound));
    for text in [
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"[{"b":{"a":1,"a":1}}]"#,
        r#"{"":1,"":2}"#,
    ] {
        assert!(read(text).is_ok());
        let kind = unique(text).unwrap_err().kind;
        assert!(matches!(kind, JsonErrorKind::Repeated(_)), "{text}: {kind:?}");
    }
}

#[test]
fn an_outline_has_the_objects_above() {
    let text = r#"{"a": {"b": {"c": {"d": 1}, "e": 2}, "f": [1, {"g": 3}]}, "h": "x", "i": {}}"#;
    let at = |levels| to_string(&outline(text.as_bytes(), &Limits::default(), levels).unwrap());
    assert_eq!(at(0), "{}");
    assert_eq!(at(1), r#"{"a":{},"h":"x","i":{}}"#);
    assert_eq!(at(3), r#"{"a":{"b":{"c":{},"e":2},"f":[]},"h":"x","i":{}}"#);
    assert_eq!(to_string(&outline(b"[{}]", &Limits::default(), 3).unwrap()), "[]");
}

#[test]
fn errors_name_the_place() {
    for (text, line, column, kind) in [
        ("", 1, 1, JsonErrorKind::UnexpectedEnd("a value")),
        ("[1,\n  é]", 2, 3, JsonErrorKind::Expected("a value")),
        (
            "{\"é\":tru}",
            1,
            6,
            JsonErrorKind::Expected("`true`, `false` or `null`"),
        ),
        ("{\"a\" 1}", 1, 6, JsonErrorKind::Expected("`:`")),
        ("{a:1}", 1, 2, JsonErrorKind::Expected("a key in quotes")),
        ("[1 2]", 1, 4, JsonErrorKind::Expected("`,` or `]`")),
        ("{\"a\":1", 1, 7, JsonErrorKind::UnexpectedEnd("`,` or `}`")),
        ("[1,]", 1, 4, JsonErrorKind::Expected("a value")),
        ("1 2", 1, 3, JsonErrorKind::Trailing),
        ("\"a\tb\"", 1, 3, JsonErrorKind::ControlCharacter),
        ("\"a\\x\"", 1, 3, JsonErrorKind::BadEscape),
        ("\"\\u12g4\"", 1, 2, JsonErrorKind::BadEscape),
        ("\"\\ud800\"", 1, 2, JsonErrorKind::LoneSurrogate),
        ("\"\\ud800\\u0041\"", 1, 2, JsonErrorKind::LoneSurrogate),
        ("\"\\udc00\\udc00\"", 1, 2, JsonErrorKind::LoneSurrogate),
        ("\"abc", 1, 5, JsonErrorKind::UnexpectedEnd("the end of a string")),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(
            (error.line, error.column, &error.kind),
            (line, column, &kind),
            "{text}"
        );
    }
    assert!(matches!(read("[01]").unwrap_err().kind, JsonErrorKind::Number(_)));
    assert!(matches!(
        read("1e1000000000").unwrap_err().kind,
        JsonErrorKind::Number(_)
    ));
    assert_eq!(parse(b"\"a\xff\"", &Limits::default()).unwrap_err().offset, 2);
    let shown = read("[1 2]").unwrap_err().to_string();
    assert_eq!(shown, "line 1, column 4 (byte 3): expected `,` or `]`");
}

#[test]
fn limits_hold() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(128)).is_ok());
    assert_eq!(
        read(&nested(129)).unwrap_err().kind,
        JsonErrorKind::TooDeep { limit: 128 }
    );
    assert!(read(&"[".repeat(1_000_000)).is_err());
    let small = Limits {
        max_bytes: 3,
        max_depth: 1,
    };
    assert!(parse(b"[1]", &small).is_ok());
    assert!(matches!(
        parse(b"[12]", &small).unwrap_err().kind,
        JsonErrorKind::TooLarge { size: 4, limit: 3 }
    ));
    assert!(matches!(
        parse(b"[[]", &small).unwrap_err().kind,
        JsonErrorKind::TooDeep { limit: 1 }
    ));
}

proptest! {
    #[test]
    fn texts_of_any_length_are_escaped_as_serde_json_does(text in "([a-z]{0,20}[\x00-\x22\x5b-\x5d\x7f\u{80}-\u{10ffff}]{0,2}){0,6}") {
        let mut out = Vec::new();
        write_string(&text, &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn written_values_read_back(value in arbitrary_value()) {
        let projected = value.to_json_projection();
        prop_assert_eq!(&read(&to_string(&value)).unwrap(), &projected);
        prop_assert_eq!(&read(&to_string_pretty(&value)).unwrap(), &projected);
        prop_assert_eq!(&serde_json::from_str::<Value>(&to_string(&value)).unwrap(), &projected);
        prop_assert_eq!(serde_json::to_string(&value).unwrap(), to_string(&value));
    }

    #[test]
    fn agrees_with_serde_json_on_what_is_json(text in r#"[\[\]{}":,0-9a-z\\ .eE+-]{0,20}"#) {
        let ours = read(&text);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        // serde_json refuses floats beyond a double; we accept them up to our own limit.
        if theirs.is_ok() || !text.contains(['e', 'E']) {
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse(&bytes, &Limits::default());
    }
}

proptest! {
    /// What is kept of a document does not change what is taken and refused.
    #[test]
    fn outlines_are_refused_as_documents_are(text in r#"[\[\]{}:, "a1\\]{0,24}"#, levels in 0usize..4) {
        let whole = read(&text).map(drop);
        prop_assert_eq!(outline(text.as_bytes(), &Limits::default(), levels).map(drop), whole);
    }
}
