use proptest::prelude::*;

use super::*;
use crate::{Number, Value, json};

fn v(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

fn hex_of(value: &Value) -> String {
    hex::encode(encode(value).unwrap())
}

fn read(text: &str) -> Result<Value, DecodeError> {
    decode(&hex::decode(text).unwrap(), &Limits::default())
}

pub(crate) fn arbitrary_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        ("-?[1-9][0-9]{0,30}", -60i32..60)
            .prop_map(|(c, e)| Value::Number(Number::parse(&format!("{c}e{e}")).unwrap())),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_set(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(inner.clone(), inner, 0..5).prop_map(Value::from),
        ]
    })
}

#[test]
fn layouts_by_hand() {
    assert_eq!(hex_of(&v("null")), "00");
    assert_eq!(hex_of(&v("\"hi\"")), "05000000026869");
    assert_eq!(hex_of(&v("[]")), "060000000400000000");
    // Body: count 2, offsets 17 (tag, size, count, two offsets = 17) and 18, elements `false` and `true`.
    assert_eq!(
        hex_of(&v("[false,true]")),
        "060000000e0000000200000011000000120102"
    );
    // Body: count 1, key at 17, value at 23.
    assert_eq!(
        hex_of(&v(r#"{"a":null}"#)),
        "07000000130000000100000011000000170500000001 61 00".replace(' ', "")
    );
    assert_eq!(hex_of(&Value::set([v("true")])), "0800000009000000010000000d02");
    assert_eq!(hex_of(&v("1e60")), format!("0400000004{}", hex::encode("1e60")));
    assert_eq!(encode_optional(None).unwrap(), Vec::<u8>::new());
}

#[test]
fn contracts_refuse_wide_numbers_anywhere() {
    let error = encode_contract(&v(r#"{"a":[1,1e-30]}"#)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1e-30 can't be represented in a contract input"
    );
    assert_eq!(
        encode_contract(&v(r#"{"a":[1,0.5]}"#)),
        encode(&v(r#"{"a":[1,0.5]}"#))
    );
}

#[test]
fn depth_is_bounded_both_ways() {
    let nest = |depth: usize| (0..depth).fold(Value::Null, |inner, _| Value::array([inner]));
    let deepest = encode(&nest(MAX_DEPTH)).unwrap();
    assert_eq!(decode(&deepest, &Limits::default()).unwrap(), nest(MAX_DEPTH));
    assert_eq!(encode(&nest(MAX_DEPTH + 1)), Err(EncodeError::TooDeep));
    let shallow = Limits {
        max_depth: MAX_DEPTH - 1,
        ..Limits::default()
    };
    assert_eq!(decode(&deepest, &shallow).unwrap_err().problem, "nested too deep");
    let small = Limits {
        max_bytes: 3,
        ..Limits::default()
    };
    assert_eq!(
        decode(&[0; 4], &small).unwrap_err().problem,
        "longer than the limit"
    );
}

#[test]
fn departures_from_the_canonical_form_are_refused() {
    for (bytes, problem) in [
        ("", "unexpected end"),
        ("0000", "bytes follow the value"),
        ("09", "unknown tag"),
        ("ff", "unknown tag"),
        ("0300", "unexpected end"),
        ("0500000002ff", "unexpected end"),
        ("0500000001ff", "text is not UTF-8"),
        ("0400000001 78", "wide number is not a number"),
        ("0400000003 316530", "wide number fits a plain number"),
        ("0400000005 3130653630", "wide number is not in its normal form"),
        ("06000000ff00000000", "body size does not match the content"),
        (
            "06000000090000000100000000 02",
            "offset does not point at its element",
        ),
        ("0600000004ffffffff", "unexpected end"),
        ("07000000040fffffff", "unexpected end"),
        // The set {true, false} and {true, true}.
        (
            "080000000e00000002000000110000001202 01",
            "set members are not sorted and unique",
        ),
        (
            "080000000e00000002000000110000001202 02",
            "set members are not sorted and unique",
        ),
        // {true: null, true: null}
        (
            "07000000180000000200000019 0000001a 0000001b 0000001c 02000200",
            "object keys are not sorted and unique",
        ),
    ] {
        let error = read(&bytes.replace(' ', "")).unwrap_err();
        assert_eq!(error.problem, problem, "{bytes}");
    }
}

proptest! {
    #[test]
    fn equal_values_equal_bytes(a in arbitrary_value(), b in arbitrary_value()) {
        let (bytes_a, bytes_b) = (encode(&a).unwrap(), encode(&b).unwrap());
        prop_assert_eq!(a == b, bytes_a == bytes_b);
        prop_assert_eq!(decode(&bytes_a, &Limits::default()), Ok(a));
    }

    #[test]
    fn garbage_is_refused_or_canonical(bytes in proptest::collection::vec(prop_oneof![Just(0u8), 0u8..10, any::<u8>()], 0..48)) {
        if let Ok(value) = decode(&bytes, &Limits::default()) {
            prop_assert_eq!(encode(&value).unwrap(), bytes);
        }
    }

    #[test]
    fn damaged_encodings_are_refused_or_canonical(value in arbitrary_value(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encode(&value).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = decode(&bytes, &Limits::default()) {
            prop_assert_eq!(encode(&other).unwrap(), bytes);
        }
    }
}

#[test]
fn wide_numbers_are_found_wherever_they_stand() {
    let parse = |text: &str| crate::json::parse(text.as_bytes(), &crate::json::Limits::default()).unwrap();
    for (text, wide) in [
        ("null", false),
        (
            r#"{"a": [1, -2.5, "\u0004", {"\u0004\u0004": [[], {}, true]}], "b": 1e40}"#,
            false,
        ),
        ("1e-30", true),
        (r#"[1, {"a": ["\u0004", {"b": 1e-19}]}, 2]"#, true),
        (r#"{"x": "y", "z": [0, 0, 1e60]}"#, true),
    ] {
        let value = parse(text);
        assert_eq!(has_wide_number(&encode(&value).unwrap()), wide, "{text}");
        assert_eq!(encode_contract(&value).is_err(), wide, "{text}");
    }
    assert!(!has_wide_number(&[]));
    for garbage in [
        &[5, 255, 255, 255, 255][..],
        &[7],
        &[6, 0, 0],
        &[8, 0, 0, 0, 0, 255, 255, 255, 255],
    ] {
        let _ = has_wide_number(garbage);
    }
}
