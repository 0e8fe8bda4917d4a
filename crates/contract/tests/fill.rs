//! Collections whose entries stand in the plan are filled in place: whatever else happens between their statements, a contract gives
//! what the evaluator gives.
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

use common::plan::{entry, policy, stmt};
use common::{Outcome, evaluate};
use proptest::prelude::*;
use stele_contract::{Options, ResultForm, compile};
use stele_rego::eval::{self, Context, Evaluator, Limits, NoTrace};
use stele_rego::ir::{Block, BuiltinFunc, INPUT, Local, Operand, Policy, StmtKind, StringIndex};
use stele_types::Value;

/// String constants: `result`, keys, formats.
const STRINGS: &[&str] = &["result", "b", "a", "c", "%v", "%v and %s", "text"];

/// Locals that hold collections, and those that hold their entries.
const COLLECTIONS: std::ops::Range<u32> = 10..13;
const ENTRIES: std::ops::Range<u32> = 20..24;

/// Locals that hold, at the end of the statements, what the collections are then.
const KEPT: std::ops::Range<u32> = 30..33;

fn text(index: u32) -> Operand {
    Operand::StringIndex(StringIndex(index))
}

fn value() -> impl Strategy<Value = Operand> {
    prop_oneof![
        ENTRIES.prop_map(|l| Operand::Local(Local(l))),
        (1..4_u32).prop_map(text),
    ]
}

fn object() -> impl Strategy<Value = Local> {
    (10..12_u32).prop_map(Local)
}

fn array() -> impl Strategy<Value = Local> {
    Just(Local(12))
}

fn any_entry() -> impl Strategy<Value = Local> {
    ENTRIES.prop_map(Local)
}

fn statement() -> impl Strategy<Value = StmtKind> {
    prop_oneof![
        3 => object().prop_map(|target| StmtKind::MakeObject { target }),
        2 => array().prop_map(|target| StmtKind::MakeArray { capacity: 1, target }),
        6 => (1..4_u32, value(), object()).prop_map(|(key, value, object)| StmtKind::ObjectInsert {
            key: text(key),
            value,
            object
        }),
        2 => (1..4_u32, value(), object()).prop_map(|(key, value, object)| StmtKind::ObjectInsertOnce {
            key: text(key),
            value,
            object
        }),
        5 => (value(), array()).prop_map(|(value, array)| StmtKind::ArrayAppend { value, array }),
        5 => (1..5_u32, any_entry()).prop_map(|(key, target)| StmtKind::Dot {
            source: Operand::Local(INPUT),
            key: text(key),
            target
        }),
        1 => (value(), any_entry()).prop_map(|(source, target)| StmtKind::AssignVar { source, target }),
        3 => (4..6_u32, array(), any_entry()).prop_map(|(format, list, result)| StmtKind::Call {
            func: "sprintf".to_owned(),
            args: vec![text(format), Operand::Local(list)],
            result
        }),
    ]
}

/// Statements in one block and in some blocks within it. What sets an entry begins with nothing in it: whether an undefined look-up
/// leaves an older value there is another matter.
fn statements() -> impl Strategy<Value = Vec<StmtKind>> {
    let nested = prop::collection::vec(statement(), 1..6).prop_map(|kinds| StmtKind::Block {
        blocks: vec![block(kinds.into_iter().flat_map(with_reset).collect())],
    });
    let any = prop_oneof![8 => statement(), 1 => nested];
    prop::collection::vec(any, 1..24).prop_map(|kinds| kinds.into_iter().flat_map(with_reset).collect())
}

fn with_reset(kind: StmtKind) -> Vec<StmtKind> {
    match kind {
        StmtKind::Dot { target, .. } | StmtKind::Call { result: target, .. } => {
            vec![StmtKind::ResetLocal { target }, kind]
        }
        kind => vec![kind],
    }
}

fn block(kinds: Vec<StmtKind>) -> Block {
    Block {
        stmts: kinds.into_iter().map(|kind| stmt(1, kind)).collect(),
    }
}

/// A plan that gives those of the locals that are defined after the statements. What is not given is read by the statements alone,
/// which lets the compiler do more.
fn plan(kinds: Vec<StmtKind>, given: &[u32]) -> Policy {
    let nested = |blocks| stmt(1, StmtKind::Block { blocks });
    // A plan sets every local that it reads.
    let reset = |local| stmt(1, StmtKind::ResetLocal { target: Local(local) });
    let mut body: Vec<_> = COLLECTIONS.chain(ENTRIES).chain(KEPT).map(reset).collect();
    let target = Local(2);
    body.push(stmt(1, StmtKind::MakeArray { capacity: 1, target }));
    body.push(nested(vec![block(kinds)]));
    for local in given.iter().copied().map(Local) {
        let give = vec![
            StmtKind::IsDefined { source: local },
            StmtKind::ArrayAppend {
                value: Operand::Local(local),
                array: Local(2),
            },
        ];
        body.push(nested(vec![block(give)]));
    }
    let mut policy = policy(STRINGS, vec![entry("eval", body)], vec![]);
    let any = serde_json::json!({"type": "any"});
    policy.static_.builtin_funcs = vec![BuiltinFunc {
        name: "sprintf".to_owned(),
        decl: serde_json::json!({"type": "function", "args": [any, any], "result": any}),
    }];
    policy
}

/// Both answers; `None` if the contract is refused, or one of the two has no answer.
fn answers(policy: &Policy, input: &Value) -> Option<(Value, Value)> {
    let options = Options {
        result: ResultForm::ResultSet,
        ..Options::default()
    };
    let contract = compile(policy, &options).ok()?;
    let evaluator = Evaluator::with_options(policy, eval::Options::default()).unwrap();
    let data = Value::object([]);
    let (context, limits) = (Context::default(), Limits::default());
    let off_chain = evaluator
        .evaluate("eval", Some(input), &data, &context, &limits, &mut NoTrace)
        .ok()?;
    match evaluate(&contract, "eval", Some(input), &data) {
        outcome @ Outcome::Returned(..) => Some((outcome.value().unwrap(), Value::array(off_chain))),
        // A value that grows is none, two values of one key, a format that contracts do not cover.
        Outcome::Reverted(..) => None,
        Outcome::Halted(why) => panic!("{why}"),
    }
}

fn input() -> Value {
    Value::object([
        (Value::string("a"), Value::from(1_i64)),
        (Value::string("b"), Value::string("two")),
        (Value::string("%v"), Value::array([Value::Null])),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn contracts_fill_collections_as_the_evaluator_does(
        mut kinds in statements(), given in prop::sample::subsequence(COLLECTIONS.chain(ENTRIES).chain(KEPT).collect::<Vec<u32>>(), 0..=10)
    ) {
        // Not earlier: what grows after it was assigned is another matter.
        kinds.extend(COLLECTIONS.zip(KEPT).map(|(from, to)| keep(from, to)));
        if let Some((ours, theirs)) = answers(&plan(kinds, &given), &input()) {
            prop_assert_eq!(ours, theirs);
        }
    }
}

fn insert(key: u32, value: Operand) -> StmtKind {
    StmtKind::ObjectInsert {
        key: text(key),
        value,
        object: Local(10),
    }
}

fn append(value: Operand) -> StmtKind {
    StmtKind::ArrayAppend {
        value,
        array: Local(10),
    }
}

fn look_up(key: u32) -> StmtKind {
    StmtKind::Dot {
        source: Operand::Local(INPUT),
        key: text(key),
        target: Local(20),
    }
}

fn both(kinds: Vec<StmtKind>, given: &[u32]) -> Value {
    let (ours, theirs) = answers(&plan(kinds, given), &input()).unwrap();
    assert_eq!(ours, theirs);
    ours.as_array().unwrap()[0].get("result").unwrap().clone()
}

fn json(text: &str) -> Value {
    stele_types::json::parse(text.as_bytes(), &stele_types::json::Limits::default()).unwrap()
}

/// What a local holds is kept in another.
const fn keep(from: u32, to: u32) -> StmtKind {
    StmtKind::AssignVar {
        source: Operand::Local(Local(from)),
        target: Local(to),
    }
}

#[test]
fn entries_come_in_order_whatever_the_order_of_the_statements() {
    let make = StmtKind::MakeObject { target: Local(10) };
    let local = Operand::Local(Local(20));
    let kinds = vec![
        make,
        insert(3, text(6)),
        insert(1, text(1)),
        look_up(2),
        insert(2, local),
        keep(10, 22),
    ];
    assert_eq!(
        both(kinds, &[20, 22]),
        json(r#"[1, {"a": 1, "b": "b", "c": "text"}]"#)
    );
}

#[test]
fn a_block_that_is_left_between_two_entries_leaves_the_first() {
    let make = StmtKind::MakeObject { target: Local(10) };
    // There is no `input.c`.
    let kinds = vec![
        make,
        insert(1, text(6)),
        look_up(3),
        insert(2, text(6)),
        keep(10, 22),
    ];
    assert_eq!(both(kinds.clone(), &[10, 22]), json(r#"[{"b": "text"}]"#));
    assert_eq!(both(kinds, &[22]), json("[]"));
}

#[test]
fn what_sprintf_prints_is_what_was_put_into_the_array() {
    let make = StmtKind::MakeArray {
        capacity: 2,
        target: Local(10),
    };
    let print = StmtKind::Call {
        func: "sprintf".to_owned(),
        args: vec![text(5), Operand::Local(Local(10))],
        result: Local(21),
    };
    let local = || Operand::Local(Local(20));
    // An element that changes between the array and the call.
    let kinds = vec![
        look_up(1),
        make.clone(),
        append(local()),
        append(text(6)),
        look_up(2),
        print.clone(),
    ];
    assert_eq!(both(kinds, &[20, 21]), json(r#"[1, "two and text"]"#));
    let kinds = vec![look_up(1), make, append(local()), append(local()), print];
    assert_eq!(both(kinds, &[21]), json(r#"["two and two"]"#));
}
