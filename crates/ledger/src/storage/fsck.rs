//! Checks everything on disk against everything else: records, leaves, indexes, tiles, checkpoint, anchors.
//!
//! Reads only, never stops at the first problem it can get past, and never panics, whatever the files hold.

mod check;
mod records;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stele_types::{Digest, TreeSize};

pub use check::run;

use super::options::MAX_DISORDER;
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

/// By how many seconds the contract `Challenge` lets dates fall, unless it is deployed with another tolerance.
pub const USUAL_TOLERANCE_S: u64 = 3_600;

/// What the chain says of a log. The default is a chain that was not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainView {
    /// The node's anchors.
    #[serde(default)]
    pub anchors: Vec<ChainAnchor>,
    /// By how many seconds the contract `Challenge` lets dates fall before they convict the node, and each that replaced it: the least. Unknown:
    /// [`USUAL_TOLERANCE_S`] is assumed, and nothing is said to be harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_s: Option<u64>,
}

impl ChainView {
    /// How far dates may fall before that is damage, where a log takes `disorder` of new decisions: one that takes less than usual has a contract
    /// that does, so that counts where the contract was not asked.
    fn tolerance(&self, disorder: Option<Duration>) -> Duration {
        let usual = Duration::from_secs(USUAL_TOLERANCE_S);
        let known = self.tolerance_s.map(Duration::from_secs);
        known.unwrap_or_else(|| {
            disorder
                .filter(|disorder| *disorder < MAX_DISORDER)
                .unwrap_or(usual)
        })
    }

    /// How far they may fall before anything is said. `None`: however far, as a log without order whose chain was not asked has no rule to break.
    fn order(&self, disorder: Option<Duration>) -> Option<Duration> {
        let tolerance = self.tolerance(disorder);
        match disorder {
            Some(disorder) => Some(disorder.min(tolerance)),
            None => self.tolerance_s.map(|_| tolerance),
        }
    }
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
    /// By how many seconds dates may fall before that is damage: what the chain says, or [`USUAL_TOLERANCE_S`].
    pub tolerance_s: u64,
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
    /// Checks the log while it runs. `chain` is what the chain says of this node; with the default only what is on disk is checked.
    /// Publishing and erasing wait meanwhile; appending does not, and what is appended meanwhile is not checked.
    pub fn fsck(&self, chain: &ChainView) -> Result<FsckReport, LedgerError> {
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
            chain,
            Some(limits),
            shared.options.max_disorder,
        ))
    }
}
