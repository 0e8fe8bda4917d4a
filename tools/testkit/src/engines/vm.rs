//! Our virtual machine.

use stele_rego::vm::{Data, Input, Program, Request, VmError, Worker};
use stele_types::{Value, encoding, json};

use super::evaluator::{self, CONTEXT, LIMITS};
use super::{Case, Engine, ErrorKind, Errors, Loaded, Mode, Outcome, Values};

/// Lowers the plan to register code and runs that, on the input as a value and, if it is JSON, as text: both must come to the same.
#[derive(Debug, Default)]
pub struct VmEngine {
    loaded: Loaded<(Program, Data)>,
    worker: Worker,
}

impl Engine for VmEngine {
    fn name(&self) -> &'static str {
        "vm"
    }

    fn mode(&self) -> Mode {
        Mode {
            values: Values::Exact,
            errors: Errors::Text,
        }
    }

    fn evaluate(&mut self, case: &Case) -> Outcome {
        let loaded = self.loaded.get(&case.policy, |policy| {
            let broken = |error: String| Outcome::Error(ErrorKind::Policy, error);
            let program = Program::new(policy.plan()?).map_err(|error| broken(error.to_string()))?;
            let data = program
                .data(policy.data())
                .map_err(|error| broken(error.to_string()))?;
            Ok((program, data))
        });
        let (program, data) = match loaded {
            Ok(loaded) => loaded,
            Err(outcome) => return outcome,
        };
        let entry_point = case.entry_point.as_str();
        let mut run = |input| run(&mut self.worker, program, data, entry_point, input);
        let outcome = run(case.input.as_ref().map_or(Input::Undefined, Input::Value));
        let Some(input) = case.input.as_ref().filter(|input| input.is_json()) else {
            return outcome;
        };
        match run(Input::Json(&json::to_vec(input))) {
            again if again == outcome => outcome,
            again => differs("input as text", &outcome, &again),
        }
    }
}

/// One evaluation. The canonical bytes and the JSON that the VM writes must be those of the value it gives.
fn run(worker: &mut Worker, program: &Program, data: &Data, entry_point: &str, input: Input<'_>) -> Outcome {
    let request = Request {
        context: CONTEXT,
        limits: LIMITS,
        ..Request::new(entry_point, input)
    };
    let answer = match worker.evaluate(program, data, &request) {
        Ok(answer) => answer,
        Err(VmError::Eval(error)) => return evaluator::failure(&error),
        Err(VmError::Input(_)) => return Outcome::Refused("input".to_owned()),
        Err(error) => return Outcome::Error(ErrorKind::Other, error.to_string()),
    };
    let outcome = evaluator::outcome(&answer.results());
    let value: Option<&Value> = match &outcome {
        Outcome::Value(value) => Some(value),
        _ => None,
    };
    let mut written = Vec::new();
    match (answer.encode(&mut written), encoding::encode_optional(value)) {
        (Ok(()), Ok(want)) if want == written => {}
        (Err(_), Err(_)) => {}
        (ours, want) => return differs("canonical bytes", &(ours, written), &want),
    }
    let (json, want) = (answer.to_json(), value.map(json::to_vec).unwrap_or_default());
    if json == want {
        outcome
    } else {
        differs("JSON", &json, &want)
    }
}

fn differs(what: &str, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug) -> Outcome {
    Outcome::Error(
        ErrorKind::Other,
        format!("the VM contradicts itself, {what}: {one:?} and {other:?}"),
    )
}
