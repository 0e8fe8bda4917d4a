//! The policy registry: proposals, approvals, activation, history.

use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolEvent as _;
use serde::{Deserialize, Serialize};
use stele_types::{BlockNumber, Digest, PolicyId, PolicyVersion, Timestamp};

use super::governance::{Governance, REGISTRY};
use super::keys::Account;
use super::send::Receipt;
use super::{PAGE, timestamp};
use crate::contracts::Role;
use crate::contracts::abi::registry::PolicyRegistry as Abi;
use crate::error::ChainError;

/// Identifies a proposal: a hash over all that it would put in force, its author and a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProposalId(pub Digest);

impl std::fmt::Display for ProposalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ProposalId {
    fn word(self) -> B256 {
        B256::from(self.0.0)
    }

    fn from_word(word: B256) -> Self {
        Self(Digest(word.0))
    }
}

/// What an author proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRequest {
    /// The policy.
    pub policy: PolicyId,
    /// The bundle's digest.
    pub version: PolicyVersion,
    /// The deployed policy contract.
    pub contract: Address,
    /// keccak256 of its runtime code, as compiled; the registry checks it.
    pub code_hash: Digest,
    /// Where the bundle is found; may be empty.
    pub uri: String,
}

/// State of a proposal; see `docs/contracts.md` for the moves between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalState {
    /// Waiting for approvals.
    Proposed,
    /// Enough roles have approved; may be activated after its time lock.
    Approved,
    /// Serves a share of the requests.
    Canary,
    /// In force.
    Active,
    /// Was in force and was replaced.
    Retired,
    /// Was in force and was rolled back.
    RolledBack,
    /// Rejected by an approver.
    Rejected,
    /// Withdrawn by its author.
    Withdrawn,
}

impl ProposalState {
    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Proposed,
            2 => Self::Approved,
            3 => Self::Canary,
            4 => Self::Active,
            5 => Self::Retired,
            6 => Self::RolledBack,
            7 => Self::Rejected,
            8 => Self::Withdrawn,
            _ => return None,
        })
    }

    /// Whether it may still be approved or activated (unless it has expired).
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Proposed | Self::Approved | Self::Canary)
    }
}

/// A proposal as the registry holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// The policy's id on chain (keccak256 of its path).
    pub policy: Digest,
    /// The bundle's digest.
    pub version: PolicyVersion,
    /// The policy contract.
    pub contract: Address,
    /// keccak256 of its runtime code.
    pub code_hash: Digest,
    /// Where the bundle is found.
    pub uri: String,
    /// Who proposed it.
    pub author: Address,
    /// Where it stands.
    pub state: ProposalState,
    /// How many distinct roles have to approve.
    pub required_roles: u8,
    /// The approvals given, also those that count no more because the account lost its role.
    pub approvals: Vec<Approval>,
    /// How many distinct roles approve now.
    pub approval_count: u64,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// From when on it may be activated; `None` until enough roles have approved.
    pub unlocks_at: Option<Timestamp>,
    /// When it expires, if it does.
    pub expires_at: Option<Timestamp>,
    /// The share of requests a canary serves, in percent; 0 when it is none.
    pub canary_percent: u8,
}

/// One approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// In the name of which role.
    pub role: Role,
    /// By whom.
    pub account: Address,
    /// When.
    pub time: Timestamp,
}

/// A version that is or was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActiveVersion {
    /// The proposal that brought it.
    pub proposal: ProposalId,
    /// The bundle's digest.
    pub version: PolicyVersion,
    /// The policy contract.
    pub contract: Address,
    /// keccak256 of its runtime code.
    pub code_hash: Digest,
    /// Where the bundle is found.
    pub uri: String,
    /// Since when it is in force.
    pub block: BlockNumber,
    /// Since when it is in force, to the second.
    pub time: Timestamp,
    /// Number of the activation over all policies, from 1.
    pub epoch: u64,
    /// Whether it came back by a rollback.
    pub is_rollback: bool,
}

/// A running canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Canary {
    /// The proposal.
    pub proposal: ProposalId,
    /// Its share of requests, 1 to 99 percent.
    pub percent: u8,
}

/// A policy that the registry knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicySummary {
    /// The policy.
    pub policy: PolicyId,
    /// The version in force, if any.
    pub active: Option<ActiveVersion>,
    /// The canary, if any.
    pub canary: Option<Canary>,
}

// ---- what changes the registry ----

impl Governance {
    /// Proposes a version. Signed by an author.
    pub async fn propose(
        &self,
        author: &Account,
        request: &ProposalRequest,
    ) -> Result<ProposalId, ChainError> {
        let call = Abi::proposeCall {
            path: request.policy.to_string(),
            version: B256::from(request.version.0.0),
            policyContract: request.contract,
            codeHash: B256::from(request.code_hash.0),
            uri: request.uri.clone(),
        };
        let receipt = self.send_registry(author, &call).await?;
        let proposed = receipt
            .logs
            .iter()
            .find_map(|log| Abi::Proposed::decode_log(&log.inner).ok());
        let event =
            proposed.ok_or_else(|| self.bad_state("the receipt of a proposal has no event".to_owned()))?;
        Ok(ProposalId::from_word(event.proposalId))
    }

    /// Approves a proposal for a role. Signed by a holder of the role. Compare the proposal with what was reviewed
    /// first: its id binds the approval to exactly that content.
    pub async fn approve(
        &self,
        approver: &Account,
        proposal: ProposalId,
        role: Role,
    ) -> Result<Receipt, ChainError> {
        let call = Abi::approveCall {
            proposalId: proposal.word(),
            role: role.id(),
        };
        self.send_registry(approver, &call).await
    }

    /// Lets an approved version serve a share of the requests (1 to 99 percent). Signed by an author or approver.
    pub async fn start_canary(
        &self,
        account: &Account,
        proposal: ProposalId,
        percent: u8,
    ) -> Result<Receipt, ChainError> {
        let call = Abi::startCanaryCall {
            proposalId: proposal.word(),
            percent,
        };
        self.send_registry(account, &call).await
    }

    /// Ends a policy's canary. Signed by a responder, author or approver.
    pub async fn stop_canary(&self, account: &Account, policy: &PolicyId) -> Result<Receipt, ChainError> {
        self.send_registry(account, &Abi::stopCanaryCall { policyId: id(policy) })
            .await
    }

    /// Puts an approved version in force. Signed by an author or approver.
    pub async fn activate(&self, account: &Account, proposal: ProposalId) -> Result<Receipt, ChainError> {
        self.send_registry(
            account,
            &Abi::activateCall {
                proposalId: proposal.word(),
            },
        )
        .await
    }

    /// Returns to the version active before `expected`, the one in force; fails when another one is. Signed by a
    /// responder.
    pub async fn rollback(
        &self,
        responder: &Account,
        policy: &PolicyId,
        expected: ProposalId,
    ) -> Result<Receipt, ChainError> {
        let call = Abi::rollbackCall {
            policyId: id(policy),
            expected: expected.word(),
        };
        self.send_registry(responder, &call).await
    }

    /// Rejects a proposal that is not active yet. Signed by an approver.
    pub async fn reject(
        &self,
        approver: &Account,
        proposal: ProposalId,
        reason: &str,
    ) -> Result<Receipt, ChainError> {
        let call = Abi::rejectCall {
            proposalId: proposal.word(),
            reason: reason.to_owned(),
        };
        self.send_registry(approver, &call).await
    }

    /// Changes what new proposals are judged by; see [`super::DeployConfig`] for the values. Signed by an admin.
    pub async fn configure(
        &self,
        admin: &Account,
        required_roles: u8,
        time_lock: Duration,
        lifetime: Duration,
    ) -> Result<Receipt, ChainError> {
        let settings_ = Abi::Settings {
            requiredRoles: required_roles,
            timeLock: time_lock.as_secs(),
            lifetime: lifetime.as_secs(),
        };
        self.send_registry(admin, &Abi::configureCall { settings_ }).await
    }

    /// Withdraws a proposal that is not active yet. Signed by its author.
    pub async fn withdraw(&self, author: &Account, proposal: ProposalId) -> Result<Receipt, ChainError> {
        self.send_registry(
            author,
            &Abi::withdrawCall {
                proposalId: proposal.word(),
            },
        )
        .await
    }
}

// ---- what reads it ----

impl Governance {
    /// How many activations and rollbacks there were over all policies. Grows whenever anything comes into force, so
    /// a follower has to look further only when this changes.
    pub async fn epoch(&self) -> Result<u64, ChainError> {
        self.view_registry(&Abi::epochCall {}).await
    }

    /// The version in force.
    pub async fn active(&self, policy: &PolicyId) -> Result<Option<ActiveVersion>, ChainError> {
        Ok(in_force(
            self.view_registry(&Abi::activeCall { policyId: id(policy) })
                .await?,
        ))
    }

    /// The version in force at a time, to the second.
    pub async fn active_at(
        &self,
        policy: &PolicyId,
        time: Timestamp,
    ) -> Result<Option<ActiveVersion>, ChainError> {
        let call = Abi::activeAtTimeCall {
            policyId: id(policy),
            time: time.as_seconds(),
        };
        Ok(in_force(self.view_registry(&call).await?))
    }

    /// The version in force at the end of a block.
    pub async fn active_at_block(
        &self,
        policy: &PolicyId,
        block: BlockNumber,
    ) -> Result<Option<ActiveVersion>, ChainError> {
        let call = Abi::activeAtBlockCall {
            policyId: id(policy),
            blockNumber: block.get(),
        };
        Ok(in_force(self.view_registry(&call).await?))
    }

    /// Everything that was ever in force for a policy, oldest first.
    pub async fn history(&self, policy: &PolicyId) -> Result<Vec<ActiveVersion>, ChainError> {
        let count = self
            .view_registry(&Abi::activationCountCall { policyId: id(policy) })
            .await?;
        let mut history = Vec::new();
        for index in 0..count.saturating_to::<u64>() {
            let call = Abi::activationAtCall {
                policyId: id(policy),
                index: U256::from(index),
            };
            history.extend(in_force(self.view_registry(&call).await?));
        }
        Ok(history)
    }

    /// The canary of a policy.
    pub async fn canary(&self, policy: &PolicyId) -> Result<Option<Canary>, ChainError> {
        let canary = self
            .view_registry(&Abi::canaryOfCall { policyId: id(policy) })
            .await?;
        let proposal = ProposalId::from_word(canary.proposalId);
        Ok((!canary.proposalId.is_zero()).then_some(Canary {
            proposal,
            percent: canary.percent,
        }))
    }

    /// All policies, in the order of their first proposals.
    pub async fn policies(&self) -> Result<Vec<PolicySummary>, ChainError> {
        let mut policies = Vec::new();
        loop {
            let call = Abi::policyListCall {
                offset: U256::from(policies.len()),
                limit: U256::from(PAGE),
            };
            let page = self.view_registry(&call).await?;
            let last = page.len() < PAGE;
            for policy_id in page {
                let path = self
                    .view_registry(&Abi::pathOfCall { policyId: policy_id })
                    .await?;
                let policy = PolicyId::new(&path)
                    .map_err(|error| self.bad_state(format!("the path of a policy is not valid: {error}")))?;
                let active = self.active(&policy).await?;
                let canary = self.canary(&policy).await?;
                policies.push(PolicySummary {
                    policy,
                    active,
                    canary,
                });
            }
            if last {
                return Ok(policies);
            }
        }
    }

    /// A proposal.
    pub async fn proposal(&self, proposal: ProposalId) -> Result<Option<Proposal>, ChainError> {
        let held = self
            .view_registry(&Abi::proposalCall {
                proposalId: proposal.word(),
            })
            .await?;
        if held.state == 0 {
            return Ok(None);
        }
        let state = ProposalState::from_number(held.state).ok_or_else(|| {
            self.bad_state(format!(
                "proposal {proposal} has the unknown state {}",
                held.state
            ))
        })?;
        let approvals = self
            .view_registry(&Abi::approvalsOfCall {
                proposalId: proposal.word(),
            })
            .await?;
        let count = self
            .view_registry(&Abi::approvalCountCall {
                proposalId: proposal.word(),
            })
            .await?;
        let approvals: Result<Vec<Approval>, ChainError> = approvals
            .into_iter()
            .map(|approval| {
                let role = Role::from_id(approval.role).ok_or_else(|| {
                    self.bad_state(format!("an approval has the unknown role {}", approval.role))
                })?;
                Ok(Approval {
                    role,
                    account: approval.account,
                    time: timestamp(approval.time),
                })
            })
            .collect();
        Ok(Some(Proposal {
            id: proposal,
            policy: Digest(held.policyId.0),
            version: PolicyVersion(Digest(held.version.0)),
            contract: held.policyContract,
            code_hash: Digest(held.codeHash.0),
            uri: held.uri,
            author: held.author,
            state,
            required_roles: held.requiredRoles,
            approvals: approvals?,
            approval_count: count.saturating_to(),
            proposed_at: timestamp(held.proposedAt),
            unlocks_at: (held.unlocksAt != 0).then(|| timestamp(held.unlocksAt)),
            expires_at: (held.expiresAt != 0).then(|| timestamp(held.expiresAt)),
            canary_percent: held.canaryPercent,
        }))
    }

    /// The latest proposal of a version, if it was ever proposed.
    pub async fn find_proposal(
        &self,
        policy: &PolicyId,
        version: PolicyVersion,
    ) -> Result<Option<Proposal>, ChainError> {
        let call = Abi::latestProposalCall {
            policyId: id(policy),
            version: B256::from(version.0.0),
        };
        let found = self.view_registry(&call).await?;
        if found.is_zero() {
            return Ok(None);
        }
        self.proposal(ProposalId::from_word(found)).await
    }

    /// The latest proposal of a version; [`ChainError::NoProposal`] when there is none.
    pub async fn latest_proposal(
        &self,
        policy: &PolicyId,
        version: PolicyVersion,
    ) -> Result<Proposal, ChainError> {
        let found = self.find_proposal(policy, version).await?;
        found.ok_or_else(|| ChainError::NoProposal {
            policy: policy.clone(),
            version,
        })
    }

    /// All proposals of a policy, oldest first.
    pub async fn versions(&self, policy: &PolicyId) -> Result<Vec<Proposal>, ChainError> {
        let mut proposals = Vec::new();
        loop {
            let call = Abi::proposalListCall {
                policyId: id(policy),
                offset: U256::from(proposals.len()),
                limit: U256::from(PAGE),
            };
            let page = self.view_registry(&call).await?;
            let last = page.len() < PAGE;
            for proposal in page {
                proposals.extend(self.proposal(ProposalId::from_word(proposal)).await?);
            }
            if last {
                return Ok(proposals);
            }
        }
    }

    fn bad_state(&self, reason: String) -> ChainError {
        ChainError::BadState {
            contract: REGISTRY,
            address: self.deployment.registry,
            reason,
        }
    }
}

pub(super) fn id(policy: &PolicyId) -> B256 {
    B256::from(policy.chain_id().0)
}

fn in_force(held: Abi::InForce) -> Option<ActiveVersion> {
    if held.proposalId.is_zero() {
        return None;
    }
    Some(ActiveVersion {
        proposal: ProposalId::from_word(held.proposalId),
        version: PolicyVersion(Digest(held.version.0)),
        contract: held.policyContract,
        code_hash: Digest(held.codeHash.0),
        uri: held.uri,
        block: BlockNumber::new(held.blockNumber),
        time: timestamp(held.time),
        epoch: held.epoch,
        is_rollback: held.isRollback,
    })
}
