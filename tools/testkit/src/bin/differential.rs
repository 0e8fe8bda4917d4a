//! Runs generated policies on all engines until they disagree.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use stele_testkit::engines::campaign::{Campaign, run};

/// Runs generated policies on all engines until they disagree.
#[derive(Parser)]
#[command(name = "differential")]
struct Arguments {
    /// Cases to run: one rule of a policy on one input, on each engine
    #[arg(long, default_value_t = 100_000)]
    executions: u64,
    /// Seed of the first policy; the others have the seeds that follow
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Inputs for each policy
    #[arg(long, default_value_t = 16)]
    inputs: usize,
    /// Compile one policy in so many to contracts too; 0 for none
    #[arg(long, default_value_t = 10)]
    contracts: u64,
    /// Make one policy in so many well typed, and run it on the interpreter too; 0 for none
    #[arg(long, default_value_t = 20)]
    interpreter: u64,
    /// Threads
    #[arg(long, default_value_t = 2)]
    jobs: u64,
    /// Go on until so many disagreements are found by one thread
    #[arg(long, default_value_t = 1)]
    keep: usize,
}

fn main() -> ExitCode {
    let Arguments {
        executions,
        seed,
        inputs,
        contracts,
        interpreter,
        jobs,
        keep,
    } = Arguments::parse();
    let campaign = Campaign {
        seed,
        executions,
        inputs,
        contracts,
        interpreter,
        jobs,
        keep,
    };
    let report = run(&campaign, &|done| {
        let _ = writeln!(std::io::stderr(), "{done} executions");
    });
    let mut out = std::io::stdout().lock();
    for found in &report.found {
        let _ = writeln!(out, "seed {}: {}", found.seed, found.mismatch);
    }
    let _ = writeln!(
        out,
        "seed {seed}, {} policies ({} do not compile), {}{} disagreements",
        report.policies,
        report.broken,
        report.tally,
        report.found.len()
    );
    if report.found.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
