//! Our virtual machine on a program that tells how its evaluation goes.

use stele_rego::trace::{Map, Node, Op, Recorder, Trace};
use stele_rego::vm::{Data, Input, Program, Request, VmError, Worker};

use super::evaluator::{self, LIMITS};
use super::{Case, Engine, ErrorKind, Errors, Loaded, Mode, Outcome, Values};

/// How many events are kept.
const MAX_EVENTS: usize = 20_000;

/// Runs the policy compiled with points, and checks that what the recorder makes of them fits the answer.
#[derive(Debug, Default)]
pub struct TracedEngine {
    loaded: Loaded<(Program, Data, Map)>,
    worker: Worker,
}

impl Engine for TracedEngine {
    fn name(&self) -> &'static str {
        "vm traced"
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
            let (plan, map) = policy.traced().map_err(broken)?;
            let program = Program::new(&plan).map_err(|error| broken(error.to_string()))?;
            let data = program
                .data(policy.data())
                .map_err(|error| broken(error.to_string()))?;
            Ok((program, data, map))
        });
        let (program, data, map) = match loaded {
            Ok(loaded) => loaded,
            Err(outcome) => return outcome,
        };
        let request = Request {
            limits: LIMITS,
            ..Request::new(
                case.entry_point.as_str(),
                case.input.as_ref().map_or(Input::Undefined, Input::Value),
            )
        };
        let mut recorder = Recorder::new(map, MAX_EVENTS);
        let answer = match self
            .worker
            .evaluate_probed(program, data, &request, &mut recorder)
        {
            Ok(answer) => evaluator::outcome(&answer.results()),
            Err(VmError::Eval(error)) => return evaluator::failure(&error),
            Err(VmError::Input(_)) => return Outcome::Refused("input".to_owned()),
            Err(error) => return Outcome::Error(ErrorKind::Other, error.to_string()),
        };
        match contradiction(&recorder.finish(), &answer) {
            Some(what) => {
                let message = format!("the trace contradicts the answer {answer:?}: {what}");
                Outcome::Error(ErrorKind::Other, message)
            }
            None => answer,
        }
    }
}

/// What of a trace can't be true.
fn contradiction(trace: &Trace, answer: &Outcome) -> Option<String> {
    if trace.dropped > 0 {
        return None;
    }
    let held = trace
        .events
        .iter()
        .any(|event| event.op == Op::Exit && event.query_id == 0);
    if held != matches!(answer, Outcome::Value(_)) {
        return Some(format!(
            "the query {}",
            if held { "held" } else { "did not hold" }
        ));
    }
    // Each evaluation of a body: is it open, and which of its expressions are.
    let mut open: std::collections::HashMap<u64, Vec<u32>> = std::collections::HashMap::new();
    for event in &trace.events {
        let found = open.get_mut(&event.query_id);
        match (event.op, event.node, found) {
            (Op::Enter, Node::Body(_), None) => {
                open.insert(event.query_id, Vec::new());
            }
            (Op::Eval, Node::Expression(expression), Some(running)) => running.push(expression),
            (Op::Fail, Node::Expression(expression), Some(running)) => {
                if running.pop() != Some(expression) {
                    return Some(format!("an expression failed that was not the last: {event:?}"));
                }
            }
            (Op::Redo, Node::Expression(expression), Some(running)) => {
                let place = running.iter().rposition(|other| *other == expression);
                match place {
                    Some(place) => running.truncate(place.saturating_add(1)),
                    None => {
                        return Some(format!(
                            "an expression was tried again that had not begun: {event:?}"
                        ));
                    }
                }
            }
            (Op::Exit | Op::Note | Op::Redo, _, Some(_)) => {}
            _ => return Some(format!("out of place: {event:?}")),
        }
    }
    None
}
