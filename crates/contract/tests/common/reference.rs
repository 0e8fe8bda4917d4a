//! Builtins in contracts against the evaluator's own functions.
#![allow(unreachable_pub, reason = "test module")]

use super::{Outcome, evaluate, plan};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use stele_contract::abi::ContractError;
use stele_contract::{Contract, Options, ResultForm, compile};
use stele_rego::builtins::{self, Body, BuiltinError, Session};
use stele_rego::eval::{Budget, Context, Limits};
use stele_types::Value;

/// The builtin applied to `input`, an array of its arguments.
pub fn contract(name: &str, arity: usize) -> Rc<Contract> {
    of(name, &vec![None; arity])
}

/// The same with some literal arguments.
pub fn of(name: &str, literals: &[Option<&str>]) -> Rc<Contract> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Rc<Contract>>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        Rc::clone(known.entry(format!("{name} {literals:?}")).or_insert_with(|| {
            let options = Options {
                result: ResultForm::ResultSet,
                ..Options::default()
            };
            let policy = plan::partly_literal(name, literals);
            Rc::new(compile(&policy, &options).unwrap_or_else(|refusals| panic!("{refusals:?}")))
        }))
    })
}

/// What the contract gives: `Ok(None)` is undefined.
pub fn on_chain(contract: &Contract, args: &[Value]) -> Result<Option<Value>, ContractError> {
    let input = Value::array(args.iter().cloned());
    match evaluate(contract, "eval", Some(&input), &Value::object([])) {
        Outcome::Reverted(error, _) => Err(error),
        outcome => {
            let results = outcome.value().expect("result set");
            let first = results.as_array().unwrap().first().cloned();
            Ok(first.map(|r| r.get("result").unwrap().clone()))
        }
    }
}

/// What the evaluator gives; errors are undefined.
pub fn off_chain(name: &str, args: &[Value]) -> Option<Value> {
    let Body::Function(function) = builtins::find(name).expect("a builtin").body else {
        panic!("{name} is refused");
    };
    let mut session = Session::new(Context::default(), Budget::new(Limits::default()));
    match function(&mut session, args) {
        Ok(value) => Some(value),
        Err(error @ (BuiltinError::Limit(_) | BuiltinError::Refused(_))) => panic!("{name}: {error}"),
        Err(_) => None,
    }
}

/// Both give the same; `Err` says what each gave.
pub fn same(name: &str, args: &[Value]) -> Result<(), String> {
    let (got, want) = (on_chain(&contract(name, args.len()), args), off_chain(name, args));
    if got.as_ref() == Ok(&want) {
        Ok(())
    } else {
        Err(format!("{name}({args:?}): contract {got:?}, evaluator {want:?}"))
    }
}

/// Both give the same, where the argument at `literal` is one.
pub fn same_with_literal(name: &str, args: &[Value], literal: usize) -> Result<(), String> {
    let literals: Vec<Option<&str>> = args
        .iter()
        .enumerate()
        .map(|(i, arg)| arg.as_str().filter(|_| i == literal))
        .collect();
    let (got, want) = (on_chain(&of(name, &literals), args), off_chain(name, args));
    if got.as_ref() == Ok(&want) {
        Ok(())
    } else {
        Err(format!("{name}({args:?}): contract {got:?}, evaluator {want:?}"))
    }
}

/// Both give the same, or the contract says that it does not cover the arguments.
pub fn same_or_refused(name: &str, args: &[Value]) -> Result<(), String> {
    match on_chain(&contract(name, args.len()), args) {
        Err(ContractError::Unsupported) => Ok(()),
        _ => same(name, args),
    }
}
