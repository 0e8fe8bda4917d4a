//! The deployed interface, determinism, source maps, limits.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test code may panic and print"
)]

mod common;

use common::plan::{self, entry, policy, rule, stmt};
use common::{Outcome, call_data, evaluate, execute};
use stele_contract::abi::{self, ContractError};
use stele_contract::{Contract, Options, Reason, ResultForm, compile, entry_point_id, lir};
use stele_rego::ir::{Block, DATA, INPUT, Local, Operand, Policy, StmtKind, StringIndex};
use stele_types::{Value, encoding};

fn json(text: &str) -> Value {
    stele_types::json::parse(text.as_bytes(), &stele_types::json::Limits::default()).unwrap()
}

const fn string(index: u32) -> Operand {
    Operand::StringIndex(StringIndex(index))
}

const fn local(index: u32) -> Operand {
    Operand::Local(Local(index))
}

/// `deny contains name if some c in input.containers; c.privileged == true; name := c.name`
fn deny() -> Policy {
    let scan = vec![
        stmt(
            4,
            StmtKind::Dot {
                source: local(6),
                key: string(2),
                target: Local(7),
            },
        ),
        stmt(
            4,
            StmtKind::Equal {
                a: local(7),
                b: Operand::Bool(true),
            },
        ),
        stmt(
            5,
            StmtKind::Dot {
                source: local(6),
                key: string(3),
                target: Local(8),
            },
        ),
        stmt(
            3,
            StmtKind::SetAdd {
                value: local(8),
                set: Local(2),
            },
        ),
    ];
    let blocks = vec![
        Block {
            stmts: vec![stmt(3, StmtKind::MakeSet { target: Local(2) })],
        },
        Block {
            stmts: vec![
                stmt(
                    4,
                    StmtKind::Dot {
                        source: local(0),
                        key: string(1),
                        target: Local(4),
                    },
                ),
                stmt(
                    4,
                    StmtKind::Scan {
                        source: Local(4),
                        key: Local(5),
                        value: Local(6),
                        block: Block { stmts: scan },
                    },
                ),
            ],
        },
        Block {
            stmts: vec![stmt(3, StmtKind::ReturnLocal { source: Local(2) })],
        },
    ];
    let (plan, func) = rule("pods.deny", blocks);
    policy(
        &["result", "containers", "privileged", "name"],
        vec![plan],
        vec![func],
    )
}

const PODS: &str = r#"{"containers": [{"name": "b", "privileged": true}, {"name": "c"}, {"name": "a", "privileged": true}]}"#;

#[test]
fn a_policy_denies() {
    let contract = compile(&deny(), &Options::default()).unwrap();
    let outcome = evaluate(&contract, "pods/deny", Some(&json(PODS)), &json("{}"));
    assert_eq!(outcome.value(), Some(json(r#"["a", "b"]"#)));
    let nobody = evaluate(&contract, "pods/deny", Some(&json("{}")), &json("{}"));
    assert_eq!(nobody.value(), Some(json("[]")));
    assert_eq!(
        evaluate(&contract, "pods/deny", None, &json("{}")).value(),
        Some(json("[]"))
    );
    println!(
        "deny: {} bytes of code, {} gas",
        contract.runtime.len(),
        outcome.gas()
    );
}

/// The same plan gives the same bytes, on any machine. A change of the compiler changes the hash: then a new compiler
/// version is due, because approvers rebuild contracts and compare hashes.
#[test]
fn bytecode_is_deterministic() {
    let first = compile(&deny(), &Options::default()).unwrap();
    let second = compile(&deny(), &Options::default()).unwrap();
    assert_eq!(first.runtime, second.runtime);
    assert_eq!(first.code_hash.to_string(), GOLDEN);
}

const GOLDEN: &str = "753b93c87273695b614b4375cc68d77c132aa5be3696c1ad78f4098676542a2e";

#[test]
fn creation_code_deploys_the_runtime_code() {
    let contract = compile(&deny(), &Options::default()).unwrap();
    assert_eq!(common::deploy(&contract.creation), contract.runtime);
}

#[test]
fn entry_points_are_listed_and_unknown_ones_named() {
    let contract = compile(&deny(), &Options::default()).unwrap();
    let list = common::raw_call(&contract.runtime, abi::selector(abi::ENTRY_POINTS).to_vec());
    let mut expected = vec![0; 64];
    (expected[31], expected[63]) = (32, 1);
    expected.extend(entry_point_id("pods/deny").0);
    assert_eq!(list, expected);
    let unknown = evaluate(&contract, "pods/allow", None, &json("{}"));
    let hash = entry_point_id("pods/allow").0.to_vec();
    assert_eq!(unknown, Outcome::Reverted(ContractError::UnknownEntryPoint, hash));
}

#[test]
fn calls_that_are_no_calls_revert() {
    let contract = compile(&deny(), &Options::default()).unwrap();
    let good = call_data("pods/deny", &[0], &[], &[]);
    let mut beyond = good.clone();
    beyond[4 + 32 + 31] = 0xff;
    for data in [vec![], vec![1, 2, 3], vec![0; 200], good[..100].to_vec(), beyond] {
        let outcome = execute(&contract.runtime, data, 10_000_000);
        assert_eq!(outcome, Outcome::Reverted(ContractError::MalformedCall, vec![]));
    }
    let trailing = call_data("pods/deny", &[0, 0], &[], &[]);
    let mut position = vec![0; 32];
    position[31] = 1;
    assert_eq!(
        execute(&contract.runtime, trailing, 10_000_000),
        Outcome::Reverted(ContractError::MalformedValue, position)
    );
}

#[test]
fn depth_is_limited() {
    let contract = compile(&plan::identity(), &Options::default()).unwrap();
    let nested = |n: usize| json(&format!("{}1{}", "[".repeat(n), "]".repeat(n)));
    assert_eq!(
        evaluate(&contract, "eval", Some(&nested(64)), &json("{}")).value(),
        Some(nested(64))
    );
    let deep = evaluate(&contract, "eval", Some(&nested(65)), &json("{}"));
    assert_eq!(deep, Outcome::Reverted(ContractError::DepthExceeded, vec![]));
}

/// The deepest values that are accepted fit the 1,024 words of the stack, in whatever they are nested: as values of objects, as
/// their keys, as members of sets, and all of these with neighbours that they are compared with.
#[test]
fn the_deepest_values_fit_the_stack() {
    // Unprojected, because the text of a key in a key in a key doubles at every level.
    let options = Options {
        result: ResultForm::ResultSet,
        ..Options::default()
    };
    let contract = compile(&plan::identity(), &options).unwrap();
    let one = || Value::from(1_i64);
    let wraps: [fn(Value) -> Value; 5] = [
        |v| Value::array([v]),
        |v| Value::object([(Value::string("k"), v)]),
        |v| Value::object([(v, Value::from(1_i64))]),
        |v| Value::set([v]),
        |v| Value::object([(Value::Null, Value::Null), (v, Value::string("x"))]),
    ];
    for wrap in wraps {
        let nested = |n: usize| (0..n).fold(one(), |v, _| wrap(v));
        let shallow = Value::array([nested(63), nested(62), nested(63)]);
        for value in [nested(64), shallow] {
            let outcome = evaluate(&contract, "eval", Some(&value), &json("{}"));
            let wrapped = Value::object([(Value::string("result"), value)]);
            assert_eq!(outcome.value(), Some(Value::array([wrapped])));
        }
        let twins = Value::set([
            Value::array([nested(62), Value::Null]),
            Value::array([nested(62), Value::Bool(true)]),
        ]);
        assert!(
            evaluate(&contract, "eval", Some(&twins), &json("{}"))
                .value()
                .is_some()
        );
        let deep = evaluate(&contract, "eval", Some(&nested(65)), &json("{}"));
        assert_eq!(deep, Outcome::Reverted(ContractError::DepthExceeded, vec![]));
    }
}

#[test]
fn conflicts_revert() {
    let assign = |value: bool| {
        stmt(
            1,
            StmtKind::AssignVarOnce {
                source: Operand::Bool(value),
                target: Local(2),
            },
        )
    };
    let plan = |a, b| {
        policy(
            &["result"],
            vec![entry("eval", vec![assign(a), assign(b)])],
            vec![],
        )
    };
    let run = |p: &Policy| {
        evaluate(
            &compile(p, &Options::default()).unwrap(),
            "eval",
            None,
            &json("{}"),
        )
    };
    assert_eq!(run(&plan(true, true)).value(), Some(json("true")));
    assert_eq!(
        run(&plan(true, false)),
        Outcome::Reverted(ContractError::Conflict, vec![])
    );
}

/// `with` replaces a part of a document, rules are evaluated anew inside it, and everything is as before after it, also
/// when the block is left by a break.
#[test]
fn with_restores_documents_and_memo() {
    let blocks = vec![Block {
        stmts: vec![
            stmt(
                1,
                StmtKind::Dot {
                    source: local(0),
                    key: string(1),
                    target: Local(2),
                },
            ),
            stmt(1, StmtKind::ReturnLocal { source: Local(2) }),
        ],
    }];
    let (_, func) = rule("x", blocks);
    let call = |result: u32| {
        let args = vec![Operand::Local(INPUT), Operand::Local(DATA)];
        stmt(
            2,
            StmtKind::Call {
                func: "g0.data.x".to_owned(),
                args,
                result: Local(result),
            },
        )
    };
    let push = |l: u32| {
        stmt(
            3,
            StmtKind::ArrayAppend {
                value: local(l),
                array: Local(2),
            },
        )
    };
    let with = |last: StmtKind| {
        let body = vec![call(5), push(5), stmt(4, last)];
        stmt(
            4,
            StmtKind::With {
                local: INPUT,
                path: vec![1],
                value: Operand::Bool(true),
                block: Block { stmts: body },
            },
        )
    };
    let nested = vec![Block {
        stmts: vec![stmt(
            5,
            StmtKind::Block {
                blocks: vec![Block {
                    stmts: vec![with(StmtKind::Break { index: 1 })],
                }],
            },
        )],
    }];
    let body = vec![
        stmt(
            1,
            StmtKind::MakeArray {
                capacity: 0,
                target: Local(2),
            },
        ),
        call(6),
        push(6),
        with(StmtKind::Nop {}),
        call(7),
        push(7),
        stmt(5, StmtKind::Block { blocks: nested }),
        call(8),
        push(8),
    ];
    let policy = policy(&["result", "a"], vec![entry("eval", body)], vec![func]);
    let contract = compile(&policy, &Options::default()).unwrap();
    let outcome = evaluate(&contract, "eval", Some(&json(r#"{"a": 1, "b": 2}"#)), &json("{}"));
    assert_eq!(outcome.value(), Some(json("[1, true, 1, true, 1]")));
}

#[test]
fn the_time_comes_from_the_decision_context() {
    let contract = compile(&plan::builtin("time.now_ns", 0), &Options::default()).unwrap();
    let run = |context: &str| {
        let context = stele_types::encoding::encode_contract(&json(context)).unwrap();
        execute(
            &contract.runtime,
            call_data("eval", &[], &[], &context),
            10_000_000,
        )
    };
    let time = "1753142400123456789";
    assert_eq!(run(&format!("{{\"time_ns\": {time}}}")).value(), Some(json(time)));
    let mut name = b"time_ns".to_vec();
    name.resize(32, 0);
    assert_eq!(run("{}"), Outcome::Reverted(ContractError::MissingContext, name));
}

/// A plan may grow a part of the input: the contract grows a copy, and stops where that is no array.
#[test]
fn a_plan_that_grows_a_foreign_value_grows_a_copy() {
    let item = StmtKind::Dot {
        source: local(0),
        key: string(0),
        target: Local(2),
    };
    let append = StmtKind::ArrayAppend {
        value: Operand::Bool(true),
        array: Local(2),
    };
    let body = vec![stmt(1, item), stmt(2, append)];
    let plan = policy(&["result"], vec![entry("eval", body)], vec![]);
    let contract = compile(&plan, &Options::default()).unwrap();
    let ask = |input: &str| evaluate(&contract, "eval", Some(&json(input)), &json("{}"));
    assert_eq!(ask(r#"{"result": [1]}"#).value(), Some(json("[1, true]")));
    assert_eq!(ask("{}").value(), None);
    for other in [r#"{"result": {"a": 1}}"#, r#"{"result": "text"}"#] {
        assert_eq!(ask(other), Outcome::Reverted(ContractError::Internal, vec![]));
    }
}

#[test]
fn refusals_name_the_place() {
    let refusals = compile(&plan::builtin("http.send", 1), &Options::default()).unwrap_err();
    assert_eq!(
        refusals[0].to_string(),
        "policy.rego:3:1: http.send: impure: its result is not determined by input and data (in eval)"
    );
    let small = Options {
        max_code_size: 100,
        ..Options::default()
    };
    let refusals = compile(&deny(), &small).unwrap_err();
    assert!(matches!(refusals[0].reason, Reason::CodeSize { limit: 100, .. }));
    let absent = Options {
        entry_points: Some(vec!["a/b".to_owned()]),
        ..Options::default()
    };
    assert_eq!(
        compile(&deny(), &absent).unwrap_err()[0].to_string(),
        format!("a/b: no such entry point; there are: {}", deny().plans[0].name)
    );
}

#[test]
fn the_source_map_covers_every_statement() {
    let contract = compile(&deny(), &Options::default()).unwrap();
    let rows: std::collections::BTreeSet<u32> = contract.source_map.entries().map(|(_, p)| p.row).collect();
    assert_eq!(rows, [1, 3, 4, 5, 90, 91, 92].into());
    assert_eq!(contract.source_map.lookup(0), None);
    assert_eq!(
        contract.source_map.entries().next().unwrap().1.file,
        "policy.rego"
    );
}

#[test]
fn the_linked_program_has_a_text_form() {
    let contract = compile(&deny(), &Options::default()).unwrap();
    let text = lir::print(&contract.program);
    assert_eq!(
        lir::parse(&text, &std::collections::BTreeMap::new()).unwrap(),
        contract.program
    );
}

#[test]
fn the_policys_own_data_is_recognised_and_any_other_is_checked() {
    let rego = "package p\n\nallow if input.user in data.admins\n";
    let module = stele_rego::parse(&stele_rego::SourceFile::new("p.rego", rego)).unwrap();
    let entry = stele_types::EntryPoint::new("p/allow").unwrap();
    let options = stele_rego::CompileOptions::default();
    let plan = stele_rego::compile(&[module], &[entry], &options).unwrap();
    let own = json(r#"{"admins": ["ann", "bob", "a name that is longer than one word of memory"]}"#);
    let other = json(r#"{"admins": ["eve"]}"#);
    let compiled = |data: Option<Value>| {
        let options = Options {
            data,
            ..Options::default()
        };
        compile(&plan, &options).unwrap()
    };
    let (without, with) = (compiled(None), compiled(Some(own.clone())));
    assert_ne!(without.code_hash, with.code_hash);
    let ask = |contract: &Contract, user: &str, data: &Value| {
        let input = Value::object([(Value::string("user"), Value::string(user))]);
        evaluate(contract, "p/allow", Some(&input), data)
    };
    for (user, data) in [("ann", &own), ("eve", &own), ("ann", &other), ("eve", &other)] {
        assert_eq!(
            ask(&with, user, data).value(),
            ask(&without, user, data).value(),
            "{user}"
        );
    }
    assert_eq!(ask(&with, "eve", &other).value(), Some(Value::Bool(true)));
    assert!(ask(&with, "ann", &own).gas() < ask(&without, "ann", &own).gas());
    let bytes = encoding::encode_contract(&own).unwrap();
    let input = encoding::encode_contract(&json(r#"{"user": "ann"}"#)).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x80;
        let call = call_data("p/allow", &input, &damaged, &[]);
        let outcome = execute(&with.runtime, call, 100_000_000);
        let malformed = matches!(outcome, Outcome::Reverted(ContractError::MalformedValue, _));
        assert_eq!(
            malformed,
            encoding::decode(&damaged, &encoding::Limits::default()).is_err(),
            "byte {at}"
        );
    }
}

/// A list that a block may leave half filled is no literal list, whatever else is put into it.
#[test]
fn a_list_that_may_be_left_half_filled_is_no_literal() {
    let append = |index| {
        stmt(
            1,
            StmtKind::ArrayAppend {
                value: string(index),
                array: Local(5),
            },
        )
    };
    let missing = stmt(
        1,
        StmtKind::Dot {
            source: Operand::Local(INPUT),
            key: string(3),
            target: Local(6),
        },
    );
    let make = StmtKind::MakeArray {
        capacity: 2,
        target: Local(5),
    };
    let filled = StmtKind::Block {
        blocks: vec![Block {
            stmts: vec![stmt(1, make), append(1), missing, append(2)],
        }],
    };
    let ask = StmtKind::Call {
        func: "glob.match".to_owned(),
        args: vec![string(4), Operand::Local(Local(5)), string(3)],
        result: Local(2),
    };
    let p = policy(
        &["result", ".", ":", "a", "*"],
        vec![entry("eval", vec![stmt(1, filled), stmt(2, ask)])],
        vec![],
    );
    let options = Options {
        fold_constants: false,
        ..Options::default()
    };
    let refusals = compile(&p, &options).unwrap_err();
    assert!(
        matches!(refusals[0].reason, Reason::NotLiteral(2)),
        "{refusals:?}"
    );
}

/// Lookups of one path share a memo; `with` has its own, and what a negation or a loop reads is what stands there.
#[test]
fn paths_that_are_looked_up_often_mean_the_same_everywhere() {
    let rego = r#"package p
import data.q
a if input.x.y == 1
b if {
    input.x.y == 2
    not input.x.z.missing
    input.x.z
}
c contains n if {
    some n in [1, 2]
    input.x.y == n
}
inner := {"a": a, "c": c}
r.a := a
r.c := c
r.seen := [input.x.y | input.x.y]
r.with := [v | some n in [1, 2, 3]; v := inner.c with input.x as {"y": n}]
r.swapped := v if v := inner with input as {"x": {"y": 1}}
r.after := input.x.y
r.b := b
qv := data.q.u.v
r.data := v if v := qv with data.q as {"u": {"v": 5}}
r.own := [data.q.u.v, qv]
"#;
    let module = stele_rego::parse(&stele_rego::SourceFile::new("p.rego", rego)).unwrap();
    let entry = stele_types::EntryPoint::new("p/r").unwrap();
    let plan = stele_rego::compile(&[module], &[entry], &stele_rego::CompileOptions::default()).unwrap();
    let contract = compile(&plan, &Options::default()).unwrap();
    let evaluator = stele_rego::eval::Evaluator::new(&plan).unwrap();
    let data = json(r#"{"q": {"u": {"v": 7}}}"#);
    for input in [
        r#"{"x": {"y": 1, "z": {}}}"#,
        r#"{"x": {"y": 2, "z": {}}}"#,
        r#"{"x": {"y": 2, "z": {"missing": 1}}}"#,
        r#"{"x": {"z": 1}}"#,
        r#"{"x": [1]}"#,
        r#"{"x": 1}"#,
        "{}",
        "[]",
    ] {
        let input = json(input);
        let want = evaluator
            .evaluate(
                "p/r",
                Some(&input),
                &data,
                &stele_rego::eval::Context::default(),
                &stele_rego::eval::Limits::default(),
                &mut stele_rego::eval::NoTrace,
            )
            .unwrap();
        let want = want
            .first()
            .map(|set| set.get("result").unwrap().to_json_projection());
        assert_eq!(
            evaluate(&contract, "p/r", Some(&input), &data).value(),
            want,
            "{input}"
        );
    }
}
