//! Making receipts: a tree over the leaves of a batch.

use stele_types::receipt::{FORMAT, Place, Promise, Receipt, Signature};
use stele_types::{ChainId, Digest, EvmAddress, Leaf, LeafIndex, NodeAddress, Salt, TreeSize};

use crate::tree::node_hash;

/// Why a batch or a receipt of it can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// A batch is made of one leaf at least.
    #[error("a batch has at least one leaf")]
    Empty,
    /// There is no such leaf in the batch.
    #[error("the batch has no leaf {index}")]
    NoSuchLeaf {
        /// The leaf asked for.
        index: usize,
    },
}

/// Decisions that are promised with one signature.
#[derive(Debug, Clone)]
pub struct Batch {
    promise: Promise,
    /// Hashes from the leaves up; a node without a right sibling is itself its parent, as RFC 6962 has it.
    rows: Vec<Vec<Digest>>,
}

impl Batch {
    /// A batch of leaf hashes. Sign its [`Promise::digest`], then make the receipts.
    pub fn new(
        (chain_id, ledger): (ChainId, EvmAddress),
        node: NodeAddress,
        (issued_at, merge_delay): (u64, u64),
        leaves: Vec<Digest>,
    ) -> Result<Self, BatchError> {
        let size = TreeSize::new(u64::try_from(leaves.len()).unwrap_or(u64::MAX));
        let mut rows = vec![leaves];
        while let Some(row) = rows.last().filter(|row| row.len() > 1) {
            let parent = |pair: &[Digest]| match pair {
                [left, right] => Some(node_hash(left, right)),
                [alone] => Some(*alone),
                _ => None,
            };
            let above = row.chunks(2).filter_map(parent).collect();
            rows.push(above);
        }
        let root = rows.last().and_then(|row| row.first());
        let root = *root.ok_or(BatchError::Empty)?;
        Ok(Self {
            promise: Promise {
                chain_id,
                ledger,
                node,
                root,
                size,
                issued_at,
                merge_delay,
            },
            rows,
        })
    }

    /// What is to be signed.
    pub const fn promise(&self) -> &Promise {
        &self.promise
    }

    /// The receipt of the leaf at a place of the batch, from 0.
    pub fn receipt(
        &self,
        index: usize,
        leaf: Leaf,
        input_salt: Salt,
        signature: Signature,
    ) -> Result<Receipt, BatchError> {
        if self.rows.first().is_none_or(|row| index >= row.len()) {
            return Err(BatchError::NoSuchLeaf { index });
        }
        let mut path = Vec::with_capacity(self.rows.len().saturating_sub(1));
        let mut place = index;
        for row in &self.rows {
            path.extend(row.get(place ^ 1).copied());
            place >>= 1;
        }
        let promise = &self.promise;
        Ok(Receipt {
            format: FORMAT.to_owned(),
            chain_id: promise.chain_id,
            ledger: promise.ledger,
            node: promise.node,
            decision_id: leaf.decision_id,
            issued_at: promise.issued_at,
            merge_delay: promise.merge_delay,
            batch: Place {
                size: promise.size,
                index: LeafIndex::new(u64::try_from(index).unwrap_or(u64::MAX)),
                path,
            },
            signature,
            leaf,
            input_salt,
        })
    }
}
