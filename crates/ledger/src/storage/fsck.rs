//! Checks everything on disk against everything else: records, leaves, indexes, tiles, checkpoint, anchors.
//!
//! Reads only, never stops at the first problem it can get past, and never panics, whatever the files hold.

mod check;
mod records;

use serde::{Deserialize, Serialize};
use stele_types::{Digest, TreeSize};

pub use check::run;

use super::{Ledger, LedgerError};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Expected after a crash, so that opening the log mends it; or unusual and harmless.
    Notice,
    /// Something derived is wrong and can be made anew.
    Derived,
    /// Records or signed statements are damaged, missing or contradict each other.
    Damage,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub gravity: Gravity,
    /// The file, relative to the log's directory.
    pub file: String,
    /// Byte offset, where that makes sense.
    pub offset: Option<u64>,
    /// Index of the decision, where that makes sense.
    pub index: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: &'static str,
}

/// An anchor as the chain tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainAnchor {
    /// Anchored tree size.
    pub size: TreeSize,
    /// Anchored root.
    pub root: Digest,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FsckReport {
    /// Decisions read and re-hashed.
    pub decisions: u64,
    /// Record files read.
    pub files: u64,
    /// Tiles and bundles compared.
    pub tiles: u64,
    /// Anchors compared: stored ones and the chain's.
    pub anchors: u64,
    /// Everything that is wrong, in the order found.
    pub problems: Vec<Problem>,
}

impl FsckReport {
    /// True when nothing is wrong but what a crash leaves behind, or what is harmless.
    pub fn is_sound(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.gravity == Gravity::Notice)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        if let Some(index) = self.index {
            write!(f, ", decision {index}")?;
        }
        write!(f, ": {}; {}", self.what, self.mend)
    }
}

impl Ledger {
    /// Checks the log while it runs. `chain_anchors` are what the chain holds for this node; pass none to check only what
    /// is on disk. Publishing and erasing wait meanwhile; appending does not, and what is appended meanwhile is not checked.
    pub fn fsck(
        &self,
        chain_anchors: impl IntoIterator<Item = ChainAnchor>,
    ) -> Result<FsckReport, LedgerError> {
        let shared = self.shared();
        let _no_erasure = super::locked(&shared.erasing);
        self.publish()?;
        let _no_publishing = super::locked(&shared.publishing);
        let limits = {
            let segments = self.segments();
            check::LiveEnd {
                first: segments.active.first,
                length: segments.active.length,
            }
        };
        Ok(check::run_until(
            shared.store.as_ref(),
            self.verifier(),
            chain_anchors,
            Some(limits),
            shared.options.max_disorder,
        ))
    }
}
