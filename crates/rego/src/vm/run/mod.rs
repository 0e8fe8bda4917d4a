//! Executing code.

mod build;
mod calls;
mod documents;
mod probe;

use stele_types::Number;

use super::builtins::Env;
use super::code::{Code, Constants, Op, Reg, Src};
use super::probe::Probe;
use super::value::{Builders, Kind, Val};
use crate::eval::{At, EvalError, LimitKind};

/// How many operations run between two looks at the limits.
const STRIDE: u64 = 256;

/// What a called function goes back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    base: usize,
    /// The operation to go on with.
    back: usize,
    /// Where to go on when there is no result.
    fail: usize,
    /// The caller's register for the result.
    dst: Reg,
    /// Where to remember the result.
    memo: Option<u32>,
}

/// Memory that a worker keeps between evaluations.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    pub(super) registers: Vec<Val>,
    pub(super) frames: Vec<Frame>,
    /// Results of functions: one layer for each document in force, [`UNKNOWN`] where there is none yet.
    pub(super) memo: Vec<Val>,
    pub(super) args: Vec<Val>,
    pub(super) results: Vec<Val>,
}

/// In place of a remembered result: not known yet. No value has this word.
const UNKNOWN: Val = Val::BLANK;

/// The state of one evaluation.
pub(super) struct Machine<'m, 's> {
    pub(super) code: &'m Code,
    pub(super) env: Env<'m, 's>,
    pub(super) builders: &'m mut Builders,
    pub(super) stacks: &'m mut Stacks,
    /// Whom traced programs and `print` report to.
    pub(super) probe: Option<&'m mut dyn Probe>,
    pub(super) strict: bool,
    pub(super) memory: u64,
    pub(super) depth: u32,
    /// The first register of the frame.
    pub(super) base: usize,
    /// The register after the frame's last.
    pub(super) top: usize,
    /// The operation after the present one.
    pub(super) pc: usize,
    /// Operations until the next look at the limits.
    pub(super) stride: u64,
}

/// The rare end of an operation.
type Done<T> = Result<T, Box<EvalError>>;

impl Machine<'_, '_> {
    /// Runs a plan; the results are in the stacks, sorted, each once.
    pub(super) fn plan(&mut self, start: usize, frame: u32, input: Val, data: Val) -> Done<()> {
        self.base = 0;
        self.top = frame as usize;
        self.reserve(0, frame);
        self.stacks.frames.clear();
        self.stacks.results.clear();
        self.stacks.memo.clear();
        self.push_memo();
        self.set(0, input);
        self.set(1, data);
        self.pc = start;
        let ran = self.run().map(|()| self.finish());
        // Whatever came of a comparison that was stopped has no meaning, an error neither.
        let limit = match (self.env.heap.meter.stopped(), ran) {
            (Some(limit), _) => limit,
            (None, Err(error)) => return Err(error),
            (None, Ok(true)) => return Ok(()),
            (None, Ok(false)) => LimitKind::Memory,
        };
        let at = self.code.at(start);
        Err(Box::new(EvalError::Limit { at, limit }))
    }

    /// Sorts the results. False when they are larger, written out, than memory allows: whoever asked is going to write them out.
    fn finish(&mut self) -> bool {
        let heap = &self.env.heap;
        let results = &mut self.stacks.results;
        heap.sort_members(results);
        let mut results = results.iter();
        let weighed = results.try_fold(self.memory, |left, val| heap.weigh(*val, left));
        weighed.is_some()
    }

    fn get(&self, src: Src) -> Val {
        match src.split() {
            Ok(constant) => self
                .code
                .pool
                .get(constant as usize)
                .copied()
                .unwrap_or(Val::UNDEFINED),
            Err(reg) => self.reg(reg),
        }
    }

    fn reg(&self, reg: Reg) -> Val {
        let at = self.base.wrapping_add(reg as usize);
        self.stacks.registers.get(at).copied().unwrap_or(Val::UNDEFINED)
    }

    fn set(&mut self, reg: Reg, val: Val) {
        let at = self.base.wrapping_add(reg as usize);
        // Lowering has sized the frame for the highest register.
        if let Some(slot) = self.stacks.registers.get_mut(at) {
            *slot = val;
        }
    }

    /// Makes room up to the top, and sets the first registers of the frame at `base` to undefined. The others keep what is in them: they
    /// are written before they are read.
    fn reserve(&mut self, base: usize, clear: u32) {
        let registers = &mut self.stacks.registers;
        if registers.len() < self.top {
            registers.resize(self.top, Val::UNDEFINED);
        }
        let cleared = base..base.wrapping_add(clear as usize);
        registers
            .get_mut(cleared)
            .unwrap_or_default()
            .fill(Val::UNDEFINED);
    }

    /// Where the present operation comes from.
    fn at(&self) -> At {
        self.code.at(self.pc.wrapping_sub(1))
    }

    #[cold]
    fn limit(&self, limit: LimitKind) -> Box<EvalError> {
        Box::new(EvalError::Limit { at: self.at(), limit })
    }

    /// Looks at the limits. Returns how many operations may run before the next look.
    #[cold]
    fn look(&mut self) -> Done<u64> {
        let budget = &mut self.env.session.budget;
        let granted = self
            .env
            .heap
            .meter
            .settle(budget)
            .and_then(|()| budget.grant(STRIDE));
        let granted = granted.map_err(|limit| self.limit(limit))?;
        self.check_memory()?;
        Ok(granted)
    }

    fn check_memory(&self) -> Done<()> {
        let bytes = self
            .env
            .heap
            .scratch
            .bytes()
            .saturating_add(self.builders.bytes());
        if bytes as u64 > self.memory {
            return Err(self.limit(LimitKind::Memory));
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "a table: one arm an operation")]
    fn run(&mut self) -> Done<()> {
        let code = self.code;
        // In registers of the processor while nothing else needs to know them.
        let mut pc = self.pc;
        let mut stride = self.stride;
        while let Some(op) = code.ops.get(pc) {
            pc = pc.wrapping_add(1);
            if stride == 0 {
                self.pc = pc;
                stride = self.look()?;
            }
            stride = stride.wrapping_sub(1);
            match *op {
                Op::Jump(target) => pc = target as usize,
                Op::Next { table, list, block } => {
                    let list = self.reg(list).as_int().unwrap_or_default();
                    pc = self.next_block(table, list, block.wrapping_add(1));
                }
                Op::Dispatch { table, list } => {
                    let found = self.dispatch(table);
                    self.set(list, Val::small(found).unwrap_or(Val::UNDEFINED));
                    pc = self.next_block(table, found, 0);
                }
                Op::Move { src, dst } => {
                    let val = self.get(src);
                    self.set(dst, val);
                }
                Op::Dot {
                    source,
                    key,
                    dst,
                    base,
                    fail,
                } => {
                    let found = self.dot(self.get(source), self.get(key), base);
                    self.set(dst, found);
                    pc = next(found.is_defined(), pc, fail);
                }
                Op::Path {
                    source,
                    keys,
                    dst,
                    fail,
                } => {
                    let mut found = self.get(source);
                    for key in code.operands(keys) {
                        found = self.env.heap.index(found, self.get(*key));
                    }
                    self.set(dst, found);
                    pc = next(found.is_defined(), pc, fail);
                }
                Op::Equal { a, b, negated, fail } => {
                    let (a, b) = (self.get(a), self.get(b));
                    let holds = a.is_defined() && b.is_defined() && self.env.heap.eq(a, b) != negated;
                    pc = next(holds, pc, fail);
                }
                Op::Compare {
                    source,
                    key,
                    with,
                    negated,
                    fail,
                } => {
                    let found = self.env.heap.index(self.get(source), self.get(key));
                    let with = self.get(with);
                    let holds =
                        found.is_defined() && with.is_defined() && self.env.heap.eq(found, with) != negated;
                    pc = next(holds, pc, fail);
                }
                Op::Is { kind, src, fail } => pc = next(self.get(src).kind() == kind, pc, fail),
                Op::Defined { reg, negated, fail } => {
                    pc = next(self.reg(reg).is_defined() != negated, pc, fail);
                }
                Op::ScanNext {
                    state,
                    key,
                    value,
                    body,
                } => {
                    if self.scan_next(state, key, value) {
                        pc = body as usize;
                    }
                }
                Op::Builtin {
                    builtin,
                    args,
                    dst,
                    fail,
                } => {
                    self.pc = pc;
                    let result = self.builtin(builtin, args)?;
                    self.set(dst, result);
                    pc = next(result.is_defined(), pc, fail);
                }
                Op::Test { builtin, args, fail } => {
                    self.pc = pc;
                    let result = self.builtin(builtin, args)?;
                    pc = next(result.is_defined() && result != Val::FALSE, pc, fail);
                }
                Op::End if self.stacks.frames.is_empty() => return Ok(()),
                ref other => {
                    self.pc = pc;
                    self.more(other)?;
                    pc = self.pc;
                }
            }
        }
        Ok(())
    }

    /// The list of blocks for the value that a table looks at; 0 if no block expects it.
    fn dispatch(&self, table: u32) -> i64 {
        let Some(table) = self.code.tables.get(table as usize) else {
            return 0;
        };
        let mut found = self.reg(table.source);
        for key in self.code.operands(table.keys) {
            found = self.env.heap.index(found, self.get(*key));
        }
        if found.kind() == Kind::String && !found.is_known() {
            let Constants { names, region } = &*self.code.constants;
            let text = self.env.heap.text(found).as_bytes();
            found = names.find(text, region).unwrap_or(found);
        }
        table.lists.get(&found).copied().map_or(0, i64::from)
    }

    /// Where the next block from `from` on begins, with its own locals undefined.
    fn next_block(&mut self, table: u32, list: i64, from: u32) -> usize {
        let list = usize::try_from(list).unwrap_or_default();
        let Some(table) = self.code.tables.get(table as usize) else {
            return usize::MAX;
        };
        let block = table.next(list, from);
        if let Some((first, count)) = table.own.get(block) {
            let first = self.base.wrapping_add(*first as usize);
            let own = first..first.wrapping_add(*count as usize);
            let registers = self.stacks.registers.get_mut(own);
            registers.unwrap_or_default().fill(Val::UNDEFINED);
        }
        table
            .targets
            .get(block)
            .map_or(usize::MAX, |target| *target as usize)
    }

    /// The operations that run less often.
    fn more(&mut self, op: &Op) -> Done<()> {
        match *op {
            Op::Call {
                func,
                args,
                dst,
                fail,
            } => self.call(func, args, dst, fail)?,
            Op::Return { src } => {
                let val = self.get(src);
                self.leave(val);
            }
            Op::End => self.leave(Val::UNDEFINED),
            Op::Reset { dst } => self.set(dst, Val::UNDEFINED),
            Op::ScanBegin { src, state, next } => {
                let val = self.get(src);
                self.set(state, val);
                self.set(state.wrapping_add(1), Val::small(0).unwrap_or(Val::UNDEFINED));
                self.pc = next as usize;
            }
            Op::Length { src, dst, fail } => {
                let length = self.env.heap.length(self.get(src));
                let length = length
                    .and_then(|length| i64::try_from(length).ok())
                    .map_or(Val::UNDEFINED, |length| self.env.heap.scratch.integer(length));
                self.set(dst, length);
                self.go_on_if(length.is_defined(), fail);
            }
            Op::CallDynamic {
                path,
                args,
                dst,
                fail,
                missing,
            } => self.call_dynamic(path, args, dst, (fail, missing))?,
            Op::With {
                reg,
                path,
                value,
                saved,
                fail,
            } => self.with(reg, path, value, (saved, fail))?,
            Op::WithEnd { reg, saved } => {
                let before = self.reg(saved);
                self.set(reg, before);
                self.pop_memo();
            }
            Op::Result { src, fail } => {
                let val = self.get(src);
                if val.is_defined() {
                    self.stacks.results.push(val);
                }
                self.go_on_if(val.is_defined(), fail);
            }
            _ => return self.build(op),
        }
        Ok(())
    }

    fn go_on_if(&mut self, holds: bool, fail: u32) {
        if !holds {
            self.pc = fail as usize;
        }
    }

    /// `source[key]`; in a base document an index and its text are one key.
    fn dot(&self, source: Val, key: Val, base: bool) -> Val {
        let found = self.env.heap.index(source, key);
        if found.is_defined() || !base || source.kind() != Kind::Object {
            return found;
        }
        let text = self
            .env
            .heap
            .number(key)
            .map(|number: std::borrow::Cow<'_, Number>| number.to_string());
        text.map_or(Val::UNDEFINED, |text| self.env.heap.field_by_text(source, &text))
    }

    /// Whether there was one more element.
    fn scan_next(&mut self, state: Reg, key: Reg, value: Reg) -> bool {
        let collection = self.reg(state);
        let counter = state.wrapping_add(1);
        let index = self.reg(counter).as_int().unwrap_or_default();
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let parts = self.env.heap.parts(collection);
        let element = match collection.kind() {
            Kind::Array => parts.get(at).map(|part| (self.reg(counter), *part)),
            Kind::Set => parts.get(at).map(|part| (*part, *part)),
            Kind::Object => {
                let place = at.wrapping_mul(2);
                let found = parts.get(place).zip(parts.get(place.wrapping_add(1)));
                found.map(|(key, value)| (*key, *value))
            }
            // A scalar has no elements; what is undefined neither.
            _ => None,
        };
        let Some((found_key, found_value)) = element else {
            return false;
        };
        self.set(key, found_key);
        self.set(value, found_value);
        let after = Val::small(index.wrapping_add(1)).unwrap_or(Val::UNDEFINED);
        self.set(counter, after);
        true
    }
}

/// Where to go on.
fn next(holds: bool, pc: usize, fail: u32) -> usize {
    if holds { pc } else { fail as usize }
}
