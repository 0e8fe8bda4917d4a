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

use common::answers::answers;
use common::plan::{block, entry, policy, stmt};
use proptest::prelude::*;
use stele_rego::ir::{BuiltinFunc, DATA, Func, INPUT, Local, Operand, Policy, StmtKind, StringIndex};
use stele_types::Value;

/// String constants: `result`, keys, formats.
const STRINGS: &[&str] = &["result", "b", "a", "c", "%v", "%v and %s", "text"];

/// Locals that hold collections, and those that hold their entries.
const COLLECTIONS: std::ops::Range<u32> = 10..13;
const ENTRIES: std::ops::Range<u32> = 20..24;

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

/// Any local, and any value.
fn any_local() -> impl Strategy<Value = Local> {
    prop_oneof![COLLECTIONS, ENTRIES].prop_map(Local)
}

fn any_operand() -> impl Strategy<Value = Operand> {
    prop_oneof![6 => any_local().prop_map(Operand::Local), 1 => (1..4_u32).prop_map(text)]
}

/// What no planner makes: collections that are assigned, passed on or put into one another and then grow, targets that have a value
/// already and get none.
fn odd_statement() -> impl Strategy<Value = StmtKind> {
    prop_oneof![
        4 => (any_operand(), any_local()).prop_map(|(source, target)| StmtKind::AssignVar { source, target }),
        1 => (any_operand(), any_local()).prop_map(|(source, target)| StmtKind::AssignVarOnce { source, target }),
        2 => any_local().prop_map(|target| StmtKind::ResetLocal { target }),
        3 => any_local().prop_map(|target| StmtKind::MakeObject { target }),
        4 => ((1..4_u32).prop_map(text), any_operand(), object()).prop_map(|(key, value, object)| {
            StmtKind::ObjectInsert { key, value, object }
        }),
        4 => (any_operand(), array()).prop_map(|(value, array)| StmtKind::ArrayAppend { value, array }),
        3 => (any_operand(), value(), any_local()).prop_map(|(source, key, target)| StmtKind::Dot { source, key, target }),
        1 => (any_operand(), any_local()).prop_map(|(source, target)| StmtKind::Len { source, target }),
        2 => (any_local(), any_local(), any_local()).prop_map(|(a, b, target)| StmtKind::ObjectMerge { a, b, target }),
        3 => (any_operand(), any_operand(), any_local()).prop_map(|(a, b, result)| StmtKind::Call {
            func: "first".to_owned(),
            args: vec![Operand::Local(INPUT), Operand::Local(DATA), a, b],
            result,
        }),
        1 => (any_operand(), any_local()).prop_map(|(a, result)| StmtKind::Call {
            func: "object.keys".to_owned(),
            args: vec![a],
            result,
        }),
    ]
}

fn blocks_of(of: impl Strategy<Value = StmtKind> + Clone + 'static) -> impl Strategy<Value = Vec<StmtKind>> {
    let several = || prop::collection::vec(of.clone(), 1..6).prop_map(block);
    let nested = several().prop_map(|block| StmtKind::Block { blocks: vec![block] });
    let scan = (any_local(), any_local(), any_local(), several());
    let scan = scan.prop_map(|(source, key, value, block)| StmtKind::Scan {
        source,
        key,
        value,
        block,
    });
    let any = prop_oneof![16 => of.clone(), 3 => nested, 1 => scan];
    prop::collection::vec(any, 1..24)
}

/// Statements in one block and in some blocks within it.
fn statements() -> impl Strategy<Value = Vec<StmtKind>> {
    blocks_of(statement().boxed())
}

/// A function that grows its first argument, if that is an array, and gives that or the second.
fn first() -> Func {
    let [a, b, given] = [Local(2), Local(3), Local(4)];
    let append = vec![
        StmtKind::IsArray {
            source: Operand::Local(a),
        },
        StmtKind::ArrayAppend {
            value: text(1),
            array: a,
        },
    ];
    let choose = |from| {
        vec![
            StmtKind::IsUndefined { source: given },
            StmtKind::AssignVar {
                source: Operand::Local(from),
                target: given,
            },
        ]
    };
    Func {
        name: "first".to_owned(),
        params: vec![INPUT, DATA, a, b],
        return_: given,
        blocks: vec![
            block(append),
            block(choose(a)),
            block(choose(b)),
            block(vec![StmtKind::ReturnLocal { source: given }]),
        ],
        path: vec![],
    }
}

/// A plan that gives those of the locals that are defined after the statements. What is not given is read by the statements alone,
/// which lets the compiler do more.
fn plan(kinds: Vec<StmtKind>, given: &[u32]) -> Policy {
    let nested = |blocks| stmt(1, StmtKind::Block { blocks });
    // A plan sets every local that it reads.
    let reset = |local| stmt(1, StmtKind::ResetLocal { target: Local(local) });
    let mut body: Vec<_> = COLLECTIONS.chain(ENTRIES).map(reset).collect();
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
    let mut policy = policy(STRINGS, vec![entry("eval", body)], vec![first()]);
    let any = serde_json::json!({"type": "any"});
    let builtin = |name: &str, arity| BuiltinFunc {
        name: name.to_owned(),
        decl: serde_json::json!({"type": "function", "args": vec![any.clone(); arity], "result": any}),
    };
    policy.static_.builtin_funcs = vec![builtin("sprintf", 2), builtin("object.keys", 1)];
    policy
}

fn input() -> Value {
    Value::object([
        (Value::string("a"), Value::from(1_i64)),
        (Value::string("b"), Value::string("two")),
        (Value::string("%v"), Value::array([Value::Null])),
    ])
}

fn given() -> impl Strategy<Value = Vec<u32>> {
    prop::sample::subsequence(COLLECTIONS.chain(ENTRIES).collect::<Vec<u32>>(), 0..=7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn contracts_fill_collections_as_the_evaluator_does(
        kinds in statements(), given in given()
    ) {
        let found = answers(&plan(kinds, &given), &input());
        prop_assume!(found.is_some());
        let (ours, theirs) = found.unwrap();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn collections_are_values_in_contracts_too(kinds in blocks_of(odd_statement().boxed()), given in given()) {
        let found = answers(&plan(kinds, &given), &input());
        prop_assume!(found.is_some());
        let (ours, theirs) = found.unwrap();
        prop_assert_eq!(ours, theirs);
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
    // By way of the plan's JSON, as `stele contract build --plan` takes it.
    let text = serde_json::to_vec(&plan(kinds, given)).unwrap();
    let policy: Policy = serde_json::from_slice(&text).unwrap();
    let (ours, theirs) = answers(&policy, &input()).unwrap();
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

fn array_in(local: u32) -> StmtKind {
    StmtKind::MakeArray {
        capacity: 1,
        target: Local(local),
    }
}

fn append_to(array: u32, value: Operand) -> StmtKind {
    StmtKind::ArrayAppend {
        value,
        array: Local(array),
    }
}

const fn local(local: u32) -> Operand {
    Operand::Local(Local(local))
}

#[test]
fn what_was_assigned_stays_when_its_source_grows() {
    let kinds = vec![
        array_in(12),
        keep(12, 20),
        append_to(12, text(1)),
        keep(12, 21),
        append_to(12, text(2)),
    ];
    assert_eq!(both(kinds, &[12, 20, 21]), json(r#"[["b", "a"], [], ["b"]]"#));
}

#[test]
fn what_was_inserted_stays_when_it_grows_outside() {
    let kinds = vec![
        StmtKind::MakeObject { target: Local(10) },
        array_in(12),
        append_to(12, text(1)),
        insert(1, local(12)),
        append_to(12, text(2)),
        append_to(12, local(12)),
    ];
    assert_eq!(
        both(kinds, &[10, 12]),
        json(r#"[{"b": ["b"]}, ["b", "a", ["b", "a"]]]"#)
    );
}

#[test]
fn a_part_that_grows_stays_in_the_collection_as_it_was() {
    let part = StmtKind::Dot {
        source: local(10),
        key: text(1),
        target: Local(12),
    };
    let object = StmtKind::MakeObject { target: Local(10) };
    let kinds = vec![
        object,
        array_in(12),
        insert(1, local(12)),
        part,
        append_to(12, text(2)),
    ];
    assert_eq!(both(kinds, &[10, 12]), json(r#"[{"b": []}, ["a"]]"#));
}

#[test]
fn what_is_scanned_stays_when_it_grows_inside() {
    let scan = StmtKind::Scan {
        source: Local(12),
        key: Local(20),
        value: Local(21),
        block: block(vec![append_to(12, local(21))]),
    };
    let kinds = vec![array_in(12), append_to(12, text(1)), append_to(12, text(2)), scan];
    assert_eq!(both(kinds, &[12]), json(r#"[["b", "a", "b", "a"]]"#));
}

fn call_first(a: u32, b: u32, result: u32) -> StmtKind {
    StmtKind::Call {
        func: "first".to_owned(),
        args: vec![local(INPUT.0), local(DATA.0), local(a), local(b)],
        result: Local(result),
    }
}

#[test]
fn an_argument_that_grows_in_the_function_stays_outside() {
    let kinds = vec![array_in(12), call_first(12, 20, 21)];
    assert_eq!(both(kinds, &[12, 21]), json(r#"[[], ["b"]]"#));
}

#[test]
fn a_function_is_called_with_undefined_arguments() {
    // The first argument is undefined, so the function gives the second.
    let kinds = vec![keep(INPUT.0, 21), call_first(20, 21, 22)];
    assert_eq!(
        both(kinds, &[22]),
        json(r#"[{"%v": [null], "a": 1, "b": "two"}]"#)
    );
}

#[test]
fn an_undefined_statement_leaves_nothing_in_its_target() {
    let nested = |kind| StmtKind::Block {
        blocks: vec![block(vec![kind])],
    };
    let old = || StmtKind::AssignVar {
        source: text(6),
        target: Local(22),
    };
    let dot = |source, key| StmtKind::Dot {
        source,
        key: text(key),
        target: Local(22),
    };
    let keys = StmtKind::Call {
        func: "object.keys".to_owned(),
        args: vec![local(20)],
        result: Local(22),
    };
    let length = StmtKind::Len {
        source: local(20),
        target: Local(22),
    };
    // No such key; a source, an argument without a value; a function without a result.
    for kind in [
        dot(local(INPUT.0), 3),
        dot(local(20), 1),
        keys,
        length,
        call_first(20, 21, 22),
    ] {
        assert_eq!(both(vec![old(), nested(kind)], &[22]), json("[]"));
    }
    assert_eq!(
        both(vec![old(), nested(dot(local(INPUT.0), 1))], &[22]),
        json(r#"["two"]"#)
    );
}

#[test]
fn a_merge_with_what_is_no_object_is_its_first_part() {
    let merge = |a, b| StmtKind::ObjectMerge {
        a: Local(a),
        b: Local(b),
        target: Local(22),
    };
    assert_eq!(
        both(vec![array_in(12), merge(INPUT.0, 12)], &[22]),
        both(vec![keep(INPUT.0, 22)], &[22])
    );
    assert_eq!(both(vec![array_in(12), merge(12, INPUT.0)], &[22]), json("[[]]"));
}
