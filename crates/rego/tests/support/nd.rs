//! Evaluations with impure builtins, and their replay.

use stele_rego::eval::{Context, EvalError};
use stele_rego::ir::Policy;
use stele_rego::nd::{Local, NdCache, NdCalls};
use stele_types::{Timestamp, Value};

use super::vm;

/// Runs an entry point with answers to impure builtins from a seed, and again from what the evaluator recorded.
pub(crate) fn run(
    policy: &Policy,
    input: Option<&Value>,
    data: &Value,
    recorded: &NdCache,
    strict: bool,
) -> Result<Vec<Value>, EvalError> {
    let host = local();
    let calls = NdCalls::new(&host);
    let context = context(&calls);
    let answer = vm::run(policy, "eval", input, data, &context, strict);
    let made = calls.into_cache();
    assert_eq!(
        made, *recorded,
        "the engines call the same builtins with the same arguments"
    );
    let replayed = vm::run(
        policy,
        "eval",
        input,
        data,
        &self::context(&NdCalls::new(&made)),
        strict,
    );
    assert_eq!(replayed, answer, "a replay gives the same answer");
    answer
}

/// A host without a world.
pub(crate) fn local() -> Local {
    Local {
        seed: [7; 32],
        runtime: Value::object([]),
    }
}

/// A time, and answers to impure builtins.
pub(crate) fn context<'a>(calls: &'a NdCalls<'a>) -> Context<'a> {
    Context {
        time: Some(Timestamp::from_nanos(1_790_000_000_123_456_789)),
        nd: Some(calls),
    }
}
