//! The order of a log's times, which the contract `Challenge` holds a node to (`refuteDate`), and what follows from its breach.

use serde::{Deserialize, Serialize};
use stele_chain::ChainError;
use stele_chain::client::{Account, Governance, LogEntry, MisdatingEvidence};
use stele_ledger::tree::{leaf_hash, verify};
use stele_types::{Leaf, LeafIndex, Timestamp};

use crate::challenge::{Obstacle, forever};
use crate::follow::Follower;
use crate::state::{Accused, Head};

/// Seconds of disorder that a witness without a chain puts up with: what the contract allows by default.
pub(crate) const USUAL_TOLERANCE: u64 = 3_600;

/// The entry of a log with the latest date so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latest {
    /// Its place.
    pub index: u64,
    /// Its date.
    pub time: Timestamp,
}

impl Latest {
    /// Takes the next leaf of the log. The entry that shows it to be misdated, if one does: dated later by more than the tolerance, in seconds.
    pub(crate) fn next(latest: &mut Option<Self>, index: u64, leaf: &Leaf, tolerance: u64) -> Option<Self> {
        match latest {
            Some(ahead) if ahead.time >= leaf.time => {
                // As the contract counts: in nanoseconds, and the tolerance itself is still in order.
                let fell = ahead.time.as_nanos().saturating_sub(leaf.time.as_nanos());
                (fell > tolerance.saturating_mul(1_000_000_000)).then_some(*ahead)
            }
            _ => {
                *latest = Some(Self {
                    index,
                    time: leaf.time,
                });
                None
            }
        }
    }
}

impl Follower {
    /// Shows the chain the two decisions; `None` while no anchor covers them.
    pub(crate) async fn refute_date(
        &mut self,
        chain: &Governance,
        account: &Account,
        accused: &Accused,
        ahead: u64,
    ) -> Result<Option<String>, Obstacle> {
        if chain.is_misdated(accused.leaf_hash).await? {
            return Ok(Some("refuted, by somebody else".to_owned()));
        }
        let covering = chain
            .anchor_covering(self.node, LeafIndex::new(accused.index))
            .await?;
        let Some(covering) = covering else {
            return Ok(None);
        };
        let anchor = Head {
            size: covering.anchor.size,
            root: covering.anchor.root,
        };
        let second = self.entry(accused.index, anchor).await?;
        if leaf_hash(&second.leaf.to_bytes()) != accused.leaf_hash {
            return forever("the anchored tree has another decision at its place");
        }
        let evidence = MisdatingEvidence {
            node: self.node,
            anchor: covering.index,
            first: self.entry(ahead, anchor).await?,
            second,
        };
        self.attempt(accused)?;
        match chain.refute_date(account, &evidence).await {
            Ok(done) => Ok(Some(format!(
                "refuted in {}; the node is suspended",
                done.transaction
            ))),
            // The contract's refusal will not change.
            Err(ChainError::Reverted(revert)) => forever(ChainError::Reverted(revert)),
            Err(error) => Err(error.into()),
        }
    }

    /// A decision of the anchored tree, with its proof.
    async fn entry(&self, index: u64, anchor: Head) -> Result<LogEntry, Obstacle> {
        let (leaf, inclusion) = self.anchored_leaf(index, anchor.size).await?;
        let (hash, index) = (leaf_hash(&leaf.to_bytes()), LeafIndex::new(index));
        if verify::inclusion(&hash, index, anchor.size, &inclusion, &anchor.root).is_err() {
            return forever("the decisions are not in the anchored tree");
        }
        Ok(LogEntry {
            leaf,
            index,
            inclusion,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::tests::decided;

    #[test]
    fn a_date_is_held_against_the_latest_ahead_of_it() {
        let leaf = decided("door/allow").leaf().unwrap();
        let mut latest = None;
        let mut next = |index, seconds: u64, nanos: u64| {
            let time = Timestamp(seconds * 1_000_000_000 + nanos);
            Latest::next(&mut latest, index, &Leaf { time, ..leaf }, 60).map(|ahead| ahead.index)
        };
        assert_eq!(next(0, 1_000, 5), None);
        assert_eq!(next(1, 2_000, 5), None);
        // Not against its neighbour: it could fall step by step.
        assert_eq!(next(2, 1_970, 0), None);
        assert_eq!(next(3, 1_940, 5), None, "the tolerance itself is in order");
        assert_eq!(next(4, 1_940, 4), Some(1));
        assert_eq!(next(5, 0, 0), Some(1));
        assert_eq!(next(6, 2_001, 0), None);
        assert_eq!(next(7, 1_000, 0), Some(6));
    }
}
