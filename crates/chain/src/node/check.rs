//! A full check of the store: everything that can be recomputed is.

use std::collections::BTreeMap;

use alloy::consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{Header, TxReceipt};
use alloy::primitives::{Address, B256, U256, keccak256};
use alloy_trie::EMPTY_ROOT_HASH;
use alloy_trie::root::{state_root_unhashed, storage_root_unhashed};
use redb::{ReadableTable, ReadableTableMetadata};

use super::Node;
use super::error::NodeError;
use super::store::{self, ACCOUNTS, BLOCK_OF_HASH, BLOCK_OF_TX, Block, CODE, LOG_BLOCKS, STORAGE, Snapshot};
use super::trie;

/// What [`Node::check`] looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckReport {
    /// Blocks, the genesis block included.
    pub blocks: u64,
    /// Accounts of the latest state.
    pub accounts: u64,
    /// Storage slots of the latest state.
    pub slots: u64,
}

impl Node {
    /// Recomputes the whole chain: hash links, transaction and receipt roots, blooms, gas, senders, indexes, code hashes, and
    /// from the flat state every storage root and the state root of the head. Takes time proportional to the store.
    ///
    /// # Errors
    /// [`NodeError::Corrupt`] naming the first contradiction.
    pub fn check(&self) -> Result<CheckReport, NodeError> {
        store::guard(|| check_chain(&self.store().snapshot()?))
    }
}

fn check_chain(snapshot: &Snapshot<'_>) -> Result<CheckReport, NodeError> {
    let head = snapshot.head()?;
    let mut parent: Option<Block> = None;
    let mut logs = 0_u64;
    for number in 0..=head.number {
        let block = snapshot.block(number)?;
        let block = block.ok_or_else(|| NodeError::corrupt(format!("block {number} is missing")))?;
        check_block(snapshot, &block, parent.as_ref())?;
        logs = logs.saturating_add(check_logs(snapshot, &block)?);
        parent = Some(block);
    }
    check_index_sizes(snapshot, head.number, logs)?;
    let (accounts, slots) = check_state(snapshot, &head)?;
    Ok(CheckReport {
        blocks: head.number.saturating_add(1),
        accounts,
        slots,
    })
}

fn ensure(holds: bool, number: u64, what: &str) -> Result<(), NodeError> {
    if holds {
        Ok(())
    } else {
        Err(NodeError::corrupt(format!("block {number}: {what}")))
    }
}

fn check_block(snapshot: &Snapshot<'_>, block: &Block, parent: Option<&Block>) -> Result<(), NodeError> {
    let (header, number) = (&block.header, block.header.number);
    ensure(
        snapshot.block_of_hash(&block.hash)? == Some(number),
        number,
        "its hash is not indexed",
    )?;
    let (parent_hash, parent_time) =
        parent.map_or((B256::ZERO, 0), |parent| (parent.hash, parent.header.timestamp));
    ensure(header.parent_hash == parent_hash, number, "parent hash differs")?;
    ensure(header.timestamp >= parent_time, number, "time goes backwards")?;
    let Some(body) = &block.body else {
        return ensure(
            number == 0 && header.transactions_root == EMPTY_ROOT_HASH,
            number,
            "its transaction is missing",
        );
    };
    let tx = body.tx.inner();
    ensure(
        header.transactions_root == calculate_transaction_root(&[tx]),
        number,
        "transactions root differs",
    )?;
    ensure(
        header.receipts_root == calculate_receipt_root(&[&body.receipt]),
        number,
        "receipts root differs",
    )?;
    ensure(
        header.logs_bloom == body.receipt.bloom(),
        number,
        "logs bloom differs",
    )?;
    ensure(
        header.gas_used == body.receipt.cumulative_gas_used(),
        number,
        "gas used differs",
    )?;
    ensure(
        tx.recover_signer().ok() == Some(body.tx.signer()),
        number,
        "sender differs from the signature's",
    )?;
    ensure(
        snapshot.block_of_tx(tx.tx_hash())? == Some(number),
        number,
        "its transaction is not indexed",
    )
}

/// Checks that each log's address leads to the block; returns how many index entries the block has.
fn check_logs(snapshot: &Snapshot<'_>, block: &Block) -> Result<u64, NodeError> {
    let number = block.header.number;
    let logs = block.body.iter().flat_map(|body| body.receipt.logs());
    let addresses: std::collections::BTreeSet<Address> = logs.map(|log| log.address).collect();
    for address in &addresses {
        let indexed = snapshot.log_blocks(address, number, number)? == [number];
        ensure(indexed, number, "a log is not indexed")?;
    }
    Ok(u64::try_from(addresses.len()).unwrap_or(u64::MAX))
}

/// With every block found in its index, equal sizes mean that the indexes hold nothing else.
fn check_index_sizes(snapshot: &Snapshot<'_>, head: u64, logs: u64) -> Result<(), NodeError> {
    let raw = snapshot.raw();
    let sizes = [
        (
            "block_of_hash",
            raw.open_table(BLOCK_OF_HASH)?.len()?,
            head.saturating_add(1),
        ),
        ("block_of_tx", raw.open_table(BLOCK_OF_TX)?.len()?, head),
        ("log_blocks", raw.open_table(LOG_BLOCKS)?.len()?, logs),
    ];
    for (table, found, expected) in sizes {
        if found != expected {
            return Err(NodeError::corrupt(format!(
                "index {table} has {found} entries instead of {expected}"
            )));
        }
    }
    Ok(())
}

type Slots = Vec<(B256, U256)>;

/// Recomputes every root from the flat state and compares every trie node.
fn check_state(snapshot: &Snapshot<'_>, head: &Header) -> Result<(u64, u64), NodeError> {
    let raw = snapshot.raw();
    let (mut storage, slots) = read_storage(snapshot)?;
    let mut accounts = BTreeMap::new();
    let mut nodes = 0_u64;
    for entry in raw.open_table(ACCOUNTS)?.iter()? {
        let (address, bytes) = entry?;
        let address = Address::from(*address.value());
        let account = store::decode_account(bytes.value())?;
        let slots = storage.remove(&address).unwrap_or_default();
        if storage_root_unhashed(slots.iter().copied()) != account.storage_root {
            return Err(NodeError::corrupt(format!(
                "the storage of {address} has another root than its account says"
            )));
        }
        let leaves = slots
            .into_iter()
            .map(|(slot, value)| (keccak256(slot), Some(alloy::rlp::encode(value))));
        nodes = nodes.saturating_add(check_trie(
            snapshot,
            &store::storage_trie(&address),
            leaves.collect(),
        )?);
        snapshot.code(&account.code_hash)?;
        accounts.insert(address, account);
    }
    if let Some((address, _)) = storage.first_key_value() {
        return Err(NodeError::corrupt(format!(
            "{address} has storage but no account"
        )));
    }
    ensure(
        state_root_unhashed(accounts.clone()) == head.state_root,
        head.number,
        "the state on disk has another root",
    )?;
    let count = u64::try_from(accounts.len()).unwrap_or(u64::MAX);
    let leaves = accounts
        .into_iter()
        .map(|(address, account)| (keccak256(address), Some(alloy::rlp::encode(account))));
    nodes = nodes.saturating_add(check_trie(snapshot, &store::ACCOUNT_TRIE, leaves.collect())?);
    let found = snapshot.trie()?.len()?;
    if found != nodes {
        return Err(NodeError::corrupt(format!(
            "the tries have {found} nodes instead of {nodes}"
        )));
    }
    check_code(snapshot)?;
    Ok((count, slots))
}

fn read_storage(snapshot: &Snapshot<'_>) -> Result<(BTreeMap<Address, Slots>, u64), NodeError> {
    let mut storage: BTreeMap<Address, Slots> = BTreeMap::new();
    let mut count = 0_u64;
    for entry in snapshot.raw().open_table(STORAGE)?.iter()? {
        let (key, value) = entry?;
        let (address, slot) = key.value().split_at(20);
        let value = U256::from_be_bytes(*value.value());
        storage
            .entry(Address::from_slice(address))
            .or_default()
            .push((B256::from_slice(slot), value));
        count = count.saturating_add(1);
    }
    Ok((storage, count))
}

/// Builds the trie of `leaves` afresh and compares it with the stored one node by node; returns its number of nodes.
fn check_trie(snapshot: &Snapshot<'_>, owner: &[u8], leaves: trie::Updates) -> Result<u64, NodeError> {
    let mut fresh = BTreeMap::new();
    trie::update(&mut fresh, owner, &leaves)?;
    let stored = snapshot.trie()?;
    for (key, rlp) in &fresh {
        let same = stored
            .get(key.as_slice())?
            .is_some_and(|found| found.value() == rlp.as_slice());
        if !same {
            return Err(NodeError::corrupt(format!(
                "trie node {key:02x?} differs from what the state yields"
            )));
        }
    }
    Ok(u64::try_from(fresh.len()).unwrap_or(u64::MAX))
}

fn check_code(snapshot: &Snapshot<'_>) -> Result<(), NodeError> {
    for entry in snapshot.raw().open_table(CODE)?.iter()? {
        let (hash, code) = entry?;
        let hash = B256::from(*hash.value());
        if keccak256(code.value()) != hash {
            return Err(NodeError::corrupt(format!("code {hash} has another hash")));
        }
    }
    Ok(())
}
