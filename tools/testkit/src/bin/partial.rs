//! Compares partial with full evaluation on generated policies until they disagree.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use stele_testkit::engines::partial::{Counts, campaign};

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
    let found = campaign(
        arguments.seed,
        arguments.comparisons,
        arguments.inputs,
        arguments.questions,
        arguments.keep,
        &mut counts,
    );
    let mut out = std::io::stdout().lock();
    for disagreement in &found {
        let _ = writeln!(out, "{disagreement}");
    }
    let _ = writeln!(
        out,
        "seed {}: {counts}{} disagreements",
        arguments.seed,
        found.len()
    );
    if found.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
