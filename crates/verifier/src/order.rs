//! The order of a log's times, which the contract `Challenge` holds a node to (`refuteDate`), and what follows from its breach.

use serde::{Deserialize, Serialize};
use stele_chain::ChainError;
use stele_chain::client::{Account, Governance};
use stele_ledger::tree::leaf_hash;
use stele_types::{Leaf, LeafIndex, Timestamp};

use crate::challenge::{ANOTHER, BY_ANOTHER, Obstacle, forever, reverted};
use crate::follow::Follower;
use crate::place::Sought;
use crate::state::{Accused, leaf_text};

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
    /// Its leaf; none in files of versions that did not keep it.
    #[serde(default, with = "leaf_text", skip_serializing_if = "Option::is_none")]
    pub leaf: Option<Leaf>,
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
                    leaf: Some(*leaf),
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
            return Ok(Some(BY_ANOTHER.to_owned()));
        }
        let Some((anchor, tree)) = self.covering(chain, accused.index).await? else {
            return Ok(None);
        };
        self.must_be_active(chain).await?;
        let first = Sought {
            hash: accused.ahead_leaf.map(|leaf| leaf_hash(&leaf.to_bytes())),
            leaf: accused.ahead_leaf,
            ..Sought::at(LeafIndex::new(ahead))
        };
        let found = self
            .source
            .misdating(self.node, (anchor, tree), first, accused.sought());
        let Some(evidence) = found.await? else {
            return forever(ANOTHER);
        };
        self.attempt(accused)?;
        match chain.refute_date(account, &evidence).await {
            Ok(done) => Ok(Some(format!(
                "refuted in {}; the node is suspended",
                done.transaction
            ))),
            // Somebody else may have been faster.
            Err(ChainError::Reverted(revert)) => match chain.is_misdated(accused.leaf_hash).await? {
                true => Ok(Some(BY_ANOTHER.to_owned())),
                false => reverted(revert),
            },
            Err(error) => Err(error.into()),
        }
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
