//! Builtin functions: which runtime routine computes each, and those that need their literals at build time.

use super::func::FuncCx;
use super::{call, op};
use crate::abi::ContractError;
use crate::error::Reason;
use crate::lir::{Expr, Stmt};
use crate::op::Op;
use alloy_primitives::U256;
use stele_rego::ir::{Local, Location, Operand};

/// Builtins that a routine of the runtime library computes: name, routine, number of arguments. The routine takes defined
/// values of any type and yields 0 where OPA's builtin is undefined or has an error.
const ROUTINES: &[(&str, &str, usize)] = &[
    ("equal", "b_equal", 2),
    ("neq", "b_neq", 2),
    ("lt", "b_lt", 2),
    ("lte", "b_lte", 2),
    ("gt", "b_gt", 2),
    ("gte", "b_gte", 2),
    ("count", "count", 1),
    ("internal.member_2", "b_member", 2),
    ("internal.member_3", "b_member_key", 3),
];

/// Builtins whose result depends on more than their arguments.
const IMPURE: &[&str] = &[
    "http.send",
    "io.jwt.encode_sign",
    "io.jwt.encode_sign_raw",
    "net.lookup_ip_addr",
    "opa.runtime",
    "rand.intn",
    "rego.parse_module",
    "time.now_ns",
    "trace",
    "uuid.rfc4122",
];

impl FuncCx<'_, '_> {
    /// Takes a builtin's result: 0 means that it failed.
    fn builtin_result(&mut self, func: &str, value: Expr, result: Local, at: Location, out: &mut Vec<Stmt>) {
        if !self.cx.options.strict_builtin_errors {
            self.assign_if_defined(result, value, at, out);
            return;
        }
        let temp = self.temp();
        out.push(Stmt::Set(temp, value));
        let mut name = [0_u8; 32];
        for (to, from) in name.iter_mut().zip(func.bytes()) {
            *to = from;
        }
        let selector = Expr::Const(ContractError::BuiltinError.word());
        let fail = Stmt::Do(call(
            "fail_with",
            vec![selector, Expr::Const(U256::from_be_bytes(name))],
        ));
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
        let reason = if IMPURE.contains(&func) {
            Reason::Impure
        } else {
            Reason::Unsupported
        };
        self.refuse(at, func, reason);
    }
}
