//! Literal patterns to automata that contracts run byte by byte.
//!
//! Patterns are translated as they are for the virtual machine; what has no counterpart is an error. One kind of automaton answers "does the text contain a match", so that reaching a match ends it; the other finds where
//! the match that begins at a given place ends.

mod automaton;
#[cfg(test)]
mod glob;
mod nfa;
mod search;
#[cfg(test)]
mod syntax;
mod table;
mod utf8;
mod work;

use stele_rego::builtins::{glob_pattern, go_regex};

pub(crate) use search::Search;
pub(crate) use table::Table;
pub(crate) use work::{WORK, Work};

/// Why a pattern has no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// The pattern is malformed, or uses syntax that is not covered.
    Bad(String),
    /// The table is too big.
    TooBig {
        /// Bytes needed; `None` if there were too many states to go on.
        size: Option<usize>,
        /// Bytes allowed.
        limit: usize,
    },
    /// With it, the policy's patterns take more work than they may together.
    TooDear,
    /// Nobody looked at it.
    NotRead,
}

/// Memory that building an automaton may take, in bytes.
const BUILD_LIMIT: usize = 4 << 20;

/// The cause of an error, without the text around it.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text.lines().last().unwrap_or_default().trim().to_owned()
}

fn go(pattern: &str) -> Result<String, PatternError> {
    go_regex(pattern).map_err(|error| PatternError::Bad(error.to_string()))
}

/// The automaton of a regular expression in Go's syntax.
pub(crate) fn regex(pattern: &str, limit: usize, work: &mut Work) -> Result<Table, PatternError> {
    table::build(&go(pattern)?, limit, work)
}

/// The automaton that finds matches of a regular expression in Go's syntax.
pub(crate) fn search(pattern: &str, limit: usize, work: &mut Work) -> Result<Search, PatternError> {
    search::build(&go(pattern)?, limit, work)
}

/// The automaton of a glob in the syntax of OPA's `glob.match`.
pub(crate) fn glob(
    pattern: &str,
    separators: &[String],
    limit: usize,
    work: &mut Work,
) -> Result<Table, PatternError> {
    let separator = |text: &String| {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(c),
            _ => Err(format!("separator `{text}` is not one character")),
        }
    };
    let separators: Result<Vec<char>, String> = separators.iter().map(separator).collect();
    let separators = separators.map_err(PatternError::Bad)?;
    let pattern = glob_pattern(pattern, &separators).map_err(|error| PatternError::Bad(error.to_string()))?;
    table::build(&pattern, limit, work)
}
