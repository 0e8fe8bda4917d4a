//! Compares partial with full evaluation on generated policies until they disagree.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use stele_testkit::engines::Chance;
use stele_testkit::engines::generate::Generated;
use stele_testkit::engines::partial::{Counts, compare, question};
use stele_testkit::engines::wild::Wild;
use stele_types::Value;

/// Compares partial with full evaluation on generated policies until they disagree.
#[derive(Parser)]
#[command(name = "partial")]
struct Arguments {
    /// Evaluations of residuals beside the full one
    #[arg(long, default_value_t = 100_000)]
    comparisons: u64,
    /// Seed of the first policy; the others have the seeds that follow
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Values of the unknown documents for each question
    #[arg(long, default_value_t = 12)]
    inputs: usize,
    /// Questions for each policy
    #[arg(long, default_value_t = 4)]
    questions: usize,
    /// Go on until so many disagreements are found
    #[arg(long, default_value_t = 1)]
    keep: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut counts = Counts::default();
    let mut seed = arguments.seed;
    let mut found = 0_usize;
    let mut out = std::io::stdout().lock();
    while counts.comparisons < arguments.comparisons && found < arguments.keep {
        let mut chance = Chance(seed);
        let typed = chance.one_in(4);
        let (policy, inputs) = if typed {
            let rules: Vec<u64> = (0..4).map(|_| chance.advance()).collect();
            let generated = Generated::from_seeds(&rules, chance.advance());
            let inputs = (0..arguments.inputs)
                .map(|_| Some(generated.with_input(chance.advance()).input))
                .collect();
            (generated.policy, inputs)
        } else {
            let wild = Wild::from_seed(seed, arguments.inputs);
            (wild.policy, wild.inputs)
        };
        let others: Vec<Value> = (0..arguments.inputs)
            .map(|_| Wild::from_seed(chance.advance(), 0).policy.data().clone())
            .collect();
        for _ in 0..arguments.questions {
            let Some((question, concretes)) = question(&policy, &inputs, &others, &mut chance) else {
                continue;
            };
            if let Err(disagreement) = compare(&question, &concretes, &mut counts) {
                let _ = writeln!(out, "seed {seed}:\n{disagreement}");
                found = found.saturating_add(1);
            }
        }
        seed = seed.saturating_add(1);
    }
    let _ = writeln!(
        out,
        "seeds {} to {seed}: {counts}{found} disagreements",
        arguments.seed
    );
    if found == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
