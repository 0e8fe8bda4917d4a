//! The virtual machine that makes decisions: [IR](crate::ir) lowered to register code, values of one word in arenas.
//!
//! A [`Program`] and its [`Data`] are made once, are immutable and shared by all threads; a [`Worker`] belongs to one
//! thread and owns everything that an evaluation changes. No value counts references, and after a few evaluations nothing
//! is allocated any more.
//!
//! The meaning of every statement is that of [`crate::eval`], the reference evaluator; differential tests hold the two
//! together. `docs/vm.md` tells the life of an evaluation.
//!
//! ```
//! use stele_rego::ir;
//! use stele_rego::vm::{Input, Program, Request, Worker};
//! use stele_types::Value;
//!
//! let policy = ir::text::parse(r#"
//!     strings { s0 "result" s1 "user" }
//!     builtins {}
//!     files { f0 "a.rego" }
//!     plan "a/user" [{
//!       Dot source=%0 key=s1 target=%2 @0:1:1
//!       MakeObject target=%3 @0:1:1
//!       ObjectInsert key=s0 value=%2 object=%3 @0:1:1
//!       ResultSetAdd value=%3 @0:1:1
//!     }]
//! "#)?;
//! let program = Program::new(&policy)?;
//! let data = program.data(&Value::object([]))?;
//! let mut worker = Worker::default();
//! let request = Request::new("a/user", Input::Json(br#"{"user": "bob"}"#));
//! let outcome = worker.evaluate(&program, &data, &request)?;
//! assert_eq!(outcome.to_json(), br#""bob""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builtins;
mod code;
mod lower;
mod outcome;
mod probe;
mod run;
pub mod value;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use stele_types::encoding::EncodeError;
use stele_types::{Value, json};

use crate::eval::{Context, EvalError, Limits};
use crate::ir::{self, VerifyError};
use value::{Constants, Full, Heap, Kind, Meter, ParseError, Region, Space, Val};

pub(crate) use lower::is_indexed;
pub use outcome::Outcome;
pub use probe::{Passed, Probe};
pub use worker::Worker;

/// A policy ready to be evaluated by any number of threads.
#[derive(Debug)]
pub struct Program {
    code: code::Code,
    /// It has points that a [`Probe`] is told of.
    traced: bool,
}

/// A data document, in the form that one program reads.
#[derive(Debug)]
pub struct Data {
    region: Region,
    root: Val,
    /// The constants it was read with.
    constants: Arc<code::Constants>,
}

/// An input document.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// None.
    Undefined,
    /// JSON text.
    Json(&'a [u8]),
    /// A member of an object in JSON text, as requests carry it. The input is undefined when the object does not have the member, or
    /// when `null` stands in place of the object.
    JsonMember {
        /// The text of the whole object.
        json: &'a [u8],
        /// The member's name.
        name: &'a str,
    },
    /// A value.
    Value(&'a Value),
    /// What the worker holds ([`Worker::hold`]).
    Held,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The entry point, `kubernetes/admission/deny`.
    pub entry_point: &'a str,
    /// The input document.
    pub input: Input<'a>,
    /// Bounds of an input in JSON.
    pub input_limits: json::Limits,
    /// What contextual builtins see.
    pub context: Context<'a>,
    /// Bounds of the evaluation. Memory is what the evaluation keeps in its arena, in bytes, its input included.
    /// Neither the result nor the arguments of a builtin may be larger either, counted as they are written out.
    pub limits: Limits<'a>,
    /// A builtin that fails is an error; otherwise its call is undefined, as in OPA by default.
    pub strict_builtin_errors: bool,
}

impl<'a> Request<'a> {
    /// A question with the default context and limits.
    #[must_use]
    pub fn new(entry_point: &'a str, input: Input<'a>) -> Self {
        Self {
            entry_point,
            input,
            input_limits: json::Limits::default(),
            context: Context::default(),
            limits: Limits::default(),
            strict_builtin_errors: false,
        }
    }
}

/// Why there is no answer. Undefined is an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VmError {
    /// The evaluation failed.
    #[error(transparent)]
    Eval(#[from] Box<EvalError>),
    /// The input can't be read.
    #[error(transparent)]
    Input(#[from] ParseError),
    /// The data was prepared for another program.
    #[error("the data document was prepared for another program")]
    ForeignData,
    /// The input should be the one that the worker holds, and it holds none, or holds it for another program.
    #[error("there is no input that was read before for this program")]
    NothingHeld,
}

impl Program {
    /// Verifies, optimises and lowers a policy.
    ///
    /// # Errors
    /// When the policy is not well formed, see [`ir::verify()`]. A call of a builtin that is refused or unknown is an error
    /// only when it is reached.
    pub fn new(policy: &ir::Policy) -> Result<Self, VerifyError> {
        ir::verify(policy)?;
        Ok(Self::of(lower::lower(&crate::optimise(policy))))
    }

    /// As [`Program::new`], with each statement as it stands in the plan: for reports about single statements.
    ///
    /// # Errors
    /// As [`Program::new`].
    pub fn unoptimised(policy: &ir::Policy) -> Result<Self, VerifyError> {
        ir::verify(policy)?;
        Ok(Self::of(lower::lower(policy)))
    }

    fn of(code: code::Code) -> Self {
        let traced = code.ops.iter().any(|op| matches!(op, code::Op::Probe { .. }));
        Self { code, traced }
    }

    /// The names of the entry points, in order.
    #[must_use]
    pub fn entry_points(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.code.plans.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Whether there is such an entry point.
    #[must_use]
    pub fn has_entry_point(&self, name: &str) -> bool {
        self.code.plans.contains_key(name)
    }

    /// The names of the builtins that are called anywhere in it.
    pub fn builtins(&self) -> impl Iterator<Item = &str> {
        self.code.builtins.iter().map(|called| &*called.name)
    }

    fn constants(&self) -> Constants<'_> {
        Constants {
            names: &self.code.constants.names,
            region: &self.code.constants.region,
        }
    }

    /// Prepares a data document for this program.
    ///
    /// # Errors
    /// When it has more than 4 GiB of text.
    pub fn data(&self, document: &Value) -> Result<Data, Full> {
        let mut region = Region::new(Space::Data);
        let root = value::load_value(document, &mut region, &self.constants())?;
        Ok(self.data_of(region, root))
    }

    /// Prepares a data document given as JSON, without an intermediate form.
    ///
    /// # Errors
    /// When it is not JSON, or exceeds a limit.
    pub fn data_from_json(&self, bytes: &[u8], limits: &json::Limits) -> Result<Data, ParseError> {
        let mut region = Region::new(Space::Data);
        let root = value::load(bytes, limits, &mut region, &self.constants())?;
        Ok(self.data_of(region, root))
    }

    fn data_of(&self, region: Region, root: Val) -> Data {
        Data {
            region,
            root,
            constants: Arc::clone(&self.code.constants),
        }
    }
}

impl Data {
    /// Bytes it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.region.bytes()
    }

    /// The value at a path of object keys and array indexes below the document; `None` when nothing is there.
    #[must_use]
    pub fn lookup<S: AsRef<str>>(&self, path: &[S]) -> Option<Value> {
        self.look(|heap| {
            let found = path
                .iter()
                .fold(self.root, |at, step| heap.step(at, step.as_ref()));
            heap.to_value(found)
        })
    }

    /// What stands at a path of object keys below the document.
    #[must_use]
    pub fn kind<S: AsRef<str>>(&self, path: &[S]) -> Kind {
        self.look(|heap| {
            let steps = path.iter();
            let found = steps.fold(self.root, |at, step| heap.field_by_text(at, step.as_ref()));
            found.kind()
        })
    }

    /// Appends the document's canonical bytes.
    ///
    /// # Errors
    /// When it is nested too deeply or needs more than 4 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.look(|heap| heap.encode(self.root, out))
    }

    fn look<T>(&self, look: impl FnOnce(&Heap<'_>) -> T) -> T {
        look(&Heap {
            consts: &self.constants.region,
            data: &self.region,
            scratch: &mut Region::new(Space::Scratch),
            meter: Meter::default(),
        })
    }
}
