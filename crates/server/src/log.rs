//! What the endpoints and tasks ask of the decision log. All calls may block on files.

use serde::Serialize;
use stele_types::{DecisionId, DecisionRecord, Digest, TreeSize};

use crate::chain::Accepted;
use crate::http::ApiError;

/// Why the log gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The log can't be read or written, or what it holds is not what it should be.
    #[error("the decision log failed: {0}")]
    Storage(String),
    /// The question can't be answered from this log.
    #[error("{0}")]
    Refused(String),
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Storage(_) => Self::unavailable("log_unavailable", error.to_string()),
            LogError::Refused(message) => Self::invalid(message),
        }
    }
}

/// Sizes and times of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct LogStats {
    /// Durable leaves.
    pub leaves: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Records waiting to be written.
    pub waiting: u64,
    /// Syncs since the start.
    pub syncs: u64,
    /// Seconds spent in them.
    pub sync_seconds: f64,
    /// Seconds the last one took.
    pub last_sync_seconds: f64,
}

/// A tree head with its signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Leaves.
    pub size: TreeSize,
    /// Root over them.
    pub root: Digest,
    /// The signed note (C2SP `tlog-checkpoint`).
    pub note: String,
}

/// Which decisions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// At most so many.
    pub limit: usize,
    /// Only of this policy.
    pub policy: Option<String>,
    /// Only with this verdict.
    pub decision: Option<String>,
    /// Only older than the leaf of this index.
    pub before: Option<u64>,
}

/// A page of decisions, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The records with their leaf indexes.
    pub records: Vec<(u64, DecisionRecord)>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<u64>,
}

/// The decision log, as far as the server asks.
pub trait Log: Send + Sync {
    /// Sizes and times; cheap.
    fn stats(&self) -> Result<LogStats, LogError>;

    /// The newest durable tree head.
    fn head(&self) -> Result<Head, LogError>;

    /// The newest signed checkpoint as served to others.
    fn checkpoint(&self) -> Result<String, LogError> {
        self.head().map(|head| head.note)
    }

    /// A static file of the log by its path (`tile/...`), if it exists.
    fn tile(&self, path: &str) -> Result<Option<Vec<u8>>, LogError>;

    /// RFC 6962 consistency proof between two sizes.
    fn consistency(&self, from: TreeSize, to: TreeSize) -> Result<Vec<Digest>, LogError>;

    /// Keeps an anchor with the checkpoint it covers, for proofs.
    fn keep_anchor(&self, accepted: &Accepted, head: &Head) -> Result<(), LogError>;

    /// One record with its leaf index.
    fn record(&self, id: DecisionId) -> Result<Option<(u64, DecisionRecord)>, LogError>;

    /// Records by filter, newest first.
    fn list(&self, filter: &Filter) -> Result<Page, LogError>;

    /// The proof bundle (`proof.json`) of a decision.
    fn proof(&self, id: DecisionId) -> Result<Option<Vec<u8>>, LogError>;

    /// Erases input and salts of a record; the erasure is itself logged. False when there is no such record.
    fn erase(&self, id: DecisionId) -> Result<bool, LogError>;

    /// Makes everything durable and stops taking records.
    fn close(&self) -> Result<(), LogError>;
}
