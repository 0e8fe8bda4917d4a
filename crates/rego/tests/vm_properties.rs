//! The VM answers as the reference evaluator does, whatever it is asked, and whatever it was asked before.
//!
//! `STELE_VM_SOAK` multiplies what is tried, by default 1; `STELE_VM_SEED` begins elsewhere:
//! `STELE_VM_SOAK=1000 STELE_VM_SEED=7 cargo test --release -p stele-rego --test vm_properties`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

#[path = "support/agree.rs"]
mod agree;
#[path = "support/both.rs"]
mod both;
#[path = "support/generate.rs"]
mod generate;
#[path = "support/tricky.rs"]
mod tricky;

use std::collections::BTreeMap;

use both::{Answer, Both, plan, try_plan};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use stele_rego::builtins::TABLE;
use stele_rego::eval::Limits;
use stele_rego::vm::{Input, Worker};
use stele_types::Value;
use tricky::TRICKY;

fn from_environment(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

/// Repeats `round` with values that depend on the seed alone.
fn soak(rounds: u64, mut round: impl FnMut(&mut TestRunner)) {
    let seed = from_environment("STELE_VM_SEED", 1);
    for number in 0..rounds * from_environment("STELE_VM_SOAK", 1) {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        round(&mut TestRunner::new_with_rng(Config::default(), rng));
    }
}

fn some<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// What kinds of answers a question has had.
#[derive(Debug, Default, Clone, Copy)]
struct Kinds {
    defined: usize,
    undefined: usize,
    errors: usize,
}

impl Kinds {
    fn count(&mut self, answer: &Answer) {
        match answer {
            Ok(results) if results.is_empty() => self.undefined += 1,
            Ok(_) => self.defined += 1,
            Err(_) => self.errors += 1,
        }
    }
}

#[test]
fn tricky_policies_are_answered_alike() {
    let policies: Vec<Both> = TRICKY
        .iter()
        .map(|tricky| Both::new(&plan(tricky.modules, tricky.entry_points)))
        .collect();
    let inputs = prop_oneof![
        1 => Just(None),
        20 => generate::input(false).prop_map(Some),
        6 => generate::input(true).prop_map(Some),
    ];
    let data = generate::data();
    let mut worker = Worker::default();
    let mut kinds: BTreeMap<&str, Kinds> = BTreeMap::new();
    soak(150, |runner| {
        let (input, data) = (some(&inputs, runner), some(&data, runner));
        let strict = some(&proptest::bool::weighted(0.2), runner);
        for (policy, tricky) in policies.iter().zip(TRICKY) {
            for entry_point in tricky.entry_points {
                let answer = policy.agree(&mut worker, entry_point, input.as_ref(), &data, strict);
                kinds.entry(entry_point).or_default().count(&answer);
            }
        }
    });
    // The inputs reach what they are meant for.
    for (entry_point, kinds) in &kinds {
        assert!(kinds.defined > 0, "{entry_point} is never defined: {kinds:?}");
    }
    for entry_point in ["c/twice", "c/key", "e/by_name", "e/last"] {
        assert!(
            kinds[entry_point].errors > 0,
            "{entry_point} is never in conflict"
        );
    }
    let undefined = kinds.values().filter(|kinds| kinds.undefined > 0).count();
    assert!(undefined > 40, "{undefined}");
}

/// Arguments of the declared type, mostly.
fn argument(declared: &str) -> BoxedStrategy<Value> {
    let list = || {
        prop_oneof![
            proptest::collection::vec(generate::text().prop_map(Value::from), 0..5),
            proptest::collection::vec(generate::number().prop_map(Value::Number), 0..5),
            proptest::collection::vec(generate::value(true), 0..5),
        ]
    };
    let alternatives: Vec<BoxedStrategy<Value>> = declared
        .split('|')
        .map(|declared| match declared {
            "null" => Just(Value::Null).boxed(),
            "boolean" => any::<bool>().prop_map(Value::Bool).boxed(),
            "number" => generate::number().prop_map(Value::Number).boxed(),
            "string" => prop_oneof![
                3 => generate::text(),
                1 => "[a-c%sdv.*^$\\[\\]{}0-9:/ -]{0,8}",
                1 => generate::value(false).prop_map(|value| stele_types::json::to_string(&value)),
                1 => "[0-9]{1,3}\\.[0-9]{1,2}\\.[0-9]{1,2}(-[a-z]{1,2})?|10\\.0\\.[0-9]\\.0/[23][0-9]|[0-9]{1,3}[kKmMg][iB]?|[0-9]{4}-01-[0-2][0-9]T00:00:00Z",
            ]
            .prop_map(Value::from)
            .boxed(),
            "array" => list().prop_map(Value::from).boxed(),
            "set" => list().prop_map(Value::set).boxed(),
            "object" => prop_oneof![
                proptest::collection::btree_map(generate::text().prop_map(Value::from), generate::value(true), 0..5),
                proptest::collection::btree_map(generate::text().prop_map(Value::from), list().prop_map(Value::from), 0..5),
                proptest::collection::btree_map(generate::value(true), generate::value(true), 0..5),
            ]
            .prop_map(Value::from)
            .boxed(),
            _ => generate::value(true),
        })
        .collect();
    prop_oneof![9 => proptest::strategy::Union::new(alternatives), 1 => generate::value(true)].boxed()
}

#[test]
fn builtins_are_answered_alike() {
    let mut worker = Worker::default();
    let mut answered = BTreeMap::new();
    let calls: Vec<_> = TABLE
        .iter()
        .filter(|builtin| builtin.refusal().is_none() && !builtin.relation)
        .filter_map(|builtin| {
            let args: Vec<String> = (0..builtin.arity())
                .map(|index| format!("input[{index}]"))
                .collect();
            let text = format!("package a\np := [{}({})]\n", builtin.name, args.join(", "));
            let args: Vec<BoxedStrategy<Value>> =
                builtin.args.iter().map(|declared| argument(declared)).collect();
            // Some can be written as operators only, and some not in Rego v1.
            let plan = try_plan(&[&text], &["a/p"]).ok()?;
            Some((builtin.name, Both::new(&plan), args))
        })
        .collect();
    assert!(calls.len() > 130, "{}", calls.len());
    let empty = Value::object([]);
    soak(60, |runner| {
        for (name, policy, args) in &calls {
            let input = Value::array(some(args, runner));
            // Once so that failures show, once as a policy sees them.
            let answer = policy.agree(&mut worker, "a/p", Some(&input), &empty, true);
            policy.agree(&mut worker, "a/p", Some(&input), &empty, false).ok();
            *answered.entry(*name).or_insert(0_usize) +=
                usize::from(answer.is_ok_and(|results| !results.is_empty()));
        }
    });
    let defined = answered.values().filter(|count| **count > 0).count();
    assert!(
        defined * 10 > answered.len() * 8,
        "{defined} of {}: {answered:?}",
        answered.len()
    );
}

/// A worker that has answered many other questions, and failed at some, answers as a new one.
#[test]
fn workers_remember_nothing() {
    let policies: Vec<Both> = TRICKY
        .iter()
        .map(|tricky| Both::new(&plan(tricky.modules, tricky.entry_points)))
        .collect();
    let inputs = generate::input(false);
    let prepared: Vec<_> = policies
        .iter()
        .map(|policy| {
            let mut runner = TestRunner::deterministic();
            let data = generate::data();
            [some(&data, &mut runner), some(&data, &mut runner)]
                .map(|data| policy.program.data(&data).unwrap())
        })
        .collect();
    let mut old = Worker::default();
    let (mut asked, mut failed) = (0, 0);
    soak(1_500, |runner| {
        let which = some(&(0..policies.len()), runner);
        let (policy, entry_points) = (&policies[which], TRICKY[which].entry_points);
        let data = &prepared[which][some(&(0..2_usize), runner)];
        let json = stele_types::json::to_vec(&some(&inputs, runner));
        let cut = some(&(0..20_usize), runner);
        let limits = Limits {
            instructions: if cut == 1 { 40 } else { 1_000_000 },
            memory: if cut == 2 { 600 } else { 1 << 20 },
            depth: if cut == 3 { 1 } else { 64 },
            ..Limits::default()
        };
        if cut == 4 {
            // Not even a document.
            let cut_off = [b"[", json.as_slice()].concat();
            let request = stele_rego::vm::Request::new(entry_points[0], Input::Json(&cut_off));
            assert!(old.evaluate(&policy.program, data, &request).is_err());
        }
        for entry_point in entry_points {
            let ask =
                |worker: &mut Worker| policy.vm(worker, data, entry_point, Input::Json(&json), false, limits);
            let (seasoned, fresh) = (ask(&mut old), ask(&mut Worker::default()));
            assert_eq!(
                seasoned,
                fresh,
                "{entry_point}: {}",
                String::from_utf8_lossy(&json)
            );
            asked += 1;
            failed += usize::from(fresh.is_err());
        }
    });
    assert!(asked > 10_000 && failed > 100, "{failed} of {asked}");
}
