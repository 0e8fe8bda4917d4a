//! Why a decision came out as it did: which rules held or failed, at which line, with which values.
//!
//! # How
//!
//! The entry point is evaluated again by what decides, the virtual machine, on the same policy compiled with points for a trace
//! ([`stele_rego::trace`]), and must give the recorded result; otherwise there is no explanation ([`ExplainError::Differs`]). The trace says of
//! each definition of each rule that was looked at whether it held, and with which values, or which of its statements failed.
//!
//! For a denial there is also the smallest change of the input that would allow, if one is found: see [`Change`].

use std::collections::BTreeMap;
use std::time::Duration;

pub use stele_rego::trace::{Map, Mode, Trace};
use stele_types::{EntryPoint, PolicyId, Value};

use crate::engine::{ConvertError, EngineError, EvalContext, Place};
use crate::load::PolicySet;
use crate::nd::NdCacheError;

mod change;
#[cfg(test)]
mod change_tests;
mod patch;
mod record;
mod render;
mod run;
#[cfg(test)]
mod tests;

pub use change::Change;
pub use patch::{Operation, apply};
pub use record::Recorded;

/// What is to be explained.
#[derive(Debug, Clone, Copy)]
pub struct ExplainRequest<'a> {
    /// The policy, as loaded from the decision's bundle.
    pub policy: &'a PolicyId,
    /// The entry point that was decided.
    pub entry_point: &'a EntryPoint,
    /// The decision's input.
    pub input: Option<&'a Value>,
    /// The decision's context.
    pub context: EvalContext<'a>,
    /// The recorded result: `None` when it was undefined. Sets may stand as arrays, as records keep them.
    pub recorded: Option<&'a Value>,
    /// How far to look for a change of the input that allows; `None`: not at all.
    pub search: Option<SearchLimits>,
}

/// Bounds of the search for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchLimits {
    /// At most this many operations.
    pub changes: usize,
    /// At most this many evaluations.
    pub evaluations: usize,
    /// No evaluation is begun after this time, and none takes longer.
    pub time: Duration,
}

impl Default for SearchLimits {
    /// Ten operations, 5,000 evaluations, 30 seconds.
    fn default() -> Self {
        Self {
            changes: 10,
            evaluations: 5_000,
            time: Duration::from_secs(30),
        }
    }
}

/// Why there is no explanation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The set has no such policy.
    #[error("there is no policy `{0}` in the bundle")]
    UnknownPolicy(PolicyId),
    /// Evaluating again gave another result than the recorded one.
    #[error("can't explain: evaluating again gives {ours}, but the record says {recorded}")]
    Differs {
        /// The recorded result as JSON, or `undefined`.
        recorded: String,
        /// The result now.
        ours: String,
    },
    /// The evaluation has so many more events than are kept.
    #[error("can't explain: the evaluation has {0} events more than are kept")]
    TooLong(u64),
    /// Evaluating again failed.
    #[error("can't explain: {0}")]
    Engine(#[from] EngineError),
    /// The record no longer holds what it takes to evaluate again.
    #[error("can't explain: {0} was masked or erased, so nobody can evaluate the decision again")]
    Withheld(&'static str),
    /// The decision failed.
    #[error("there is no result to explain, the decision's evaluation failed: {0}")]
    Failed(String),
    /// What impure builtins gave can't be read.
    #[error("can't explain: {0}")]
    Calls(#[from] NdCacheError),
}

impl From<ConvertError> for ExplainError {
    fn from(error: ConvertError) -> Self {
        Self::Engine(error.into())
    }
}

/// An explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The policy.
    pub policy: PolicyId,
    /// The entry point.
    pub entry_point: EntryPoint,
    /// The result, equal to the recorded one.
    pub result: Option<Value>,
    /// The rules and calls of functions, in the order in which they were looked at.
    pub rules: Vec<RuleExplanation>,
    /// The change that would allow, if the decision was a denial and it was asked for.
    pub change: Option<Change>,
}

/// A rule or one call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleExplanation {
    /// `data.a.deny`.
    pub name: String,
    /// The arguments, for a function.
    pub args: Option<Vec<Value>>,
    /// Its definitions in source order.
    pub definitions: Vec<DefinitionExplanation>,
}

/// One definition (or `else` branch) of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionExplanation {
    /// Where it stands.
    pub place: Place,
    /// The line of its head.
    pub source: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a definition ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It held, once for each of these.
    Held(Vec<Instance>),
    /// It is the default, and no other definition held.
    Default(Value),
    /// It is the default and was not needed, or an `else` whose turn did not come.
    NotNeeded,
    /// It failed.
    Failed {
        /// The statement that no values satisfied.
        at: Place,
        /// The statement.
        source: String,
        /// The values that reached it.
        with: Vec<Instance>,
    },
}

/// One assignment of values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The locals bound so far.
    pub locals: BTreeMap<String, Value>,
    /// The operands of the statement that failed: their text, and their values (none: undefined; several: one for each element they iterate).
    pub operands: Vec<(String, Vec<Value>)>,
    /// The value that the definition gives, if it held.
    pub value: Option<Value>,
}

/// Explains a decision.
///
/// # Errors
///
/// [`ExplainError`]: never a guess.
pub fn explain(set: &PolicySet, request: &ExplainRequest<'_>) -> Result<Explanation, ExplainError> {
    run::explain(set, request)
}

/// Traces a decision.
///
/// # Errors
///
/// [`ExplainError`]: never a guess.
pub fn trace(set: &PolicySet, request: &ExplainRequest<'_>) -> Result<(Map, Trace), ExplainError> {
    run::trace(set, request)
}
