//! Rules and plans: frames, memoisation, blocks.

use super::block::{Scope, ScopeKind};
use super::facts::Locals;
use super::known::KnownLocals;
use super::{Context, call, constant, op};
use crate::error::Reason;
use crate::layout;
use crate::lir::{Expr, Frame, Func, Place, Stmt, Symbol, Var};
use crate::op::Op;
use std::collections::{BTreeMap, BTreeSet};
use stele_rego::ir::{self, DATA, INPUT, Local, Location};
use stele_types::Value;

/// A memo slot that says "computed, and undefined"; no value word is equal to it.
const MEMO_UNDEFINED: u64 = layout::tag::BUILT;

/// State while lowering one function.
pub(super) struct FuncCx<'c, 'a> {
    pub(super) cx: &'c mut Context<'a>,
    /// The function's name in the plan.
    pub(super) name: &'a str,
    pub(super) locals: Locals,
    /// The documents and the function's arguments: they have values before any statement.
    pub(super) given: BTreeSet<Local>,
    vars: Vec<String>,
    map: BTreeMap<Local, Var>,
    pub(super) scopes: Vec<Scope>,
    /// Locals that are certainly defined here.
    pub(super) defined: BTreeSet<Local>,
    /// Locals that grow, and whose collection another place may hold too, see [`super::shared`].
    pub(super) shared: BTreeSet<Local>,
    /// Whether somebody can tell if the target of the current statement keeps its old value when the statement is undefined.
    pub(super) observed: bool,
    /// Values known here.
    pub(super) known: KnownLocals,
    /// Collections that are being filled with entries known from the text.
    pub(super) fills: BTreeMap<Local, super::fill::Fill>,
    /// Locals that stand for a constant collection, see [`super::literal_collections`].
    pub(super) literals: BTreeMap<Local, Value>,
    labels: u32,
    place: Option<Place>,
    /// The result variable of a rule; plans have none.
    pub(super) result: Option<Var>,
}

/// Lowers a rule or user function, with a memoising front if it takes no arguments.
pub(super) fn rule<'a>(cx: &mut Context<'a>, func: &'a ir::Func) {
    let Some(callee) = cx.callees.get(func.name.as_str()).cloned() else {
        return;
    };
    if func.params.get(..2) != Some([INPUT, DATA].as_slice()) {
        let reason = Reason::InvalidPlan("parameters 0 and 1 must be input and data".to_owned());
        cx.refuse(&func.name, Location::default(), "function", reason);
        return;
    }
    let params: Vec<Local> = func.params.iter().skip(2).copied().collect();
    let mut name = callee.name.clone();
    if params.is_empty() && !cx.called_once.contains(func.name.as_str()) {
        name.push_str(".body");
        let front = memo_front(&callee.name, &name, cx.memo_slots);
        cx.memo_slots = cx.memo_slots.saturating_add(1);
        cx.program.funcs.insert(callee.name, front);
    }
    lower(
        cx,
        name,
        &func.name,
        &params,
        &callee.undefined,
        true,
        &func.blocks,
    );
}

/// Lowers an entry point.
pub(super) fn plan<'a>(cx: &mut Context<'a>, plan: &'a ir::Plan, number: usize) {
    lower(
        cx,
        format!("p{number}"),
        &plan.name,
        &[],
        &BTreeSet::new(),
        false,
        &plan.blocks,
    );
}

pub(super) fn memo_front(name: &str, body: &str, slot: u32) -> Func {
    let v = || Expr::Var(Var(0));
    let at = || Expr::Symbol(Symbol::Memo(slot));
    let set = |e| Stmt::Set(Var(0), e);
    let compute = vec![
        set(call(body, Vec::new())),
        Stmt::If(
            op(Op::Iszero, vec![v()]),
            vec![set(constant(MEMO_UNDEFINED))],
            Vec::new(),
        ),
        Stmt::Do(op(Op::Mstore, vec![at(), v()])),
    ];
    // No value if it is the mark, else itself: to multiply is shorter than to jump.
    let marked = op(Op::Sub, vec![v(), constant(MEMO_UNDEFINED)]);
    let is_value = op(Op::Iszero, vec![op(Op::Iszero, vec![marked])]);
    Func {
        name: name.to_owned(),
        params: 0,
        returns: true,
        frame: Frame::Stack,
        vars: vec!["v".to_owned()],
        body: vec![
            set(op(Op::Mload, vec![at()])),
            Stmt::If(op(Op::Iszero, vec![v()]), compute, Vec::new()),
            set(op(Op::Mul, vec![v(), is_value])),
        ],
    }
}

fn lower<'a>(
    cx: &mut Context<'a>,
    name: String,
    plan_name: &'a str,
    params: &[Local],
    undefined: &BTreeSet<Local>,
    returns: bool,
    blocks: &'a [ir::Block],
) {
    let mut f = FuncCx {
        locals: Locals::of(cx.policy, blocks),
        cx,
        name: plan_name,
        given: params.iter().copied().chain([INPUT, DATA]).collect(),
        vars: Vec::new(),
        map: BTreeMap::new(),
        scopes: Vec::new(),
        defined: params
            .iter()
            .copied()
            .chain([DATA])
            .filter(|l| !undefined.contains(l))
            .collect(),
        shared: params.iter().copied().chain([INPUT, DATA]).collect(),
        observed: true,
        known: KnownLocals::default(),
        fills: BTreeMap::new(),
        literals: BTreeMap::new(),
        labels: 0,
        place: None,
        result: None,
    };
    for param in params {
        let var = f.fresh(&format!("l{}", param.0));
        f.map.insert(*param, var);
    }
    if returns {
        f.result = Some(f.fresh("result"));
    }
    let all: Vec<Local> = f.locals.all.iter().copied().collect();
    for local in all
        .into_iter()
        .filter(|l| *l != INPUT && *l != DATA && !params.contains(l))
    {
        let var = f.fresh(&format!("l{}", local.0));
        f.map.insert(local, var);
    }
    let mut body = Vec::new();
    for block in blocks {
        f.blocks(std::slice::from_ref(block), &mut body);
    }
    let named = super::names::of(f.cx.policy, params, blocks);
    let mut variables: BTreeMap<Var, String> = BTreeMap::new();
    for (local, var) in &f.map {
        if let Some(text) = named.get(local) {
            variables.insert(*var, text.clone());
        }
    }
    let debug = super::Debug {
        name: plan_name.to_owned(),
        variables,
        result: f.result,
    };
    f.cx.debug.insert(name.clone(), debug);
    let params = u32::try_from(params.len()).unwrap_or(u32::MAX);
    let vars = std::mem::take(&mut f.vars);
    let func = Func {
        name: name.clone(),
        params,
        returns,
        frame: Frame::Memory,
        vars,
        body,
    };
    cx.program.funcs.insert(name, func);
}

impl<'a> FuncCx<'_, 'a> {
    /// A new variable.
    pub(super) fn fresh(&mut self, name: &str) -> Var {
        let var = Var(u32::try_from(self.vars.len()).unwrap_or(u32::MAX));
        self.vars.push(name.to_owned());
        var
    }

    /// A new temporary.
    pub(super) fn temp(&mut self) -> Var {
        let name = format!("t{}", self.vars.len());
        self.fresh(&name)
    }

    pub(super) fn label(&mut self) -> String {
        let label = format!("b{}", self.labels);
        self.labels = self.labels.saturating_add(1);
        label
    }

    pub(super) fn refuse(&mut self, at: Location, construct: &str, reason: Reason) {
        self.cx.refuse(self.name, at, construct, reason);
    }

    /// Reads a local without asking whether it is defined.
    pub(super) fn read(&mut self, local: Local) -> Expr {
        if let Some(literal) = self.literal(local) {
            return literal;
        }
        match local {
            INPUT => op(Op::Mload, vec![constant(layout::INPUT)]),
            DATA => op(Op::Mload, vec![constant(layout::DATA)]),
            _ => Expr::Var(self.map.get(&local).copied().unwrap_or(Var(u32::MAX))),
        }
    }

    /// Stores into a local.
    pub(super) fn store(&mut self, local: Local, value: Expr) -> Stmt {
        match local {
            INPUT => Stmt::Do(op(Op::Mstore, vec![constant(layout::INPUT), value])),
            DATA => Stmt::Do(op(Op::Mstore, vec![constant(layout::DATA), value])),
            _ => Stmt::Set(self.map.get(&local).copied().unwrap_or(Var(u32::MAX)), value),
        }
    }

    /// Records the source place of what follows.
    pub(super) fn mark(&mut self, at: Location, out: &mut Vec<Stmt>) {
        let place = Place {
            file: at.file,
            row: at.row,
            col: at.col,
        };
        if self.place != Some(place) {
            self.place = Some(place);
            out.push(Stmt::At(place));
        }
    }

    /// Lowers blocks one after the other.
    pub(super) fn blocks(&mut self, blocks: &'a [ir::Block], out: &mut Vec<Stmt>) {
        for block in blocks {
            let label = self.label();
            let body = self.block(block, label.clone(), ScopeKind::Block);
            // A block that nothing leaves early needs no label.
            if super::block::leaves(&body, &label) {
                out.push(Stmt::Block(label, body));
            } else {
                out.extend(body);
            }
        }
    }
}
