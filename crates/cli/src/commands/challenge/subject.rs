//! The decision that is challenged, whichever way: an anchored leaf with a result.

use crate::exit::EnvironmentContext;
use anyhow::{Context, Result, bail};
use stele_chain::client::Governance;
use stele_ledger::proof::{Anchor, ProofBundle};
use stele_ledger::tree::{leaf_hash, verify};
use stele_types::{DecisionRecord, Digest, Leaf, LeafIndex, NO_ANSWER};

/// What a proof shows of it.
pub(super) struct Subject {
    pub(super) record: DecisionRecord,
    pub(super) leaf: Leaf,
    pub(super) leaf_hash: Digest,
    pub(super) index: LeafIndex,
    pub(super) inclusion: Vec<Digest>,
    anchor: Anchor,
}

impl Subject {
    /// Takes a proof apart.
    pub(super) fn of(proof: &ProofBundle) -> Result<Self> {
        let (record, leaf) = (proof.record.clone(), proof.leaf);
        let check = record.check(&leaf)?;
        if !check.is_consistent() {
            bail!("the record is not what its leaf commits to: this proof proves nothing");
        }
        if leaf.policy_version.0 == Digest([0; 32]) {
            bail!(
                "no policy was in force where decision {} was asked: there is nothing to re-execute",
                record.decision_id
            );
        }
        if leaf.result_digest == NO_ANSWER {
            bail!(
                "decision {} records a failed evaluation, no result: there is nothing to refute",
                record.decision_id
            );
        }
        let Some(anchor) = proof.anchor.clone() else {
            bail!(
                "the decision is not anchored yet, so the chain knows nothing of it: try again, or wait longer (--wait)"
            );
        };
        let hash = leaf_hash(&leaf.to_bytes());
        verify::inclusion(&hash, proof.index, anchor.size, &proof.inclusion, &anchor.root)
            .context("the leaf is not in the anchored tree")?;
        Ok(Self {
            record,
            leaf,
            leaf_hash: hash,
            index: proof.index,
            inclusion: proof.inclusion.clone(),
            anchor,
        })
    }

    /// The number of the anchor that the proof leads to, if the chain holds it and the node is active.
    pub(super) async fn anchored(&self, governance: &Governance) -> Result<u64> {
        let deployment = governance.deployment();
        if self.anchor.chain_id != deployment.chain_id
            || self.anchor.contract.0 != deployment.ledger.into_array()
        {
            bail!(
                "the decision is anchored in the ledger {} of chain {}; the one asked is {} of chain {}",
                self.anchor.contract,
                self.anchor.chain_id,
                deployment.ledger,
                deployment.chain_id
            );
        }
        if !governance
            .is_active_node(self.leaf.node)
            .await
            .environment("the chain")?
        {
            bail!(
                "node {} is not active: it was never registered, or is suspended already",
                self.leaf.node
            );
        }
        governance
            .anchor_number(self.leaf.node, self.anchor.size, self.anchor.root)
            .await
            .environment("the chain")?
            .context("the chain does not hold the anchor that the proof names")
    }
}
