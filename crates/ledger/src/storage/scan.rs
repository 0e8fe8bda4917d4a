//! Walking through a record file, batch by batch.

use std::io;

use super::LedgerError;
use super::frame::{
    BATCH_HEADER, BATCH_MAGIC, BatchHeader, FILE_HEADER, RawEntry, read_file_header, read_payload,
    split_payload,
};
use super::store::Store;

/// Where and why a walk stopped before the end of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// End of the last whole batch.
    pub(crate) offset: u64,
    /// What is wrong there.
    pub(crate) problem: &'static str,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Entries seen.
    pub(crate) count: u64,
    /// Why it did not reach the end of the file.
    pub(crate) broken: Option<Broken>,
}

pub(crate) fn read_error(path: &str) -> impl Fn(io::Error) -> LedgerError {
    move |source| LedgerError::io("read", path, source)
}

fn small(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The payload of a whole batch: all its checksums are right.
pub(crate) struct Payload {
    /// Log index of the first entry.
    pub(crate) first: u64,
    /// Offset of the payload in its file.
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Payload {
    /// Its entries, with their log indexes and their offsets in the file.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, u64, RawEntry<'_>)> {
        let entries = split_payload(&self.bytes);
        (self.first..).zip(entries).map(|(index, entry)| {
            let offset = self.offset.saturating_add(small(entry.offset));
            (index, offset, entry)
        })
    }
}

/// Visits all entries of the file with this first index, up to `length` bytes. The visitor gets each entry's log index
/// and its offset in the file. Stops at the first batch that is not whole.
pub(crate) fn walk(
    store: &dyn Store,
    path: &str,
    first: u64,
    length: u64,
    mut visit: impl FnMut(u64, u64, RawEntry<'_>) -> Result<(), LedgerError>,
) -> Result<Walk, LedgerError> {
    walk_batches(store, path, first, length, |payload| {
        let mut entries = payload.entries();
        entries.try_for_each(|(index, offset, entry)| visit(index, offset, entry))
    })
}

/// [`walk`], batch by batch.
pub(crate) fn walk_batches(
    store: &dyn Store,
    path: &str,
    first: u64,
    length: u64,
    mut visit: impl FnMut(Payload) -> Result<(), LedgerError>,
) -> Result<Walk, LedgerError> {
    let stop = |count, offset, problem| {
        Ok(Walk {
            count,
            broken: Some(Broken { offset, problem }),
        })
    };
    if length < small(FILE_HEADER) {
        return stop(0, 0, "the file is shorter than its header");
    }
    let header = store.read_at(path, 0, FILE_HEADER).map_err(read_error(path))?;
    if read_file_header(&header) != Some(first) {
        return stop(0, 0, "the file's header is damaged or belongs to another file");
    }
    let (mut offset, mut count) = (small(FILE_HEADER), 0u64);
    while offset < length {
        let payload_at = offset.saturating_add(small(BATCH_HEADER));
        if payload_at > length {
            return stop(count, offset, "the file ends within a batch");
        }
        let bytes = store
            .read_at(path, offset, BATCH_HEADER)
            .map_err(read_error(path))?;
        let Some(header) = BatchHeader::read(&bytes) else {
            return stop(count, offset, "the header of a batch is damaged");
        };
        if header.first != first.saturating_add(count) {
            return stop(count, offset, "a batch is out of order");
        }
        let end = payload_at.saturating_add(small(header.payload));
        if end > length {
            return stop(count, offset, "the file ends within a batch");
        }
        let payload = store
            .read_at(path, payload_at, header.payload)
            .map_err(read_error(path))?;
        if let Err(problem) = read_payload(&header, &payload) {
            return stop(count, offset, problem);
        }
        visit(Payload {
            first: first.saturating_add(count),
            offset: payload_at,
            bytes: payload,
        })?;
        count = count.saturating_add(header.count.into());
        offset = end;
    }
    Ok(Walk { count, broken: None })
}

/// True when a whole batch that starts at `least_first` or later lies behind a broken one: then the broken one was durable once, because
/// batches are written only after the one before was synced.
pub(crate) fn later_batch_follows(
    store: &dyn Store,
    path: &str,
    broken: &Broken,
    length: u64,
    least_first: u64,
) -> Result<bool, LedgerError> {
    let from = broken.offset.saturating_add(1);
    let rest = usize::try_from(length.saturating_sub(from)).unwrap_or(usize::MAX);
    let bytes = store.read_at(path, from, rest).map_err(read_error(path))?;
    let mut at = 0usize;
    while let Some(found) = bytes.get(at..).and_then(|tail| {
        tail.windows(BATCH_MAGIC.len())
            .position(|four| four == BATCH_MAGIC)
    }) {
        let start = at.saturating_add(found);
        let payload_at = start.saturating_add(BATCH_HEADER);
        let whole = bytes
            .get(start..payload_at)
            .and_then(BatchHeader::read)
            .is_some_and(|header| {
                header.first >= least_first
                    && bytes
                        .get(payload_at..payload_at.saturating_add(header.payload))
                        .is_some_and(|payload| read_payload(&header, payload).is_ok())
            });
        if whole {
            return Ok(true);
        }
        at = start.saturating_add(1);
    }
    Ok(false)
}
