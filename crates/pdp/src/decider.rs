//! Deciding: one [`Decider`] per thread, with that thread's engines.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rand::CryptoRng;
use stele_policy::nd::NdCalls;
use stele_policy::{
    DataPath, Engine, EngineError, EvalContext, EvalOutcome, EvalRequest, Limits, Policy, VmEngine,
};
use stele_types::{DecisionId, DecisionRecord, EntryPoint, PolicyId, PolicyVersion, Value, json};

use crate::clock::Clock;
use crate::error::DecideError;
use crate::evidence::{Attributes, Draft};
use crate::nd::{Answers, NdBounds, NdHost};
use crate::resolve::{Resolved, resolve};
use crate::sink::Evidence;
use crate::snapshot::{FailMode, NodeContext, PolicyInForce, Snapshot, SnapshotStore};
use crate::verdict::{Judgement, Verdict, judge};

/// One question.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Path below `data`, segment by segment.
    pub path: &'a [String],
    /// The input; `None` is undefined.
    pub input: Option<&'a Value>,
    /// Whether errors of builtins end the evaluation.
    pub strict_builtin_errors: bool,
    /// Bounds of each evaluation.
    pub limits: Limits,
    /// Policies that the path may cover.
    pub fan_out: usize,
    /// What else is known of the request, for the record.
    pub attributes: Attributes<'a>,
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
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decider")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// What a thread keeps of a policy: nothing in it is reference-counted across threads.
struct LocalPolicy {
    policy: Policy,
    engine: VmEngine,
    entries: BTreeMap<String, Entry>,
}

/// A path that was asked before.
#[derive(Clone)]
struct Entry {
    path: DataPath,
    entry_point: EntryPoint,
}

/// Entry points a thread remembers per policy; callers choose paths, so the number must be bounded.
const ENTRIES: usize = 128;

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
        }
    }

    /// The same, with what answers the builtins that reach out of the process; without it, they are refused.
    #[must_use]
    pub fn with_host(self, host: Option<Arc<dyn NdHost>>) -> Self {
        Self { host, ..self }
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
                evidence.mask = self.mask_of(index, &evidence.record, request.limits)?;
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
        evaluate(slot, policy, &ask).map_err(|error| failed(error.to_string()))
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
        Ok(Answer {
            value,
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
            decisions,
        })
    }

    fn nothing(&self, request: &Request<'_>, random: &mut impl CryptoRng) -> Result<Answer, Failure> {
        let path = request.path.join("/");
        let (Ok(policy_id), Ok(entry_point)) = (PolicyId::new(&path), EntryPoint::new(&path)) else {
            return Ok(Answer {
                value: None,
                decisions: Vec::new(),
            });
        };
        let draft = Draft {
            node: &self.node,
            policy_id,
            policy: None,
            entry_point,
            input: request.input,
            result: None,
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
        let begun = self.clock.monotonic();
        let left = request.limits.time;
        let bounds = NdBounds { time, left };
        let (host, clock) = (self.host.as_deref(), &*self.clock);
        let answers = Answers::of(policy, &self.node, host, clock, bounds, random);
        let calls = answers.as_ref().map(|answers| NdCalls::new(answers));
        let ask = EvalRequest {
            path: &entry.path,
            input: request.input,
            context: EvalContext {
                nd: calls.as_ref(),
                ..EvalContext::at(time)
            },
            strict_builtin_errors: request.strict_builtin_errors,
            limits: request.limits,
        };
        let outcome = evaluate(&mut *slot, policy, &ask);
        let evaluation = self.clock.monotonic().saturating_sub(begun);
        let (result, error) = match outcome {
            Ok(result) => (result, None),
            Err(error) => (None, Some(error)),
        };
        let judgement = match (&error, slot) {
            (None, Some(local)) => judge(&local.policy, &entry.entry_point, result.as_ref()),
            _ => Judgement::undetermined(),
        };
        let draft = Draft {
            node: &self.node,
            policy_id,
            policy: Some(policy),
            entry_point: entry.entry_point,
            input: request.input,
            result,
            judgement,
            nd_builtin_cache: calls.and_then(|calls| calls.into_cache().to_value()),
            error: error.as_ref().map(ToString::to_string),
            time,
            evaluation,
            stale: stale.is_some(),
            attributes: &request.attributes,
        };
        let decision = draft.finish(random);
        match error {
            None => Ok(decision),
            Some(error) => Err(Failure {
                error: Box::new(error),
                decision_id: Some(decision.id),
                evidence: decision.evidence.into_iter().collect(),
            }),
        }
    }
}

/// Runs one evaluation; an engine that panics is discarded, because its state can't be trusted any more.
fn evaluate(
    slot: &mut Option<LocalPolicy>,
    policy: &Arc<PolicyInForce>,
    ask: &EvalRequest<'_>,
) -> Result<Option<Value>, DecideError> {
    let local = ready(slot, policy)?;
    match catch_unwind(AssertUnwindSafe(|| local.engine.evaluate(ask))) {
        Ok(Ok(EvalOutcome { value, prints })) => {
            for line in prints {
                tracing::info!(policy = %policy.id(), "print: {line}");
            }
            Ok(value)
        }
        Ok(Err(source)) => Err(evaluation_error(policy, source)),
        Err(panic) => {
            *slot = None;
            Err(DecideError::EnginePanicked {
                policy: policy.id().clone(),
                message: panic_text(&*panic),
            })
        }
    }
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

/// The thread's engine for a policy, built now if this is its first question.
fn ready<'l>(
    slot: &'l mut Option<LocalPolicy>,
    policy: &Arc<PolicyInForce>,
) -> Result<&'l mut LocalPolicy, DecideError> {
    if slot.is_none() {
        let engine = VmEngine::new(&policy.compiled);
        // Each violation and record clones the id: with the snapshot's own, cores would meet on its reference count.
        let own = Policy {
            id: PolicyId::new(policy.id().as_str())?,
            ..policy.policy.clone()
        };
        *slot = Some(LocalPolicy {
            policy: own,
            engine,
            entries: BTreeMap::new(),
        });
    }
    slot.as_mut().ok_or_else(|| DecideError::Internal {
        message: "an engine was built and is not there".to_owned(),
    })
}

impl LocalPolicy {
    /// The entry point for a rule of the policy, or for its package when `rule` is none or can't be a rule's name.
    fn entry(&mut self, rule: Option<&str>) -> Result<Entry, DecideError> {
        let key = rule.unwrap_or_default();
        if let Some(entry) = self.entries.get(key) {
            return Ok(entry.clone());
        }
        let named = rule.and_then(|rule| self.policy.id.entry_point(rule).ok());
        let entry_point = match named {
            Some(entry_point) => entry_point,
            None => EntryPoint::new(self.policy.id.as_str())?,
        };
        let entry = Entry {
            path: DataPath::new(entry_point.segments()),
            entry_point,
        };
        if self.entries.len() < ENTRIES {
            self.entries.insert(key.to_owned(), entry.clone());
        }
        Ok(entry)
    }
}

fn evaluation_error(policy: &PolicyInForce, source: EngineError) -> DecideError {
    DecideError::Evaluation {
        policy: policy.id().clone(),
        source,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

/// Walks into a document along path segments: an object by text key, an array by decimal index, a set by text member.
fn walk<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |here, segment| match here {
        Value::Object(_) => here.get(segment),
        Value::Array(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)),
        Value::Set(members) => members.get(&Value::string(segment)),
        _ => None,
    })
}

/// Documents of several policies under construction as one.
#[derive(Default)]
struct Tree {
    members: BTreeMap<Value, Value>,
    below: BTreeMap<String, Tree>,
}

impl Tree {
    fn put(&mut self, path: &[&str], document: &Value) {
        match path.split_first() {
            Some((first, rest)) => self
                .below
                .entry((*first).to_owned())
                .or_default()
                .put(rest, document),
            None => {
                if let Value::Object(entries) = document {
                    self.members
                        .extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
            }
        }
    }

    fn into_value(self) -> Value {
        let mut members = self.members;
        members.extend(
            self.below
                .into_iter()
                .map(|(name, tree)| (Value::string(&name), tree.into_value())),
        );
        Value::Object(Arc::new(members))
    }
}

#[cfg(test)]
mod tests;
