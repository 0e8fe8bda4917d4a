//! Methods about transactions: looking them up and sending them.

use alloy::eips::BlockId;
use alloy::primitives::{B256, Bytes, U64};
use serde_json::Value;

use super::params::Params;
use super::{Reply, RpcError, blocks, to_value, view};
use crate::node::Node;
use crate::node::store::{Block, Body};

impl Node {
    pub(super) fn transaction_by_hash(&self, params: &Params) -> Reply {
        self.with_transaction(params.required(0)?, |block, body| {
            to_value(view::transaction(block, body))
        })
    }

    pub(super) fn transaction_receipt(&self, params: &Params) -> Reply {
        self.with_transaction(params.required(0)?, |block, body| {
            to_value(view::receipt(block, body))
        })
    }

    pub(super) fn transaction_by_number_and_index(&self, params: &Params) -> Reply {
        self.transaction_at(BlockId::Number(params.required(0)?), params.required(1)?)
    }

    pub(super) fn transaction_by_hash_and_index(&self, params: &Params) -> Reply {
        self.transaction_at(BlockId::from(params.required::<B256>(0)?), params.required(1)?)
    }

    fn transaction_at(&self, id: BlockId, index: U64) -> Reply {
        match blocks::find(&self.store().snapshot()?, id)? {
            Some(block) if index.is_zero() => match &block.body {
                Some(body) => to_value(view::transaction(&block, body)),
                None => Ok(Value::Null),
            },
            _ => Ok(Value::Null),
        }
    }

    fn with_transaction(&self, hash: B256, show: impl Fn(&Block, &Body) -> Reply) -> Reply {
        let snapshot = self.store().snapshot()?;
        let Some(number) = snapshot.block_of_tx(&hash)? else {
            return Ok(Value::Null);
        };
        match snapshot.block(number)? {
            Some(block) => match &block.body {
                Some(body) => show(&block, body),
                None => Err(RpcError::internal(format!(
                    "block {number} has lost transaction {hash}"
                ))),
            },
            None => Err(RpcError::internal(format!(
                "block {number} of transaction {hash} is missing"
            ))),
        }
    }

    pub(super) fn send_raw(&self, params: &Params) -> Reply {
        to_value(self.submit(&params.required::<Bytes>(0)?)?)
    }

    /// EIP-7966: sends and answers with the receipt. The block is made at once, so the timeout parameter has no use.
    pub(super) fn send_raw_sync(&self, params: &Params) -> Reply {
        let hash = self.submit(&params.required::<Bytes>(0)?)?;
        self.with_transaction(hash, |block, body| to_value(view::receipt(block, body)))
    }
}
