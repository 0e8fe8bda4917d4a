//! Deploying the governance contracts, and checking a deployment.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolConstructor;
use serde::{Deserialize, Serialize};
use stele_types::{BlockNumber, ChainId, TreeSize};

use super::connection::ChainClient;
use super::governance::{CHALLENGE, DISPUTE, ENFORCER, Governance, LEDGER, NODES, REGISTRY};
use super::keys::Account;
use super::omission::OmissionTerms;
use super::send::{Call, Receipt};
use crate::contracts::abi::{challenge, dispute, enforcer, ledger, nodes, registry};
use crate::contracts::{Artifact, Role};
use crate::error::ChainError;

/// From which tree size on an anchor needs how many verifier signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// Trees of more leaves than this need the signatures.
    pub threshold: TreeSize,
    /// How many distinct verifiers must sign; 0 switches the quorum off.
    pub signatures: u16,
}

/// What a new deployment is made of.
#[derive(Debug, Clone)]
pub struct DeployConfig {
    /// Who holds which role from the start. At least one admin is needed.
    pub grants: Vec<(Role, Address)>,
    /// How many distinct approver roles a proposal needs: 2 (the default) or 3.
    pub required_roles: u8,
    /// How long an approved proposal waits before it may be activated; whole seconds, up to a year. Default zero.
    pub time_lock: Duration,
    /// After how long a proposal expires; whole seconds; zero (the default) for never.
    pub lifetime: Duration,
    /// The ledger's quorum; off by default.
    pub quorum: Quorum,
    /// By how much a decision's time may lie outside of its version's time in force and still be challenged: clocks differ, and decision
    /// points learn of a new version a little later than the chain; and by how much dates in a log may fall. Whole seconds; default one hour. No less than
    /// that of the `Challenge` to be replaced.
    pub challenge_tolerance: Duration,
    /// Wei for refuting a decision, as far as the contract `Challenge` has them; default zero.
    pub challenge_reward: U256,
    /// What claims of omission are subject to.
    pub omission: OmissionTerms,
    /// The deployment that the new one will replace. Its admin has to call [`super::Governance::supersede`] then.
    pub predecessor: Option<Deployment>,
}

impl Default for DeployConfig {
    fn default() -> Self {
        Self {
            grants: Vec::new(),
            required_roles: 2,
            time_lock: Duration::ZERO,
            lifetime: Duration::ZERO,
            quorum: Quorum {
                threshold: TreeSize::ZERO,
                signatures: 0,
            },
            challenge_tolerance: Duration::from_secs(3600),
            challenge_reward: U256::ZERO,
            omission: OmissionTerms::default(),
            predecessor: None,
        }
    }
}

impl DeployConfig {
    /// An address of the deployment to be replaced; zero when there is none.
    fn before(&self, address: fn(&Deployment) -> Address) -> Address {
        self.predecessor.as_ref().map(address).unwrap_or_default()
    }
}

/// Where the governance contracts are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// The chain they are on.
    pub chain_id: ChainId,
    /// `PolicyRegistry`.
    pub registry: Address,
    /// `NodeRegistry`.
    pub nodes: Address,
    /// `DecisionLedger`.
    pub ledger: Address,
    /// `Challenge`.
    pub challenge: Address,
    /// `Enforcer`.
    pub enforcer: Address,
    /// `Dispute`; zero where there is none: deployments of an earlier version of Stele, which [`Self::check`] refuses.
    #[serde(default)]
    pub dispute: Address,
    /// The block of the first of them: no event of theirs is older.
    pub block: BlockNumber,
}

impl Deployment {
    /// Checks that the client's chain is the deployment's and has what contracts need, that the code at all addresses is what this version
    /// of Stele was built with, and that the contracts know each other.
    pub async fn check(&self, client: &ChainClient) -> Result<(), ChainError> {
        if client.chain_id() != self.chain_id {
            return Err(ChainError::WrongChain {
                endpoint: client.endpoint().to_owned(),
                expected: self.chain_id,
                actual: client.chain_id(),
            });
        }
        client.require_cancun().await?;
        let [registry, nodes, ledger, challenge, enforcer, dispute] = Artifact::all()?;
        for (artifact, address) in [
            (registry, self.registry),
            (nodes, self.nodes),
            (ledger, self.ledger),
            (challenge, self.challenge),
            (enforcer, self.enforcer),
            (dispute, self.dispute),
        ] {
            if !artifact.matches(&client.code(address).await?) {
                let contract = artifact.contract_name.clone();
                return Err(ChainError::NotOurContract {
                    contract,
                    address,
                    chain_id: self.chain_id,
                });
            }
        }
        self.check_links(client).await
    }

    /// The deployment that a trusted `Challenge` belongs to, for whoever has nothing but its address. Checks its code and that of the contracts
    /// it asks, and finds the `Dispute` that may settle leaves in it; its address is zero when there is none. The enforcer is not among
    /// them: its address is zero.
    pub async fn of_challenge(client: &ChainClient, challenge: Address) -> Result<Self, ChainError> {
        client.require_cancun().await?;
        let ours = |artifact: &'static Artifact, address: Address| async move {
            if artifact.matches(&client.code(address).await?) {
                return Ok(address);
            }
            Err(ChainError::NotOurContract {
                contract: artifact.contract_name.clone(),
                address,
                chain_id: client.chain_id(),
            })
        };
        let at = ours(Artifact::challenge()?, challenge).await?;
        let ledger = client
            .view(CHALLENGE, at, &challenge::Challenge::ledgerCall {})
            .await?;
        let registry = client
            .view(CHALLENGE, at, &challenge::Challenge::registryCall {})
            .await?;
        let nodes = client
            .view(CHALLENGE, at, &challenge::Challenge::nodesCall {})
            .await?;
        let mut dispute = Address::ZERO;
        for arbiter in arbiters(client, at).await? {
            if !Artifact::dispute()?.matches(&client.code(arbiter).await?) {
                continue;
            }
            // One that belongs to another Challenge settles nothing here.
            let of = &dispute::Dispute::challengeCall {};
            if client.view(DISPUTE, arbiter, of).await? == at {
                dispute = arbiter;
            }
        }
        Ok(Self {
            chain_id: client.chain_id(),
            registry: ours(Artifact::policy_registry()?, registry).await?,
            nodes: ours(Artifact::node_registry()?, nodes).await?,
            ledger: ours(Artifact::decision_ledger()?, ledger).await?,
            challenge,
            enforcer: Address::ZERO,
            dispute,
            block: BlockNumber::ZERO,
        })
    }

    async fn check_links(&self, client: &ChainClient) -> Result<(), ChainError> {
        let (challenge, enforcer, dispute) = (self.challenge, self.enforcer, self.dispute);
        let links = [
            (
                LEDGER,
                self.ledger,
                client
                    .view(LEDGER, self.ledger, &ledger::DecisionLedger::nodesCall {})
                    .await?,
                self.nodes,
            ),
            (
                CHALLENGE,
                challenge,
                client
                    .view(CHALLENGE, challenge, &challenge::Challenge::ledgerCall {})
                    .await?,
                self.ledger,
            ),
            (
                CHALLENGE,
                challenge,
                client
                    .view(CHALLENGE, challenge, &challenge::Challenge::registryCall {})
                    .await?,
                self.registry,
            ),
            (
                DISPUTE,
                dispute,
                client
                    .view(DISPUTE, dispute, &dispute::Dispute::challengeCall {})
                    .await?,
                self.challenge,
            ),
            (
                ENFORCER,
                enforcer,
                client
                    .view(ENFORCER, enforcer, &enforcer::Enforcer::registryCall {})
                    .await?,
                self.registry,
            ),
        ];
        for (contract, address, linked, expected) in links {
            if linked != expected {
                let reason = format!("it asks the contract at {linked}, not the deployment's at {expected}");
                return Err(ChainError::BadState {
                    contract,
                    address,
                    reason,
                });
            }
        }
        Ok(())
    }
}

impl ChainClient {
    /// Deploys the governance contracts, paid by `payer`, who gets no role by that.
    ///
    /// `Challenge` needs the role `SUSPENDER`, and `Dispute` the role `ARBITER`, which an admin gives them: `payer` at once, if it is one;
    /// otherwise some admin with [`Governance::enable_challenges`] and [`Governance::enable_disputes`].
    ///
    /// # Errors
    /// [`ChainError::ToleranceLowered`], before anything is sent: logs that go on under the new contract hold entries that keep to the old tolerance
    /// only, and those would convict their nodes.
    pub async fn deploy_governance(
        &self,
        payer: &Account,
        config: &DeployConfig,
    ) -> Result<Deployment, ChainError> {
        self.require_cancun().await?;
        self.keeps_tolerance(config).await?;
        let (nodes, first) = self.deploy_nodes(payer, config).await?;
        let ledger = self.deploy_ledger(payer, config, nodes).await?;
        let registry = self.deploy_registry(payer, config).await?;
        let challenge = self.deploy_challenge(payer, config, ledger, registry).await?;
        let enforcer = self.deploy_enforcer(payer, config, registry).await?;
        let dispute = self.deploy_dispute(payer, challenge).await?;
        let deployment = Deployment {
            chain_id: self.chain_id(),
            registry,
            nodes,
            ledger,
            challenge,
            enforcer,
            dispute,
            block: first.block,
        };
        if config.grants.contains(&(Role::Admin, payer.address())) {
            let governance = Governance::new(self.clone(), deployment.clone());
            governance.enable_challenges(payer).await?;
            governance.enable_disputes(payer).await?;
        }
        Ok(deployment)
    }

    async fn keeps_tolerance(&self, config: &DeployConfig) -> Result<(), ChainError> {
        let Some(predecessor) = &config.predecessor else {
            return Ok(());
        };
        let (contract, given) = (predecessor.challenge, config.challenge_tolerance.as_secs());
        let call = challenge::Challenge::toleranceCall {};
        let least = self.view(CHALLENGE, contract, &call).await?;
        if given < least {
            return Err(ChainError::ToleranceLowered {
                contract,
                given,
                least,
            });
        }
        Ok(())
    }

    async fn deploy_nodes(
        &self,
        payer: &Account,
        config: &DeployConfig,
    ) -> Result<(Address, Receipt), ChainError> {
        let arguments = nodes::NodeRegistry::constructorCall {
            grants: grants(config, &[Role::Admin, Role::Suspender], |role, account| {
                nodes::Governed::Grant { role, account }
            }),
            predecessor_: config.before(|deployment| deployment.nodes),
        };
        self.create(payer, NODES, Artifact::node_registry()?, &arguments)
            .await
    }

    async fn deploy_ledger(
        &self,
        payer: &Account,
        config: &DeployConfig,
        nodes: Address,
    ) -> Result<Address, ChainError> {
        let arguments = ledger::DecisionLedger::constructorCall {
            grants: grants(config, &[Role::Admin, Role::Verifier], |role, account| {
                ledger::Governed::Grant { role, account }
            }),
            predecessor_: config.before(|deployment| deployment.ledger),
            nodes_: nodes,
            quorum_: ledger::DecisionLedger::Quorum {
                threshold: config.quorum.threshold.get(),
                signatures: config.quorum.signatures,
            },
        };
        let (address, _) = self
            .create(payer, LEDGER, Artifact::decision_ledger()?, &arguments)
            .await?;
        Ok(address)
    }

    async fn deploy_registry(&self, payer: &Account, config: &DeployConfig) -> Result<Address, ChainError> {
        let roles = [
            Role::Admin,
            Role::Author,
            Role::Security,
            Role::Platform,
            Role::Compliance,
            Role::Responder,
        ];
        let arguments = registry::PolicyRegistry::constructorCall {
            grants: grants(config, &roles, |role, account| registry::Governed::Grant {
                role,
                account,
            }),
            predecessor_: config.before(|deployment| deployment.registry),
            settings_: registry::PolicyRegistry::Settings {
                requiredRoles: config.required_roles,
                timeLock: config.time_lock.as_secs(),
                lifetime: config.lifetime.as_secs(),
            },
        };
        let (address, _) = self
            .create(payer, REGISTRY, Artifact::policy_registry()?, &arguments)
            .await?;
        Ok(address)
    }

    async fn deploy_challenge(
        &self,
        payer: &Account,
        config: &DeployConfig,
        ledger: Address,
        registry: Address,
    ) -> Result<Address, ChainError> {
        let arguments = challenge::Challenge::constructorCall {
            grants: grants(config, &[Role::Admin], |role, account| {
                challenge::Governed::Grant { role, account }
            }),
            predecessor_: config.before(|deployment| deployment.challenge),
            ledger_: ledger,
            registry_: registry,
            tolerance_: config.challenge_tolerance.as_secs(),
            reward_: config.challenge_reward,
            terms_: config.omission.on_chain(),
        };
        let (address, _) = self
            .create(payer, CHALLENGE, Artifact::challenge()?, &arguments)
            .await?;
        Ok(address)
    }

    async fn deploy_dispute(&self, payer: &Account, challenge: Address) -> Result<Address, ChainError> {
        let arguments = dispute::Dispute::constructorCall {
            challenge_: challenge,
        };
        let (address, _) = self
            .create(payer, DISPUTE, Artifact::dispute()?, &arguments)
            .await?;
        Ok(address)
    }

    async fn deploy_enforcer(
        &self,
        payer: &Account,
        config: &DeployConfig,
        registry: Address,
    ) -> Result<Address, ChainError> {
        let arguments = enforcer::Enforcer::constructorCall {
            grants: grants(config, &[Role::Admin], |role, account| {
                enforcer::Governed::Grant { role, account }
            }),
            predecessor_: config.before(|deployment| deployment.enforcer),
            registry_: registry,
        };
        let (address, _) = self
            .create(payer, ENFORCER, Artifact::enforcer()?, &arguments)
            .await?;
        Ok(address)
    }

    async fn create(
        &self,
        payer: &Account,
        contract: &str,
        artifact: &Artifact,
        arguments: &impl SolConstructor,
    ) -> Result<(Address, Receipt), ChainError> {
        let mut code = artifact.bytecode.to_vec();
        code.extend_from_slice(&arguments.abi_encode());
        self.create_raw(payer, contract, code.into()).await
    }

    pub(super) async fn create_raw(
        &self,
        payer: &Account,
        contract: &str,
        code: alloy::primitives::Bytes,
    ) -> Result<(Address, Receipt), ChainError> {
        let call = Call {
            contract: contract.to_owned(),
            to: None,
            data: code,
        };
        let receipt = self.send(payer, &call).await?;
        let address = receipt.created.ok_or_else(|| ChainError::NotCreated {
            contract: contract.to_owned(),
            transaction: receipt.transaction,
        })?;
        Ok((address, receipt))
    }
}

/// Who may settle leaves in a `Challenge` without an execution.
async fn arbiters(client: &ChainClient, challenge: Address) -> Result<Vec<Address>, ChainError> {
    let call = challenge::Challenge::getRoleMembersCall {
        role: Role::Arbiter.id(),
    };
    client.view(CHALLENGE, challenge, &call).await
}

/// The grants that a contract knows, in its own type.
fn grants<G>(
    config: &DeployConfig,
    roles: &[Role],
    make: impl Fn(alloy::primitives::B256, Address) -> G,
) -> Vec<G> {
    let known = config.grants.iter().filter(|(role, _)| roles.contains(role));
    known.map(|(role, account)| make(role.id(), *account)).collect()
}
