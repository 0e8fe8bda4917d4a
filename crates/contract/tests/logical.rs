//! `and`, `or` and `not` over bodies mean what their truth tables say, on every engine, however they are written.
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

use common::answers::answers;
use proptest::prelude::*;
use stele_rego::format::{format, tree};
use stele_rego::{CompileOptions, SourceFile, compile_query, parse, parse_query};
use stele_types::{Value, json};

const HEADER: &str =
    "package l\n\nimport future.keywords.and\nimport future.keywords.not\nimport future.keywords.or\n";

/// A condition on the input, its text apart.
#[derive(Clone, Debug)]
enum Condition {
    /// Whether the input's member holds: it is there, and not false.
    Member(u8),
    /// Whether the input's members, taken together, are as said: undefined where one of them is not there.
    Sum(u8, u8),
    /// A body that looks for an element.
    Some(u8),
    /// A set of the input's member, which holds if that is there, and is no body.
    Set(u8),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    /// The condition where the input is another one.
    With(Box<Condition>),
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

impl Condition {
    fn holds(&self, input: &Value) -> bool {
        let member = |at: &u8| input.get(NAMES[usize::from(*at)]).cloned();
        match self {
            Self::Member(at) => member(at).is_some_and(|value| value != Value::Bool(false)),
            Self::Sum(a, b) => match (member(a), member(b)) {
                (Some(Value::Number(a)), Some(Value::Number(b))) => {
                    a.to_i64().unwrap() + b.to_i64().unwrap() == 3
                }
                _ => false,
            },
            Self::Some(at) => member(at) == Some(Value::from(2_i64)),
            Self::Set(at) => member(at).is_some(),
            Self::Not(inner) => !inner.holds(input),
            Self::And(left, right) => left.holds(input) && right.holds(input),
            Self::Or(left, right) => left.holds(input) || right.holds(input),
            Self::With(inner) => inner.holds(&other()),
        }
    }

    /// The text, with only the brackets that the grammar asks for, or with more than that. `least`: 0 where `or` may stand, 1 where
    /// `and` may, 2 where neither may.
    fn text(&self, least: u8, more: bool) -> String {
        let (text, level) = match self {
            Self::Member(at) => (format!("input.{}", NAMES[usize::from(*at)]), 3),
            Self::Sum(a, b) => {
                let (a, b) = (NAMES[usize::from(*a)], NAMES[usize::from(*b)]);
                (format!("input.{a} + input.{b} == 3"), 3)
            }
            Self::Some(at) => {
                let name = NAMES[usize::from(*at)];
                (format!("{{ some x in [input.{name}]; y := x; y == 2 }}"), 3)
            }
            Self::Set(at) => (format!("({{input.{}}})", NAMES[usize::from(*at)]), 3),
            Self::Not(inner) => match **inner {
                Self::Not(_) => (format!("not {{ {} }}", inner.text(0, more)), 3),
                _ => (format!("not {}", inner.text(2, more)), 3),
            },
            Self::And(left, right) => (format!("{} and {}", left.text(1, more), right.text(2, more)), 1),
            Self::Or(left, right) => (
                format!("{} or\n\t\t{}", left.text(0, more), right.text(1, more)),
                0,
            ),
            Self::With(inner) => {
                let mut text = inner.text(0, more);
                // Modifiers follow neither a body nor a statement that has some.
                if text.starts_with('{') || matches!(**inner, Self::With(_)) {
                    text.push_str(" or false");
                }
                let other = json::to_string(&other());
                (format!("({text} with input as {other})"), 3)
            }
        };
        let group = more && !matches!(self, Self::Some(_) | Self::With(_) | Self::Not(_));
        if level < least || group {
            let (open, close) = if more && level == 0 {
                ("{ ", " }")
            } else {
                ("(", ")")
            };
            return format!("{open}{text}{close}");
        }
        text
    }
}

fn other() -> Value {
    Value::object([
        (Value::from("a"), Value::from(1_i64)),
        (Value::from("b"), Value::from(2_i64)),
        (Value::from("c"), Value::Bool(false)),
    ])
}

fn condition() -> impl Strategy<Value = Condition> {
    let name = 0..4_u8;
    let leaf = prop_oneof![
        name.clone().prop_map(Condition::Member),
        (name.clone(), name.clone()).prop_map(|(a, b)| Condition::Sum(a, b)),
        name.clone().prop_map(Condition::Some),
        name.prop_map(Condition::Set),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(inner.into())),
            two.clone()
                .prop_map(|(left, right)| Condition::And(left.into(), right.into())),
            two.prop_map(|(left, right)| Condition::Or(left.into(), right.into())),
            inner.prop_map(|inner| Condition::With(inner.into())),
        ]
    })
}

fn input() -> impl Strategy<Value = Value> {
    let member = prop_oneof![
        Just(None),
        any::<bool>().prop_map(|value| Some(Value::Bool(value))),
        (1..3_i64).prop_map(|value| Some(Value::from(value))),
        Just(Some(Value::Null)),
    ];
    prop::array::uniform4(member).prop_map(|members| {
        let pairs = NAMES.iter().zip(members);
        Value::object(pairs.filter_map(|(name, value)| Some((Value::from(*name), value?))))
    })
}

/// What all engines say, which must be the same.
fn answer(text: &str, input: &Value) -> Value {
    let source = SourceFile::new("l.rego", text);
    let module = parse(&source).unwrap_or_else(|errors| panic!("{}", errors[0].render(text)));
    let query = SourceFile::new("query", "x = data.l.p");
    let body = parse_query(&query).unwrap();
    let plan = compile_query(&[module], &query, &body, &CompileOptions::default())
        .unwrap_or_else(|errors| panic!("{}", errors[0].render(text)));
    let (wanted, found) = answers(&plan, input).expect("a contract");
    assert_eq!(wanted, found, "{text}");
    found
}

fn module(condition: &str) -> String {
    format!("{HEADER}\ndefault p := false\n\np if {{\n\tone := 1\n\t{condition} and one == 1\n}}\n")
}

proptest! {
    #[test]
    fn conditions_are_what_their_truth_tables_say(condition in condition(), input in input(), more in any::<bool>()) {
        let text = module(&condition.text(1, more));
        let answer = answer(&text, &input);
        let row = Value::object([(Value::from("x"), Value::Bool(condition.holds(&input)))]);
        prop_assert_eq!(answer, Value::array([row]), "{}", text);
    }

    #[test]
    fn formatted_conditions_are_the_same_conditions(condition in condition(), more in any::<bool>()) {
        let text = module(&condition.text(1, more));
        let formatted = format(&SourceFile::new("l.rego", text.as_str())).unwrap();
        let outline = |text: &str| tree::outline(&parse(&SourceFile::new("l.rego", text)).unwrap());
        prop_assert_eq!(outline(&text), outline(&formatted));
        let again = format(&SourceFile::new("l.rego", formatted.as_str())).unwrap();
        prop_assert_eq!(formatted, again);
    }
}
