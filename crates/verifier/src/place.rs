//! Decisions at their places in an anchored tree: what contracts want to see of them.

use stele_chain::client::{LogEntry, MisdatingEvidence};
use stele_ledger::tree::{leaf_hash, verify};
use stele_types::{Digest, Leaf, LeafIndex, NodeAddress};

use crate::error::VerifierError;
use crate::source::Source;
use crate::state::Head;

/// A decision that is sought at its place in a log, and what is known of it beforehand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought {
    /// Its place.
    pub(crate) index: LeafIndex,
    /// RFC 6962 hash of its leaf; without it, whatever stands there is meant.
    pub(crate) hash: Option<Digest>,
    /// Its leaf. What is known need not be served.
    pub(crate) leaf: Option<Leaf>,
}

impl Sought {
    /// Whatever stands at a place.
    pub(crate) const fn at(index: LeafIndex) -> Self {
        Self {
            index,
            hash: None,
            leaf: None,
        }
    }
}

impl Source {
    /// A decision of an anchored tree, with its audit path. `None` when another one stands at its place, for certain.
    ///
    /// # Errors
    /// [`VerifierError::Unauthentic`] when what is served does not give the anchored root: then nothing can be said, and another time it may.
    pub(crate) async fn entry(&self, sought: Sought, of: Head) -> Result<Option<LogEntry>, VerifierError> {
        let (index, size) = (sought.index, of.size);
        let inclusion = self.inclusion(index, size).await?;
        let fits = |leaf: &Leaf| {
            let hash = leaf_hash(&leaf.to_bytes());
            verify::inclusion(&hash, index, size, &inclusion, &of.root).is_ok()
        };
        let leaf = match sought.leaf.filter(|leaf| fits(leaf)) {
            Some(leaf) => leaf,
            None => {
                let next = index.get().saturating_add(1);
                let served = self.leaves(index.get(), next, size).await?;
                let served = served.first().copied().filter(|leaf| fits(leaf));
                served.ok_or_else(|| self.unauthentic("leaves", size))?
            }
        };
        let hash = leaf_hash(&leaf.to_bytes());
        if sought.hash.is_some_and(|sought| sought != hash) {
            return Ok(None);
        }
        Ok(Some(LogEntry {
            leaf,
            index,
            inclusion,
        }))
    }

    /// The evidence that `second` is misdated: dated long before `first`, which stands ahead of it in the node's log. `None` when the anchored
    /// tree, of the anchor with that number, has another decision at one of the places, for certain. Dates are not compared here.
    ///
    /// # Errors
    /// As of [`Self::entry`].
    pub(crate) async fn misdating(
        &self,
        node: NodeAddress,
        (anchor, tree): (u64, Head),
        first: Sought,
        second: Sought,
    ) -> Result<Option<MisdatingEvidence>, VerifierError> {
        let Some(second) = self.entry(second, tree).await? else {
            return Ok(None);
        };
        let first = self.entry(first, tree).await?;
        Ok(first.map(|first| MisdatingEvidence {
            node,
            anchor,
            first,
            second,
        }))
    }
}

#[cfg(test)]
mod tests;
