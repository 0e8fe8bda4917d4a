//! Evaluating a policy: the [`Engine`] trait, its requests, outcomes, limits and errors.
//!
//! Decisions are made by the regorus *interpreter* ([`RegorusEngine`]); its virtual machine drops rule conflicts and is never used.
//! A [`PreparedPolicy`] is shared between threads; each worker builds an engine of its own from it.

use std::num::NonZeroU32;
use std::time::Duration;

use stele_types::Value;

mod builtins;
pub mod convert;
mod failure;
mod heads;
#[cfg(test)]
mod heads_tests;
mod path;
mod prepared;
mod regorus_engine;
mod second_opinion;
mod stele_engine;
pub(crate) mod stream;
#[cfg(test)]
mod tests;

pub use builtins::{IMPURE_BUILTINS, is_impure};
pub use convert::ConvertError;
pub use path::{DataPath, PathError};
pub use prepared::{DataSharing, PreparedPolicy};
pub use regorus_engine::{QueryRow, RegorusEngine};
pub use stele_engine::SteleEngine;
pub(crate) use stele_engine::refused_by;

/// What a decision may read besides input and data: everything that would otherwise differ between two evaluations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvalContext {
    /// The time of the decision in nanoseconds since the Unix epoch, answered by `time.now_ns()`; `None` makes that builtin an error.
    pub now_ns: Option<i64>,
}

/// Bounds of one evaluation. Each has its own error in [`EngineError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time, checked every few hundred work units.
    pub time: Option<Duration>,
    /// Work units of the interpreter (roughly: expressions evaluated). The same policy, input and data always take the same number,
    /// so a request that passes this limit on one machine passes it on every machine.
    pub instructions: Option<NonZeroU32>,
    /// Nodes (scalars, arrays, objects, sets and object keys) of the result. With the input's size bound and the two limits above it bounds the
    /// memory of a request.
    pub result_nodes: usize,
}

impl Default for Limits {
    /// One second, fifty million work units, one million nodes in the result.
    fn default() -> Self {
        Self {
            time: Some(Duration::from_secs(1)),
            instructions: NonZeroU32::new(50_000_000),
            result_nodes: 1_000_000,
        }
    }
}

impl Limits {
    /// No limit but the result's size; for tests and batch work on trusted policies.
    #[must_use]
    pub fn unbounded() -> Self {
        Self {
            time: None,
            instructions: None,
            result_nodes: usize::MAX,
        }
    }
}

/// One question to an engine.
#[derive(Debug, Clone, Copy)]
pub struct EvalRequest<'a> {
    /// Which document: a rule, a package, a prefix of either, or a place inside one.
    pub path: &'a DataPath,
    /// The input document; `None` is undefined.
    pub input: Option<&'a Value>,
    /// Time and the like.
    pub context: EvalContext,
    /// Errors of builtins end the evaluation (OPA's `strict-builtin-errors`) instead of being undefined.
    pub strict_builtin_errors: bool,
    /// The bounds of this evaluation.
    pub limits: Limits,
}

impl<'a> EvalRequest<'a> {
    /// A request with the default limits and context.
    #[must_use]
    pub fn new(path: &'a DataPath, input: Option<&'a Value>) -> Self {
        Self {
            path,
            input,
            context: EvalContext::default(),
            strict_builtin_errors: false,
            limits: Limits::default(),
        }
    }
}

/// The answer of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalOutcome {
    /// The document's value; `None` when it is undefined.
    pub value: Option<Value>,
    /// What `print` calls wrote, in order, as `file:line: text`.
    pub prints: Vec<String>,
}

/// A place in a policy's source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    /// The file as the policy was loaded.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Prints ` at PLACE` or nothing.
fn at(place: &Option<Place>) -> String {
    place
        .as_ref()
        .map(|place| format!(" at {place}"))
        .unwrap_or_default()
}

/// Why an evaluation gave no answer. None of these is ever turned into "undefined".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Two rules gave different values for one document.
    #[error("rules conflict{}: {message}", at(place))]
    Conflict {
        /// Where the conflict showed.
        place: Option<Place>,
        /// The engine's words.
        message: String,
    },
    /// A builtin failed and the request asked for strictness, or it is one that always fails loudly.
    #[error("a builtin failed{}: {message}", at(place))]
    Builtin {
        /// Where it was called.
        place: Option<Place>,
        /// The engine's words.
        message: String,
    },
    /// The policy called a builtin that a decision must not use.
    #[error("the builtin {name} is impure and disabled in decisions{}", at(place))]
    ImpureBuiltin {
        /// Its name.
        name: String,
        /// Where it was called.
        place: Option<Place>,
    },
    /// The policy calls a function that this engine does not have.
    #[error("this engine has no function {name}{}", at(place))]
    UnknownFunction {
        /// Its name as called.
        name: String,
        /// Where it was called.
        place: Option<Place>,
    },
    /// The evaluation took longer than [`Limits::time`].
    #[error("the evaluation exceeded its time limit of {limit:?}")]
    TimeLimit {
        /// The limit.
        limit: Duration,
    },
    /// The evaluation took more work units than [`Limits::instructions`].
    #[error("the evaluation exceeded its limit of {limit} instructions")]
    InstructionLimit {
        /// The limit in work units.
        limit: u32,
    },
    /// The result is bigger than [`Limits::result_nodes`].
    #[error("the result exceeded its memory limit of {limit} nodes")]
    MemoryLimit {
        /// The limit in nodes.
        limit: usize,
    },
    /// A value can't cross to or from the engine.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The engine refused the policy itself (parse or analysis).
    #[error("the engine refuses the policy{}: {message}", at(place))]
    Refused {
        /// Where.
        place: Option<Place>,
        /// The engine's words.
        message: String,
    },
}

/// An evaluator of policies. Engines may refuse with a typed error; two engines may never give different values.
pub trait Engine {
    /// Evaluates one document.
    ///
    /// # Errors
    ///
    /// Conflicts, failed builtins, exceeded limits and values that can't be represented; never "undefined", which is `Ok` with no value.
    fn evaluate(&mut self, request: &EvalRequest<'_>) -> Result<EvalOutcome, EngineError>;
}
