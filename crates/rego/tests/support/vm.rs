//! The VM beside the evaluator: both must answer alike.

use stele_rego::eval::{Context, EvalError, Limits};
use stele_rego::ir::Policy;
use stele_rego::vm::{Input, Program, Request, VmError, Worker};
use stele_types::Value;

/// Runs an entry point on the VM, once with the input as a value and once, if it is JSON, as text.
pub(crate) fn run(
    policy: &Policy,
    entry_point: &str,
    input: Option<&Value>,
    data: &Value,
    context: &Context<'_>,
    strict: bool,
) -> Result<Vec<Value>, EvalError> {
    let program = Program::new(policy).expect("a program");
    let data = program.data(data).expect("a document");
    let mut worker = Worker::default();
    let mut ask = |input| {
        let request = Request {
            context: *context,
            limits: Limits::default(),
            strict_builtin_errors: strict,
            ..Request::new(entry_point, input)
        };
        match worker.evaluate(&program, &data, &request) {
            Ok(outcome) => {
                let results = outcome.results();
                let result = results.first().and_then(|first| first.get("result"));
                let (mut canonical, mut json) = (Vec::new(), Vec::new());
                outcome.encode(&mut canonical).expect("encodes");
                outcome.write_json(&mut json);
                assert_eq!(
                    canonical,
                    stele_types::encoding::encode_optional(result).expect("encodes")
                );
                assert_eq!(json, result.map(stele_types::json::to_vec).unwrap_or_default());
                Ok(results)
            }
            Err(VmError::Eval(error)) => Err(*error),
            Err(other) => panic!("{other}"),
        }
    };
    let answer = ask(input.map_or(Input::Undefined, Input::Value));
    if let Some(json) = input.filter(|input| input.is_json()) {
        assert_eq!(ask(Input::Json(&stele_types::json::to_vec(json))), answer);
    }
    answer
}

/// Why the two answers differ, if they do.
pub(crate) fn difference(
    evaluator: &Result<Vec<Value>, EvalError>,
    vm: &Result<Vec<Value>, EvalError>,
) -> Option<String> {
    (evaluator != vm).then(|| format!("the evaluator answers {evaluator:?}, the VM {vm:?}"))
}
