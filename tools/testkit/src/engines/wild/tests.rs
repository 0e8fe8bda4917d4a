use super::super::{Answer, Engine, ErrorKind, EvaluatorEngine, Outcome, Tally};
use super::*;

/// Most policies compile, and all kinds of outcomes occur often.
#[test]
fn policies_are_not_trivial() {
    let mut tally = Tally::default();
    let mut engine = EvaluatorEngine::default();
    let mut broken: Vec<String> = Vec::new();
    let mut telling = 0;
    for seed in 0..400 {
        let wild = Wild::from_seed(seed, 4);
        if let Err(outcome) = wild.policy.plan() {
            broken.push(format!("{outcome:?}"));
            continue;
        }
        for case in wild.cases() {
            let outcome = engine.evaluate(&case);
            let empty = [Value::set([]), Value::object([]), Value::array([])];
            telling += i32::from(matches!(&outcome, Outcome::Value(value) if !empty.contains(value)));
            tally.count(&[Answer {
                engine: engine.name(),
                mode: engine.mode(),
                outcome,
            }]);
        }
    }
    let of = tally.of("evaluator");
    let report = format!(
        "{telling} values that are not empty\n{tally}{} do not compile:\n{}",
        broken.len(),
        broken.join("\n")
    );
    println!("{report}");
    assert!(broken.len() < 40, "{report}");
    assert!(of.values > 1_500 && of.undefined > 500, "{report}");
    assert!(of.errors_of(ErrorKind::Conflict) > 10, "{report}");
    assert_eq!(of.errors_of(ErrorKind::Other), 0, "{report}");
}

#[test]
fn a_seed_makes_one_policy() {
    let (one, again) = (Wild::from_seed(7, 3), Wild::from_seed(7, 3));
    assert_eq!(one.policy.modules(), again.policy.modules());
    assert_eq!(one.inputs, again.inputs);
    assert_ne!(one.policy.modules(), Wild::from_seed(8, 3).policy.modules());
}
