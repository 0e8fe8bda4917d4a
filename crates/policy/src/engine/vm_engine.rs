//! Our virtual machine behind the [`Engine`] trait: what decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use stele_rego::eval;
use stele_rego::vm::value::Kind;
use stele_rego::vm::{Input, Request, VmError, Worker};
use stele_types::{Timestamp, Value, json};

use super::compiled::{CompiledPolicy, Target};
use super::stele_engine::failed;
use super::{Engine, EngineError, EvalOutcome, EvalRequest};

/// One thread's engine: the shared policy and memory of its own. `print` calls are compiled away.
#[derive(Debug)]
pub struct VmEngine {
    policy: CompiledPolicy,
    worker: Worker,
}

impl VmEngine {
    /// An engine for this policy.
    #[must_use]
    pub fn new(policy: &CompiledPolicy) -> Self {
        Self {
            policy: policy.clone(),
            worker: Worker::default(),
        }
    }

    /// The value of an entry point, or of what is found by walking `tail` inside of it.
    fn entry_point(
        &mut self,
        name: &str,
        tail: &[String],
        request: &EvalRequest<'_>,
    ) -> Result<Option<Value>, EngineError> {
        let started = Instant::now();
        let late = || request.limits.time.is_some_and(|limit| started.elapsed() > limit);
        let limits = eval::Limits {
            instructions: request
                .limits
                .instructions
                .map_or(u64::MAX, |limit| u64::from(limit.get())),
            memory: request.limits.memory,
            deadline: Some(&late),
            ..eval::Limits::default()
        };
        let now = request.context.now_ns.and_then(|now| u64::try_from(now).ok());
        let ask = Request {
            entry_point: name,
            input: request.input.map_or(Input::Undefined, Input::Value),
            input_limits: json::Limits::default(),
            context: eval::Context::at(Timestamp(now.unwrap_or_default())),
            limits,
            strict_builtin_errors: request.strict_builtin_errors,
        };
        let outcome = self
            .worker
            .evaluate(&self.policy.program, &self.policy.data, &ask)
            .map_err(|error| refine(error, request, &limits))?;
        let heap = outcome.heap();
        let found = tail.iter().fold(outcome.result(), |at, step| heap.step(at, step));
        Ok(heap.to_value(found))
    }

    /// All of `data`: the base document and over it what the rules make.
    fn root(&mut self, request: &EvalRequest<'_>) -> Result<Option<Value>, EngineError> {
        let mut members = BTreeMap::new();
        if self.policy.data.kind::<&str>(&[]) == Kind::Object
            && let Some(Value::Object(base)) = self.policy.data.lookup::<&str>(&[])
        {
            members.extend(base.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        let rules = Arc::clone(&self.policy.rules);
        let mut firsts: Vec<&String> = rules.iter().filter_map(|rule| rule.first()).collect();
        firsts.dedup();
        for first in firsts {
            if let Some(value) = self.entry_point(first, &[], request)? {
                members.insert(Value::string(first), value);
            }
        }
        Ok(Some(Value::Object(Arc::new(members))))
    }
}

impl Engine for VmEngine {
    fn evaluate(&mut self, request: &EvalRequest<'_>) -> Result<EvalOutcome, EngineError> {
        let value = match self.policy.resolve(request.path) {
            Target::EntryPoint { name, tail } => {
                let segments = request.path.segments();
                let tail = segments.len().saturating_sub(tail);
                let tail = segments.get(tail..).unwrap_or_default();
                self.entry_point(&name, tail, request)?
            }
            Target::Base => self.policy.data.lookup(request.path.segments()),
            Target::Root => self.root(request)?,
        };
        Ok(EvalOutcome {
            value,
            prints: Vec::new(),
        })
    }
}

fn refine(error: VmError, request: &EvalRequest<'_>, limits: &eval::Limits<'_>) -> EngineError {
    match error {
        VmError::Eval(error) => failed(*error, request, limits),
        // An input that does not fit into the arena.
        VmError::Input(_) => EngineError::MemoryLimit { limit: limits.memory },
        other => EngineError::Refused {
            place: None,
            message: other.to_string(),
        },
    }
}
