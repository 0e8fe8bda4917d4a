//! Questions about a member of a document that was read once, answered by the bytes that a decision's leaf commits to: nobody builds a value, or JSON, of
//! what is only compared.

use stele_rego::vm::value::Kind;
use stele_rego::vm::{Input, Outcome};
use stele_types::json;

use super::compiled::Target;
use super::vm_engine::{Failure, Question, unheld};
use super::{EngineError, EvalRequest, Prints, VmEngine};

/// A member of the document that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldMember<'a> {
    /// The document has none of this name.
    Absent,
    /// A string.
    Text(&'a str),
    /// Anything else.
    Other,
}

/// Canonical bytes of one evaluation's input and result, in memory that is used again. Undefined is no bytes at all.
#[derive(Debug, Default)]
pub struct Canonical {
    input: Reused,
    result: Reused,
}

/// Bytes, and how many of them have a meaning.
#[derive(Debug, Default)]
struct Reused {
    bytes: Vec<u8>,
    length: usize,
}

/// Larger memory is given back.
const KEEP: usize = 1 << 20;

impl Reused {
    fn get(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.length = 0;
        if self.bytes.len() > KEEP {
            self.bytes = Vec::new();
        }
    }
}

impl Canonical {
    /// Of the input.
    #[must_use]
    pub fn input(&self) -> &[u8] {
        self.input.get()
    }

    /// Of the result's JSON projection.
    #[must_use]
    pub fn result(&self) -> &[u8] {
        self.result.get()
    }

    fn clear(&mut self) {
        self.input.clear();
        self.result.clear();
    }
}

impl VmEngine {
    /// Reads a document, an object of which one member is the input for any number of questions, until one brings its own. Undefined when there is no such
    /// member. `memory` is how many bytes the document may take.
    ///
    /// # Errors
    ///
    /// As [`VmEngine::hold`].
    pub fn hold_member(
        &mut self,
        text: &[u8],
        member: &str,
        (limits, memory): (&json::Limits, u64),
    ) -> Result<(), EngineError> {
        let input = Input::JsonMember {
            json: text,
            name: member,
        };
        let held = self.worker.hold(&self.policy.program, input, (limits, memory));
        held.map_err(|error| unheld(error, memory))
    }

    /// Looks at members of the object that is held. `None` when there is none, or when any object in its text has a key more than once.
    pub fn held_members<T, const N: usize>(
        &mut self,
        names: [&str; N],
        look: impl FnOnce([HeldMember<'_>; N]) -> T,
    ) -> Option<T> {
        let looked = self.worker.look_at_held(
            &self.policy.program,
            &self.policy.data,
            |heap, document, repeats| {
                let sound = document.kind() == Kind::Object && !repeats;
                sound.then(|| {
                    look(names.map(|name| {
                        let found = heap.field_by_text(document, name);
                        match found.kind() {
                            Kind::Undefined => HeldMember::Absent,
                            Kind::String => HeldMember::Text(heap.text(found)),
                            _ => HeldMember::Other,
                        }
                    }))
                })
            },
        );
        looked.ok().flatten()
    }

    /// As [`VmEngine::evaluate_held`], and leaves input and result as canonical bytes. Nothing when either has none, or when the path names no rule: then
    /// [`VmEngine::evaluate_json`] tells.
    ///
    /// # Errors
    ///
    /// As [`Engine::evaluate`](super::Engine::evaluate); [`EngineError::Refused`] if no input is held.
    pub fn evaluate_canonical(
        &mut self,
        request: &EvalRequest<'_>,
        out: &mut Canonical,
    ) -> Result<Option<()>, EngineError> {
        out.clear();
        self.prints = Prints::default();
        let Target::EntryPoint { name, tail } = self.policy.resolve(request.path) else {
            return Ok(None);
        };
        let segments = request.path.segments();
        let tail = segments.len().saturating_sub(tail);
        let tail = segments.get(tail..).unwrap_or_default();
        let question = Question {
            entry_point: &name,
            input: Input::Held,
            input_limits: json::Limits::default(),
            context: request.context,
            strict_builtin_errors: request.strict_builtin_errors,
        };
        let look = |outcome: &Outcome<'_>| {
            let heap = outcome.heap();
            let found = tail.iter().fold(outcome.result(), |at, step| heap.step(at, step));
            let Canonical { input, result } = &mut *out;
            input.length = heap.encode_over(outcome.input(), &mut input.bytes).ok()?;
            result.length = heap.encode_projected_over(found, &mut result.bytes).ok()?;
            Some(())
        };
        let documents = (&*self.policy.program, &*self.policy.data);
        let prints: &mut Prints = &mut self.prints;
        question
            .ask(&mut self.worker, documents, &request.limits, Some(prints), look)
            .map_err(|failure| match failure {
                Failure::Engine(error) => error,
                // What is held was read before.
                Failure::Input => EngineError::MemoryLimit {
                    limit: request.limits.memory,
                },
            })
    }
}
