//! The reference evaluator of the [IR](crate::ir): plain and exact.
//!
//! It is one of the engines of the differential tests and gives explanations their trace ([`Tracer`]).
//!
//! ```
//! use stele_rego::eval::{Context, Evaluator, Limits, NoTrace};
//! use stele_rego::ir;
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
//! let evaluator = Evaluator::new(&policy)?;
//! let input = Value::object([("user".into(), "bob".into())]);
//! let results = evaluator.evaluate(
//!     "a/user", Some(&input), &Value::object([]), &Context::default(), &Limits::default(), &mut NoTrace,
//! )?;
//! assert_eq!(results, [Value::object([("result".into(), "bob".into())])]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod compare;
mod error;
mod limits;
mod machine;
pub mod trace;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use stele_types::{Timestamp, Value};

use crate::builtins::Session;
use crate::ir::{self, VerifyError};
use crate::nd::NdCalls;

pub use error::{At, EvalError};
pub use limits::{Budget, LimitKind, Limits};
pub use trace::{NoTrace, Recorder, Tracer};

/// What builtins see that belongs to the decision, not to its input, and is recorded with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The time of the decision: `time.now_ns()`. Without it, what depends on the time is an error ([`Refusal::NoTime`]).
    ///
    /// [`Refusal::NoTime`]: crate::builtins::Refusal::NoTime
    pub time: Option<Timestamp>,
    /// What answers and records impure builtins. Without it, they are refused.
    pub nd: Option<&'a NdCalls<'a>>,
}

impl Context<'_> {
    /// The context of a decision at `time`, without impure builtins.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self {
            time: Some(time),
            nd: None,
        }
    }
}

/// Choices of semantics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// A builtin that fails is an error; otherwise, as in OPA by default, its call is undefined.
    pub strict_builtin_errors: bool,
}

/// A policy ready to be evaluated. Cheap to share between threads: an evaluation changes nothing in it.
#[derive(Debug)]
pub struct Evaluator {
    code: code::Code,
    options: Options,
}

impl Evaluator {
    /// Verifies `policy` and prepares it.
    ///
    /// # Errors
    /// When the policy is not well formed, see [`ir::verify()`]. A call of a builtin that is refused or unknown is an error only
    /// when it is reached.
    pub fn new(policy: &ir::Policy) -> Result<Self, VerifyError> {
        Self::with_options(policy, Options::default())
    }

    /// [`Evaluator::new`] with other options than the default ones.
    ///
    /// # Errors
    /// As [`Evaluator::new`].
    pub fn with_options(policy: &ir::Policy, options: Options) -> Result<Self, VerifyError> {
        ir::verify(policy)?;
        Ok(Self {
            code: code::lower(policy),
            options,
        })
    }

    /// The names of the entry points, in order.
    #[must_use]
    pub fn entry_points(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.code.plans.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Evaluates one entry point and returns its result set, sorted, without duplicates: for plans of `opa build -t plan -e`
    /// one object `{"result": VALUE}`, or nothing when the entry point is undefined.
    ///
    /// # Errors
    /// See [`EvalError`].
    pub fn evaluate(
        &self,
        entry_point: &str,
        input: Option<&Value>,
        data: &Value,
        context: &Context<'_>,
        limits: &Limits<'_>,
        tracer: &mut dyn Tracer,
    ) -> Result<Vec<Value>, EvalError> {
        let mut session = Session::new(*context, Budget::new(*limits));
        self.evaluate_in(&mut session, entry_point, input, data, tracer)
    }

    /// As [`Evaluator::evaluate`], with the context and the budget of a session that goes on afterwards.
    pub(crate) fn evaluate_in(
        &self,
        session: &mut Session<'_>,
        entry_point: &str,
        input: Option<&Value>,
        data: &Value,
        tracer: &mut dyn Tracer,
    ) -> Result<Vec<Value>, EvalError> {
        let Some(plan) = self.code.plans.get(entry_point) else {
            return Err(EvalError::UnknownEntryPoint(entry_point.to_owned()));
        };
        let mut machine = machine::Machine {
            code: &self.code,
            session,
            strict: self.options.strict_builtin_errors,
            statements: tracer.wants_statements(),
            tracer,
            memo: vec![HashMap::new()],
            results: BTreeSet::new(),
            depth: 0,
            calls: 0,
            returned: None,
        };
        machine.plan(plan, input, data)?;
        Ok(machine.results.into_iter().collect())
    }
}
