//! Evaluating a policy: the [`Engine`] trait, its requests, outcomes, limits and errors.
//!
//! Decisions are made by our own virtual machine ([`VmEngine`]) on a [`CompiledPolicy`], which all threads share; each builds an engine of
//! its own from it. The regorus
//! *interpreter* (behind the feature `regorus`) is an oracle in our own tests and an engine to compare with; its virtual machine drops rule conflicts and is never used.

use std::num::NonZeroU32;
use std::time::Duration;

use stele_rego::nd::NdCalls;
use stele_types::{Timestamp, Value};

mod builtins;
mod compiled;
#[cfg(feature = "regorus")]
pub mod convert;
mod convert_error;
#[cfg(feature = "regorus")]
mod failure;
#[cfg(feature = "regorus")]
mod heads;
#[cfg(test)]
mod heads_tests;
mod held;
mod json_input;
#[cfg(test)]
mod nd_tests;
mod path;
#[cfg(feature = "regorus")]
mod prepared;
mod prints;
#[cfg(feature = "regorus")]
mod regorus_builtins;
#[cfg(feature = "regorus")]
mod regorus_engine;
#[cfg(feature = "regorus")]
mod second_opinion;
mod stele_engine;
#[cfg(test)]
mod tests;
mod vm_engine;
mod vm_query;
mod watched;

pub use builtins::{IMPURE_BUILTINS, is_impure};
pub use compiled::CompiledPolicy;
pub(crate) use compiled::program;
pub use convert_error::ConvertError;
pub use held::{Canonical, HeldMember};
pub use json_input::{InputDocument, InputError, JsonFailure, JsonInput, JsonOutcome, Rendering};
pub use path::{DataPath, PathError};
#[cfg(feature = "regorus")]
pub use prepared::PreparedPolicy;
pub use prints::{Print, Prints};
#[cfg(feature = "regorus")]
pub use regorus_engine::{QueryRow, RegorusEngine};
pub use stele_engine::SteleEngine;
#[cfg(feature = "regorus")]
pub(crate) use stele_engine::refused_by;
pub use vm_engine::VmEngine;
pub use vm_query::{QueryFailure, QueryTrace, query};
pub(crate) use watched::WatchedEngine;

/// What a decision may read besides input and data: everything that would otherwise differ between two evaluations.
#[derive(Debug, Clone, Copy, Default)]
pub struct EvalContext<'a> {
    /// The time of the decision in nanoseconds since the Unix epoch, answered by `time.now_ns()`. `None` makes what depends on it an error.
    pub now_ns: Option<i64>,
    /// What answers and records impure builtins; the interpreter has none. `None` refuses them.
    pub nd: Option<&'a NdCalls<'a>>,
}

impl EvalContext<'_> {
    /// The context of a decision at `time`, without impure builtins.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self {
            now_ns: i64::try_from(time.as_nanos()).ok(),
            nd: None,
        }
    }

    /// The time, if it is one.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let now = self.now_ns.and_then(|now| u64::try_from(now).ok())?;
        Some(Timestamp::from_nanos(now))
    }
}

/// Bounds of one evaluation. Each has its own error in [`EngineError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time, checked every few hundred work units.
    pub time: Option<Duration>,
    /// Work units: operations of the virtual machine, and more for builtins with large arguments (expressions, of the interpreter). The same
    /// policy, input and data always take the same number, so a request that passes this limit on one machine passes it on every
    /// machine.
    pub instructions: Option<NonZeroU32>,
    /// Bytes that an evaluation may hold, its input and result included. The interpreter can't count them: it bounds its result to one
    /// node (scalar, array, object, set or key) for each [`Limits::BYTES_OF_NODE`] of them.
    pub memory: u64,
}

impl Default for Limits {
    /// One second, 100 million work units, 256 MiB.
    fn default() -> Self {
        Self {
            time: Some(Duration::from_secs(1)),
            instructions: NonZeroU32::new(100_000_000),
            memory: 256 << 20,
        }
    }
}

impl Limits {
    /// What a node of a result is taken to need, in bytes.
    pub const BYTES_OF_NODE: u64 = 64;

    /// No limits; for tests and batch work on trusted policies.
    #[must_use]
    pub fn unbounded() -> Self {
        Self {
            time: None,
            instructions: None,
            memory: u64::MAX,
        }
    }

    /// The most nodes of a result, where bytes can't be counted.
    #[must_use]
    pub fn result_nodes(&self) -> usize {
        usize::try_from(self.memory.div_ceil(Self::BYTES_OF_NODE)).unwrap_or(usize::MAX)
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
    pub context: EvalContext<'a>,
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
    /// What `print` calls wrote, in order, as `file:line: text`; no more of it than [`Prints`] keeps, and nothing where they are compiled away.
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
    /// The policy called an impure builtin, and the evaluation has nothing that answers them.
    #[error("the builtin {name} is impure and not available here{}", at(place))]
    ImpureBuiltin {
        /// Its name.
        name: String,
        /// Where it was called.
        place: Option<Place>,
    },
    /// The policy called an impure builtin, and what answers them did not.
    #[error("{name} has no answer{}: {reason}", at(place))]
    NdBuiltin {
        /// Its name.
        name: String,
        /// Where it was called.
        place: Option<Place>,
        /// Why not, and how to mend it.
        reason: String,
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
    /// The evaluation needed more than [`Limits::memory`].
    #[error("the evaluation exceeded its memory limit of {limit} bytes")]
    MemoryLimit {
        /// The limit in bytes.
        limit: u64,
    },
    /// A value can't cross to or from the engine.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// Rules call one another more deeply than the engine allows.
    #[error("calls are nested more than {limit} deep{}", at(place))]
    DepthLimit {
        /// The limit.
        limit: u32,
        /// Where it was reached.
        place: Option<Place>,
    },
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
