//! The checks that decide whether a change may land, and the test command.

use crate::shell::{cargo, run, say};
use crate::{contracts, featureless, house, peers, readme};
use anyhow::Result;
use std::time::Instant;

/// Runs every test; with `peers`, installs the real programs first so that nothing is skipped.
pub(crate) fn test(with_peers: bool) -> Result<()> {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    if with_peers {
        command.env("STELE_PEERS", peers::install()?);
        // A peer that is missing now is an error, not a reason to skip.
        command.env("STELE_PEERS_REQUIRED", "1");
    }
    run(&mut command)
}

/// Runs the benchmarks.
pub(crate) fn bench() -> Result<()> {
    run(&mut cargo(&["bench", "--workspace", "--benches"]))
}

/// Writes a corpus of source and measures how fast `stele secrets scan` goes through it.
pub(crate) fn bench_secrets(arguments: &[String]) -> Result<()> {
    let mut command = cargo(&["run", "--release", "--package", "stele-secrets"]);
    command.args(["--example", "throughput", "--"]);
    run(command.args(arguments))
}

/// Makes OSV data and packages up, and measures how fast they are imported and matched.
pub(crate) fn bench_vuln(arguments: &[String]) -> Result<()> {
    let mut command = cargo(&["run", "--release", "--package", "stele-vuln"]);
    command.args(["--example", "load", "--"]);
    run(command.args(arguments))
}

/// Builds and runs the program that compares engines on generated policies.
pub(crate) fn differential(arguments: &[String]) -> Result<()> {
    let mut command = cargo(&["run", "--release", "--package", "stele-testkit"]);
    command.args(["--features", "command", "--bin", "differential", "--"]);
    run(command.args(arguments))
}

/// Builds and runs the program that measures the gas of the reference policies.
pub(crate) fn gas(arguments: &[String]) -> Result<()> {
    let mut command = cargo(&["run", "--package", "stele-testkit"]);
    command.args(["--features", "command", "--bin", "gas", "--"]);
    run(command.args(arguments))
}

type Step<'a> = (&'a str, fn() -> Result<()>);

fn run_all(steps: &[Step]) -> Result<()> {
    for (name, step) in steps {
        let start = Instant::now();
        say(&format!("== {name}"));
        step()?;
        say(&format!("== {name}: {:.0} s", start.elapsed().as_secs_f64()));
    }
    Ok(())
}

/// Everything CI runs, cheapest first.
pub(crate) fn run_checks() -> Result<()> {
    run_all(&[
        ("format", || run(&mut cargo(&["fmt", "--all", "--check"]))),
        ("house", house::run),
        ("contracts", || contracts::run(true)),
        ("clippy", || {
            run(&mut cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))
        }),
        ("without regorus", featureless::check),
        ("test", || test(true)),
        ("readme", readme::run_readme),
    ])
}
