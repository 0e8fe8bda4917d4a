//! Values for tests.

use proptest::prelude::*;
use stele_types::{Number, Value};

/// Few texts, so that they meet.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => proptest::sample::select(vec!["", "a", "b", "c", "x", "k", "user", "admin", "0", "1", "é", "a.b", "a/b", "A"])
            .prop_map(str::to_owned),
        1 => "[a-c]{0,4}",
        1 => ".{0,6}",
    ]
}

pub(crate) fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        8 => (-2..5_i64).prop_map(Number::from),
        1 => any::<i64>().prop_map(Number::from),
        1 => ("-?[1-9][0-9]{0,2}", -3..3_i32).prop_map(|(digits, power)| Number::parse(&format!("{digits}e{power}")).unwrap()),
        1 => ("[1-9][0-9]{0,40}", -30..30_i32).prop_map(|(digits, power)| Number::parse(&format!("{digits}e{power}")).unwrap()),
    ]
}

/// A value; `sets`: also sets and keys that are no strings.
pub(crate) fn value(sets: bool) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::Bool),
        4 => number().prop_map(Value::Number),
        5 => text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        let array = proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from);
        let object = proptest::collection::btree_map(text().prop_map(Value::from), inner.clone(), 0..5)
            .prop_map(Value::from);
        if !sets {
            return prop_oneof![array, object].boxed();
        }
        let set = proptest::collection::btree_set(inner.clone(), 0..5).prop_map(Value::from);
        let map = proptest::collection::btree_map(inner.clone(), inner, 0..4).prop_map(Value::from);
        prop_oneof![2 => array, 3 => object, 1 => set, 1 => map].boxed()
    })
    .boxed()
}

fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>, sets: bool) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, strategy)| {
            // Sometimes missing, sometimes of another type.
            let field =
                prop_oneof![8 => strategy.prop_map(Some), 1 => value(sets).prop_map(Some), 1 => Just(None)];
            field.prop_map(move |value| value.map(|value| (Value::from(name), value)))
        })
        .collect();
    fields
        .prop_map(|fields| Value::object(fields.into_iter().flatten()))
        .boxed()
}

fn list(of: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    proptest::collection::vec(of, 0..6).prop_map(Value::from).boxed()
}

fn map(of: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    proptest::collection::btree_map(text().prop_map(Value::from), of, 0..6)
        .prop_map(Value::from)
        .boxed()
}

/// Inputs with the fields that the policies of `tricky` look at.
pub(crate) fn input(sets: bool) -> BoxedStrategy<Value> {
    let small = || (-2..5_i64).prop_map(Value::from).boxed();
    let texts = || text().prop_map(Value::from).boxed();
    let item = object(
        vec![
            ("name", texts()),
            ("n", small()),
            ("tags", list(texts())),
            ("on", any::<bool>().prop_map(Value::Bool).boxed()),
        ],
        sets,
    );
    let fields = vec![
        ("x", value(sets)),
        ("y", value(sets)),
        ("n", small()),
        ("m", number().prop_map(Value::Number).boxed()),
        ("s", texts()),
        ("t", texts()),
        ("list", list(value(sets))),
        ("nums", list(small())),
        ("texts", list(texts())),
        ("items", list(item)),
        ("map", map(value(sets))),
        ("graph", map(list(texts()))),
    ];
    prop_oneof![12 => object(fields, sets), 1 => value(sets)].boxed()
}

/// Data with base documents beside, below and in place of rules.
pub(crate) fn data() -> BoxedStrategy<Value> {
    let below = || {
        object(
            vec![
                ("base", value(false)),
                ("p", value(false)),
                ("sub", map(value(false))),
                ("users", map(list(text().prop_map(Value::from)))),
                ("0", value(false)),
                ("1", value(false)),
            ],
            false,
        )
    };
    object(
        vec![
            ("doc", below()),
            ("base", below()),
            ("list", list(value(false))),
            ("n", number().prop_map(Value::Number).boxed()),
            ("1", map(value(false))),
        ],
        false,
    )
    .prop_map(|value| {
        if value.as_object().is_some() {
            value
        } else {
            Value::object([])
        }
    })
    .boxed()
}
