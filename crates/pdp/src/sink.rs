//! Where evidence goes.

use stele_types::{DecisionRecord, LeafIndex, Rendered, Value};

/// What a decision leaves behind. The sink computes the leaf, and then masks: the leaf commits to the whole record.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Kept off chain; may be masked or erased.
    pub record: DecisionRecord,
    /// Where input and result are.
    pub documents: Documents,
}

/// Input and result of a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Documents {
    /// In the record.
    InRecord {
        /// What of it must not reach the disk, in the format of OPA's `system.log.mask`.
        mask: Option<Value>,
    },
    /// Here, and the record has none: nothing of them is masked.
    Rendered(Box<Rendered>),
}

impl Evidence {
    /// The documents that stand beside the record.
    pub(crate) fn rendered(&self) -> Option<&Rendered> {
        match &self.documents {
            Documents::InRecord { .. } => None,
            Documents::Rendered(rendered) => Some(rendered),
        }
    }
}

/// The sink has the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Where the leaf stands in the log; `None` when it was acknowledged before it has a place.
    pub index: Option<LeafIndex>,
}

/// The sink could not take the evidence; the decision must not be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The sink is shutting down.
    #[error("the decision log is closed")]
    Closed,
    /// The record can't be encoded or masked, or is too large.
    #[error("the decision log refuses the record: {message}")]
    Refused {
        /// What is wrong with it.
        message: String,
    },
    /// Writing failed (disk full, device error), or too much is waiting already.
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
