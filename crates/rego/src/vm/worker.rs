//! What one thread owns.

use std::sync::Arc;

use stele_types::json;

use super::builtins::{Env, Patterns};
use super::code::Constants;
use super::outcome::Outcome;
use super::probe::Probe;
use super::run::{Machine, Stacks};
use super::value::{
    Builders, Heap, Mark, Meter, ParseError, Reader, Region, Space, Val, from_value, member, parse,
};
use super::{Data, Input, Program, Request, VmError};
use crate::builtins::{self, Session};
use crate::eval::{Budget, EvalError, LimitKind};

/// The memory of a thread's evaluations. It may serve any number of programs, one evaluation at a time.
#[derive(Debug)]
pub struct Worker {
    scratch: Region,
    builders: Builders,
    stacks: Stacks,
    reader: Reader,
    /// The constants that the reader knows.
    constants: Option<Arc<Constants>>,
    /// The input that stays in the scratch region from one evaluation to the next.
    held: Option<Held>,
    patterns: Patterns,
    general_patterns: builtins::Patterns,
    text: String,
    parts: Vec<Val>,
}

/// An input in the scratch region, and where what evaluations add begins.
#[derive(Debug)]
struct Held {
    /// What was read: the input itself, or the document that it is a member of.
    document: Val,
    input: Val,
    /// An object of the document had a key more than once.
    repeats: bool,
    end: Mark,
}

/// How much memory a worker keeps for the next evaluation.
const KEEP: usize = 1 << 20;

impl Default for Worker {
    fn default() -> Self {
        Self {
            scratch: Region::new(Space::Scratch),
            builders: Builders::default(),
            stacks: Stacks::default(),
            reader: Reader::default(),
            constants: None,
            held: None,
            patterns: Patterns::default(),
            general_patterns: builtins::Patterns::default(),
            text: String::new(),
            parts: Vec::new(),
        }
    }
}

impl Worker {
    /// Evaluates one entry point.
    ///
    /// # Errors
    /// [`VmError`].
    pub fn evaluate<'w>(
        &'w mut self,
        program: &'w Program,
        data: &'w Data,
        request: &Request<'_>,
    ) -> Result<Outcome<'w>, VmError> {
        self.run(program, data, request, None)
    }

    /// As [`Self::evaluate`], and tells the probe what `print` writes, and, if the program was compiled for it, how the evaluation goes.
    ///
    /// # Errors
    /// [`VmError`].
    pub fn evaluate_probed<'w>(
        &'w mut self,
        program: &'w Program,
        data: &'w Data,
        request: &Request<'_>,
        probe: &mut dyn Probe,
    ) -> Result<Outcome<'w>, VmError> {
        self.run(program, data, request, Some(probe))
    }

    /// Reads an input for any number of questions to this program ([`Input::Held`]), until one brings its own. It may take `memory` bytes.
    ///
    /// # Errors
    /// [`VmError::Input`].
    pub fn hold(
        &mut self,
        program: &Program,
        input: Input<'_>,
        limits: (&json::Limits, u64),
    ) -> Result<(), VmError> {
        self.clear();
        self.know(&program.code.constants);
        let (document, input) = self.read(program, input, limits)?;
        self.held = Some(Held {
            document,
            input,
            repeats: self.reader.repeats(),
            end: self.scratch.end(),
        });
        Ok(())
    }

    /// Looks at the document that is held: of [`Input::JsonMember`], all of it. Whether an object in its text had a key more than once, of which the
    /// last is what there is, is told too.
    ///
    /// # Errors
    /// [`VmError::NothingHeld`].
    pub fn look_at_held<T>(
        &mut self,
        program: &Program,
        data: &Data,
        look: impl FnOnce(&Heap<'_>, Val, bool) -> T,
    ) -> Result<T, VmError> {
        self.held(program)?;
        let held = self.held.as_ref().ok_or(VmError::NothingHeld)?;
        let (document, repeats) = (held.document, held.repeats);
        let heap = Heap {
            consts: &program.code.constants.region,
            data: &data.region,
            scratch: &mut self.scratch,
            meter: Meter::default(),
        };
        Ok(look(&heap, document, repeats))
    }

    /// Forgets the last evaluation and the input that is held; gives back memory, if they took much.
    pub fn release(&mut self) {
        self.clear();
    }

    /// The held input, with nothing behind it.
    fn held(&mut self, program: &Program) -> Result<Val, VmError> {
        let known = self.constants.as_ref();
        let same = known.is_some_and(|known| Arc::ptr_eq(known, &program.code.constants));
        let held = self.held.as_ref().filter(|_| same).ok_or(VmError::NothingHeld)?;
        self.scratch.cut(&held.end);
        self.builders.clear();
        Ok(held.input)
    }

    /// The reader learns these constants.
    fn know(&mut self, constants: &Arc<Constants>) {
        let known = self.constants.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, constants)) {
            self.reader.forget();
            self.constants = Some(Arc::clone(constants));
        }
    }

    /// The input of a request, and nothing else, in the scratch region.
    fn input(&mut self, program: &Program, request: &Request<'_>, at: usize) -> Result<Val, VmError> {
        if matches!(request.input, Input::Held) {
            return self.held(program);
        }
        self.clear();
        self.know(&program.code.constants);
        let limits = (&request.input_limits, request.limits.memory);
        self.read(program, request.input, limits)
            .map(|(_, input)| input)
            .map_err(|error| match error {
                ParseError::Memory(_) => {
                    let at = program.code.at(at);
                    let limit = LimitKind::Memory;
                    VmError::Eval(Box::new(EvalError::Limit { at, limit }))
                }
                other => other.into(),
            })
    }

    fn run<'w>(
        &'w mut self,
        program: &'w Program,
        data: &'w Data,
        request: &Request<'_>,
        probe: Option<&mut dyn Probe>,
    ) -> Result<Outcome<'w>, VmError> {
        if !Arc::ptr_eq(&program.code.constants, &data.constants) {
            return Err(VmError::ForeignData);
        }
        let Some(plan) = program.code.plans.get(request.entry_point) else {
            let name = request.entry_point.to_owned();
            return Err(Box::new(EvalError::UnknownEntryPoint(name)).into());
        };
        let input = self.input(program, request, plan.start as usize)?;
        let patterns = std::mem::take(&mut self.general_patterns);
        let mut machine = Machine {
            code: &program.code,
            env: Env {
                heap: Heap {
                    consts: &program.code.constants.region,
                    data: &data.region,
                    scratch: &mut self.scratch,
                    meter: Meter::new(&request.limits),
                },
                session: Session::with_patterns(request.context, Budget::new(request.limits), patterns),
                patterns: &mut self.patterns,
                text: std::mem::take(&mut self.text),
                parts: std::mem::take(&mut self.parts),
            },
            builders: &mut self.builders,
            stacks: &mut self.stacks,
            probe: probe.map(|probe| probe as &mut dyn Probe),
            strict: request.strict_builtin_errors,
            memory: request.limits.memory,
            depth: request.limits.depth,
            base: 0,
            top: 0,
            pc: 0,
            stride: 0,
        };
        let ran = machine.plan(plan.start as usize, plan.frame, input, data.root);
        let Env {
            session, text, parts, ..
        } = machine.env;
        self.general_patterns = session.into_patterns();
        self.text = text;
        self.parts = parts;
        ran?;
        let heap = Heap {
            consts: &program.code.constants.region,
            data: &data.region,
            scratch: &mut self.scratch,
            meter: Meter::default(),
        };
        Ok(Outcome::new(heap, &self.stacks.results, input))
    }

    /// Puts an input into the scratch region, and what it is a member of; of a program that is watched, so that no two collections are one word.
    fn read(
        &mut self,
        program: &Program,
        input: Input<'_>,
        limits: (&json::Limits, u64),
    ) -> Result<(Val, Val), ParseError> {
        self.scratch.apart = program.traced;
        let read = self.read_input(program, input, limits);
        self.scratch.apart = false;
        read
    }

    fn read_input(
        &mut self,
        program: &Program,
        input: Input<'_>,
        limits: (&json::Limits, u64),
    ) -> Result<(Val, Val), ParseError> {
        let constants = program.constants();
        let document = match input {
            // What is held was read before.
            Input::Undefined | Input::Held => Val::UNDEFINED,
            Input::Json(json) | Input::JsonMember { json, .. } => {
                parse(json, limits, &mut self.scratch, &constants, &mut self.reader)?
            }
            Input::Value(value) => from_value(value, &mut self.scratch, &constants)?,
        };
        let input = match input {
            Input::JsonMember { name, .. } => member(document, name, &self.scratch, &constants),
            _ => Some(document),
        };
        Ok((document, input.ok_or(ParseError::NotAnObject)?))
    }

    /// Forgets the last evaluation.
    fn clear(&mut self) {
        self.held = None;
        if self.scratch.bytes() > KEEP {
            self.scratch.clear();
            self.scratch.shrink(KEEP);
            self.builders.shrink();
            self.stacks = Stacks::default();
            self.text = String::new();
            self.parts = Vec::new();
            self.reader.shrink();
        }
        self.scratch.clear();
        self.builders.clear();
    }
}
