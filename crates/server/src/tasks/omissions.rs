//! Answering claims of omission: whoever holds a receipt of this node may claim that its decision is not in the log, and the node is suspended
//! unless somebody shows that it is. This task asks the contract which claims are open, so that neither a restart nor a lost event leaves one out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stele_ledger::tree::leaf_hash;
use stele_types::{Digest, LeafIndex, TreeSize};
use tokio::sync::watch;

use super::OMISSIONS;
use super::anchor::blocking;
use super::backoff::Backoff;
use crate::chain::{ChainLink, OpenOmission};
use crate::clock::now;
use crate::log::DecisionLog;
use crate::shared::Shared;

/// Answers until told to stop.
pub(crate) async fn run(shared: Arc<Shared>, link: Arc<dyn ChainLink>, mut stop: watch::Receiver<bool>) {
    let poll = Duration::from_millis(shared.config.receipts.poll_ms);
    let anchor = &shared.config.anchor;
    let mut backoff = Backoff::new(
        Duration::from_millis(anchor.retry_ms),
        Duration::from_millis(anchor.retry_max_ms),
    );
    let mut reported = BTreeSet::new();
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match look(&shared, &*link, &mut reported).await {
            Ok(()) => {
                backoff.succeeded();
                shared.status.succeeded(OMISSIONS, now());
                pause = poll;
            }
            Err(problem) => {
                if shared.status.failed(OMISSIONS, problem.clone()) {
                    tracing::warn!(
                        problem,
                        "claims of omission are not being answered; the attempts go on"
                    );
                }
                pause = backoff.failed().min(poll);
            }
        }
    }
}

/// One look at the open claims. All that can be answered are, whatever becomes of the others.
async fn look(
    shared: &Arc<Shared>,
    link: &dyn ChainLink,
    reported: &mut BTreeSet<Digest>,
) -> Result<(), String> {
    let open = link
        .open_omissions()
        .await
        .map_err(|problem| problem.to_string())?;
    reported.retain(|hash| open.iter().any(|claim| claim.leaf_hash == *hash));
    let mut problem = None;
    for claim in open {
        match answer(shared, link, &claim).await {
            Ok(true) => tracing::warn!(decision_id = %claim.decision_id, "a claim of omission was answered"),
            // The next anchor will cover it.
            Ok(false) => {}
            Err(error) => {
                if reported.insert(claim.leaf_hash) {
                    tracing::error!(error, decision_id = %claim.decision_id, deadline = %claim.deadline, "a claim of omission stands");
                }
                problem.get_or_insert(error);
            }
        }
    }
    problem.map_or(Ok(()), Err)
}

/// Answers a claim; false while no anchor covers the decision.
async fn answer(shared: &Arc<Shared>, link: &dyn ChainLink, claim: &OpenOmission) -> Result<bool, String> {
    let wanted = claim.clone();
    let index = blocking(shared, move |log| find(log, &wanted)).await?;
    let covering = link
        .covering(index)
        .await
        .map_err(|problem| problem.to_string())?;
    let Some((anchor, size)) = covering else {
        return Ok(false);
    };
    let proof = blocking(shared, move |log| prove(log, index, size)).await?;
    let answered = link.answer_omission(claim.leaf_hash, (anchor, index), proof);
    answered.await.map_err(|problem| problem.to_string())?;
    Ok(true)
}

fn prove(log: &DecisionLog, index: LeafIndex, size: TreeSize) -> Result<Vec<Digest>, String> {
    let proof = log.ledger().inclusion_proof(index, size);
    proof.map_err(|error| error.to_string())
}

/// Where the claimed decision stands in this log.
fn find(log: &DecisionLog, claim: &OpenOmission) -> Result<LeafIndex, String> {
    let id = claim.decision_id;
    let index = log.ledger().index_of(&id).map_err(|error| error.to_string())?;
    let missing = |what: &str| {
        format!(
            "somebody holds a receipt of this node for decision {id}, and {what}: the node will be suspended after {}. Was the log restored from \
             an old copy, or is the key used elsewhere?",
            claim.deadline
        )
    };
    let index = index.ok_or_else(|| missing("this log does not have it"))?;
    let entry = log.ledger().entry(index).map_err(|error| error.to_string())?;
    if leaf_hash(&entry.leaf.to_bytes()) != claim.leaf_hash {
        return Err(missing("this log has another leaf under that id"));
    }
    Ok(index)
}
