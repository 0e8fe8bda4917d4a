//! Generated values and texts: contracts against plain Rust.
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

use common::{Outcome, call_data, evaluate, execute, plan};
use proptest::prelude::*;
use std::sync::LazyLock;
use stele_contract::abi::ContractError;
use stele_contract::{Contract, Options, ResultForm, compile};
use stele_types::{Number, Value, encoding};

fn contract(policy: &stele_rego::ir::Policy) -> Contract {
    compile(policy, &Options::default()).unwrap_or_else(|refusals| panic!("{refusals:?}"))
}

fn of_builtin(name: &str, arity: u32) -> Contract {
    let options = Options {
        result: ResultForm::ResultSet,
        ..Options::default()
    };
    compile(&plan::builtin(name, arity), &options).unwrap_or_else(|refusals| panic!("{refusals:?}"))
}

/// The builtin's value: `Ok(None)` is undefined.
fn run(contract: &Contract, args: &[Value]) -> Result<Option<Value>, ContractError> {
    let input = Value::array(args.iter().cloned());
    match evaluate(contract, "eval", Some(&input), &Value::object([])) {
        Outcome::Reverted(error, _) => Err(error),
        outcome => {
            let results = outcome.value().expect("result set");
            Ok(results
                .as_array()
                .unwrap()
                .first()
                .map(|r| r.get("result").unwrap().clone()))
        }
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| Value::Number(Number::from(n))),
        (-2000_i64..2000, 0_u32..4)
            .prop_map(|(n, e)| Value::Number(Number::parse(&format!("{n}e-{e}")).unwrap())),
        // Beyond 248 bits of fixed point: these are boxed.
        (1_u64..99).prop_map(|n| Value::Number(Number::parse(&format!("{n}e56")).unwrap())),
        "[a-cé\u{1f600}\"\\\\\n<]{0,5}".prop_map(|s| Value::string(&s)),
        "[a-z]{30,70}".prop_map(|s| Value::string(&s)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::array),
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::set),
            prop::collection::vec((inner.clone(), inner), 0..5).prop_map(Value::object),
        ]
    })
}

static IDENTITY: LazyLock<Contract> = LazyLock::new(|| {
    let options = Options {
        result: ResultForm::ResultSet,
        ..Options::default()
    };
    compile(&plan::identity(), &options).unwrap()
});

fn identity(bytes: &[u8]) -> Outcome {
    let data = encoding::encode_contract(&Value::object([])).unwrap();
    execute(
        &IDENTITY.runtime,
        call_data("eval", bytes, &data, &[]),
        100_000_000,
    )
}

fn wrapped(value: &Value) -> Value {
    Value::array([Value::object([(Value::string("result"), value.clone())])])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn values_pass_through_unchanged(value in value()) {
        let bytes = encoding::encode_contract(&value).unwrap();
        prop_assert_eq!(identity(&bytes).value().unwrap(), wrapped(&value));
    }

    #[test]
    fn projection_is_that_of_the_types(value in value()) {
        static PROJECTED: LazyLock<Contract> = LazyLock::new(|| contract(&plan::identity()));
        let outcome = evaluate(&PROJECTED, "eval", Some(&value), &Value::object([]));
        prop_assert_eq!(outcome.value().unwrap(), value.to_json_projection());
    }

    /// The contract accepts exactly what the decoder accepts, whatever is done to the bytes.
    #[test]
    fn damaged_encodings_are_rejected_or_mean_what_the_decoder_says(
        value in value(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3), cut in 0_usize..6
    ) {
        let mut bytes = encoding::encode_contract(&value).unwrap();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            // Small numbers reach tags, offsets and sizes more often than any byte.
            bytes[at] = if byte < 128 { byte % 10 } else { byte };
        }
        bytes.truncate(bytes.len().saturating_sub(if cut < 3 { cut } else { 0 }));
        if bytes.is_empty() {
            return Ok(());
        }
        let decoded = encoding::decode(&bytes, &encoding::Limits::default());
        match (identity(&bytes), decoded) {
            (outcome @ Outcome::Returned(..), Ok(v)) => prop_assert_eq!(outcome.value().unwrap(), wrapped(&v)),
            (Outcome::Reverted(ContractError::MalformedValue, _), Err(_)) => {}
            // A wide number is a value, but never valid inside a contract.
            (Outcome::Reverted(ContractError::MalformedValue, _), Ok(v)) if encoding::encode_contract(&v).is_err() => {}
            (outcome, decoded) => prop_assert!(false, "{:?} but {:?}", outcome, decoded),
        }
    }

    #[test]
    fn any_call_data_ends_in_a_result_or_a_typed_error(mut tail in prop::collection::vec(any::<u8>(), 0..300), head in 0_usize..3) {
        let mut call = call_data("eval", &[0], &[7, 0, 0, 0, 4, 0, 0, 0, 0], &[]);
        let keep = [0, 4, 36][head].min(call.len());
        call.truncate(keep);
        call.append(&mut tail);
        let outcome = execute(&IDENTITY.runtime, call, 100_000_000);
        prop_assert!(!matches!(outcome, Outcome::Halted(_)), "{:?}", outcome);
    }

    #[test]
    fn order_and_equality_are_those_of_the_types(a in value(), b in value()) {
        static LESS: LazyLock<Contract> = LazyLock::new(|| of_builtin("lt", 2));
        static EQUAL: LazyLock<Contract> = LazyLock::new(|| of_builtin("equal", 2));
        for (x, y) in [(&a, &b), (&b, &a), (&a, &a)] {
            let args = [x.clone(), y.clone()];
            prop_assert_eq!(run(&LESS, &args).unwrap(), Some(Value::Bool(x < y)));
            prop_assert_eq!(run(&EQUAL, &args).unwrap(), Some(Value::Bool(x == y)));
        }
    }

    #[test]
    fn sets_and_sorting(items in prop::collection::vec(scalar(), 0..12), other in prop::collection::vec(scalar(), 0..6)) {
        static SORT: LazyLock<Contract> = LazyLock::new(|| of_builtin("sort", 1));
        static OR: LazyLock<Contract> = LazyLock::new(|| of_builtin("or", 2));
        static AND: LazyLock<Contract> = LazyLock::new(|| of_builtin("and", 2));
        static MINUS: LazyLock<Contract> = LazyLock::new(|| of_builtin("minus", 2));
        let mut sorted = items.clone();
        sorted.sort();
        prop_assert_eq!(run(&SORT, &[Value::array(items.clone())]).unwrap(), Some(Value::array(sorted)));
        let (a, b) = (Value::set(items.clone()), Value::set(other.clone()));
        let keep = |inside: bool| Value::set(items.iter().filter(|i| other.contains(i) == inside).cloned());
        prop_assert_eq!(run(&OR, &[a.clone(), b.clone()]).unwrap(), Some(Value::set(items.iter().chain(&other).cloned())));
        prop_assert_eq!(run(&AND, &[a.clone(), b.clone()]).unwrap(), Some(keep(true)));
        prop_assert_eq!(run(&MINUS, &[a, b]).unwrap(), Some(keep(false)));
    }

    /// An exact result, or an error because there is none with 18 digits in 256 bits.
    #[test]
    fn arithmetic_is_exact_or_refused(a in number(), b in number()) {
        static OPS: LazyLock<Vec<Contract>> =
            LazyLock::new(|| ["plus", "minus", "mul", "div", "rem"].map(|n| of_builtin(n, 2)).into());
        let exact = [
            a.add(&b).ok(),
            a.sub(&b).ok(),
            a.mul(&b).ok(),
            a.div(&b).ok(),
            a.rem(&b).ok(),
        ];
        for (i, (contract, exact)) in OPS.iter().zip(exact).enumerate() {
            let got = run(contract, &[Value::Number(a.clone()), Value::Number(b.clone())]);
            match (got, exact) {
                (Ok(Some(got)), Some(exact)) => prop_assert_eq!(got, Value::Number(exact)),
                (Ok(None), exact) => {
                    let integers = a.is_integer() && b.is_integer();
                    prop_assert!(b.is_zero() || (i == 4 && !integers), "{} undefined, {:?}", i, exact);
                }
                (Err(ContractError::NumberOverflow), exact) => {
                    // Division multiplies first and gives up a little early.
                    let big = exact.is_none_or(|n| n.to_fixed18().is_err()) || i == 3;
                    prop_assert!(big);
                }
                (Err(ContractError::InexactNumber), exact) => {
                    prop_assert!(exact.is_none_or(|n| n.to_fixed18().is_err()));
                }
                (got, exact) => prop_assert!(false, "{}: {:?} but {:?}", i, got, exact),
            }
        }
    }

    #[test]
    fn strings_are_those_of_rust(s in "[abé ]{0,12}", t in "[abé ]{0,3}", from in 0_usize..14, n in 0_usize..14) {
        static TWO: LazyLock<Vec<Contract>> = LazyLock::new(|| {
            ["contains", "startswith", "endswith", "split", "trim_prefix", "trim_suffix", "indexof", "trim"].map(|n| of_builtin(n, 2)).into()
        });
        static REPLACE: LazyLock<Contract> = LazyLock::new(|| of_builtin("replace", 3));
        static SUBSTRING: LazyLock<Contract> = LazyLock::new(|| of_builtin("substring", 3));
        let text = |s: &str| Value::string(s);
        let index = s.find(&t).map(|at| s[..at].chars().count());
        let pieces: Vec<Value> = if t.is_empty() {
            s.chars().map(|c| text(&c.to_string())).collect()
        } else {
            s.split(&t).map(text).collect()
        };
        let expected = [
            Value::Bool(s.contains(&t)),
            Value::Bool(s.starts_with(&t)),
            Value::Bool(s.ends_with(&t)),
            Value::array(pieces),
            text(s.strip_prefix(t.as_str()).unwrap_or(&s)),
            text(s.strip_suffix(t.as_str()).unwrap_or(&s)),
            Value::Number(Number::from(index.map_or(-1, |i| i64::try_from(i).unwrap()))),
            text(s.trim_matches(|c| t.contains(c))),
        ];
        for (i, (contract, expected)) in TWO.iter().zip(expected).enumerate() {
            let want = if i == 6 && t.is_empty() { None } else { Some(expected) };
            prop_assert_eq!(run(contract, &[text(&s), text(&t)]).unwrap(), want, "builtin {}", i);
        }
        let args = [text(&s), text(&t), text("_-")];
        prop_assert_eq!(run(&REPLACE, &args).unwrap(), Some(text(&s.replace(&t, "_-"))));
        let number = |n: usize| Value::Number(Number::from(i64::try_from(n).unwrap()));
        let part: String = s.chars().skip(from).take(n).collect();
        prop_assert_eq!(run(&SUBSTRING, &[text(&s), number(from), number(n)]).unwrap(), Some(text(&part)));
    }

    #[test]
    fn ascii_case(s in "[ -~]{0,70}") {
        static LOWER: LazyLock<Contract> = LazyLock::new(|| of_builtin("lower", 1));
        static UPPER: LazyLock<Contract> = LazyLock::new(|| of_builtin("upper", 1));
        prop_assert_eq!(run(&LOWER, &[Value::string(&s)]).unwrap(), Some(Value::string(&s.to_lowercase())));
        prop_assert_eq!(run(&UPPER, &[Value::string(&s)]).unwrap(), Some(Value::string(&s.to_uppercase())));
        prop_assert_eq!(run(&LOWER, &[Value::string("É")]), Err(ContractError::Unsupported));
    }

    #[test]
    fn json_text_reads_back(value in value()) {
        static UNMARSHAL: LazyLock<Contract> = LazyLock::new(|| of_builtin("json.unmarshal", 1));
        static MARSHAL: LazyLock<Contract> = LazyLock::new(|| of_builtin("json.marshal", 1));
        let projected = value.to_json_projection();
        let text = stele_types::json::to_string_pretty(&projected);
        prop_assert_eq!(run(&UNMARSHAL, &[Value::string(&text)]).unwrap(), Some(projected.clone()));
        let compact = run(&MARSHAL, &[value]).unwrap().unwrap();
        let read = stele_types::json::parse(compact.as_str().unwrap().as_bytes(), &stele_types::json::Limits::default());
        prop_assert_eq!(read.unwrap(), projected);
    }

    #[test]
    fn json_validity_is_that_of_the_types(text in r#"[\[\]{}":,0-2a\\u .eE+-]{0,14}|(null|true|[0-9.eE+-]{1,6})"#) {
        static VALID: LazyLock<Contract> = LazyLock::new(|| of_builtin("json.is_valid", 1));
        match (run(&VALID, &[Value::string(&text)]), stele_types::json::parse(text.as_bytes(), &stele_types::json::Limits::default())) {
            (Ok(Some(Value::Bool(valid))), read) => {
                // A lone surrogate is valid to Go, which puts U+FFFD there; our parser refuses it.
                prop_assert!(valid == read.is_ok() || text.contains("\\u"), "{} {:?}", valid, read);
            }
            (Err(ContractError::NumberOverflow | ContractError::InexactNumber), _) => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

fn number() -> impl Strategy<Value = Number> {
    let parse = |s: String| Number::parse(&s).unwrap();
    prop_oneof![
        (-1000_i64..1000).prop_map(Number::from),
        any::<i64>().prop_map(Number::from),
        (-100_000_i64..100_000, 0_u32..18).prop_map(move |(n, e)| parse(format!("{n}e-{e}"))),
        (-99_i64..99, 30_u32..57).prop_map(move |(n, e)| parse(format!("{n}e{e}"))),
    ]
}

/// The tag 4 is none. With the greatest lengths it comes close to what the checks take for a short string.
#[test]
fn lengths_of_tags_that_do_not_exist_are_malformed() {
    let contract = compile(&plan::identity(), &Options::default()).unwrap();
    let text =
        br#"{"a": ["x", [], "y", {"b": 1}], "c": {"d": "e", "f": "a text that is longer than one word"}}"#;
    let value = stele_types::json::parse(text, &stele_types::json::Limits::default()).unwrap();
    let bytes = encoding::encode_contract(&value).unwrap();
    for at in 0..bytes.len() {
        for last in 0xfa..=0xff_u8 {
            for cut in [false, true] {
                let mut damaged = bytes.clone();
                let header = [4, 0xff, 0xff, 0xff, last];
                let end = damaged.len().min(at + header.len());
                damaged[at..end].copy_from_slice(&header[..end - at]);
                if cut {
                    damaged.truncate(at);
                }
                // What stands behind the argument in the call belongs to none.
                let mut call = call_data("eval", &damaged, &[], &[]);
                call.extend(header.repeat(8));
                let outcome = execute(&contract.runtime, call, 100_000_000);
                let refused = encoding::decode(&damaged, &encoding::Limits::default()).is_err();
                let malformed = matches!(outcome, Outcome::Reverted(ContractError::MalformedValue, _));
                assert_eq!(
                    malformed,
                    refused && !damaged.is_empty(),
                    "{at} {last:x} {cut}: {outcome:?}"
                );
            }
        }
    }
}
