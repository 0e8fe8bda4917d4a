//! Polled filters: `eth_newFilter` and friends. They live in memory and lapse when nobody polls them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy::primitives::U64;
use alloy::rpc::types::{Filter, FilterBlockOption};
use serde_json::json;

use super::params::Params;
use super::{Reply, RpcError, logs, to_value};
use crate::node::Node;
use crate::node::store::Snapshot;

/// A filter that was not polled for this many seconds is dropped, as in geth.
const LIFETIME_SECONDS: u64 = 300;
/// Most filters at a time.
const MAX_FILTERS: usize = 1_000;

#[derive(Debug, Clone)]
enum Kind {
    Blocks,
    Transactions,
    Logs(Box<Filter>),
}

#[derive(Debug, Clone)]
struct Entry {
    kind: Kind,
    /// First block that was not reported yet.
    next: u64,
    polled: u64,
}

#[derive(Debug, Default)]
struct Table {
    last_id: u64,
    entries: BTreeMap<u64, Entry>,
}

/// The filters of one node.
#[derive(Debug, Default)]
pub(crate) struct Filters(Mutex<Table>);

impl Filters {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    pub(super) fn new_log_filter(&self, params: &Params) -> Reply {
        let filter = params.required::<Filter>(0)?;
        if matches!(filter.block_option, FilterBlockOption::AtBlockHash(_)) {
            return Err(RpcError::params(
                "a filter can't be bound to a block hash; use eth_getLogs",
            ));
        }
        self.install(Kind::Logs(Box::new(filter)))
    }

    pub(super) fn new_block_filter(&self) -> Reply {
        self.install(Kind::Blocks)
    }

    /// A transaction is pending only while its block is made; the filter reports it from that block on.
    pub(super) fn new_transaction_filter(&self) -> Reply {
        self.install(Kind::Transactions)
    }

    fn install(&self, kind: Kind) -> Reply {
        let next = self.store().snapshot()?.head()?.number.saturating_add(1);
        let now = (self.options().clock)();
        let mut table = self.filters().lock();
        table
            .entries
            .retain(|_, entry| now.saturating_sub(entry.polled) <= LIFETIME_SECONDS);
        if table.entries.len() >= MAX_FILTERS {
            return Err(RpcError::limit(format!(
                "too many filters, limit {MAX_FILTERS}; uninstall some"
            )));
        }
        table.last_id = table.last_id.saturating_add(1);
        let id = table.last_id;
        table.entries.insert(
            id,
            Entry {
                kind,
                next,
                polled: now,
            },
        );
        to_value(U64::from(id))
    }

    pub(super) fn uninstall_filter(&self, params: &Params) -> Reply {
        let id = params.required::<U64>(0)?.to::<u64>();
        Ok(json!(self.filters().lock().entries.remove(&id).is_some()))
    }

    /// What happened since the last poll. A poll that fails is no poll: the next one reports the same and more.
    pub(super) fn filter_changes(&self, params: &Params) -> Reply {
        let id = params.required::<U64>(0)?.to::<u64>();
        let snapshot = self.store().snapshot()?;
        let head = snapshot.head()?.number;
        let (kind, from) = self.poll(id, head)?;
        if from > head {
            return Ok(json!([]));
        }
        changes(&snapshot, &kind, from, head).inspect_err(|_| {
            if let Some(entry) = self.filters().lock().entries.get_mut(&id) {
                entry.next = entry.next.min(from);
            }
        })
    }

    pub(super) fn filter_logs(&self, params: &Params) -> Reply {
        let snapshot = self.store().snapshot()?;
        match self.poll(params.required::<U64>(0)?.to::<u64>(), 0)?.0 {
            Kind::Logs(filter) => to_value(logs::query(&snapshot, &filter)?),
            Kind::Blocks | Kind::Transactions => Err(RpcError::server("filter not found")),
        }
    }

    /// Notes the poll; returns the filter and the first block to report, and moves its mark past `head`.
    fn poll(&self, id: u64, head: u64) -> Result<(Kind, u64), RpcError> {
        let now = (self.options().clock)();
        let mut table = self.filters().lock();
        let entry = table
            .entries
            .get_mut(&id)
            .ok_or_else(|| RpcError::server("filter not found"))?;
        entry.polled = now;
        let from = entry.next;
        entry.next = from.max(head.saturating_add(1));
        Ok((entry.kind.clone(), from))
    }
}

/// What a filter of this kind reports of blocks `from..=head`.
fn changes(snapshot: &Snapshot<'_>, kind: &Kind, from: u64, head: u64) -> Reply {
    match kind {
        Kind::Blocks => {
            let hash = |number| Ok(snapshot.require_header(number)?.hash_slow());
            to_value((from..=head).map(hash).collect::<Result<Vec<_>, RpcError>>()?)
        }
        Kind::Transactions => {
            let mut hashes = Vec::new();
            for number in from..=head {
                hashes.extend(snapshot.transaction(number)?.map(|tx| *tx.inner().tx_hash()));
            }
            to_value(hashes)
        }
        Kind::Logs(filter) => match clip(filter, from, head) {
            (from, to) if from > to => Ok(json!([])),
            (from, to) => to_value(logs::search(snapshot, filter, from, to)?),
        },
    }
}

/// The part of `from..=to` that the filter's own numeric bounds leave.
fn clip(filter: &Filter, from: u64, to: u64) -> (u64, u64) {
    let (first, last) = filter.extract_block_range();
    (from.max(first.unwrap_or(0)), to.min(last.unwrap_or(u64::MAX)))
}
