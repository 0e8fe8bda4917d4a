//! Paging through the log.

use stele_types::{
    DecisionId, DecisionRecord, EntryPoint, Leaf, LeafIndex, PolicyId, PolicyVersion, Timestamp,
};

use super::{Ledger, LedgerError};

/// Most entries of a page.
pub const MAX_PAGE: usize = 1_000;
/// Most entries looked at for one page; a page that finds less goes on at [`Page::next`].
pub const MAX_SCAN: u64 = 20_000;

/// A stored decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its position in the log.
    pub index: LeafIndex,
    /// What the log commits to.
    pub leaf: Leaf,
    /// The record, as masked or erased.
    pub record: DecisionRecord,
}

/// What to list. The default is the newest 50 decisions.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Most entries to return, at most [`MAX_PAGE`]; 0 means 50.
    pub limit: usize,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// Where to go on: [`Page::next`] of the page before.
    pub start: Option<LeafIndex>,
    /// Only decisions of this policy.
    pub policy: Option<PolicyId>,
    /// Only decisions under this version.
    pub version: Option<PolicyVersion>,
    /// Only decisions of this entry point.
    pub path: Option<EntryPoint>,
    /// Only decisions made at or after this time.
    pub from: Option<Timestamp>,
    /// Only decisions made before this time.
    pub until: Option<Timestamp>,
    /// Only decisions with (or without) violations. Masked violations count as violations.
    pub violations: Option<bool>,
    /// Only decisions asked on behalf of this actor.
    pub actor: Option<String>,
    /// Only decisions about this resource.
    pub resource: Option<String>,
}

/// Part of a listing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// What was found.
    pub entries: Vec<Entry>,
    /// Where to go on; absent at the end of the log.
    pub next: Option<LeafIndex>,
}

impl ListQuery {
    /// What the leaf alone can decide, before the record is parsed.
    fn admits_leaf(&self, leaf: &Leaf) -> bool {
        self.version.is_none_or(|version| version == leaf.policy_version)
            && self
                .path
                .as_ref()
                .is_none_or(|path| path.hash() == leaf.entry_point)
            && self.from.is_none_or(|from| leaf.time >= from)
            && self.until.is_none_or(|until| leaf.time < until)
    }

    fn admits(&self, record: &DecisionRecord) -> bool {
        let found = !record.violations.is_empty() || record.is_withheld("violations");
        self.policy
            .as_ref()
            .is_none_or(|policy| *policy == record.policy_id)
            && self.violations.is_none_or(|wanted| wanted == found)
            && self
                .actor
                .as_ref()
                .is_none_or(|actor| record.actor.as_ref() == Some(actor))
            && self
                .resource
                .as_ref()
                .is_none_or(|resource| record.resource.as_ref() == Some(resource))
    }
}

impl Ledger {
    /// The decision with this id.
    pub fn record(&self, id: &DecisionId) -> Result<Entry, LedgerError> {
        let index = self
            .index_of(id)?
            .ok_or(LedgerError::UnknownDecision { id: *id })?;
        self.entry(index)
    }

    /// The stored records from an index on, oldest first, one line of JSON each: at most `limit` of them, and no further one once there
    /// are `max_bytes`. What was erased is as it is stored. Nothing at and beyond the end of the log.
    pub fn record_lines(
        &self,
        from: LeafIndex,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<u8>, LedgerError> {
        let mut lines = Vec::new();
        let end = self.size();
        let mut at = Some(from).filter(|from| end.contains(*from));
        for _ in 0..limit {
            let Some(index) = at.filter(|_| lines.len() < max_bytes) else {
                break;
            };
            let (_, json) = self.raw_entry(index)?;
            lines.extend_from_slice(json.trim_ascii_end());
            lines.push(b'\n');
            at = index.checked_add(1).filter(|next| end.contains(*next));
        }
        Ok(lines)
    }

    /// A page of decisions.
    pub fn list(&self, query: &ListQuery) -> Result<Page, LedgerError> {
        let limit = if query.limit == 0 {
            50
        } else {
            query.limit.min(MAX_PAGE)
        };
        let mut page = Page::default();
        let Some(last) = self.size().last_index() else {
            return Ok(page);
        };
        let start = query
            .start
            .unwrap_or(if query.oldest_first { LeafIndex::ZERO } else { last });
        let mut at = if query.oldest_first {
            Some(start).filter(|start| *start <= last)
        } else {
            Some(start.min(last))
        };
        let mut scanned = 0u64;
        while let Some(index) = at {
            if page.entries.len() >= limit || scanned >= MAX_SCAN {
                page.next = Some(index);
                break;
            }
            scanned = scanned.saturating_add(1);
            let (leaf, json) = self.raw_entry(index)?;
            if query.admits_leaf(&leaf) {
                let record = DecisionRecord::from_json(&json)?;
                if query.admits(&record) {
                    page.entries.push(Entry { index, leaf, record });
                }
            }
            at = if query.oldest_first {
                index.checked_add(1).filter(|next| *next <= last)
            } else {
                index.checked_sub(1)
            };
        }
        Ok(page)
    }
}
