//! Applies the state changes of one block to the tables and to the tries.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy_trie::TrieAccount;
use redb::{ReadableTable, Table, WriteTransaction};
use revm::state::{Account, EvmState};

use super::error::NodeError;
use super::store::{self, ACCOUNT_TRIE, ACCOUNTS, CODE, NO_STORAGE, STORAGE, TRIE};
use super::trie::{self, Updates};

type Trie<'t> = Table<'t, &'static [u8], &'static [u8]>;

/// Writes the touched accounts of `changes` into `txn` and returns the new state root.
pub(crate) fn apply(txn: &WriteTransaction, changes: EvmState) -> Result<B256, NodeError> {
    // Sorted, so that equal blocks make equal files.
    let changes: BTreeMap<Address, Account> = changes
        .into_iter()
        .filter(|(_, account)| account.is_touched())
        .collect();
    let mut nodes = txn.open_table(TRIE)?;
    let mut accounts = txn.open_table(ACCOUNTS)?;
    let mut updates = Updates::new();
    for (address, account) in &changes {
        let before = accounts
            .get(&address.0.0)?
            .map(|bytes| store::decode_account(bytes.value()))
            .transpose()?;
        let after = apply_account(txn, &mut nodes, address, account, before)?;
        if after == before {
            continue;
        }
        let encoded = after.map(alloy::rlp::encode);
        match &encoded {
            Some(encoded) => accounts.insert(&address.0.0, encoded.as_slice())?,
            None => accounts.remove(&address.0.0)?,
        };
        updates.insert(keccak256(address), encoded);
    }
    trie::update(&mut nodes, &ACCOUNT_TRIE, &updates)
}

/// Writes one account's code and storage; returns the account as it is afterwards, `None` when it is gone.
fn apply_account(
    txn: &WriteTransaction,
    nodes: &mut Trie<'_>,
    address: &Address,
    account: &Account,
    before: Option<TrieAccount>,
) -> Result<Option<TrieAccount>, NodeError> {
    let mut storage_root = before.map_or(NO_STORAGE, |before| before.storage_root);
    let gone = account.is_selfdestructed() || account.is_empty();
    // Since EIP-6780 and EIP-7610 neither a vanishing nor a new account has storage from an earlier block. The tables
    // must be right even if some rule change makes that untrue.
    if storage_root != NO_STORAGE && (gone || account.is_created()) {
        wipe_storage(txn, nodes, address)?;
        storage_root = NO_STORAGE;
    }
    if gone {
        return Ok(None);
    }
    if let Some(code) = account.info.code.as_ref().filter(|code| !code.is_empty()) {
        let mut codes = txn.open_table(CODE)?;
        if codes.get(&account.info.code_hash.0)?.is_none() {
            codes.insert(&account.info.code_hash.0, code.original_byte_slice())?;
        }
    }
    if account.changed_storage_slots().next().is_some() {
        storage_root = apply_storage(txn, nodes, address, account)?;
    }
    Ok(Some(TrieAccount::new(
        account.info.nonce,
        account.info.balance,
        storage_root,
        account.info.code_hash,
    )))
}

fn apply_storage(
    txn: &WriteTransaction,
    nodes: &mut Trie<'_>,
    address: &Address,
    account: &Account,
) -> Result<B256, NodeError> {
    let mut storage = txn.open_table(STORAGE)?;
    let mut updates = Updates::new();
    for (slot, value) in account.changed_storage_slots() {
        let slot = B256::from(*slot);
        let key = store::slot_key(address, &slot);
        let value: U256 = value.present_value();
        let rlp = if value.is_zero() {
            storage.remove(&key)?;
            None
        } else {
            storage.insert(&key, &value.to_be_bytes())?;
            Some(alloy::rlp::encode(value))
        };
        updates.insert(keccak256(slot), rlp);
    }
    trie::update(nodes, &store::storage_trie(address), &updates)
}

fn wipe_storage(txn: &WriteTransaction, nodes: &mut Trie<'_>, address: &Address) -> Result<(), NodeError> {
    let first = store::slot_key(address, &B256::ZERO);
    let last = store::slot_key(address, &B256::repeat_byte(0xff));
    txn.open_table(STORAGE)?
        .retain_in::<&[u8; 52], _>(&first..=&last, |_, _| false)?;
    let owner = store::storage_trie(address);
    let mut end = owner.to_vec();
    end.push(u8::MAX);
    nodes.retain_in::<&[u8], _>(owner.as_slice()..end.as_slice(), |_, _| false)?;
    Ok(())
}
