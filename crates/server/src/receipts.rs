//! Receipts: signed promises that decisions will be in the log (`docs/formats/receipt.md`).
//!
//! A decision whose caller wants one is appended durably, whatever the log's acknowledgements are: what is promised must survive a crash. Its
//! leaf then waits here until its group commit is acknowledged as a whole, and a thread of its own signs once for all that waits. Neither the log's
//! writer nor the workers wait for the signature, and while one is made the next batch gathers.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::StatusCode;
use stele_ledger::receipt::Batch;
use stele_ledger::tree::leaf_hash;
use stele_pdp::SinkError;
use stele_types::receipt::{Receipt, Signature};
use stele_types::{ChainId, Digest, EvmAddress, Leaf, NodeAddress, Salt, Timestamp};

use crate::http::ApiError;
use crate::shared::Shared;
use crate::standing::Doubt;
use crate::worker::Call;

/// Signs a digest with the key that the chain knows as the node's.
pub type SignDigest = Arc<dyn Fn(&Digest) -> Result<Signature, String> + Send + Sync>;

/// Who promises, and what holds it to that.
#[derive(Clone)]
pub struct ReceiptAuthority {
    /// The chain.
    pub chain_id: ChainId,
    /// The ledger contract in which the log is anchored.
    pub ledger: EvmAddress,
    /// The node.
    pub node: NodeAddress,
    /// Its operator's key.
    pub sign: SignDigest,
}

/// Why there is no receipt, and so no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ReceiptFailure {
    /// The log did not take the decision.
    #[error(transparent)]
    Log(#[from] SinkError),
    /// The decision is in the log, but its receipt could not be signed.
    #[error("the receipt could not be signed: {0}")]
    Signing(String),
}

/// Called once, from any thread.
pub(crate) type Promised = Box<dyn FnOnce(Result<Receipt, ReceiptFailure>) + Send>;

/// A decision that is durable and waits for its receipt.
struct Waiting {
    leaf: Leaf,
    hash: Digest,
    input_salt: Salt,
    done: Promised,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    /// A group commit was acknowledged since the last batch was taken.
    complete: bool,
    closed: bool,
    receipts: u64,
    batches: u64,
}

/// Decisions that wait for receipts. Filled on the log writer's thread.
#[derive(Default)]
pub(crate) struct ReceiptQueue {
    state: Mutex<State>,
    wake: Condvar,
}

impl ReceiptQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a decision needs to wait here once it is durable; called on its worker's thread, which does the hashing.
    pub(crate) fn ticket(&self, leaf: &Leaf, input_salt: Salt) -> Ticket {
        Ticket {
            leaf: *leaf,
            hash: leaf_hash(&leaf.to_bytes()),
            input_salt,
        }
    }

    /// Queues a durable decision.
    pub(crate) fn push(&self, ticket: Ticket, done: Promised) {
        let Ticket {
            leaf,
            hash,
            input_salt,
        } = ticket;
        let mut state = self.state();
        if state.closed {
            drop(state);
            done(Err(SinkError::Closed.into()));
            return;
        }
        state.waiting.push(Waiting {
            leaf,
            hash,
            input_salt,
            done,
        });
    }

    /// All decisions of a group commit have been queued.
    pub(crate) fn complete(&self) {
        let mut state = self.state();
        if !state.waiting.is_empty() {
            state.complete = true;
            self.wake.notify_one();
        }
    }

    /// Receipts issued, and signatures made for them.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.receipts, state.batches)
    }

    fn close(&self) {
        self.state().closed = true;
        self.wake.notify_one();
    }

    /// Waits for a batch; `None` when no more will come.
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        while !state.complete {
            if state.closed {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.complete = false;
        let batch = std::mem::take(&mut state.waiting);
        state.batches = state.batches.saturating_add(1);
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        state.receipts = state.receipts.saturating_add(count);
        Some(batch)
    }
}

/// A decision on its way to its receipt.
pub(crate) struct Ticket {
    leaf: Leaf,
    hash: Digest,
    input_salt: Salt,
}

/// The thread that signs; ends when this is dropped.
pub(crate) struct Issuer {
    queue: Arc<ReceiptQueue>,
    thread: Option<JoinHandle<()>>,
}

impl Issuer {
    /// Signs what waits in a queue. `now` is asked once per batch.
    pub(crate) fn start(
        queue: Arc<ReceiptQueue>,
        authority: ReceiptAuthority,
        merge_delay: u64,
        now: impl Fn() -> Timestamp + Send + 'static,
    ) -> std::io::Result<Self> {
        let source = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("stele-receipts".to_owned())
            .spawn(move || {
                while let Some(batch) = source.take() {
                    let issued_at = now().as_nanos() / 1_000_000_000;
                    issue(&authority, (issued_at, merge_delay), batch);
                }
            })?;
        Ok(Self {
            queue,
            thread: Some(thread),
        })
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // It panics nowhere, and there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

/// One signature for all of them.
fn issue(authority: &ReceiptAuthority, times: (u64, u64), waiting: Vec<Waiting>) {
    let hashes = waiting.iter().map(|one| one.hash).collect();
    let signed = Batch::new(
        (authority.chain_id, authority.ledger),
        authority.node,
        times,
        hashes,
    )
    .map_err(|error| error.to_string())
    .and_then(|batch| {
        let signature = (authority.sign)(&batch.promise().digest())?;
        Ok((batch, signature))
    });
    if let Err(problem) = &signed {
        tracing::error!(problem, "receipts can't be signed");
    }
    for (index, one) in waiting.into_iter().enumerate() {
        let receipt = match &signed {
            Ok((batch, signature)) => batch
                .receipt(index, one.leaf, one.input_salt, *signature)
                .map_err(|error| error.to_string()),
            Err(problem) => Err(problem.clone()),
        };
        (one.done)(receipt.map_err(ReceiptFailure::Signing));
    }
}

/// Whether a caller asks for receipts: `?receipt=true`, or the header `Stele-Receipt: true`.
///
/// # Errors
/// 400 when the header says something else, because whoever sends it relies on an answer.
pub(crate) fn requested(call: &Call<'_>) -> Result<bool, ApiError> {
    let Some(value) = call.parts.headers.get("stele-receipt") else {
        return Ok(call.params.flag("receipt"));
    };
    match value.as_bytes() {
        b"true" | b"1" => Ok(true),
        b"false" | b"0" => Ok(call.params.flag("receipt")),
        _ => Err(ApiError::invalid(
            "header `Stele-Receipt` must be `true` or `false`",
        )),
    }
}

/// Whether this node may promise anything.
///
/// # Errors
/// 400, or 503 where it may later, before a decision was made.
pub(crate) fn promised_by(shared: &Shared) -> Result<(), ApiError> {
    let refused = |status, message: String| ApiError::new(status, "receipts_unavailable", message);
    if shared.receipts.is_none() {
        let message = "this node signs no receipts: it anchors its log on no chain (`server.anchor.enabled`), or they are switched off \
             (`server.receipts.enabled`)";
        return Err(refused(StatusCode::BAD_REQUEST, message.to_owned()));
    }
    let limit = Duration::from_millis(shared.config.registry.stale_ms);
    shared.standing.assured(Instant::now(), limit).map_err(|doubt| {
        let status = match doubt {
            Doubt::NotCounted => StatusCode::BAD_REQUEST,
            Doubt::Unheard(_) | Doubt::NeverHeard => StatusCode::SERVICE_UNAVAILABLE,
        };
        refused(status, doubt.to_string())
    })
}

#[cfg(test)]
mod tests;
