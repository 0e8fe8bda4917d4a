//! The reference policies: by hand in Solidity, and compiled from Rego, give the same answers.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::collections::BTreeSet;
use stele_testkit::engines::Chance;
use stele_testkit::reference::{self, Question, Reference};

/// Random questions to each policy.
const QUESTIONS: u64 = 300;

fn agree(reference: &Reference, question: &Question) -> String {
    let (compiled, by_hand) = (
        reference.compiled(question).unwrap(),
        reference.by_hand(question).unwrap(),
    );
    assert_eq!(
        compiled.value,
        by_hand.value,
        "{}: {}",
        reference.name(),
        question.input
    );
    format!("{:?}", compiled.value)
}

#[test]
fn policies_by_hand_answer_as_the_compiled_ones() {
    for reference in reference::all().unwrap() {
        let typical = agree(&reference, &reference.typical());
        let mut chance = Chance(41);
        let answers: BTreeSet<String> = (0..QUESTIONS)
            .map(|_| agree(&reference, &reference.random(&mut chance)))
            .collect();
        // Both outcomes must occur, or the comparison shows nothing.
        assert!(answers.len() > 1, "{}: {answers:?}", reference.name());
        assert!(!typical.is_empty());
    }
}

#[test]
fn the_profile_accounts_for_all_gas() {
    for reference in reference::all().unwrap() {
        let question = reference.typical();
        let spent = reference.compiled(&question).unwrap().gas;
        let profile = reference.profile(&question.input).unwrap();
        let sum = |rows: &[(String, u64)]| rows.iter().map(|(_, gas)| gas).sum::<u64>();
        // The last instruction is not followed by another step; it costs nothing but the memory it returns.
        let shown = sum(&profile.routines);
        assert!(
            shown <= spent && spent - shown < 100,
            "{}: {shown} of {spent}",
            reference.name()
        );
        assert_eq!(sum(&profile.lines), shown);
        assert!(profile.lines.iter().any(|(line, _)| line.contains(".rego:")));
    }
}
