//! The governance contracts of one deployment.

use alloy::primitives::Address;
use alloy::sol_types::SolCall;

use super::connection::ChainClient;
use super::deploy::Deployment;
use super::keys::Account;
use super::send::{Call, Receipt};
use crate::contracts::Role;
use crate::contracts::abi::registry::PolicyRegistry;
use crate::error::ChainError;

pub(super) const REGISTRY: &str = "PolicyRegistry";
pub(super) const NODES: &str = "NodeRegistry";
pub(super) const LEDGER: &str = "DecisionLedger";
pub(super) const CHALLENGE: &str = "Challenge";
pub(super) const DISPUTE: &str = "Dispute";
pub(super) const ENFORCER: &str = "Enforcer";

/// Typed access to the governance contracts of one deployment. Cheap to clone.
///
/// Operations that change something take the account that signs; who may call what is written at each entry point in
/// `docs/contracts.md`. They return when the transaction has its confirmations.
#[derive(Debug, Clone)]
pub struct Governance {
    pub(super) client: ChainClient,
    pub(super) deployment: Deployment,
}

impl Governance {
    /// Access to a deployment. Use [`Deployment::check`] to make sure that it is there.
    pub const fn new(client: ChainClient, deployment: Deployment) -> Self {
        Self { client, deployment }
    }

    /// The connection.
    pub const fn client(&self) -> &ChainClient {
        &self.client
    }

    /// The contracts.
    pub const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Whether an account holds a role in the policy registry.
    pub async fn has_role(&self, role: Role, account: Address) -> Result<bool, ChainError> {
        let call = PolicyRegistry::hasRoleCall {
            role: role.id(),
            account,
        };
        self.view_registry(&call).await
    }

    /// Gives `account` the role in the contracts that know it. Signed by an admin.
    pub async fn grant_role(&self, admin: &Account, role: Role, account: Address) -> Result<(), ChainError> {
        for (contract, to) in self.holders(role) {
            let call = PolicyRegistry::grantRoleCall {
                role: role.id(),
                account,
            };
            self.transact(admin, contract, to, &call).await?;
        }
        Ok(())
    }

    /// Takes the role from `account` in the contracts that know it. Signed by an admin.
    pub async fn revoke_role(&self, admin: &Account, role: Role, account: Address) -> Result<(), ChainError> {
        for (contract, to) in self.holders(role) {
            let call = PolicyRegistry::revokeRoleCall {
                role: role.id(),
                account,
            };
            self.transact(admin, contract, to, &call).await?;
        }
        Ok(())
    }

    /// Names `successor`, whose contracts must name these as predecessors, and closes these for new business. Signed
    /// by an admin. Irrevocable.
    pub async fn supersede(&self, admin: &Account, successor: &Deployment) -> Result<(), ChainError> {
        let pairs = [
            (REGISTRY, self.deployment.registry, successor.registry),
            (NODES, self.deployment.nodes, successor.nodes),
            (LEDGER, self.deployment.ledger, successor.ledger),
            (CHALLENGE, self.deployment.challenge, successor.challenge),
            (ENFORCER, self.deployment.enforcer, successor.enforcer),
        ];
        for (contract, to, candidate) in pairs {
            self.transact(admin, contract, to, &PolicyRegistry::supersedeCall { candidate })
                .await?;
        }
        Ok(())
    }

    /// The contracts that know a role.
    fn holders(&self, role: Role) -> Vec<(&'static str, Address)> {
        let registry = (REGISTRY, self.deployment.registry);
        let nodes = (NODES, self.deployment.nodes);
        let ledger = (LEDGER, self.deployment.ledger);
        match role {
            Role::Admin => vec![
                registry,
                nodes,
                ledger,
                (CHALLENGE, self.deployment.challenge),
                (ENFORCER, self.deployment.enforcer),
            ],
            Role::Suspender => vec![nodes],
            Role::Verifier => vec![ledger],
            Role::Arbiter => vec![(CHALLENGE, self.deployment.challenge)],
            Role::Author | Role::Security | Role::Platform | Role::Compliance | Role::Responder => {
                vec![registry]
            }
        }
    }

    pub(super) async fn view_registry<C: SolCall>(&self, call: &C) -> Result<C::Return, ChainError> {
        self.client.view(REGISTRY, self.deployment.registry, call).await
    }

    pub(super) async fn view_nodes<C: SolCall>(&self, call: &C) -> Result<C::Return, ChainError> {
        self.client.view(NODES, self.deployment.nodes, call).await
    }

    pub(super) async fn view_ledger<C: SolCall>(&self, call: &C) -> Result<C::Return, ChainError> {
        self.client.view(LEDGER, self.deployment.ledger, call).await
    }

    pub(super) async fn send_registry<C: SolCall>(
        &self,
        account: &Account,
        call: &C,
    ) -> Result<Receipt, ChainError> {
        self.transact(account, REGISTRY, self.deployment.registry, call)
            .await
    }

    pub(super) async fn send_nodes<C: SolCall>(
        &self,
        account: &Account,
        call: &C,
    ) -> Result<Receipt, ChainError> {
        self.transact(account, NODES, self.deployment.nodes, call).await
    }

    pub(super) async fn send_ledger<C: SolCall>(
        &self,
        account: &Account,
        call: &C,
    ) -> Result<Receipt, ChainError> {
        self.transact(account, LEDGER, self.deployment.ledger, call).await
    }

    pub(super) async fn transact<C: SolCall>(
        &self,
        account: &Account,
        contract: &str,
        to: Address,
        call: &C,
    ) -> Result<Receipt, ChainError> {
        let call = Call {
            contract: contract.to_owned(),
            to: Some(to),
            data: call.abi_encode().into(),
        };
        self.client.send(account, &call).await
    }
}
