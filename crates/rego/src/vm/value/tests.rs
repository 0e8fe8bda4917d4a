//! Values of the heap against those of [`stele_types`]: the same texts, orders, encodings and errors.
//!
//! `PROPTEST_CASES` says how many cases each property tries, by default 256.

mod build;
mod json;
mod looks;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stele_types::{Number, Value};

use super::*;

/// Strings that the constants of these tests have. The last two lie on both sides of what is looked up.
fn constant_texts() -> Vec<String> {
    let short = [
        "",
        "a",
        "b",
        "user",
        "name",
        "é",
        "\"\\\n",
        "01234567",
        "012345678",
    ];
    let mut texts: Vec<String> = short.map(str::to_owned).into();
    texts.push("k".repeat(names::LONGEST));
    texts.push("k".repeat(names::LONGEST + 1));
    texts
}

/// Regions, constants and what reads into them.
struct Fixture {
    names: Names,
    consts: Region,
    data: Region,
    scratch: Region,
    reader: Reader,
}

impl Fixture {
    fn new() -> Self {
        let mut names = Names::default();
        let mut consts = Region::new(Space::Consts);
        for text in constant_texts() {
            let val = consts.constant(&text).unwrap();
            names.insert(&text, val, hash_text(&text));
        }
        Self {
            names,
            consts,
            data: Region::new(Space::Data),
            scratch: Region::new(Space::Scratch),
            reader: Reader::default(),
        }
    }

    fn heap(&mut self) -> Heap<'_> {
        Heap {
            consts: &self.consts,
            data: &self.data,
            scratch: &mut self.scratch,
            meter: super::Meter::default(),
        }
    }

    /// Into the scratch region.
    fn load(&mut self, value: &Value) -> Val {
        let constants = Constants {
            names: &self.names,
            region: &self.consts,
        };
        from_value(value, &mut self.scratch, &constants).unwrap()
    }

    /// Into the data region, next to what is there.
    fn load_data(&mut self, value: &Value) -> Val {
        let constants = Constants {
            names: &self.names,
            region: &self.consts,
        };
        load_value(value, &mut self.data, &constants).unwrap()
    }

    /// Into the scratch region, as evaluations make values: no string was looked up.
    fn make(&mut self, value: &Value) -> Val {
        match value {
            Value::String(text) => self.scratch.string(text).unwrap(),
            Value::Array(items) => {
                let parts: Vec<Val> = items.iter().map(|item| self.make(item)).collect();
                self.scratch.collection(Kind::Array, &parts)
            }
            Value::Set(items) => {
                let parts: Vec<Val> = items.iter().map(|item| self.make(item)).collect();
                self.scratch.collection(Kind::Set, &parts)
            }
            Value::Object(map) => {
                let pairs = map.iter().flat_map(|(key, value)| [key, value]);
                let parts: Vec<Val> = pairs.map(|part| self.make(part)).collect();
                self.scratch.collection(Kind::Object, &parts)
            }
            scalar => self.load(scalar),
        }
    }

    /// The value in one of the ways in which it can get here.
    fn bring(&mut self, value: &Value, way: u8) -> Val {
        match way % 3 {
            0 => self.load(value),
            1 => self.load_data(value),
            _ => self.make(value),
        }
    }

    fn parse(&mut self, bytes: &[u8], limits: &stele_types::json::Limits) -> Result<Val, ParseError> {
        let constants = Constants {
            names: &self.names,
            region: &self.consts,
        };
        super::parse(
            bytes,
            (limits, u64::MAX),
            &mut self.scratch,
            &constants,
            &mut self.reader,
        )
    }

    /// Into a region of its own, and out again.
    fn load_json(&mut self, bytes: &[u8], limits: &stele_types::json::Limits) -> Result<Value, ParseError> {
        let constants = Constants {
            names: &self.names,
            region: &self.consts,
        };
        let mut region = Region::new(Space::Data);
        let root = super::load(bytes, limits, &mut region, &constants)?;
        let heap = Heap {
            consts: &self.consts,
            data: &region,
            scratch: &mut self.scratch,
            meter: super::Meter::default(),
        };
        let value = heap.to_value(root).unwrap();
        // In order, each key once, as the same document loaded from its value.
        let mut other = Region::new(Space::Scratch);
        let again = from_value(&value, &mut other, &constants).unwrap();
        let heap = Heap {
            consts: &self.consts,
            data: &region,
            scratch: &mut other,
            meter: super::Meter::default(),
        };
        assert!(heap.eq(root, again));
        Ok(value)
    }

    fn value(&mut self, val: Val) -> Option<Value> {
        self.heap().to_value(val)
    }
}

/// Texts that meet constants, escapes, both kinds of UTF-8 lengths and the eight byte steps of the scanner.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(constant_texts()),
        2 => "[a-c]{0,3}",
        2 => "[ -~\u{0}-\u{1f}\"\\\\é😀]{0,20}",
        1 => ".{0,12}",
        1 => ("[a-z]{1,4}", 0..40_usize).prop_map(|(text, times)| text.repeat(times)),
    ]
}

/// Numbers on both sides of 60 and 64 bits, fractions, and many digits.
fn number() -> impl Strategy<Value = Number> {
    let edge = (0..64_u32, -2..=2_i64, any::<bool>()).prop_map(|(bits, near, negative)| {
        let value = 1_i64.wrapping_shl(bits).wrapping_add(near);
        Number::from(if negative { value.wrapping_neg() } else { value })
    });
    prop_oneof![
        4 => (-3..20_i64).prop_map(Number::from),
        2 => edge,
        1 => any::<i64>().prop_map(Number::from),
        2 => ("-?[1-9][0-9]{0,3}", -4..4_i32)
            .prop_map(|(digits, power)| Number::parse(&format!("{digits}e{power}")).unwrap()),
        1 => ("-?[1-9][0-9]{0,60}", -90..90_i32)
            .prop_map(|(digits, power)| Number::parse(&format!("{digits}e{power}")).unwrap()),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        3 => number().prop_map(Value::Number),
        4 => text().prop_map(Value::from),
    ]
}

/// Any value of Rego.
pub(in crate::vm) fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_set(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(text().prop_map(Value::from), inner.clone(), 0..6)
                .prop_map(Value::from),
            proptest::collection::btree_map(inner.clone(), inner, 0..4).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn values_go_in_and_come_out(value in value(), other in value(), way in any::<u8>()) {
        let mut fixture = Fixture::new();
        let first = fixture.bring(&value, way);
        let second = fixture.bring(&other, way / 3);
        prop_assert_eq!(fixture.value(first), Some(value));
        prop_assert_eq!(fixture.value(second), Some(other));
    }

    #[test]
    fn small_integers_are_those_of_60_bits(bits in 0..64_u32, near in -2..=2_i64, negative in any::<bool>()) {
        let value = 1_i64.wrapping_shl(bits).wrapping_add(near);
        let value = if negative { value.wrapping_neg() } else { value };
        let fits = (-(1_i64 << 59)..1 << 59).contains(&value);
        prop_assert_eq!(Val::small(value).is_some(), fits);
        if let Some(small) = Val::small(value) {
            prop_assert_eq!(small.as_int(), Some(value));
            prop_assert_eq!(small.kind(), Kind::Int);
        }
    }
}

#[test]
fn undefined_is_no_value() {
    let mut fixture = Fixture::new();
    let heap = fixture.heap();
    let mut out = Vec::new();
    heap.write_json(Val::UNDEFINED, &mut out);
    heap.encode(Val::UNDEFINED, &mut out).unwrap();
    assert_eq!((heap.to_value(Val::UNDEFINED), out), (None, Vec::new()));
    assert!(heap.eq(Val::UNDEFINED, Val::UNDEFINED) && !heap.eq(Val::UNDEFINED, Val::NULL));
    assert!(!Val::UNDEFINED.is_defined() && Val::NULL.is_defined());
}

#[test]
fn very_long_strings_are_strings() {
    let limits = stele_types::json::Limits::default();
    for length in [(1 << 24) - 2, (1 << 24) - 1, (1 << 24) + 1] {
        let long = "x".repeat(length);
        let value = Value::object([(
            long.as_str().into(),
            Value::array([long.as_str().into(), "a".into()]),
        )]);
        let json = stele_types::json::to_vec(&value);
        let mut fixture = Fixture::new();
        let read = fixture.parse(&json, &limits).unwrap();
        let loaded = fixture.load_data(&value);
        let heap = fixture.heap();
        let mut out = Vec::new();
        heap.write_json(read, &mut out);
        assert!(out == json, "{length}: rendering");
        assert!(heap.eq(read, loaded), "{length}: equality");
        let key = *heap.parts(loaded).first().unwrap();
        assert_eq!(heap.text(key).len(), length);
        let second = heap.index(heap.index(read, key), Val::small(1).unwrap());
        assert_eq!(heap.as_text(second), Some("a"));
    }
}
