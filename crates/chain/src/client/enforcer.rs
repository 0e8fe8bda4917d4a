//! Enforcing policies on the chain.

use alloy::primitives::{B256, Bytes};
use stele_types::{PolicyId, PolicyVersion};

use super::governance::{ENFORCER, Governance};
use super::keys::Account;
use super::registry::id;
use super::send::Receipt;
use crate::contracts::abi::enforcer::Enforcer as Abi;
use crate::error::ChainError;

/// What the contract `Enforcer` says of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnChainDecision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The version in force.
    pub version: PolicyVersion,
    /// An array of findings in the canonical encoding; no bytes when it is allowed.
    pub violations: Vec<u8>,
}

impl Governance {
    /// Puts the data document of a version on the chain, in the canonical encoding, so that [`Self::enforce`] can use it. Signed by an admin.
    pub async fn bind_data(
        &self,
        admin: &Account,
        policy: &PolicyId,
        version: PolicyVersion,
        data: &[u8],
    ) -> Result<Receipt, ChainError> {
        let call = Abi::bindDataCall {
            policyId: id(policy),
            version: B256::from(version.0.0),
            data: Bytes::copy_from_slice(data),
        };
        self.transact(admin, ENFORCER, self.deployment.enforcer, &call)
            .await
    }

    /// Evaluates the version in force on an input in the canonical encoding, within a transaction; a refusal is the revert `Denied`.
    pub async fn enforce(
        &self,
        caller: &Account,
        policy: &PolicyId,
        input: &[u8],
    ) -> Result<Receipt, ChainError> {
        let call = Abi::enforceCall {
            policyId: id(policy),
            input: Bytes::copy_from_slice(input),
        };
        self.transact(caller, ENFORCER, self.deployment.enforcer, &call)
            .await
    }

    /// What [`Self::enforce`] would say now, without a transaction.
    pub async fn check_enforcement(
        &self,
        policy: &PolicyId,
        input: &[u8],
    ) -> Result<OnChainDecision, ChainError> {
        let call = Abi::checkCall {
            policyId: id(policy),
            input: Bytes::copy_from_slice(input),
        };
        let answer = self
            .client
            .view(ENFORCER, self.deployment.enforcer, &call)
            .await?;
        Ok(OnChainDecision {
            allowed: answer.allowed,
            version: PolicyVersion(stele_types::Digest(answer.version.0)),
            violations: answer.violations.to_vec(),
        })
    }
}
