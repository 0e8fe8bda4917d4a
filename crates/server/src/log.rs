//! The decision log as the server uses it: takes evidence, answers questions, counts commits. All questions may block on files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use stele_ledger::proof::InclusionProof;
use stele_ledger::storage::{
    Entry, Erasure, ErasureRequest, LedgerError, ListQuery, Options, Prepared, StaticFile, StoredAnchor,
};
use stele_ledger::{Anchor, Ledger, SignedCheckpoint, SigningKey};
use stele_pdp::{Ack, DecisionSink, Documents, Done, Evidence, SinkError};
use stele_types::{DecisionId, Digest, LeafIndex, PolicyId, TreeSize};

use crate::http::ApiError;
use crate::metrics::Histogram;
use crate::receipts::{Promised, ReceiptQueue};

/// Records looked at, in pages, for one filtered listing.
const MAX_PAGES: usize = 20;

/// Sizes and times of the log.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LogStats {
    /// Durable leaves.
    pub leaves: u64,
    /// Bytes that the records take on disk.
    pub bytes: u64,
    /// Bytes waiting to be written.
    pub waiting_bytes: u64,
    /// Why records can't be written at the moment, if so.
    pub failing: Option<String>,
    /// Damage that was met when the log was opened, if some was: records that can't be read.
    pub damage: Option<String>,
    /// Group commits since the start.
    pub commits: u64,
    /// Decisions in them.
    pub committed: u64,
    /// Receipts issued since the start.
    pub receipts: u64,
    /// Signatures made for them.
    pub receipt_batches: u64,
    /// Times of their syncs.
    #[serde(skip)]
    pub(crate) syncs: Histogram,
}

/// What group commits cost, counted on the writer's thread.
#[derive(Debug, Default)]
struct Commits {
    commits: u64,
    committed: u64,
    syncs: Histogram,
}

/// A ledger, open for the server.
pub struct DecisionLog {
    ledger: Arc<Ledger>,
    dir: PathBuf,
    commits: Arc<Mutex<Commits>>,
    receipts: Arc<ReceiptQueue>,
}

impl std::fmt::Debug for DecisionLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecisionLog")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// Which decisions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// At most so many.
    pub(crate) limit: usize,
    /// Only of this policy.
    pub(crate) policy: Option<PolicyId>,
    /// Only with this verdict.
    pub(crate) decision: Option<String>,
    /// Where to go on.
    pub(crate) start: Option<u64>,
}

impl DecisionLog {
    /// Opens the log in a directory; see [`Ledger::open`]. Acknowledgements, linger and limits are the options'; `on_commit` is taken by
    /// the server's metrics.
    ///
    /// # Errors
    /// [`LedgerError`]: the directory is in use, damaged, or of another key.
    pub fn open(dir: &Path, key: SigningKey, mut options: Options) -> Result<Self, LedgerError> {
        let commits = Arc::new(Mutex::new(Commits::default()));
        let counted = Arc::clone(&commits);
        options.on_commit = Some(Arc::new(move |stats| {
            let mut commits = lock(&counted);
            commits.commits = commits.commits.saturating_add(1);
            commits.committed = commits
                .committed
                .saturating_add(u64::try_from(stats.decisions).unwrap_or(u64::MAX));
            commits.syncs.observe(stats.sync);
        }));
        let receipts = Arc::new(ReceiptQueue::default());
        let waiting = Arc::clone(&receipts);
        options.on_acknowledged = Some(Arc::new(move |more| waiting.complete(more)));
        options.on_publish_error.get_or_insert_with(|| {
            Arc::new(
                |error| tracing::error!(%error, "tiles and checkpoint can't be published; decisions go on"),
            )
        });
        let ledger = Arc::new(Ledger::open(dir, key, options)?);
        if let Some(error) = ledger.damage() {
            tracing::error!(%error, "records of the log are damaged; decisions go on");
        }
        Ok(Self {
            ledger,
            dir: dir.to_owned(),
            commits,
            receipts,
        })
    }

    /// The ledger itself.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Sizes and times.
    pub(crate) fn stats(&self) -> LogStats {
        let (receipts, receipt_batches) = self.receipts.counts();
        let commits = lock(&self.commits);
        LogStats {
            leaves: self.ledger.size().get(),
            bytes: bytes_in(&self.dir.join("records")),
            waiting_bytes: u64::try_from(self.ledger.waiting_bytes()).unwrap_or(u64::MAX),
            failing: self.ledger.failing().map(|error| error.to_string()),
            damage: self.ledger.damage().map(ToString::to_string),
            commits: commits.commits,
            committed: commits.committed,
            receipts,
            receipt_batches,
            syncs: commits.syncs.clone(),
        }
    }

    /// Durable leaves; cheap.
    pub(crate) fn size(&self) -> u64 {
        self.ledger.size().get()
    }

    /// Publishes all that is durable and returns its signed checkpoint.
    pub(crate) fn head(&self) -> Result<SignedCheckpoint, LedgerError> {
        self.ledger.publish()
    }

    /// Root of the tree of the first `size` leaves.
    pub(crate) fn root(&self, size: TreeSize) -> Result<Digest, LedgerError> {
        self.ledger.root(size)
    }

    /// RFC 6962 consistency proof between two sizes; empty from nothing and between equal ones.
    pub(crate) fn consistency(&self, from: TreeSize, to: TreeSize) -> Result<Vec<Digest>, LedgerError> {
        if from.get() == 0 || from == to {
            return Ok(Vec::new());
        }
        self.ledger.consistency_proof(from, to)
    }

    /// Keeps an anchor with the checkpoint it covers, for proofs.
    pub(crate) fn keep_anchor(&self, anchor: Anchor, note: &str) -> Result<(), LedgerError> {
        self.ledger.store_anchor(&StoredAnchor {
            checkpoint: note.to_owned(),
            anchor,
        })
    }

    /// `/checkpoint` or a tile.
    pub(crate) fn file(&self, path: &str) -> Result<Option<StaticFile>, LedgerError> {
        self.ledger.static_file(path)
    }

    /// One decision.
    pub(crate) fn entry(&self, id: DecisionId) -> Result<Entry, LedgerError> {
        self.ledger.record(&id)
    }

    /// The proof bundle (`proof.json`) of a decision.
    pub(crate) fn proof(&self, id: DecisionId) -> Result<Vec<u8>, ApiError> {
        let bundle = self.ledger.prove(&id)?;
        bundle
            .to_json()
            .map_err(|error| ApiError::internal(format!("the proof can't be written: {error}")))
    }

    /// That a decision is in the log, without its record.
    pub(crate) fn inclusion(&self, id: DecisionId) -> Result<InclusionProof, LedgerError> {
        self.ledger.prove_inclusion(&id)
    }

    /// Erases input and salts; the erasure is itself a leaf.
    pub(crate) fn erase(&self, id: DecisionId, request: &ErasureRequest) -> Result<Erasure, LedgerError> {
        self.ledger.erase(&id, request)
    }

    /// A page of decisions, newest first, and where the next one begins.
    pub(crate) fn list(&self, filter: &Filter) -> Result<(Vec<Entry>, Option<u64>), LedgerError> {
        let mut found: Vec<Entry> = Vec::new();
        let mut start = filter.start.map(LeafIndex::new);
        for _ in 0..MAX_PAGES {
            let wanted = filter.limit.saturating_sub(found.len());
            let query = ListQuery {
                limit: wanted,
                start,
                policy: filter.policy.clone(),
                ..ListQuery::default()
            };
            let page = self.ledger.list(&query)?;
            let matches = |entry: &Entry| {
                filter.decision.is_none() || entry.record.labels.get("decision") == filter.decision.as_ref()
            };
            found.extend(page.entries.into_iter().filter(matches));
            start = page.next;
            if start.is_none() || found.len() >= filter.limit {
                break;
            }
        }
        Ok((found, start.map(LeafIndex::get)))
    }

    /// Stored records from an index on, a line of JSON each; see [`Ledger::record_lines`].
    pub(crate) fn records(
        &self,
        from: LeafIndex,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<u8>, LedgerError> {
        self.ledger.record_lines(from, limit, max_bytes)
    }

    /// Publishes all that is durable; for a log that others still hold.
    pub(crate) fn flush(&self) -> Result<(), LedgerError> {
        self.ledger.publish().map(drop)
    }

    /// Writes what waits, publishes, and closes the ledger if nobody else holds it.
    pub(crate) fn close(self) -> Result<(), LedgerError> {
        match Arc::try_unwrap(self.ledger) {
            Ok(ledger) => ledger.close(),
            Err(shared) => shared.publish().map(drop),
        }
    }
}

impl DecisionLog {
    /// Decisions that wait for receipts.
    pub(crate) fn receipts(&self) -> &Arc<ReceiptQueue> {
        &self.receipts
    }

    /// Hands over evidence as [`DecisionSink::append`] does, and has a receipt issued once it is durable. `done` is called exactly once.
    pub(crate) fn append_promised(&self, evidence: Evidence, done: Promised) {
        // The caller has the input and is given the salt, also where the log keeps neither.
        let Some(salt) = evidence.record.input_salt else {
            let message = "the input has no salt".to_owned();
            done(Err(SinkError::Refused { message }.into()));
            return;
        };
        match prepare(evidence) {
            Ok(prepared) => {
                let ticket = ReceiptQueue::ticket(prepared.leaf(), salt);
                let queue = Arc::clone(&self.receipts);
                self.ledger
                    .append_prepared_durably(prepared, move |outcome| match outcome {
                        Ok(_) => queue.push(ticket, done),
                        Err(error) => done(Err(sink_error(&error).into())),
                    });
            }
            Err(error) => done(Err(sink_error(&error).into())),
        }
    }
}

/// Leaf, mask and JSON are made on the caller's thread, so that this work scales with the workers.
fn prepare(evidence: Evidence) -> Result<Prepared, LedgerError> {
    let Evidence { record, documents } = evidence;
    match documents {
        Documents::InRecord { mask } => Prepared::new(record, mask.as_ref()),
        Documents::Rendered(documents) => Prepared::rendered(&record, &documents),
    }
}

impl DecisionSink for DecisionLog {
    fn append(&self, evidence: Evidence, done: Done) {
        match prepare(evidence) {
            Ok(prepared) => self.ledger.append_prepared(prepared, move |outcome| {
                done(
                    outcome
                        .map(|ack| Ack { index: ack.index })
                        .map_err(|error| sink_error(&error)),
                );
            }),
            Err(error) => done(Err(sink_error(&error))),
        }
    }
}

fn sink_error(error: &LedgerError) -> SinkError {
    let message = error.to_string();
    match error {
        LedgerError::Closed => SinkError::Closed,
        LedgerError::Record(_) | LedgerError::Mask(_) | LedgerError::RecordTooLarge { .. } => {
            SinkError::Refused { message }
        }
        _ => SinkError::Write { message },
    }
}

/// Code of the answer while no checkpoint covers a decision.
pub(crate) const NOT_PUBLISHED: &str = "not_published";

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::UnknownDecision { .. } => Self::not_found(error.to_string()),
            LedgerError::NotPublished { .. } => Self::unavailable(NOT_PUBLISHED, error.to_string()),
            LedgerError::NoSuchLeaf { .. } | LedgerError::NoSuchSize { .. } => {
                Self::invalid(error.to_string())
            }
            _ => Self::unavailable("log_unavailable", error.to_string()),
        }
    }
}

fn lock(commits: &Mutex<Commits>) -> MutexGuard<'_, Commits> {
    commits.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of the files directly in a directory; what can't be read counts nothing.
fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let sizes = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.metadata().ok());
    sizes.fold(0, |sum, metadata| sum.saturating_add(metadata.len()))
}
