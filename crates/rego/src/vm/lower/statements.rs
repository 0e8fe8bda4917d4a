//! Lowering of statements.

use stele_types::Number;

use std::collections::HashMap;

use super::index::Index;
use super::{Body, Label, Scope, documents, pc};
use crate::ir::{self, Block, Local, Location, Operand, Stmt, StmtKind};
use crate::vm::code::{Op, Operands, Pc, Reg, Src, Table};
use crate::vm::value::Kind;

impl<'a> Body<'_, 'a> {
    pub(super) fn emit(&mut self, op: Op, location: Location) {
        self.lowering.ops.push(op);
        self.lowering.locations.push(location);
    }

    fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(pc(self.labels.len().saturating_sub(1)))
    }

    /// Puts a label before the next operation.
    fn place(&mut self, label: Label) {
        let here = pc(self.lowering.ops.len());
        if let Some(slot) = self.labels.get_mut(label.0 as usize) {
            *slot = Some(here);
        }
    }

    fn register(&mut self, count: u32) -> Reg {
        let first = self.next;
        self.next = self.next.saturating_add(count);
        first
    }

    /// The label of the innermost block: where an undefined statement goes.
    pub(super) fn fail(&self) -> Pc {
        let innermost = self.scopes.iter().rev().find_map(|scope| match scope {
            Scope::Block(label) => Some(label.0),
            Scope::With { .. } => None,
        });
        // Every statement is in a block.
        innermost.unwrap_or_default()
    }

    /// Leaves `further` blocks besides the innermost one.
    fn leave(&mut self, further: u32, location: Location) {
        let mut left = further;
        let scopes: Vec<Scope> = self.scopes.iter().rev().copied().collect();
        for scope in scopes {
            match scope {
                Scope::With { reg, saved } => self.emit(Op::WithEnd { reg, saved }, location),
                Scope::Block(label) if left == 0 => return self.emit(Op::Jump(label.0), location),
                Scope::Block(_) => left = left.saturating_sub(1),
            }
        }
        // Out of all blocks: the body ends.
        self.emit(Op::End, location);
    }

    /// Where leaving `further` blocks would go, by way of an operation placed out of line.
    fn landing(&mut self, further: u32, location: Location) -> (Label, Label) {
        let (landing, after) = (self.label(), self.label());
        self.emit(Op::Jump(after.0), location);
        self.place(landing);
        self.leave(further, location);
        self.place(after);
        (landing, after)
    }

    pub(super) fn blocks(&mut self, blocks: &'a [Block]) {
        for block in blocks {
            let end = self.label();
            self.block(block, end);
            self.place(end);
        }
    }

    /// Lowers the blocks of a function of which only those run that may have an effect.
    pub(super) fn indexed(&mut self, blocks: &'a [Block], index: &Index) {
        let number = pc(self.lowering.tables.len());
        let list = self.register(1);
        let keys: Vec<Src> = index
            .place
            .keys
            .iter()
            .map(|key| {
                let text = self.lowering.string(*key);
                self.lowering.pool.string(text)
            })
            .collect();
        let mut table = Table {
            source: index.place.root.0,
            keys: self.lowering.range(keys),
            lists: HashMap::default(),
            blocks: vec![Vec::new()],
            own: index.own.clone(),
            targets: Vec::new(),
        };
        self.emit(Op::Dispatch { table: number, list }, Location::default());
        for (at, (block, expected)) in blocks.iter().zip(&index.expected).enumerate() {
            let block_number = pc(at);
            let place = match expected.and_then(|key| self.lowering.constant(key)) {
                None => 0,
                Some(value) => {
                    let next = pc(table.blocks.len());
                    let place = *table.lists.entry(value).or_insert(next);
                    if place == next {
                        table.blocks.push(Vec::new());
                    }
                    place
                }
            };
            if let Some(blocks) = table.blocks.get_mut(place as usize) {
                blocks.push(block_number);
            }
            let (begin, end) = (self.label(), self.label());
            table.targets.push(begin.0);
            self.place(begin);
            self.block(block, end);
            self.place(end);
            let next = Op::Next {
                table: number,
                list,
                block: block_number,
            };
            self.emit(next, Location::default());
        }
        let after = self.label();
        self.place(after);
        table.targets.push(after.0);
        self.table = Some(table);
    }

    /// Lowers a block whose undefined statements go to `end`.
    fn block(&mut self, block: &'a Block, end: Label) {
        self.scopes.push(Scope::Block(end));
        let mut rest = block.stmts.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let taken = match self.path(rest) {
                0 => self.fused(rest),
                taken => taken,
            };
            let taken = if taken == 0 { self.aggregate(rest) } else { taken };
            rest = if taken == 0 {
                self.stmt(first);
                after
            } else {
                rest.get(taken..).unwrap_or_default()
            };
        }
        self.scopes.pop();
    }

    pub(super) fn src(&mut self, operand: Operand, location: Location) -> Src {
        match operand {
            Operand::Local(local) => self.read(local, location),
            constant => self.lowering.operand(constant),
        }
    }

    /// Before a local is read, what is built in it becomes a value.
    fn read(&mut self, local: Local, location: Location) -> Src {
        if let Some(constant) = self.constants.get(&local) {
            return *constant;
        }
        if self.built.contains(&local) {
            self.emit(Op::Seal { reg: local.0 }, location);
        }
        Src::reg(local.0)
    }

    fn range(&mut self, operands: impl IntoIterator<Item = Operand>, location: Location) -> Operands {
        let sources: Vec<Src> = operands
            .into_iter()
            .map(|operand| self.src(operand, location))
            .collect();
        self.lowering.range(sources)
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        let location = stmt.location;
        match &stmt.kind {
            StmtKind::Block { blocks } => self.blocks(blocks),
            StmtKind::Break { index } => self.leave(*index, location),
            StmtKind::Not { block } => {
                let (fail, after) = (self.fail(), self.label());
                self.block(block, after);
                self.emit(Op::Jump(fail), location);
                self.place(after);
            }
            StmtKind::Scan {
                source,
                key,
                value,
                block,
            } => self.scan(*source, (*key, *value), block, location),
            StmtKind::With {
                local,
                path,
                value,
                block,
            } => self.with(*local, path, *value, block, location),
            StmtKind::Call { func, args, .. } if func == crate::trace::POINT => self.probe(args, location),
            StmtKind::Call { func, args, result } if func == crate::trace::PRINT => {
                // What it may be called with is the builtin's to say; then it is reported.
                let args = self.range(args.iter().copied(), location);
                let (dst, fail) = (result.0, self.fail());
                let builtin = self.lowering.builtin(func);
                let call = Op::Builtin {
                    builtin,
                    args,
                    dst,
                    fail,
                };
                self.emit(call, location);
                self.emit(Op::Print { args }, location);
            }
            StmtKind::Call { func, args, result } => {
                let args = self.range(args.iter().copied(), location);
                let (dst, fail) = (result.0, self.fail());
                let op = match self.lowering.funcs.get(func.as_str()).copied() {
                    Some(func) => Op::Call {
                        func,
                        args,
                        dst,
                        fail,
                    },
                    None => {
                        let builtin = self.lowering.builtin(func);
                        Op::Builtin {
                            builtin,
                            args,
                            dst,
                            fail,
                        }
                    }
                };
                self.emit(op, location);
            }
            StmtKind::CallDynamic { args, result, path } => {
                // A function that exists and is undefined: see `StmtKind::CallDynamic`.
                let (landing, _) = self.landing(2, location);
                let path = self.range(path.iter().copied(), location);
                let args = self.range(args.iter().copied().map(Operand::Local), location);
                let (dst, missing) = (result.0, self.fail());
                let op = Op::CallDynamic {
                    path,
                    args,
                    dst,
                    fail: landing.0,
                    missing,
                };
                self.emit(op, location);
            }
            kind => self.simple(kind, location),
        }
    }

    /// Lowers `Dot` statements at the beginning of `stmts` that make one path of constant strings; says how many there were.
    fn path(&mut self, stmts: &'a [Stmt]) -> usize {
        let mut keys = Vec::new();
        let mut ends: Option<(Operand, Local)> = None;
        for stmt in stmts {
            let StmtKind::Dot {
                source,
                key: key @ Operand::StringIndex(_),
                target,
            } = &stmt.kind
            else {
                break;
            };
            ends = match ends {
                None => Some((*source, *target)),
                Some((first, last)) if *source == Operand::Local(last) && self.steps.contains(&last) => {
                    Some((first, *target))
                }
                Some(_) => break,
            };
            keys.push(*key);
        }
        let (Some((source, target)), Some(first)) = (ends, stmts.first()) else {
            return 0;
        };
        if keys.len() < 2 {
            return 0;
        }
        let location = first.location;
        let source = self.src(source, location);
        let count = keys.len();
        let keys: Vec<Src> = keys.into_iter().map(|key| self.lowering.operand(key)).collect();
        let op = Op::Path {
            source,
            keys: self.lowering.range(keys),
            dst: target.0,
            fail: self.fail(),
        };
        self.emit(op, location);
        count
    }

    /// Lowers two statements, the second of which looks at nothing but what the first has found; says how many there were.
    fn fused(&mut self, stmts: &'a [Stmt]) -> usize {
        let [first, second, ..] = stmts else { return 0 };
        let (a, b, negated) = match second.kind {
            StmtKind::Equal { a, b } => (a, b, false),
            StmtKind::NotEqual { a, b } => (a, b, true),
            _ => return 0,
        };
        let found = first.kind.access().writes;
        let Some(found) = found.first().filter(|found| self.steps.contains(found)) else {
            return 0;
        };
        let with = match (a.local() == Some(*found), b.local() == Some(*found)) {
            (true, false) => b,
            (false, true) => a,
            _ => return 0,
        };
        let location = first.location;
        match &first.kind {
            StmtKind::Dot { source, key, .. }
                if !source.local().is_some_and(|local| self.base.contains(&local)) =>
            {
                let op = Op::Compare {
                    source: self.src(*source, location),
                    key: self.src(*key, location),
                    with: self.src(with, location),
                    negated,
                    fail: self.fail(),
                };
                self.emit(op, location);
                2
            }
            StmtKind::Call { func, args, .. }
                if (negated, with) == (true, Operand::Bool(false))
                    && ![crate::trace::POINT, crate::trace::PRINT].contains(&func.as_str())
                    && !self.lowering.funcs.contains_key(func.as_str()) =>
            {
                let op = Op::Test {
                    args: self.range(args.iter().copied(), location),
                    builtin: self.lowering.builtin(func),
                    fail: self.fail(),
                };
                self.emit(op, location);
                2
            }
            _ => 0,
        }
    }

    fn scan(&mut self, source: Local, (key, value): (Local, Local), block: &'a Block, location: Location) {
        let src = self.read(source, location);
        let state = self.register(2);
        let (next, body) = (self.label(), self.label());
        let begin = Op::ScanBegin {
            src,
            state,
            next: next.0,
        };
        self.emit(begin, location);
        self.place(body);
        self.block(block, next);
        self.place(next);
        // There is no such register, and so nothing is written.
        let wanted = |local: Local| {
            if self.read.contains(&local) {
                local.0
            } else {
                Reg::MAX
            }
        };
        let op = Op::ScanNext {
            state,
            key: wanted(key),
            value: wanted(value),
            body: body.0,
        };
        self.emit(op, location);
    }

    fn with(&mut self, local: Local, path: &[u32], value: Operand, block: &'a Block, location: Location) {
        self.read(local, location);
        let value = self.src(value, location);
        let keys: Vec<Src> = path
            .iter()
            .map(|index| {
                self.lowering
                    .operand(Operand::StringIndex(ir::StringIndex(*index)))
            })
            .collect();
        let path = self.lowering.range(keys);
        let (reg, saved, fail) = (local.0, self.register(1), self.fail());
        let (undefined, after) = (self.label(), self.label());
        let op = Op::With {
            reg,
            path,
            value,
            saved,
            fail,
        };
        self.emit(op, location);
        self.scopes.push(Scope::With { reg, saved });
        self.block(block, undefined);
        self.scopes.pop();
        self.emit(Op::WithEnd { reg, saved }, location);
        self.emit(Op::Jump(after.0), location);
        self.place(undefined);
        self.emit(Op::WithEnd { reg, saved }, location);
        self.emit(Op::Jump(fail), location);
        self.place(after);
    }

    /// Whether all that a statement does is to make a constant, or to add to one.
    pub(super) fn makes_constant(&self, kind: &StmtKind) -> bool {
        let mut changed = documents::writes(kind).into_iter().chain(documents::grown(kind));
        changed.any(|local| self.constants.contains_key(&local))
    }

    /// The statements without blocks.
    fn simple(&mut self, kind: &'a StmtKind, location: Location) {
        if self.makes_constant(kind) {
            return;
        }
        let fail = self.fail();
        let op = match kind {
            StmtKind::AssignInt { value, target } | StmtKind::MakeNumberInt { value, target } => Op::Move {
                src: self.lowering.pool.number(Number::from(*value)),
                dst: target.0,
            },
            StmtKind::MakeNumberRef { index, target } => {
                // The verifier has checked the number.
                let number = Number::parse(self.lowering.string(*index)).unwrap_or(Number::ZERO);
                Op::Move {
                    src: self.lowering.pool.number(number),
                    dst: target.0,
                }
            }
            StmtKind::MakeNull { target } => Op::Move {
                src: self.lowering.pool.null(),
                dst: target.0,
            },
            StmtKind::MakeArray { target, .. } => self.begin(Kind::Array, *target),
            StmtKind::MakeObject { target } => self.begin(Kind::Object, *target),
            StmtKind::MakeSet { target } => self.begin(Kind::Set, *target),
            StmtKind::AssignVarOnce { source, target } => {
                let src = self.src(*source, location);
                self.read(*target, location);
                Op::MoveOnce {
                    src,
                    dst: target.0,
                    fail,
                }
            }
            StmtKind::AssignVar { source, target } => Op::Move {
                src: self.src(*source, location),
                dst: target.0,
            },
            StmtKind::ArrayAppend { value, array } => Op::Append {
                src: self.src(*value, location),
                array: array.0,
                fail,
            },
            StmtKind::SetAdd { value, set } => Op::Add {
                src: self.src(*value, location),
                set: set.0,
                fail,
            },
            StmtKind::ObjectInsertOnce { key, value, object } => {
                self.insert((*key, *value), *object, true, location)
            }
            StmtKind::ObjectInsert { key, value, object } => {
                self.insert((*key, *value), *object, false, location)
            }
            StmtKind::ObjectMerge { a, b, target } => Op::Merge {
                a: self.read(*a, location),
                b: self.read(*b, location),
                dst: target.0,
                fail,
            },
            StmtKind::ResetLocal { target } => Op::Reset { dst: target.0 },
            StmtKind::ResultSetAdd { value } => Op::Result {
                src: self.read(*value, location),
                fail,
            },
            StmtKind::ReturnLocal { source } => {
                let src = self.read(*source, location);
                self.unwind(location);
                Op::Return { src }
            }
            _ => return self.test(kind, location),
        };
        self.emit(op, location);
    }

    /// The statements that look at values.
    fn test(&mut self, kind: &'a StmtKind, location: Location) {
        let fail = self.fail();
        let op = match kind {
            StmtKind::Dot { source, key, target } => Op::Dot {
                source: self.src(*source, location),
                key: self.src(*key, location),
                dst: target.0,
                base: source.local().is_some_and(|local| self.base.contains(&local)),
                fail,
            },
            StmtKind::Equal { a, b } | StmtKind::NotEqual { a, b } => Op::Equal {
                a: self.src(*a, location),
                b: self.src(*b, location),
                negated: matches!(kind, StmtKind::NotEqual { .. }),
                fail,
            },
            StmtKind::IsArray { source } => self.is(Kind::Array, *source, location),
            StmtKind::IsObject { source } => self.is(Kind::Object, *source, location),
            StmtKind::IsSet { source } => self.is(Kind::Set, *source, location),
            // A constant.
            StmtKind::IsDefined { source } if self.constants.contains_key(source) => return,
            StmtKind::IsUndefined { source } if self.constants.contains_key(source) => Op::Jump(fail),
            StmtKind::IsDefined { source } | StmtKind::IsUndefined { source } => Op::Defined {
                reg: source.0,
                negated: matches!(kind, StmtKind::IsUndefined { .. }),
                fail,
            },
            StmtKind::Len { source, target } => Op::Length {
                src: self.src(*source, location),
                dst: target.0,
                fail,
            },
            // `Nop`; everything else was lowered before.
            _ => return,
        };
        self.emit(op, location);
    }

    fn is(&mut self, kind: Kind, source: Operand, location: Location) -> Op {
        Op::Is {
            kind,
            src: self.src(source, location),
            fail: self.fail(),
        }
    }

    fn begin(&mut self, kind: Kind, target: Local) -> Op {
        if self.built.contains(&target) {
            return Op::Begin { kind, dst: target.0 };
        }
        Op::Move {
            src: self.lowering.pool.empty(kind),
            dst: target.0,
        }
    }

    fn insert(
        &mut self,
        (key, value): (Operand, Operand),
        object: Local,
        once: bool,
        location: Location,
    ) -> Op {
        Op::Insert {
            key: self.src(key, location),
            value: self.src(value, location),
            object: object.0,
            once,
            fail: self.fail(),
        }
    }

    /// A point of a traced program: its number, then what it reports.
    fn probe(&mut self, args: &[Operand], location: Location) {
        let Some((Operand::StringIndex(number), values)) = args.split_first() else {
            return;
        };
        let Ok(point) = self.lowering.string(number.0).parse() else {
            return;
        };
        let args = self.range(values.iter().copied(), location);
        self.emit(Op::Probe { point, args }, location);
    }

    /// Undoes every replacement: the function returns.
    fn unwind(&mut self, location: Location) {
        let scopes: Vec<Scope> = self.scopes.iter().rev().copied().collect();
        for scope in scopes {
            if let Scope::With { reg, saved } = scope {
                self.emit(Op::WithEnd { reg, saved }, location);
            }
        }
    }
}
