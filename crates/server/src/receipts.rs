//! Receipts: signed promises that decisions will be in the log (`docs/formats/receipt.md`).
//!
//! A decision whose caller wants one is appended durably, whatever the log's acknowledgements are: what is promised must survive a crash. Its
//! leaf then waits here until its group commit is acknowledged as a whole, and the log's writer signs once for all that waits: a signature a commit at
//! most, and nobody is woken but who waits for an answer. Callers without receipts have theirs by then. Workers write the receipts out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use stele_ledger::receipt::{Batch, Preamble, SignedBatch};
use stele_ledger::tree::leaf_hash;
use stele_pdp::SinkError;
use stele_types::receipt::Signature;
use stele_types::{ChainId, Digest, EvmAddress, Leaf, NodeAddress, Salt, Timestamp};

use crate::http::ApiError;
use crate::shared::Shared;
use crate::standing::Doubt;
use crate::worker::Call;

/// Signs a digest with the key that the chain knows as the node's. Called on the log writer's thread, so it must not wait for anybody.
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
pub(crate) type Promised = Box<dyn FnOnce(Result<Issued, ReceiptFailure>) + Send>;

/// A receipt, to be written where it is answered.
#[derive(Debug)]
pub(crate) struct Issued {
    batch: Arc<SignedBatch>,
    index: usize,
    leaf: Leaf,
    input_salt: Salt,
}

impl Issued {
    /// Adds the receipt as compact JSON.
    ///
    /// # Errors
    /// 500 when it is not of its batch, which would be a defect.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        self.batch
            .write(self.index, &self.leaf, &self.input_salt, out)
            .map_err(|error| ApiError::internal(format!("can't write the receipt: {error}")))
    }
}

/// A decision that is durable and waits for its receipt.
struct Waiting {
    ticket: Ticket,
    done: Promised,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Some of them have waited for a second group commit already.
    postponed: bool,
}

/// Decisions from which on a signature is worth it at once: its share of each is below what else a receipt costs.
const ENOUGH: usize = 16;

/// Decisions that wait for receipts. Filled and emptied on the log writer's thread.
#[derive(Default)]
pub(crate) struct ReceiptQueue {
    state: Mutex<State>,
    issuer: OnceLock<Issuer>,
    receipts: AtomicU64,
    batches: AtomicU64,
}

impl ReceiptQueue {
    /// Has receipts signed from now on. False when somebody signs them already.
    pub(crate) fn serve(&self, issuer: Issuer) -> bool {
        self.issuer.set(issuer).is_ok()
    }

    /// Whether receipts are signed.
    pub(crate) fn served(&self) -> bool {
        self.issuer.get().is_some()
    }

    /// What a decision needs to wait here once it is durable; called on its worker's thread, which does the hashing.
    pub(crate) fn ticket(leaf: &Leaf, input_salt: Salt) -> Ticket {
        Ticket {
            leaf: *leaf,
            hash: leaf_hash(&leaf.to_bytes()),
            input_salt,
        }
    }

    /// Queues a durable decision.
    pub(crate) fn push(&self, ticket: Ticket, done: Promised) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.push(Waiting { ticket, done });
    }

    /// All decisions of a group commit have been queued: signs for them. Where they are few, and `more` are on their way to the disk already, it
    /// waits for those, once: on a fast disk a commit of a busy node has three or four decisions, and takes little longer than a signature.
    pub(crate) fn complete(&self, more: bool) {
        let waiting = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.waiting.is_empty() {
                return;
            }
            state.postponed = more && !state.postponed && state.waiting.len() < ENOUGH;
            if state.postponed {
                return;
            }
            std::mem::take(&mut state.waiting)
        };
        let Some(issuer) = self.issuer.get() else {
            refuse(waiting, "nobody signs receipts here");
            return;
        };
        let count = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        issuer.issue(waiting, || {
            self.receipts.fetch_add(count, Ordering::Relaxed);
            self.batches.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Receipts issued, and signatures made for them.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.receipts.load(Ordering::Relaxed),
            self.batches.load(Ordering::Relaxed),
        )
    }
}

/// A decision on its way to its receipt.
pub(crate) struct Ticket {
    leaf: Leaf,
    hash: Digest,
    input_salt: Salt,
}

/// Where the time of receipts comes from.
type Now = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// Signs receipts.
pub(crate) struct Issuer {
    authority: ReceiptAuthority,
    preamble: Arc<Preamble>,
    /// In seconds.
    merge_delay: u64,
    now: Now,
}

impl Issuer {
    /// Signs for an authority. `now` is asked once per batch.
    pub(crate) fn new(
        authority: ReceiptAuthority,
        merge_delay: u64,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let preamble = Preamble::new((authority.chain_id, authority.ledger), authority.node);
        Self {
            authority,
            preamble: Arc::new(preamble),
            merge_delay,
            now: Box::new(now),
        }
    }

    /// One signature for all of them. `signed` is called once there is one, before anybody has a receipt.
    fn issue(&self, waiting: Vec<Waiting>, signed: impl FnOnce()) {
        let hashes = waiting.iter().map(|one| one.ticket.hash).collect();
        let batch = match self.sign(hashes) {
            Ok(batch) => Arc::new(batch),
            Err(problem) => {
                tracing::error!(problem, "receipts can't be signed");
                refuse(waiting, &problem);
                return;
            }
        };
        signed();
        for (index, one) in waiting.into_iter().enumerate() {
            let Ticket { leaf, input_salt, .. } = one.ticket;
            (one.done)(Ok(Issued {
                batch: Arc::clone(&batch),
                index,
                leaf,
                input_salt,
            }));
        }
    }

    fn sign(&self, hashes: Vec<Digest>) -> Result<SignedBatch, String> {
        let authority = &self.authority;
        let issued_at = (self.now)().as_nanos() / 1_000_000_000;
        let batch = Batch::new(
            (authority.chain_id, authority.ledger),
            authority.node,
            (issued_at, self.merge_delay),
            hashes,
        )
        .map_err(|error| error.to_string())?;
        let signature = (authority.sign)(&self.preamble.digest(batch.promise()))?;
        Ok(batch.signed(Arc::clone(&self.preamble), signature))
    }
}

/// No receipt for any of them.
fn refuse(waiting: Vec<Waiting>, problem: &str) {
    for one in waiting {
        (one.done)(Err(ReceiptFailure::Signing(problem.to_owned())));
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
    if !shared.log.receipts().served() {
        let message = "this node signs no receipts: it anchors its log on no chain (`server.anchor.enabled`), or they are switched off \
             (`server.receipts.enabled`)";
        return Err(refused(StatusCode::BAD_REQUEST, message.to_owned()));
    }
    let limit = Duration::from_millis(shared.config.registry.stale_ms);
    shared.standing.assured(Instant::now(), limit).map_err(|doubt| {
        let status = match doubt {
            Doubt::NotCounted | Doubt::Superseded | Doubt::Replaced | Doubt::Behind | Doubt::Diverged => {
                StatusCode::BAD_REQUEST
            }
            Doubt::Unheard(_) | Doubt::NeverHeard => StatusCode::SERVICE_UNAVAILABLE,
        };
        refused(status, doubt.to_string())
    })
}

#[cfg(test)]
mod tests;
