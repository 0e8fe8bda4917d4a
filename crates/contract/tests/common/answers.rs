//! Plans on the EVM, by the evaluator and on the virtual machine.
#![allow(unreachable_pub, dead_code, reason = "test module")]

use super::{Outcome, evaluate};
use stele_contract::abi::ContractError;
use stele_contract::{Options, ResultForm, compile};
use stele_rego::eval::{self, Context, Evaluator, Limits, NoTrace};
use stele_rego::ir::Policy;
use stele_rego::vm::{self, Program, Request, Worker};
use stele_types::Value;

/// The answer of a contract and that of the evaluator, which the virtual machine shares; `None` if the contract is refused, or one of
/// the two has no answer.
pub fn answers(policy: &Policy, input: &Value) -> Option<(Value, Value)> {
    let options = Options {
        result: ResultForm::ResultSet,
        ..Options::default()
    };
    let contract = compile(policy, &options).ok()?;
    let evaluator = Evaluator::with_options(policy, eval::Options::default()).unwrap();
    let data = Value::object([]);
    let (context, limits) = (Context::default(), Limits::default());
    let off_chain = evaluator.evaluate("eval", Some(input), &data, &context, &limits, &mut NoTrace);
    let program = Program::new(policy).unwrap();
    let machine = Worker::default()
        .evaluate(
            &program,
            &program.data(&data).unwrap(),
            &Request::new("eval", vm::Input::Value(input)),
        )
        .map(|outcome| outcome.results());
    assert_eq!(off_chain.as_ref().ok(), machine.as_ref().ok());
    let off_chain = off_chain.ok()?;
    match evaluate(&contract, "eval", Some(input), &data) {
        outcome @ Outcome::Returned(..) => Some((outcome.value().unwrap(), Value::array(off_chain))),
        // A format that contracts do not cover.
        Outcome::Reverted(ContractError::BuiltinError | ContractError::Unsupported, _) => None,
        Outcome::Reverted(error, _) => panic!("{error:?}, and off chain {off_chain:?}"),
        Outcome::Halted(why) => panic!("{why}"),
    }
}
