//! The log on disk.
//!
//! Life of a decision: the caller's thread computes its leaf, applies the mask and encodes the entry; the writer's thread
//! appends a batch of entries to the current record file with one sync, adds the leaves to the tree and acknowledges; the
//! publisher turns the durable tree into tiles and a signed checkpoint every so often. Formats: `docs/formats/log.md`.

pub mod anchors;
pub mod erase;
mod error;
mod frame;
pub mod fsck;
mod index;
mod list;
mod options;
mod order;
mod prepare;
mod proofs;
mod publish;
mod recover;
mod scan;
mod sealed;
mod segments;
pub mod store;
mod tiles;
mod writer;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use stele_types::{DecisionId, DecisionRecord, Leaf, LeafIndex, Timestamp, TreeSize};

pub use anchors::StoredAnchor;
pub use erase::{Erasure, ErasureRequest};
pub use error::LedgerError;
pub use list::{Entry, ListQuery, MAX_PAGE, MAX_SCAN, Page};
pub use options::{AckMode, CommitStats, MAX_DISORDER, OnAcknowledged, OnCommit, OnPublishError, Options};
pub use order::LatestTime;
pub use prepare::Prepared;
pub use proofs::StaticFile;
pub use store::{FileStore, Store, replace_file_durably};

use crate::checkpoint::SignedCheckpoint;
use crate::note::{SigningKey, VerifierKey};
use crate::tree::TileRows;
use segments::Segments;
use writer::{Pending, Queue};

pub(crate) const RECORDS_DIR: &str = "records";
pub(crate) const CHECKPOINT_PATH: &str = "public/checkpoint";

/// Acknowledges a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The decision.
    pub decision_id: DecisionId,
    /// Its place in the log; absent when it was acknowledged from memory, before it has one.
    pub index: Option<LeafIndex>,
}

/// What the log's threads and handles share. Locks are taken in the order of the fields.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) key: SigningKey,
    pub(crate) options: Options,
    pub(crate) queue: Queue,
    /// Held while an erasure runs.
    pub(crate) erasing: Mutex<()>,
    /// Held while tiles are written.
    pub(crate) publishing: Mutex<()>,
    /// Written while stored entries are overwritten, so that no reader sees half of one.
    pub(crate) overwriting: RwLock<()>,
    pub(crate) segments: RwLock<Segments>,
    pub(crate) rows: Mutex<TileRows>,
    pub(crate) published: Mutex<Option<SignedCheckpoint>>,
    pub(crate) anchors: Mutex<BTreeSet<u64>>,
    pub(crate) latest: LatestTime,
    pub(crate) damage: Option<LedgerError>,
    /// True when the publisher should stop.
    stop: Mutex<bool>,
    stopped: Condvar,
}

/// Locks a mutex. A thread that panicked while it held one of ours left complete values behind: they are replaced whole.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An append-only Merkle log of decisions. Share it in an [`Arc`]; dropping it writes what waits and publishes.
pub struct Ledger {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<Result<(), LedgerError>>>,
    publisher: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Opens the log in a directory, which is made when it does not exist, and recovers it after a crash. The key's name is
    /// the log's origin; it can't change later.
    pub fn open(directory: &Path, key: SigningKey, options: Options) -> Result<Self, LedgerError> {
        Self::open_store(Arc::new(FileStore::open(directory)?), key, options)
    }

    /// Opens the log in any store.
    pub fn open_store(store: Arc<dyn Store>, key: SigningKey, options: Options) -> Result<Self, LedgerError> {
        let recovered = recover::recover(store.as_ref(), key.verifier())?;
        let shared = Arc::new(Shared {
            store,
            key,
            options,
            queue: Queue::default(),
            erasing: Mutex::new(()),
            publishing: Mutex::new(()),
            overwriting: RwLock::new(()),
            segments: RwLock::new(recovered.segments),
            rows: Mutex::new(recovered.rows),
            published: Mutex::new(recovered.checkpoint),
            anchors: Mutex::new(recovered.anchors),
            latest: LatestTime::new(recovered.latest),
            damage: recovered.damage,
            stop: Mutex::new(false),
            stopped: Condvar::new(),
        });
        let mut ledger = Self {
            shared: Arc::clone(&shared),
            writer: None,
            publisher: None,
        };
        let spawn = |source| LedgerError::io("start a thread for", "the log", source);
        let for_writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new().name("ledger-writer".to_owned());
        ledger.writer = Some(writer.spawn(move || writer::run(&for_writer)).map_err(spawn)?);
        ledger.complete_erasure()?;
        if let Some(interval) = shared.options.publish_interval {
            let publisher = std::thread::Builder::new().name("ledger-publisher".to_owned());
            ledger.publisher = Some(
                publisher
                    .spawn(move || run_publisher(&shared, interval))
                    .map_err(spawn)?,
            );
        }
        Ok(ledger)
    }

    /// Queues a decision. `done` is called exactly once with the outcome: on the writer's thread when the decision is
    /// durable, or on this thread when it is refused or [`AckMode::Memory`] is set. It must not block.
    ///
    /// Leaf and JSON are made on the calling thread.
    pub fn append(
        &self,
        record: DecisionRecord,
        done: impl FnOnce(Result<Ack, LedgerError>) + Send + 'static,
    ) {
        match Prepared::new(record, None) {
            Ok(prepared) => self.append_prepared(prepared, done),
            Err(error) => done(Err(error)),
        }
    }

    /// Queues a decision that was prepared (and masked) before; see [`Ledger::append`].
    pub fn append_prepared(
        &self,
        prepared: Prepared,
        done: impl FnOnce(Result<Ack, LedgerError>) + Send + 'static,
    ) {
        match self.shared.options.ack {
            AckMode::Durable => self.append_prepared_durably(prepared, done),
            AckMode::Memory => {
                if let Some(error) = self.excess(&prepared) {
                    done(Err(error));
                    return;
                }
                let decision_id = prepared.leaf().decision_id;
                let pending = Pending {
                    time: prepared.leaf().time,
                    bytes: prepared.into_bytes(),
                    done: None,
                };
                match self.shared.queue.push(&self.shared, pending) {
                    Ok(()) => done(Ok(Ack {
                        decision_id,
                        index: None,
                    })),
                    Err((error, _)) => done(Err(error)),
                }
            }
        }
    }

    /// [`Ledger::append_prepared`] for what must not be acknowledged before it is durable, whatever the acknowledgement mode.
    pub fn append_prepared_durably(
        &self,
        prepared: Prepared,
        done: impl FnOnce(Result<Ack, LedgerError>) + Send + 'static,
    ) {
        if let Some(error) = self.excess(&prepared) {
            done(Err(error));
            return;
        }
        let pending = Pending {
            time: prepared.leaf().time,
            bytes: prepared.into_bytes(),
            done: Some(Box::new(done)),
        };
        if let Err((error, Some(done))) = self.shared.queue.push(&self.shared, pending) {
            done(Err(error));
        }
    }

    fn excess(&self, prepared: &Prepared) -> Option<LedgerError> {
        let limit = self.shared.options.max_record_bytes;
        let size = prepared.excess(limit)?;
        Some(LedgerError::RecordTooLarge { size, limit })
    }

    /// Appends and waits for the outcome.
    pub fn append_and_wait(&self, record: DecisionRecord) -> Result<Ack, LedgerError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.append(record, move |outcome| {
            // The receiver is waiting below; it can't be gone.
            let _ = sender.send(outcome);
        });
        receiver.recv().unwrap_or(Err(LedgerError::Closed))
    }

    /// Waits until an entry is durable, whatever the acknowledgement mode.
    fn append_durably(&self, time: Timestamp, bytes: Vec<u8>) -> Result<Ack, LedgerError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let done = move |outcome| {
            let _ = sender.send(outcome);
        };
        let pending = Pending {
            time,
            bytes,
            done: Some(Box::new(done)),
        };
        self.shared
            .queue
            .push(&self.shared, pending)
            .map_err(|(error, _)| error)?;
        receiver.recv().unwrap_or(Err(LedgerError::Closed))
    }

    /// Number of durable decisions.
    pub fn size(&self) -> TreeSize {
        self.segments().size()
    }

    /// Damage that was met when the log was opened and did not keep it closed: some records can't be read. [`Ledger::fsck`] looks for all there is.
    pub fn damage(&self) -> Option<&LedgerError> {
        self.shared.damage.as_ref()
    }

    /// The latest date of an entry, also while the log goes on.
    pub fn latest(&self) -> &LatestTime {
        &self.shared.latest
    }

    /// The log's public key.
    pub fn verifier(&self) -> &VerifierKey {
        self.shared.key.verifier()
    }

    /// Bytes that wait for the writer.
    pub fn waiting_bytes(&self) -> usize {
        self.shared.queue.waiting_bytes()
    }

    /// Why decisions that were acknowledged from memory can't be written at the moment, if so.
    pub fn failing(&self) -> Option<LedgerError> {
        self.shared.queue.failing()
    }

    pub(crate) fn segments(&self) -> std::sync::RwLockReadGuard<'_, Segments> {
        self.shared
            .segments
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Index of the decision with this id.
    pub fn index_of(&self, id: &DecisionId) -> Result<Option<LeafIndex>, LedgerError> {
        self.segments().find(self.shared.store.as_ref(), id)
    }

    /// The decision at this index.
    pub fn entry(&self, index: LeafIndex) -> Result<Entry, LedgerError> {
        let (leaf, json) = self.raw_entry(index)?;
        Ok(Entry {
            index,
            leaf,
            record: DecisionRecord::from_json(&json)?,
        })
    }

    /// Leaf and record JSON at this index.
    pub(crate) fn raw_entry(&self, index: LeafIndex) -> Result<(Leaf, Vec<u8>), LedgerError> {
        let store = self.shared.store.as_ref();
        let place = self.segments().locate(store, index)?;
        let _whole = self
            .shared
            .overwriting
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let entry = segments::read_at(store, &place)?;
        let leaf = Leaf::from_bytes(&entry.leaf).map_err(|error| LedgerError::Corrupt {
            file: segments::record_path(place.first),
            offset: place.offset,
            problem: error.to_string(),
            mend: "run fsck, and restore the file from a copy of the same log",
        })?;
        Ok((leaf, entry.record))
    }

    /// Erases input and salt of a decision; its proofs stay valid. The log records the erasure.
    pub fn erase(&self, id: &DecisionId, request: &ErasureRequest) -> Result<Erasure, LedgerError> {
        let _one_at_a_time = locked(&self.shared.erasing);
        self.complete_erasure_locked()?;
        let store = self.shared.store.as_ref();
        let index = self
            .index_of(id)?
            .ok_or(LedgerError::UnknownDecision { id: *id })?;
        let place = self.segments().locate(store, index)?;
        let entry = segments::read_at(store, &place)?;
        let record = DecisionRecord::from_json(&entry.record)?;
        if record.path.as_str() == erase::ERASURE_PATH {
            return Err(LedgerError::NotErasable { id: *id });
        }
        if erase::is_erased(&record) {
            return Ok(Erasure::Already);
        }
        let (own, leaf) = erase::erasure_record(&record, index, request)?;
        let patches = erase::patches(store, &place, &entry, record)?;
        let entry = frame::encode_entry(&leaf, &own.to_json()?);
        erase::write_intent(
            store,
            &erase::Intent {
                patches,
                entry,
                erasure_id: request.erasure_id,
            },
        )?;
        let recorded_at = self.complete_erasure_locked()?;
        let recorded_at = recorded_at.ok_or(LedgerError::UnknownDecision {
            id: request.erasure_id,
        })?;
        Ok(Erasure::Done { recorded_at })
    }

    fn complete_erasure(&self) -> Result<(), LedgerError> {
        let _one_at_a_time = locked(&self.shared.erasing);
        self.complete_erasure_locked().map(|_| ())
    }

    /// Carries out the intent on disk, if there is one, and returns where it is recorded.
    fn complete_erasure_locked(&self) -> Result<Option<LeafIndex>, LedgerError> {
        let store = self.shared.store.as_ref();
        let Some(intent) = erase::read_intent(store)? else {
            return Ok(None);
        };
        {
            let _alone = self
                .shared
                .overwriting
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            erase::apply(store, &intent.patches)?;
        }
        if self.index_of(&intent.erasure_id)?.is_none() {
            let (time, entry) = erase::not_before(intent.entry, self.shared.latest.get())?;
            self.append_durably(time, entry)?;
        }
        erase::remove_intent(store)?;
        self.index_of(&intent.erasure_id)
    }

    /// Writes what waits, publishes, and stops the log's threads. Dropping does the same but can't report.
    pub fn close(mut self) -> Result<(), LedgerError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), LedgerError> {
        *locked(&self.shared.stop) = true;
        self.shared.stopped.notify_all();
        self.shared.queue.close();
        let mut outcome = Ok(());
        if let Some(writer) = self.writer.take() {
            outcome = writer.join().unwrap_or(Err(LedgerError::Closed));
        }
        let background = self.publisher.take();
        if let Some(publisher) = background {
            let _ = publisher.join();
            outcome = outcome.and(publish::publish(&self.shared).map(|_| ()));
        }
        outcome
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // Nobody is left to tell; what could not be written was never acknowledged, or `failing` said so.
        let _ = self.shut_down();
    }
}

/// The publisher's thread. A failure is tried again after the next interval; readers keep the last checkpoint.
fn run_publisher(shared: &Shared, interval: std::time::Duration) {
    let mut stop = locked(&shared.stop);
    while !*stop {
        drop(stop);
        if let Err(error) = publish::publish(shared)
            && let Some(report) = &shared.options.on_publish_error
        {
            report(&error);
        }
        stop = locked(&shared.stop);
        if !*stop {
            (stop, _) = shared
                .stopped
                .wait_timeout(stop, interval)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
