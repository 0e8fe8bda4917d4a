//! Running a transaction of the chain again, here, under an inspector.

use alloy::consensus::Transaction as _;
use alloy::eips::BlockId;
use alloy::network::{ReceiptResponse as _, TransactionResponse as _};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider as _;
use alloy::rpc::types::{Block, Transaction, TransactionReceipt};
use revm::context::Context;
use revm::context::result::ExecutionResult;
use revm::database::CacheDB;
use revm::database_interface::{DBErrorMarker, DatabaseRef};
use revm::handler::MainnetContext;
use revm::state::{AccountInfo, Bytecode};
use revm::{ExecuteCommitEvm as _, InspectEvm as _, Inspector, MainBuilder as _, MainContext as _};
use stele_types::{BlockNumber, Gas};

use super::connection::ChainClient;
use crate::error::ChainError;
use crate::node::evm;

/// What an inspector of a replay sees: the chain's state, fetched as it is read.
pub type ReplayContext = MainnetContext<CacheDB<RemoteState>>;

/// Which state the transaction ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayState {
    /// The one it ran on when it was included.
    Original,
    /// Today's, because the node doesn't keep that of old blocks. What depends on storage may run otherwise.
    Newest,
}

/// A transaction that was run again.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Who sent it.
    pub from: Address,
    /// The contract it called; `None` for one that creates a contract.
    pub to: Option<Address>,
    /// The block that includes it.
    pub block: BlockNumber,
    /// The state it ran on here.
    pub state: ReplayState,
    /// Whether it succeeded here.
    pub success: bool,
    /// What it returned or reverted with here.
    pub output: Bytes,
    /// What it used here.
    pub gas_used: Gas,
    /// Whether it succeeded on the chain.
    pub receipt_success: bool,
    /// What it used on the chain. The chain may have other prices: the replay follows the rules of the embedded node.
    pub receipt_gas: Gas,
}

impl ChainClient {
    /// Runs an included transaction again under an inspector, after the transactions before it in its block. `None` if
    /// the chain has no such transaction, or has not included it yet. Call it from a multi-threaded runtime.
    pub async fn replay<I>(&self, transaction: B256, inspector: &mut I) -> Result<Option<Replay>, ChainError>
    where
        I: Inspector<ReplayContext>,
    {
        let Some(included) = self.included(transaction).await? else {
            return Ok(None);
        };
        let parent = BlockId::number(included.block.header.number.saturating_sub(1));
        let sender = included.transaction.from();
        let (at, state) = match self.account(sender, parent).await {
            Ok(_) => (parent, ReplayState::Original),
            Err(ChainError::Rpc { .. }) => (BlockId::latest(), ReplayState::Newest),
            Err(error) => return Err(error),
        };
        let remote = RemoteState {
            client: self.clone(),
            runtime: tokio::runtime::Handle::current(),
            at,
        };
        let result = tokio::task::block_in_place(|| self.execute(&included, remote, state, inspector))?;
        Ok(Some(Replay {
            from: sender,
            to: included.transaction.to(),
            block: BlockNumber::new(included.block.header.number),
            state,
            success: result.is_success(),
            output: result.output().cloned().unwrap_or_default(),
            gas_used: Gas::new(result.tx_gas_used()),
            receipt_success: included.receipt.status(),
            receipt_gas: Gas::new(included.receipt.gas_used()),
        }))
    }

    async fn included(&self, hash: B256) -> Result<Option<Included>, ChainError> {
        let transaction = || async { self.provider.get_transaction_by_hash(hash).await };
        let Some(transaction) = self.retry("eth_getTransactionByHash", transaction).await? else {
            return Ok(None);
        };
        let Some(number) = transaction.block_number() else {
            return Ok(None);
        };
        let receipt = || async { self.provider.get_transaction_receipt(hash).await };
        let receipt = self.retry("eth_getTransactionReceipt", receipt).await?;
        let block = || async { self.provider.get_block_by_number(number.into()).full().await };
        let block = self.retry("eth_getBlockByNumber", block).await?;
        let missing = |operation: &'static str| self.bad_answer(operation, format!("nothing of {hash}"));
        Ok(Some(Included {
            transaction,
            receipt: receipt.ok_or_else(|| missing("eth_getTransactionReceipt"))?,
            block: block.ok_or_else(|| missing("eth_getBlockByNumber"))?,
        }))
    }

    fn execute<I>(
        &self,
        included: &Included,
        remote: RemoteState,
        state: ReplayState,
        inspector: &mut I,
    ) -> Result<ExecutionResult, ChainError>
    where
        I: Inspector<ReplayContext>,
    {
        let transaction = &included.transaction;
        let mut db = CacheDB::new(remote);
        if state == ReplayState::Newest {
            // The sender of today has another nonce, and may have spent what the transaction needs.
            let info = AccountInfo {
                balance: U256::MAX.wrapping_shr(1),
                nonce: transaction.nonce(),
                ..AccountInfo::default()
            };
            db.insert_account_info(transaction.from(), info);
        }
        let refused = |error: String| self.bad_answer("replaying the transaction", error);
        let mut evm = Context::mainnet()
            .with_db(db)
            .with_block(evm::Env::of(&included.block.header.inner).block())
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(evm::SPEC);
                cfg.chain_id = self.chain_id().get();
            })
            .build_mainnet_with_inspector(inspector);
        let before = included.block.transactions.txns();
        for earlier in before.take_while(|other| other.tx_hash() != transaction.tx_hash()) {
            if state == ReplayState::Original {
                evm.transact_commit(evm::tx_env(&earlier.inner))
                    .map_err(|error| refused(error.to_string()))?;
            }
        }
        evm.inspect_one_tx(evm::tx_env(&transaction.inner))
            .map_err(|error| refused(error.to_string()))
    }

    async fn account(&self, address: Address, at: BlockId) -> Result<AccountInfo, ChainError> {
        let balance = || async { self.provider.get_balance(address).block_id(at).await };
        let nonce = || async { self.provider.get_transaction_count(address).block_id(at).await };
        let code = || async { self.provider.get_code_at(address).block_id(at).await };
        let code = Bytecode::new_raw(self.retry("eth_getCode", code).await?);
        Ok(AccountInfo {
            balance: self.retry("eth_getBalance", balance).await?,
            nonce: self.retry("eth_getTransactionCount", nonce).await?,
            code_hash: code.hash_slow(),
            code: Some(code),
            ..AccountInfo::default()
        })
    }

    fn bad_answer(&self, operation: &'static str, reason: String) -> ChainError {
        ChainError::BadAnswer {
            endpoint: self.endpoint().to_owned(),
            operation,
            reason,
        }
    }
}

/// A transaction with its receipt and its block, all transactions of the block included.
struct Included {
    transaction: Transaction,
    receipt: TransactionReceipt,
    block: Block,
}

/// The state of a chain at one block, asked of its node when it is read.
#[derive(Debug, Clone)]
pub struct RemoteState {
    client: ChainClient,
    runtime: tokio::runtime::Handle,
    at: BlockId,
}

impl DBErrorMarker for ChainError {}

impl DatabaseRef for RemoteState {
    type Error = ChainError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ChainError> {
        self.runtime
            .block_on(self.client.account(address, self.at))
            .map(Some)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ChainError> {
        // Accounts come with their code.
        Err(self
            .client
            .bad_answer("eth_getCode", format!("no code with hash {code_hash}")))
    }

    fn storage_ref(&self, address: Address, index: U256) -> Result<U256, ChainError> {
        let provider = &self.client.provider;
        let read = || async { provider.get_storage_at(address, index).block_id(self.at).await };
        self.runtime.block_on(self.client.retry("eth_getStorageAt", read))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ChainError> {
        let provider = &self.client.provider;
        let read = || async { provider.get_block_by_number(number.into()).await };
        let block = self
            .runtime
            .block_on(self.client.retry("eth_getBlockByNumber", read))?;
        Ok(block.map(|block| block.header.hash).unwrap_or_default())
    }
}
