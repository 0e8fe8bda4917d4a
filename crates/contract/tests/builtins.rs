//! Builtins of arguments that are known only at run time: contracts against the evaluator, on generated arguments.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "test code may panic"
)]

mod common;

use common::reference::{contract, off_chain, on_chain, same, same_or_refused, same_with_literal};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use stele_contract::abi::ContractError;
use stele_types::{Number, Value};

fn text(s: &str) -> Value {
    Value::string(s)
}

fn number(n: i64) -> Value {
    Value::Number(Number::from(n))
}

fn check(result: Result<(), String>) -> TestCaseResult {
    result.map_err(TestCaseError::fail)
}

/// Values of the wrong type for nearly everything.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(Value::Bool(true)),
        (-9_i64..9).prop_map(number),
        Just(Value::Number(Number::parse("0.5").unwrap())),
        "[a-c]{0,2}".prop_map(|s| text(&s)),
        prop::collection::vec((-3_i64..3).prop_map(number), 0..3).prop_map(Value::array),
        prop::collection::vec("[ab]".prop_map(|s| text(&s)), 0..3).prop_map(Value::set),
        Just(Value::object([(text("a"), number(1))])),
    ]
}

/// Every builtin of a routine added here, with its number of arguments.
const ALL: &[(&str, usize)] = &[
    ("strings.any_prefix_match", 2),
    ("strings.any_suffix_match", 2),
    ("semver.is_valid", 1),
    ("semver.compare", 2),
    ("uuid.parse", 1),
    ("json.patch", 2),
    ("json.marshal_with_options", 2),
    ("graph.reachable_paths", 2),
    ("strings.replace_n", 2),
    ("strings.split_n", 3),
    ("glob.quote_meta", 1),
    ("cast_null", 1),
    ("cast_boolean", 1),
    ("cast_string", 1),
    ("cast_object", 1),
    ("cast_array", 1),
    ("cast_set", 1),
    ("net.cidr_contains", 2),
    ("net.cidr_intersects", 2),
    ("net.cidr_is_valid", 1),
    ("net.cidr_contains_matches", 2),
    ("net.cidr_expand", 1),
    ("net.cidr_merge", 1),
    ("base64.encode", 1),
    ("base64.decode", 1),
    ("base64.is_valid", 1),
    ("base64url.encode", 1),
    ("base64url.encode_no_pad", 1),
    ("base64url.decode", 1),
    ("hex.encode", 1),
    ("hex.decode", 1),
    ("urlquery.encode", 1),
    ("urlquery.decode", 1),
    ("urlquery.encode_object", 1),
    ("urlquery.decode_object", 1),
    ("crypto.sha1", 1),
    ("crypto.hmac.sha1", 2),
    ("crypto.sha256", 1),
    ("crypto.hmac.sha256", 2),
    ("crypto.hmac.equal", 2),
    ("time.date", 1),
    ("time.clock", 1),
    ("time.weekday", 1),
    ("time.add_date", 4),
    ("time.diff", 2),
    ("time.format", 1),
    ("time.parse_ns", 2),
    ("time.parse_rfc3339_ns", 1),
    ("time.parse_duration_ns", 1),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arguments_of_any_type(args in prop::collection::vec(odd(), 4)) {
        for (name, arity) in ALL {
            check(same_or_refused(name, &args[..*arity]))?;
        }
    }

    #[test]
    fn encodings(s in "[a-zé\u{1f600} +/=&%;?~._-]{0,50}") {
        let args = [text(&s)];
        for name in ["base64.encode", "base64url.encode", "base64url.encode_no_pad", "hex.encode", "urlquery.encode", "crypto.sha256"] {
            check(same(name, &args))?;
        }
        for (encode, decode) in [
            ("base64.encode", "base64.decode"),
            ("base64url.encode", "base64url.decode"),
            ("base64url.encode_no_pad", "base64url.decode"),
            ("hex.encode", "hex.decode"),
            ("urlquery.encode", "urlquery.decode"),
        ] {
            let encoded = off_chain(encode, &args).unwrap();
            prop_assert_eq!(on_chain(&contract(decode, 1), &[encoded]), Ok(Some(text(&s))));
        }
    }

    #[test]
    fn damaged_encodings(base64 in "[A-Da-c0-9+/_=\r\n-]{0,10}", hex in "[0-9a-fA-Fg]{0,7}", query in "(%[2-7][0-9a-f]|[a+=&;%]){0,12}") {
        for (name, arg) in [
            ("base64.decode", &base64),
            ("base64url.decode", &base64),
            ("hex.decode", &hex),
            ("urlquery.decode", &query),
            ("urlquery.decode_object", &query),
        ] {
            let args = [text(arg)];
            // The evaluator has no strings that are not UTF-8, OPA does: the contract says so.
            check(same_or_refused(name, &args))?;
        }
        // Validity does not depend on what the bytes are; the contract leaves the unused bits of the last character open.
        if on_chain(&contract("base64.is_valid", 1), &[text(&base64)]) != Err(ContractError::Unsupported) {
            check(same("base64.is_valid", &[text(&base64)]))?;
        }
    }

    #[test]
    fn url_queries_of_objects(pairs in prop::collection::vec(("[a-c &]{0,3}", prop_oneof![
        "[x=é]{0,3}".prop_map(|s| text(&s)),
        prop::collection::vec("[x=]{0,2}".prop_map(|s| text(&s)), 0..3).prop_map(Value::array),
        prop::collection::vec("[x=]{0,2}".prop_map(|s| text(&s)), 0..3).prop_map(Value::set),
    ]), 0..4), bad in odd()) {
        let object = Value::object(pairs.iter().map(|(k, v)| (text(k), v.clone())));
        check(same("urlquery.encode_object", std::slice::from_ref(&object)))?;
        let query = off_chain("urlquery.encode_object", &[object]).unwrap();
        check(same("urlquery.decode_object", &[query]))?;
        let odd = Value::object(pairs.into_iter().map(|(k, v)| (text(&k), v)).chain([(number(1), bad)]));
        check(same("urlquery.encode_object", &[odd]))?;
    }

    #[test]
    fn message_authentication(message in "[a-zé]{0,90}", key in "[a-zé]{0,90}") {
        check(same("crypto.hmac.sha256", &[text(&message), text(&key)]))?;
        check(same("crypto.hmac.sha1", &[text(&message), text(&key)]))?;
        check(same("crypto.sha1", &[text(&message)]))?;
        check(same("crypto.hmac.equal", &[text(&message), text(&key)]))?;
        check(same("crypto.hmac.equal", &[text(&message), text(&message)]))?;
    }

    #[test]
    fn times(a in instant(), b in instant(), y in -700_i64..700, m in -40_i64..40, d in -4000_i64..4000, utc in any::<bool>()) {
        let zoned = |n: i64| if utc { Value::array([number(n), text("UTC")]) } else { number(n) };
        for name in ["time.date", "time.clock", "time.weekday", "time.format"] {
            check(same(name, &[zoned(a)]))?;
        }
        check(same("time.diff", &[zoned(a), number(b)]))?;
        check(same("time.add_date", &[zoned(a), number(y), number(m), number(d)]))?;
        for layout in ["RFC3339", "2006-01-02T15:04:05.999999999Z07:00", ""] {
            check(same("time.format", &[Value::array([number(a), text(""), text(layout)])]))?;
        }
    }

    #[test]
    fn parts_from_either_end(s in "[ab.é]{0,8}", delimiter in "(|[.]|a|é|ab)", n in prop_oneof![-9_i64..9, Just(i64::MIN), Just(i64::MAX)]) {
        check(same("strings.split_n", &[text(&s), text(&delimiter), number(n)]))?;
        let half = Value::Number(Number::parse("0.5").unwrap());
        check(same("strings.split_n", &[text(&s), text(&delimiter), half]))?;
    }

    #[test]
    fn times_as_text(s in "[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]([.,][0-9]{0,12})?(Z|[+-][0-2][0-9]:[0-6][0-9])?[Z ]?") {
        check(same("time.parse_rfc3339_ns", &[text(&s)]))?;
        check(same("time.parse_ns", &[text("RFC3339Nano"), text(&s)]))?;
        check(same("time.parse_ns", &[text("2006-01-02T15:04:05Z07:00"), text(&s)]))?;
    }

    #[test]
    fn damaged_times(s in "[0-9TZ:.+-]{0,26}", at in 0_usize..24, c in "[0-9TZ:.+-]?") {
        check(same_or_refused("time.parse_rfc3339_ns", &[text(&s)]))?;
        let mut good = "2024-02-29T12:34:56.7+02:00".to_owned();
        good.replace_range(at..=at, &c);
        check(same_or_refused("time.parse_rfc3339_ns", &[text(&good)]))?;
    }

    #[test]
    fn durations(whole in prop::collection::vec((0_u64..100_000, "(ns|us|µs|μs|ms|s|m|h|d|w|y|x)"), 0..3), fraction in "([0-9]{0,2}[.][0-9]{0,2}(ms|s|m|h|d|w|y))?", any in "[+-]?[0-9.hms]{0,6}") {
        let joined: String = whole.iter().map(|(n, unit)| format!("{n}{unit}")).collect();
        for sign in ["", "-", "+"] {
            check(same("time.parse_duration_ns", &[text(&format!("{sign}{joined}{fraction}"))]))?;
        }
        check(same_or_refused("time.parse_duration_ns", &[text(&any)]))?;
    }
}

fn version() -> impl Strategy<Value = String> {
    let number = || prop_oneof![3 => (0_u64..3).prop_map(|n| n.to_string()), 1 => (0_u64..999_999_999).prop_map(|n| n.to_string())];
    let id = prop_oneof![number(), "[a-b-][0-9a-b-]{0,2}"];
    let pre = prop::collection::vec(id, 0..3).prop_map(|ids| {
        if ids.is_empty() {
            String::new()
        } else {
            format!("-{}", ids.join("."))
        }
    });
    (number(), number(), number(), pre, "([+][0-9a-]{1,3}([.]0)?)?")
        .prop_map(|(a, b, c, pre, build)| format!("{a}.{b}.{c}{pre}{build}"))
}

/// Small documents whose keys and elements patches may name.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (0_i64..3).prop_map(number),
        "[a-c]".prop_map(|s| text(&s)),
        Just(Value::Null)
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::array),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::set),
            prop::collection::vec(("[a-c]", inner), 0..4)
                .prop_map(|pairs| Value::object(pairs.into_iter().map(|(k, v)| (text(&k), v)))),
        ]
    })
}

fn path() -> impl Strategy<Value = Value> {
    let key = prop_oneof!["[a-c]", "[0-3]", Just("-".to_owned()), Just("01".to_owned())];
    prop_oneof![
        prop::collection::vec(key, 0..4).prop_map(|keys| text(&keys.join("/"))),
        prop::collection::vec(document(), 0..3).prop_map(Value::array),
    ]
}

fn operation() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["add", "remove", "replace", "move", "copy", "test", "other"];
    let value = prop_oneof![3 => document().prop_map(Some), 1 => Just(None)];
    (name, path(), path(), value).prop_map(|(op, path, from, value)| {
        let mut pairs = vec![
            (text("op"), text(&op)),
            (text("path"), path),
            (text("from"), from),
        ];
        pairs.extend(value.map(|v| (text("value"), v)));
        Value::object(pairs)
    })
}

/// Networks that often touch or overlap, and some addresses.
fn network() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..64, 24_u8..=32)
            .prop_map(|(n, bits)| format!("{}/{bits}", std::net::Ipv4Addr::from(0x0a00_0000 + n * 16))),
        (any::<u32>(), 0_u8..=32).prop_map(|(n, bits)| format!("{}/{bits}", std::net::Ipv4Addr::from(n))),
        (0_u128..64, 118_u8..=128).prop_map(|(n, bits)| format!(
            "{}/{bits}",
            std::net::Ipv6Addr::from((0x2001_0db8 << 96) + n * 16)
        )),
        (any::<u128>(), 0_u8..=128).prop_map(|(n, bits)| format!("{}/{bits}", std::net::Ipv6Addr::from(n))),
        (any::<u32>(), 80_u8..=128)
            .prop_map(|(n, bits)| format!("::ffff:{}/{bits}", std::net::Ipv4Addr::from(n))),
        any::<u32>().prop_map(|n| std::net::Ipv4Addr::from(n).to_string()),
    ]
}

/// Nanoseconds since 1970, often near the ends of days and months.
fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        (-106_000_i64..106_000, -2_i64..2).prop_map(|(days, more)| days * 86_400_000_000_000 + more),
        (0_i64..20_000, 0_i64..86_400).prop_map(|(days, s)| (days * 86_400 + s) * 1_000_000_000),
    ]
}

/// Patterns with one way to match or several, empty matches, anchors, boundaries and characters of several bytes.
const PATTERNS: &[&str] = &[
    "a", "ab|a", "a|ab", "a*", "a*?", "a+?b", "", "^", "$", "^a|b$", r"\b", r"\bab?", "(?m)^a", "(?m)$", ".",
    "é", "[^a]", r"\s+", "aa?", "(?:ab)+", "(?i)A", "a{2}", "b*", "[a-b]+$", "x|", "|x",
];

/// Classes of almost all characters, whose automata rely on UTF-8.
const WIDE: &[&str] = &[
    "(?U)[^a]+",
    "(?U)a[^b]*b",
    "[^a]{2,}?",
    "a[^b]{1,}?b",
    "a|",
    r"[^a]+\b[^b]+",
    r".*\ba.*",
    "(?:[^a]*[^b])*",
    r"[^\x00-\x7f]+",
    "[^é]+",
    "(?s).+b",
    "[^a]{2}",
];

/// The same with groups, which find_all_string_submatch_n does not cover.
const GROUPS: &[&str] = &["(a)b", "(a|b)*", "a(b)?", "()"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn networks(a in network(), b in network(), c in network(), damage in "[0-9a-f:./]{0,20}", list in prop::collection::vec(network(), 0..8)) {
        for (x, y) in [(&a, &b), (&b, &a), (&a, &c), (&a, &a)] {
            check(same("net.cidr_contains", &[text(x), text(y)]))?;
            check(same("net.cidr_intersects", &[text(x), text(y)]))?;
        }
        check(same("net.cidr_contains", &[text(&a), text(b.split('/').next().unwrap())]))?;
        check(same("net.cidr_is_valid", &[text(&a)]))?;
        for name in ["net.cidr_is_valid", "net.cidr_expand"] {
            check(same_or_refused(name, &[text(&damage)]))?;
        }
        check(same_or_refused("net.cidr_merge", &[Value::array([text(&damage), text(&a)])]))?;
        let all = Value::array(list.iter().map(|n| text(n)));
        let members = Value::set(list.iter().map(|n| text(n)));
        let tuples = Value::object(list.iter().enumerate().map(|(i, n)| (number(i64::try_from(i).unwrap()), Value::array([text(n), number(1)]))));
        check(same("net.cidr_merge", std::slice::from_ref(&all)))?;
        check(same("net.cidr_contains_matches", &[all, members.clone()]))?;
        check(same("net.cidr_contains_matches", &[members, tuples.clone()]))?;
        check(same("net.cidr_contains_matches", &[tuples, text(&a)]))?;
    }

    #[test]
    fn expanded_networks(a in any::<u32>(), v6 in any::<bool>(), zeros in 0_u32..110, host in 0_u8..6) {
        let net = if v6 {
            format!("{}/{}", std::net::Ipv6Addr::from(u128::from(a) << zeros | 1 << 120), 128 - host)
        } else {
            format!("{}/{}", std::net::Ipv4Addr::from(a), 32 - host)
        };
        check(same("net.cidr_expand", &[text(&net)]))?;
    }

    #[test]
    fn patches(value in document(), ops in prop::collection::vec(operation(), 0..3)) {
        for op in &ops {
            check(same("json.patch", &[value.clone(), Value::array([op.clone()])]))?;
        }
        check(same("json.patch", &[value, Value::array(ops)]))?;
    }

    #[test]
    fn text_of_json(value in document(), odd in "[a<&\u{2028}\u{2029}é\"\\\\]{0,6}", indent in prop::option::of("[ \t]{0,2}"), prefix in prop::option::of("[#é]?"), pretty in prop::option::of(any::<bool>()), other in odd()) {
        let mut options = Vec::new();
        options.extend(indent.map(|s| (text("indent"), text(&s))));
        options.extend(prefix.map(|s| (text("prefix"), text(&s))));
        options.extend(pretty.map(|b| (text("pretty"), Value::Bool(b))));
        let value = Value::object([(text(&odd), value)]);
        check(same("json.marshal", std::slice::from_ref(&value)))?;
        check(same("json.marshal_with_options", &[value.clone(), Value::object(options.clone())]))?;
        for key in ["indent", "prefix", "pretty", "more"] {
            let bad = Value::object(options.iter().cloned().chain([(text(key), other.clone())]));
            check(same("json.marshal_with_options", &[value.clone(), bad]))?;
        }
    }

    #[test]
    fn paths_of_graphs(edges in prop::collection::vec((0_i64..5, prop::collection::vec(0_i64..6, 0..3), any::<bool>()), 0..5), roots in prop::collection::vec(0_i64..5, 0..3)) {
        let graph = Value::object(edges.iter().map(|(node, next, as_set)| {
            let next = next.iter().copied().map(number);
            (number(*node), if *as_set { Value::set(next) } else { Value::array(next) })
        }));
        let roots = Value::array(roots.into_iter().map(number));
        check(same("graph.reachable_paths", &[graph, roots]))?;
    }

    #[test]
    fn any_of_several(a in prop::collection::vec("[ab]{0,3}", 0..3), b in prop::collection::vec("[ab]{0,2}", 0..3), odd in odd(), whole in any::<bool>()) {
        let list = |items: &[String], odd: Option<&Value>| Value::array(items.iter().map(|s| text(s)).chain(odd.cloned()));
        let set = Value::set(b.iter().map(|s| text(s)));
        let first = if whole { text(&a.concat()) } else { list(&a, None) };
        for name in ["strings.any_prefix_match", "strings.any_suffix_match"] {
            check(same(name, &[first.clone(), set.clone()]))?;
            check(same(name, &[first.clone(), list(&b, Some(&odd))]))?;
            check(same(name, &[list(&a, Some(&odd)), set.clone()]))?;
        }
    }

    #[test]
    fn replacements(pairs in prop::collection::vec(("[abé]{0,2}", "[xé]{0,2}"), 0..4), s in "[abé*?{}-]{0,8}") {
        let pairs = Value::object(pairs.iter().map(|(k, v)| (text(k), text(v))));
        check(same("strings.replace_n", &[pairs, text(&s)]))?;
        check(same("glob.quote_meta", &[text(&s)]))?;
    }

    #[test]
    fn versions(a in version(), b in version(), any in "[0-9a.+-]{0,9}") {
        check(same("semver.compare", &[text(&a), text(&b)]))?;
        check(same("semver.compare", &[text(&a), text(&a)]))?;
        check(same("semver.is_valid", &[text(&a)]))?;
        check(same_or_refused("semver.is_valid", &[text(&any)]))?;
        check(same_or_refused("semver.compare", &[text(&a), text(&any)]))?;
    }

    #[test]
    fn uuids(bits in any::<u128>(), version in 0_u128..6, domain in 0_u128..5, at in 0_usize..36, c in "[0-9a-g{}-]?") {
        let bits = bits & !(0xf << 76) | version << 76;
        let bits = if version == 2 { bits & !(0xff << 48) | domain << 48 } else { bits };
        let hex = format!("{bits:032x}");
        let dashed = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        for good in [hex.clone(), hex.to_uppercase(), dashed.clone(), format!("urn:uuid:{dashed}"), format!("{{{dashed}}}")] {
            check(same("uuid.parse", &[text(&good)]))?;
        }
        let mut bad = dashed;
        bad.replace_range(at..=at, &c);
        check(same_or_refused("uuid.parse", &[text(&bad)]))?;
        check(same_or_refused("uuid.parse", &[text(&format!("urn:uuid:{bad}"))]))?;
        check(same_or_refused("uuid.parse", &[text(&format!("{{{bad}}}"))]))?;
    }

    #[test]
    fn searches(s in "[ab é\n]{0,9}", n in -2_i64..4, new in "[xé]{0,2}") {
        for pattern in PATTERNS.iter().chain(GROUPS) {
            check(same_with_literal("regex.find_n", &[text(pattern), text(&s), number(n)], 0))?;
            check(same_with_literal("regex.split", &[text(pattern), text(&s)], 0))?;
            check(same_with_literal("regex.replace", &[text(&s), text(pattern), text(&new)], 1))?;
        }
        for pattern in PATTERNS {
            check(same_with_literal("regex.find_all_string_submatch_n", &[text(pattern), text(&s), number(n)], 0))?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn searches_for_wide_classes(s in "[ab é€😀\n]{0,9}", n in -1_i64..4) {
        for pattern in WIDE {
            check(same_with_literal("regex.match", &[text(pattern), text(&s)], 0))?;
            check(same_with_literal("regex.find_n", &[text(pattern), text(&s), number(n)], 0))?;
            check(same_with_literal("regex.split", &[text(pattern), text(&s)], 0))?;
            check(same_with_literal("regex.replace", &[text(&s), text(pattern), text("x")], 1))?;
            check(same_with_literal("regex.find_all_string_submatch_n", &[text(pattern), text(&s), number(n)], 0))?;
        }
    }
}

#[test]
fn what_a_contract_does_not_cover_is_refused() {
    for (name, args) in [
        ("base64.decode", vec![text("/w==")]),
        ("base64.decode", vec![text("YR==")]),
        ("base64url.decode", vec![text("YQ\n")]),
        ("hex.decode", vec![text("ff")]),
        ("urlquery.decode", vec![text("%ff")]),
        ("time.date", vec![Value::array([number(0), text("Europe/Paris")])]),
        (
            "time.format",
            vec![Value::array([number(0), text(""), text("2006")])],
        ),
        ("time.parse_ns", vec![text("2006"), text("2024")]),
        ("time.parse_rfc3339_ns", vec![text("2024-01-01T1:00:00Z")]),
        ("time.parse_duration_ns", vec![text("0.0000000001s")]),
        ("semver.is_valid", vec![text("01.0.0")]),
        (
            "uuid.parse",
            vec![text("URN:UUID:00000000-0000-0000-0000-000000000000")],
        ),
        ("net.cidr_expand", vec![text("10.0.0.0/8")]),
        ("net.cidr_is_valid", vec![text("10.0.0.0/08")]),
    ] {
        let got = on_chain(&contract(name, args.len()), &args);
        assert_eq!(got, Err(ContractError::Unsupported), "{name} {args:?}");
    }
}
