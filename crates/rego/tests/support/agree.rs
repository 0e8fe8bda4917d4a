//! Questions that both engines must answer alike.

use stele_rego::eval::Limits;
use stele_rego::vm::{Data, Input, Request, VmError, Worker};
use stele_types::{Value, json};

use crate::both::{Answer, Both};

impl Both {
    /// The VM's answer, whose texts and bytes must be those of its value.
    pub(crate) fn vm(
        &self,
        worker: &mut Worker,
        data: &Data,
        entry_point: &str,
        input: Input<'_>,
        strict: bool,
        limits: Limits<'_>,
    ) -> Answer {
        let request = Request {
            context: Self::context(),
            limits,
            strict_builtin_errors: strict,
            ..Request::new(entry_point, input)
        };
        match worker.evaluate(&self.program, data, &request) {
            Ok(outcome) => {
                let results = outcome.results();
                let result = results.first().and_then(|first| first.get("result"));
                assert_eq!(outcome.to_value().as_ref(), result);
                assert_eq!(outcome.is_defined(), result.is_some());
                assert_eq!(outcome.to_json(), result.map(json::to_vec).unwrap_or_default());
                let mut bytes = Vec::new();
                outcome.encode(&mut bytes).unwrap();
                assert_eq!(bytes, stele_types::encoding::encode_optional(result).unwrap());
                Ok(results)
            }
            Err(VmError::Eval(error)) => Err(*error),
            Err(other) => panic!("{other}"),
        }
    }

    /// The answer of both, which must be one; the input goes to the VM as a value and, if it is JSON, as text too.
    pub(crate) fn agree(
        &self,
        worker: &mut Worker,
        entry_point: &str,
        input: Option<&Value>,
        data: &Value,
        strict: bool,
    ) -> Answer {
        let wanted = self.evaluator(entry_point, input, data, strict, &Limits::default());
        let prepared = self.program.data(data).unwrap();
        let mut ask = |input| self.vm(worker, &prepared, entry_point, input, strict, Limits::default());
        let told = || {
            let input = input.map_or_else(|| "undefined".to_owned(), json::to_string);
            format!(
                "{entry_point} of input {input} and data {}",
                json::to_string(data)
            )
        };
        assert_eq!(
            ask(input.map_or(Input::Undefined, Input::Value)),
            wanted,
            "{}",
            told()
        );
        if let Some(value) = input.filter(|value| value.is_json()) {
            assert_eq!(
                ask(Input::Json(&json::to_vec(value))),
                wanted,
                "as JSON: {}",
                told()
            );
        }
        wanted
    }
}
