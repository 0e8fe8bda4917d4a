//! What can go wrong before anything is scanned; trouble with one file is a [`Problem`](crate::Problem) and stops nothing.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rules file that is not what it should be.
    #[error("rules in {origin}: {message}")]
    Rules {
        /// The file, or "the built-in rules".
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// A rule that can't be used.
    #[error("rule {rule} in {origin}: {message}")]
    Rule {
        /// The file, or "the built-in rules".
        origin: String,
        /// The rule's id.
        rule: String,
        /// What is wrong with it.
        message: String,
    },
    /// The automaton over all keywords could not be built.
    #[error("can't build the keyword automaton: {0}")]
    Keywords(#[from] aho_corasick::BuildError),
    /// An allowlist that is not what it should be.
    #[error("allowlist {path}: {message}")]
    Allowlist {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A baseline that is not what it should be.
    #[error("baseline {path}: {message}")]
    Baseline {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A file that has to be there can't be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// There is no path to scan.
    #[error("{}: no such file or directory", .0.display())]
    NoSuchPath(PathBuf),
    /// History was asked for where there is none.
    #[error("{}: not in a Git repository; `--git`, `--staged` and `--since` need one", .0.display())]
    NotARepository(PathBuf),
    /// A revision that the repository does not know.
    #[error("`{reference}` names no commit in {}: {cause}", repository.display())]
    UnknownRevision {
        /// What was asked for.
        reference: String,
        /// The repository.
        repository: PathBuf,
        /// The Git library's answer.
        cause: String,
    },
    /// The repository can't be read.
    #[error("can't read the repository {}: {cause}", repository.display())]
    Repository {
        /// The repository.
        repository: PathBuf,
        /// The Git library's answer.
        cause: String,
    },
}

impl Error {
    /// Whether the environment (disk, repository store) failed rather than the input.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Repository { .. })
    }
}
