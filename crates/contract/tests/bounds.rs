//! Policies that would take too much of the compiler or of the EVM: what is too large is refused, and what is accepted is right.
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

use common::evaluate;
use common::plan::{block, entry, policy, stmt, text};
use stele_contract::{Options, Reason, Refusal, compile};
use stele_rego::ir::{DATA, Func, INPUT, Local, Operand, Policy, Stmt, StmtKind};
use stele_types::Value;

fn sprintf(list: Local) -> Stmt {
    let call = StmtKind::Call {
        func: "sprintf".to_owned(),
        args: vec![text(1), Operand::Local(list)],
        result: Local(2),
    };
    stmt(1, call)
}

/// `sprintf(format, input)`.
fn of_input(format: &str) -> Policy {
    policy(
        &["result", format],
        vec![entry("eval", vec![sprintf(INPUT)])],
        vec![],
    )
}

/// `sprintf(format, [input, input, ...])`.
fn of_array(format: &str, verbs: u32) -> Policy {
    let array = Local(10);
    let make = StmtKind::MakeArray {
        capacity: verbs,
        target: array,
    };
    let append = || StmtKind::ArrayAppend {
        value: Operand::Local(INPUT),
        array,
    };
    let mut body = vec![stmt(1, make)];
    body.extend((0..verbs).map(|_| stmt(1, append())));
    body.push(sprintf(array));
    policy(&["result", format], vec![entry("eval", body)], vec![])
}

#[test]
fn long_formats_are_right_or_refused() {
    for verbs in [1_u32, 15, 16, 17, 33, 200] {
        let items: Vec<Value> = (0..i64::from(verbs)).map(Value::from).collect();
        let each: Vec<String> = (0..verbs).map(|n| n.to_string()).collect();
        let format = vec!["%d"; verbs as usize].join(",");
        let contract = compile(&of_input(&format), &Options::default()).unwrap();
        let outcome = evaluate(&contract, "eval", Some(&Value::array(items)), &Value::object([]));
        assert_eq!(outcome.value(), Some(Value::string(&each.join(","))), "{verbs}");
    }
    for verbs in [16_u32, 17, 511] {
        let format = "%v".repeat(verbs as usize);
        let contract = compile(&of_array(&format, verbs), &Options::default()).unwrap();
        let outcome = evaluate(&contract, "eval", Some(&Value::Bool(true)), &Value::object([]));
        let want = "true".repeat(verbs as usize);
        assert_eq!(outcome.value(), Some(Value::string(&want)), "{verbs}");
    }
}

#[test]
fn formats_of_twenty_thousand_pieces_are_refused() {
    for policy in [
        of_input(&"%s".repeat(20_000)),
        of_input(&"%s,".repeat(10_000)),
        of_array(&"%v".repeat(20_000), 20_000),
    ] {
        let refusals = compile(&policy, &Options::default()).unwrap_err();
        let [only] = refusals.as_slice() else {
            panic!("{refusals:?}")
        };
        assert!(matches!(only.reason, Reason::CodeSize { .. }), "{only}");
    }
}

#[test]
fn calls_of_more_arguments_than_the_stack_is_good_for_are_refused() {
    let of = |count: u32| {
        let params: Vec<Local> = (0..count).map(|n| Local(100 + n)).collect();
        let func = Func {
            name: "f".to_owned(),
            params: [INPUT, DATA].into_iter().chain(params.iter().copied()).collect(),
            return_: params[0],
            blocks: vec![common::plan::block(vec![StmtKind::ReturnLocal {
                source: params[0],
            }])],
            path: vec![],
        };
        let call = StmtKind::Call {
            func: "f".to_owned(),
            args: vec![Operand::Local(INPUT), Operand::Local(DATA)]
                .into_iter()
                .chain(params.iter().map(|_| Operand::Local(INPUT)))
                .collect(),
            result: Local(2),
        };
        let plan = entry("eval", vec![stmt(1, call)]);
        compile(&policy(&["result"], vec![plan], vec![func]), &Options::default())
    };
    let outcome = evaluate(&of(100).unwrap(), "eval", Some(&Value::Null), &Value::object([]));
    assert_eq!(outcome.value(), Some(Value::Null));
    let refusals = of(1000).unwrap_err();
    assert!(
        matches!(
            refusals[0].reason,
            Reason::StackHeight {
                height: 201..,
                limit: 200
            }
        ),
        "{refusals:?}"
    );
}

/// A rule below a path of `depth` names that are looked up one by one, all of them `input`.
fn called_by_path(depth: u32) -> Policy {
    let names: Vec<String> = (0..depth).map(|_| "a".to_owned()).collect();
    let (held, other) = (Local(2), Local(4));
    let rule = Func {
        name: "g0.data.a".to_owned(),
        path: std::iter::once("g0".to_owned()).chain(names.clone()).collect(),
        params: vec![INPUT, DATA],
        return_: held,
        blocks: vec![block(vec![
            StmtKind::MakeNumberInt {
                value: 7,
                target: held,
            },
            StmtKind::ReturnLocal { source: held },
        ])],
    };
    let path = names.iter().map(|_| Operand::Local(INPUT));
    let call = StmtKind::CallDynamic {
        args: vec![INPUT, DATA],
        result: other,
        path: std::iter::once(text(1)).chain(path).collect(),
    };
    let copy = StmtKind::AssignVar {
        source: Operand::Local(other),
        target: held,
    };
    // What is undefined leaves two blocks.
    let within = |kinds| StmtKind::Block {
        blocks: vec![block(kinds)],
    };
    let null = StmtKind::MakeNull { target: held };
    let body = vec![stmt(1, null), stmt(1, within(vec![within(vec![call, copy])]))];
    policy(&["result", "g0"], vec![entry("eval", body)], vec![rule])
}

#[test]
fn long_paths_of_calls_are_right_or_refused() {
    for depth in [1, 2, 3, 7, 8, 40] {
        let contract = compile(&called_by_path(depth), &Options::default()).unwrap();
        let answer = |input: &str| {
            evaluate(&contract, "eval", Some(&Value::string(input)), &Value::object([])).value()
        };
        assert_eq!(answer("a"), Some(Value::from(7_i64)), "{depth}");
        assert_ne!(answer("b"), Some(Value::from(7_i64)), "{depth}");
    }
    let refusals = compile(&called_by_path(200_000), &Options::default()).unwrap_err();
    assert!(
        refusals
            .iter()
            .all(|refusal| matches!(refusal.reason, Reason::CodeSize { .. })),
        "{refusals:?}"
    );
}

/// The refusals of a policy that matches its input with these patterns, one a line.
fn refused_patterns(patterns: &[String]) -> Vec<Refusal> {
    let strings: Vec<&str> = std::iter::once("result")
        .chain(patterns.iter().map(String::as_str))
        .collect();
    let test = |index: u32| StmtKind::Call {
        func: "regex.match".to_owned(),
        args: vec![text(index), Operand::Local(INPUT)],
        result: Local(2),
    };
    let count = u32::try_from(patterns.len()).unwrap();
    let body = (1..=count).map(|index| stmt(index, test(index))).collect();
    let policy = policy(&strings, vec![entry("eval", body)], vec![]);
    compile(&policy, &Options::default()).unwrap_err()
}

#[test]
fn patterns_behind_many_without_end_are_not_looked_at() {
    let patterns: Vec<String> = (20..60).map(|n| format!("(a|b)*a(a|b){{{n}}}")).collect();
    let refusals = refused_patterns(&patterns);
    let of = |wanted: fn(&Reason) -> bool| refusals.iter().filter(|refusal| wanted(&refusal.reason)).count();
    assert_eq!(
        of(|reason| matches!(reason, Reason::PatternTooBig { size: None, .. })),
        16
    );
    assert_eq!(of(|reason| matches!(reason, Reason::PatternNotRead)), 24);
}

#[test]
fn patterns_of_a_policy_take_one_budget_of_work() {
    // Each has a table, which is too large in the end.
    let patterns: Vec<String> = (16..26).map(|n| format!("[\\pL]{{{n}}}")).collect();
    let refusals = refused_patterns(&patterns);
    let kind = |row: u32| {
        let refusal = refusals.iter().find(|refusal| refusal.row == row);
        &refusal.unwrap().reason
    };
    assert!(matches!(kind(1), Reason::PatternTooBig { size: Some(_), .. }));
    assert_eq!(*kind(10), Reason::PatternNotRead);
    let dear: Vec<&Refusal> = refusals
        .iter()
        .filter(|refusal| matches!(refusal.reason, Reason::PatternsTooDear { .. }))
        .collect();
    let [dear] = dear.as_slice() else {
        panic!("{refusals:?}")
    };
    assert!((2..=6).contains(&dear.row), "{refusals:?}");
    assert!(dear.to_string().contains("split the policy"), "{dear}");
}

#[test]
fn groups_in_literal_replacements_are_refused_when_the_contract_is_built() {
    let replaced_by = |new: &str| {
        let call = StmtKind::Call {
            func: "regex.replace".to_owned(),
            args: vec![Operand::Local(INPUT), text(1), text(2)],
            result: Local(2),
        };
        let policy = policy(
            &["result", "b+", new],
            vec![entry("eval", vec![stmt(7, call)])],
            vec![],
        );
        compile(&policy, &Options::default())
    };
    let refusals = replaced_by("${1}").unwrap_err();
    let [refusal] = refusals.as_slice() else {
        panic!("{refusals:?}")
    };
    assert_eq!(refusal.row, 7);
    assert!(matches!(refusal.reason, Reason::BadPattern(_)), "{refusal}");
    assert!(replaced_by("x").is_ok());
}
