//! Events of the policy registry, by polling blocks.

use alloy::primitives::{Address, B256};
use alloy::providers::Provider as _;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEventInterface as _;
use serde::Serialize;
use stele_types::{BlockNumber, Digest, PolicyVersion, Timestamp};

use super::governance::{Governance, REGISTRY};
use super::registry::ProposalId;
use super::timestamp;
use crate::contracts::Role;
use crate::contracts::abi::registry::PolicyRegistry::{self as Abi, PolicyRegistryEvents as Event};
use crate::error::ChainError;

/// How many blocks one request asks for: public nodes refuse much larger ranges.
const BLOCKS_PER_REQUEST: u64 = 2_000;

/// Events of a range of blocks, in the order of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events with their places.
    pub events: Vec<(ChainPosition, RegistryEvent)>,
    /// The block to ask from next time.
    pub next_block: BlockNumber,
}

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ChainPosition {
    /// The block.
    pub block: BlockNumber,
    /// The transaction.
    pub transaction: B256,
    /// The event's number in its block.
    pub log_index: u64,
}

/// What happened in the policy registry. `policy` is the policy's id on chain, keccak256 of its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RegistryEvent {
    /// A policy was proposed for the first time.
    PolicyAdded {
        /// Its id.
        policy: Digest,
        /// Its path.
        path: String,
    },
    /// A version was proposed.
    Proposed {
        /// The policy.
        policy: Digest,
        /// The version.
        version: PolicyVersion,
        /// The proposal.
        proposal: ProposalId,
        /// By whom.
        author: Address,
    },
    /// An approval was given.
    Approved {
        /// The policy.
        policy: Digest,
        /// The proposal.
        proposal: ProposalId,
        /// For which role; `None` for one this version of Stele does not know.
        role: Option<Role>,
        /// By whom.
        account: Address,
    },
    /// Enough roles have approved.
    Unlocking {
        /// The policy.
        policy: Digest,
        /// The proposal.
        proposal: ProposalId,
        /// From when on it may be activated.
        unlocks_at: Timestamp,
    },
    /// A canary was started or its share changed.
    CanaryStarted {
        /// The policy.
        policy: Digest,
        /// The version.
        version: PolicyVersion,
        /// The proposal.
        proposal: ProposalId,
        /// The share of requests.
        percent: u8,
    },
    /// A canary ended without activation.
    CanaryStopped {
        /// The policy.
        policy: Digest,
        /// The version.
        version: PolicyVersion,
        /// The proposal.
        proposal: ProposalId,
    },
    /// A version came into force.
    Activated {
        /// The policy.
        policy: Digest,
        /// The version.
        version: PolicyVersion,
        /// The proposal.
        proposal: ProposalId,
        /// The policy contract.
        contract: Address,
        /// The number of the activation.
        epoch: u64,
    },
    /// A version was rolled back to another.
    RolledBack {
        /// The policy.
        policy: Digest,
        /// The version that was in force.
        from: PolicyVersion,
        /// The version that is in force again.
        to: PolicyVersion,
        /// The number of the activation.
        epoch: u64,
    },
    /// A proposal was rejected.
    Rejected {
        /// The policy.
        policy: Digest,
        /// The version.
        version: PolicyVersion,
        /// The proposal.
        proposal: ProposalId,
        /// Why.
        reason: String,
    },
    /// A proposal was withdrawn.
    Withdrawn {
        /// The policy.
        policy: Digest,
        /// The version.
        version: PolicyVersion,
        /// The proposal.
        proposal: ProposalId,
    },
    /// A role was given or taken.
    RoleChanged {
        /// Which one; `None` for one this version of Stele does not know.
        role: Option<Role>,
        /// To or from whom.
        account: Address,
        /// Whether the account has it now.
        granted: bool,
        /// By whom.
        by: Address,
    },
    /// The settings for new proposals were changed.
    SettingsChanged {
        /// How many distinct roles have to approve.
        required_roles: u8,
        /// The time lock in seconds.
        time_lock: u64,
        /// After how many seconds a proposal expires; 0 for never.
        lifetime: u64,
    },
    /// The registry was replaced.
    Superseded {
        /// By which one.
        successor: Address,
    },
}

impl Governance {
    /// The registry's events from block `from` to the newest block that is final for us, and where to go on. Call it
    /// again with [`EventPage::next_block`] to follow the registry; nothing is skipped and nothing comes twice.
    pub async fn registry_events(&self, from: BlockNumber) -> Result<EventPage, ChainError> {
        let mut events = Vec::new();
        let mut next = from.get().max(self.deployment.block.get());
        let Some(head) = self.client.confirmed_head().await? else {
            return Ok(EventPage {
                events,
                next_block: BlockNumber::new(next),
            });
        };
        while next <= head.get() {
            let last = next
                .saturating_add(BLOCKS_PER_REQUEST.saturating_sub(1))
                .min(head.get());
            let filter = Filter::new()
                .address(self.deployment.registry)
                .from_block(next)
                .to_block(last);
            let logs = self
                .client
                .retry_for(REGISTRY, "eth_getLogs", || async {
                    self.client.provider.get_logs(&filter).await
                })
                .await?;
            events.extend(logs.iter().filter_map(read));
            next = last.saturating_add(1);
        }
        Ok(EventPage {
            events,
            next_block: BlockNumber::new(next),
        })
    }
}

fn read(log: &Log) -> Option<(ChainPosition, RegistryEvent)> {
    let position = ChainPosition {
        block: BlockNumber::new(log.block_number?),
        transaction: log.transaction_hash?,
        log_index: log.log_index?,
    };
    // Events that this version does not know are for later ones.
    let event = Event::decode_raw_log(log.topics(), &log.data().data).ok()?;
    Some((position, convert(event)?))
}

fn convert(event: Event) -> Option<RegistryEvent> {
    Some(match event {
        Event::PolicyAdded(Abi::PolicyAdded { policyId, path }) => RegistryEvent::PolicyAdded {
            policy: digest(policyId),
            path,
        },
        Event::Proposed(event) => RegistryEvent::Proposed {
            policy: digest(event.policyId),
            version: version(event.version),
            proposal: proposal(event.proposalId),
            author: event.author,
        },
        Event::Approved(event) => RegistryEvent::Approved {
            policy: digest(event.policyId),
            proposal: proposal(event.proposalId),
            role: Role::from_id(event.role),
            account: event.account,
        },
        Event::Unlocking(event) => RegistryEvent::Unlocking {
            policy: digest(event.policyId),
            proposal: proposal(event.proposalId),
            unlocks_at: timestamp(event.unlocksAt),
        },
        Event::CanaryStarted(event) => RegistryEvent::CanaryStarted {
            policy: digest(event.policyId),
            version: version(event.version),
            proposal: proposal(event.proposalId),
            percent: event.percent,
        },
        Event::CanaryStopped(event) => RegistryEvent::CanaryStopped {
            policy: digest(event.policyId),
            version: version(event.version),
            proposal: proposal(event.proposalId),
        },
        Event::Activated(event) => RegistryEvent::Activated {
            policy: digest(event.policyId),
            version: version(event.version),
            proposal: proposal(event.proposalId),
            contract: event.policyContract,
            epoch: event.epoch,
        },
        Event::RolledBack(event) => RegistryEvent::RolledBack {
            policy: digest(event.policyId),
            from: version(event.from),
            to: version(event.to),
            epoch: event.epoch,
        },
        other => return convert_rare(other),
    })
}

fn convert_rare(event: Event) -> Option<RegistryEvent> {
    Some(match event {
        Event::Rejected(event) => RegistryEvent::Rejected {
            policy: digest(event.policyId),
            version: version(event.version),
            proposal: proposal(event.proposalId),
            reason: event.reason,
        },
        Event::Withdrawn(event) => RegistryEvent::Withdrawn {
            policy: digest(event.policyId),
            version: version(event.version),
            proposal: proposal(event.proposalId),
        },
        Event::RoleGranted(event) => RegistryEvent::RoleChanged {
            role: Role::from_id(event.role),
            account: event.account,
            granted: true,
            by: event.sender,
        },
        Event::RoleRevoked(event) => RegistryEvent::RoleChanged {
            role: Role::from_id(event.role),
            account: event.account,
            granted: false,
            by: event.sender,
        },
        Event::SettingsChanged(event) => RegistryEvent::SettingsChanged {
            required_roles: event.requiredRoles,
            time_lock: event.timeLock,
            lifetime: event.lifetime,
        },
        Event::SupersededBy(event) => RegistryEvent::Superseded {
            successor: event.successor,
        },
        _ => return None,
    })
}

fn digest(word: B256) -> Digest {
    Digest(word.0)
}

fn version(word: B256) -> PolicyVersion {
    PolicyVersion(Digest(word.0))
}

fn proposal(word: B256) -> ProposalId {
    ProposalId(Digest(word.0))
}
