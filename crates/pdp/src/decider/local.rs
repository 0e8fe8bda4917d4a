//! A thread's engine for one policy.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stele_policy::engine::{JsonFailure, JsonOutcome, Prints, Rendering};
use stele_policy::{DataPath, Engine, EngineError, EvalRequest, Policy, VmEngine};
use stele_types::{EntryPoint, PolicyId, Value};

use super::Input;
use crate::error::DecideError;
use crate::snapshot::PolicyInForce;

/// What a thread keeps of a policy: nothing in it is reference-counted across threads.
pub(super) struct LocalPolicy {
    pub(super) policy: Policy,
    engine: VmEngine,
    entries: BTreeMap<String, Entry>,
}

/// A path that was asked before.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) path: DataPath,
    pub(super) entry_point: EntryPoint,
}

/// Entry points a thread remembers per policy; callers choose paths, so the number must be bounded.
const ENTRIES: usize = 128;

/// The thread's engine for a policy, built now if this is its first question.
pub(super) fn ready<'l>(
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
    pub(super) fn entry(&mut self, rule: Option<&str>) -> Result<Entry, DecideError> {
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

/// Runs one evaluation.
pub(super) fn evaluate(
    slot: &mut Option<LocalPolicy>,
    policy: &Arc<PolicyInForce>,
    ask: &EvalRequest<'_>,
) -> Result<Option<Value>, DecideError> {
    guarded(slot, policy, |engine| engine.evaluate(ask))?
        .map(|outcome| outcome.value)
        .map_err(|source| evaluation_error(policy, source))
}

/// What the last evaluation printed.
pub(super) fn printed(slot: &mut Option<LocalPolicy>) -> Prints {
    let local = slot.as_mut();
    local.map(|local| local.engine.take_prints()).unwrap_or_default()
}

/// Runs one evaluation on an input. JSON leaves itself and the result in `rendering`.
pub(super) fn evaluate_input(
    slot: &mut Option<LocalPolicy>,
    policy: &Arc<PolicyInForce>,
    ask: &EvalRequest<'_>,
    input: &Input<'_>,
    rendering: &mut Rendering,
) -> Result<JsonOutcome, DecideError> {
    let Input::Json(json) = input else {
        let value = evaluate(slot, policy, ask)?;
        let rendered = false;
        return Ok(JsonOutcome { value, rendered });
    };
    let run = |engine: &mut VmEngine| engine.evaluate_json(ask, json, rendering);
    guarded(slot, policy, run)?.map_err(|failure| match failure {
        JsonFailure::Input(error) => DecideError::Input(error),
        JsonFailure::Engine(source) => evaluation_error(policy, source),
    })
}

/// Runs an engine; one that panics is discarded, because its state can't be trusted any more.
fn guarded<T>(
    slot: &mut Option<LocalPolicy>,
    policy: &Arc<PolicyInForce>,
    run: impl FnOnce(&mut VmEngine) -> T,
) -> Result<T, DecideError> {
    let local = ready(slot, policy)?;
    catch_unwind(AssertUnwindSafe(|| run(&mut local.engine))).map_err(|panic| {
        *slot = None;
        DecideError::EnginePanicked {
            policy: policy.id().clone(),
            message: panic_text(&*panic),
        }
    })
}
