//! Records against their leaves, on all cores: by far the most of what a check computes, and no record depends on another.
//!
//! One thread reads and goes on with the tree; the others compare. What they find comes back in the order of the log, and only a few jobs are under
//! way at a time, so that memory stays bounded and the report is the same on any number of cores.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;

use stele_types::{DecisionRecord, Digest, LEAF_BYTES, Leaf, RecordCheck};

use crate::storage::erase::{ERASURE_PATH, is_erased};
use crate::storage::scan::Payload;
use crate::tree::leaf_hash;

/// Bytes of batches from which on a job is worth handing over.
const WORTH: usize = 256 << 10;
/// Jobs under way for each core; at least two, so that no core waits for the reader.
const AHEAD: usize = 3;

/// An entry that was compared with its leaf.
pub(super) struct Checked {
    pub(super) index: u64,
    /// Of the entry in its file, in bytes.
    pub(super) offset: u64,
    pub(super) leaf: [u8; LEAF_BYTES],
    pub(super) hash: Digest,
    pub(super) compared: Compared,
}

/// What became of comparing one.
#[derive(Default)]
pub(super) struct Compared {
    /// What is wrong.
    pub(super) problem: Option<String>,
    pub(super) erased: bool,
    /// The decision that this record says was erased.
    pub(super) erasure_of: Option<u64>,
}

type Job = (Vec<Payload>, SyncSender<Vec<Checked>>);

/// Compares batches on all cores.
pub(super) struct Pool {
    jobs: SyncSender<Job>,
    /// What was handed over and not yet taken back, oldest first.
    under_way: VecDeque<Receiver<Vec<Checked>>>,
    limit: usize,
    held: Vec<Payload>,
    bytes: usize,
}

/// Where workers take their jobs from.
pub(super) type Jobs = Mutex<Receiver<Job>>;

impl Pool {
    /// The pool and the queue that its workers need; see [`Pool::work`].
    pub(super) fn new() -> (Self, Jobs) {
        let limit = cores().saturating_mul(AHEAD);
        let (jobs, queue) = sync_channel(limit);
        let pool = Self {
            jobs,
            under_way: VecDeque::new(),
            limit,
            held: Vec::new(),
            bytes: 0,
        };
        (pool, Mutex::new(queue))
    }

    /// Starts the workers, which end when the pool is dropped.
    pub(super) fn work<'scope>(scope: &'scope Scope<'scope, '_>, queue: &'scope Jobs) {
        for _ in 0..cores() {
            scope.spawn(move || {
                loop {
                    // The lock is held while waiting, and by the next one who waits after that.
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((payloads, reply)) = next else { return };
                    // The reader is gone only when it gave up.
                    let _ = reply.send(compare_all(&payloads));
                }
            });
        }
    }

    /// Takes a batch over. Gives back what is done, in order, once enough is under way.
    pub(super) fn push(&mut self, payload: Payload) -> Vec<Checked> {
        self.bytes = self.bytes.saturating_add(payload.bytes.len());
        self.held.push(payload);
        if self.bytes < WORTH {
            return Vec::new();
        }
        self.hand_over();
        if self.under_way.len() < self.limit {
            return Vec::new();
        }
        self.take_oldest().unwrap_or_default()
    }

    /// The next of what was handed over; `None` when nothing is left.
    pub(super) fn drain(&mut self) -> Option<Vec<Checked>> {
        if !self.held.is_empty() {
            self.hand_over();
        }
        self.take_oldest()
    }

    fn hand_over(&mut self) {
        self.bytes = 0;
        let payloads = std::mem::take(&mut self.held);
        let (reply, result) = sync_channel(1);
        if let Err(returned) = self.jobs.send((payloads, reply)) {
            // No worker is left; do it here.
            let (payloads, reply) = returned.0;
            let _ = reply.send(compare_all(&payloads));
        }
        self.under_way.push_back(result);
    }

    fn take_oldest(&mut self) -> Option<Vec<Checked>> {
        let oldest = self.under_way.pop_front()?;
        // Workers catch what goes wrong within, so they always answer.
        Some(oldest.recv().unwrap_or_default())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn compare_all(payloads: &[Payload]) -> Vec<Checked> {
    let entries = payloads.iter().flat_map(Payload::entries);
    entries
        .map(|(index, offset, entry)| {
            let compare = || compare(entry.leaf, entry.record);
            Checked {
                index,
                offset,
                leaf: *entry.leaf,
                hash: leaf_hash(entry.leaf),
                compared: catch_unwind(AssertUnwindSafe(compare)).unwrap_or_else(|_| broken()),
            }
        })
        .collect()
}

/// A comparison that panicked has found nothing out.
fn broken() -> Compared {
    Compared {
        problem: Some("the check itself failed; this is a defect, please report it".to_owned()),
        ..Compared::default()
    }
}

fn compare(leaf: &[u8; LEAF_BYTES], record: &[u8]) -> Compared {
    let mut compared = Compared::default();
    compared.problem = against_leaf(leaf, record, &mut compared).err();
    compared
}

fn against_leaf(leaf: &[u8; LEAF_BYTES], record: &[u8], compared: &mut Compared) -> Result<(), String> {
    let leaf = Leaf::from_bytes(leaf).map_err(|error| error.to_string())?;
    let record = DecisionRecord::from_json(record).map_err(|error| error.to_string())?;
    compared.erased = is_erased(&record);
    if record.path.as_str() == ERASURE_PATH {
        let target = record.input.as_ref().and_then(|input| input.get("index"));
        let target = target.and_then(stele_types::Value::as_number);
        compared.erasure_of = target.and_then(stele_types::Number::to_u64);
    }
    let check: RecordCheck = record.check(&leaf).map_err(|error| error.to_string())?;
    if check.is_consistent() {
        return Ok(());
    }
    let shown = serde_json::to_value(&check).map_or_else(|_| String::new(), |json| json.to_string());
    Err(format!("the record is not what its leaf commits to: {shown}"))
}
