//! Lowering: from the [IR](crate::ir) to [code](super::code).
//!
//! Blocks become labels: a statement that is undefined jumps to the end of its block, `Break(n)` to the end of the n-th
//! block around. What must be undone on the way out (`With`) is undone by code before the jump.

mod aggregates;
mod constants;
mod documents;
mod index;
mod literals;
mod statements;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use self::constants::Pool;
use self::index::{Index, Key};
use super::code::{Called, Code, Func, Op, Operands, Pc, Plan, Reg, Src, Table};
use super::value::Val;
use crate::builtins;
use crate::ir::{self, Local, Location};
use crate::optimise::Facts;

/// Whether the bodies of a function are looked up by the value of one place, so that only those run that expect it.
pub(crate) fn is_indexed(func: &ir::Func) -> bool {
    index::of(&func.blocks, &func.params, least(func)).is_some()
}

/// The registers that a function has at least: those of its parameters and of its result.
fn least(func: &ir::Func) -> u32 {
    let locals = func.params.iter().chain([&func.return_]);
    locals.map(|local| local.0.saturating_add(1)).max().unwrap_or(0)
}

/// Lowers a verified policy.
pub(super) fn lower(policy: &ir::Policy) -> Code {
    let funcs = policy
        .funcs
        .iter()
        .zip(0_u32..)
        .map(|(func, n)| (func.name.as_str(), n))
        .collect();
    let mut lowering = Lowering {
        policy,
        funcs,
        pool: Pool::default(),
        ops: Vec::new(),
        locations: Vec::new(),
        operands: Vec::new(),
        tables: Vec::new(),
        builtins: Vec::new(),
        called: HashMap::new(),
        literal_parts: literals::MAX_PARTS,
    };
    let remembers = documents::pass_through(policy);
    let mut memos = 0_u32;
    let mut lowered = Vec::with_capacity(policy.funcs.len());
    for func in &policy.funcs {
        let memo = (remembers && func.params.len() == 2).then_some(memos);
        memos = memos.saturating_add(u32::from(memo.is_some()));
        lowered.push(lowering.func(func, memo));
    }
    let plans = policy
        .plans
        .iter()
        .map(|plan| (plan.name.clone(), lowering.plan(plan)))
        .collect();
    let (constants, pool) = lowering.pool.finish();
    Code {
        constants: Arc::new(constants),
        pool,
        ops: lowering.ops,
        locations: lowering.locations,
        operands: lowering.operands,
        funcs: lowered,
        tables: lowering.tables,
        plans,
        builtins: lowering.builtins,
        paths: policy
            .funcs
            .iter()
            .zip(0_u32..)
            .map(|(func, n)| (func.path.clone(), n))
            .collect(),
        files: policy
            .static_
            .files
            .iter()
            .map(|name| Arc::from(name.as_str()))
            .collect(),
        memos,
    }
}

struct Lowering<'a> {
    policy: &'a ir::Policy,
    funcs: HashMap<&'a str, u32>,
    pool: Pool,
    ops: Vec<Op>,
    locations: Vec<Location>,
    operands: Vec<Src>,
    tables: Vec<Table>,
    builtins: Vec<Called>,
    called: HashMap<&'a str, u32>,
    /// How many parts of constants may still be written out.
    literal_parts: usize,
}

/// A place in the code that is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Label(Pc);

/// What a jump leaves on its way.
#[derive(Debug, Clone, Copy)]
enum Scope {
    /// A block, which ends at this label.
    Block(Label),
    /// A replaced document.
    With { reg: Reg, saved: Reg },
}

/// One plan or function being lowered.
struct Body<'l, 'a> {
    lowering: &'l mut Lowering<'a>,
    /// The operation each label stands before.
    labels: Vec<Option<Pc>>,
    scopes: Vec<Scope>,
    /// The next register that no local uses.
    next: Reg,
    /// Registers in which collections are built.
    built: HashSet<Local>,
    /// Locals that hold a part of the data which a path leads to.
    base: HashSet<Local>,
    /// Locals that only stand between two steps of a path.
    steps: HashSet<Local>,
    /// Locals that some statement reads.
    read: HashSet<Local>,
    /// How often each local is changed.
    facts: Facts,
    /// Locals that hold a constant.
    constants: HashMap<Local, Src>,
    /// Of a function with an index; its targets are labels.
    table: Option<Table>,
}

impl<'a> Lowering<'a> {
    fn plan(&mut self, plan: &'a ir::Plan) -> Plan {
        let (start, frame) = self.body(&plan.blocks, None, (2, None));
        Plan { start, frame }
    }

    fn func(&mut self, func: &'a ir::Func, memo: Option<u32>) -> Func {
        let least = least(func);
        let index = index::of(&func.blocks, &func.params, least);
        let locals = documents::frame_size(&func.blocks).max(least);
        let clear = index.as_ref().map_or(locals, |index| index.shared.max(least));
        let (start, frame) = self.body(&func.blocks, Some(func), (least, index));
        Func {
            start,
            params: func.params.iter().map(|local| local.0).collect(),
            frame,
            clear,
            memo,
        }
    }

    /// Lowers the body of a plan, or of `func`, whose frame has `least` registers at least.
    fn body(
        &mut self,
        blocks: &'a [ir::Block],
        func: Option<&ir::Func>,
        (least, index): (u32, Option<Index>),
    ) -> (Pc, u32) {
        let start = self.ops.len();
        let facts = facts(blocks, func);
        let constants = literals::of(blocks, &facts, self);
        let mut body = Body {
            labels: Vec::new(),
            scopes: Vec::new(),
            next: documents::frame_size(blocks).max(least),
            built: documents::built(blocks),
            base: documents::base(blocks),
            steps: documents::steps(blocks),
            read: documents::read(blocks),
            constants,
            facts,
            table: None,
            lowering: self,
        };
        match index {
            Some(index) => body.indexed(blocks, &index),
            None => body.blocks(blocks),
        }
        body.emit(Op::End, Location::default());
        let (labels, frame, table) = (std::mem::take(&mut body.labels), body.next, body.table.take());
        if let Some(mut table) = table {
            for target in &mut table.targets {
                resolve_label(target, &labels);
            }
            self.tables.push(table);
        }
        for op in self.ops.iter_mut().skip(start) {
            resolve(op, &labels);
        }
        (pc(start), frame)
    }

    fn string(&self, index: u32) -> &'a str {
        // The verifier has checked the index.
        self.policy.string(ir::StringIndex(index)).unwrap_or_default()
    }

    fn operand(&mut self, operand: ir::Operand) -> Src {
        match operand {
            ir::Operand::Local(local) => Src::reg(local.0),
            ir::Operand::Bool(value) => self.pool.bool(value),
            ir::Operand::StringIndex(index) => {
                let text = self.string(index.0);
                self.pool.string(text)
            }
        }
    }

    /// The word of a constant that is looked up; none if its values have more than one word.
    fn constant(&mut self, key: Key) -> Option<Val> {
        match key {
            Key::Null => Some(Val::NULL),
            Key::Bool(value) => Some(Val::bool(value)),
            Key::Int(value) => Val::small(value),
            Key::String(index) => {
                let text = self.string(index);
                let source = self.pool.string(text);
                self.pool.value(source)
            }
        }
    }

    fn range(&mut self, operands: impl IntoIterator<Item = Src>) -> Operands {
        let start = self.operands.len();
        self.operands.extend(operands);
        Operands {
            start: pc(start),
            count: pc(self.operands.len().saturating_sub(start)),
        }
    }

    fn builtin(&mut self, name: &'a str) -> u32 {
        if let Some(known) = self.called.get(name) {
            return *known;
        }
        let index = pc(self.builtins.len());
        self.builtins.push(Called {
            name: Arc::from(name),
            builtin: builtins::find(name),
            native: super::builtins::native(name),
        });
        self.called.insert(name, index);
        index
    }
}

/// What is known about the locals of a plan, or of `func`.
fn facts(blocks: &[ir::Block], func: Option<&ir::Func>) -> Facts {
    let documents = [ir::INPUT, ir::DATA];
    let params = func.map_or(documents.as_slice(), |func| func.params.as_slice());
    Facts::new(blocks, params, func.map(|func| func.return_))
}

/// Numbers of operations and operands are far below 2^31: the verifier bounds what they come from.
fn pc(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn resolve_label(target: &mut Pc, labels: &[Option<Pc>]) {
    let label = usize::try_from(*target).ok();
    *target = label.and_then(|label| *labels.get(label)?).unwrap_or(*target);
}

/// Puts the place of a label where its number stands.
fn resolve(op: &mut Op, labels: &[Option<Pc>]) {
    let set = |target: &mut Pc| resolve_label(target, labels);
    match op {
        Op::Jump(target)
        | Op::MoveOnce { fail: target, .. }
        | Op::Append { fail: target, .. }
        | Op::Add { fail: target, .. }
        | Op::Insert { fail: target, .. }
        | Op::Collect { fail: target, .. }
        | Op::Merge { fail: target, .. }
        | Op::Dot { fail: target, .. }
        | Op::Path { fail: target, .. }
        | Op::Equal { fail: target, .. }
        | Op::Compare { fail: target, .. }
        | Op::Is { fail: target, .. }
        | Op::Defined { fail: target, .. }
        | Op::Length { fail: target, .. }
        | Op::Call { fail: target, .. }
        | Op::Builtin { fail: target, .. }
        | Op::Test { fail: target, .. }
        | Op::ScanBegin { next: target, .. }
        | Op::ScanNext { body: target, .. }
        | Op::With { fail: target, .. }
        | Op::Result { fail: target, .. } => set(target),
        Op::CallDynamic { fail, missing, .. } => {
            set(fail);
            set(missing);
        }
        Op::Dispatch { .. }
        | Op::Next { .. }
        | Op::Move { .. }
        | Op::Reset { .. }
        | Op::Begin { .. }
        | Op::Seal { .. }
        | Op::WithEnd { .. }
        | Op::Probe { .. }
        | Op::Print { .. }
        | Op::Return { .. }
        | Op::End => {}
    }
}
