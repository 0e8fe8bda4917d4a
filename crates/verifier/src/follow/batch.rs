//! Checking a batch of leaves, on a thread of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_ledger::tree::leaf_hash;
use stele_types::{Digest, Leaf, NodeAddress, PolicyVersion};

use super::{Checked, Sampling, Walked, Wrong};
use crate::order::Latest;
use crate::replay::{Outcome, Replayer};
use crate::source::RecordLines;
use crate::state::Hindrance;
use crate::timeline::Timeline;

/// What a thread needs to check a batch.
pub(super) struct Batch {
    pub(super) node: NodeAddress,
    pub(super) timeline: Option<Arc<Timeline>>,
    /// Seconds by which times may fall.
    pub(super) tolerance: u64,
    pub(super) sampling: Sampling,
    pub(super) accepted: BTreeSet<Digest>,
    /// Versions whose decisions are accepted where their bundle is lacking.
    pub(super) accepted_versions: BTreeSet<PolicyVersion>,
    pub(super) from: u64,
}

impl Batch {
    pub(super) fn run(
        &self,
        leaves: &[Leaf],
        lines: Option<&RecordLines>,
        walked: &mut Walked,
        replayer: &mut Replayer,
    ) -> Checked {
        let mut checked = Checked::default();
        let mut lines = lines.map(RecordLines::iter);
        for (leaf, index) in leaves.iter().zip(self.from..) {
            let hash = leaf_hash(&leaf.to_bytes());
            walked.edge.push(hash);
            let ahead = Latest::next(&mut walked.latest, index, leaf, self.tolerance);
            let line = lines.as_mut().map(|lines| lines.next().unwrap_or_default());
            let outcome = match line {
                _ if leaf.node != self.node => {
                    Some(Outcome::Wrong(format!("the leaf is of node {}", leaf.node)))
                }
                // Before anything else: the chain judges it, whatever the version was.
                _ if let Some(ahead) = ahead => Some(Outcome::Wrong(format!(
                    "it is dated {}, and leaf {} ahead of it {}: the log's times fall by more than {} s",
                    leaf.time, ahead.index, ahead.time, self.tolerance
                ))),
                Some(line) if self.sampling.takes(&hash) => {
                    Some(replayer.check(leaf, line, self.timeline.as_deref()))
                }
                _ => None,
            };
            let finding = outcome.as_ref().and_then(|outcome| self.finding(outcome));
            // Only what has no bundle: a decision that exceeds limits may be made so, and a view of the chain that lags behind catches up.
            let lacking = matches!(outcome, Some(Outcome::Lacking(_)));
            let unseen = lacking && self.accepted_versions.contains(&leaf.policy_version);
            let accepted = unseen || self.accepted.contains(&hash);
            let word = match (&outcome, &finding) {
                (None, _) => "not_looked_at",
                (Some(_), Some(_)) if accepted => "accepted",
                (Some(outcome), _) => outcome.word(),
            };
            let count = checked.counts.entry(word).or_default();
            *count = count.saturating_add(1);
            match finding.filter(|_| !accepted) {
                Some(Finding::Wrong(problem)) => {
                    let record = line.map(|line| String::from_utf8_lossy(line).into_owned());
                    checked.wrong.get_or_insert(Wrong {
                        index,
                        ahead,
                        leaf: *leaf,
                        problem,
                        record,
                    });
                }
                Some(Finding::Obstacle(problem)) => {
                    checked.obstacle.get_or_insert(Hindrance {
                        index,
                        decision_id: leaf.decision_id,
                        leaf_hash: hash,
                        problem,
                        version: lacking.then_some(leaf.policy_version),
                    });
                }
                None => {}
            }
        }
        checked
    }

    /// What stands against signing a leaf, unless an operator has accepted it.
    fn finding(&self, outcome: &Outcome) -> Option<Finding> {
        match outcome {
            Outcome::Wrong(problem) => Some(Finding::Wrong(problem.clone())),
            Outcome::Mismatch(problem) => Some(Finding::Obstacle(problem.clone())),
            // What wasn't re-executed is not signed for.
            Outcome::NotExecutable(problem) | Outcome::Lacking(problem) => Some(Finding::Obstacle(format!(
                "it can't be re-executed here: {problem}"
            ))),
            Outcome::Withheld if self.sampling.refuse_withheld => Some(Finding::Obstacle(
                "its input was masked or erased (verifier.refuse_withheld)".to_owned(),
            )),
            _ => None,
        }
    }
}

enum Finding {
    /// Accuses the node.
    Wrong(String),
    /// Accuses nobody.
    Obstacle(String),
}
