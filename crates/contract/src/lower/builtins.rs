//! Builtin functions: which runtime routine computes each, and those that need their literals at build time.

use super::func::FuncCx;
use super::known::Folded;
use super::routines::ROUTINES;
use super::{call, op};
use crate::abi::ContractError;
use crate::error::Reason;
use crate::lir::{Expr, Stmt};
use crate::op::Op;
use alloy_primitives::U256;
use stele_rego::ir::{Local, Location, Operand};

/// Builtins whose result depends on more than their arguments.
const IMPURE: &[&str] = &[
    "http.send",
    "net.lookup_ip_addr",
    "opa.runtime",
    "rand.intn",
    "rego.parse_module",
    "trace",
    "uuid.rfc4122",
];

/// Builtins that fail without an error, even where those are strict.
const NO_ERRORS: &[&str] = &["json.patch"];

impl FuncCx<'_, '_> {
    /// Takes a builtin's result: 0 means that it failed.
    pub(super) fn builtin_result(
        &mut self,
        func: &str,
        value: Expr,
        result: Local,
        at: Location,
        out: &mut Vec<Stmt>,
    ) {
        if !self.cx.options.strict_builtin_errors || NO_ERRORS.contains(&func) {
            self.assign_if_defined(result, value, at, out);
            return;
        }
        let temp = self.temp();
        out.push(Stmt::Set(temp, value));
        let fail = builtin_error(func);
        out.push(Stmt::If(
            op(Op::Iszero, vec![Expr::Var(temp)]),
            vec![fail],
            Vec::new(),
        ));
        self.assign(result, Expr::Var(temp), out);
    }
    /// Lowers a call of a builtin.
    pub(super) fn builtin(
        &mut self,
        func: &str,
        args: &[Operand],
        result: Local,
        at: Location,
        out: &mut Vec<Stmt>,
    ) {
        let folded = self.fold(func, args);
        let value = match &folded {
            Some(Folded::Value(value)) => self.cx.value(value).map(|word| (value.clone(), word)),
            _ => None,
        };
        match (value, folded) {
            (Some((value, word)), _) => {
                self.assign(result, word, out);
                return self.track_call(result, Some(value));
            }
            (None, Some(Folded::Failed)) if self.cx.options.strict_builtin_errors => {
                out.push(builtin_error(func));
                self.defined.insert(result);
            }
            (None, Some(Folded::Undefined | Folded::Failed)) => self.never(at, out, result),
            _ => {
                self.require_operands(args, result, at, out);
                self.computed(func, args, result, at, out);
            }
        }
        self.track_call(result, None);
    }

    /// Lowers a call that the contract computes.
    fn computed(&mut self, func: &str, args: &[Operand], result: Local, at: Location, out: &mut Vec<Stmt>) {
        if let Some((_, routine, arity)) = ROUTINES.iter().find(|(name, ..)| *name == func) {
            if args.len() != *arity {
                let reason = Reason::InvalidPlan(format!("{} arguments instead of {arity}", args.len()));
                self.refuse(at, func, reason);
                return;
            }
            let words: Vec<Expr> = args.iter().map(|a| self.operand(*a, at, out)).collect();
            self.builtin_result(func, call(routine, words), result, at, out);
            return;
        }
        if self.special(func, args, result, at, out) {
            return;
        }
        let reason = if IMPURE.contains(&func) {
            Reason::Impure
        } else {
            Reason::Unsupported
        };
        self.refuse(at, func, reason);
    }
}

/// The statement that reverts because a builtin failed.
fn builtin_error(func: &str) -> Stmt {
    let mut name = [0_u8; 32];
    for (to, from) in name.iter_mut().zip(func.bytes()) {
        *to = from;
    }
    let selector = Expr::Const(ContractError::BuiltinError.word());
    Stmt::Do(call(
        "fail_with",
        vec![selector, Expr::Const(U256::from_be_bytes(name))],
    ))
}
