//! `stele completions`.

use crate::exit::Verdict;
use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

/// Print a shell completion script.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    clap_complete::generate(
        args.shell,
        &mut crate::Cli::command(),
        "stele",
        &mut std::io::stdout(),
    );
    Ok(Verdict::Pass)
}
