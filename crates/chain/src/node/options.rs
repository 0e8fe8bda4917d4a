//! What the embedded node is told when it opens.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, U256};

use super::error::NodeError;

/// Chain id of a development chain of Stele, `0x57e1e`. Chosen to clash with no public network and with none of
/// the ids that development tools default to (1337 geth, 31337 anvil and hardhat).
pub const DEV_CHAIN_ID: u64 = 359_966;

/// Largest chain id: a legacy signature's `v` is 2 x id + 36 at most, which wallets written in JavaScript must hold
/// exactly, i.e. below 2^53.
const MAX_CHAIN_ID: u64 = (1 << 52) - 19;

/// Default block gas limit: what Ethereum's main network uses in 2026.
pub const DEFAULT_BLOCK_GAS_LIMIT: u64 = 60_000_000;

/// Source of the time, in seconds since the Unix epoch. Block timestamps come from it and never go backwards,
/// even if it does.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's clock. The only place of this module that reads it; a caller passes it in.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs())
    })
}

/// How an embedded chain is created and run.
///
/// `chain_id` and `alloc` identify the chain: opening a directory with other values than those it was created with
/// is an error. The other fields may change from one run to the next: they bind the blocks made from then on.
#[derive(Clone)]
pub struct NodeOptions {
    /// Chain id (EIP-155), at least 1.
    pub chain_id: u64,
    /// Balances in wei of the genesis block.
    pub alloc: BTreeMap<Address, U256>,
    /// Gas limit of every block, hence of a transaction, an `eth_call` and an estimate.
    pub block_gas_limit: u64,
    /// Base fee of every block in wei per gas. Fixed: there is no market to price. Zero lets keys without any
    /// balance send transactions; it is burnt as EIP-1559 says.
    pub base_fee: u64,
    /// Largest contract in bytes; `None` keeps EIP-170 (24,576 bytes, and twice that for init code, EIP-3860).
    pub max_code_size: Option<usize>,
    /// Source of block timestamps.
    pub clock: Clock,
}

impl NodeOptions {
    /// A development chain: [`DEV_CHAIN_ID`], no balances, zero base fee, standard limits.
    #[must_use]
    pub fn dev(clock: Clock) -> Self {
        Self {
            chain_id: DEV_CHAIN_ID,
            alloc: BTreeMap::new(),
            block_gas_limit: DEFAULT_BLOCK_GAS_LIMIT,
            base_fee: 0,
            max_code_size: None,
            clock,
        }
    }

    /// The same options with `balance` wei for `address` in the genesis block.
    #[must_use]
    pub fn with_balance(mut self, address: Address, balance: U256) -> Self {
        self.alloc.insert(address, balance);
        self
    }

    pub(crate) fn validate(&self) -> Result<(), NodeError> {
        if !(1..=MAX_CHAIN_ID).contains(&self.chain_id) {
            let text = format!("chain id {} is outside 1..={MAX_CHAIN_ID}", self.chain_id);
            return Err(NodeError::Option(text));
        }
        if self.block_gas_limit < 5_000 {
            return Err(NodeError::Option(format!(
                "block gas limit {} is under 5000",
                self.block_gas_limit
            )));
        }
        Ok(())
    }
}

impl fmt::Debug for NodeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeOptions")
            .field("chain_id", &self.chain_id)
            .field("alloc", &self.alloc)
            .field("block_gas_limit", &self.block_gas_limit)
            .field("base_fee", &self.base_fee)
            .field("max_code_size", &self.max_code_size)
            .finish_non_exhaustive()
    }
}
