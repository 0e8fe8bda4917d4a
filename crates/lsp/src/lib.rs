//! The language server for Rego: what `stele lsp` speaks on standard input and output.
//!
//! It follows version 3.17 of the Language Server Protocol: <https://microsoft.github.io/language-server-protocol/>. One thread reads
//! messages, one serves them in their order, and one looks for diagnostics, so that a large workspace does not delay an answer.
//!
//! | module | what it does |
//! |---|---|
//! | `transport`, `queue` | messages on byte streams; cancellation |
//! | `server`, `dispatch`, `session` | the life of a server, its requests, what client and server agreed on |
//! | `position`, `document`, `workspace` | texts, their positions, and files open or on disk |
//! | `analysis` | diagnostics |
//! | `names`, `special`, `view` | what each name means, and where it is defined |
//! | `hover`, `navigation`, `completion`, `editing` | the answers |
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod analysis;
mod completion;
mod dispatch;
mod document;
mod editing;
mod hover;
mod names;
mod navigation;
mod position;
mod queue;
mod server;
mod session;
mod special;
#[cfg(test)]
mod tests;
mod transport;
mod view;
mod workspace;

use std::io::{self, Read, Write};

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The client asked for a shutdown first: exit code 0.
    Orderly,
    /// The client went away, or asked to exit at once: exit code 1.
    Abrupt,
}

/// Serves one client until it goes away.
///
/// # Errors
/// `output` can't be written to.
pub fn serve(input: impl Read + Send + 'static, output: impl Write) -> io::Result<Exit> {
    server::run(input, output)
}
