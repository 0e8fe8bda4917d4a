//! A test of whether a value holds, behind the look-up that it comes from, is one test of its word. Where something stands between, or
//! the two go on at different places, it stays two.
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
use common::plan::{block, entry, policy, stmt, text};
use stele_rego::ir::{INPUT, Local, Operand, Policy, StmtKind};
use stele_types::{Value, json};

const A: Local = Local(10);
const B: Local = Local(11);
const SEEN: Local = Local(2);

/// `A := input.a`, `B := input.b`.
fn look(target: Local) -> StmtKind {
    StmtKind::Dot {
        source: Operand::Local(INPUT),
        key: text(target.0 - 9),
        target,
    }
}

fn not_false(local: Local) -> StmtKind {
    StmtKind::NotEqual {
        a: Operand::Local(local),
        b: Operand::Bool(false),
    }
}

fn say(index: u32) -> StmtKind {
    StmtKind::ArrayAppend {
        value: text(index),
        array: SEEN,
    }
}

fn one(kinds: Vec<StmtKind>) -> StmtKind {
    StmtKind::Block {
        blocks: vec![block(kinds)],
    }
}

fn not(kinds: Vec<StmtKind>) -> StmtKind {
    StmtKind::Not { block: block(kinds) }
}

fn plan(kinds: Vec<StmtKind>) -> Policy {
    let first = StmtKind::MakeArray {
        capacity: 1,
        target: SEEN,
    };
    let kinds = std::iter::once(first).chain(kinds);
    let body = kinds.map(|kind| stmt(1, kind)).collect();
    policy(&["result", "a", "b"], vec![entry("eval", body)], vec![])
}

/// What is seen for each value of `input.a`: none, false, then values that hold.
fn seen(kinds: &[StmtKind], want: [&str; 3]) {
    let [undefined, falsehood, held] = want;
    let holding = [
        "true",
        "null",
        "0",
        "1",
        "2",
        "-1",
        "\"\"",
        "[]",
        "{}",
        "\"false\"",
        "[false]",
    ];
    let cases = [(None, undefined), (Some("false"), falsehood)];
    for (value, want) in cases.into_iter().chain(holding.map(|value| (Some(value), held))) {
        let member = value.map_or(String::new(), |value| format!("\"a\": {value}, "));
        let input = read(&format!("{{{member}\"b\": 1}}"));
        let (contract, others) = answers(&plan(kinds.to_vec()), &input).unwrap();
        assert_eq!(contract, others, "{value:?}");
        let found = contract.as_array().unwrap()[0].get("result").unwrap().clone();
        assert_eq!(found, read(want), "{value:?}");
    }
}

fn read(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

fn code(kinds: Vec<StmtKind>) -> usize {
    let options = stele_contract::Options::default();
    stele_contract::compile(&plan(kinds), &options)
        .unwrap()
        .runtime
        .len()
}

#[test]
fn a_look_up_and_its_test_are_one_jump() {
    let joined = vec![one(vec![look(A), not_false(A), say(1)])];
    seen(&joined, ["[]", "[]", "[\"a\"]"]);
    // With another test between them they are two.
    let other = StmtKind::NotEqual {
        a: Operand::Local(A),
        b: Operand::Bool(true),
    };
    let apart = code(vec![one(vec![look(A), other.clone(), not_false(A), say(1)])]);
    let tested = code(vec![one(vec![look(A), other, say(1)])]);
    let looked = code(vec![one(vec![look(A), say(1)])]);
    assert!(code(joined) - looked < apart - tested);
}

#[test]
fn what_stands_between_is_done() {
    seen(
        &[one(vec![look(A), say(2), not_false(A), say(1)])],
        ["[]", "[\"b\"]", "[\"b\", \"a\"]"],
    );
    seen(
        &[one(vec![look(A), look(B), not_false(A), say(1)])],
        ["[]", "[]", "[\"a\"]"],
    );
    seen(
        &[one(vec![look(B), look(A), not_false(B), say(1)])],
        ["[]", "[\"a\"]", "[\"a\"]"],
    );
}

#[test]
fn each_test_leaves_its_own_block() {
    // The look-up leaves both blocks, the test the inner one.
    let inner = one(vec![not_false(A), say(1)]);
    seen(
        &[one(vec![look(A), inner, say(2)])],
        ["[]", "[\"b\"]", "[\"a\", \"b\"]"],
    );
    // Undefined and false both make the negation hold.
    let held = one(vec![not(vec![look(A), not_false(A)]), say(1)]);
    seen(&[held], ["[\"a\"]", "[\"a\"]", "[]"]);
    let outside = one(vec![look(A), not(vec![not_false(A)]), say(1)]);
    seen(&[outside], ["[]", "[\"a\"]", "[]"]);
}

#[test]
fn other_tests_of_false_stay_what_they_are() {
    let equal = StmtKind::Equal {
        a: Operand::Local(A),
        b: Operand::Bool(false),
    };
    seen(&[one(vec![look(A), equal, say(1)])], ["[]", "[\"a\"]", "[]"]);
    let turned = StmtKind::NotEqual {
        a: Operand::Bool(false),
        b: Operand::Local(A),
    };
    seen(&[one(vec![look(A), turned, say(1)])], ["[]", "[]", "[\"a\"]"]);
}
