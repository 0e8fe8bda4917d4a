//! Methods about blocks, and what block parameters mean.

use alloy::consensus::Header;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{B256, U64};
use serde_json::{Value, json};

use super::params::Params;
use super::{Reply, RpcError, to_value, view};
use crate::node::Node;
use crate::node::store::Snapshot;

/// The state that a parameter asks for: always the head's, as of the head itself or in the block to come.
pub(crate) struct StateAt {
    pub(crate) head: Header,
    pub(crate) hash: B256,
    pub(crate) pending: bool,
}

/// The number that a tag or number means on this chain; every block is final at once. `None`: not yet made.
pub(crate) fn number(snapshot: &Snapshot<'_>, id: BlockNumberOrTag) -> Result<Option<u64>, RpcError> {
    let head = snapshot.head()?.number;
    Ok(match id {
        BlockNumberOrTag::Number(number) => (number <= head).then_some(number),
        BlockNumberOrTag::Earliest => Some(0),
        BlockNumberOrTag::Latest
        | BlockNumberOrTag::Safe
        | BlockNumberOrTag::Finalized
        | BlockNumberOrTag::Pending => Some(head),
    })
}

/// The number of the block that a number, tag or hash names.
fn number_of(snapshot: &Snapshot<'_>, id: BlockId) -> Result<Option<u64>, RpcError> {
    match id {
        BlockId::Number(id) => number(snapshot, id),
        BlockId::Hash(hash) => Ok(snapshot.block_of_hash(&hash.block_hash)?),
    }
}

/// Resolves a state parameter (default: latest).
pub(crate) fn state_at(snapshot: &Snapshot<'_>, id: Option<BlockId>) -> Result<StateAt, RpcError> {
    let id = id.unwrap_or_default();
    let asked = number_of(snapshot, id)?.ok_or_else(|| RpcError::server("header not found"))?;
    let head = snapshot.head()?;
    if asked != head.number {
        return Err(RpcError::server(format!(
            "the state of block {asked} is not kept: this node keeps the state of the latest block only ({})",
            head.number
        )));
    }
    Ok(StateAt {
        hash: head.hash_slow(),
        head,
        pending: id.is_pending(),
    })
}

impl Node {
    pub(super) fn block_number(&self) -> Reply {
        to_value(U64::from(self.store().snapshot()?.head()?.number))
    }

    pub(super) fn block_by_number(&self, params: &Params) -> Reply {
        self.block_view(BlockId::Number(params.required(0)?), params.optional(1)?)
    }

    pub(super) fn block_by_hash(&self, params: &Params) -> Reply {
        self.block_view(BlockId::from(params.required::<B256>(0)?), params.optional(1)?)
    }

    fn block_view(&self, id: BlockId, full: Option<bool>) -> Reply {
        let snapshot = self.store().snapshot()?;
        match find(&snapshot, id)? {
            Some(block) => to_value(view::block(&block, full.unwrap_or(false))),
            None => Ok(Value::Null),
        }
    }

    pub(super) fn tx_count_by_number(&self, params: &Params) -> Reply {
        self.tx_count(BlockId::Number(params.required(0)?))
    }

    pub(super) fn tx_count_by_hash(&self, params: &Params) -> Reply {
        self.tx_count(BlockId::from(params.required::<B256>(0)?))
    }

    fn tx_count(&self, id: BlockId) -> Reply {
        let block = find(&self.store().snapshot()?, id)?;
        Ok(block.map_or(Value::Null, |block| {
            json!(if block.body.is_some() { "0x1" } else { "0x0" })
        }))
    }

    pub(super) fn block_receipts(&self, params: &Params) -> Reply {
        let block = find(&self.store().snapshot()?, params.required(0)?)?;
        match block {
            Some(block) => {
                let receipts: Vec<_> = block
                    .body
                    .iter()
                    .map(|body| view::receipt(&block, body))
                    .collect();
                to_value(receipts)
            }
            None => Ok(Value::Null),
        }
    }
}

/// The block that `id` names, if it exists.
pub(crate) fn find(
    snapshot: &Snapshot<'_>,
    id: BlockId,
) -> Result<Option<crate::node::store::Block>, RpcError> {
    match number_of(snapshot, id)? {
        Some(number) => Ok(snapshot.block(number)?),
        None => Ok(None),
    }
}
