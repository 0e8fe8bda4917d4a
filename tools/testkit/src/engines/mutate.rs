//! Inputs broken by chance, and inputs that nobody expects.

use std::sync::Arc;

use stele_types::{Number, Value};

use super::Chance;

/// Texts that policies look for, or stumble over.
const TEXTS: [&str; 8] = [
    "",
    "*",
    "0.0.0.0/0",
    "system:masters",
    "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}}",
    "registry.corp.example/web@sha256:0",
    "Zürich \u{1f512}",
    "a/b:c,d;e=f|g",
];

/// Replaces, removes, renames, repeats or wraps one random part of a document.
#[must_use]
pub fn mutate(value: &Value, chance: &mut Chance) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() && !chance.one_in(8) => {
            let at = chance.below(items.len());
            let mut items = items.to_vec();
            let Some(item) = items.get(at).cloned() else {
                return other(value, chance);
            };
            match chance.below(10) {
                0 => drop(items.remove(at)),
                1 => items.push(item),
                2 => items.reverse(),
                _ => {
                    if let Some(slot) = items.get_mut(at) {
                        *slot = mutate(&item, chance);
                    }
                }
            }
            Value::array(items)
        }
        Value::Object(map) if !map.is_empty() && !chance.one_in(10) => {
            let mut map = map.as_ref().clone();
            let Some((key, inner)) = map.iter().nth(chance.below(map.len())) else {
                return other(value, chance);
            };
            let (key, inner) = (key.clone(), inner.clone());
            match chance.below(10) {
                0 | 1 => drop(map.remove(&key)),
                2 => {
                    map.remove(&key);
                    map.insert(Value::string(chance.word(&TEXTS)), inner);
                }
                _ => drop(map.insert(key, mutate(&inner, chance))),
            }
            Value::object(map)
        }
        _ => other(value, chance),
    }
}

/// Something else in a value's place, most often of another type.
fn other(value: &Value, chance: &mut Chance) -> Value {
    match chance.below(14) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => Value::Bool(false),
        3 => Value::Number(Number::from(
            i64::try_from(chance.below(3_000))
                .unwrap_or(0)
                .saturating_sub(1_000),
        )),
        4 => Number::parse("0.5").map_or(Value::Null, Value::Number),
        5 => Number::parse("18446744073709551616").map_or(Value::Null, Value::Number),
        6 => Value::array([]),
        7 => Value::object([]),
        8 => Value::array([value.clone()]),
        9 => Value::object([("name".into(), value.clone())]),
        10 => match value {
            // What looks like the same to whoever does not look at types.
            Value::String(text) => Number::parse(text).map_or(Value::Null, Value::Number),
            Value::Number(number) => Value::string(&number.to_string()),
            Value::Bool(value) => Value::string(&value.to_string()),
            _ => Value::string("null"),
        },
        _ => Value::string(chance.word(&TEXTS)),
    }
}

/// Inputs that no caller means to send: undefined, scalars, empty and deep collections, long texts, numbers at the edges.
#[must_use]
pub fn odd_inputs() -> Vec<Option<Value>> {
    let number = |text: &str| Number::parse(text).map_or(Value::Null, Value::Number);
    let nested = |depth: usize| {
        (0..depth).fold(Value::Null, |inner, n| match n.checked_rem(2) {
            Some(0) => Value::array([inner]),
            _ => Value::object([("spec".into(), inner)]),
        })
    };
    let wide: Vec<Value> = (0..500_i64).map(Value::from).collect();
    let mut inputs: Vec<Option<Value>> = vec![None];
    inputs.extend(
        [
            Value::Null,
            true.into(),
            false.into(),
            0.into(),
            number("-0.000000000000000001"),
            number("1e-30"),
            number("1e60"),
            Value::string(""),
            Value::String(Arc::from("x".repeat(5_000))),
            Value::array([]),
            Value::object([]),
            Value::array(wide.clone()),
            Value::object([("request".into(), Value::array(wide))]),
            nested(60),
            nested(100),
        ]
        .map(Some),
    );
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_differ_from_their_origin_and_repeat_with_their_seed() {
        let origin = Value::object([
            ("a".into(), Value::array([1.into(), "x".into()])),
            ("b".into(), Value::object([("c".into(), true.into())])),
        ]);
        let made = |seed: u64| mutate(&origin, &mut Chance(seed));
        let differ = (0..200).filter(|seed| made(*seed) != origin).count();
        assert!(differ > 180, "{differ}");
        assert!((0..200).all(|seed| made(seed) == made(seed) && made(seed).is_json()));
    }
}
