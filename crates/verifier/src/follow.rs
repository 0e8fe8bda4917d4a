//! Following one log: each look takes the newest checkpoint, re-executes what is new, and compares the whole with what was verified before
//! and with what the chain has anchored.

mod batch;

use std::collections::BTreeMap;
use std::sync::Arc;

use stele_chain::client::{Account, Governance};
use stele_ledger::tree::{Edge, leaf_hash};
use stele_ledger::{SignedCheckpoint, VerifierKey};
use stele_types::{Digest, Leaf, NodeAddress, Timestamp, TreeSize};
use zeroize::Zeroizing;

use batch::Batch;

use crate::alert::{News, Teller};
use crate::bundles::Bundles;
use crate::error::VerifierError;
use crate::order::{Latest, USUAL_TOLERANCE};
use crate::replay::Replayer;
use crate::source::{RecordLines, Source};
use crate::state::{Accusation, Accused, Head, Hindrance, Refusal, StateFile};
use crate::stats::Stats;
use crate::timeline::Timeline;

/// Leaves fetched and re-executed at once.
const BATCH: u64 = 2_048;
/// Looks in a row that must show a shorter log before it is an accusation: a cache in between may be late.
const FALLS: u32 = 3;
/// Heads remembered by size, so that a request for one of them needs no proof.
const RECENT: usize = 1_024;

/// How decisions are chosen for re-execution.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// Share of the decisions, 0 to 1.
    pub share: f64,
    /// Known to nobody else, or a node could tell which lies are safe.
    pub secret: Zeroizing<[u8; 32]>,
    /// Whether a withheld input is an obstacle.
    pub refuse_withheld: bool,
}

impl Sampling {
    fn takes(&self, leaf: &Digest) -> bool {
        if self.share >= 1.0 {
            return true;
        }
        let drawn = stele_types::sha256(&[&*self.secret, &leaf.0]).0;
        let [a, b, c, d, ..] = drawn;
        f64::from(u32::from_be_bytes([a, b, c, d])) < self.share * 4_294_967_296.0
    }
}

/// A log and what is needed to verify it.
pub(crate) struct Follower {
    pub(crate) key: VerifierKey,
    pub(crate) node: NodeAddress,
    pub(crate) source: Source,
    pub(crate) records: bool,
    /// Whether the ledger contract gets signatures for what was not re-executed too.
    pub(crate) sign_unchecked: bool,
    pub(crate) chain: Option<Governance>,
    pub(crate) file: StateFile,
    pub(crate) bundles: Bundles,
    pub(crate) sampling: Sampling,
    pub(crate) stats: Arc<Stats>,
    pub(crate) teller: Teller,
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) replayer: Replayer,
    pub(crate) recent: BTreeMap<u64, Digest>,
    /// The anchor that was last found consistent.
    pub(crate) anchored: Option<Head>,
    pub(crate) falls: u32,
    /// Challenges wrong decisions, if it is configured.
    pub(crate) challenger: Option<Account>,
    /// Makes what has to be unguessable.
    pub(crate) secret: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("log", &self.key.name())
            .finish_non_exhaustive()
    }
}

/// How far a log has been walked.
#[derive(Debug, Clone)]
struct Walked {
    edge: Edge,
    latest: Option<Latest>,
}

/// A wrong leaf.
#[derive(Debug)]
struct Wrong {
    index: u64,
    /// The entry that shows it to be misdated.
    ahead: Option<Latest>,
    leaf: Leaf,
    problem: String,
    record: Option<String>,
}

/// What a batch of leaves gave.
#[derive(Debug, Default)]
struct Checked {
    counts: BTreeMap<&'static str, u64>,
    /// The first leaf that is wrong, and why.
    wrong: Option<Wrong>,
    /// The first record that can't be used, and why.
    obstacle: Option<Hindrance>,
}

impl Checked {
    fn merge(&mut self, other: Self) {
        for (word, count) in other.counts {
            let held = self.counts.entry(word).or_default();
            *held = held.saturating_add(count);
        }
        self.wrong = self.wrong.take().or(other.wrong);
        self.obstacle = self.obstacle.take().or(other.obstacle);
    }
}

/// A checkpoint's head.
pub(crate) fn head_of(signed: &SignedCheckpoint) -> Head {
    Head {
        size: signed.checkpoint.size,
        root: signed.checkpoint.root,
    }
}

impl Follower {
    /// Whether nothing is cosigned any more.
    pub(crate) fn refuses(&self) -> bool {
        self.file.state().refused.is_some()
    }

    /// One look at the log. What it finds against the log is in the state afterwards; an error means that nothing can be said.
    pub(crate) async fn look(&mut self) -> Result<(), VerifierError> {
        if self.refuses() {
            self.file.settle()?;
            return self.pursue().await;
        }
        // Before the checkpoint: a node publishes what it anchors first, so the checkpoint has at least as many leaves.
        let anchor = self.chain_anchor().await?;
        let note = self.source.checkpoint().await?;
        self.hold(anchor, note).await?;
        self.falls = 0;
        Ok(())
    }

    /// Verifies a log's checkpoint, and holds it against the chain's newest anchor.
    async fn hold(&mut self, anchor: Option<Head>, note: Option<String>) -> Result<(), VerifierError> {
        let Some(note) = note else {
            let nothing = self.file.state().edge.size() == TreeSize::ZERO && anchor.is_none();
            return if nothing { Ok(()) } else { self.fell(0, Vec::new()) };
        };
        let signed = self.open(&note)?;
        self.advance(&signed).await?;
        match anchor {
            Some(anchor) if !self.refuses() => self.compare_with_anchor(anchor, &note).await,
            _ => Ok(()),
        }
    }

    /// A checkpoint as the node serves it.
    fn open(&self, note: &str) -> Result<SignedCheckpoint, VerifierError> {
        SignedCheckpoint::open(note, &self.key).map_err(|error| VerifierError::Source {
            url: format!("{}/checkpoint", self.source.base()),
            problem: error.to_string(),
        })
    }

    /// The node's newest anchor.
    pub(crate) async fn chain_anchor(&self) -> Result<Option<Head>, VerifierError> {
        let Some(chain) = &self.chain else {
            return Ok(None);
        };
        let anchor = chain.anchor_of(self.node).await?;
        Ok(anchor.map(|anchor| Head {
            size: anchor.size,
            root: anchor.root,
        }))
    }

    /// Verifies up to a checkpoint that the log's key signed.
    pub(crate) async fn advance(&mut self, signed: &SignedCheckpoint) -> Result<(), VerifierError> {
        let (new, verified) = (head_of(signed), self.file.state().verified());
        if new.size < verified.size {
            return match self.recent.get(&new.size.get()) {
                Some(root) if *root != new.root => self.forked(new.size, &signed.note),
                _ => self.fell(new.size.get(), vec![signed.note.clone()]),
            };
        }
        if new.size > verified.size {
            return self.extend(signed).await;
        }
        if new.root != verified.root {
            return self.forked(new.size, &signed.note);
        }
        Ok(())
    }

    async fn extend(&mut self, signed: &SignedCheckpoint) -> Result<(), VerifierError> {
        if let Some(chain) = &self.chain {
            let mut timeline = Timeline::clone(&self.timeline);
            timeline.refresh(chain).await?;
            self.stats
                .update(|status| status.chain_seen_until = timeline.seen_until());
            self.timeline = Arc::new(timeline);
        }
        let (new, verified) = (head_of(signed), self.file.state().verified());
        let mut walked = Walked {
            edge: self.file.state().edge.clone(),
            latest: self.file.state().latest,
        };
        let mut checked = Checked::default();
        self.replayer.seek_again();
        let (mut at, end) = (verified.size.get(), new.size.get());
        let mut fetched = Some(self.fetch(at, end, new.size).await?);
        while let Some((leaves, lines)) = fetched.take() {
            let next = at.saturating_add(u64::try_from(leaves.len()).unwrap_or(u64::MAX));
            self.load_versions(&leaves).await?;
            let work = self.work(at, leaves, lines, walked);
            // The next batch comes in while this one is re-executed.
            let (done, more) = if next < end {
                let (done, more) = tokio::join!(work, self.fetch(next, end, new.size));
                (done, Some(more))
            } else {
                (work.await, None)
            };
            let (found, replayer) = done?;
            self.replayer = replayer;
            walked = found.0;
            checked.merge(found.1);
            (at, fetched) = (next, more.transpose()?);
        }
        // Only now is it known that these leaves are what the log's key signed.
        if walked.edge.root() != new.root {
            return self.differs(verified, new, &signed.note).await;
        }
        if let (None, Some(hindrance)) = (&checked.wrong, &checked.obstacle) {
            let error = VerifierError::Record {
                index: hindrance.index,
                decision_id: hindrance.decision_id,
                problem: hindrance.problem.clone(),
            };
            self.file
                .change(|state| state.hindrance = Some(hindrance.clone()))?;
            self.stats.of_state(self.file.state());
            return Err(error);
        }
        // What is looked at again is not counted twice.
        self.stats.count(&checked.counts);
        if let Some(wrong) = checked.wrong {
            return self.accuse_decision(wrong, &signed.note);
        }
        self.keep(walked, signed)
    }

    /// Takes over what was walked and found good.
    fn keep(&mut self, walked: Walked, signed: &SignedCheckpoint) -> Result<(), VerifierError> {
        let (new, re_executed) = (head_of(signed), self.re_executes());
        self.file.change(|state| {
            state.edge = walked.edge;
            state.latest = walked.latest;
            state.hindrance = None;
            state.note = Some(signed.note.clone());
            if !re_executed {
                state.unchecked_until = new.size;
            }
        })?;
        self.remember(new);
        self.stats.of_state(self.file.state());
        Ok(())
    }

    /// Whether decisions are re-executed, and held against the registry.
    const fn re_executes(&self) -> bool {
        self.records && self.chain.is_some()
    }

    /// Whether the ledger contract may count on this verifier for this log: all of it was looked at, not only what came since a start.
    pub(crate) fn vouches(&self) -> bool {
        let whole = self.file.state().unchecked_until == TreeSize::ZERO;
        self.sign_unchecked || (self.re_executes() && whole)
    }

    fn remember(&mut self, head: Head) {
        self.recent.insert(head.size.get(), head.root);
        while self.recent.len() > RECENT {
            self.recent.pop_first();
        }
    }

    /// Leaves and records of the next batch. No records where none of them is wanted.
    async fn fetch(
        &self,
        from: u64,
        end: u64,
        size: TreeSize,
    ) -> Result<(Vec<Leaf>, Option<RecordLines>), VerifierError> {
        let to = from.saturating_add(BATCH).min(end);
        let mut leaves = self.source.leaves(from, to, size).await?;
        let hash = |leaf: &Leaf| leaf_hash(&leaf.to_bytes());
        let wanted = self.records && leaves.iter().any(|leaf| self.sampling.takes(&hash(leaf)));
        if !wanted {
            return Ok((leaves, None));
        }
        let (lines, count) = self.source.records(from, to).await?;
        // The next batch goes on where the records end.
        leaves.truncate(count);
        Ok((leaves, Some(lines)))
    }

    /// Takes the versions that a batch is re-executed on. One that can't be had or loaded is an obstacle to its decisions, which an operator can
    /// accept; the next look tries again.
    async fn load_versions(&mut self, leaves: &[Leaf]) -> Result<(), VerifierError> {
        if !self.records {
            return Ok(());
        }
        for leaf in leaves {
            let version = leaf.policy_version;
            // What was never registered is wrong without its bundle, and not worth a download.
            let foreign = self.chain.is_some() && !self.timeline.has(version);
            if foreign || self.replayer.settled(version) || !self.needs_version(leaf) {
                continue;
            }
            let uri = self.timeline.uri(version).to_owned();
            let bundle = self.bundles.get(version, &uri, &self.source).await;
            match bundle.and_then(|bundle| self.replayer.add(version, &bundle)) {
                Err(error @ VerifierError::Bundle { .. }) => self.replayer.lacks(version, error.to_string()),
                other => other?,
            }
        }
        Ok(())
    }

    /// Whether a leaf is re-executed: of this node, in the sample, and accepted by nobody.
    fn needs_version(&self, leaf: &Leaf) -> bool {
        let hash = leaf_hash(&leaf.to_bytes());
        let accepted = self.file.state().accepted.contains(&hash);
        leaf.node == self.node && self.sampling.takes(&hash) && !accepted
    }

    /// Hashes and re-executes a batch on a thread of its own.
    fn work(
        &mut self,
        from: u64,
        leaves: Vec<Leaf>,
        lines: Option<RecordLines>,
        mut walked: Walked,
    ) -> impl Future<Output = Result<((Walked, Checked), Replayer), VerifierError>> + use<> {
        let mut replayer = std::mem::take(&mut self.replayer);
        let batch = Batch {
            node: self.node,
            timeline: self.chain.is_some().then(|| Arc::clone(&self.timeline)),
            tolerance: self
                .chain
                .as_ref()
                .map_or(USUAL_TOLERANCE, |_| self.timeline.tolerance()),
            sampling: self.sampling.clone(),
            accepted: self.file.state().accepted.clone(),
            accepted_versions: self.file.state().accepted_versions.clone(),
            from,
        };
        async move {
            let run = move || {
                let checked = batch.run(&leaves, lines.as_ref(), &mut walked, &mut replayer);
                ((walked, checked), replayer)
            };
            let done = tokio::task::spawn_blocking(run).await;
            done.map_err(|error| VerifierError::Interrupted(error.to_string()))
        }
    }

    /// The leaves served don't give the signed root: a fork, or leaves that nobody vouches for.
    async fn differs(&mut self, verified: Head, new: Head, note: &str) -> Result<(), VerifierError> {
        let old = (verified.size, verified.root);
        if self.source.is_prefix(old, (new.size, new.root)).await? {
            return Err(VerifierError::Unauthentic {
                url: self.source.base().to_owned(),
                what: "leaves",
                size: new.size.get(),
            });
        }
        self.forked(verified.size, note)
    }

    /// Compares what was verified with the chain. `note` is a checkpoint that was served after the anchor was read.
    pub(crate) async fn compare_with_anchor(
        &mut self,
        anchor: Head,
        note: &str,
    ) -> Result<(), VerifierError> {
        if self.anchored == Some(anchor) {
            return Ok(());
        }
        let verified = self.file.state().verified();
        if anchor.size > verified.size {
            return self.fell(verified.size.get(), vec![note.to_owned()]);
        }
        let same = match self.recent.get(&anchor.size.get()) {
            Some(root) => *root == anchor.root,
            None if anchor.size == verified.size => anchor.root == verified.root,
            None => {
                let (old, new) = ((anchor.size, anchor.root), (verified.size, verified.root));
                self.source.is_prefix(old, new).await?
            }
        };
        if same {
            self.anchored = Some(anchor);
            return Ok(());
        }
        let message = format!(
            "the chain holds an anchor of {} leaves with root {}, which is no beginning of the log shown here",
            anchor.size, anchor.root
        );
        let notes = self.file.state().note.clone().into_iter().collect();
        self.accuse(Accusation::Fork, message, notes, None)
    }

    /// Two signed heads that can't be of one log.
    pub(crate) fn forked(&mut self, size: TreeSize, note: &str) -> Result<(), VerifierError> {
        let message = format!(
            "the log's key signed a checkpoint that contradicts the tree of {size} leaves that was verified here"
        );
        let mut notes: Vec<String> = self.file.state().note.clone().into_iter().collect();
        notes.push(note.to_owned());
        self.accuse(Accusation::Fork, message, notes, None)
    }

    /// The log shows fewer leaves than it should have. Only the third time in a row is this an accusation.
    fn fell(&mut self, size: u64, mut notes: Vec<String>) -> Result<(), VerifierError> {
        self.falls = self.falls.saturating_add(1);
        let had = self.file.state().edge.size();
        let message =
            format!("the log shows {size} leaves; {had} were verified here, and the chain may hold more");
        if self.falls < FALLS {
            return Err(VerifierError::Source {
                url: format!("{}/checkpoint", self.source.base()),
                problem: message,
            });
        }
        notes.extend(self.file.state().note.clone());
        self.accuse(Accusation::Rollback, message, notes, None)
    }

    fn accuse_decision(&mut self, wrong: Wrong, note: &str) -> Result<(), VerifierError> {
        let Wrong {
            index,
            ahead,
            leaf,
            problem,
            record,
        } = wrong;
        let message = format!("decision {} (leaf {index}): {problem}", leaf.decision_id);
        let accused = Accused {
            index,
            decision_id: leaf.decision_id,
            leaf_hash: leaf_hash(&leaf.to_bytes()),
            ahead: ahead.map(|ahead| ahead.index),
            leaf: Some(leaf),
            ahead_leaf: ahead.and_then(|ahead| ahead.leaf),
            attempts: 0,
            failures: 0,
            tried_at: None,
            obstacle: None,
            challenge: None,
            unsettled: None,
        };
        let notes = vec![note.to_owned()];
        let accusation = match ahead {
            None => Accusation::WrongDecision,
            Some(_) => Accusation::Misdated,
        };
        self.accuse(accusation, message, notes, Some((accused, record)))
    }

    /// Refuses the log, and says so. A decision comes with its record, if that was seen.
    fn accuse(
        &mut self,
        accusation: Accusation,
        message: String,
        notes: Vec<String>,
        decision: Option<(Accused, Option<String>)>,
    ) -> Result<(), VerifierError> {
        let (decision, evidence) = decision.unzip();
        let refusal = Refusal {
            accusation,
            message,
            at: (self.clock)(),
            notes,
            decision,
            told: false,
            parked: None,
        };
        let written = self.file.refuse(refusal.clone(), evidence.flatten());
        self.stats.of_state(self.file.state());
        self.teller.raise(self.key.name(), &refusal);
        written
    }

    /// Has the webhook told of a refusal that it was not told of before the start.
    pub(crate) fn remind(&mut self) {
        if let Some(refusal) = &self.file.state().refused {
            self.teller.tell(self.key.name(), refusal);
        }
    }

    /// Notes what became of an accusation on its way to the webhook.
    pub(crate) fn heard(&mut self, news: News) {
        let noted = self.file.change(|state| {
            if let Some(refusal) = &mut state.refused {
                match news {
                    News::Taken => (refusal.told, refusal.parked) = (true, None),
                    News::Parked(why) => refusal.parked = Some(why),
                }
            }
        });
        if let Err(error) = noted {
            tracing::warn!(log = self.key.name(), %error, "the webhook may be told again after a restart");
        }
        self.stats.of_state(self.file.state());
    }
}

#[cfg(test)]
mod tests;
