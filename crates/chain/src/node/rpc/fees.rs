//! Methods about fees. The base fee is fixed and nobody competes for space, so a tip of zero is always enough.

use alloy::consensus::Transaction;
use alloy::eips::BlockNumberOrTag;
use alloy::primitives::U128;
use alloy::rpc::types::FeeHistory;
use serde_json::Value;

use super::params::Params;
use super::{Reply, RpcError, blocks, to_value};
use crate::node::Node;

/// Most blocks in one answer, as in geth.
const MAX_BLOCKS: u64 = 1_024;
/// Most percentiles in one request, as in geth.
const MAX_PERCENTILES: usize = 100;

impl Node {
    pub(super) fn gas_price(&self) -> Reply {
        to_value(U128::from(self.options().base_fee))
    }

    pub(super) fn fee_history(&self, params: &Params) -> Reply {
        let count = count(&params.required(0)?)?.min(MAX_BLOCKS);
        let percentiles = percentiles(params.optional(2)?)?;
        let snapshot = self.store().snapshot()?;
        let newest = blocks::number(&snapshot, params.required::<BlockNumberOrTag>(1)?)?
            .ok_or_else(|| RpcError::server("request beyond head block"))?;
        let mut history = FeeHistory::default();
        if count == 0 {
            return to_value(history);
        }
        history.oldest_block = newest.saturating_sub(count.saturating_sub(1));
        let mut rewards = Vec::new();
        for number in history.oldest_block..=newest {
            let header = snapshot.require_header(number)?;
            let base_fee = header.base_fee_per_gas.unwrap_or_default();
            history.base_fee_per_gas.push(u128::from(base_fee));
            history.base_fee_per_blob_gas.push(1);
            history.blob_gas_used_ratio.push(0.0);
            #[expect(clippy::cast_precision_loss, reason = "the ratio is a float by specification")]
            history
                .gas_used_ratio
                .push(header.gas_used as f64 / header.gas_limit.max(1) as f64);
            let tx = snapshot.transaction(number)?;
            let tip = tx
                .and_then(|tx| tx.inner().effective_tip_per_gas(base_fee))
                .unwrap_or_default();
            rewards.push(vec![tip; percentiles]);
        }
        history.base_fee_per_gas.push(u128::from(self.options().base_fee));
        history.base_fee_per_blob_gas.push(1);
        history.reward = (percentiles > 0).then_some(rewards);
        to_value(history)
    }
}

/// A block count: a JSON number, or a string in decimal or hexadecimal.
fn count(value: &Value) -> Result<u64, RpcError> {
    let parsed = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    };
    parsed.ok_or_else(|| RpcError::params("invalid argument 0: the block count must be a number"))
}

/// The number of percentiles asked for. A block has one transaction, so every percentile has the same answer.
fn percentiles(list: Option<Vec<f64>>) -> Result<usize, RpcError> {
    let list = list.unwrap_or_default();
    if list.len() > MAX_PERCENTILES {
        return Err(RpcError::params(format!(
            "over the query limit {MAX_PERCENTILES}"
        )));
    }
    if !list.iter().all(|value| (0.0..=100.0).contains(value)) || !list.is_sorted() {
        return Err(RpcError::params(
            "invalid reward percentile: must rise from 0 to 100",
        ));
    }
    Ok(list.len())
}
