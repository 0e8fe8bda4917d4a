//! Reading and writing JSON.

use stele_types::json::{self, Limits};

use super::*;

/// JSON text, or nearly: white space, escapes, keys that repeat, odd numbers.
fn document() -> impl Strategy<Value = String> {
    let space = || proptest::sample::select(vec!["", "", "", "", " ", "\n", "\t \r\n"]);
    let quoted = || {
        prop_oneof![
            4 => super::text().prop_map(|text| json::to_string(&Value::from(text.as_str()))),
            1 => super::text().prop_map(|text| {
                let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
                format!("\"{}\"", units.concat())
            }),
            1 => r#""([a\\/"]|\\["\\/bfnrtu]|\\u[0-9a-fA-F]{4}|\\u[dD][89abAB][0-9a-f]{2}(\\u[dD][c-f][0-9a-f]{2})?){0,4}""#,
        ]
    };
    let number = prop_oneof![
        2 => super::number().prop_map(|number| number.to_string()),
        1 => super::number().prop_map(|number| number.to_scientific()),
        2 => "-?[0-9]{1,20}(\\.[0-9]{0,4})?([eE][+-]?[0-9]{0,4})?",
        1 => "[-+.eE0-9]{1,6}",
        1 => (1..30_usize, "[0-9]").prop_map(|(times, digit)| digit.repeat(times * 200)),
    ];
    let words = vec!["null", "true", "false"];
    let leaf = prop_oneof![
        2 => proptest::sample::select(words).prop_map(str::to_owned),
        3 => number,
        4 => quoted(),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let item =
            (space(), inner, space()).prop_map(|(before, item, after)| format!("{before}{item}{after}"));
        let pair = (space(), quoted(), space(), item.clone())
            .prop_map(|(before, key, after, item)| format!("{before}{key}{after}:{item}"));
        prop_oneof![
            proptest::collection::vec(item, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(pair, 0..8).prop_map(|pairs| format!("{{{}}}", pairs.join(","))),
        ]
    })
}

/// A few bytes changed, dropped, doubled, or the end cut off.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<proptest::sample::Index>(), 0..5_u8, any::<u8>());
    (document(), proptest::collection::vec(edit, 1..4)).prop_map(|(text, edits)| {
        let special = b"{}[]\",:\\ 0-.eE\n\x1f";
        let mut bytes = text.into_bytes();
        for (index, edit, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, bytes[at]),
                3 => bytes.insert(at, special[usize::from(byte) % special.len()]),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

/// Both parsers, one document.
fn compare(fixture: &mut Fixture, bytes: &[u8], limits: &Limits) -> Result<(), TestCaseError> {
    let wanted = json::parse(bytes, limits);
    // As a document that stays.
    match (fixture.load_json(bytes, limits), &wanted) {
        (Ok(value), Ok(wanted)) => prop_assert_eq!(&value, wanted),
        (Err(ParseError::Json(error)), Err(wanted)) => prop_assert_eq!(&error, wanted),
        (found, wanted) => prop_assert!(false, "{:?} instead of {:?}", found, wanted),
    }
    // As an input.
    match (fixture.parse(bytes, limits), wanted) {
        (Ok(val), Ok(wanted)) => {
            prop_assert_eq!(fixture.value(val), Some(wanted.clone()));
            // Not only the same pairs, but in order and each key once.
            let loaded = fixture.load(&wanted);
            prop_assert!(fixture.heap().eq(val, loaded));
            let mut out = Vec::new();
            fixture.heap().write_json(val, &mut out);
            prop_assert_eq!(out, json::to_vec(&wanted));
        }
        (Err(ParseError::Json(error)), Err(wanted)) => prop_assert_eq!(error, wanted),
        (found, wanted) => prop_assert!(false, "{:?} instead of {:?}", found, wanted),
    }
    Ok(())
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![
        3 => Just(Limits::default()),
        1 => (0..80_usize, 0..6_usize).prop_map(|(max_bytes, max_depth)| Limits { max_bytes, max_depth }),
        1 => (0..6_usize).prop_map(|max_depth| Limits { max_depth, ..Limits::default() }),
    ]
}

proptest! {
    #[test]
    fn documents_are_read_alike(text in document(), limits in limits()) {
        compare(&mut Fixture::new(), text.as_bytes(), &limits)?;
    }

    /// One reader for all of them: what it learned from one document must not change another.
    #[test]
    fn documents_are_read_alike_after_others(
        texts in proptest::collection::vec(document(), 1..5),
        order in proptest::collection::vec((0..5_usize, any::<bool>()), 1..12),
    ) {
        let mut fixture = Fixture::new();
        for (index, forget) in order {
            if forget {
                fixture.scratch.clear();
            }
            compare(&mut fixture, texts[index % texts.len()].as_bytes(), &Limits::default())?;
        }
    }

    /// Objects with the same keys in changing order, some of them twice, some of them spelled otherwise.
    #[test]
    fn objects_of_one_kind_are_read_alike(
        keys in proptest::collection::vec(super::text(), 1..6),
        objects in proptest::collection::vec(proptest::collection::vec((0..8_usize, 0..6_u8), 0..8), 1..12),
    ) {
        let mut objects = objects.iter().enumerate().map(|(row, picks)| {
            let pairs: Vec<String> = picks.iter().enumerate().map(|(column, (pick, spelling))| {
                let key = &keys[pick % keys.len()];
                let quoted = match spelling {
                    0 => key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
                    _ => json::to_string(&Value::from(key.as_str())).trim_matches('"').to_owned(),
                };
                let space = if *spelling == 1 { " " } else { "" };
                // `trim_matches` may have taken an escaped quote's quote.
                let quoted = if quoted.ends_with('\\') && !quoted.ends_with("\\\\") { format!("{quoted}\"") } else { quoted };
                format!("{space}\"{quoted}\"{space}:{space}{}", row * 100 + column)
            }).collect();
            format!("{{{}}}", pairs.join(","))
        });
        let first = objects.next().unwrap_or_default();
        let rest: Vec<String> = objects.collect();
        let mut fixture = Fixture::new();
        compare(&mut fixture, first.as_bytes(), &Limits::default())?;
        compare(&mut fixture, format!("[{}]", rest.join(",")).as_bytes(), &Limits::default())?;
        compare(&mut fixture, first.as_bytes(), &Limits::default())?;
    }

    #[test]
    fn what_is_no_document_is_refused_alike(bytes in mutated(), limits in limits()) {
        compare(&mut Fixture::new(), &bytes, &limits)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused_alike(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        compare(&mut Fixture::new(), &bytes, &Limits::default())?;
        let mut quoted = vec![b'"'];
        quoted.extend(bytes);
        quoted.push(b'"');
        compare(&mut Fixture::new(), &quoted, &Limits::default())?;
    }

    /// A refused document leaves the reader usable.
    #[test]
    fn documents_are_read_alike_after_refused_ones(bad in mutated(), good in document()) {
        let mut fixture = Fixture::new();
        for bytes in [bad.as_slice(), good.as_bytes(), &bad, good.as_bytes()] {
            compare(&mut fixture, bytes, &Limits::default())?;
        }
    }

    #[test]
    fn texts_are_written_alike(value in super::value(), way in any::<u8>()) {
        let mut fixture = Fixture::new();
        let val = fixture.bring(&value, way);
        let mut out = b"before".to_vec();
        fixture.heap().write_json(val, &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), format!("before{}", json::to_string(&value)));
    }

    #[test]
    fn the_scanner_stops_where_a_plain_loop_does(bytes in proptest::collection::vec(prop_oneof![
        8 => b' '..=b'~',
        1 => Just(b'"'),
        1 => Just(b'\\'),
        1 => 0..0x22_u8,
        2 => 0x7e..=0xff_u8,
    ], 0..40)) {
        let wanted = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(bytes.len());
        prop_assert_eq!(stele_types::json::plain_run(&bytes), wanted);
    }
}

#[test]
fn nesting_is_read_up_to_its_limit() {
    let mut fixture = Fixture::new();
    let nested = |depth: usize| {
        [
            format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
            format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
            format!("{}1{}", "[{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2)),
            "[".repeat(depth),
            "{\"a\":".repeat(depth),
        ]
    };
    for depth in [0, 1, 127, 128, 129, 130, 1000, 100_000] {
        for text in nested(depth) {
            compare(&mut fixture, text.as_bytes(), &Limits::default()).unwrap();
        }
    }
    assert!(
        fixture
            .parse(nested(128)[0].as_bytes(), &Limits::default())
            .is_ok()
    );
    assert!(
        fixture
            .parse(nested(129)[0].as_bytes(), &Limits::default())
            .is_err()
    );
}

#[test]
fn numbers_are_read_up_to_their_limit() {
    let mut fixture = Fixture::new();
    let long = |digits: usize| "7".repeat(digits);
    for text in [
        "0",
        "-0",
        "-0.0",
        "00",
        "-",
        "+1",
        "1.",
        ".1",
        "1e",
        "1e+",
        "1E5",
        "1e-5",
        "0e999999999",
        "1e4095",
        "1e4096",
        "1e-4096",
        "1e-4097",
        "1e99999999999999999999",
        "576460752303423487",
        "576460752303423488",
        "-576460752303423488",
        "-576460752303423489",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999",
        "100000000000000000",
        "1.0",
        "10e-1",
        "-1-",
        "1-1",
        "1e1e1",
    ] {
        compare(&mut fixture, text.as_bytes(), &Limits::default()).unwrap();
        compare(
            &mut fixture,
            format!("[{text},{text}]").as_bytes(),
            &Limits::default(),
        )
        .unwrap();
    }
    for digits in [16, 17, 18, 19, 20, 4_095, 4_096, 4_097, 1_000_000] {
        for text in [
            long(digits),
            format!("-{}", long(digits)),
            format!("0.{}", long(digits)),
            format!("{}e-9", long(digits)),
        ] {
            compare(&mut fixture, text.as_bytes(), &Limits::default()).unwrap();
        }
    }
}

#[test]
fn many_keys_and_many_shapes_are_read_alike() {
    let mut fixture = Fixture::new();
    // More keys in one object, more objects with new keys, and more text than shapes are kept of.
    let keys = |count: usize, step: usize| {
        let pairs: Vec<String> = (0..count)
            .map(|n| format!("\"key{}\":{n}", n * step % count))
            .collect();
        format!("{{{}}}", pairs.join(","))
    };
    let ever_new: Vec<String> = (0..6_000).map(|n| format!("{{\"z{n}\":1,\"a\":{n}}}")).collect();
    let documents = [
        keys(70_001, 7),
        keys(5_000, 3),
        format!("[{}]", ever_new.join(",")),
        keys(20, 7),
    ];
    for text in documents.iter().chain(&documents) {
        fixture.scratch.clear();
        compare(&mut fixture, text.as_bytes(), &Limits::default()).unwrap();
    }
}

/// Objects that begin alike and go on in different ways, at each key and at each level, with and without space where none is expected.
#[test]
fn objects_that_turn_off_the_usual_way_are_read_alike() {
    let mut fixture = Fixture::new();
    let long = "k".repeat(40);
    let objects = [
        format!(r#"{{"b":{{"y":1,"x":"s"}},"a":[{{"y":2}},{{"x":3,"y":4}}],"{long}":"t","c":null}}"#),
        format!(r#"{{"b":{{"y":1}},"a":[{{"y":2,"x":"u","z":{{}}}}],"{long}":"t"}}"#),
        r#"{"b":{"x":1},"a":[]}"#.to_owned(),
        r#"{"b":"s" ,"a":1 }"#.to_owned(),
        r#"{"b":"s", "a":1,"d":2}"#.to_owned(),
        r#"{"b":"s","a" :1,"b":3}"#.to_owned(),
        r#"{"b":"s","a":1"#.to_owned(),
        r#"{"b":"s","a":}"#.to_owned(),
        r#"{"b":"s","a":1,}"#.to_owned(),
        r#"{"b":"s","a":1,"#.to_owned() + &format!(r#""{long}":2}}"#),
        r#"{"b":"s","a":1,"#.to_owned() + &format!(r#""{}l":2}}"#, "k".repeat(39)),
        "{}".to_owned(),
    ];
    for first in &objects {
        for second in &objects {
            for text in [
                first.clone(),
                format!("[{first},{second},{first}]"),
                format!("{{\"o\":{second}}}"),
            ] {
                fixture.scratch.clear();
                compare(&mut fixture, text.as_bytes(), &Limits::default()).unwrap();
            }
        }
    }
}
