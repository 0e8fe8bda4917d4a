//! Anchoring: brings checkpoints of the durable log to the ledger contract.
//!
//! The chain's own word about the newest anchor starts every attempt, so a restart, a lost receipt or a second attempt repeats nothing. A
//! log that does not continue what the chain holds can't be anchored: the contract refuses its consistency proof, and the task says so.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use stele_ledger::{Anchor, SignedCheckpoint};
use stele_types::{Digest, Timestamp, TreeSize};
use tokio::sync::watch;

use super::ANCHOR;
use super::backoff::Backoff;
use super::quorum::Verifiers;
use crate::chain::ChainLink;
use crate::clock::now;
use crate::config::AnchorConfig;
use crate::log::DecisionLog;
use crate::shared::Shared;

/// Pause between two looks at the log's size.
const LOOK: Duration = Duration::from_millis(200);

/// Anchoring as the endpoints see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AnchorView {
    /// Leaves covered by the newest anchor.
    pub size: u64,
    /// When this process last saw an anchor accepted.
    pub accepted_at: Option<Timestamp>,
    /// When the oldest leaf that no anchor covers was first seen.
    pub waiting_since: Option<Timestamp>,
    /// The newest anchor that this process brought about.
    pub last: Option<Anchor>,
}

impl AnchorView {
    /// How long leaves have been waiting, given the log's size.
    pub(crate) fn lag(&self, leaves: u64, now: Timestamp) -> Duration {
        match self.waiting_since {
            Some(since) if leaves > self.size => {
                Duration::from_nanos(now.as_nanos().saturating_sub(since.as_nanos()))
            }
            _ => Duration::ZERO,
        }
    }
}

/// Anchors until told to stop; a last attempt is made at the stop, so that a clean shutdown leaves nothing unanchored.
pub(crate) async fn run(
    shared: Arc<Shared>,
    link: Arc<dyn ChainLink>,
    view: watch::Sender<AnchorView>,
    mut stop: watch::Receiver<bool>,
) {
    let config = shared.config.anchor.clone();
    let verifiers = match Verifiers::new(&config) {
        Ok(verifiers) => verifiers,
        Err(problem) => {
            tracing::error!(problem, "nothing is anchored");
            shared.status.failed(ANCHOR, problem);
            return;
        }
    };
    let mut backoff = Backoff::new(
        Duration::from_millis(config.retry_ms),
        Duration::from_millis(config.retry_max_ms),
    );
    let mut pause = Duration::ZERO;
    let mut stopping = false;
    while !stopping {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => stopping = true,
        }
        pause = LOOK;
        let leaves = shared.log.size();
        let waiting = note_waiting(&view, leaves, now());
        if !waiting || !(stopping || is_due(&config, &view.borrow(), leaves, now())) {
            continue;
        }
        let outcome = if stopping {
            let patience = Duration::from_millis(shared.config.connections.drain_ms);
            let timed = tokio::time::timeout(patience, attempt(&shared, &*link, &verifiers)).await;
            timed.unwrap_or_else(|_| Err("the chain did not answer before the shutdown".to_owned()))
        } else {
            attempt(&shared, &*link, &verifiers).await
        };
        match outcome {
            Ok(anchor) => {
                backoff.succeeded();
                shared.status.succeeded(ANCHOR, now());
                view.send_modify(|view| {
                    view.size = anchor.size.get();
                    view.accepted_at = Some(now());
                    view.waiting_since = None;
                    view.last = Some(anchor);
                });
            }
            Err(problem) => {
                if shared.status.failed(ANCHOR, problem.clone()) {
                    tracing::warn!(
                        problem,
                        "checkpoints are not being anchored; decisions go on, and the attempts too"
                    );
                }
                pause = backoff.failed();
            }
        }
    }
}

/// Remembers since when leaves wait; true when any do.
fn note_waiting(view: &watch::Sender<AnchorView>, leaves: u64, now: Timestamp) -> bool {
    let waiting = leaves > view.borrow().size;
    view.send_if_modified(|view| {
        let first = waiting && view.waiting_since.is_none();
        if first {
            view.waiting_since = Some(now);
        }
        first
    });
    waiting
}

/// Whether enough leaves have gathered, or the oldest has waited long enough.
fn is_due(config: &AnchorConfig, view: &AnchorView, leaves: u64, now: Timestamp) -> bool {
    leaves.saturating_sub(view.size) >= config.leaves
        || view.lag(leaves, now) >= Duration::from_millis(config.interval_ms)
}

/// One attempt: ask the chain where it stands, prove that the log continues from there, anchor, and keep the receipt.
async fn attempt(
    shared: &Arc<Shared>,
    link: &dyn ChainLink,
    verifiers: &Verifiers,
) -> Result<Anchor, String> {
    let last = link.last_anchor().await.map_err(|problem| problem.to_string())?;
    let from = last.map_or(TreeSize::new(0), |(size, _)| size);
    let (head, proof) = blocking(shared, move |log| prepare(log, from)).await?;
    let quorum = verifiers.collect(shared, link, &head).await?;
    let tree = &head.checkpoint;
    let anchor = link
        .anchor(tree.size, tree.root, proof, quorum.signatures)
        .await
        .map_err(|problem| problem.to_string())?;
    tracing::info!(
        size = anchor.size.get(),
        block = anchor.block_number.get(),
        "checkpoint anchored"
    );
    let kept = anchor.clone();
    blocking(shared, move |log| {
        log.keep_anchor(kept, &quorum.note)
            .map_err(|error| error.to_string())
    })
    .await?;
    Ok(anchor)
}

/// Runs work on the log's files off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&DecisionLog) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || work(&shared.log))
        .await
        .map_err(|error| error.to_string())?
}

/// The durable head, and the proof that it continues the tree of size `from`.
fn prepare(log: &DecisionLog, from: TreeSize) -> Result<(SignedCheckpoint, Vec<Digest>), String> {
    let head = log.head().map_err(|error| error.to_string())?;
    let size = head.checkpoint.size;
    if from > size {
        return Err(format!(
            "the chain holds an anchor for {from} leaves, this log has only {size}: the log was truncated or restored from an old copy, or \
             another process uses this node's key; run `stele audit fsck`"
        ));
    }
    let proof = log.consistency(from, size).map_err(|error| error.to_string())?;
    Ok((head, proof))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(size: u64, waiting_since: u64) -> AnchorView {
        AnchorView {
            size,
            waiting_since: Some(Timestamp(waiting_since)),
            ..AnchorView::default()
        }
    }

    #[test]
    fn anchors_fall_due_by_size_or_by_age() {
        let config = AnchorConfig {
            interval_ms: 1_000,
            leaves: 10,
            ..AnchorConfig::default()
        };
        let second = 1_000_000_000;
        assert!(!is_due(&config, &view(5, 0), 14, Timestamp(second - 1)));
        assert!(is_due(&config, &view(5, 0), 15, Timestamp(1)), "ten leaves");
        assert!(
            is_due(&config, &view(5, 0), 6, Timestamp(second)),
            "one leaf, one second"
        );
        assert!(
            !is_due(&config, &view(5, 0), 5, Timestamp(9 * second)),
            "nothing waits"
        );
    }

    #[test]
    fn waiting_begins_once() {
        let (sender, receiver) = watch::channel(AnchorView::default());
        assert!(!note_waiting(&sender, 0, Timestamp(1)));
        assert!(note_waiting(&sender, 1, Timestamp(2)));
        assert!(note_waiting(&sender, 2, Timestamp(3)));
        assert_eq!(receiver.borrow().waiting_since, Some(Timestamp(2)));
        assert_eq!(receiver.borrow().lag(2, Timestamp(5)), Duration::from_nanos(3));
    }
}
