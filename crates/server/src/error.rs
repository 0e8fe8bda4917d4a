//! What can go wrong when the server starts, runs its background tasks or stops.

use std::net::SocketAddr;

/// Errors of this crate outside a request; a request's errors are [`crate::http::ApiError`].
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A configuration value that can't be used.
    #[error("server configuration: `{key}` {message}")]
    Config {
        /// The dotted key.
        key: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The port is taken.
    #[error(
        "{addr} is in use by another process: stop it, or choose another address with `--listen` (`server.listen` in stele.toml)"
    )]
    PortBusy {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The address can't be listened on for another reason.
    #[error("can't listen on {addr}: {source}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread could not be started.
    #[error("can't start the {what} thread: {source}")]
    Thread {
        /// Which thread.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A worker ended on its own.
    #[error("{what} stopped unexpectedly: {message}")]
    Stopped {
        /// Which part.
        what: &'static str,
        /// Why, as far as is known.
        message: String,
    },
    /// The ledger refused the final flush.
    #[error("the ledger could not be flushed at shutdown: {0}")]
    Flush(String),
}
