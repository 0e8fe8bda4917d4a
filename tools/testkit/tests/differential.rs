//! Generated policies on all engines.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use proptest::prelude::*;
use stele_testkit::engines::generate::{Generated, policies};
use stele_testkit::engines::{Engine, EvaluatorEngine, InterpreterEngine, Mode, Outcome, differential};

fn engines() -> Vec<Box<dyn Engine>> {
    vec![Box::new(InterpreterEngine), Box::new(EvaluatorEngine::default())]
}

fn check(generated: &Generated) -> Result<Vec<Outcome>, String> {
    let mut engines = engines();
    let mut outcomes = Vec::new();
    for case in generated.cases() {
        let all = differential(&mut engines, &case, Mode { errors: stele_testkit::engines::Errors::Any, ..Mode::EXACT })
            .map_err(|mismatch| format!("{mismatch}\nseeds: {:?}", generated.seeds))?;
        outcomes.extend(all.into_iter().map(|(_, outcome)| outcome));
    }
    Ok(outcomes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn engines_agree_on_generated_policies(generated in policies(6)) {
        if let Err(mismatch) = check(&generated) {
            prop_assert!(false, "{mismatch}");
        }
    }
}

/// The generator is worth something: most rules have values, and all kinds of outcomes occur.
#[test]
fn generated_policies_are_not_trivial() {
    let (mut values, mut undefined, mut conflicts, mut broken) = (0, 0, 0, 0);
    for seed in 0..300_u64 {
        let generated = Generated::from_seeds(&[seed, seed ^ 0xff00, seed << 20, seed.wrapping_mul(77)], seed);
        let mut engine = EvaluatorEngine::default();
        for case in generated.cases() {
            match engine.evaluate(&case) {
                Outcome::Value(_) => values += 1,
                Outcome::Undefined => undefined += 1,
                Outcome::Error(stele_testkit::engines::ErrorKind::Conflict, _) => conflicts += 1,
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
