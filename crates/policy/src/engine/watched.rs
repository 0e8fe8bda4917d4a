//! Our virtual machine for policies whose evaluation somebody watches: tests and explanations.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_rego::Schemas;
use stele_rego::ast::Module;
use stele_rego::trace::Map;
use stele_rego::vm::{Input, Outcome, Probe, Worker};
use stele_types::Value;

use super::compiled::{CompiledPolicy, Target};
use super::vm_engine::{ask, machine_input, unheld};
use super::{EngineError, EvalRequest, InputDocument};

/// What decides, on a program that keeps `print`, and, if it is traced, tells how its evaluation goes.
#[derive(Debug)]
pub(crate) struct WatchedEngine {
    policy: CompiledPolicy,
    worker: Worker,
}

impl WatchedEngine {
    /// Compiles modules over a document, their types checked against the schemas. The map says what the points of a traced program stand for.
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`] with the first of the compiler's diagnostics.
    pub(crate) fn new(
        modules: &[Module],
        document: &Value,
        rules: BTreeSet<Vec<String>>,
        (traced, schemas): (bool, &Arc<Schemas>),
    ) -> Result<(Self, Map), EngineError> {
        let (policy, map) = CompiledPolicy::watched(modules, document, rules, (traced, schemas))?;
        let worker = Worker::default();
        Ok((Self { policy, worker }, map))
    }

    /// Evaluates a rule or package.
    ///
    /// # Errors
    ///
    /// [`EngineError`], also when no rule is at, above or below the path.
    pub(crate) fn evaluate(
        &mut self,
        request: &EvalRequest<'_>,
        probe: &mut dyn Probe,
    ) -> Result<Option<Value>, EngineError> {
        self.look(request, probe, |_, value| value)
    }

    /// As [`Self::look`], with this input instead of the request's, read with its own limits; nothing of it is kept.
    ///
    /// # Errors
    ///
    /// As [`Self::evaluate`].
    pub(crate) fn look_at<T>(
        &mut self,
        input: InputDocument<'_>,
        request: &EvalRequest<'_>,
        probe: &mut dyn Probe,
        look: impl FnOnce(&Outcome<'_>, Option<Value>) -> T,
    ) -> Result<T, EngineError> {
        let (input, input_limits) = input.for_machine();
        let memory = (&input_limits, request.limits.memory);
        let held = self.worker.hold(&self.policy.program, input, memory);
        let found = held
            .map_err(|error| unheld(error, memory.1))
            .and_then(|()| self.find(request, Input::Held, probe, look));
        self.worker.release();
        found
    }

    /// As [`Self::evaluate`], and looks at the outcome, and at the value of the path in it, before it is gone.
    ///
    /// # Errors
    ///
    /// As [`Self::evaluate`].
    pub(crate) fn look<T>(
        &mut self,
        request: &EvalRequest<'_>,
        probe: &mut dyn Probe,
        look: impl FnOnce(&Outcome<'_>, Option<Value>) -> T,
    ) -> Result<T, EngineError> {
        self.find(request, machine_input(request.input), probe, look)
    }

    fn find<T>(
        &mut self,
        request: &EvalRequest<'_>,
        input: Input<'_>,
        probe: &mut dyn Probe,
        look: impl FnOnce(&Outcome<'_>, Option<Value>) -> T,
    ) -> Result<T, EngineError> {
        let Target::EntryPoint { name, tail } = self.policy.resolve(request.path) else {
            return Err(EngineError::Refused {
                place: None,
                message: format!("no rule answers {}", request.path),
            });
        };
        let segments = request.path.segments();
        let tail = segments
            .get(segments.len().saturating_sub(tail)..)
            .unwrap_or_default();
        ask(
            &mut self.worker,
            (&self.policy.program, &self.policy.data),
            &name,
            (input, request.context, request.strict_builtin_errors),
            &request.limits,
            Some(probe),
            |outcome| {
                let heap = outcome.heap();
                let found = tail.iter().fold(outcome.result(), |at, step| heap.step(at, step));
                look(outcome, heap.to_value(found))
            },
        )
    }
}
