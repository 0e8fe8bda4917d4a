//! Builtin functions: which runtime routine computes each, and those that need their literals at build time.

use super::func::FuncCx;
use super::known::Folded;
use super::{call, constant, op};
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
    ("plus", "b_plus", 2),
    ("minus", "b_minus", 2),
    ("mul", "b_mul", 2),
    ("div", "b_div", 2),
    ("rem", "b_rem", 2),
    ("abs", "b_abs", 1),
    ("floor", "b_floor", 1),
    ("ceil", "b_ceil", 1),
    ("round", "b_round", 1),
    ("numbers.range", "b_range", 2),
    ("numbers.range_step", "b_range_step", 3),
    ("bits.and", "b_bits_and", 2),
    ("bits.or", "b_bits_or", 2),
    ("bits.xor", "b_bits_xor", 2),
    ("bits.negate", "b_bits_negate", 1),
    ("bits.lsh", "b_bits_lsh", 2),
    ("bits.rsh", "b_bits_rsh", 2),
    ("sum", "b_sum", 1),
    ("product", "b_product", 1),
    ("max", "b_max", 1),
    ("min", "b_min", 1),
    ("sort", "b_sort", 1),
    ("any", "b_any", 1),
    ("all", "b_all", 1),
    ("is_null", "b_is_null", 1),
    ("is_boolean", "b_is_boolean", 1),
    ("is_number", "b_is_number", 1),
    ("is_string", "b_is_string", 1),
    ("is_array", "b_is_array", 1),
    ("is_object", "b_is_object", 1),
    ("is_set", "b_is_set", 1),
    ("type_name", "b_type_name", 1),
    ("and", "b_and", 2),
    ("or", "b_or", 2),
    ("union", "b_union", 1),
    ("intersection", "b_intersection", 1),
    ("array.concat", "b_array_concat", 2),
    ("array.slice", "b_array_slice", 3),
    ("array.reverse", "b_array_reverse", 1),
    ("array.flatten", "b_array_flatten", 1),
    ("object.get", "b_object_get", 3),
    ("object.keys", "b_object_keys", 1),
    ("object.union", "b_object_union", 2),
    ("object.union_n", "b_object_union_n", 1),
    ("object.remove", "b_object_remove", 2),
    ("object.filter", "b_object_filter", 2),
    ("object.subset", "b_object_subset", 2),
    ("contains", "b_contains", 2),
    ("startswith", "b_startswith", 2),
    ("endswith", "b_endswith", 2),
    ("indexof", "b_indexof", 2),
    ("indexof_n", "b_indexof_n", 2),
    ("concat", "b_concat", 2),
    ("split", "b_split", 2),
    ("replace", "b_replace", 3),
    ("trim", "b_trim", 2),
    ("trim_left", "b_trim_left", 2),
    ("trim_right", "b_trim_right", 2),
    ("trim_prefix", "b_trim_prefix", 2),
    ("trim_suffix", "b_trim_suffix", 2),
    ("lower", "b_lower", 1),
    ("upper", "b_upper", 1),
    ("substring", "b_substring", 3),
    ("strings.reverse", "b_reverse", 1),
    ("strings.count", "b_strings_count", 2),
    ("strings.any_prefix_match", "b_any_prefix", 2),
    ("strings.any_suffix_match", "b_any_suffix", 2),
    ("to_number", "b_to_number", 1),
    ("internal.template_string", "b_template", 1),
    ("format_int", "b_format_int", 2),
    ("json.unmarshal", "b_json_unmarshal", 1),
    ("json.is_valid", "b_json_is_valid", 1),
    ("json.marshal", "b_json_marshal", 1),
    ("json.filter", "b_json_filter", 2),
    ("json.remove", "b_json_remove", 2),
    ("walk", "b_walk", 1),
    ("graph.reachable", "b_reachable", 2),
    ("units.parse", "b_units", 1),
    ("units.parse_bytes", "b_units_bytes", 1),
    ("net.cidr_contains", "b_cidr_contains", 2),
    ("net.cidr_intersects", "b_cidr_intersects", 2),
    ("net.cidr_is_valid", "b_cidr_is_valid", 1),
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
    "trace",
    "uuid.rfc4122",
];

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
        if !self.cx.options.strict_builtin_errors {
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
            (None, Some(failure @ (Folded::Undefined | Folded::Failed))) => {
                let strict = self.cx.options.strict_builtin_errors && matches!(failure, Folded::Failed);
                let stop = if strict {
                    vec![builtin_error(func)]
                } else {
                    self.leave(0, at)
                };
                // What follows is never reached; an `If` keeps the rest of the block in form.
                out.push(Stmt::If(constant(1), stop, Vec::new()));
                self.defined.insert(result);
            }
            _ => self.computed(func, args, result, at, out),
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
