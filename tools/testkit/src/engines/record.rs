//! What the tests of a policy ask.

use std::collections::BTreeSet;

use stele_rego::eval::trace::{Statement, Tracer};
use stele_rego::eval::{EvalError, Evaluator, Limits};
use stele_rego::ir::{DATA, Policy};
use stele_types::Value;

use super::evaluator::CONTEXT;

/// Evaluates the plan's entry points, which are tests, and returns each input that they give by `with input as`.
///
/// # Errors
/// When the plan or a test can't be evaluated.
pub fn inputs_of_tests(plan: &Policy, data: &Value) -> Result<BTreeSet<Value>, RecordError> {
    let evaluator = Evaluator::new(plan)?;
    let mut inputs = Inputs::default();
    for test in evaluator.entry_points() {
        let limits = Limits::default();
        evaluator.evaluate(test, None, data, &CONTEXT, &limits, &mut inputs)?;
    }
    Ok(inputs.0)
}

/// Why the inputs of tests can't be had.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The plan is not well formed.
    #[error(transparent)]
    Plan(#[from] stele_rego::ir::VerifyError),
    /// A test failed to evaluate.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

#[derive(Default)]
struct Inputs(BTreeSet<Value>);

impl Tracer for Inputs {
    /// A `with` reads its value and then the document it replaces (if there is one), which is `data` or the input.
    fn statement(&mut self, statement: &Statement<'_>) {
        if statement.name != "WithStmt" {
            return;
        }
        match statement.reads {
            [.., (replaced, _)] if *replaced == DATA.0 => {}
            [(_, value), ..] => drop(self.0.insert(value.clone())),
            [] => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Module, Policy};
    use super::*;
    use stele_types::EntryPoint;

    #[test]
    fn inputs_are_recorded_wherever_they_are_given() {
        let text = "package a\n\nf(x) := y if y := b with input as [x]\n\nb := count(input)\n\ntest_a if {\n\tdoc := {\"x\": 1}\n\t\
                    b == 1 with input as doc\n\tsome n in [1, 2]\n\tf(n) == 3 with data.q as [9]\n}\n";
        let module = Module {
            name: "a.rego".to_owned(),
            text: text.to_owned(),
        };
        let policy = Policy::new(
            vec![module],
            vec![EntryPoint::new("a/test_a").unwrap()],
            Value::object([]),
        );
        let inputs = inputs_of_tests(policy.plan().unwrap(), policy.data()).unwrap();
        let want = [
            Value::object([("x".into(), 1.into())]),
            Value::array([1.into()]),
            Value::array([2.into()]),
        ];
        assert_eq!(inputs, BTreeSet::from(want));
    }
}
