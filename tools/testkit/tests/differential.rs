//! Generated policies on all engines.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code"
)]

use proptest::prelude::*;
use stele_testkit::engines::campaign::{Campaign, run};
use stele_testkit::engines::generate::{Generated, policies};
use stele_testkit::engines::{
    Case, Engine, ErrorKind, EvaluatorEngine, InterpreterEngine, Module, Outcome, Policy, all, differential,
    own,
};
use stele_types::{EntryPoint, Value};

/// Compares all engines' results of every rule.
///
/// Where a rule conflicts, the engines must all say so when that rule is asked for. Other rules of such a policy are not the
/// interpreter's: whether they meet the conflict depends on what is evaluated first, and the interpreter is the more eager one.
fn check(generated: &Generated) -> Result<(), String> {
    let mut evaluator = EvaluatorEngine::default();
    let conflicts = |outcome: &Outcome| matches!(outcome, Outcome::Error(ErrorKind::Conflict, _));
    let alone: Vec<Outcome> = generated.cases().map(|case| evaluator.evaluate(&case)).collect();
    let any_conflict = alone.iter().any(conflicts);
    let (mut all, mut own) = (all(), own());
    for (case, outcome) in generated.cases().zip(&alone) {
        let engines = if any_conflict && !conflicts(outcome) {
            &mut own
        } else {
            &mut all
        };
        differential(engines, &case)
            .map_err(|mismatch| format!("{mismatch}\nseeds: {:?}", generated.seeds))?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn engines_agree_on_generated_policies(generated in policies(6)) {
        if let Err(mismatch) = check(&generated) {
            prop_assert!(false, "{mismatch}");
        }
    }
}

/// Policies of any shape. `cargo xtask differential` runs many more, and other ones.
#[test]
fn engines_agree_on_wild_policies() {
    let campaign = Campaign {
        executions: 12_000,
        contracts: 4,
        jobs: 2,
        ..Campaign::default()
    };
    let report = run(&campaign, &|_| {});
    for found in &report.found {
        println!("seed {}: {}", found.seed, found.mismatch);
    }
    println!("{}", report.tally);
    assert!(report.found.is_empty());
    assert_eq!(report.broken, 0);
    let compared = |a, b| report.tally.compared.get(&(a, b)).copied().unwrap_or(0);
    assert!(compared("evaluator", "vm") > 11_000, "{}", report.tally);
    assert!(compared("vm", "evm") > 800, "{}", report.tally);
}

/// Made small from what generated policies found. In each, one engine answered otherwise once.
#[test]
fn mended_disagreements_stay_mended() {
    let long = "123456789012345678901";
    for (expression, input, want) in [
        // Shifted out entirely.
        ("bits.rsh(input, 123456789012345678901)", "5", Some("0")),
        ("bits.lsh(input, 123456789012345678901)", "0", Some("0")),
        // An index that is no machine integer is an error, though only its sign matters.
        ("array.slice([], input, 2)", long, None),
        ("array.slice([1], 0, input)", long, None),
        ("substring(\"abc\", 1, input)", long, None),
        ("substring(\"abc\", input, 1)", long, None),
        // What is no text is an error, though nothing is compared with it.
        ("strings.any_prefix_match(input, {x | some x in []})", "[7]", None),
        ("strings.any_suffix_match([x | some x in []], input)", "[7]", None),
    ] {
        let value =
            stele_types::json::parse(input.as_bytes(), &stele_types::json::Limits::default()).unwrap();
        let mut case = rule(&format!("r := {expression}"));
        case.input = Some(value);
        for answer in differential(&mut own(), &case).unwrap_or_else(|mismatch| panic!("{mismatch}")) {
            let found = match &answer.outcome {
                Outcome::Value(value) => Some(value.to_string()),
                Outcome::Undefined => None,
                other => panic!("{expression} of {input}: {other:?}"),
            };
            assert_eq!(
                found.as_deref(),
                want,
                "{} {expression} of {input}",
                answer.engine
            );
        }
    }
}

/// A policy of one rule `r`.
fn rule(body: &str) -> Case {
    let entry_point = EntryPoint::new("gen/r").unwrap();
    let module = Module {
        name: "gen.rego".to_owned(),
        text: format!("package gen\n\nimport rego.v1\n\n{body}\n"),
    };
    Case {
        policy: Policy::new(vec![module], vec![entry_point.clone()], Value::object([])),
        entry_point,
        input: Some(Value::object([])),
    }
}

/// The generator is worth something: most rules have values, and all kinds of outcomes occur.
#[test]
fn generated_policies_are_not_trivial() {
    let (mut values, mut undefined, mut conflicts, mut broken) = (0, 0, 0, 0);
    for seed in 0..300_u64 {
        let generated =
            Generated::from_seeds(&[seed, seed ^ 0xff00, seed << 20, seed.wrapping_mul(77)], seed);
        let mut engine = EvaluatorEngine::default();
        for case in generated.cases() {
            match engine.evaluate(&case) {
                Outcome::Value(_) => values += 1,
                Outcome::Undefined => undefined += 1,
                Outcome::Error(ErrorKind::Conflict, _) => conflicts += 1,
                Outcome::Error(kind, text) => {
                    broken += 1;
                    println!("{kind:?} {text}\n{case}");
                }
                Outcome::Refused(reason) => panic!("{reason}\n{case}"),
            }
        }
    }
    println!("{values} values, {undefined} undefined, {conflicts} conflicts, {broken} broken");
    assert_eq!(broken, 0);
    assert!(values > 300 && undefined > 100 && conflicts > 10);
}

/// Where regorus 0.14.1 differs from OPA, and we do as OPA does. The generator stays clear of these. When one of them stops to hold,
/// regorus was mended: take it out here and let the generator have it.
#[test]
fn known_divergences_of_the_interpreter() {
    // Its own doing, in `stele_policy`: a head that is undefined for one element is undefined and no more.
    let undefined_head = rule("o := {\"a\": 1}\n\nr contains o[k] if some k in [\"a\", \"b\"]");
    for answer in differential(&mut all(), &undefined_head).unwrap() {
        assert!(
            matches!(&answer.outcome, Outcome::Value(value) if value.json_projection().as_array() == Some(&[1.into()])),
            "{answer:?}"
        );
    }
    // `%s` of a decimal is written like `%v`; the engine refuses such inputs, so the decimal comes from the policy.
    let decimal = rule("r := count(sprintf(\"%s\", [1 / 2]))");
    assert_eq!(
        EvaluatorEngine::default().evaluate(&decimal),
        Outcome::Value(16.into())
    );
    assert_eq!(
        InterpreterEngine::default().evaluate(&decimal),
        Outcome::Value(3.into())
    );
    // `%d` of a negative number has two signs.
    let negative = rule("r := sprintf(\"%d\", [0 - 1])");
    assert_eq!(
        EvaluatorEngine::default().evaluate(&negative),
        Outcome::Value("-1".into())
    );
    assert_eq!(
        InterpreterEngine::default().evaluate(&negative),
        Outcome::Value("--1".into())
    );
}
