//! Deploying the governance contracts, and checking a deployment.

use std::time::Duration;

use alloy::primitives::Address;
use alloy::sol_types::SolConstructor;
use serde::{Deserialize, Serialize};
use stele_types::{BlockNumber, ChainId, TreeSize};

use super::connection::ChainClient;
use super::governance::{LEDGER, NODES, REGISTRY};
use super::keys::Account;
use super::send::{Call, Receipt};
use crate::contracts::abi::{ledger, nodes, registry};
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
            predecessor: None,
        }
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
    /// The block of the first of them: no event of theirs is older.
    pub block: BlockNumber,
}

impl Deployment {
    /// Checks that the client's chain is the deployment's and that the code at all three addresses is what this
    /// version of Stele was built with.
    pub async fn check(&self, client: &ChainClient) -> Result<(), ChainError> {
        if client.chain_id() != self.chain_id {
            return Err(ChainError::WrongChain {
                endpoint: client.endpoint().to_owned(),
                expected: self.chain_id,
                actual: client.chain_id(),
            });
        }
        let [registry, nodes, ledger] = Artifact::all()?;
        for (artifact, address) in [
            (registry, self.registry),
            (nodes, self.nodes),
            (ledger, self.ledger),
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
        let call = ledger::DecisionLedger::nodesCall {};
        let linked = client.view(LEDGER, self.ledger, &call).await?;
        if linked != self.nodes {
            let reason = format!(
                "it asks the node registry at {linked}, not the deployment's at {}",
                self.nodes
            );
            return Err(ChainError::BadState {
                contract: LEDGER,
                address: self.ledger,
                reason,
            });
        }
        Ok(())
    }
}

impl ChainClient {
    /// Deploys the three governance contracts, paid by `payer`, who gets no role by that.
    pub async fn deploy_governance(
        &self,
        payer: &Account,
        config: &DeployConfig,
    ) -> Result<Deployment, ChainError> {
        let before = config.predecessor.as_ref();
        let predecessor = |address: fn(&Deployment) -> Address| before.map(address).unwrap_or_default();

        let arguments = nodes::NodeRegistry::constructorCall {
            grants: grants(config, &[Role::Admin, Role::Suspender], |role, account| {
                nodes::Governed::Grant { role, account }
            }),
            predecessor_: predecessor(|deployment| deployment.nodes),
        };
        let (nodes, first) = self
            .create(payer, NODES, Artifact::node_registry()?, &arguments)
            .await?;

        let arguments = ledger::DecisionLedger::constructorCall {
            grants: grants(config, &[Role::Admin, Role::Verifier], |role, account| {
                ledger::Governed::Grant { role, account }
            }),
            predecessor_: predecessor(|deployment| deployment.ledger),
            nodes_: nodes,
            quorum_: ledger::DecisionLedger::Quorum {
                threshold: config.quorum.threshold.get(),
                signatures: config.quorum.signatures,
            },
        };
        let (ledger, _) = self
            .create(payer, LEDGER, Artifact::decision_ledger()?, &arguments)
            .await?;

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
            predecessor_: predecessor(|deployment| deployment.registry),
            settings_: registry::PolicyRegistry::Settings {
                requiredRoles: config.required_roles,
                timeLock: config.time_lock.as_secs(),
                lifetime: config.lifetime.as_secs(),
            },
        };
        let (registry, _) = self
            .create(payer, REGISTRY, Artifact::policy_registry()?, &arguments)
            .await?;
        Ok(Deployment {
            chain_id: self.chain_id(),
            registry,
            nodes,
            ledger,
            block: first.block,
        })
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

/// The grants that a contract knows, in its own type.
fn grants<G>(
    config: &DeployConfig,
    roles: &[Role],
    make: impl Fn(alloy::primitives::B256, Address) -> G,
) -> Vec<G> {
    let known = config.grants.iter().filter(|(role, _)| roles.contains(role));
    known.map(|(role, account)| make(role.id(), *account)).collect()
}
