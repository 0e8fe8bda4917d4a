//! Misdated decisions: holding a node to the order of its log.

use alloy::primitives::{B256, Bytes, U256};
use stele_types::{BlockNumber, Digest, Leaf, LeafIndex, NodeAddress};

use super::governance::{CHALLENGE, Governance};
use super::keys::Account;
use super::nodes::address;
use super::omission::OmissionMove;
use crate::contracts::abi::challenge::{Challenge as Abi, Misdating as Types};
use crate::error::ChainError;

/// A decision in an anchored log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The decision's leaf.
    pub leaf: Leaf,
    /// Its place in the log.
    pub index: LeafIndex,
    /// RFC 6962 audit path, from the leaf up, in the tree of the anchor that the evidence names.
    pub inclusion: Vec<Digest>,
}

/// Two decisions of one log: `second` stands behind `first`, and claims to be made long before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MisdatingEvidence {
    /// Whose log.
    pub node: NodeAddress,
    /// Number of an anchor of the node whose tree contains both.
    pub anchor: u64,
    /// The decision ahead.
    pub first: LogEntry,
    /// The decision behind it.
    pub second: LogEntry,
}

impl LogEntry {
    fn on_chain(&self) -> Types::Entry {
        Types::Entry {
            leaf: Bytes::copy_from_slice(&self.leaf.to_bytes()),
            index: self.index.get(),
            inclusion: self.inclusion.iter().map(|hash| B256::from(hash.0)).collect(),
        }
    }
}

impl Governance {
    /// Shows that a node's log has a decision behind one that claims to be made more than the tolerance later: the node is
    /// suspended. Anyone may; nothing becomes public that is not.
    pub async fn refute_date(
        &self,
        account: &Account,
        evidence: &MisdatingEvidence,
    ) -> Result<OmissionMove, ChainError> {
        let call = Abi::refuteDateCall {
            node: address(evidence.node),
            anchor: U256::from(evidence.anchor),
            first: evidence.first.on_chain(),
            second: evidence.second.on_chain(),
        };
        let sent = self
            .transact(account, CHALLENGE, self.deployment.challenge, &call)
            .await?;
        Ok(OmissionMove::from(&sent))
    }

    /// Whether a leaf, by its hash, was refuted by one ahead of it.
    pub async fn is_misdated(&self, leaf_hash: Digest) -> Result<bool, ChainError> {
        let call = Abi::misdatedCall {
            leafHash: B256::from(leaf_hash.0),
        };
        self.client
            .view(CHALLENGE, self.deployment.challenge, &call)
            .await
    }
    /// The same as of the newest block that the chain itself calls final, with its number: nothing takes that back. `None` where the chain calls none
    /// final, or none since the deployment.
    pub async fn is_misdated_for_good(
        &self,
        leaf_hash: Digest,
    ) -> Result<Option<(BlockNumber, bool)>, ChainError> {
        let Some((number, block)) = self.final_block().await? else {
            return Ok(None);
        };
        let call = Abi::misdatedCall {
            leafHash: B256::from(leaf_hash.0),
        };
        let contract = self.deployment.challenge;
        let misdated = self.client.view_at(block, CHALLENGE, contract, &call).await?;
        Ok(Some((number, misdated)))
    }
}
