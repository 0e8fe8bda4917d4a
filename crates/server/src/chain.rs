//! What the background tasks ask of the chain.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use stele_chain::ChainError;
use stele_chain::client::{Account, CheckpointSignature as Signed, Covering, Governance, Quorum};
use stele_ledger::Anchor;
use stele_types::{
    DecisionId, Digest, EvmAddress, LeafIndex, NodeAddress, PolicyId, PolicyVersion, Timestamp, TreeSize,
};

use crate::receipts::ReceiptAuthority;

/// A future without a name.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, ChainProblem>> + Send + 'a>>;

/// Why the chain gave no answer, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChainProblem(pub String);

/// A policy version that the registry holds in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The policy.
    pub policy: PolicyId,
    /// The bundle's digest.
    pub version: PolicyVersion,
    /// The policy's contract.
    pub contract: NodeAddress,
    /// Keccak-256 of the contract's runtime code.
    pub code_hash: Digest,
}

/// A claim that a decision is not in the node's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOmission {
    /// The contract `Challenge` that has it: the deployment's, or another of its line.
    pub contract: EvmAddress,
    /// The decision's leaf hash.
    pub leaf_hash: Digest,
    /// The decision.
    pub decision_id: DecisionId,
    /// Until when it must be answered.
    pub deadline: Timestamp,
}

/// Whether the chain counts a node, so that it can anchor and be held to what it promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It does.
    Yes,
    /// The node registry doesn't: it is suspended or retired.
    Suspended,
    /// Ledger or node registry were replaced, and the node was started with the old ones.
    Superseded,
    /// The key that the node was started with is no longer its operator's.
    Replaced,
    /// It holds an anchor for decisions that the node's log does not have.
    Ahead,
    /// It holds an anchor of another log: that of the node has another root at its size.
    Diverged,
}

/// One deployment of the governance contracts, seen by one node.
pub trait ChainLink: Send + Sync {
    /// Grows whenever something comes into force; cheap to ask.
    fn epoch(&self) -> Pending<'_, u64>;

    /// All versions in force.
    fn in_force(&self) -> Pending<'_, Vec<InForce>>;

    /// The node's newest anchor: size and root.
    fn last_anchor(&self) -> Pending<'_, Option<(TreeSize, Digest)>>;

    /// What the ledger demands of anchors.
    fn quorum(&self) -> Pending<'_, Quorum>;

    /// The verifier that made a signature over a tree of this node; `None` when the ledger does not count it.
    fn verifier(&self, size: TreeSize, root: Digest, signature: Vec<u8>) -> Pending<'_, Option<Signed>>;

    /// Anchors a tree; `proof` is the consistency proof from the newest anchor. Repeating it is harmless.
    fn anchor(
        &self,
        size: TreeSize,
        root: Digest,
        proof: Vec<Digest>,
        signatures: Vec<Signed>,
    ) -> Pending<'_, Anchor>;

    /// Whether the chain counts the node.
    fn counted(&self) -> Pending<'_, Counted> {
        Box::pin(async { Ok(Counted::Yes) })
    }

    /// Who signs the node's receipts; without it there are none.
    fn receipts(&self) -> Option<ReceiptAuthority> {
        None
    }

    /// Claims that decisions are missing in the node's log, as far as they still can be answered, and as far as they could be read: an error
    /// only if none could. Those in contracts that were replaced, or that replace the deployment's, are among them.
    fn open_omissions(&self) -> Pending<'_, Vec<OpenOmission>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// The node's first anchor whose tree has a leaf.
    fn covering(&self, _: LeafIndex) -> Pending<'_, Option<Covering>> {
        Box::pin(async { Ok(None) })
    }

    /// Answers a claim with an anchor, the leaf's place, and the inclusion proof in that anchor's tree. Succeeds when somebody else has answered
    /// meanwhile.
    fn answer_omission(&self, _: OpenOmission, _: (Covering, LeafIndex), _: Vec<Digest>) -> Pending<'_, ()> {
        Box::pin(async { Err(ChainProblem("this chain takes no answers".to_owned())) })
    }
}

/// The governance contracts through the chain client, with the key that operates the node.
#[derive(Debug)]
pub struct GovernanceLink {
    governance: Governance,
    operator: Account,
    node: NodeAddress,
    /// Contracts `Challenge` of the past that can have no open claim against the node any more.
    settled: Mutex<BTreeSet<EvmAddress>>,
}

impl GovernanceLink {
    /// A link for the node that `operator` signs for.
    #[must_use]
    pub fn new(governance: Governance, operator: Account, node: NodeAddress) -> Self {
        Self {
            governance,
            operator,
            node,
            settled: Mutex::default(),
        }
    }

    /// Open claims in one contract.
    async fn open_in(&self, governance: &Governance) -> Result<Vec<OpenOmission>, ChainError> {
        let contract = NodeAddress(governance.deployment().challenge.into_array());
        let open = governance.open_omissions(self.node).await?;
        let claims = open.into_iter().map(|claim| OpenOmission {
            contract,
            leaf_hash: claim.leaf_hash,
            decision_id: claim.decision_id,
            deadline: claim.deadline,
        });
        Ok(claims.collect())
    }

    /// Open claims in the contracts that replaced the deployment's, which are answered with the deployment's own anchors.
    async fn open_after(&self, open: &mut Vec<OpenOmission>) -> Result<(), ChainError> {
        for later in self.governance.later_challenges().await? {
            open.extend(self.open_in(&later).await?);
        }
        Ok(())
    }

    /// Open claims in the contracts that were replaced. One that opens no claims any more, and has none open, is not asked again.
    async fn open_before(&self, open: &mut Vec<OpenOmission>) -> Result<(), ChainError> {
        for earlier in self.governance.earlier_challenges().await? {
            let contract = NodeAddress(earlier.deployment().challenge.into_array());
            let settled = |set: &Mutex<BTreeSet<EvmAddress>>| {
                set.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .contains(&contract)
            };
            if settled(&self.settled) {
                continue;
            }
            let claims = self.open_in(&earlier).await?;
            // Where the chain can't say it of one block, it is asked again next time.
            if claims.is_empty() && earlier.claims_are_over(self.node).await.unwrap_or(false) {
                let mut set = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
                set.insert(contract);
            }
            open.extend(claims);
        }
        Ok(())
    }
}

impl From<ChainError> for ChainProblem {
    fn from(error: ChainError) -> Self {
        Self(error.to_string())
    }
}

impl ChainLink for GovernanceLink {
    fn epoch(&self) -> Pending<'_, u64> {
        Box::pin(async { Ok(self.governance.epoch().await?) })
    }

    fn in_force(&self) -> Pending<'_, Vec<InForce>> {
        Box::pin(async {
            let policies = self.governance.policies().await?;
            let in_force = policies.into_iter().filter_map(|summary| {
                let active = summary.active?;
                Some(InForce {
                    policy: summary.policy,
                    version: active.version,
                    contract: NodeAddress(active.contract.0.0),
                    code_hash: active.code_hash,
                })
            });
            Ok(in_force.collect())
        })
    }

    fn last_anchor(&self) -> Pending<'_, Option<(TreeSize, Digest)>> {
        Box::pin(async {
            let last = self.governance.anchor_of(self.node).await?;
            Ok(last.map(|anchor| (anchor.size, anchor.root)))
        })
    }

    fn quorum(&self) -> Pending<'_, Quorum> {
        Box::pin(async { Ok(self.governance.quorum().await?) })
    }

    fn verifier(&self, size: TreeSize, root: Digest, signature: Vec<u8>) -> Pending<'_, Option<Signed>> {
        Box::pin(async move {
            let signer = self
                .governance
                .checkpoint_signer(self.node, size, root, &signature);
            let Some(signer) = signer else {
                return Ok(None);
            };
            let counts = self.governance.counts_as_verifier(signer, self.node).await?;
            Ok(counts.then(|| Signed {
                signer,
                signature: signature.into(),
            }))
        })
    }

    fn anchor(
        &self,
        size: TreeSize,
        root: Digest,
        proof: Vec<Digest>,
        signatures: Vec<Signed>,
    ) -> Pending<'_, Anchor> {
        Box::pin(async move {
            let anchored = self
                .governance
                .anchor_with_quorum(&self.operator, size, root, &proof, &signatures)
                .await?;
            let deployment = self.governance.deployment();
            Ok(Anchor {
                chain_id: deployment.chain_id,
                contract: NodeAddress(deployment.ledger.0.0),
                node: anchored.anchor.node,
                tx_hash: Digest(anchored.transaction.0),
                block_number: anchored.anchor.block,
                block_hash: Digest(anchored.block_hash.0),
                size: anchored.anchor.size,
                root: anchored.anchor.root,
            })
        })
    }

    fn counted(&self) -> Pending<'_, Counted> {
        Box::pin(async {
            if !self.governance.is_active_node(self.node).await? {
                return Ok(Counted::Suspended);
            }
            if self.governance.superseded().await? {
                return Ok(Counted::Superseded);
            }
            let acts_for = self.governance.node_of(self.operator.address()).await?;
            Ok(if acts_for == Some(self.node) {
                Counted::Yes
            } else {
                Counted::Replaced
            })
        })
    }

    fn receipts(&self) -> Option<ReceiptAuthority> {
        let deployment = self.governance.deployment();
        let operator = self.operator.clone();
        Some(ReceiptAuthority {
            chain_id: deployment.chain_id,
            ledger: NodeAddress(deployment.ledger.0.0),
            node: self.node,
            sign: Arc::new(move |digest| operator.sign_digest(digest).map_err(|error| error.to_string())),
        })
    }

    fn open_omissions(&self) -> Pending<'_, Vec<OpenOmission>> {
        Box::pin(async {
            let mut open = Vec::new();
            let before = self.open_before(&mut open).await;
            let after = self.open_after(&mut open).await;
            let here = self.open_in(&self.governance).await;
            let read = here.is_ok() || !open.is_empty();
            let here = here.map(|claims| open.extend(claims));
            let problem = before.err().or(after.err()).or(here.err());
            match problem {
                Some(error) if !read => Err(error.into()),
                Some(error) => {
                    tracing::warn!(%error, read = open.len(), "not all contracts could be asked for open claims of omission");
                    Ok(open)
                }
                None => Ok(open),
            }
        })
    }

    fn covering(&self, index: LeafIndex) -> Pending<'_, Option<Covering>> {
        Box::pin(async move { Ok(self.governance.covering_in_line(self.node, index).await?) })
    }

    fn answer_omission(
        &self,
        claim: OpenOmission,
        (covering, index): (Covering, LeafIndex),
        proof: Vec<Digest>,
    ) -> Pending<'_, ()> {
        Box::pin(async move {
            let mut deployment = self.governance.deployment().clone();
            deployment.challenge = claim.contract.0.into();
            let contract = Governance::new(self.governance.client().clone(), deployment);
            let answer = contract.answer_omission_from(
                &self.operator,
                claim.leaf_hash,
                covering.ledger,
                (covering.anchor, index),
                &proof,
            );
            match answer.await {
                // Somebody else's answer, which is as good, or the claim was dropped.
                Err(error) if closed_harmlessly(&error) => Ok(()),
                Err(error) => Err(error.into()),
                Ok(_) => Ok(()),
            }
        })
    }
}

/// Whether an answer came too late for a claim that does the node no harm.
fn closed_harmlessly(error: &ChainError) -> bool {
    error.is_revert("NoOpenClaim")
        && error
            .revert()
            .is_some_and(|revert| revert.arg("status") != Some("Omitted"))
}
