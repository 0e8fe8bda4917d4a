//! Methods that read accounts.

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, U64, U256, keccak256};
use alloy::rpc::types::{EIP1186AccountProofResponse, EIP1186StorageProof};
use alloy::serde::JsonStorageKey;
use alloy_trie::TrieAccount;

use super::params::Params;
use super::{Reply, RpcError, blocks, to_value};
use crate::node::Node;
use crate::node::store::{self, ACCOUNT_TRIE, Snapshot};
use crate::node::trie;

/// Most storage keys in one `eth_getProof`.
const MAX_PROOF_KEYS: usize = 1_024;

impl Node {
    /// A snapshot after checking that the state which parameter `index` asks for is the one it shows.
    fn state_snapshot(&self, params: &Params, index: usize) -> Result<Snapshot<'_>, RpcError> {
        let snapshot = self.store().snapshot()?;
        blocks::state_at(&snapshot, params.optional::<BlockId>(index)?)?;
        Ok(snapshot)
    }

    fn account(&self, params: &Params) -> Result<TrieAccount, RpcError> {
        let snapshot = self.state_snapshot(params, 1)?;
        Ok(snapshot
            .account(&params.required::<Address>(0)?)?
            .unwrap_or_default())
    }

    pub(super) fn balance(&self, params: &Params) -> Reply {
        to_value(self.account(params)?.balance)
    }

    pub(super) fn transaction_count(&self, params: &Params) -> Reply {
        to_value(U64::from(self.account(params)?.nonce))
    }

    pub(super) fn code(&self, params: &Params) -> Reply {
        let snapshot = self.state_snapshot(params, 1)?;
        let account = snapshot
            .account(&params.required::<Address>(0)?)?
            .unwrap_or_default();
        to_value(snapshot.code(&account.code_hash)?)
    }

    pub(super) fn storage_at(&self, params: &Params) -> Reply {
        let address = params.required::<Address>(0)?;
        let slot = params.required::<JsonStorageKey>(1)?;
        let snapshot = self.state_snapshot(params, 2)?;
        to_value(B256::from(snapshot.slot(&address, &slot.as_b256())?))
    }

    /// EIP-1186: the account and storage slots with their Merkle proofs against the head's state root.
    pub(super) fn get_proof(&self, params: &Params) -> Reply {
        let address = params.required::<Address>(0)?;
        let keys = params.required::<Vec<JsonStorageKey>>(1)?;
        if keys.len() > MAX_PROOF_KEYS {
            return Err(RpcError::limit(format!(
                "too many storage keys: {}, limit {MAX_PROOF_KEYS}",
                keys.len()
            )));
        }
        let snapshot = self.state_snapshot(params, 2)?;
        let nodes = snapshot.trie()?;
        let account = snapshot.account(&address)?.unwrap_or_default();
        let owner = store::storage_trie(&address);
        let slot_proof = |key: &JsonStorageKey| -> Result<EIP1186StorageProof, RpcError> {
            let slot = key.as_b256();
            Ok(EIP1186StorageProof {
                key: *key,
                value: snapshot.slot(&address, &slot)?,
                proof: trie::proof(&nodes, &owner, keccak256(slot))?,
            })
        };
        to_value(EIP1186AccountProofResponse {
            address,
            balance: account.balance,
            code_hash: account.code_hash,
            nonce: account.nonce,
            storage_hash: account.storage_root,
            account_proof: trie::proof(&nodes, &ACCOUNT_TRIE, keccak256(address))?,
            storage_proof: keys.iter().map(slot_proof).collect::<Result<_, _>>()?,
        })
    }

    /// The balance of an account, for checks outside the EVM.
    pub(super) fn balance_of(snapshot: &Snapshot<'_>, address: &Address) -> Result<U256, RpcError> {
        Ok(snapshot.account(address)?.unwrap_or_default().balance)
    }
}
