//! Stored blocks in the shapes of the JSON-RPC API.

use alloy::consensus::{BlockBody, Sealable, Transaction as _};
use alloy::eips::eip4895::Withdrawals;
use alloy::network::primitives::BlockTransactions;
use alloy::primitives::{Address, TxKind, U256};
use alloy::rlp::Encodable;
use alloy::rpc::types::{Block as RpcBlock, Header, Log, Transaction, TransactionReceipt};

use crate::node::store::{Block, Body};

/// The block, with its transaction in full or as a hash.
pub(crate) fn block(block: &Block, full: bool) -> RpcBlock {
    let transactions: Vec<_> = block.body.iter().map(|body| body.tx.inner().clone()).collect();
    let hashes: Vec<_> = transactions.iter().map(|tx| *tx.tx_hash()).collect();
    let withdrawals = Withdrawals::default();
    let body = BlockBody {
        transactions,
        ommers: Vec::new(),
        withdrawals: Some(withdrawals.clone()),
    };
    let size = alloy::consensus::Block {
        header: block.header.clone(),
        body,
    }
    .length();
    let header = block.header.clone().seal_unchecked(block.hash);
    RpcBlock {
        header: Header::from_consensus(header, None, Some(U256::from(size))),
        uncles: Vec::new(),
        transactions: if full {
            BlockTransactions::Full(block.body.iter().map(|body| transaction(block, body)).collect())
        } else {
            BlockTransactions::Hashes(hashes)
        },
        withdrawals: Some(withdrawals),
    }
}

/// The transaction of a block.
pub(crate) fn transaction(block: &Block, body: &Body) -> Transaction {
    Transaction {
        effective_gas_price: Some(effective_gas_price(block, body)),
        inner: body.tx.clone(),
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        transaction_index: Some(0),
        block_timestamp: Some(block.header.timestamp),
    }
}

/// The receipt of a block's transaction.
pub(crate) fn receipt(block: &Block, body: &Body) -> TransactionReceipt {
    let tx = body.tx.inner();
    let mut index = 0_u64;
    TransactionReceipt {
        transaction_hash: *tx.tx_hash(),
        transaction_index: Some(0),
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        gas_used: body.receipt.cumulative_gas_used(),
        effective_gas_price: effective_gas_price(block, body),
        blob_gas_used: None,
        blob_gas_price: None,
        from: body.tx.signer(),
        to: tx.to(),
        contract_address: created(body),
        inner: body.receipt.clone().map_logs(|log| {
            let view = log_entry(block, body, log, index);
            index = index.saturating_add(1);
            view
        }),
    }
}

/// Log number `index` of a block.
pub(crate) fn log_entry(block: &Block, body: &Body, log: alloy::primitives::Log, index: u64) -> Log {
    Log {
        inner: log,
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        block_timestamp: Some(block.header.timestamp),
        transaction_hash: Some(*body.tx.inner().tx_hash()),
        transaction_index: Some(0),
        log_index: Some(index),
        removed: false,
    }
}

fn created(body: &Body) -> Option<Address> {
    let tx = body.tx.inner();
    matches!(tx.kind(), TxKind::Create).then(|| body.tx.signer().create(tx.nonce()))
}

fn effective_gas_price(block: &Block, body: &Body) -> u128 {
    body.tx.inner().effective_gas_price(block.header.base_fee_per_gas)
}
