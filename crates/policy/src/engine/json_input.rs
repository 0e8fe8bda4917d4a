//! Deciding on bytes: the input goes from its JSON text into the machine, and input and result come out of it as the bytes that evidence
//! is made of. What is decided is what [`Engine::evaluate`](super::Engine::evaluate) decides on the same input as a value.

use stele_rego::vm::value::Val;
use stele_rego::vm::{Input, Outcome};
use stele_types::json::{self, JsonError};
use stele_types::{Value, encoding};

use super::compiled::Target;
use super::vm_engine::{Failure, Question};
use super::{Engine, EngineError, EvalRequest, Prints, VmEngine};

/// An input as whoever asks many questions about it has it.
#[derive(Debug, Clone, Copy)]
pub enum InputDocument<'a> {
    /// A value.
    Value(&'a Value),
    /// JSON, which takes a fraction of the value's memory.
    Json {
        /// The text.
        text: &'a [u8],
        /// Its bounds.
        limits: json::Limits,
    },
}

impl<'a> InputDocument<'a> {
    pub(super) fn for_machine(self) -> (Input<'a>, json::Limits) {
        match self {
            Self::Value(value) => (Input::Value(value), json::Limits::default()),
            Self::Json { text, limits } => (Input::Json(text), limits),
        }
    }
}

/// An input as a request carries it.
#[derive(Debug, Clone, Copy)]
pub struct JsonInput<'a> {
    /// The text.
    pub text: &'a [u8],
    /// The member of the text's object that is the input, undefined when there is no such member or `null` in place of the object; the
    /// whole text is the input when this is `None`.
    pub member: Option<&'a str>,
    /// Bounds of the text.
    pub limits: json::Limits,
}

/// Why there is no input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The text is not JSON, or exceeds a limit.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The text is of no object, and the input should be a member of it.
    #[error("it must be an object, with the input under the key `{member}`")]
    NotAnObject {
        /// The member's name.
        member: String,
    },
}

impl JsonInput<'_> {
    /// The input as a value; `None` when it is undefined.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn to_value(&self) -> Result<Option<Value>, InputError> {
        let document = json::parse(self.text, &self.limits)?;
        let Some(member) = self.member else {
            return Ok(Some(document));
        };
        match &document {
            Value::Null => Ok(None),
            Value::Object(_) => Ok(document.get(member).cloned()),
            _ => Err(InputError::NotAnObject {
                member: member.to_owned(),
            }),
        }
    }

    fn for_machine(&self) -> Input<'_> {
        match self.member {
            None => Input::Json(self.text),
            Some(name) => Input::JsonMember {
                json: self.text,
                name,
            },
        }
    }
}

/// Input and result of one evaluation as bytes, in memory that is used again. Undefined is no bytes at all.
#[derive(Debug, Default)]
pub struct Rendering {
    /// The input as compact JSON.
    pub input_json: Vec<u8>,
    /// The input's canonical bytes.
    pub input_canonical: Vec<u8>,
    /// The result as compact JSON.
    pub result_json: Vec<u8>,
    /// The machine met no number in the input that its words don't hold.
    narrow: bool,
}

/// Buffers larger than this are given back.
const KEEP: usize = 1 << 20;

impl Rendering {
    /// Whether the input has a number that contracts can't hold.
    #[must_use]
    pub fn has_wide_number(&self) -> bool {
        !self.narrow && encoding::has_wide_number(&self.input_canonical)
    }

    fn clear(&mut self) {
        self.narrow = false;
        for buffer in [
            &mut self.input_json,
            &mut self.input_canonical,
            &mut self.result_json,
        ] {
            buffer.clear();
            buffer.shrink_to(KEEP);
        }
    }

    /// Renders what an evaluation read and found. False when the input has no canonical bytes: it is nested too deeply.
    fn of_outcome(&mut self, outcome: &Outcome<'_>, result: Val) -> bool {
        let heap = outcome.heap();
        self.narrow = outcome.input_is_narrow();
        heap.write_json(outcome.input(), &mut self.input_json);
        heap.write_json(result, &mut self.result_json);
        heap.encode(outcome.input(), &mut self.input_canonical).is_ok()
    }

    /// Renders values; see [`Rendering::of_outcome`].
    fn of_values(&mut self, input: Option<&Value>, result: Option<&Value>) -> bool {
        if let Some(result) = result {
            json::write(result, &mut self.result_json);
        }
        let Some(input) = input else { return true };
        json::write(input, &mut self.input_json);
        encoding::encode_into(input, &mut self.input_canonical).is_ok()
    }
}

/// What [`VmEngine::evaluate_json`] found.
#[derive(Debug)]
pub struct JsonOutcome {
    /// The document's value; `None` when it is undefined.
    pub value: Option<Value>,
    /// Whether the rendering is complete. It is not when the input is nested too deeply to be committed to.
    pub rendered: bool,
}

/// Why [`VmEngine::evaluate_json`] gives no answer.
#[derive(Debug)]
pub enum JsonFailure {
    /// There is no input.
    Input(InputError),
    /// The evaluation failed.
    Engine(EngineError),
}

impl VmEngine {
    /// Evaluates on an input in JSON, and leaves input and result as bytes in `rendering`. The request's own input is not looked at.
    ///
    /// # Errors
    /// [`JsonFailure`].
    pub fn evaluate_json(
        &mut self,
        request: &EvalRequest<'_>,
        input: &JsonInput<'_>,
        rendering: &mut Rendering,
    ) -> Result<JsonOutcome, JsonFailure> {
        rendering.clear();
        self.prints = Prints::default();
        let Target::EntryPoint { name, tail } = self.policy.resolve(request.path) else {
            let value = input.to_value().map_err(JsonFailure::Input)?;
            let request = EvalRequest {
                input: value.as_ref(),
                ..*request
            };
            let found = self.evaluate(&request).map_err(JsonFailure::Engine)?.value;
            return Ok(JsonOutcome {
                rendered: rendering.of_values(value.as_ref(), found.as_ref()),
                value: found,
            });
        };
        let segments = request.path.segments();
        let tail = segments.len().saturating_sub(tail);
        let tail = segments.get(tail..).unwrap_or_default();
        let question = Question {
            entry_point: &name,
            input: input.for_machine(),
            input_limits: input.limits,
            context: request.context,
            strict_builtin_errors: request.strict_builtin_errors,
        };
        let look = |outcome: &Outcome<'_>| {
            let heap = outcome.heap();
            let found = tail.iter().fold(outcome.result(), |at, step| heap.step(at, step));
            JsonOutcome {
                rendered: rendering.of_outcome(outcome, found),
                value: heap.to_value(found),
            }
        };
        let documents = (&*self.policy.program, &*self.policy.data);
        question
            .ask(
                &mut self.worker,
                documents,
                &request.limits,
                Some(&mut self.prints),
                look,
            )
            .map_err(|failure| match failure {
                Failure::Engine(error) => JsonFailure::Engine(error),
                // There is one reader that says what is wrong; it does not run where nothing is. What it takes is too large for the arena.
                Failure::Input => match input.to_value() {
                    Err(error) => JsonFailure::Input(error),
                    Ok(_) => JsonFailure::Engine(EngineError::MemoryLimit {
                        limit: request.limits.memory,
                    }),
                },
            })
    }
}
