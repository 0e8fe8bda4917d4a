//! `stele vuln`.

mod import;
mod scan;

use crate::config::Sources;
use crate::exit::Verdict;
use anyhow::Result;

/// Known vulnerabilities of packages, from OSV data that were imported: nothing here asks a network
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Take OSV data into the data directory, in place of what is there
    ///
    /// PATH is a directory of OSV records, an archive as OSV publishes one for each ecosystem (all.zip), a single record, or CISA's catalogue of
    /// exploited vulnerabilities (JSON). Either all of it is taken over or, when the import fails or is cut off, nothing. Exit code 0: all was read, 2:
    /// some files can't be used (the rest is in force all the same), or nothing could be, 3: a file can't be read or written.
    Import(import::Args),
    /// Match the packages of directories, an image or a bill of materials with the data; exit code 1 when one is vulnerable
    ///
    /// Fails when the data are older than --max-age, and says how old they are in any case. docs/vuln.md says what is matched, and how. Exit code 0: nothing found, 1:
    /// something found, 2: wrong usage, files that can't be read, or packages that were not checked, 3: no data, or data that are too old or damaged.
    Scan(Box<scan::Args>),
    /// Say which data are there, and how old they are
    Status(import::StatusArgs),
}

pub(crate) fn run(sources: &Sources, command: Command) -> Result<Verdict> {
    match command {
        Command::Import(args) => import::run(sources, &args),
        Command::Scan(args) => scan::run(sources, &args),
        Command::Status(args) => import::status(sources, &args),
    }
}
