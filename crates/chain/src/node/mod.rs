//! The embedded node: an Ethereum chain of one producer inside this process.
//!
//! Every signed transaction is executed (revm, Prague rules) in a block of its own, made durable in one write
//! transaction of one file, and only then visible. Ordinary Ethereum tools reach it over JSON-RPC: inside the process
//! through [`transport`], outside through [`serve`]. See `docs/embedded-node.md` for what it implements, how it
//! differs from geth and anvil, the layout on disk, and why a crash at any point leaves a consistent chain.
//!
//! ```no_run
//! use stele_chain::node::{self, Node, NodeOptions};
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let node = Node::open("./chain", NodeOptions::dev(node::system_clock()))?;
//! let provider = node::transport::provider(&node);
//! # Ok(())
//! # }
//! ```

mod check;
mod error;
pub(crate) mod evm;
mod genesis;
mod options;
mod rpc;
mod serve;
mod state;
mod store;
mod submit;
pub mod transport;
mod trie;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::consensus::Header;
use alloy::primitives::{Address, B256};

pub use check::CheckReport;
pub use error::NodeError;
pub use options::{Clock, DEFAULT_BLOCK_GAS_LIMIT, DEV_CHAIN_ID, NodeOptions, system_clock};
pub use serve::{NodeServer, serve};
pub use submit::SubmitError;

use evm::{Env, Rules};
use rpc::filters::Filters;
use store::Store;

/// How long a transaction waits for those with lower nonces before it is refused.
const NONCE_PATIENCE: Duration = Duration::from_secs(1);
/// How far ahead its nonce may be for that.
const NONCE_GAP: u64 = 64;
/// How many transactions may wait at a time: each holds a thread.
const MAX_WAITING: usize = 64;
/// EIP-170: largest contract in bytes unless [`NodeOptions::max_code_size`] says otherwise.
const EIP170_CODE_SIZE: usize = 0x6000;

/// An embedded chain. Share it as `Arc<Node>`; all methods take `&self` and may be called from any thread. They block
/// on the disk, so async code calls them through [`transport`] or [`serve`].
#[derive(Debug)]
pub struct Node {
    store: Store,
    options: NodeOptions,
    /// Held while a block is made. Readers never take it.
    writer: Mutex<Waiting>,
    /// Notified after each block, for transactions that wait for an earlier nonce.
    made: Condvar,
    filters: Filters,
}

/// The latest block, as [`Node::head`] reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the block; the genesis block is 0.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its timestamp in seconds since the Unix epoch.
    pub timestamp: u64,
}

impl Node {
    /// Opens the chain in directory `dir`, or creates it there.
    ///
    /// # Errors
    /// [`NodeError::InUse`] when another process has it open, [`NodeError::OtherChainId`] and
    /// [`NodeError::OtherGenesis`] when it holds another chain, [`NodeError::Corrupt`] when it contradicts itself.
    pub fn open(dir: impl AsRef<Path>, options: NodeOptions) -> Result<Arc<Self>, NodeError> {
        options.validate()?;
        let store = Store::open(dir.as_ref(), true)?;
        Self::over(store, options)
    }

    /// Opens the chain in `dir` whatever its chain id and genesis are; of `options` only the other fields count.
    ///
    /// # Errors
    /// As [`Node::open`], and [`NodeError::NoChain`] when there is none.
    pub fn open_existing(dir: impl AsRef<Path>, mut options: NodeOptions) -> Result<Arc<Self>, NodeError> {
        let store = Store::open(dir.as_ref(), false)?;
        options.chain_id = store::guard(|| genesis::adopt(&store))?;
        options.validate()?;
        Ok(Arc::new(Self::new(store, options)))
    }

    fn over(store: Store, options: NodeOptions) -> Result<Arc<Self>, NodeError> {
        store::guard(|| genesis::ensure(&store, &options))?;
        Ok(Arc::new(Self::new(store, options)))
    }

    fn new(store: Store, options: NodeOptions) -> Self {
        Self {
            store,
            options,
            writer: Mutex::default(),
            made: Condvar::new(),
            filters: Filters::default(),
        }
    }

    /// The chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.options.chain_id
    }

    /// The latest block.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn head(&self) -> Result<Head, NodeError> {
        let header = self.store.snapshot()?.head()?;
        Ok(Head {
            number: header.number,
            hash: header.hash_slow(),
            timestamp: header.timestamp,
        })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn filters(&self) -> &Filters {
        &self.filters
    }

    pub(crate) fn options(&self) -> &NodeOptions {
        &self.options
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules {
            chain_id: self.options.chain_id,
            max_code_size: self.options.max_code_size,
        }
    }

    /// EIP-3860: largest init code in bytes.
    pub(crate) fn max_initcode(&self) -> usize {
        self.options
            .max_code_size
            .unwrap_or(EIP170_CODE_SIZE)
            .saturating_mul(2)
    }

    /// The block that would come after `parent` now. Its timestamp is the clock's, but never before the parent's.
    pub(crate) fn next_env(&self, parent: &Header, parent_hash: &B256) -> Env {
        Env {
            number: parent.number.saturating_add(1),
            timestamp: (self.options.clock)().max(parent.timestamp),
            gas_limit: self.options.block_gas_limit,
            base_fee: self.options.base_fee,
            prevrandao: evm::prevrandao(parent_hash),
        }
    }

    /// Takes the writer's lock when it is this transaction's turn. Tools send a row of transactions over several
    /// connections at once, so one may overtake the one before it: it then waits here, a moment at most.
    fn lock_writer(&self, sender: &Address, nonce: u64) -> MutexGuard<'_, Waiting> {
        // A panic while the lock was held left an uncommitted, hence vanished, transaction; the count stays right.
        let mut guard = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.0 >= MAX_WAITING {
            return guard;
        }
        guard.0 = guard.0.saturating_add(1);
        let is_ahead = |_: &mut Waiting| self.is_ahead(sender, nonce);
        let waited = self.made.wait_timeout_while(guard, NONCE_PATIENCE, is_ahead);
        let mut guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        guard.0 = guard.0.saturating_sub(1);
        guard
    }

    /// Whether `nonce` is a little ahead of the sender's. A store that can't be read ends the waiting: the caller
    /// will meet the same error.
    fn is_ahead(&self, sender: &Address, nonce: u64) -> bool {
        let account = self
            .store
            .snapshot()
            .and_then(|snapshot| snapshot.account(sender));
        let next = account.map_or(nonce, |account| account.unwrap_or_default().nonce);
        nonce
            .checked_sub(next)
            .is_some_and(|gap| (1..=NONCE_GAP).contains(&gap))
    }
}

/// How many transactions wait for an earlier nonce.
#[derive(Debug, Default)]
struct Waiting(usize);

#[cfg(test)]
mod tests;
