//! OPA's IR to the low-level IR: one function for each reachable rule and entry point, plus the contract's own entry code.

mod block;
mod builtins;
mod constant_rules;
mod extent;
mod facts;
mod fill;
mod func;
mod known;
mod literal;
mod literal_collections;
mod names;
mod paths;
mod patterns;
mod routines;
mod shared;
mod special;
mod stmt;
mod undefined;
mod with;

pub(crate) use paths::look_up_plainly;
pub(crate) use special::match_slowly;

use crate::error::{Reason, Refusal};
use crate::layout::{Constant, Pool};
use crate::lir::{Expr, Frame, Func, Program, Stmt, Symbol, Var};
use crate::op::Op;
use crate::{Options, ResultForm};
use alloy_primitives::{U256, keccak256};
use std::collections::{BTreeMap, BTreeSet};
use stele_rego::ir;
use stele_types::{Value, encoding};

/// A lowered policy, not yet linked with the runtime library.
pub(crate) struct Lowered {
    pub(crate) program: Program,
    pub(crate) pool: Pool,
    pub(crate) memo_slots: u32,
    pub(crate) tables: Vec<Vec<u8>>,
    /// What a tracer may tell of the policy's functions, by their names in the low-level IR.
    pub(crate) debug: BTreeMap<String, Debug>,
}

/// What a policy function was made from.
pub(crate) struct Debug {
    /// The function or entry point in the plan.
    pub(crate) name: String,
    /// Variables with the expression whose value they hold.
    pub(crate) variables: BTreeMap<Var, String>,
    /// The variable that is returned.
    pub(crate) result: Option<Var>,
}

/// How policy code calls a rule or user function.
#[derive(Clone)]
struct Callee {
    /// Name in the low-level IR.
    name: String,
    /// Parameters besides input and data.
    params: Vec<ir::Local>,
    /// Those of them that may be undefined.
    undefined: BTreeSet<ir::Local>,
}

/// State shared by all functions of a policy.
struct Context<'a> {
    policy: &'a ir::Policy,
    options: &'a Options,
    program: Program,
    pool: Pool,
    callees: BTreeMap<&'a str, Callee>,
    /// Rules whose value is known.
    constants: constant_rules::Constants<'a>,
    /// Rules that need no memo.
    called_once: BTreeSet<&'a str>,
    paths: paths::Paths,
    memo_slots: u32,
    tables: Vec<Vec<u8>>,
    /// Automata of patterns that were met.
    patterns: patterns::Patterns,
    debug: BTreeMap<String, Debug>,
    refusals: BTreeSet<Refusal>,
}

pub(super) fn constant(word: u64) -> Expr {
    Expr::Const(U256::from(word))
}

pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Call(name.to_owned(), args)
}

pub(super) fn op(op: Op, args: Vec<Expr>) -> Expr {
    Expr::Op(op, args)
}

impl Context<'_> {
    fn text(&mut self, text: &str) -> Expr {
        Expr::Symbol(Symbol::Const(self.pool.intern(Constant::String(text.to_owned()))))
    }

    /// A constant; `None` if it has no contract form.
    fn value(&mut self, value: &Value) -> Option<Expr> {
        Some(match value {
            Value::Null => constant(1),
            Value::Bool(value) => constant(if *value { 0x102 } else { 2 }),
            Value::Number(number) => self.number(U256::from_be_bytes(number.to_fixed18().ok()?)),
            Value::String(text) => self.text(text),
            Value::Array(_) | Value::Object(_) | Value::Set(_) => {
                let bytes = encoding::encode_contract(value).ok()?;
                Expr::Symbol(Symbol::Const(self.pool.intern(Constant::Encoded(bytes))))
            }
        })
    }

    /// Looks a constant key up.
    fn lookup(&mut self, collection: Expr, key: &str) -> Expr {
        let text = self.text(key);
        if key.len() >= paths::SHORT {
            return call("dot", vec![collection, text]);
        }
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX).to_be_bytes();
        let needle: Vec<u8> = [5].into_iter().chain(length).chain(key.bytes()).collect();
        let bits = needle.len().saturating_mul(8);
        let shift = U256::from(256_usize.saturating_sub(bits));
        let needle = U256::try_from_be_slice(&needle).unwrap_or_default();
        call(
            "dot_short",
            vec![collection, text, Expr::Const(needle), Expr::Const(shift)],
        )
    }

    fn number(&mut self, word: U256) -> Expr {
        Expr::Symbol(Symbol::Const(self.pool.intern(Constant::Number(word))))
    }

    /// Adds a data table, or finds an equal one.
    fn table(&mut self, bytes: Vec<u8>) -> u32 {
        let found = self.tables.iter().position(|t| *t == bytes);
        let index = found.unwrap_or(self.tables.len());
        if found.is_none() {
            self.tables.push(bytes);
        }
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    fn refuse(&mut self, func: &str, at: ir::Location, construct: &str, reason: Reason) {
        self.refusals.insert(Refusal {
            func: func.to_owned(),
            file: self.policy.file(at).unwrap_or_default().to_owned(),
            row: at.row,
            col: at.col,
            construct: construct.to_owned(),
            reason,
        });
    }
}

/// Lowers the given plans and what they reach.
pub(crate) fn lower(
    policy: &ir::Policy,
    plans: &[(&ir::Plan, [u8; 32])],
    options: &Options,
) -> Result<Lowered, Vec<Refusal>> {
    let mut cx = Context {
        policy,
        options,
        program: Program::default(),
        pool: Pool::default(),
        callees: BTreeMap::new(),
        constants: constant_rules::evaluate(policy, options),
        called_once: BTreeSet::new(),
        paths: paths::Paths::default(),
        memo_slots: 0,
        tables: Vec::new(),
        patterns: patterns::Patterns::default(),
        debug: BTreeMap::new(),
        refusals: BTreeSet::new(),
    };
    let reachable = facts::reachable(policy, plans, &cx.constants);
    cx.called_once = facts::called_once(policy, plans, &reachable);
    cx.paths = paths::Paths::find(policy, &reachable);
    paths::Paths::lower(&mut cx);
    let mut undefined = undefined::params(policy, plans, &reachable);
    for (number, func) in policy.funcs.iter().enumerate() {
        if reachable.contains(func.name.as_str()) {
            let name = format!("r{number}.{}", short_name(&func.name));
            let params = func.params.iter().skip(2).copied().collect();
            let undefined = undefined.remove(func.name.as_str()).unwrap_or_default();
            let callee = Callee {
                name,
                params,
                undefined,
            };
            cx.callees.insert(&func.name, callee);
        }
    }
    for func in policy
        .funcs
        .iter()
        .filter(|f| reachable.contains(f.name.as_str()))
    {
        func::rule(&mut cx, func);
    }
    for (number, (plan, _)) in plans.iter().enumerate() {
        func::plan(&mut cx, plan, number);
    }
    entry_code(&mut cx, plans);
    if !cx.refusals.is_empty() {
        return Err(cx.refusals.into_iter().collect());
    }
    let Context {
        program,
        pool,
        memo_slots,
        tables,
        debug,
        ..
    } = cx;
    Ok(Lowered {
        program,
        pool,
        memo_slots,
        tables,
        debug,
    })
}

/// The last part of a function's name, reduced to what the text form allows.
fn short_name(name: &str) -> String {
    let tail = name.rsplit('.').next().unwrap_or(name);
    tail.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(24)
        .collect()
}

/// `entry_points`, `dispatch`, `respond` and `known_data`: see `runtime/abi.lir`.
fn entry_code(cx: &mut Context<'_>, plans: &[(&ir::Plan, [u8; 32])]) {
    let mut list = vec![
        Stmt::Do(op(Op::Mstore, vec![constant(0), constant(32)])),
        Stmt::Do(op(
            Op::Mstore,
            vec![constant(32), Expr::Const(U256::from(plans.len()))],
        )),
    ];
    let mut dispatch = Vec::new();
    let mut at: u64 = 64;
    for (number, (_, hash)) in plans.iter().enumerate() {
        let id = Expr::Const(U256::from_be_bytes(*hash));
        list.push(Stmt::Do(op(Op::Mstore, vec![constant(at), id.clone()])));
        at = at.saturating_add(32);
        let run = vec![Stmt::Do(call(&format!("p{number}"), Vec::new())), Stmt::Leave];
        dispatch.push(Stmt::If(op(Op::Eq, vec![Expr::Var(Var(0)), id]), run, Vec::new()));
    }
    list.push(Stmt::Do(op(Op::Return, vec![constant(0), constant(at)])));
    let selector = Expr::Const(crate::abi::ContractError::UnknownEntryPoint.word());
    dispatch.push(Stmt::Do(call("fail_with", vec![selector, Expr::Var(Var(0))])));
    let respond = match cx.options.result {
        ResultForm::ResultSet => vec![Stmt::Do(call("answer", vec![call("all_results", Vec::new())]))],
        ResultForm::Unwrapped => {
            let key = cx.text("result");
            let value = call("only_result", vec![key]);
            vec![Stmt::Do(call("answer_projected", vec![value]))]
        }
    };
    // The hash of the data that the policy comes with; 0 if there is none.
    let known = cx.options.data.as_ref();
    let known = known.and_then(|data| encoding::encode_contract(data).ok());
    let known = known.map_or(U256::ZERO, |bytes| keccak256(bytes).into());
    let mut func = routine("known_data", &[], vec![Stmt::Set(Var(0), Expr::Const(known))]);
    func.returns = true;
    func.vars.push("h".to_owned());
    cx.program.funcs.insert(func.name.clone(), func);
    add(cx, "entry_points", &[], list);
    add(cx, "dispatch", &["id"], dispatch);
    add(cx, "respond", &[], respond);
}

fn add(cx: &mut Context<'_>, name: &str, params: &[&str], body: Vec<Stmt>) {
    let func = routine(name, params, body);
    cx.program.funcs.insert(func.name.clone(), func);
}

/// A function without a result.
fn routine(name: &str, params: &[&str], body: Vec<Stmt>) -> Func {
    Func {
        name: name.to_owned(),
        params: u32::try_from(params.len()).unwrap_or(u32::MAX),
        returns: false,
        frame: Frame::Stack,
        vars: params.iter().map(|p| (*p).to_owned()).collect(),
        body,
    }
}
