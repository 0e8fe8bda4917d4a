//! What the compiler computes is what the contract would have computed.
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
use stele_rego::ir::{Block, INPUT, Local, Operand, Policy, Stmt, StmtKind, StringIndex};
use stele_rego::{CompileOptions, SourceFile, compile_query, parse, parse_query};
use stele_types::Value;

/// The locals that generated statements use.
const FIRST: u32 = 10;
const LAST: u32 = 14;

fn call(func: &str, arg: Operand, result: Local) -> StmtKind {
    StmtKind::Call {
        func: func.to_owned(),
        args: vec![arg],
        result,
    }
}

fn compiled(policy: &Policy, fold_constants: bool) -> Option<(Vec<u8>, Outcome)> {
    let options = Options {
        fold_constants,
        ..Options::default()
    };
    let contract = compile(policy, &options).ok()?;
    let input = Value::array([Value::from(1_i64), Value::string("x")]);
    let outcome = evaluate(&contract, "eval", Some(&input), &Value::object([]));
    let outcome = match outcome {
        Outcome::Returned(bytes, _) => Outcome::Returned(bytes, 0),
        other => other,
    };
    Some((contract.runtime, outcome))
}

#[test]
fn builtins_of_literals_take_no_code_and_failures_are_undefined() {
    let one = |func: &str, text: &str| {
        let body = vec![stmt(
            1,
            call(func, Operand::StringIndex(StringIndex(1)), Local(2)),
        )];
        policy(&["result", text], vec![entry("eval", body)], vec![])
    };
    let plan = one("hex.encode", "abc");
    let (code, outcome) = compiled(&plan, true).unwrap();
    assert_eq!(outcome.value(), Some(Value::string("616263")));
    let mut copy = one("upper", "abc");
    copy.static_.strings[1] = "ABC".to_owned();
    assert!(code.len() < compiled(&copy, false).unwrap().0.len());
    let (_, failed) = compiled(&one("hex.decode", "zz"), true).unwrap();
    assert_eq!(failed.value(), None);
    let strict = Options {
        strict_builtin_errors: true,
        ..Options::default()
    };
    let contract = compile(&one("hex.decode", "zz"), &strict).unwrap();
    let mut name = b"hex.decode".to_vec();
    name.resize(32, 0);
    assert_eq!(
        evaluate(&contract, "eval", None, &Value::object([])),
        Outcome::Reverted(stele_contract::abi::ContractError::BuiltinError, name)
    );
}

/// The plan of `data.test.p` of a module.
fn planned(module: &str) -> Policy {
    let module = parse(&SourceFile::new("test.rego", format!("package test\n{module}"))).unwrap();
    let source = SourceFile::new("query", "data.test.p = x");
    let query = parse_query(&source).unwrap();
    compile_query(&[module], &source, &query, &CompileOptions::default()).unwrap()
}

/// The value of `data.test.p` of a module for an input, and the sizes of the code: the same with and without folding.
fn of_module(module: &str, input: &str) -> (Outcome, usize, usize) {
    let policy = planned(module);
    let input = stele_types::json::parse(input.as_bytes(), &stele_types::json::Limits::default()).unwrap();
    let run = |fold_constants: bool| {
        let options = Options {
            fold_constants,
            result: ResultForm::ResultSet,
            ..Options::default()
        };
        let contract = compile(&policy, &options).unwrap();
        let outcome = evaluate(&contract, "eval", Some(&input), &Value::object([]));
        let value = match outcome {
            Outcome::Returned(..) => Outcome::Returned(
                outcome
                    .value()
                    .map_or_else(Vec::new, |v| format!("{v:?}").into_bytes()),
                0,
            ),
            other => other,
        };
        (value, contract.runtime.len())
    };
    let ((folded, small), (plain, large)) = (run(true), run(false));
    assert_eq!(folded, plain);
    (folded, small, large)
}

#[test]
fn collections_of_literals_are_constants() {
    for (module, input) in [
        (r#"p if input.x in {"a", "b", "c"}"#, r#"{"x": "b"}"#),
        (
            r#"p := k if { some k, set in {"a": {"x"}, "b": {"y", null}}; input.x in set }"#,
            r#"{"x": "y"}"#,
        ),
        (
            r#"p := [y | some x in ["a", "b"]; y := concat(input.d, [x, x])]"#,
            r#"{"d": "-"}"#,
        ),
        // What is put in later, or read before, is not a part of the literal.
        (
            r#"p := object.union({"a": [1, 2], "b": {}}, {"b": {input.x: set()}})"#,
            r#"{"x": "y"}"#,
        ),
    ] {
        let (_, small, large) = of_module(module, input);
        assert!(small < large, "{module}: {small} {large}");
    }
    let (_, same, as_before) = of_module("p := [input.x, 1]", r#"{"x": 2}"#);
    assert_eq!(same, as_before);
}

/// Sixty pairs of pairs are more values than anything can walk: the compiler looks at none of them whole.
#[test]
fn literals_that_share_their_parts_are_not_written_out() {
    for (first, next) in [
        (r#"["a"]"#, "[x{}, x{}]"),
        (r#"{"a"}"#, "{x{}, {x{}}}"),
        (r#"{"a": "b"}"#, r#"{"a": x{}, "b": x{}}"#),
        (r#"["a"]"#, "array.concat([x{}], [x{}])"),
    ] {
        let mut body = format!("x0 := {first}\n");
        for level in 0..60 {
            let value = next.replace("{}", &level.to_string());
            body.push_str(&format!("x{} := {value}\n", level + 1));
        }
        of_module(&format!("p if {{\n{body}input.y == x60\n}}"), r#"{"y": 1}"#);
        let module = format!("q := x60 if {{\n{body}}}\np if input.y == q");
        of_module(&module, r#"{"y": 1}"#);
    }
}

#[test]
fn constant_rules_are_values() {
    let (_, small, large) = of_module(
        r#"
        names := {upper(n) | some n in ["a", "b"]}
        p if input.name in names
        "#,
        r#"{"name": "B"}"#,
    );
    assert!(small < large, "{small} {large}");
    // A conflict stays one, at the time it is met.
    let (conflict, ..) = of_module("f := 1 if true\nf := 2 if true\np if f == 1", "{}");
    assert_eq!(
        conflict,
        Outcome::Reverted(stele_contract::abi::ContractError::Conflict, vec![])
    );
    for (module, input) in [
        ("f := 1 if false\np := 2 if not f", "{}"),
        ("f := 1 if false\np := f", "{}"),
        (
            "t.a := 1\nt.b := 2 if input.b\np := t[input.k]",
            r#"{"k": "a", "b": true}"#,
        ),
        ("t.a := 1\nt.b := 2\np := t[input.k]", r#"{"k": "b"}"#),
        (
            "f := 1\ng := input.x\np := [f, g, h] if { h := g with input.x as f }",
            r#"{"x": 5}"#,
        ),
        ("f(x) := count(x)\np := f([1, 2])", "{}"),
        ("f := 1\np := x if { x := f with data.test.f as 3 }", "{}"),
    ] {
        of_module(module, input);
    }
}

/// Objects of references in rule heads grow level by level.
#[test]
fn partial_objects_of_our_plans_compile() {
    let module = r#"
        p[kind][name].ports contains port if {
            some name, item in input.items
            kind := item.kind
            some port in item.ports
        }
        p[kind].count := n if {
            some kind in {"a", "b"}
            n := count([i | some i in input.items; i.kind == kind])
        }
    "#;
    let input = r#"{"items": {"x": {"kind": "a", "ports": [1, 2]}, "y": {"kind": "a", "ports": [2]}, "z": {"kind": "b", "ports": [3, 3]}}}"#;
    let (outcome, ..) = of_module(module, input);
    let want = r#"[{"x": {"a": {"count": 2, "x": {"ports": P12}, "y": {"ports": P2}}, "b": {"count": 1, "z": {"ports": P3}}}}]"#;
    // JSON has no sets: these stand for them.
    let sets = [("P12", vec![1_i64, 2]), ("P2", vec![2]), ("P3", vec![3])];
    let mut text = want.to_owned();
    for (name, _) in &sets {
        text = text.replace(&format!("{name}}}"), &format!("\"{name}\"}}"));
    }
    let want = stele_types::json::parse(text.as_bytes(), &stele_types::json::Limits::default()).unwrap();
    let want = with_sets(&want, &sets);
    assert_eq!(outcome, Outcome::Returned(format!("{want:?}").into_bytes(), 0));
}

fn with_sets(value: &Value, sets: &[(&str, Vec<i64>)]) -> Value {
    match value {
        Value::Array(items) => Value::array(items.iter().map(|v| with_sets(v, sets))),
        Value::Object(map) => Value::object(map.iter().map(|(k, v)| (k.clone(), with_sets(v, sets)))),
        other => sets
            .iter()
            .find(|(name, _)| other.as_str() == Some(name))
            .map_or_else(
                || other.clone(),
                |(_, items)| Value::set(items.iter().map(|n| Value::from(*n))),
            ),
    }
}

fn local() -> impl Strategy<Value = Local> {
    (FIRST..=LAST).prop_map(Local)
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        4 => local().prop_map(Operand::Local),
        1 => Just(Operand::StringIndex(StringIndex(1))),
        1 => any::<bool>().prop_map(Operand::Bool),
    ]
}

fn statement() -> impl Strategy<Value = Stmt> {
    let leaf = prop_oneof![
        3 => local().prop_map(|target| StmtKind::MakeArray { capacity: 0, target }),
        1 => local().prop_map(|target| StmtKind::MakeNull { target }),
        1 => local().prop_map(|target| StmtKind::MakeNumberInt { value: 7, target }),
        2 => (operand(), local()).prop_map(|(source, target)| StmtKind::AssignVar { source, target }),
        4 => (operand(), local()).prop_map(|(value, array)| StmtKind::ArrayAppend { value, array }),
        3 => (operand(), local()).prop_map(|(arg, result)| call("json.marshal", arg, result)),
        2 => (operand(), local()).prop_map(|(arg, result)| call("count", arg, result)),
        1 => local().prop_map(|target| StmtKind::ResetLocal { target }),
        1 => (0_u32..2).prop_map(|index| StmtKind::Break { index }),
    ]
    .prop_map(|kind| stmt(1, kind));
    leaf.prop_recursive(3, 24, 6, |inner| {
        let body = prop::collection::vec(inner, 1..6).prop_map(|stmts| Block { stmts });
        let kind = prop_oneof![
            3 => body.clone().prop_map(|block| StmtKind::Block { blocks: vec![block] }),
            1 => body.clone().prop_map(|block| StmtKind::Not { block }),
            2 => (local(), local(), body).prop_map(|(key, value, block)| StmtKind::Scan { source: INPUT, key, value, block }),
        ];
        kind.prop_map(|kind| stmt(2, kind))
    })
}

/// The statements, each in a block of its own, then the text of every local that is defined.
fn program(stmts: Vec<Stmt>) -> Policy {
    let block = |stmts: Vec<Stmt>| {
        stmt(
            3,
            StmtKind::Block {
                blocks: vec![Block { stmts }],
            },
        )
    };
    let (all, text) = (Local(2), Local(30));
    let mut body = vec![stmt(
        3,
        StmtKind::MakeArray {
            capacity: 0,
            target: all,
        },
    )];
    // A tail in the same block sees what is known at the end of straight-line code.
    let show = |local: u32| {
        block(vec![
            stmt(4, call("json.marshal", Operand::Local(Local(local)), text)),
            stmt(
                4,
                StmtKind::ArrayAppend {
                    value: Operand::Local(text),
                    array: all,
                },
            ),
        ])
    };
    let mut inside = stmts;
    inside.extend((FIRST..=LAST).map(show));
    body.push(block(vec![block(inside)]));
    body.extend((FIRST..=LAST).map(show));
    policy(&["result", "s"], vec![entry("eval", body)], vec![])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn folding_changes_no_result(stmts in prop::collection::vec(statement(), 1..12)) {
        let policy = program(stmts);
        let (folded, plain) = (compiled(&policy, true), compiled(&policy, false));
        // Folding may show that a statement is never reached, which then is not refused either.
        prop_assert!(folded.is_some() || plain.is_none());
        prop_assume!(plain.is_some());
        prop_assert_eq!(folded.unwrap().1, plain.unwrap().1);
    }
}
