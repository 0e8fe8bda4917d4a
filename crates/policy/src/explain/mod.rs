//! Why a decision came out as it did: which rules held or failed, at which line, with which values.
//!
//! # How
//!
//! The entry point is evaluated again and must give the recorded result; otherwise there is no explanation ([`ExplainError::Differs`]). Then every
//! definition of every rule that the entry point can reach is probed: for each prefix of its body a rule is generated that
//! collects the values of the locals under which the prefix holds. The first prefix that holds for no values ends with the statement
//! that failed, and the values of the prefix before it are those it failed with. Functions are probed with the arguments
//! that they were called with.
//!
//! Evaluation and probes run on our own compiler and reference evaluator, so an explanation is also a second opinion. Where the compiler refuses the
//! policy, the probes run on the interpreter that made the decision ([`Explanation::engine`] says so), and functions are not probed.

use std::collections::BTreeMap;

use stele_types::{EntryPoint, PolicyId, Value};

use crate::engine::{ConvertError, EngineError, EvalContext, Place};
use crate::load::PolicySet;

mod backend;
mod probe;
mod render;
mod run;
#[cfg(test)]
mod tests;
mod text;

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
    /// Evaluating again failed.
    #[error("can't explain: {0}")]
    Engine(#[from] EngineError),
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
    /// What evaluated: `stele` (our compiler and evaluator) or `regorus` (the interpreter, because the compiler refuses the policy).
    pub engine: &'static str,
    /// Why the compiler refused the policy, when it did.
    pub refusal: Option<String>,
    /// The rules, the entry point's first.
    pub rules: Vec<RuleExplanation>,
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
    /// It could not be probed.
    Unknown(String),
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
