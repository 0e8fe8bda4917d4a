//! Contracts: the plan as EVM code, run by revm.

use std::collections::HashMap;

use stele_contract::abi::ContractError;
use stele_contract::{Options, Reason, Refusal, ResultForm};
use stele_types::{EntryPoint, Value, encoding};

use super::evaluator;
use super::{Case, Engine, ErrorKind, Errors, Loaded, Mode, Outcome, Policy, Values};
use crate::evm::{Called, Deployed, call_data};

/// Gas of one call: a block of some chains, and a thousand times what a decision should take.
const GAS: u64 = 500_000_000;

/// The longest code whose jump targets fit two bytes. No chain takes it, but tests may.
const MAX_CODE: usize = 65_000;

/// Compiles the plan to a contract and calls that.
#[derive(Debug)]
pub struct ContractEngine {
    name: &'static str,
    form: ResultForm,
    max_code_size: usize,
    loaded: Loaded<Contracts>,
}

/// A contract for each entry point, compiled when it is asked for, and the encoded data.
#[derive(Debug)]
struct Contracts {
    data: Vec<u8>,
    contracts: HashMap<EntryPoint, Result<Deployed, Outcome>>,
}

impl ContractEngine {
    /// Contracts of any size, whose results have their sets.
    #[must_use]
    pub fn exact() -> Self {
        Self {
            name: "evm",
            form: ResultForm::ResultSet,
            max_code_size: MAX_CODE,
            loaded: Loaded::default(),
        }
    }

    /// Contracts as they are deployed: of at most 24,576 bytes, with JSON for their results.
    #[must_use]
    pub fn deployed() -> Self {
        let Options {
            result,
            max_code_size,
            ..
        } = Options::default();
        Self {
            name: "evm as deployed",
            form: result,
            max_code_size,
            loaded: Loaded::default(),
        }
    }

    fn options(&self, entry_point: &EntryPoint, data: &Value) -> Options {
        Options {
            // As a policy's data are known when its contract is deployed.
            data: (self.form == ResultForm::Unwrapped).then(|| data.clone()),
            result: self.form,
            max_code_size: self.max_code_size,
            entry_points: Some(vec![entry_point.as_str().to_owned()]),
            ..Options::default()
        }
    }
}

impl Engine for ContractEngine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn mode(&self) -> Mode {
        Mode {
            values: match self.form {
                ResultForm::ResultSet => Values::Exact,
                ResultForm::Unwrapped => Values::Json,
            },
            errors: Errors::Kind,
        }
    }

    fn evaluate(&mut self, case: &Case) -> Outcome {
        let options = self.options(&case.entry_point, case.policy.data());
        let contracts = self.loaded.get(&case.policy, |policy| {
            Ok(Contracts {
                data: encode(policy.data())?,
                contracts: HashMap::new(),
            })
        });
        let Contracts { data, contracts } = match contracts {
            Ok(contracts) => contracts,
            Err(outcome) => return outcome,
        };
        let compiled = contracts
            .entry(case.entry_point.clone())
            .or_insert_with(|| compile(&case.policy, &options));
        let input = case.input.as_ref().map_or(Ok(Vec::new()), encode);
        match (compiled, input) {
            (Ok(contract), Ok(input)) => {
                let call = call_data(case.entry_point.as_str(), &input, data, &[]);
                outcome(contract.call(call, GAS), self.form)
            }
            (Err(outcome), _) => outcome.clone(),
            (_, Err(outcome)) => outcome,
        }
    }
}

fn compile(policy: &Policy, options: &Options) -> Result<Deployed, Outcome> {
    match stele_contract::compile(policy.plan()?, options) {
        Ok(contract) => Ok(Deployed::new(&contract.runtime)),
        Err(refusals) => Err(refused(&refusals)),
    }
}

/// A defect of the compiler is no refusal.
fn refused(refusals: &[Refusal]) -> Outcome {
    let defect = |refusal: &&Refusal| matches!(refusal.reason, Reason::Internal(_) | Reason::InvalidPlan(_));
    match (refusals.iter().find(defect), refusals.first()) {
        (Some(defect), _) => Outcome::Error(ErrorKind::Other, defect.to_string()),
        (None, Some(first)) => Outcome::Refused(match &first.reason {
            Reason::CodeSize { limit, .. } => format!("more than {limit} bytes of code"),
            Reason::PatternTooBig { .. } => "the pattern's automaton is too big".to_owned(),
            Reason::BadPattern(_) => "bad pattern".to_owned(),
            other => format!("{}: {other}", first.construct),
        }),
        (None, None) => Outcome::Error(ErrorKind::Other, "refused without a reason".to_owned()),
    }
}

/// The bytes of an input or a data document; numbers and depths that contracts don't have are refused here.
fn encode(value: &Value) -> Result<Vec<u8>, Outcome> {
    encoding::encode_contract(value).map_err(|error| {
        Outcome::Refused(match error {
            encoding::EncodeError::WideNumber { .. } => "a number of the input has no exact form".to_owned(),
            other => other.to_string(),
        })
    })
}

fn outcome(called: Called, form: ResultForm) -> Outcome {
    let (error, data) = match called {
        Called::Returned(bytes, _) => return value(&bytes, form),
        Called::OutOfGas => return Outcome::Refused("out of gas".to_owned()),
        Called::Broken(text) => return Outcome::Error(ErrorKind::Other, text),
        Called::Reverted(error, data) => (error, data),
    };
    // The name of a builtin, if the error has one.
    let argument = String::from_utf8_lossy(&data);
    let argument = argument.trim_end_matches('\0');
    match error {
        ContractError::Conflict => Outcome::Error(ErrorKind::Conflict, error.signature().to_owned()),
        ContractError::BuiltinError => Outcome::Error(ErrorKind::Builtin, argument.to_owned()),
        ContractError::Unsupported => Outcome::Refused(format!("{argument} of such arguments")),
        ContractError::DepthExceeded | ContractError::NumberOverflow | ContractError::InexactNumber => {
            Outcome::Refused(error.signature().to_owned())
        }
        other => Outcome::Error(ErrorKind::Other, other.signature().to_owned()),
    }
}

fn value(bytes: &[u8], form: ResultForm) -> Outcome {
    if bytes.is_empty() && form == ResultForm::Unwrapped {
        return Outcome::Undefined;
    }
    match (encoding::decode(bytes, &encoding::Limits::default()), form) {
        (Ok(value), ResultForm::Unwrapped) => Outcome::Value(value),
        (Ok(Value::Array(results)), ResultForm::ResultSet) => evaluator::outcome(&results),
        (Ok(other), ResultForm::ResultSet) => {
            Outcome::Error(ErrorKind::Other, format!("{other} is no result set"))
        }
        (Err(error), _) => Outcome::Error(ErrorKind::Other, error.to_string()),
    }
}
