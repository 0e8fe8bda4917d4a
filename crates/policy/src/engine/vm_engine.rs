//! Our virtual machine behind the [`Engine`] trait: what decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use stele_rego::eval;
use stele_rego::vm::value::{Kind, ParseError};
use stele_rego::vm::{Data, Input, Outcome, Probe, Program, Request, VmError, Worker};
use stele_types::{Value, json};

use super::compiled::{CompiledPolicy, Target};
use super::stele_engine::failed;
use super::{Engine, EngineError, EvalContext, EvalOutcome, EvalRequest, InputDocument, Limits, Prints};

/// One thread's engine: the shared policy and memory of its own.
#[derive(Debug)]
pub struct VmEngine {
    pub(super) policy: CompiledPolicy,
    pub(super) worker: Worker,
    /// What the last evaluation printed.
    pub(super) prints: Prints,
}

impl VmEngine {
    /// An engine for this policy.
    #[must_use]
    pub fn new(policy: &CompiledPolicy) -> Self {
        Self {
            policy: policy.clone(),
            worker: Worker::default(),
            prints: Prints::default(),
        }
    }

    /// What the last evaluation printed, also if it failed.
    pub fn take_prints(&mut self) -> Prints {
        std::mem::take(&mut self.prints)
    }

    /// Reads an input once for any number of questions ([`Self::evaluate_held`]), until one brings its own. `memory` is how many bytes it may take.
    ///
    /// # Errors
    ///
    /// [`EngineError::MemoryLimit`], and [`EngineError::Refused`] for what is not JSON.
    pub fn hold(&mut self, input: InputDocument<'_>, memory: u64) -> Result<(), EngineError> {
        let (input, input_limits) = input.for_machine();
        let held = self
            .worker
            .hold(&self.policy.program, input, (&input_limits, memory));
        held.map_err(|error| unheld(error, memory))
    }

    /// Forgets the input that is held, and gives back the memory that it took.
    pub fn release(&mut self) {
        self.worker.release();
    }

    /// As [`Engine::evaluate`], with the input that is held; the request's own is not looked at.
    ///
    /// # Errors
    ///
    /// As [`Engine::evaluate`]; [`EngineError::Refused`] if no input is held.
    pub fn evaluate_held(&mut self, request: &EvalRequest<'_>) -> Result<EvalOutcome, EngineError> {
        self.answer(request, Input::Held)
    }

    fn answer(&mut self, request: &EvalRequest<'_>, input: Input<'_>) -> Result<EvalOutcome, EngineError> {
        self.prints = Prints::default();
        let value = match self.policy.resolve(request.path) {
            Target::EntryPoint { name, tail } => {
                let segments = request.path.segments();
                let tail = segments.len().saturating_sub(tail);
                let tail = segments.get(tail..).unwrap_or_default();
                self.entry_point(&name, tail, request, input)?
            }
            Target::Base => self.policy.data.lookup(request.path.segments()),
            Target::Root => self.root(request, input)?,
        };
        Ok(EvalOutcome {
            value,
            prints: self.prints.lines.iter().map(ToString::to_string).collect(),
        })
    }

    /// The value of an entry point, or of what is found by walking `tail` inside of it.
    fn entry_point(
        &mut self,
        name: &str,
        tail: &[String],
        request: &EvalRequest<'_>,
        input: Input<'_>,
    ) -> Result<Option<Value>, EngineError> {
        let CompiledPolicy { program, data, .. } = &self.policy;
        let asked = (input, request.context, request.strict_builtin_errors);
        let documents = (&**program, &**data);
        ask(
            &mut self.worker,
            documents,
            name,
            asked,
            &request.limits,
            Some(&mut self.prints),
            |outcome| {
                let heap = outcome.heap();
                let found = tail.iter().fold(outcome.result(), |at, step| heap.step(at, step));
                heap.to_value(found)
            },
        )
    }

    /// All of `data`: the base document and over it what the rules make.
    fn root(&mut self, request: &EvalRequest<'_>, input: Input<'_>) -> Result<Option<Value>, EngineError> {
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
            if let Some(value) = self.entry_point(first, &[], request, input)? {
                members.insert(Value::string(first), value);
            }
        }
        Ok(Some(Value::Object(Arc::new(members))))
    }
}

impl Engine for VmEngine {
    fn evaluate(&mut self, request: &EvalRequest<'_>) -> Result<EvalOutcome, EngineError> {
        self.answer(request, machine_input(request.input))
    }
}

/// The input of a request for the machine.
pub(super) fn machine_input(input: Option<&Value>) -> Input<'_> {
    input.map_or(Input::Undefined, Input::Value)
}

/// Evaluates one entry point, and looks at the outcome before the next evaluation overwrites it. What is asked: the input, the context,
/// and whether builtins are strict. A probe is told what is printed, and what a traced program does.
pub(super) fn ask<T>(
    worker: &mut Worker,
    documents: (&Program, &Data),
    entry_point: &str,
    (input, context, strict_builtin_errors): (Input<'_>, EvalContext<'_>, bool),
    limits: &Limits,
    probe: Option<&mut dyn Probe>,
    look: impl FnOnce(&Outcome<'_>) -> T,
) -> Result<T, EngineError> {
    let question = Question {
        entry_point,
        input,
        input_limits: json::Limits::default(),
        context,
        strict_builtin_errors,
    };
    question
        .ask(worker, documents, limits, probe, look)
        .map_err(|failure| match failure {
            Failure::Engine(error) => error,
            // An input that does not fit into the arena.
            Failure::Input => EngineError::MemoryLimit { limit: limits.memory },
        })
}

fn refused(error: &dyn std::fmt::Display) -> EngineError {
    EngineError::Refused {
        place: None,
        message: error.to_string(),
    }
}

/// Why an input can't be held in so many bytes.
pub(super) fn unheld(error: VmError, limit: u64) -> EngineError {
    match error {
        VmError::Input(ParseError::Json(error)) => refused(&error),
        VmError::Input(_) => EngineError::MemoryLimit { limit },
        other => refused(&other),
    }
}

/// What is asked of the machine.
pub(super) struct Question<'a> {
    pub(super) entry_point: &'a str,
    pub(super) input: Input<'a>,
    pub(super) input_limits: json::Limits,
    pub(super) context: EvalContext<'a>,
    pub(super) strict_builtin_errors: bool,
}

/// Why the machine has no answer.
pub(super) enum Failure {
    /// It can't take the input.
    Input,
    /// The evaluation failed.
    Engine(EngineError),
}

impl Question<'_> {
    /// Evaluates the entry point, and looks at the outcome before the next evaluation overwrites it.
    pub(super) fn ask<T>(
        &self,
        worker: &mut Worker,
        (program, data): (&Program, &Data),
        limits: &Limits,
        probe: Option<&mut dyn Probe>,
        look: impl FnOnce(&Outcome<'_>) -> T,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let late = || limits.time.is_some_and(|limit| started.elapsed() > limit);
        let bounds = eval::Limits {
            instructions: limits
                .instructions
                .map_or(u64::MAX, |limit| u64::from(limit.get())),
            memory: limits.memory,
            deadline: Some(&late),
            ..eval::Limits::default()
        };
        let request = Request {
            input_limits: self.input_limits,
            context: eval::Context {
                time: self.context.time(),
                nd: self.context.nd,
            },
            limits: bounds,
            strict_builtin_errors: self.strict_builtin_errors,
            ..Request::new(self.entry_point, self.input)
        };
        let answer = match probe {
            Some(probe) => worker.evaluate_probed(program, data, &request, probe),
            None => worker.evaluate(program, data, &request),
        };
        match answer {
            Ok(outcome) => Ok(look(&outcome)),
            Err(VmError::Eval(error)) => Err(Failure::Engine(failed(*error, limits, &bounds))),
            Err(VmError::Input(_)) => Err(Failure::Input),
            Err(other) => Err(Failure::Engine(refused(&other))),
        }
    }
}
