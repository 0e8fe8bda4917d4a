//! `eth_getLogs` and the search behind it.

use alloy::eips::BlockNumberOrTag;
use alloy::rpc::types::{Filter, FilterBlockOption, Log};

use super::params::Params;
use super::{Reply, RpcError, blocks, to_value, view};
use crate::node::Node;
use crate::node::store::Snapshot;

/// Most logs in one answer.
const MAX_LOGS: usize = 10_000;
/// Most blocks searched when no address narrows the search down. With an address an index leads to the blocks.
const MAX_SCAN: u64 = 100_000;

impl Node {
    pub(super) fn get_logs(&self, params: &Params) -> Reply {
        let snapshot = self.store().snapshot()?;
        to_value(query(&snapshot, &params.required::<Filter>(0)?)?)
    }
}

/// All logs that `filter` selects in its own block range.
pub(crate) fn query(snapshot: &Snapshot<'_>, filter: &Filter) -> Result<Vec<Log>, RpcError> {
    match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let number = snapshot
                .block_of_hash(&hash)?
                .ok_or_else(|| RpcError::server("unknown block"))?;
            search(snapshot, filter, number, number)
        }
        FilterBlockOption::Range { from_block, to_block } => match range(snapshot, from_block, to_block)? {
            Some((from, to)) => search(snapshot, filter, from, to),
            None => Ok(Vec::new()),
        },
    }
}

/// The range's numbers, cut off at the head; `None` when it lies ahead of it. A missing end means latest.
fn range(
    snapshot: &Snapshot<'_>,
    from: Option<BlockNumberOrTag>,
    to: Option<BlockNumberOrTag>,
) -> Result<Option<(u64, u64)>, RpcError> {
    if let (Some(BlockNumberOrTag::Number(from)), Some(BlockNumberOrTag::Number(to))) = (from, to)
        && from > to
    {
        return Err(RpcError::params(format!(
            "invalid block range params: {from} is after {to}"
        )));
    }
    let head = snapshot.head()?.number;
    let from = blocks::number(snapshot, from.unwrap_or_default())?;
    let to = blocks::number(snapshot, to.unwrap_or_default())?.unwrap_or(head);
    Ok(from.filter(|from| *from <= to).map(|from| (from, to)))
}

/// All logs within blocks `from..=to` that match the filter's addresses and topics.
pub(crate) fn search(
    snapshot: &Snapshot<'_>,
    filter: &Filter,
    from: u64,
    to: u64,
) -> Result<Vec<Log>, RpcError> {
    let mut found = Vec::new();
    for number in candidates(snapshot, filter, from, to)? {
        let header = snapshot.require_header(number)?;
        if !filter.matches_bloom(header.logs_bloom) {
            continue;
        }
        let Some(block) = snapshot.block(number)? else {
            continue;
        };
        let Some(body) = &block.body else { continue };
        for (index, log) in (0_u64..).zip(body.receipt.logs()) {
            if filter.matches(log) {
                found.push(view::log_entry(&block, body, log.clone(), index));
            }
        }
        // One block's logs are never too many: a caller could not ask for less.
        if found.len() > MAX_LOGS && number > from {
            return Err(RpcError::limit(format!(
                "query returned more than {MAX_LOGS} results; narrow it, e.g. to blocks {from} to {}",
                number.saturating_sub(1)
            )));
        }
    }
    Ok(found)
}

/// Numbers of the blocks that may hold matching logs, in order.
fn candidates(snapshot: &Snapshot<'_>, filter: &Filter, from: u64, to: u64) -> Result<Vec<u64>, RpcError> {
    if filter.address.is_empty() {
        let blocks = to.saturating_sub(from).saturating_add(1);
        if blocks > MAX_SCAN {
            return Err(RpcError::limit(format!(
                "block range of {blocks} exceeds {MAX_SCAN}; narrow the range or name an address"
            )));
        }
        return Ok((from..=to).collect());
    }
    let mut numbers = Vec::new();
    for address in filter.address.iter() {
        numbers.extend(snapshot.log_blocks(address, from, to)?);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}
