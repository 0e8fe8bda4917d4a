//! `stele contract`.

mod build;
mod code;
mod emit;
mod inspect;
mod trace;
mod verify;

use crate::config::Sources;
use crate::exit::Verdict;
use anyhow::Result;

/// Policy contracts.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Size, gas of each entry point, and what can't be compiled
    Inspect(inspect::Args),
    /// Compile a plan (ours, or one of `opa build -t plan`) or one policy to a contract, or print a stage on the way
    Build(build::Args),
    /// Run a recorded decision or a transaction again, and show the Rego lines that were executed, with their values
    Trace(trace::Args),
    /// Rebuild a deployed contract from its source and compare; exit code 1 when they differ
    Verify(verify::Args),
}

pub(crate) fn run(sources: &Sources, command: Command) -> Result<Verdict> {
    match command {
        Command::Inspect(args) => inspect::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Trace(args) => trace::run(sources, &args),
        Command::Verify(args) => verify::run(sources, &args),
    }
}
