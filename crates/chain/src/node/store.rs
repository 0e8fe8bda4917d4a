//! The chain on disk: one redb file, one write transaction per block.
//!
//! Table layout and formats are documented in `docs/embedded-node.md`; [`FORMAT`] changes with them.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use alloy::consensus::transaction::Recovered;
use alloy::consensus::{Header, ReceiptEnvelope, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::map::HashMap;
use alloy::primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Log, U256};
use alloy::rlp::Decodable;
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use redb::{
    Database, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, Table,
    TableDefinition, WriteTransaction,
};
use revm::bytecode::Bytecode;
use revm::database_interface::DatabaseRef;
use revm::state::AccountInfo;

use super::error::NodeError;
use super::trie::{ReadNodes, WriteNodes};

/// Version of the on-disk format.
pub(crate) const FORMAT: u64 = 1;
/// Name of the store inside the chain's directory.
pub(crate) const FILE: &str = "chain.redb";
/// Its name until the genesis block is in it.
const NEW_FILE: &str = "chain.redb.new";
/// Locked as long as the chain is open. The lock vanishes with the process, however it ends.
const LOCK_FILE: &str = "lock";

pub(crate) const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
pub(crate) const ACCOUNTS: TableDefinition<'static, &[u8; 20], &[u8]> = TableDefinition::new("accounts");
pub(crate) const STORAGE: TableDefinition<'static, &[u8; 52], &[u8; 32]> = TableDefinition::new("storage");
pub(crate) const CODE: TableDefinition<'static, &[u8; 32], &[u8]> = TableDefinition::new("code");
pub(crate) const TRIE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("trie");
pub(crate) const HEADERS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("headers");
pub(crate) const BODIES: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("bodies");
pub(crate) const RECEIPTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("receipts");
pub(crate) const BLOCK_OF_HASH: TableDefinition<'static, &[u8; 32], u64> =
    TableDefinition::new("block_of_hash");
pub(crate) const BLOCK_OF_TX: TableDefinition<'static, &[u8; 32], u64> = TableDefinition::new("block_of_tx");
pub(crate) const LOG_BLOCKS: TableDefinition<'static, (&[u8; 20], u64), ()> =
    TableDefinition::new("log_blocks");

/// Key prefix of the account trie's nodes.
pub(crate) const ACCOUNT_TRIE: [u8; 1] = [0];

/// Key prefix of the nodes of an account's storage trie.
pub(crate) fn storage_trie(address: &Address) -> [u8; 21] {
    let mut owner = [1; 21];
    let (_, rest) = owner.split_at_mut(1);
    rest.copy_from_slice(address.as_slice());
    owner
}

/// Key of a storage slot: address, then slot.
pub(crate) fn slot_key(address: &Address, slot: &B256) -> [u8; 52] {
    let mut key = [0; 52];
    let (left, right) = key.split_at_mut(20);
    left.copy_from_slice(address.as_slice());
    right.copy_from_slice(slot.as_slice());
    key
}

/// An open store. Reads take snapshots and never wait for the writer.
pub(crate) struct Store {
    /// Taken when the store is dropped.
    db: Option<Database>,
    dir: PathBuf,
    /// Whether this process made the file, so that it may be empty.
    fresh: bool,
    /// Absent in tests without files. Released after the database is closed.
    lock: Option<std::fs::File>,
    /// Analysed bytecode by hash: finding the jump destinations of a contract costs more than running most calls.
    code_cache: RwLock<HashMap<B256, Bytecode>>,
}

/// More analysed contracts than this and the cache starts afresh (24 KiB each at most under EIP-170, so about 15 MiB).
const CODE_CACHE: usize = 512;
/// Page cache of the store in bytes; the whole state of a governance chain fits.
const PAGE_CACHE: usize = 64 << 20;

impl Drop for Store {
    fn drop(&mut self) {
        // Closing writes the allocator's state for a quick start, which asserts if a damaged file gave it a wrong one.
        // Nothing is lost without it: the next opening rebuilds it.
        let db = self.db.take();
        let _ = guard(|| {
            drop(db);
            Ok(())
        });
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store of `dir`, or begins a new one. A new one is empty, and nobody finds it before
    /// [`Store::publish`]: a crash while a chain is created leaves no chain rather than half of one.
    pub(crate) fn open(dir: &Path, create: bool) -> Result<Self, NodeError> {
        let path = dir.join(FILE);
        let exists = path
            .try_exists()
            .map_err(|source| io("can't look for", &path, source))?;
        if !exists && !create {
            return Err(NodeError::NoChain { dir: dir.to_owned() });
        }
        std::fs::create_dir_all(dir).map_err(|source| io("can't create", dir, source))?;
        let lock = lock(dir)?;
        // Whoever held the lock a moment ago may have created the chain.
        let exists = path
            .try_exists()
            .map_err(|source| io("can't look for", &path, source))?;
        let file = if exists { path } else { dir.join(NEW_FILE) };
        if !exists && let Err(source) = std::fs::remove_file(&file) {
            // What an interrupted creation left; usually nothing.
            if source.kind() != std::io::ErrorKind::NotFound {
                return Err(io("can't remove", &file, source));
            }
        }
        let mut builder = redb::Builder::new();
        builder.set_cache_size(PAGE_CACHE);
        let db = guard(|| {
            let opened = if exists {
                builder.open(&file)
            } else {
                builder.create(&file)
            };
            opened.map_err(|error| open_error(error, dir, &file))
        })?;
        let mut store = Self::over(db, dir);
        store.fresh = !exists;
        store.lock = Some(lock);
        Ok(store)
    }

    /// Gives a new store its name, after its first commit. Does nothing for a store that was there before.
    pub(crate) fn publish(&self) -> Result<(), NodeError> {
        if !self.fresh || self.lock.is_none() {
            return Ok(());
        }
        let (new, path) = (self.dir.join(NEW_FILE), self.dir.join(FILE));
        std::fs::rename(&new, &path).map_err(|source| io("can't rename", &new, source))?;
        // The name must be as durable as the content.
        let synced = std::fs::File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| io("can't sync", &self.dir, source))
    }

    /// A store over an already opened database.
    pub(crate) fn over(db: Database, dir: &Path) -> Self {
        Self {
            db: Some(db),
            dir: dir.to_owned(),
            fresh: true,
            lock: None,
            code_cache: RwLock::default(),
        }
    }

    /// Whether the store may lawfully hold no chain yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The chain's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A consistent view of the latest committed block.
    pub(crate) fn snapshot(&self) -> Result<Snapshot<'_>, NodeError> {
        let txn = self.db()?.begin_read()?;
        Ok(Snapshot { store: self, txn })
    }

    /// Begins a write transaction whose commit is durable when it returns.
    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, NodeError> {
        let mut txn = self.db()?.begin_write()?;
        txn.set_durability(Durability::Immediate)?;
        Ok(txn)
    }

    fn db(&self) -> Result<&Database, NodeError> {
        self.db
            .as_ref()
            .ok_or_else(|| NodeError::corrupt("the store is closed"))
    }

    fn cached_code(&self, hash: &B256) -> Option<Bytecode> {
        self.code_cache
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash)
            .cloned()
    }

    fn cache_code(&self, hash: B256, code: &Bytecode) {
        let mut cache = self.code_cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CODE_CACHE {
            cache.clear();
        }
        cache.insert(hash, code.clone());
    }
}

/// Runs `read`, turning a panic of the database into an error: it trusts its own pages, and asserts where a damaged
/// file contradicts them.
pub(crate) fn guard<T>(read: impl FnOnce() -> Result<T, NodeError>) -> Result<T, NodeError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(NodeError::corrupt(
            "the database found its own pages in contradiction",
        ))
    })
}

fn lock(dir: &Path) -> Result<std::fs::File, NodeError> {
    let path = dir.join(LOCK_FILE);
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|source| io("can't open", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(NodeError::InUse { dir: dir.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(io("can't lock", &path, source)),
    }
}

fn io(what: &'static str, path: &Path, source: std::io::Error) -> NodeError {
    NodeError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

fn open_error(error: redb::DatabaseError, dir: &Path, path: &Path) -> NodeError {
    match error {
        redb::DatabaseError::DatabaseAlreadyOpen => NodeError::InUse { dir: dir.to_owned() },
        redb::DatabaseError::UpgradeRequired(found) => NodeError::corrupt(format!(
            "{} is in file format {found} of its database",
            path.display()
        )),
        redb::DatabaseError::RepairAborted => {
            NodeError::corrupt(format!("{} could not be repaired", path.display()))
        }
        redb::DatabaseError::Storage(redb::StorageError::Corrupted(what)) => {
            NodeError::corrupt(format!("{}: {what}", path.display()))
        }
        redb::DatabaseError::Storage(redb::StorageError::Io(source)) => match source.kind() {
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
                NodeError::corrupt(format!("{}: {source}", path.display()))
            }
            _ => io("can't open", path, source),
        },
        other => NodeError::Store(Box::new(other.into())),
    }
}

/// An account as stored: its trie fields. The flat copy spares a walk down the trie on every read.
pub(crate) fn decode_account(bytes: &[u8]) -> Result<TrieAccount, NodeError> {
    decode_exact(bytes, || "an account".to_owned())
}

/// RLP-decodes all of `bytes`.
pub(crate) fn decode_exact<T: Decodable>(bytes: &[u8], what: impl Fn() -> String) -> Result<T, NodeError> {
    let mut rest = bytes;
    let value = T::decode(&mut rest).map_err(|error| NodeError::corrupt(format!("{}: {error}", what())))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(NodeError::corrupt(format!("bytes after {}", what())))
    }
}

/// A block with all that is stored about it.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) header: Header,
    pub(crate) hash: B256,
    /// `None` for the genesis block; every other block has exactly one transaction.
    pub(crate) body: Option<Body>,
}

/// A block's transaction with its sender and receipt.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) tx: Recovered<TxEnvelope>,
    pub(crate) receipt: ReceiptEnvelope<Log>,
}

/// A view of the chain as of one block. Later blocks don't show in it.
pub(crate) struct Snapshot<'s> {
    store: &'s Store,
    txn: ReadTransaction,
}

impl Snapshot<'_> {
    fn missing(what: impl std::fmt::Display) -> NodeError {
        NodeError::corrupt(format!("{what} is missing"))
    }

    /// A number of the meta table; `None` also when the store is still empty.
    pub(crate) fn meta(&self, key: &str) -> Result<Option<u64>, NodeError> {
        match self.txn.open_table(META) {
            Ok(table) => Ok(table.get(key)?.map(|value| value.value())),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Number and header of the latest block.
    pub(crate) fn head(&self) -> Result<Header, NodeError> {
        let table = self.txn.open_table(HEADERS)?;
        let (number, rlp) = table.last()?.ok_or_else(|| Self::missing("the latest block"))?;
        decode_exact(rlp.value(), || format!("header {}", number.value()))
    }

    /// The header of block `number`.
    pub(crate) fn header(&self, number: u64) -> Result<Option<Header>, NodeError> {
        let table = self.txn.open_table(HEADERS)?;
        let Some(rlp) = table.get(number)? else {
            return Ok(None);
        };
        decode_exact(rlp.value(), || format!("header {number}")).map(Some)
    }

    /// The header of block `number`, which must exist.
    pub(crate) fn require_header(&self, number: u64) -> Result<Header, NodeError> {
        self.header(number)?
            .ok_or_else(|| Self::missing(format_args!("header {number}")))
    }

    /// The number of the block with this hash.
    pub(crate) fn block_of_hash(&self, hash: &B256) -> Result<Option<u64>, NodeError> {
        Ok(self
            .txn
            .open_table(BLOCK_OF_HASH)?
            .get(&hash.0)?
            .map(|number| number.value()))
    }

    /// The number of the block that includes this transaction.
    pub(crate) fn block_of_tx(&self, hash: &B256) -> Result<Option<u64>, NodeError> {
        Ok(self
            .txn
            .open_table(BLOCK_OF_TX)?
            .get(&hash.0)?
            .map(|number| number.value()))
    }

    /// The transaction of block `number`, if it has one.
    pub(crate) fn transaction(&self, number: u64) -> Result<Option<Recovered<TxEnvelope>>, NodeError> {
        let table = self.txn.open_table(BODIES)?;
        let Some(bytes) = table.get(number)? else {
            return Ok(None);
        };
        let (sender, encoded) = bytes
            .value()
            .split_at_checked(20)
            .ok_or_else(|| NodeError::corrupt(format!("the transaction of block {number} is cut off")))?;
        let tx = TxEnvelope::decode_2718_exact(encoded)
            .map_err(|error| NodeError::corrupt(format!("the transaction of block {number}: {error}")))?;
        Ok(Some(Recovered::new_unchecked(tx, Address::from_slice(sender))))
    }

    /// The receipt of block `number`'s transaction.
    pub(crate) fn receipt(&self, number: u64) -> Result<Option<ReceiptEnvelope<Log>>, NodeError> {
        let table = self.txn.open_table(RECEIPTS)?;
        let Some(bytes) = table.get(number)? else {
            return Ok(None);
        };
        ReceiptEnvelope::decode_2718_exact(bytes.value())
            .map(Some)
            .map_err(|error| NodeError::corrupt(format!("the receipt of block {number}: {error}")))
    }

    /// Block `number` with everything in it.
    pub(crate) fn block(&self, number: u64) -> Result<Option<Block>, NodeError> {
        let Some(header) = self.header(number)? else {
            return Ok(None);
        };
        let body = match self.transaction(number)? {
            None => None,
            Some(tx) => {
                let receipt = self.receipt(number)?;
                Some(Body {
                    tx,
                    receipt: receipt.ok_or_else(|| Self::missing(format_args!("receipt {number}")))?,
                })
            }
        };
        Ok(Some(Block {
            hash: header.hash_slow(),
            header,
            body,
        }))
    }

    /// Numbers within `from..=to` of the blocks in which `address` logged, in order.
    pub(crate) fn log_blocks(&self, address: &Address, from: u64, to: u64) -> Result<Vec<u64>, NodeError> {
        let table = self.txn.open_table(LOG_BLOCKS)?;
        let range = table.range((&address.0.0, from)..=(&address.0.0, to))?;
        range.map(|entry| Ok(entry?.0.value().1)).collect()
    }

    /// The account at `address`, if it exists.
    pub(crate) fn account(&self, address: &Address) -> Result<Option<TrieAccount>, NodeError> {
        let table = self.txn.open_table(ACCOUNTS)?;
        table
            .get(&address.0.0)?
            .map(|bytes| decode_account(bytes.value()))
            .transpose()
    }

    /// The code with this hash; empty for the hash of nothing.
    pub(crate) fn code(&self, hash: &B256) -> Result<Bytes, NodeError> {
        if *hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        let table = self.txn.open_table(CODE)?;
        let code = table
            .get(&hash.0)?
            .ok_or_else(|| Self::missing(format_args!("code {hash}")))?;
        Ok(Bytes::copy_from_slice(code.value()))
    }

    /// The value of a storage slot, zero when unset.
    pub(crate) fn slot(&self, address: &Address, slot: &B256) -> Result<U256, NodeError> {
        let table = self.txn.open_table(STORAGE)?;
        let value = table.get(&slot_key(address, slot))?;
        Ok(value.map_or(U256::ZERO, |value| U256::from_be_bytes(*value.value())))
    }

    /// The trie nodes, for proofs.
    pub(crate) fn trie(&self) -> Result<ReadOnlyTable<&'static [u8], &'static [u8]>, NodeError> {
        Ok(self.txn.open_table(TRIE)?)
    }

    /// The transaction itself, for checks that walk whole tables.
    pub(crate) fn raw(&self) -> &ReadTransaction {
        &self.txn
    }
}

impl DatabaseRef for Snapshot<'_> {
    type Error = NodeError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, NodeError> {
        Ok(self.account(&address)?.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            code: None,
        }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, NodeError> {
        if let Some(code) = self.store.cached_code(&hash) {
            return Ok(code);
        }
        let code = Bytecode::new_raw_checked(self.code(&hash)?)
            .map_err(|error| NodeError::corrupt(format!("code {hash}: {error}")))?;
        self.store.cache_code(hash, &code);
        Ok(code)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, NodeError> {
        self.slot(&address, &slot.into())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, NodeError> {
        Ok(self.require_header(number)?.hash_slow())
    }
}

impl ReadNodes for ReadOnlyTable<&'static [u8], &'static [u8]> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(ReadableTable::get(self, key)?.map(|rlp| rlp.value().to_vec()))
    }
}

impl ReadNodes for Table<'_, &'static [u8], &'static [u8]> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(ReadableTable::get(self, key)?.map(|rlp| rlp.value().to_vec()))
    }
}

impl WriteNodes for Table<'_, &'static [u8], &'static [u8]> {
    fn put(&mut self, key: &[u8], rlp: &[u8]) -> Result<(), NodeError> {
        self.insert(key, rlp)?;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), NodeError> {
        self.remove(key)?;
        Ok(())
    }
}

/// Writes `block` and its indexes into `txn`.
pub(crate) fn put_block(txn: &WriteTransaction, block: &Block) -> Result<(), NodeError> {
    let number = block.header.number;
    txn.open_table(HEADERS)?
        .insert(number, alloy::rlp::encode(&block.header).as_slice())?;
    txn.open_table(BLOCK_OF_HASH)?.insert(&block.hash.0, number)?;
    let mut bodies = txn.open_table(BODIES)?;
    let mut receipts = txn.open_table(RECEIPTS)?;
    let mut by_tx = txn.open_table(BLOCK_OF_TX)?;
    let mut by_log = txn.open_table(LOG_BLOCKS)?;
    let Some(Body { tx, receipt }) = &block.body else {
        return Ok(());
    };
    let mut stored = tx.signer().to_vec();
    tx.inner().encode_2718(&mut stored);
    bodies.insert(number, stored.as_slice())?;
    receipts.insert(number, receipt.encoded_2718().as_slice())?;
    by_tx.insert(&tx.inner().tx_hash().0, number)?;
    for log in receipt.logs() {
        by_log.insert((&log.address.0.0, number), ())?;
    }
    Ok(())
}

/// The storage root an account without storage has.
pub(crate) const NO_STORAGE: B256 = EMPTY_ROOT_HASH;
