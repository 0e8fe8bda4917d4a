//! Inputs and data made up by chance.

use stele_types::{Number, Value};

use super::super::Chance;

/// Keys of documents, and the ones that policies ask for.
pub(super) const KEYS: [&str; 5] = ["a", "b", "c", "x-y", ""];

/// Texts: words, numbers, times, addresses, patterns, JSON.
pub(super) const WORDS: [&str; 20] = [
    "",
    "a",
    "b",
    "ab",
    "Ba",
    "a-b",
    "a.b.c",
    "a/b",
    "Z\u{fc}rich",
    "\u{1f512}",
    " a ",
    "12",
    "-1.5",
    "1Ki",
    "10.0.0.0/8",
    "10.1.2.3",
    "[a-c]+",
    "a*",
    "{\"a\": [1, null]}",
    "1.2.3",
];

/// Numbers: small and large, whole and not, of both signs.
pub(super) const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "-7",
    "10",
    "0.5",
    "-2.25",
    "1e3",
    "255",
    "9007199254740993",
    "123456789012345678901",
    "1e-3",
];

pub(super) fn input(chance: &mut Chance) -> Option<Value> {
    match chance.below(16) {
        0 => None,
        1 => Some(value(chance, 2)),
        _ => Some(object(chance, 4)),
    }
}

/// The base documents lie beside the packages, at `data.base`, and inside of one, at `data.lib.extra`.
pub(super) fn data(chance: &mut Chance) -> Value {
    let mut documents = vec![("base".into(), object(chance, 3))];
    if chance.one_in(3) {
        documents.push(("lib".into(), Value::object([("extra".into(), object(chance, 2))])));
    }
    Value::object(documents)
}

fn object(chance: &mut Chance, depth: usize) -> Value {
    let count = chance.below(4).saturating_add(1);
    let pairs = (0..count).map(|_| {
        (
            Value::string(chance.word(&KEYS)),
            value(chance, depth.saturating_sub(1)),
        )
    });
    Value::object(pairs.collect::<Vec<_>>())
}

fn value(chance: &mut Chance, depth: usize) -> Value {
    match chance.below(if depth == 0 { 6 } else { 12 }) {
        0 => Value::Null,
        1 => chance.one_in(2).into(),
        2 | 3 => Number::parse(chance.word(&NUMBERS)).map_or(Value::Null, Value::Number),
        4 | 5 => Value::string(chance.word(&WORDS)),
        6..=8 => {
            let count = chance.below(4);
            Value::array(
                (0..count)
                    .map(|_| value(chance, depth.saturating_sub(1)))
                    .collect::<Vec<_>>(),
            )
        }
        _ => object(chance, depth),
    }
}
