//! Where evidence goes.

use stele_types::{DecisionRecord, Leaf, LeafIndex};

/// What a decision leaves behind: the full record, and the leaf that commits to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Kept off chain; may be masked or erased.
    pub record: DecisionRecord,
    /// Enters the Merkle log.
    pub leaf: Leaf,
}

/// The sink has the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Where the leaf stands in the log, once that is decided.
    pub index: LeafIndex,
}

/// The sink could not take the evidence; the decision must not be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The sink is shutting down.
    #[error("the decision log is closed")]
    Closed,
    /// Too much is waiting already.
    #[error("the decision log is overloaded: {waiting} records are waiting to be written")]
    Overloaded {
        /// Records in the queue.
        waiting: usize,
    },
    /// Writing failed (disk full, device error).
    #[error("the decision log can't be written: {message}")]
    Write {
        /// What the storage said.
        message: String,
    },
}

/// Called once, from any thread, when the evidence is safe or can't be made so.
pub type Done = Box<dyn FnOnce(Result<Ack, SinkError>) + Send>;

/// Takes evidence and says when it is safe.
pub trait DecisionSink: Send + Sync {
    /// Hands over evidence without waiting. `done` is called exactly once: after record and leaf are durable, or with the reason
    /// why they are not.
    fn append(&self, evidence: Evidence, done: Done);
}
