//! The first block, and whether a store's first block is the one that was asked for.

use std::collections::BTreeMap;

use alloy::consensus::Header;
use alloy::primitives::{Address, B256, U256, keccak256};
use alloy_trie::TrieAccount;
use alloy_trie::root::state_root_unhashed;
use redb::WriteTransaction;
use revm::state::{Account, AccountInfo, EvmState};

use super::error::NodeError;
use super::evm::Env;
use super::options::NodeOptions;
use super::store::{self, Block, FORMAT, META, Snapshot, Store};
use super::{state, submit};

/// `extraData` of every header.
pub(crate) const EXTRA_DATA: &[u8] = b"stele";
const META_FORMAT: &str = "format";
const META_CHAIN_ID: &str = "chain_id";

/// Creates the genesis block if the store is empty, else checks that it is the chain that `options` describe.
pub(crate) fn ensure(store: &Store, options: &NodeOptions) -> Result<(), NodeError> {
    let snapshot = store.snapshot()?;
    let Some(format) = snapshot.meta(META_FORMAT)? else {
        drop(snapshot);
        if !store.is_fresh() {
            return Err(NodeError::corrupt(format!(
                "{} holds no chain",
                store.dir().join(store::FILE).display()
            )));
        }
        return create(store, options);
    };
    check_format(format)?;
    let found = snapshot
        .meta(META_CHAIN_ID)?
        .ok_or_else(|| NodeError::corrupt("the chain id is missing"))?;
    if found != options.chain_id {
        return Err(NodeError::OtherChainId {
            dir: store.dir().to_owned(),
            found,
            expected: options.chain_id,
        });
    }
    let genesis = snapshot.require_header(0)?;
    check_hash(&snapshot, &genesis)?;
    let found = genesis.state_root;
    let expected = alloc_root(&options.alloc);
    if found != expected {
        return Err(NodeError::OtherGenesis {
            dir: store.dir().to_owned(),
            chain_id: options.chain_id,
            found,
            expected,
        });
    }
    check_head(store)
}

/// Checks a store whose chain is taken as it is; returns its chain id.
pub(crate) fn adopt(store: &Store) -> Result<u64, NodeError> {
    let snapshot = store.snapshot()?;
    let no_chain = || NodeError::NoChain {
        dir: store.dir().to_owned(),
    };
    check_format(snapshot.meta(META_FORMAT)?.ok_or_else(no_chain)?)?;
    let chain_id = snapshot
        .meta(META_CHAIN_ID)?
        .ok_or_else(|| NodeError::corrupt("the chain id is missing"))?;
    check_head(store)?;
    Ok(chain_id)
}

fn check_format(found: u64) -> Result<(), NodeError> {
    if found == FORMAT {
        Ok(())
    } else {
        Err(NodeError::Format {
            found,
            supported: FORMAT,
        })
    }
}

/// The index knows each header by its hash, so a damaged header is found out.
fn check_hash(snapshot: &Snapshot<'_>, header: &Header) -> Result<(), NodeError> {
    match snapshot.block_of_hash(&header.hash_slow())? {
        Some(number) if number == header.number => Ok(()),
        _ => Err(NodeError::corrupt(format!(
            "block {} doesn't have the hash it was indexed by",
            header.number
        ))),
    }
}

/// What can be checked at once: the head links to its parent, and its state root is the root of the account trie.
fn check_head(store: &Store) -> Result<(), NodeError> {
    let snapshot = store.snapshot()?;
    let head = snapshot.head()?;
    check_hash(&snapshot, &head)?;
    if let Some(parent) = head.number.checked_sub(1) {
        let parent = snapshot.require_header(parent)?.hash_slow();
        if parent != head.parent_hash {
            return Err(NodeError::corrupt(format!(
                "block {} doesn't continue its parent",
                head.number
            )));
        }
    }
    let root = super::trie::root(&snapshot.trie()?, &store::ACCOUNT_TRIE)?;
    if root != head.state_root {
        return Err(NodeError::corrupt(format!(
            "the state on disk has root {root}, block {} says {}",
            head.number, head.state_root
        )));
    }
    Ok(())
}

fn create(store: &Store, options: &NodeOptions) -> Result<(), NodeError> {
    let txn = store.begin_write()?;
    create_tables(&txn)?;
    let mut meta = txn.open_table(META)?;
    meta.insert(META_FORMAT, FORMAT)?;
    meta.insert(META_CHAIN_ID, options.chain_id)?;
    drop(meta);
    let state_root = state::apply(&txn, alloc_state(&options.alloc))?;
    let env = Env {
        number: 0,
        timestamp: (options.clock)(),
        gas_limit: options.block_gas_limit,
        base_fee: options.base_fee,
        prevrandao: B256::ZERO,
    };
    let header = submit::header(&env, B256::ZERO, state_root, None);
    store::put_block(
        &txn,
        &Block {
            hash: header.hash_slow(),
            header,
            body: None,
        },
    )?;
    txn.commit()?;
    store.publish()
}

/// Readers open tables that may have no entry yet, so all of them exist from the first commit on.
fn create_tables(txn: &WriteTransaction) -> Result<(), NodeError> {
    txn.open_table(store::ACCOUNTS)?;
    txn.open_table(store::STORAGE)?;
    txn.open_table(store::CODE)?;
    txn.open_table(store::TRIE)?;
    txn.open_table(store::HEADERS)?;
    txn.open_table(store::BODIES)?;
    txn.open_table(store::RECEIPTS)?;
    txn.open_table(store::BLOCK_OF_HASH)?;
    txn.open_table(store::BLOCK_OF_TX)?;
    txn.open_table(store::LOG_BLOCKS)?;
    Ok(())
}

fn alloc_state(alloc: &BTreeMap<Address, U256>) -> EvmState {
    let account = |balance| {
        let mut account = Account::from(AccountInfo {
            balance,
            ..AccountInfo::default()
        });
        account.mark_touch();
        account
    };
    alloc
        .iter()
        .map(|(address, balance)| (*address, account(*balance)))
        .collect()
}

fn alloc_root(alloc: &BTreeMap<Address, U256>) -> B256 {
    let funded = alloc.iter().filter(|(_, balance)| !balance.is_zero());
    state_root_unhashed(funded.map(|(address, balance)| {
        (
            *address,
            TrieAccount {
                balance: *balance,
                code_hash: keccak256([]),
                ..TrieAccount::default()
            },
        )
    }))
}
