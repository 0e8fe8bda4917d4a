//! Challenges: having the chain re-execute a recorded decision.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::{SolEvent as _, SolValue as _};
use serde::Serialize;
use stele_types::{
    BlockNumber, Digest, Gas, Leaf, LeafIndex, NodeAddress, PolicyId, PolicyVersion, Salt, Timestamp,
};

use super::governance::{CHALLENGE, Governance, NODES};
use super::keys::Account;
use super::registry::{ActiveVersion, id};
use super::send::Receipt;
use crate::contracts::Role;
use crate::contracts::abi::challenge::Challenge as Abi;
use crate::contracts::abi::nodes::NodeRegistry;
use crate::error::ChainError;

/// Everything that the chain needs to re-execute a decision. All of it becomes public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeClaim {
    /// The decision's leaf.
    pub leaf: Leaf,
    /// Its place in the node's log.
    pub index: LeafIndex,
    /// Number of an anchor of the node whose tree contains it.
    pub anchor: u64,
    /// RFC 6962 audit path in that tree, from the leaf up.
    pub inclusion: Vec<Digest>,
    /// The policy.
    pub policy: PolicyId,
    /// The entry of the policy's history, from 0, that put the leaf's version in force.
    pub activation: u64,
    /// Opens the leaf's input commitment.
    pub input_salt: Salt,
    /// The input in the canonical encoding; no bytes when it was undefined.
    pub input: Vec<u8>,
    /// The data document of the leaf's version in the canonical encoding.
    pub data: Vec<u8>,
}

/// What became of a challenged leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum ChallengeVerdict {
    /// The re-execution gave the recorded result.
    Upheld,
    /// It gave another one, and the node is suspended.
    Refuted {
        /// SHA-256 of the result; all zero for a conflict.
        computed: Digest,
        /// Whether the policy contradicts itself on this input, and so has no result.
        conflict: bool,
        /// The result in the canonical encoding; no bytes when it is undefined.
        #[serde(serialize_with = "hex::serde::serialize")]
        result: Vec<u8>,
    },
}

/// A settled challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Challenged {
    /// What became of the leaf.
    #[serde(flatten)]
    pub verdict: ChallengeVerdict,
    /// The transaction that settled it.
    pub transaction: B256,
    /// What that transaction cost.
    pub gas_used: Gas,
}

impl Governance {
    /// Gives the contract `Challenge` the role it needs to suspend nodes, unless it has it. Signed by an admin.
    pub async fn enable_challenges(&self, admin: &Account) -> Result<(), ChainError> {
        if self.challenges_enabled().await? {
            return Ok(());
        }
        let call = NodeRegistry::grantRoleCall {
            role: Role::Suspender.id(),
            account: self.deployment.challenge,
        };
        self.send_nodes(admin, &call).await?;
        Ok(())
    }

    /// Whether the contract `Challenge` may suspend nodes.
    pub async fn challenges_enabled(&self) -> Result<bool, ChainError> {
        let call = NodeRegistry::hasRoleCall {
            role: Role::Suspender.id(),
            account: self.deployment.challenge,
        };
        self.client.view(NODES, self.deployment.nodes, &call).await
    }

    /// What the challenger commits to before it shows the claim. Computed here: asking the chain would show the claim.
    pub fn challenge_commitment(
        &self,
        challenger: Address,
        claim: &ChallengeClaim,
        secret: &[u8; 32],
    ) -> B256 {
        let claim = keccak256(self.claim(claim).abi_encode());
        let chain = U256::from(self.deployment.chain_id.get());
        let parts = (
            chain,
            self.deployment.challenge,
            challenger,
            claim,
            B256::from(*secret),
        );
        keccak256(parts.abi_encode())
    }

    /// First step: binds the challenger to a claim without showing it.
    pub async fn commit_challenge(
        &self,
        challenger: &Account,
        commitment: B256,
    ) -> Result<Receipt, ChainError> {
        self.send_challenge(challenger, &Abi::commitCall { commitment })
            .await
    }

    /// Second step, in a later block: shows the claim, and has the chain settle it.
    pub async fn challenge(
        &self,
        challenger: &Account,
        claim: &ChallengeClaim,
        secret: &[u8; 32],
    ) -> Result<Challenged, ChainError> {
        let call = Abi::challengeCall {
            claim: self.claim(claim),
            secret: B256::from(*secret),
        };
        let receipt = self.send_challenge(challenger, &call).await?;
        let verdict = receipt.logs.iter().find_map(|log| {
            if let Ok(event) = Abi::Refuted::decode_log(&log.inner) {
                return Some(ChallengeVerdict::Refuted {
                    computed: Digest(event.computed.0),
                    conflict: event.conflict,
                    result: event.result.to_vec(),
                });
            }
            Abi::Upheld::decode_log(&log.inner)
                .ok()
                .map(|_| ChallengeVerdict::Upheld)
        });
        Ok(Challenged {
            verdict: verdict.ok_or(ChainError::NotSettled {
                transaction: receipt.transaction,
            })?,
            transaction: receipt.transaction,
            gas_used: receipt.gas_used,
        })
    }

    /// Both steps. Some chains run a call in the newest block, where the commitment does not count yet: then this waits for the next one.
    pub async fn commit_and_challenge(
        &self,
        challenger: &Account,
        claim: &ChallengeClaim,
        secret: &[u8; 32],
    ) -> Result<Challenged, ChainError> {
        let commitment = self.challenge_commitment(challenger.address(), claim, secret);
        let committed = self.commit_challenge(challenger, commitment).await?;
        let options = self.client.options();
        let (pause, patience) = (options.poll_interval, options.receipt_timeout);
        let mut waited = std::time::Duration::ZERO;
        loop {
            // Asked before the attempt: a block that comes during it would make its refusal look final.
            let head = self.client.head().await?;
            let error = match self.challenge(challenger, claim, secret).await {
                Err(error) if error.is_revert("NotCommitted") => error,
                other => return other,
            };
            if head > committed.block || waited >= patience {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            waited = waited.saturating_add(pause);
        }
    }

    /// What became of a leaf before: `None` when it was never challenged, else whether it was refuted.
    pub async fn challenged(&self, leaf_hash: Digest) -> Result<Option<bool>, ChainError> {
        let call = Abi::verdictOfCall {
            leafHash: B256::from(leaf_hash.0),
        };
        Ok(refuted(self.view_challenge(&call).await?))
    }

    /// The same as of the newest block that the chain itself calls final, with its number: nothing takes that back. `None` where the chain calls none
    /// final, or none since the deployment.
    pub async fn challenged_for_good(
        &self,
        leaf_hash: Digest,
    ) -> Result<Option<(BlockNumber, Option<bool>)>, ChainError> {
        let Some((number, block)) = self.final_block().await? else {
            return Ok(None);
        };
        let call = Abi::verdictOfCall {
            leafHash: B256::from(leaf_hash.0),
        };
        let contract = self.deployment.challenge;
        let verdict = self.client.view_at(block, CHALLENGE, contract, &call).await?;
        Ok(Some((number, refuted(verdict))))
    }

    /// The entry of a policy's history that put a version in force at a time, give or take the tolerance, with its number: what the claim
    /// of a challenge names.
    pub async fn activation_of(
        &self,
        policy: &PolicyId,
        version: PolicyVersion,
        time: Timestamp,
    ) -> Result<Option<(u64, ActiveVersion)>, ChainError> {
        let history = self.history(policy).await?;
        let tolerance = self.challenge_tolerance().await?;
        let time = time.as_seconds();
        let ends = history.iter().skip(1).map(|next| Some(next.time.as_seconds()));
        let mut entries = (0_u64..).zip(history.iter().zip(ends.chain([None])));
        let found = entries.find(|(_, (entry, end))| {
            entry.version == version
                && time.saturating_add(tolerance) >= entry.time.as_seconds()
                && end.is_none_or(|end| time <= end.saturating_add(tolerance))
        });
        Ok(found.map(|(number, (entry, _))| (number, entry.clone())))
    }

    /// Wei that a refutation earns now.
    pub async fn challenge_reward(&self) -> Result<U256, ChainError> {
        self.view_challenge(&Abi::rewardCall {}).await
    }

    /// Wei that an account may withdraw.
    pub async fn challenge_credit(&self, account: Address) -> Result<U256, ChainError> {
        self.view_challenge(&Abi::creditCall { account }).await
    }

    /// Pays out the account's rewards.
    pub async fn withdraw_reward(&self, challenger: &Account) -> Result<Receipt, ChainError> {
        self.send_challenge(challenger, &Abi::withdrawCall {}).await
    }

    /// By how many seconds a decision's time may lie outside of its version's time in force.
    pub async fn challenge_tolerance(&self) -> Result<u64, ChainError> {
        self.view_challenge(&Abi::toleranceCall {}).await
    }

    /// By how many seconds dates in a log may fall before they convict its node: the least tolerance of this deployment's `Challenge` and of those that
    /// replaced it. Each judges by its own the anchors of the ledger that it belongs to, and a log goes on through all of them. One of another kind, which
    /// tells no tolerance, is passed over.
    pub async fn least_tolerance(&self) -> Result<u64, ChainError> {
        let mut least = self.challenge_tolerance().await?;
        for later in self.later_challenges().await? {
            match later.challenge_tolerance().await {
                Ok(tolerance) => least = least.min(tolerance),
                // Whoever governs may name any contract that names this one before it: no reason to stop nodes of this version.
                Err(error @ (ChainError::Reverted(_) | ChainError::BadAnswer { .. })) => {
                    tracing::warn!(%error, contract = %later.deployment.challenge, "a contract that replaced Challenge does not say what it tolerates");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(least)
    }

    /// The number of the node's first anchor whose tree has at least `size` leaves, when the ledger holds that very root for that size.
    pub async fn anchor_number(
        &self,
        node: NodeAddress,
        size: stele_types::TreeSize,
        root: Digest,
    ) -> Result<Option<u64>, ChainError> {
        let Some(last) = size.last_index() else {
            return Ok(None);
        };
        let held = self.anchor_covering(node, last).await?;
        Ok(
            held.and_then(|held| {
                (held.anchor.size == size && held.anchor.root == root).then_some(held.index)
            }),
        )
    }

    fn claim(&self, claim: &ChallengeClaim) -> Abi::Claim {
        Abi::Claim {
            chainId: U256::from(self.deployment.chain_id.get()),
            leaf: Bytes::copy_from_slice(&claim.leaf.to_bytes()),
            index: claim.index.get(),
            anchor: U256::from(claim.anchor),
            inclusion: claim.inclusion.iter().map(|hash| B256::from(hash.0)).collect(),
            registry: self.deployment.registry,
            policyId: id(&claim.policy),
            activation: U256::from(claim.activation),
            inputSalt: B256::from(claim.input_salt.0),
            input: Bytes::copy_from_slice(&claim.input),
            data: Bytes::copy_from_slice(&claim.data),
        }
    }

    async fn view_challenge<C: alloy::sol_types::SolCall>(&self, call: &C) -> Result<C::Return, ChainError> {
        self.client.view(CHALLENGE, self.deployment.challenge, call).await
    }

    async fn send_challenge<C: alloy::sol_types::SolCall>(
        &self,
        account: &Account,
        call: &C,
    ) -> Result<Receipt, ChainError> {
        self.transact(account, CHALLENGE, self.deployment.challenge, call)
            .await
    }
}

/// What the contract's word for a leaf says: `None` when it was never challenged, else whether it was refuted.
fn refuted(verdict: u8) -> Option<bool> {
    (verdict != 0).then_some(verdict == 2)
}
