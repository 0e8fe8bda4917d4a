//! Answering claims of omission: whoever holds a receipt of this node may claim that its decision is not in the log, and the node is suspended
//! unless somebody shows that it is. This task asks the contract which claims are open, so that neither a restart nor a lost event leaves one out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stele_ledger::tree::leaf_hash;
use stele_types::{Digest, LeafIndex, TreeSize};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::OMISSIONS;
use super::anchor::blocking;
use super::backoff::Backoff;
use crate::chain::{ChainLink, OpenOmission};
use crate::clock::now;
use crate::log::DecisionLog;
use crate::shared::Shared;

/// Answers on their way at the same time. Each waits for its block, so one after the other many claims would outlast the window.
const AT_ONCE: usize = 32;

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
        match look(&shared, &link, &mut reported).await {
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

/// One look at the open claims. All that can be answered are, those first that must be soonest, whatever becomes of the others.
async fn look(
    shared: &Arc<Shared>,
    link: &Arc<dyn ChainLink>,
    reported: &mut BTreeSet<Digest>,
) -> Result<(), String> {
    let mut open = link
        .open_omissions()
        .await
        .map_err(|problem| problem.to_string())?;
    reported.retain(|hash| open.iter().any(|claim| claim.leaf_hash == *hash));
    open.sort_by_key(|claim| claim.deadline);
    let mut outcome = Outcome {
        reported,
        problem: None,
    };
    let mut answers = JoinSet::new();
    for claim in open {
        if answers.len() >= AT_ONCE
            && let Some(answered) = answers.join_next().await
        {
            outcome.add(answered);
        }
        let (shared, link) = (Arc::clone(shared), Arc::clone(link));
        answers.spawn(async move {
            let answered = answer(&shared, &*link, &claim).await;
            (claim, answered)
        });
    }
    while let Some(answered) = answers.join_next().await {
        outcome.add(answered);
    }
    outcome.problem.map_or(Ok(()), Err)
}

/// What became of the claims of one look.
struct Outcome<'a> {
    reported: &'a mut BTreeSet<Digest>,
    problem: Option<String>,
}

impl Outcome<'_> {
    fn add(&mut self, answered: Result<(OpenOmission, Result<bool, String>), JoinError>) {
        let (claim, answered) = match answered {
            Ok(answered) => answered,
            Err(error) => {
                self.problem.get_or_insert(error.to_string());
                return;
            }
        };
        match answered {
            Ok(true) => tracing::warn!(decision_id = %claim.decision_id, "a claim of omission was answered"),
            // The next anchor will cover it.
            Ok(false) => {}
            Err(error) => {
                if self.reported.insert(claim.leaf_hash) {
                    tracing::error!(error, decision_id = %claim.decision_id, deadline = %claim.deadline, "a claim of omission stands");
                }
                self.problem.get_or_insert(error);
            }
        }
    }
}

/// Answers a claim; false while no anchor covers the decision.
async fn answer(shared: &Arc<Shared>, link: &dyn ChainLink, claim: &OpenOmission) -> Result<bool, String> {
    let wanted = claim.clone();
    let index = blocking(shared, move |log| find(log, &wanted)).await?;
    let covering = link
        .covering(index)
        .await
        .map_err(|problem| problem.to_string())?;
    let Some(covering) = covering else {
        return Ok(false);
    };
    let proof = blocking(shared, move |log| prove(log, index, covering.size)).await?;
    let answered = link.answer_omission(claim.clone(), (covering, index), proof);
    answered.await.map_err(|problem| problem.to_string())?;
    Ok(true)
}

fn prove(log: &DecisionLog, index: LeafIndex, size: TreeSize) -> Result<Vec<Digest>, String> {
    let proof = log.ledger().inclusion_proof(index, size);
    proof.map_err(|error| error.to_string())
}

/// Where the claimed decision stands in this log. Its record need not be readable: the proof comes from the tiles.
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
    if let Ok(entry) = log.ledger().entry(index)
        && leaf_hash(&entry.leaf.to_bytes()) != claim.leaf_hash
    {
        return Err(missing("this log has another leaf under that id"));
    }
    Ok(index)
}
