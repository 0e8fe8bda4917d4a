//! What can go wrong with the embedded node as a whole (JSON-RPC errors are in [`super::rpc`]).

use std::path::PathBuf;

use alloy::primitives::B256;

/// An error of the embedded node: its directory, its store, its invariants.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The store's lock is held: another process (or another [`super::Node`]) has the directory open.
    #[error("the chain directory {} is in use by another process; stop that process or choose another directory", dir.display())]
    InUse {
        /// The chain's directory.
        dir: PathBuf,
    },
    /// The directory holds a chain with another chain id.
    #[error(
        "the chain directory {} holds chain id {found}, but chain id {expected} was asked for; \
         choose another directory or the chain id it was created with",
        dir.display()
    )]
    OtherChainId {
        /// The chain's directory.
        dir: PathBuf,
        /// The chain id in the store.
        found: u64,
        /// The chain id of the options.
        expected: u64,
    },
    /// The directory holds a chain that began from another allocation.
    #[error(
        "the chain directory {} (chain id {chain_id}) began from genesis state {found}, but the genesis state \
         asked for is {expected}; choose another directory or the allocation it was created with",
        dir.display()
    )]
    OtherGenesis {
        /// The chain's directory.
        dir: PathBuf,
        /// The chain id, which agrees.
        chain_id: u64,
        /// State root of the genesis block in the store.
        found: B256,
        /// State root that the options' allocation yields.
        expected: B256,
    },
    /// [`super::Node::open_existing`] found no chain.
    #[error("there is no chain in {}", dir.display())]
    NoChain {
        /// The chain's directory.
        dir: PathBuf,
    },
    /// The store was written by another version of this program.
    #[error(
        "the chain store has format {found}, this program reads format {supported}; use the program that wrote it"
    )]
    Format {
        /// Format number in the store.
        found: u64,
        /// Format number this program reads and writes.
        supported: u64,
    },
    /// The store contradicts itself or can't be decoded.
    #[error(
        "the chain store is corrupt: {what}; restore the directory from a backup, or delete it to begin a new chain"
    )]
    Corrupt {
        /// What was found, with the key or block number.
        what: String,
    },
    /// A file system operation failed.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// The operation, e.g. `can't create`.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The store refused an operation (full disk, I/O error).
    #[error("the chain store failed: {0}")]
    Store(#[source] Box<redb::Error>),
    /// The EVM failed for a reason that is not the transaction's (never the caller's fault).
    #[error("the EVM failed: {0}")]
    Evm(String),
    /// The options make no sense.
    #[error("invalid node option: {0}")]
    Option(String),
}

impl NodeError {
    /// A [`NodeError::Corrupt`] from a description.
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}

impl revm::database_interface::DBErrorMarker for NodeError {}

macro_rules! from_redb {
    ($($kind:ty),*) => {$(
        impl From<$kind> for NodeError {
            fn from(error: $kind) -> Self {
                match redb::Error::from(error) {
                    redb::Error::Corrupted(what) => Self::Corrupt { what },
                    other => Self::Store(Box::new(other)),
                }
            }
        }
    )*};
}
from_redb!(
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::SetDurabilityError
);
