//! Policy contracts: deploying and calling compiled policies.

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes, keccak256};
use alloy::sol_types::SolCall as _;
use stele_types::{BlockNumber, Digest, EntryPoint, Gas};

use super::connection::ChainClient;
use super::keys::Account;
use crate::contracts::abi::policy::PolicyContract as Abi;
use crate::error::ChainError;

const CONTRACT: &str = "policy contract";

/// A deployed policy contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyContract {
    /// Where it is.
    pub address: Address,
    /// keccak256 of its runtime code.
    pub code_hash: Digest,
    /// The block it was created in.
    pub block: BlockNumber,
    /// What its creation cost.
    pub gas_used: Gas,
}

impl ChainClient {
    /// Deploys a compiled policy.
    pub async fn deploy_policy_contract(
        &self,
        payer: &Account,
        creation_code: &[u8],
    ) -> Result<PolicyContract, ChainError> {
        let (address, receipt) = self
            .create_raw(payer, CONTRACT, creation_code.to_vec().into())
            .await?;
        let code_hash = self.code_hash(address).await?;
        Ok(PolicyContract {
            address,
            code_hash,
            block: receipt.block,
            gas_used: receipt.gas_used,
        })
    }

    /// keccak256 of the code at an address; the hash of nothing when there is no code.
    pub async fn code_hash(&self, address: Address) -> Result<Digest, ChainError> {
        Ok(Digest(keccak256(self.code(address).await?).0))
    }

    /// Evaluates an entry point of a policy contract, at the newest block or at `block`. Input, data, context and
    /// result are in the canonical value encoding; empty bytes stand for undefined.
    pub async fn call_policy(
        &self,
        contract: Address,
        entry_point: &EntryPoint,
        input: &[u8],
        data: &[u8],
        context: &[u8],
        block: Option<BlockNumber>,
    ) -> Result<Vec<u8>, ChainError> {
        let call = Abi::evaluateCall {
            entryPoint: B256::from(entry_point.hash().0),
            input: Bytes::copy_from_slice(input),
            data: Bytes::copy_from_slice(data),
            context: Bytes::copy_from_slice(context),
        };
        let at = block.map_or_else(BlockId::latest, |block| BlockId::number(block.get()));
        let output = self
            .call_raw(CONTRACT, contract, call.abi_encode().into(), at)
            .await?;
        let result =
            Abi::evaluateCall::abi_decode_returns(&output).map_err(|error| ChainError::BadAnswer {
                endpoint: self.endpoint().to_owned(),
                operation: Abi::evaluateCall::SIGNATURE,
                reason: if output.is_empty() {
                    format!("there is no policy contract at {contract}")
                } else {
                    error.to_string()
                },
            })?;
        Ok(result.into())
    }

    /// The hashes of the entry points that a policy contract answers to.
    pub async fn entry_points(&self, contract: Address) -> Result<Vec<Digest>, ChainError> {
        let hashes = self.view(CONTRACT, contract, &Abi::entryPointsCall {}).await?;
        Ok(hashes.into_iter().map(|hash| Digest(hash.0)).collect())
    }
}
