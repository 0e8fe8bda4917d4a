//! `stele contract`.

mod build;
mod emit;
mod inspect;

use crate::exit::Verdict;
use anyhow::Result;

/// Policy contracts.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Size, gas of each entry point, and what can't be compiled
    Inspect(inspect::Args),
    /// Compile a plan (ours, or one of `opa build -t plan`) or one policy to a contract, or print a stage on the way
    Build(build::Args),
}

pub(crate) fn run(command: Command) -> Result<Verdict> {
    match command {
        Command::Inspect(args) => inspect::run(&args),
        Command::Build(args) => build::run(&args),
    }
}
