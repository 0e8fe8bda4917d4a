//! Deciding: one [`Decider`] per thread, with that thread's engines.

mod document;
mod local;
mod print;

use std::sync::Arc;
use std::time::Duration;

use rand::CryptoRng;
use stele_policy::engine::{JsonInput, JsonOutcome, Rendering};
use stele_policy::nd::NdCalls;
use stele_policy::{DataPath, EvalContext, EvalRequest, Limits};
use stele_types::{DecisionId, DecisionRecord, EntryPoint, PolicyId, PolicyVersion, Value, json};

use document::{Tree, walk};
use local::{LocalPolicy, evaluate, evaluate_input, printed, ready};
use print::PrintLog;

use crate::challengeable::Demand;
use crate::clock::Clock;
use crate::error::DecideError;
use crate::evidence::{Attributes, Draft};
use crate::nd::{Answers, NdBounds, NdHost};
use crate::resolve::{Resolved, resolve};
use crate::sink::{Documents, Evidence};
use crate::snapshot::{FailMode, NodeContext, Snapshot, SnapshotStore};
use crate::verdict::{Judgement, Verdict, judge};

/// One question.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Path below `data`, segment by segment.
    pub path: &'a [String],
    /// The input.
    pub input: Input<'a>,
    /// Whether errors of builtins end the evaluation.
    pub strict_builtin_errors: bool,
    /// Bounds of each evaluation.
    pub limits: Limits,
    /// Policies that the path may cover.
    pub fan_out: usize,
    /// What else is known of the request, for the record.
    pub attributes: Attributes<'a>,
}

/// The input of a request.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A value; `None` is undefined.
    Value(Option<&'a Value>),
    /// JSON text. Where one policy answers and nothing is masked, it goes to the machine as it is, and evidence is made of what the machine
    /// has read. The decision and its evidence are the same as with a value.
    Json(JsonInput<'a>),
}

/// One policy's decision.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Its id.
    pub id: DecisionId,
    /// The policy that was asked; equal to the whole path when none is in force there.
    pub policy_id: PolicyId,
    /// The version that was in force; all zeros when none was.
    pub version: PolicyVersion,
    /// What was evaluated: the policy's package or one of its rules.
    pub entry_point: EntryPoint,
    /// The entry point's document; `None` is undefined.
    pub result: Option<Value>,
    /// What it means, and why.
    pub judgement: Judgement,
    /// Whether a policy was in force at the path.
    pub in_force: bool,
    /// Time the evaluation took.
    pub evaluation: Duration,
    /// Record and leaf, to be handed to the sink before the answer leaves; `None` once they were taken.
    pub evidence: Option<Evidence>,
}

/// The answer to a request: a document and the decisions it is made of.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The document at the path; `None` is undefined.
    pub value: Option<Value>,
    /// The same document as compact JSON, where it was rendered for the evidence.
    pub json: Option<Vec<u8>>,
    /// Whether the input is undefined.
    pub without_input: bool,
    /// One decision per policy that was asked, in order of policy ids. Empty only for a path that no leaf could name.
    pub decisions: Vec<Decision>,
}

impl Answer {
    /// The worst verdict of all.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.decisions
            .iter()
            .map(|decision| decision.judgement.verdict)
            .max()
            .unwrap_or(Verdict::Undetermined)
    }
}

/// A request that gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// Why.
    #[source]
    pub error: Box<DecideError>,
    /// The failed decision's id, if the evaluation had begun.
    pub decision_id: Option<DecisionId>,
    /// What must go into the log all the same: the failed decision, and those that were made before it.
    pub evidence: Vec<Evidence>,
}

impl From<DecideError> for Failure {
    fn from(error: DecideError) -> Self {
        Self {
            error: Box::new(error),
            decision_id: None,
            evidence: Vec::new(),
        }
    }
}

/// A thread's engines on a snapshot. Not shared: build one per thread.
pub struct Decider {
    store: Arc<SnapshotStore>,
    node: NodeContext,
    clock: Box<dyn Clock>,
    host: Option<Arc<dyn NdHost>>,
    generation: u64,
    snapshot: Arc<Snapshot>,
    /// Parallel to the snapshot's policies; filled when a policy is first asked.
    local: Vec<Option<LocalPolicy>>,
    /// The policy that says what must not be logged, if one is in force.
    mask: Option<usize>,
    /// What the last evaluation on JSON left as bytes.
    rendering: Rendering,
    prints: PrintLog,
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decider")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Decider {
    /// A decider for one thread.
    #[must_use]
    pub fn new(store: Arc<SnapshotStore>, node: NodeContext, clock: Box<dyn Clock>) -> Self {
        let generation = store.generation();
        let snapshot = store.load();
        let local = empty(&snapshot);
        Self {
            store,
            node,
            clock,
            host: None,
            generation,
            mask: mask_policy(&snapshot),
            snapshot,
            local,
            rendering: Rendering::default(),
            prints: PrintLog::default(),
        }
    }

    /// The same, with what answers the builtins that reach out of the process; without it, they are refused.
    #[must_use]
    pub fn with_host(self, host: Option<Arc<dyn NdHost>>) -> Self {
        Self { host, ..self }
    }

    /// Whether deciding at this path may have to wait for other hosts: then it should not be done where others wait for the thread.
    pub fn is_remote(&mut self, path: &[String]) -> bool {
        self.refresh();
        self.snapshot.is_remote(path)
    }

    /// The snapshot that the next decision will use, if no other comes in between.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Decides a request on the newest snapshot.
    ///
    /// A path at or below a policy asks that policy; a path above several asks each of them for its whole document, merges the documents,
    /// and yields one decision each. A path where no policy is in force yields an undefined document and a decision that says so.
    ///
    /// # Errors
    /// [`Failure`]; when one of several policies fails, the whole request fails. A failed evaluation leaves evidence too: hand it to
    /// the sink before reporting the error.
    pub fn decide(&mut self, request: &Request<'_>, random: &mut impl CryptoRng) -> Result<Answer, Failure> {
        self.refresh();
        let resolved = resolve(&self.snapshot, request.path);
        let Input::Json(json) = &request.input else {
            return self.answer(resolved, request, random);
        };
        let outcome = if matches!(resolved, Resolved::Within { .. }) && self.mask.is_none() {
            self.answer(resolved, request, random)
        } else {
            let value = json.to_value().map_err(DecideError::Input)?;
            let request = Request {
                input: Input::Value(value.as_ref()),
                ..request.clone()
            };
            self.answer(resolved, &request, random)
        };
        // Whoever sends what can't be read hears that first, whatever else stands against an answer.
        if outcome.as_ref().is_err_and(|failure| failure.evidence.is_empty()) {
            json.to_value().map_err(DecideError::Input)?;
        }
        outcome
    }

    fn answer(
        &mut self,
        resolved: Resolved,
        request: &Request<'_>,
        random: &mut impl CryptoRng,
    ) -> Result<Answer, Failure> {
        let depth = if let Resolved::Within { depth, .. } = resolved {
            depth
        } else {
            0
        };
        if let Some(policy) = self.snapshot.missing_at(request.path, depth) {
            return Err(DecideError::Missing { policy }.into());
        }
        let mut outcome = match resolved {
            Resolved::Within { index, depth } => self.within(index, depth, request, random),
            Resolved::Above(indexes) => self.above(&indexes, request, random),
            Resolved::Nothing => self.nothing(request, random),
        };
        if let Some(index) = self.mask {
            let evidence: Vec<&mut Evidence> = match &mut outcome {
                Ok(answer) => answer
                    .decisions
                    .iter_mut()
                    .filter_map(|decision| decision.evidence.as_mut())
                    .collect(),
                Err(failure) => failure.evidence.iter_mut().collect(),
            };
            for evidence in evidence {
                let mask = self.mask_of(index, &evidence.record, request.limits)?;
                evidence.documents = Documents::InRecord { mask };
            }
        }
        outcome
    }

    /// What must not be logged of a record: the value of `data.system.log.mask` with the record as input, as in OPA.
    fn mask_of(
        &mut self,
        index: usize,
        record: &DecisionRecord,
        limits: Limits,
    ) -> Result<Option<Value>, DecideError> {
        let failed = |message: String| DecideError::Mask { message };
        let bytes = record.to_json().map_err(|error| failed(error.to_string()))?;
        let input = json::parse(
            &bytes,
            &json::Limits {
                max_bytes: usize::MAX,
                max_depth: usize::MAX,
            },
        )
        .map_err(|error| failed(error.to_string()))?;
        let (Some(policy), Some(slot)) = (self.snapshot.policies().get(index), self.local.get_mut(index))
        else {
            return Err(failed("its policy is not in the snapshot".to_owned()));
        };
        let ask = EvalRequest {
            path: &DataPath::new(MASK),
            input: Some(&input),
            context: EvalContext::at(record.timestamp),
            strict_builtin_errors: true,
            limits,
        };
        let mask = evaluate(&mut *slot, policy, &ask);
        let by = (policy.id(), record.decision_id);
        self.prints.write(&printed(slot), by, || self.clock.monotonic());
        mask.map_err(|error| failed(error.to_string()))
    }

    /// Takes the newest snapshot if there is a newer one.
    fn refresh(&mut self) {
        let generation = self.store.generation();
        if generation == self.generation {
            return;
        }
        let snapshot = self.store.load();
        let mut local = empty(&snapshot);
        // Engines of policies that did not change are kept.
        for (slot, policy) in local.iter_mut().zip(snapshot.policies()) {
            let old = self
                .snapshot
                .policies()
                .iter()
                .position(|old| Arc::ptr_eq(old, policy));
            *slot = old
                .and_then(|index| self.local.get_mut(index))
                .and_then(Option::take);
        }
        self.generation = generation;
        self.mask = mask_policy(&snapshot);
        self.snapshot = snapshot;
        self.local = local;
    }

    fn within(
        &mut self,
        index: usize,
        depth: usize,
        request: &Request<'_>,
        random: &mut impl CryptoRng,
    ) -> Result<Answer, Failure> {
        // A leaf names a package or a rule, so the rule's whole value is evaluated and the rest of the path is walked in it.
        let rule = request.path.get(depth).map(String::as_str);
        let decision = self.one(index, rule, request, random)?;
        let walked = request
            .path
            .get(decision.entry_point.segments().count()..)
            .unwrap_or_default();
        let value = decision
            .result
            .as_ref()
            .and_then(|result| walk(result, walked))
            .cloned();
        let rendered = decision.evidence.as_ref().and_then(Evidence::rendered);
        Ok(Answer {
            value,
            json: rendered
                .filter(|_| walked.is_empty())
                .and_then(|rendered| rendered.result.clone()),
            without_input: match request.input {
                Input::Value(value) => value.is_none(),
                Input::Json(_) => rendered.is_some_and(|rendered| rendered.input.is_none()),
            },
            decisions: vec![decision],
        })
    }

    fn above(
        &mut self,
        indexes: &[usize],
        request: &Request<'_>,
        random: &mut impl CryptoRng,
    ) -> Result<Answer, Failure> {
        if indexes.len() > request.fan_out {
            return Err(DecideError::FanOut {
                policies: indexes.len(),
                limit: request.fan_out,
            }
            .into());
        }
        let mut decisions = Vec::with_capacity(indexes.len());
        for index in indexes {
            match self.one(*index, None, request, random) {
                Ok(decision) => decisions.push(decision),
                Err(mut failure) => {
                    failure
                        .evidence
                        .extend(decisions.into_iter().filter_map(|decision| decision.evidence));
                    return Err(failure);
                }
            }
        }
        let mut merged = Tree::default();
        for decision in &decisions {
            if let Some(result) = &decision.result {
                let below: Vec<&str> = decision.policy_id.segments().skip(request.path.len()).collect();
                merged.put(&below, result);
            }
        }
        Ok(Answer {
            value: Some(merged.into_value()),
            json: None,
            without_input: request.value().is_none(),
            decisions,
        })
    }

    fn nothing(&self, request: &Request<'_>, random: &mut impl CryptoRng) -> Result<Answer, Failure> {
        let path = request.path.join("/");
        let (Ok(policy_id), Ok(entry_point)) = (PolicyId::new(&path), EntryPoint::new(&path)) else {
            return Ok(Answer {
                value: None,
                json: None,
                without_input: request.value().is_none(),
                decisions: Vec::new(),
            });
        };
        let draft = Draft {
            node: &self.node,
            policy_id,
            policy: None,
            entry_point,
            input: request.value(),
            result: None,
            rendering: None,
            judgement: Judgement::undetermined(),
            nd_builtin_cache: None,
            error: None,
            time: self.clock.now(),
            evaluation: Duration::ZERO,
            stale: self.store.stale(self.clock.now()).is_some(),
            attributes: &request.attributes,
        };
        Ok(Answer {
            value: None,
            json: None,
            without_input: request.value().is_none(),
            decisions: vec![draft.finish(random)],
        })
    }

    fn one(
        &mut self,
        index: usize,
        rule: Option<&str>,
        request: &Request<'_>,
        random: &mut impl CryptoRng,
    ) -> Result<Decision, Failure> {
        let (Some(policy), Some(slot)) = (self.snapshot.policies().get(index), self.local.get_mut(index))
        else {
            return Err(DecideError::Internal {
                message: "a resolved policy is not in the snapshot".to_owned(),
            }
            .into());
        };
        let time = self.clock.now();
        let stale = self.store.stale(time);
        if let (Some((age, limit)), FailMode::Closed) = (stale, policy.options.fail) {
            return Err(DecideError::Stale {
                policy: policy.id().clone(),
                age,
                limit,
            }
            .into());
        }
        let local = ready(slot, policy)?;
        let entry = local.entry(rule)?;
        let policy_id = local.policy.id.clone();
        let demand = Demand::of(policy, &entry.entry_point)?;
        demand.before(&request.input)?;
        let begun = self.clock.monotonic();
        let left = request.limits.time;
        let bounds = NdBounds { time, left };
        let (host, clock) = (self.host.as_deref(), &*self.clock);
        let answers = Answers::of(policy, &self.node, host, clock, bounds, random);
        let calls = answers.as_ref().map(|answers| NdCalls::new(answers));
        let ask = EvalRequest {
            path: &entry.path,
            input: request.value(),
            context: EvalContext {
                nd: calls.as_ref(),
                ..EvalContext::at(time)
            },
            strict_builtin_errors: request.strict_builtin_errors,
            limits: request.limits,
        };
        let outcome = evaluate_input(&mut *slot, policy, &ask, &request.input, &mut self.rendering);
        let evaluation = self.clock.monotonic().saturating_sub(begun);
        let prints = printed(&mut *slot);
        let (result, rendered, error) = match outcome {
            Ok(JsonOutcome { value, rendered }) => (value, rendered, None),
            Err(error @ DecideError::Input(_)) => return Err(error.into()),
            Err(error) => (None, false, Some(error)),
        };
        // What the machine can't render the record holds as a value, to be refused or kept as any other.
        let reread = match &request.input {
            Input::Json(json) if !rendered => json.to_value().map_err(DecideError::Input)?,
            _ => None,
        };
        let input = request.value().or(reread.as_ref());
        demand.input(rendered.then_some(&self.rendering), input)?;
        let judgement = match (&error, slot) {
            (None, Some(local)) => judge(&local.policy, &entry.entry_point, result.as_ref()),
            _ => Judgement::undetermined(),
        };
        let draft = Draft {
            node: &self.node,
            policy_id,
            policy: Some(policy),
            entry_point: entry.entry_point,
            input,
            result,
            rendering: rendered.then_some(&self.rendering),
            judgement,
            nd_builtin_cache: calls.and_then(|calls| calls.into_cache().to_value()),
            error: error.as_ref().map(ToString::to_string),
            time,
            evaluation,
            stale: stale.is_some(),
            attributes: &request.attributes,
        };
        let decision = draft.finish(random);
        self.prints
            .write(&prints, (policy.id(), decision.id), || self.clock.monotonic());
        ended(decision, error)
    }
}

/// A decision, or the failure that it was.
fn ended(decision: Decision, error: Option<DecideError>) -> Result<Decision, Failure> {
    let Some(error) = error else {
        return Ok(decision);
    };
    Err(Failure {
        error: Box::new(error),
        decision_id: Some(decision.id),
        evidence: decision.evidence.into_iter().collect(),
    })
}

/// Path below `data` of the mask, as in OPA.
pub(crate) const MASK: [&str; 3] = ["system", "log", "mask"];

/// The policy whose package holds the mask.
fn mask_policy(snapshot: &Snapshot) -> Option<usize> {
    match resolve(snapshot, &MASK) {
        Resolved::Within { index, .. } => Some(index),
        Resolved::Above(_) | Resolved::Nothing => None,
    }
}

fn empty(snapshot: &Snapshot) -> Vec<Option<LocalPolicy>> {
    std::iter::repeat_with(|| None)
        .take(snapshot.policies().len())
        .collect()
}

impl<'a> Request<'a> {
    /// The input, if it is a value.
    fn value(&self) -> Option<&'a Value> {
        match self.input {
            Input::Value(value) => value,
            Input::Json(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
