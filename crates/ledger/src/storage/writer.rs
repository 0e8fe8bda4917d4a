//! Group commit: one thread writes what many callers queued, with one sync for all of them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use stele_types::{DecisionId, Digest, LEAF_BYTES, LeafIndex, Timestamp};

use super::frame::{BATCH_HEADER, FILE_HEADER, encode_batch};
use super::segments::{self, id_of, record_path};
use super::{Ack, AckMode, CommitStats, LedgerError, Shared, locked};

/// How long the writer waits before it tries again to write what was acknowledged from memory.
const RETRY: Duration = Duration::from_millis(100);

/// Called once with the outcome, on the writer's thread.
pub(crate) type Done = Box<dyn FnOnce(Result<Ack, LedgerError>) + Send>;

/// An entry on its way to the disk.
pub(crate) struct Pending {
    /// Its leaf's time.
    pub(crate) time: Timestamp,
    /// Encoded by the caller's thread.
    pub(crate) bytes: Vec<u8>,
    /// Absent when it was acknowledged already.
    pub(crate) done: Option<Done>,
}

#[derive(Default)]
struct State {
    items: VecDeque<Pending>,
    bytes: usize,
    closed: bool,
    /// Why entries that were acknowledged from memory can't be written at the moment.
    failing: Option<LedgerError>,
}

/// What waits for the writer.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

impl Queue {
    /// Queues an entry, or says why not and gives the callback back.
    pub(crate) fn push(&self, shared: &Shared, pending: Pending) -> Result<(), (LedgerError, Option<Done>)> {
        let mut state = locked(&self.state);
        let refusal = if state.closed {
            Some(LedgerError::Closed)
        } else if let Some(error) = &state.failing {
            Some(error.clone())
        } else if state.bytes >= shared.options.max_queue_bytes {
            Some(LedgerError::Overloaded { waiting: state.bytes })
        } else {
            // The order of the queue is the order of the log.
            shared
                .latest
                .admit(pending.time, shared.options.max_disorder)
                .err()
        };
        if let Some(error) = refusal {
            return Err((error, pending.done));
        }
        state.bytes = state.bytes.saturating_add(pending.bytes.len());
        state.items.push_back(pending);
        // The writer sleeps only on an empty queue or while it lingers for a full batch.
        if state.items.len() == 1 || state.items.len() == shared.options.max_batch {
            self.wake.notify_one();
        }
        Ok(())
    }

    pub(crate) fn close(&self) {
        locked(&self.state).closed = true;
        self.wake.notify_all();
    }

    /// Why the log can't be written, in memory mode.
    pub(crate) fn failing(&self) -> Option<LedgerError> {
        locked(&self.state).failing.clone()
    }

    /// Whether anything waits for the writer.
    fn waits(&self) -> bool {
        !locked(&self.state).items.is_empty()
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        locked(&self.state).bytes
    }

    /// Waits for entries and takes a batch; `None` when the log is closed and all is written.
    fn take(&self, shared: &Shared) -> Option<Vec<Pending>> {
        let options = &shared.options;
        let mut state = locked(&self.state);
        while state.items.is_empty() {
            if state.closed {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let start = Instant::now();
        while state.items.len() < options.max_batch && !state.closed && state.failing.is_none() {
            let Some(left) = options
                .linger
                .checked_sub(start.elapsed())
                .filter(|left| !left.is_zero())
            else {
                break;
            };
            (state, _) = self
                .wake
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut batch = Vec::new();
        let mut bytes = 0usize;
        while batch.len() < options.max_batch.max(1) && (batch.is_empty() || bytes < options.max_batch_bytes)
        {
            let Some(pending) = state.items.pop_front() else {
                break;
            };
            bytes = bytes.saturating_add(pending.bytes.len());
            batch.push(pending);
        }
        state.bytes = state.bytes.saturating_sub(bytes);
        Some(batch)
    }

    /// Puts entries that were acknowledged from memory back to the front and waits a little. False when the log is
    /// being closed: then waiting is over.
    fn put_back(&self, batch: Vec<Pending>, error: LedgerError) -> bool {
        let mut state = locked(&self.state);
        state.failing = Some(error);
        for pending in batch.into_iter().rev() {
            state.bytes = state.bytes.saturating_add(pending.bytes.len());
            state.items.push_front(pending);
        }
        if !state.closed {
            (state, _) = self
                .wake
                .wait_timeout(state, RETRY)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !state.closed
    }

    fn recovered(&self) {
        locked(&self.state).failing = None;
    }
}

/// The writer's own state.
#[derive(Default)]
struct Writer {
    buffer: Vec<u8>,
    /// A part of a batch may be in the file, beyond the end of the last whole one.
    dirty: bool,
    /// Length for which the current file has room.
    reserved: u64,
}

/// How far ahead of its content a file has room at most; as far as it has content already, so that small logs stay small.
/// The room is written with zeros, while decisions wait: half a megabyte takes about as long as a sync saves over the batches that fit in it.
const RESERVE: u64 = 512 << 10;
/// Below this it is not worth the call.
const LEAST_RESERVE: u64 = 4 << 10;

/// How much sooner than other threads the writer gets a processor (`nice`), where the process may ask for that.
#[cfg(target_os = "linux")]
const PRIORITY: i32 = -10;

/// The writer's thread: runs until the queue is closed and empty. Returns what could not be written.
pub(crate) fn run(shared: &Shared) -> Result<(), LedgerError> {
    // All callers wait for this one thread, which mostly sleeps. Ordinary users may not ask for it and do without: nothing but time is lost.
    // Elsewhere than on Linux it would be the priority of the whole process.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, PRIORITY);
    let mut writer = Writer::default();
    while let Some(batch) = shared.queue.take(shared) {
        match writer.commit(shared, &batch) {
            Ok(first) => {
                if shared.options.ack == AckMode::Memory {
                    shared.queue.recovered();
                }
                acknowledge(batch, first);
                acknowledged(shared, shared.queue.waits());
            }
            Err(error) => {
                let (retained, refused): (Vec<_>, Vec<_>) =
                    batch.into_iter().partition(|pending| pending.done.is_none());
                for done in refused.into_iter().filter_map(|pending| pending.done) {
                    done(Err(error.clone()));
                }
                acknowledged(shared, false);
                if !retained.is_empty() && !shared.queue.put_back(retained, error.clone()) {
                    return Err(error);
                }
            }
        }
    }
    writer.trim(shared)
}

fn acknowledged(shared: &Shared, more: bool) {
    if let Some(observe) = &shared.options.on_acknowledged {
        observe(more);
    }
}

fn acknowledge(batch: Vec<Pending>, first: u64) {
    for (pending, index) in batch.into_iter().zip(first..) {
        if let Some(done) = pending.done {
            let id = DecisionId(uuid_of(&pending.bytes));
            done(Ok(Ack {
                decision_id: id,
                index: Some(LeafIndex::new(index)),
            }));
        }
    }
}

fn uuid_of(entry: &[u8]) -> stele_types::Uuid {
    stele_types::Uuid::from_bytes(id_of(leaf_of(entry)))
}

/// The leaf within an encoded entry.
fn leaf_of(entry: &[u8]) -> &[u8] {
    entry
        .get(4..)
        .and_then(|rest| rest.get(..LEAF_BYTES))
        .unwrap_or_default()
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

impl Writer {
    /// Writes and syncs a batch, then lets everyone see it. Returns the index of its first entry.
    fn commit(&mut self, shared: &Shared, batch: &[Pending]) -> Result<u64, LedgerError> {
        let start = Instant::now();
        if self.dirty {
            self.repair(shared)?;
        }
        self.rotate_if_full(shared)?;
        let (file, end, first) = {
            let segments = shared.segments.read().unwrap_or_else(PoisonError::into_inner);
            (
                segments.active.first,
                segments.active.length,
                segments.active.next_index(),
            )
        };
        let path = record_path(file);
        encode_batch(
            first,
            batch.iter().map(|pending| pending.bytes.as_slice()),
            &mut self.buffer,
        );
        self.reserve(shared, &path, end);
        self.dirty = true;
        let store = shared.store.as_ref();
        let written = store.write_at(&path, end, &self.buffer);
        let before_sync = start.elapsed();
        let synced = match written {
            Ok(()) => store
                .sync(&path)
                .map_err(|source| LedgerError::io("sync", &path, source)),
            Err(source) => Err(LedgerError::io("write", &path, source)),
        };
        if let Err(error) = synced {
            // Frees the space at once; when it fails it is tried again before the next batch.
            let _ = self.repair(shared);
            return Err(error);
        }
        self.dirty = false;
        self.admit(shared, batch, end);
        if let Some(observe) = &shared.options.on_commit {
            observe(&CommitStats {
                decisions: batch.len(),
                bytes: self.buffer.len(),
                sync: start.elapsed().saturating_sub(before_sync),
                total: start.elapsed(),
            });
        }
        Ok(first)
    }

    /// Makes durable entries part of the tree and of the index.
    fn admit(&self, shared: &Shared, batch: &[Pending], end: u64) {
        let mut segments = shared.segments.write().unwrap_or_else(PoisonError::into_inner);
        let mut rows = locked(&shared.rows);
        let mut offset = end.saturating_add(u64::try_from(BATCH_HEADER).unwrap_or_default());
        for pending in batch {
            let leaf = leaf_of(&pending.bytes);
            if let Ok(leaf) = leaf.try_into() {
                let _: Digest = rows.push(leaf);
            }
            segments.active.push(offset, id_of(leaf));
            offset = offset.saturating_add(length_of(&pending.bytes));
        }
        segments.active.length = end.saturating_add(length_of(&self.buffer));
    }

    /// Makes room for the batch and those to come. What can't be reserved is written all the same, or fails then.
    fn reserve(&mut self, shared: &Shared, path: &str, end: u64) {
        let needed = end.saturating_add(length_of(&self.buffer));
        if needed <= self.reserved || end < LEAST_RESERVE {
            return;
        }
        let ahead = needed.saturating_add(end.min(RESERVE));
        let wanted = ahead.min(shared.options.segment_bytes).max(needed);
        // Not tried again for a while when it does not work.
        self.reserved = wanted;
        let _ = shared.store.reserve(path, wanted);
    }

    /// Cuts off the room that the current file has beyond its content.
    fn trim(&mut self, shared: &Shared) -> Result<(), LedgerError> {
        if self.reserved == 0 {
            return Ok(());
        }
        self.repair(shared)
    }

    /// Cuts off what a failed write left behind. Its pages are dirty again when they are rewritten, so a failed sync is
    /// never trusted later.
    fn repair(&mut self, shared: &Shared) -> Result<(), LedgerError> {
        let (file, end) = {
            let segments = shared.segments.read().unwrap_or_else(PoisonError::into_inner);
            (segments.active.first, segments.active.length)
        };
        let path = record_path(file);
        let fail = |source| LedgerError::io("cut a failed write off", &path, source);
        shared.store.truncate(&path, end).map_err(fail)?;
        shared.store.sync(&path).map_err(fail)?;
        (self.dirty, self.reserved) = (false, 0);
        Ok(())
    }

    /// Starts a new record file when the current one is large enough. The new file comes first: without it the old one
    /// simply goes on, and a missing index is made anew at the next start.
    fn rotate_if_full(&mut self, shared: &Shared) -> Result<(), LedgerError> {
        let (first, length, next, entries) = {
            let segments = shared.segments.read().unwrap_or_else(PoisonError::into_inner);
            let active = &segments.active;
            let limit = shared
                .options
                .segment_bytes
                .max(u64::try_from(FILE_HEADER).unwrap_or_default());
            if active.length < limit || active.entries.is_empty() {
                return Ok(());
            }
            (
                active.first,
                active.length,
                active.next_index(),
                active.entries.clone(),
            )
        };
        // Only the last file may have more than its batches.
        self.trim(shared)?;
        let store = shared.store.as_ref();
        let fresh = segments::create(store, next)?;
        let header = segments::write_index(store, first, length, &entries)?;
        let mut segments = shared.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.finished.push(header);
        segments.active = fresh;
        Ok(())
    }
}
