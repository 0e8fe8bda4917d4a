//! The regorus interpreter, an oracle: behind `stele_policy`, which rewrites modules for it and looks twice where it is lenient.

use stele_policy::engine::{Engine as _, EngineError, EvalRequest, Limits};
use stele_policy::{DataPath, RegorusEngine, load};
use stele_types::{Value, json};

use super::{Case, Engine, ErrorKind, Errors, Loaded, Mode, Outcome, Policy, Values};

/// Evaluates with the regorus interpreter.
#[derive(Default)]
pub struct InterpreterEngine {
    loaded: Loaded<RegorusEngine>,
}

impl Engine for InterpreterEngine {
    fn name(&self) -> &'static str {
        "regorus"
    }

    /// Its errors have no kinds that it could be held to.
    fn mode(&self) -> Mode {
        Mode {
            values: Values::Exact,
            errors: Errors::Any,
        }
    }

    /// Decimals are refused on the way in too: regorus writes them otherwise than OPA (D1 and D9 of `docs/opa-divergences.md`).
    fn evaluate(&mut self, case: &Case) -> Outcome {
        if case.input.as_ref().is_some_and(has_fraction) {
            return Outcome::Refused("a number that is not exact".to_owned());
        }
        let engine = match self.loaded.get(&case.policy, load) {
            Ok(engine) => engine,
            Err(outcome) => return outcome,
        };
        let path = DataPath::from(&case.entry_point);
        let request = EvalRequest {
            limits: Limits::unbounded(),
            ..EvalRequest::new(&path, case.input.as_ref())
        };
        match engine.evaluate(&request).map(|outcome| outcome.value) {
            Ok(None) => Outcome::Undefined,
            Ok(Some(value)) if has_fraction(&value) => {
                Outcome::Refused("a number that is not exact".to_owned())
            }
            Ok(Some(value)) => Outcome::Value(value),
            Err(error) => failure(error),
        }
    }
}

fn load(policy: &Policy) -> Result<RegorusEngine, Outcome> {
    let data = ("data.json".to_owned(), json::to_vec(policy.data()));
    let modules = policy
        .modules()
        .iter()
        .map(|module| (module.name.clone(), module.text.clone().into_bytes()));
    let set = load::load_files(modules.chain([data]))
        .map_err(|error| Outcome::Error(ErrorKind::Policy, error.to_string()))?;
    let prepared = set
        .prepare_with_tests()
        .map_err(|_| Outcome::Refused("data that regorus can't hold exactly".to_owned()))?;
    RegorusEngine::new(&prepared).map_err(failure)
}

/// What regorus refuses and OPA does not, by the texts of its errors. The rows are those of `docs/opa-divergences.md`; in each the
/// request fails, so it fails closed.
const REFUSALS: [(&str, &str); 4] = [
    // Its scheduler overlooks uses of variables inside of `every`.
    (" is unsafe", "regorus finds a variable unsafe"),
    ("used before definition", "regorus finds a variable unsafe"),
    // Once D2.
    (
        "`some .. in collection`",
        "`some` or `every` over what is no collection",
    ),
    // Once D7.
    ("unary - can only be used", "minus before what is no literal"),
];

fn failure(error: EngineError) -> Outcome {
    let kind = match &error {
        EngineError::Conflict { .. } => ErrorKind::Conflict,
        EngineError::Builtin { message, .. } | EngineError::Refused { message, .. } => {
            if let Some((_, reason)) = REFUSALS.iter().find(|(text, _)| message.contains(text)) {
                return Outcome::Refused((*reason).to_owned());
            }
            ErrorKind::Builtin
        }
        EngineError::ImpureBuiltin { name, .. }
        | EngineError::NdBuiltin { name, .. }
        | EngineError::UnknownFunction { name, .. } => {
            return Outcome::Refused(format!("builtin {name}"));
        }
        EngineError::TimeLimit { .. }
        | EngineError::InstructionLimit { .. }
        | EngineError::MemoryLimit { .. }
        | EngineError::DepthLimit { .. } => return Outcome::Refused("limit".to_owned()),
        EngineError::Convert(_) => return Outcome::Refused("a number that is not exact".to_owned()),
    };
    Outcome::Error(kind, error.to_string())
}

/// Whether a number in it is not an integer: regorus computes those in floating point.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_integer(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Set(items) => items.iter().any(has_fraction),
        Value::Object(pairs) => pairs
            .iter()
            .any(|(key, value)| has_fraction(key) || has_fraction(value)),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
