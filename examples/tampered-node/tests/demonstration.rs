//! Every lie is caught by the check that should catch it, and the honest node is left alone.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may panic")]

use stele_tampered_node::{Outcome, play};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_is_caught_and_the_honest_node_stays() {
    let stele = assert_cmd::cargo::cargo_bin("stele");
    assert!(
        stele.is_file(),
        "build the whole workspace: cargo test --workspace"
    );
    let mut outcomes: Vec<Outcome> = Vec::new();
    play(&stele, |outcome| {
        outcomes.push(outcome.clone());
        Ok(())
    })
    .await
    .unwrap();
    let seen: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let evidence = outcome.evidence.split(',').next().unwrap();
            (outcome.lie, evidence, outcome.active)
        })
        .collect();
    let expected = [
        ("altered", "event refuted", false),
        ("omitted", "event omitted", false),
        ("rewritten", "revert Inconsistent", true),
        ("rolled back", "revert SizeFell", true),
        ("forked", "accusation fork", true),
        ("backdated", "event misdated", false),
        ("altered, in private", "event refuted", false),
        ("honest", "event upheld", true),
    ];
    assert_eq!(seen, expected);
}
