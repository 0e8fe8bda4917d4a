//! A raw transaction's way into the chain: decode, check, execute, make durable.

use alloy::consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy::consensus::transaction::{Recovered, SignerRecoverable};
use alloy::consensus::{
    EMPTY_OMMER_ROOT_HASH, Eip658Value, Header, Receipt, ReceiptEnvelope, Transaction, TxEnvelope, TxReceipt,
    TxType,
};
use alloy::eips::eip2718::Decodable2718;
use alloy::eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy::primitives::{Address, B64, B256, Bloom, Bytes, Log, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use revm::context::TxEnv;
use revm::context::result::{ExecutionResult, InvalidTransaction};

use super::Node;
use super::error::NodeError;
use super::evm::{self, Env, Mode, RunError};
use super::store::{self, Block, Body};
use super::{genesis, state};

/// Largest encoded transaction in bytes, as in geth's pool.
const MAX_TX_BYTES: usize = 128 * 1024;

/// Why a raw transaction was not included.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The transaction is at fault; the text is geth's where geth has one.
    #[error("{0}")]
    Rejected(String),
    /// The node failed; the transaction was not included.
    #[error(transparent)]
    Node(#[from] NodeError),
}

fn reject<T>(text: impl Into<String>) -> Result<T, SubmitError> {
    Err(SubmitError::Rejected(text.into()))
}

/// Decodes a transaction and recovers its sender.
pub(crate) fn decode(raw: &[u8], chain_id: u64) -> Result<Recovered<TxEnvelope>, SubmitError> {
    if raw.len() > MAX_TX_BYTES {
        return reject(format!(
            "oversized data: transaction size {}, limit {MAX_TX_BYTES}",
            raw.len()
        ));
    }
    let tx = match TxEnvelope::decode_2718_exact(raw) {
        Ok(tx) => tx,
        Err(error) => return reject(format!("invalid transaction encoding: {error}")),
    };
    if tx.tx_type() == TxType::Eip4844 {
        return reject("transaction type not supported: blob transactions need a consensus layer");
    }
    match tx.chain_id() {
        Some(found) if found == chain_id => {}
        Some(found) => {
            return reject(format!(
                "invalid sender: invalid chain id for signer: have {found} want {chain_id}"
            ));
        }
        None => return reject("only replay-protected (EIP-155) transactions allowed over RPC"),
    }
    match tx.recover_signer() {
        Ok(signer) => Ok(Recovered::new_unchecked(tx, signer)),
        Err(_) => reject("invalid sender: invalid transaction v, r, s values"),
    }
}

impl Node {
    /// Executes a signed transaction (EIP-2718 bytes) in a block of its own. When this returns its hash, block,
    /// receipt and state are durable on disk and visible to every reader.
    ///
    /// # Errors
    /// [`SubmitError::Rejected`] when the transaction breaks a rule, [`SubmitError::Node`] when the disk or the store
    /// fails. In both cases the chain is unchanged.
    pub fn submit(&self, raw: &[u8]) -> Result<B256, SubmitError> {
        let tx = decode(raw, self.rules().chain_id)?;
        let hash = *tx.inner().tx_hash();
        let _writer = self.lock_writer(&tx.signer(), tx.inner().nonce());
        let snapshot = self.store().snapshot()?;
        let parent = snapshot.head()?;
        let parent_hash = parent.hash_slow();
        let env = self.next_env(&parent, &parent_hash);
        let outcome = evm::run(&snapshot, self.rules(), &env, evm::tx_env(&tx), Mode::Transaction);
        let outcome = outcome.map_err(|error| match error {
            RunError::Invalid(error) => {
                SubmitError::Rejected(rejection(&error, &evm::tx_env(&tx), &env, self.max_initcode()))
            }
            RunError::Node(error) => SubmitError::Node(error),
        })?;
        drop(snapshot);
        let receipt = receipt(tx.inner().tx_type(), outcome.result);
        let txn = self.store().begin_write()?;
        let state_root = state::apply(&txn, outcome.state)?;
        let header = header(&env, parent_hash, state_root, Some((&tx, &receipt)));
        let block = Block {
            hash: header.hash_slow(),
            header,
            body: Some(Body { tx, receipt }),
        };
        store::put_block(&txn, &block)?;
        txn.commit().map_err(NodeError::from)?;
        self.made.notify_all();
        tracing::debug!(block = block.header.number, tx = %hash, gas = block.header.gas_used, "block made");
        Ok(hash)
    }
}

/// The receipt of a block's only transaction.
fn receipt(tx_type: TxType, result: ExecutionResult) -> ReceiptEnvelope<Log> {
    let receipt = Receipt {
        status: Eip658Value::Eip658(result.is_success()),
        cumulative_gas_used: result.tx_gas_used(),
        // Revm reports logs of failed executions too; a failed transaction has none.
        logs: if result.is_success() {
            result.into_logs()
        } else {
            Vec::new()
        },
    };
    ReceiptEnvelope::from_typed(tx_type, receipt.with_bloom())
}

/// A sealed-to-be header. `body` is absent in the genesis block only.
pub(crate) fn header(
    env: &Env,
    parent_hash: B256,
    state_root: B256,
    body: Option<(&Recovered<TxEnvelope>, &ReceiptEnvelope<Log>)>,
) -> Header {
    let (transactions_root, receipts_root, logs_bloom, gas_used) = match body {
        None => (EMPTY_ROOT_HASH, EMPTY_ROOT_HASH, Bloom::ZERO, 0),
        Some((tx, receipt)) => (
            calculate_transaction_root(&[tx.inner()]),
            calculate_receipt_root(&[receipt]),
            receipt.bloom(),
            receipt.cumulative_gas_used(),
        ),
    };
    Header {
        parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: Address::ZERO,
        state_root,
        transactions_root,
        receipts_root,
        logs_bloom,
        difficulty: U256::ZERO,
        number: env.number,
        gas_limit: env.gas_limit,
        gas_used,
        timestamp: env.timestamp,
        extra_data: Bytes::from_static(genesis::EXTRA_DATA),
        mix_hash: env.prevrandao,
        nonce: B64::ZERO,
        base_fee_per_gas: Some(env.base_fee),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

/// The text for a broken rule, in geth's words, which tools match on.
pub(crate) fn rejection(error: &InvalidTransaction, tx: &TxEnv, env: &Env, max_initcode: usize) -> String {
    use InvalidTransaction as I;
    let from = tx.caller;
    match error {
        I::NonceTooLow { tx, state } => format!("nonce too low: next nonce {state}, tx nonce {tx}"),
        I::NonceTooHigh { tx, state } => {
            format!(
                "nonce too high: address {from}, tx: {tx} state: {state} (no transaction with nonce {state} came in time)"
            )
        }
        I::LackOfFundForMaxFee { fee, balance } => format!(
            "insufficient funds for gas * price + value: balance {balance}, tx cost {fee}, overshot {}",
            fee.saturating_sub(**balance)
        ),
        I::CallerGasLimitMoreThanBlock | I::TxGasLimitGreaterThanCap { .. } => {
            format!(
                "exceeds block gas limit: gas {}, limit {}",
                tx.gas_limit, env.gas_limit
            )
        }
        I::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => {
            format!("intrinsic gas too low: gas {gas_limit}, minimum needed {initial_gas}")
        }
        I::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
            format!("insufficient gas for floor data gas cost: gas {gas_limit}, minimum needed {gas_floor}")
        }
        I::GasPriceLessThanBasefee => format!(
            "max fee per gas less than block base fee: address {from}, maxFeePerGas: {}, baseFee: {}",
            tx.gas_price, env.base_fee
        ),
        I::PriorityFeeGreaterThanMaxFee => format!(
            "max priority fee per gas higher than max fee per gas: address {from}, maxPriorityFeePerGas: {}, \
             maxFeePerGas: {}",
            tx.gas_priority_fee.unwrap_or_default(),
            tx.gas_price
        ),
        I::CreateInitCodeSizeLimit => {
            format!(
                "max initcode size exceeded: code size {}, limit {max_initcode}",
                tx.data.len()
            )
        }
        I::RejectCallerWithCode => format!("sender not an eoa: address {from}"),
        I::NonceOverflowInTransaction => format!("nonce has max value: address {from}, nonce: {}", tx.nonce),
        I::OverflowPaymentInTransaction => {
            "insufficient funds for gas * price + value: the cost exceeds 256 bits".to_owned()
        }
        other => format!("{other} (transaction type {})", tx.tx_type),
    }
}
