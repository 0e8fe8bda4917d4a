//! The policy in the form that the machine executes: constants made, names resolved.

use std::collections::HashMap;
use std::sync::Arc;

use stele_types::{Number, Value};

use super::error::At;
use crate::builtins::{self, Builtin};
use crate::ir::{self, StmtKind};

/// A policy ready to run.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) plans: HashMap<String, Plan>,
    pub(super) funcs: Vec<Func>,
    /// Functions by path, for dynamic calls.
    pub(super) paths: HashMap<Vec<Value>, usize>,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) blocks: Vec<Block>,
    pub(super) locals: usize,
}

#[derive(Debug)]
pub(super) struct Func {
    pub(super) name: String,
    pub(super) path: Vec<String>,
    pub(super) params: Vec<usize>,
    pub(super) blocks: Vec<Block>,
    pub(super) locals: usize,
    /// The result depends on nothing but input and data.
    pub(super) memoise: bool,
}

#[derive(Debug)]
pub(super) struct Block(pub(super) Vec<Stmt>);

#[derive(Debug)]
pub(super) struct Stmt {
    pub(super) op: Op,
    pub(super) name: &'static str,
    pub(super) at: At,
    /// The locals it reads and writes, for the tracer.
    pub(super) access: Box<ir::Access>,
}

/// A constant or a local.
#[derive(Debug, Clone)]
pub(super) enum Arg {
    Local(usize),
    Const(Value),
}

#[derive(Debug, Clone)]
pub(super) enum Callee {
    Func(usize),
    Builtin(&'static Builtin),
    /// A builtin that no table lists.
    Unknown(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Array,
    Object,
    Set,
}

/// [`StmtKind`] with constants and callees resolved; the statements that make a constant are one.
#[derive(Debug)]
pub(super) enum Op {
    ArrayAppend {
        value: Arg,
        array: usize,
    },
    Assign {
        source: Arg,
        target: usize,
    },
    AssignOnce {
        source: Arg,
        target: usize,
    },
    Block(Vec<Block>),
    Break(u32),
    Call {
        callee: Callee,
        args: Vec<Arg>,
        result: usize,
    },
    CallDynamic {
        args: Vec<Arg>,
        path: Vec<Arg>,
        result: usize,
    },
    Const {
        value: Value,
        target: usize,
    },
    /// `base`: the source is a base document, reached from `data` by a path.
    Dot {
        source: Arg,
        key: Arg,
        target: usize,
        base: bool,
    },
    Equal {
        a: Arg,
        b: Arg,
        negated: bool,
    },
    Is(Kind, Arg),
    IsDefined {
        source: usize,
        negated: bool,
    },
    Len {
        source: Arg,
        target: usize,
    },
    Merge {
        a: usize,
        b: usize,
        target: usize,
    },
    Nop,
    Not(Block),
    ObjectInsert {
        key: Arg,
        value: Arg,
        object: usize,
        once: bool,
    },
    Reset(usize),
    ResultAdd(usize),
    Return(usize),
    Scan {
        source: usize,
        key: usize,
        value: usize,
        block: Block,
    },
    SetAdd {
        value: Arg,
        set: usize,
    },
    With {
        local: usize,
        path: Vec<Value>,
        value: Arg,
        block: Block,
    },
}

/// Lowers a verified policy.
pub(super) fn lower(policy: &ir::Policy) -> Code {
    let files = policy
        .static_
        .files
        .iter()
        .map(|name| Arc::from(name.as_str()))
        .collect();
    let funcs = policy
        .funcs
        .iter()
        .enumerate()
        .map(|(n, func)| (func.name.as_str(), n))
        .collect();
    let lowering = Lowering {
        policy,
        files,
        funcs,
        canonical: passes_documents_through(policy),
    };
    Code {
        plans: policy
            .plans
            .iter()
            .map(|plan| (plan.name.clone(), lowering.plan(plan)))
            .collect(),
        funcs: policy.funcs.iter().map(|func| lowering.func(func)).collect(),
        paths: policy
            .funcs
            .iter()
            .enumerate()
            .map(|(n, func)| (func.path.iter().map(|name| Value::string(name)).collect(), n))
            .collect(),
    }
}

/// True when everywhere local 0 is the input and local 1 the data, changed by `With` only, as in every plan that OPA makes.
/// Then the result of a function without further parameters is fixed until the next `With`.
fn passes_documents_through(policy: &ir::Policy) -> bool {
    let documents = [ir::INPUT, ir::DATA];
    let funcs: std::collections::HashSet<&str> = policy.funcs.iter().map(|func| func.name.as_str()).collect();
    fn statements<'a>(blocks: &'a [ir::Block], check: &mut dyn FnMut(&'a StmtKind) -> bool) -> bool {
        blocks
            .iter()
            .flat_map(|block| &block.stmts)
            .all(|stmt| check(&stmt.kind) && statements(stmt.kind.nested(), check))
    }
    let mut keeps = |kind: &StmtKind| {
        let writes = kind.access().writes;
        let scans = matches!(kind, StmtKind::Scan { key, value, .. }
            if documents.contains(key) || documents.contains(value));
        let passes = match kind {
            StmtKind::Call { func, args, .. } if funcs.contains(func.as_str()) => {
                args.starts_with(&documents.map(ir::Operand::Local))
            }
            StmtKind::CallDynamic { args, .. } => args.starts_with(&documents),
            _ => true,
        };
        passes && !scans && !writes.iter().any(|local| documents.contains(local))
    };
    policy
        .plans
        .iter()
        .all(|plan| statements(&plan.blocks, &mut keeps))
        && policy.funcs.iter().all(|func| {
            func.params.starts_with(&documents)
                && !documents.contains(&func.return_)
                && statements(&func.blocks, &mut keeps)
        })
}

type Locals = std::collections::HashSet<ir::Local>;

/// The locals that hold a part of `data` that a path leads to: OPA looks such paths up in its store, where an array index and
/// the text of it are one key.
fn base_documents(blocks: &[ir::Block]) -> Locals {
    fn collect(blocks: &[ir::Block], base: &mut Locals, other: &mut Locals) {
        for stmt in blocks.iter().flat_map(|block| &block.stmts) {
            match &stmt.kind {
                StmtKind::Dot { source, target, .. }
                    if source.local().is_some_and(|local| base.contains(&local)) =>
                {
                    base.insert(*target);
                }
                StmtKind::Scan { key, value, .. } => other.extend([*key, *value]),
                kind => other.extend(kind.access().writes),
            }
            collect(stmt.kind.nested(), base, other);
        }
    }
    let (mut base, mut other) = (Locals::from([ir::DATA]), Locals::new());
    collect(blocks, &mut base, &mut other);
    base.retain(|local| !other.contains(local));
    base
}

struct Lowering<'a> {
    policy: &'a ir::Policy,
    files: Vec<Arc<str>>,
    funcs: HashMap<&'a str, usize>,
    canonical: bool,
}

fn slot(local: ir::Local) -> usize {
    usize::try_from(local.0).unwrap_or(usize::MAX)
}

/// One more than the highest local.
fn frame_size(blocks: &[ir::Block]) -> usize {
    let of = |stmt: &ir::Stmt| {
        let access = stmt.kind.access();
        let scan = match stmt.kind {
            StmtKind::Scan { key, value, .. } => slot(key).max(slot(value)).saturating_add(1),
            _ => 0,
        };
        let own = access
            .reads
            .iter()
            .chain(&access.writes)
            .map(|local| slot(*local).saturating_add(1))
            .max();
        own.unwrap_or(0).max(scan).max(frame_size(stmt.kind.nested()))
    };
    blocks
        .iter()
        .flat_map(|block| &block.stmts)
        .map(of)
        .max()
        .unwrap_or(0)
}

impl Lowering<'_> {
    fn plan(&self, plan: &ir::Plan) -> Plan {
        let base = base_documents(&plan.blocks);
        Plan {
            blocks: self.blocks(&plan.blocks, &base),
            locals: frame_size(&plan.blocks).max(2),
        }
    }

    fn func(&self, func: &ir::Func) -> Func {
        let params: Vec<usize> = func.params.iter().map(|local| slot(*local)).collect();
        let highest = params
            .iter()
            .chain([&slot(func.return_)])
            .max()
            .map_or(0, |n| n.saturating_add(1));
        Func {
            name: func.name.clone(),
            path: func.path.clone(),
            memoise: self.canonical && params.len() == 2,
            blocks: self.blocks(&func.blocks, &base_documents(&func.blocks)),
            locals: frame_size(&func.blocks).max(highest),
            params,
        }
    }

    fn blocks(&self, blocks: &[ir::Block], base: &Locals) -> Vec<Block> {
        blocks.iter().map(|block| self.block(block, base)).collect()
    }

    fn block(&self, block: &ir::Block, base: &Locals) -> Block {
        Block(block.stmts.iter().map(|stmt| self.stmt(stmt, base)).collect())
    }

    fn stmt(&self, stmt: &ir::Stmt, base: &Locals) -> Stmt {
        let location = stmt.location;
        let file = usize::try_from(location.file)
            .ok()
            .and_then(|n| self.files.get(n))
            .cloned();
        Stmt {
            op: self.op(&stmt.kind, base),
            name: stmt.kind.name(),
            at: At {
                file: file.unwrap_or_default(),
                row: location.row,
                col: location.col,
            },
            access: Box::new(stmt.kind.access()),
        }
    }

    fn string(&self, index: u32) -> &str {
        // The verifier has checked the index.
        self.policy.string(ir::StringIndex(index)).unwrap_or_default()
    }

    fn arg(&self, operand: ir::Operand) -> Arg {
        match operand {
            ir::Operand::Local(local) => Arg::Local(slot(local)),
            ir::Operand::Bool(value) => Arg::Const(Value::Bool(value)),
            ir::Operand::StringIndex(index) => Arg::Const(Value::string(self.string(index.0))),
        }
    }

    fn args(&self, operands: &[ir::Operand]) -> Vec<Arg> {
        operands.iter().map(|operand| self.arg(*operand)).collect()
    }

    fn callee(&self, name: &str) -> Callee {
        match (self.funcs.get(name), builtins::find(name)) {
            (Some(func), _) => Callee::Func(*func),
            (None, Some(builtin)) => Callee::Builtin(builtin),
            (None, None) => Callee::Unknown(name.to_owned()),
        }
    }

    fn op(&self, kind: &StmtKind, base: &Locals) -> Op {
        let constant = |value: Value, target: &ir::Local| Op::Const {
            value,
            target: slot(*target),
        };
        match kind {
            StmtKind::ArrayAppend { value, array } => Op::ArrayAppend {
                value: self.arg(*value),
                array: slot(*array),
            },
            StmtKind::AssignInt { value, target } | StmtKind::MakeNumberInt { value, target } => {
                constant(Value::from(*value), target)
            }
            StmtKind::MakeNumberRef { index, target } => {
                // The verifier has checked the number.
                constant(
                    Number::parse(self.string(*index)).unwrap_or(Number::ZERO).into(),
                    target,
                )
            }
            StmtKind::MakeArray { target, .. } => constant(Value::array([]), target),
            StmtKind::MakeNull { target } => constant(Value::Null, target),
            StmtKind::MakeObject { target } => constant(Value::object([]), target),
            StmtKind::MakeSet { target } => constant(Value::set([]), target),
            StmtKind::AssignVarOnce { source, target } => Op::AssignOnce {
                source: self.arg(*source),
                target: slot(*target),
            },
            StmtKind::AssignVar { source, target } => Op::Assign {
                source: self.arg(*source),
                target: slot(*target),
            },
            StmtKind::Block { blocks } => Op::Block(self.blocks(blocks, base)),
            StmtKind::Break { index } => Op::Break(*index),
            StmtKind::CallDynamic { args, result, path } => Op::CallDynamic {
                args: args.iter().map(|local| Arg::Local(slot(*local))).collect(),
                path: self.args(path),
                result: slot(*result),
            },
            StmtKind::Call { func, args, result } => Op::Call {
                callee: self.callee(func),
                args: self.args(args),
                result: slot(*result),
            },
            StmtKind::Dot { source, key, target } => {
                let base = source.local().is_some_and(|local| base.contains(&local));
                Op::Dot {
                    source: self.arg(*source),
                    key: self.arg(*key),
                    target: slot(*target),
                    base,
                }
            }
            _ => self.op_rest(kind, base),
        }
    }

    fn op_rest(&self, kind: &StmtKind, base: &Locals) -> Op {
        match kind {
            StmtKind::Equal { a, b } => Op::Equal {
                a: self.arg(*a),
                b: self.arg(*b),
                negated: false,
            },
            StmtKind::NotEqual { a, b } => Op::Equal {
                a: self.arg(*a),
                b: self.arg(*b),
                negated: true,
            },
            StmtKind::IsArray { source } => Op::Is(Kind::Array, self.arg(*source)),
            StmtKind::IsObject { source } => Op::Is(Kind::Object, self.arg(*source)),
            StmtKind::IsSet { source } => Op::Is(Kind::Set, self.arg(*source)),
            StmtKind::IsDefined { source } => Op::IsDefined {
                source: slot(*source),
                negated: false,
            },
            StmtKind::IsUndefined { source } => Op::IsDefined {
                source: slot(*source),
                negated: true,
            },
            StmtKind::Len { source, target } => Op::Len {
                source: self.arg(*source),
                target: slot(*target),
            },
            StmtKind::Not { block } => Op::Not(self.block(block, base)),
            StmtKind::ObjectInsertOnce { key, value, object } => self.insert(*key, *value, *object, true),
            StmtKind::ObjectInsert { key, value, object } => self.insert(*key, *value, *object, false),
            StmtKind::ObjectMerge { a, b, target } => Op::Merge {
                a: slot(*a),
                b: slot(*b),
                target: slot(*target),
            },
            StmtKind::ResetLocal { target } => Op::Reset(slot(*target)),
            StmtKind::ResultSetAdd { value } => Op::ResultAdd(slot(*value)),
            StmtKind::ReturnLocal { source } => Op::Return(slot(*source)),
            StmtKind::Scan {
                source,
                key,
                value,
                block,
            } => Op::Scan {
                source: slot(*source),
                key: slot(*key),
                value: slot(*value),
                block: self.block(block, base),
            },
            StmtKind::SetAdd { value, set } => Op::SetAdd {
                value: self.arg(*value),
                set: slot(*set),
            },
            StmtKind::With {
                local,
                path,
                value,
                block,
            } => Op::With {
                local: slot(*local),
                path: path
                    .iter()
                    .map(|index| Value::string(self.string(*index)))
                    .collect(),
                value: self.arg(*value),
                block: self.block(block, base),
            },
            // Everything else was lowered by `op`.
            _ => Op::Nop,
        }
    }

    fn insert(&self, key: ir::Operand, value: ir::Operand, object: ir::Local, once: bool) -> Op {
        Op::ObjectInsert {
            key: self.arg(key),
            value: self.arg(value),
            object: slot(object),
            once,
        }
    }
}
