//! Our compiler and our reference evaluator.

use stele_rego::builtins::BuiltinError;
use stele_rego::eval::{Context, EvalError, Evaluator, Limits, NoTrace};
use stele_types::{Timestamp, Value};

use super::{Case, Engine, ErrorKind, Errors, Loaded, Mode, Outcome, Values};

/// Bounds of one evaluation, for the VM too: enough for any policy and input that tests make, and not long to reach.
pub(super) const LIMITS: Limits<'static> = Limits {
    instructions: 2_000_000,
    depth: 512,
    memory: 64 << 20,
    deadline: None,
};

/// The epoch is the time, for all engines.
pub(super) const CONTEXT: Context<'static> = Context::at(Timestamp::from_nanos(0));

/// Compiles to the intermediate representation and evaluates that.
#[derive(Debug, Default)]
pub struct EvaluatorEngine {
    loaded: Loaded<Evaluator>,
}

impl Engine for EvaluatorEngine {
    fn name(&self) -> &'static str {
        "evaluator"
    }

    fn mode(&self) -> Mode {
        Mode {
            values: Values::Exact,
            errors: Errors::Text,
        }
    }

    fn evaluate(&mut self, case: &Case) -> Outcome {
        let evaluator = self.loaded.get(&case.policy, |policy| {
            Evaluator::new(policy.plan()?)
                .map_err(|error| Outcome::Error(ErrorKind::Policy, error.to_string()))
        });
        let evaluator = match evaluator {
            Ok(evaluator) => evaluator,
            Err(outcome) => return outcome,
        };
        let results = evaluator.evaluate(
            case.entry_point.as_str(),
            case.input.as_ref(),
            case.policy.data(),
            &CONTEXT,
            &LIMITS,
            &mut NoTrace,
        );
        match results {
            Ok(results) => outcome(&results),
            Err(error) => failure(&error),
        }
    }
}

/// The value under `result` of the only result.
pub(crate) fn outcome(results: &[Value]) -> Outcome {
    match results {
        [] => Outcome::Undefined,
        [result] => match result.get("result") {
            Some(value) => Outcome::Value(value.clone()),
            None => Outcome::Error(ErrorKind::Other, format!("no value under `result` in {result}")),
        },
        more => Outcome::Error(ErrorKind::Other, format!("{} results", more.len())),
    }
}

/// What an error of the evaluator or the VM means. They count memory and work differently, so limits are refusals.
pub(crate) fn failure(error: &EvalError) -> Outcome {
    let kind = match error {
        EvalError::Refused { name, .. } => return Outcome::Refused(format!("builtin {name}")),
        EvalError::Limit { limit, .. }
        | EvalError::Builtin {
            error: BuiltinError::Limit(limit),
            ..
        } => return Outcome::Refused(limit.to_string()),
        EvalError::Conflict { .. } | EvalError::ObjectConflict { .. } => ErrorKind::Conflict,
        EvalError::Builtin { .. } => ErrorKind::Builtin,
        _ => ErrorKind::Other,
    };
    Outcome::Error(kind, error.to_string())
}
