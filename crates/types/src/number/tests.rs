use std::cmp::Ordering;

use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;

fn n(text: &str) -> Number {
    Number::parse(text).unwrap()
}

#[test]
fn equal_values_are_equal_numbers() {
    for group in [
        ["0", "-0", "0.000", "0e99"],
        ["1", "1.0", "10e-1", "0.1e1"],
        ["-25e-1", "-2.5", "-2.500", "-0.25e+1"],
        ["1e20", "100000000000000000000", "10.0E19", "1000e17"],
        [
            "9223372036854775807",
            "9223372036854775807.0",
            "9223372036854775807e0",
            "922337203685477580.7e1",
        ],
    ] {
        for text in group {
            assert_eq!(n(text), n(group[0]), "{text}");
            assert_eq!(n(text).cmp(&n(group[0])), Ordering::Equal, "{text}");
        }
    }
}

#[test]
fn prints_plain_decimals() {
    for (text, shown) in [
        ("1.50", "1.5"),
        ("-0.001", "-0.001"),
        ("1e3", "1000"),
        ("12e20", "1200000000000000000000"),
        ("1234.5e-6", "0.0012345"),
        ("-0", "0"),
        ("100000000000000000000000000001", "100000000000000000000000000001"),
        ("-9223372036854775808", "-9223372036854775808"),
    ] {
        assert_eq!(n(text).to_string(), shown);
    }
}

#[test]
fn refuses_what_is_no_json_number() {
    for bad in [
        "", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", " 1", "1 ", "NaN", "1_0", "--1", "1.e1", "٣",
    ] {
        assert!(
            matches!(Number::parse(bad), Err(NumberError::Syntax { .. })),
            "{bad}"
        );
    }
}

#[test]
fn huge_exponents_and_long_texts_are_clean_errors() {
    for text in [
        "1e1000000000",
        "1e-1000000000",
        "1e99999999999999999999",
        "1e4096",
        "1e-4097",
    ] {
        assert_eq!(Number::parse(text), Err(NumberError::OutOfRange), "{text}");
    }
    assert_eq!(
        Number::parse(&"9".repeat(1_000_000)),
        Err(NumberError::OutOfRange)
    );
    assert_eq!(n(&format!("1{}e-1000000", "0".repeat(1_000_000))), n("1"));
    assert_eq!(n("1e4095").mul(&n("1e4095")), Err(NumberError::OutOfRange));
    assert_eq!(
        n("1e4095").add(&n("1e-4096")),
        Ok(n(&format!("1{}.{}1", "0".repeat(4095), "0".repeat(4095))))
    );
    assert_eq!(n("0e1000000000"), Number::ZERO);
}

#[test]
fn arithmetic_is_exact() {
    assert_eq!(n("0.1").add(&n("0.2")), Ok(n("0.3")));
    assert_eq!(
        n("9223372036854775807").add(&n("1")),
        Ok(n("9223372036854775808"))
    );
    assert_eq!(
        n("9223372036854775808").sub(&n("1")),
        Ok(n("9223372036854775807"))
    );
    assert_eq!(n("-9223372036854775808").neg(), n("9223372036854775808"));
    assert_eq!(n("9223372036854775808").neg(), n("-9223372036854775808"));
    assert_eq!(n("9223372036854775808").neg().to_i64(), Some(i64::MIN));
    assert_eq!(
        n("-9223372036854775808").div(&n("-1")),
        Ok(n("9223372036854775808"))
    );
    assert_eq!(n("-9223372036854775808").rem(&n("-1")), Ok(n("0")));
    assert_eq!(n("1.5").mul(&n("1.5")), Ok(n("2.25")));
    assert_eq!(n("1").div(&n("8")), Ok(n("0.125")));
    assert_eq!(n("1").div(&n("-0.5")), Ok(n("-2")));
    assert_eq!(n("1").div(&n("3")), Err(NumberError::Inexact));
    assert_eq!(n("1").div(&n("0")), Err(NumberError::DivisionByZero));
    assert_eq!(n("1").div_rounded(&n("3"), 5), Ok(n("0.33333")));
    assert_eq!(n("-2").div_rounded(&n("3"), 2), Ok(n("-0.67")));
    assert_eq!(n("1").div_rounded(&n("8"), 2), Ok(n("0.12")));
    assert_eq!(n("3").div_rounded(&n("8"), 2), Ok(n("0.38")));
    assert_eq!(n("1").div_rounded(&n("8"), 9), Ok(n("0.125")));
    assert_eq!(n("-7").rem(&n("3")), Ok(n("-1")));
    assert_eq!(n("1e30").rem(&n("7")), Ok(n("1")));
    assert!(matches!(
        n("1.5").rem(&n("1")),
        Err(NumberError::NotInteger { .. })
    ));
    assert_eq!(n("5").rem(&n("0")), Err(NumberError::DivisionByZero));
}

#[test]
fn rounding_to_integers() {
    for (text, floor, ceil, round) in [
        ("1.5", "1", "2", "2"),
        ("-1.5", "-2", "-1", "-2"),
        ("2.49", "2", "3", "2"),
        ("-0.4", "-1", "0", "0"),
        ("7", "7", "7", "7"),
        ("1e30", "1e30", "1e30", "1e30"),
    ] {
        assert_eq!(
            (n(text).floor(), n(text).ceil(), n(text).round()),
            (n(floor), n(ceil), n(round)),
            "{text}"
        );
    }
    assert_eq!(n("-2.5").abs(), n("2.5"));
}

#[test]
fn fixed_point_words() {
    assert_eq!(
        n("1").to_fixed18().unwrap()[24..],
        1_000_000_000_000_000_000u64.to_be_bytes()
    );
    assert_eq!(n("-1e-18").to_fixed18().unwrap(), [0xff; 32]);
    let max = BigInt::from(2).pow(255) - 1;
    let largest = Number::from_fixed18(&widened(&max));
    assert_eq!(largest.to_fixed18().unwrap(), widened(&max));
    let above = largest.add(&n("1e-18")).unwrap();
    assert!(matches!(above.to_fixed18(), Err(NumberError::NotFixed18 { .. })));
    let error = n("1e-30").to_fixed18().unwrap_err().to_string();
    assert!(
        error.starts_with("1e-30 can't be represented in a contract input"),
        "{error}"
    );
    assert!(n("1e60").to_fixed18().is_err());
}

fn widened(value: &BigInt) -> [u8; 32] {
    let bytes = value.to_signed_bytes_be();
    let mut word = [if bytes[0] >= 0x80 { 0xff } else { 0 }; 32];
    word[32 - bytes.len()..].copy_from_slice(&bytes);
    word
}

#[test]
fn floats_convert_by_their_shortest_text() {
    assert_eq!(Number::from_f64(0.1), Ok(n("0.1")));
    assert_eq!(Number::from_f64(5e-324), Ok(n("5e-324")));
    assert_eq!(Number::from_f64(f64::MAX), Ok(n("1.7976931348623157e308")));
    assert_eq!(Number::from_f64(f64::NAN), Err(NumberError::NotFinite));
    assert_eq!(n("0.1").to_f64(), 0.1);
    assert_eq!(n("1e400").to_f64(), f64::INFINITY);
    assert_eq!(Number::from(u64::MAX).to_u64(), Some(u64::MAX));
    assert_eq!(n("1.5").to_u64(), None);
}

fn arbitrary() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        (-50i64..50).prop_map(Number::from),
        ("-?[1-9][0-9]{0,30}", -40i32..40).prop_map(|(c, e)| n(&format!("{c}e{e}"))),
    ]
}

proptest! {
    #[test]
    fn text_round_trips(a in arbitrary()) {
        prop_assert_eq!(&n(&a.to_string()), &a);
        prop_assert_eq!(&n(&a.to_scientific()), &a);
    }

    #[test]
    fn ring_laws(a in arbitrary(), b in arbitrary(), c in arbitrary()) {
        prop_assert_eq!(a.add(&b).unwrap().sub(&b).unwrap(), a.clone());
        prop_assert_eq!(a.add(&b), b.add(&a));
        let left = a.mul(&b.add(&c).unwrap()).unwrap();
        let right = a.mul(&b).unwrap().add(&a.mul(&c).unwrap()).unwrap();
        prop_assert_eq!(left, right);
        if !b.is_zero() {
            prop_assert_eq!(a.mul(&b).unwrap().div(&b).unwrap(), a.clone());
        }
        prop_assert_eq!(a.cmp(&b), a.sub(&b).unwrap().sign());
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    }

    #[test]
    fn rounding_brackets(a in arbitrary()) {
        let (floor, ceil, round) = (a.floor(), a.ceil(), a.round());
        prop_assert!(floor <= a && a <= ceil && floor.is_integer() && ceil.is_integer());
        prop_assert!(round == floor || round == ceil);
        prop_assert!(a.sub(&round).unwrap().abs() <= n("0.5"));
    }

    #[test]
    fn fixed_point_round_trips(word: [u8; 32]) {
        prop_assert_eq!(Number::from_fixed18(&word).to_fixed18(), Ok(word));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+0-9.eE]{0,24}") {
        let _ = Number::parse(&text);
    }
}
