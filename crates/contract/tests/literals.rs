//! Collections of literals in plans that no planner makes: what is no constant, although it looks like one, is made when the contract
//! runs. The evaluator and the virtual machine say what is right.
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
use stele_contract::{Options, compile};
use stele_rego::ir::{DATA, Func, INPUT, Local, Operand, Policy, StmtKind};
use stele_types::Value;

/// The collections under test, and the array of what is seen of them.
const A: Local = Local(10);
const B: Local = Local(11);
const SEEN: Local = Local(2);

const fn array(target: Local) -> StmtKind {
    StmtKind::MakeArray { capacity: 1, target }
}

const fn object(target: Local) -> StmtKind {
    StmtKind::MakeObject { target }
}

const fn append(value: Operand, array: Local) -> StmtKind {
    StmtKind::ArrayAppend { value, array }
}

const fn insert(key: u32, value: Operand) -> StmtKind {
    StmtKind::ObjectInsert {
        key: text(key),
        value,
        object: A,
    }
}

const fn insert_once(key: u32, value: Operand) -> StmtKind {
    StmtKind::ObjectInsertOnce {
        key: text(key),
        value,
        object: A,
    }
}

/// What a local holds is seen, if it is defined.
fn see(local: Local) -> StmtKind {
    let see = vec![
        StmtKind::IsDefined { source: local },
        append(Operand::Local(local), SEEN),
    ];
    StmtKind::Block {
        blocks: vec![block(see)],
    }
}

/// The statements for each element of the input.
fn each(kinds: Vec<StmtKind>) -> StmtKind {
    StmtKind::Scan {
        source: INPUT,
        key: Local(20),
        value: Local(21),
        block: block(kinds),
    }
}

fn plan(kinds: Vec<StmtKind>, funcs: Vec<Func>) -> Policy {
    let kinds = std::iter::once(array(SEEN)).chain(kinds);
    let body = kinds.map(|kind| stmt(1, kind)).collect();
    policy(&["result", "a", "b"], vec![entry("eval", body)], funcs)
}

fn input() -> Value {
    Value::array([1_i64, 2, 3].map(Value::from))
}

/// All engines see this.
fn sees(policy: &Policy, want: &str) {
    let (ours, theirs) = answers(policy, &input()).unwrap();
    assert_eq!(ours, theirs);
    let seen = ours.as_array().unwrap()[0].get("result").unwrap();
    assert_eq!(*seen, json(want));
}

fn json(text: &str) -> Value {
    stele_types::json::parse(text.as_bytes(), &stele_types::json::Limits::default()).unwrap()
}

fn same(kinds: Vec<StmtKind>, want: &str) {
    sees(&plan(kinds, vec![]), want);
}

/// Whether a contract holds the collection as a constant: then its code does not depend on folding being done for anything else.
fn is_constant(kinds: Vec<StmtKind>) -> bool {
    let size = |fold_constants: bool| {
        let options = Options {
            fold_constants,
            ..Options::default()
        };
        compile(&plan(kinds.clone(), vec![]), &options)
            .unwrap()
            .runtime
            .len()
    };
    size(true) < size(false)
}

#[test]
fn what_is_made_whole_is_a_constant() {
    let kinds = vec![array(A), append(text(1), A), append(text(2), A), see(A)];
    assert!(is_constant(kinds.clone()));
    same(kinds, r#"[["a", "b"]]"#);
    let kinds = vec![object(A), insert(1, text(2)), insert_once(2, text(1)), see(A)];
    assert!(is_constant(kinds.clone()));
    same(kinds, r#"[{"a": "b", "b": "a"}]"#);
}

#[test]
fn what_an_earlier_round_of_a_loop_made_is_read_before() {
    let round = vec![see(A), array(A), append(text(1), A), append(text(2), A)];
    assert!(!is_constant(vec![each(round.clone())]));
    let reset = StmtKind::ResetLocal { target: A };
    let seen = r#"[["a", "b"], ["a", "b"]]"#;
    same(vec![reset, each(round.clone())], seen);
    // The engines take no plan that reads what nothing sets before; contracts do.
    let contract = compile(&plan(vec![each(round)], vec![]), &Options::default()).unwrap();
    let outcome = common::evaluate(&contract, "eval", Some(&input()), &Value::object([]));
    assert_eq!(outcome.value(), Some(json(seen)));
    // Made and seen in each round.
    let round = vec![array(A), append(text(1), A), append(text(2), A), see(A)];
    same(vec![each(round)], r#"[["a", "b"], ["a", "b"], ["a", "b"]]"#);
}

#[test]
fn what_grows_in_a_loop_has_all_its_entries() {
    let grow = each(vec![append(text(2), A)]);
    same(
        vec![array(A), append(text(1), A), grow.clone(), see(A)],
        r#"[["a", "b", "b", "b"]]"#,
    );
    same(
        vec![array(A), append(text(1), A), see(A), grow, see(A)],
        r#"[["a"], ["a", "b", "b", "b"]]"#,
    );
}

#[test]
fn what_was_seen_stays_when_it_grows() {
    same(
        vec![array(A), append(text(1), A), see(A), append(text(2), A), see(A)],
        r#"[["a"], ["a", "b"]]"#,
    );
    // A collection that holds itself as it was.
    same(
        vec![array(A), append(text(1), A), append(Operand::Local(A), A), see(A)],
        r#"[["a", ["a"]]]"#,
    );
    let inner = vec![
        array(B),
        append(text(1), B),
        array(A),
        append(Operand::Local(B), A),
        append(text(2), B),
        see(A),
        see(B),
    ];
    same(inner, r#"[[["a"]], ["a", "b"]]"#);
}

#[test]
fn another_name_that_grows_leaves_the_first_as_it_is() {
    for assign in [
        StmtKind::AssignVar {
            source: Operand::Local(A),
            target: B,
        },
        StmtKind::AssignVarOnce {
            source: Operand::Local(A),
            target: B,
        },
    ] {
        let kinds = vec![
            array(A),
            append(text(1), A),
            assign,
            append(text(2), B),
            see(A),
            see(B),
        ];
        same(kinds, r#"[["a"], ["a", "b"]]"#);
    }
}

#[test]
fn of_values_with_one_key_the_last_is_kept_or_there_is_a_conflict() {
    same(
        vec![object(A), insert(1, text(1)), insert(1, text(2)), see(A)],
        r#"[{"a": "b"}]"#,
    );
    same(
        vec![
            object(A),
            insert_once(1, text(1)),
            insert_once(1, text(1)),
            see(A),
        ],
        r#"[{"a": "a"}]"#,
    );
    let conflict = vec![
        object(A),
        insert_once(1, text(1)),
        insert_once(1, text(2)),
        see(A),
    ];
    assert_eq!(answers(&plan(conflict.clone(), vec![]), &input()), None);
    let contract = compile(&plan(conflict, vec![]), &Options::default()).unwrap();
    assert_eq!(
        common::evaluate(&contract, "eval", Some(&input()), &Value::object([])),
        common::Outcome::Reverted(stele_contract::abi::ContractError::Conflict, vec![])
    );
}

#[test]
fn what_was_reset_is_undefined() {
    let reset = StmtKind::ResetLocal { target: A };
    same(
        vec![
            array(A),
            append(text(1), A),
            append(text(2), A),
            reset.clone(),
            see(A),
        ],
        "[]",
    );
    same(
        vec![reset, array(A), append(text(1), A), append(text(2), A), see(A)],
        r#"[["a", "b"]]"#,
    );
}

#[test]
fn a_parameter_has_a_value_before_it_is_made() {
    let [param, given] = [Local(4), Local(5)];
    let func = Func {
        name: "f".to_owned(),
        params: vec![INPUT, DATA, param],
        return_: given,
        blocks: vec![
            block(vec![
                array(given),
                append(Operand::Local(param), given),
                array(param),
                append(text(1), param),
                append(text(2), param),
                append(Operand::Local(param), given),
            ]),
            block(vec![StmtKind::ReturnLocal { source: given }]),
        ],
        path: vec![],
    };
    let call = StmtKind::Call {
        func: "f".to_owned(),
        args: [INPUT, DATA, INPUT].map(Operand::Local).to_vec(),
        result: A,
    };
    sees(
        &plan(vec![call, see(A)], vec![func]),
        r#"[[[1, 2, 3], ["a", "b"]]]"#,
    );
}
