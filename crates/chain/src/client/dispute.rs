//! Disputes: having a quorum of verifiers settle a recorded decision, without showing its input to the chain.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::signers::SignerSync as _;
use alloy::sol_types::{Eip712Domain, SolEvent as _, SolStruct as _};
use serde::Serialize;
use stele_types::{Digest, Gas, Leaf, LeafIndex, sha256};

use super::governance::{CHALLENGE, DISPUTE, Governance};
use super::keys::Account;
use super::nodes::address;
use super::quorum::{compact, not_compact, recover};
use crate::contracts::Role;
use crate::contracts::abi::dispute::Dispute as Abi;
use crate::contracts::abi::dispute::VerifierSet::Signature;
use crate::contracts::abi::ledger::DecisionLedger;
use crate::error::ChainError;

alloy::sol! {
    /// What verifiers sign: the EIP-712 type that `Dispute.OUTCOME_TYPEHASH` names.
    struct Outcome {
        /// Whose log holds the decision.
        address node;
        /// RFC 6962 hash of its leaf.
        bytes32 leafHash;
        /// Policy version that the leaf names.
        bytes32 version;
        /// What verifiers found, as `Dispute` counts it.
        uint8 verdict;
        /// Result digest they got.
        bytes32 computed;
        /// Who asked them.
        address challenger;
    }
}

/// What verifiers found when they re-executed a decision, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisputeOutcome {
    /// The decision's leaf.
    pub leaf: Leaf,
    /// SHA-256 of the result in the canonical encoding: no bytes when it is undefined, all zero for a conflict.
    pub computed: Digest,
    /// Who earns the reward.
    pub challenger: Address,
}

impl DisputeOutcome {
    /// Whether it refutes what the leaf records.
    pub fn refutes(&self) -> bool {
        self.computed != self.leaf.result_digest
    }
}

/// What a dispute shows the chain besides the outcome and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeProof {
    /// The leaf's place in the node's log.
    pub index: LeafIndex,
    /// Number of an anchor of the node whose tree contains it.
    pub anchor: u64,
    /// RFC 6962 audit path in that tree, from the leaf up.
    pub inclusion: Vec<Digest>,
}

/// A verifier's signature over an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeSignature {
    /// Who signed.
    pub signer: Address,
    /// r, s and v: 65 bytes.
    pub signature: Bytes,
}

/// A settled dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disputed {
    /// Whether the node was suspended; otherwise the decision was upheld.
    pub refuted: bool,
    /// Whose word it was.
    pub verifiers: Vec<Address>,
    /// The transaction that settled it.
    pub transaction: B256,
    /// What that transaction cost.
    pub gas_used: Gas,
}

impl Governance {
    /// Gives the contract `Dispute` the role it needs to settle leaves in `Challenge`, unless it has it. Signed by an admin.
    pub async fn enable_disputes(&self, admin: &Account) -> Result<(), ChainError> {
        let (role, account) = (Role::Arbiter.id(), self.deployment.dispute);
        let has = crate::contracts::abi::challenge::Challenge::hasRoleCall { role, account };
        if self
            .client
            .view(CHALLENGE, self.deployment.challenge, &has)
            .await?
        {
            return Ok(());
        }
        let call = crate::contracts::abi::challenge::Challenge::grantRoleCall { role, account };
        self.transact(admin, CHALLENGE, self.deployment.challenge, &call)
            .await?;
        Ok(())
    }

    /// The EIP-712 digest that verifiers sign for an outcome.
    pub fn outcome_digest(&self, outcome: &DisputeOutcome) -> B256 {
        let domain = Eip712Domain::new(
            Some("Stele Dispute".into()),
            Some("1".into()),
            Some(U256::from(self.deployment.chain_id.get())),
            Some(self.deployment.dispute),
            None,
        );
        let leaf = &outcome.leaf;
        let signed = Outcome {
            node: address(leaf.node),
            // RFC 6962.
            leafHash: B256::from(sha256(&[&[0], &leaf.to_bytes()]).0),
            version: B256::from(leaf.policy_version.0.0),
            verdict: if outcome.refutes() { 2 } else { 1 },
            computed: B256::from(outcome.computed.0),
            challenger: outcome.challenger,
        };
        signed.eip712_signing_hash(&domain)
    }

    /// Signs an outcome as a verifier.
    pub fn sign_outcome(
        &self,
        verifier: &Account,
        outcome: &DisputeOutcome,
    ) -> Result<OutcomeSignature, ChainError> {
        let signer = verifier.address();
        let signed = verifier.signer().sign_hash_sync(&self.outcome_digest(outcome));
        let signature = signed.map_err(|error| ChainError::Signing {
            account: signer,
            reason: error.to_string(),
        })?;
        Ok(OutcomeSignature {
            signer,
            signature: signature.as_bytes().into(),
        })
    }

    /// Who signed an outcome: r, s and v, 65 bytes. `None` for bytes that the contract would refuse.
    pub fn outcome_signer(&self, outcome: &DisputeOutcome, signature: &[u8]) -> Option<Address> {
        recover(self.outcome_digest(outcome), signature)
    }

    /// How many verifiers' signatures settle a dispute; zero when the ledger demands no quorum, and nobody's word counts.
    pub async fn dispute_quorum(&self) -> Result<u16, ChainError> {
        let held = self.view_ledger(&DecisionLedger::verifiersCall {}).await?;
        Ok(held.signatures)
    }

    /// What became of a leaf in `Challenge` or `Dispute`: `None` when it was never settled, else whether it was refuted.
    pub async fn settled(&self, leaf_hash: Digest) -> Result<Option<bool>, ChainError> {
        let call = Abi::verdictOfCall {
            leafHash: B256::from(leaf_hash.0),
        };
        let verdict = self.client.view(DISPUTE, self.deployment.dispute, &call).await?;
        Ok(match verdict {
            0 => None,
            verdict => Some(verdict == 2),
        })
    }

    /// Has the contract settle a leaf by the word of verifiers, whose signatures may come in any order. Whoever sends it pays; the reward
    /// is the challenger's whom the outcome names.
    pub async fn dispute(
        &self,
        sender: &Account,
        outcome: &DisputeOutcome,
        proof: &DisputeProof,
        signatures: &[OutcomeSignature],
    ) -> Result<Disputed, ChainError> {
        let mut sorted: Vec<&OutcomeSignature> = signatures.iter().collect();
        sorted.sort_by_key(|signature| signature.signer);
        let signatures = sorted.into_iter().map(words).collect::<Result<_, _>>()?;
        let call = Abi::disputeCall {
            decision: Abi::Decision {
                leaf: Bytes::copy_from_slice(&outcome.leaf.to_bytes()),
                index: proof.index.get(),
                anchor: U256::from(proof.anchor),
                inclusion: proof.inclusion.iter().map(|hash| B256::from(hash.0)).collect(),
            },
            computed: B256::from(outcome.computed.0),
            challenger: outcome.challenger,
            signatures,
        };
        let receipt = self
            .transact(sender, DISPUTE, self.deployment.dispute, &call)
            .await?;
        let settled = receipt.logs.iter().find_map(|log| {
            if let Ok(event) = Abi::DisputeRefuted::decode_log(&log.inner) {
                return Some((true, event.data.verifiers));
            }
            let event = Abi::DisputeUpheld::decode_log(&log.inner).ok()?;
            Some((false, event.data.verifiers))
        });
        let (refuted, verifiers) = settled.ok_or(ChainError::NotSettled {
            transaction: receipt.transaction,
        })?;
        Ok(Disputed {
            refuted,
            verifiers,
            transaction: receipt.transaction,
            gas_used: receipt.gas_used,
        })
    }
}

/// A signature as the contract takes it.
fn words(signed: &OutcomeSignature) -> Result<Signature, ChainError> {
    let compact = compact(&signed.signature).ok_or_else(|| not_compact(signed.signer))?;
    let [r, y_parity_and_s] = compact;
    Ok(Signature {
        r,
        yParityAndS: y_parity_and_s,
    })
}
