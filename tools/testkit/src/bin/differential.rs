//! Runs generated policies on all engines until they disagree.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use stele_testkit::engines::campaign::{Campaign, run};
use stele_testkit::engines::emit::emit;

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
    /// Leave out `and`, `or` and `not { ... }`, which OPA has since 1.20
    #[arg(long)]
    no_logical: bool,
    /// Threads
    #[arg(long, default_value_t = 2)]
    jobs: u64,
    /// Go on until so many disagreements are found by one thread
    #[arg(long, default_value_t = 1)]
    keep: usize,
    /// Compare nothing: write policies, inputs and our answers to this file, a policy as JSON on each line, for other implementations
    /// of Rego. Compiled as they read policies: types are checked, and `not f(input.x)` is undefined where `input.x` is
    #[arg(long, value_name = "FILE")]
    emit: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Arguments {
        executions,
        seed,
        inputs,
        contracts,
        interpreter,
        no_logical,
        jobs,
        keep,
        emit,
    } = Arguments::parse();
    let campaign = Campaign {
        seed,
        executions,
        inputs,
        contracts,
        interpreter,
        logical: !no_logical,
        jobs,
        keep,
    };
    if let Some(path) = emit {
        return write_out(&campaign, &path);
    }
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

fn write_out(campaign: &Campaign, path: &Path) -> ExitCode {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        let emitted = emit(campaign, &mut out)?;
        out.flush()?;
        Ok(emitted)
    });
    match written {
        Ok(emitted) => {
            let _ = writeln!(
                std::io::stderr(),
                "{}: {} policies ({} do not compile), {} cases",
                path.display(),
                emitted.policies,
                emitted.refused,
                emitted.cases
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}: {error}", path.display());
            ExitCode::from(3)
        }
    }
}
