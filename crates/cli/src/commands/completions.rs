//! `stele completions`.

use crate::exit::Verdict;
use crate::output;
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

/// Print a shell completion script.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    // By way of memory: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "stele", &mut script);
    output::raw(std::str::from_utf8(&script).context("the script is not UTF-8")?)?;
    Ok(Verdict::Pass)
}
