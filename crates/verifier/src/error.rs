//! What can keep a verifier from verifying.

use std::net::SocketAddr;

use stele_chain::ChainError;
use stele_ledger::note::NoteError;
use stele_ledger::storage::LedgerError;
use stele_types::{DecisionId, NodeAddress, PolicyVersion};

/// Why something could not be checked or signed. None of these accuses a node: what does is a [`crate::Refusal`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierError {
    /// A configuration value that can't be used.
    #[error("verifier.{key} {message}")]
    Config {
        /// Which key.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// A file of the state directory is damaged.
    #[error(
        "{file} of the verifier's state is damaged: {problem}; restore the newest copy, or remove the file to verify that log again from its \
         first leaf (docs/verifiers.md says what that costs)"
    )]
    State {
        /// Which file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The state directory can't be read or written.
    #[error(transparent)]
    Store(#[from] LedgerError),
    /// A node does not answer, or not with what was asked for.
    #[error("{url}: {problem}")]
    Source {
        /// What was asked for.
        url: String,
        /// What came instead.
        problem: String,
    },
    /// A node does not let this verifier read.
    #[error(
        "{url}: answered {status}: this verifier's token (verifier.logs) is not one that the node lets read"
    )]
    Denied {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// What a node serves does not fit its own signed checkpoint.
    #[error("{url} serves {what} that its checkpoint of {size} leaves does not commit to")]
    Unauthentic {
        /// The log.
        url: String,
        /// Leaves or hashes.
        what: &'static str,
        /// Size of the checkpoint.
        size: u64,
    },
    /// A node serves a record that its leaf does not commit to.
    #[error(
        "the record of decision {decision_id} (leaf {index}) can't be used: {problem}; if it stays so, look into it, stop the verifier, and go on beyond \
         it with `stele verifier resume LOG --accept-decision {decision_id}`"
    )]
    Record {
        /// The leaf.
        index: u64,
        /// The decision.
        decision_id: DecisionId,
        /// What is wrong with the record.
        problem: String,
    },
    /// A policy version's bundle is missing, or is none.
    #[error("the bundle of version {version}: {problem}")]
    Bundle {
        /// Which version.
        version: PolicyVersion,
        /// What is wrong.
        problem: String,
    },
    /// The chain does not answer.
    #[error(transparent)]
    Chain(#[from] Box<ChainError>),
    /// The contracts judge active nodes only.
    #[error("node {node} is suspended or retired, and the contracts judge active nodes only; tried again")]
    NotActive {
        /// Which node.
        node: NodeAddress,
    },
    /// A key or a note is malformed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The address can't be listened on.
    #[error("can't listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A thread died.
    #[error("a verification was interrupted: {0}")]
    Interrupted(String),
}

impl From<ChainError> for VerifierError {
    fn from(error: ChainError) -> Self {
        Self::Chain(Box::new(error))
    }
}
