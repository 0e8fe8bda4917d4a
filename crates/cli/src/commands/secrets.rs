//! `stele secrets`.

mod report;
mod scan;

use crate::exit::Verdict;
use anyhow::Result;

/// Credentials where they should not be.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Find credentials in files, archives, Git history or what is staged; exit code 1 when there are any
    ///
    /// Everything shown is redacted. What is known can be allowed where it stands (a comment `stele:allow-secret RULE reason` on its line or the
    /// line above), in `.stele-secrets.toml`, or by a baseline; docs/secrets.md has the rules and the formats. Exit code 0: nothing found, 1:
    /// something found, 2: wrong usage or damaged input, 3: something could not be read.
    Scan(scan::Args),
}

pub(crate) fn run(command: Command) -> Result<Verdict> {
    match command {
        Command::Scan(args) => scan::run(&args),
    }
}
