//! One function.

use super::shape::{opposite, tail_value};
use super::{CodegenError, Module};
use crate::asm::{Item, Label};
use crate::lir::{Expr, Frame, Func, Place, Stmt, Symbol, Var};
use crate::op::Op;
use alloy_primitives::U256;

struct Target<'a> {
    name: &'a str,
    leave: Label,
    again: Option<Label>,
    height: usize,
}

struct Gen<'m, 'a> {
    module: &'m mut Module<'a>,
    func: &'a Func,
    /// Stack slot of each stack variable, counted from the function's first word.
    slots: Vec<Option<usize>>,
    /// Memory address of the first variable (memory frames).
    frame: u64,
    height: usize,
    /// Height that every exit returns to.
    base: usize,
    exit: Label,
    /// How the function is left.
    end: End,
    targets: Vec<Target<'a>>,
    /// Code after a jump or halt is not generated.
    dead: bool,
}

/// What becomes of a function's words when it is left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// They stay: the entry function halts by itself.
    Halt,
    /// The result takes their place, and control goes back to the caller.
    Return,
    /// The result takes their place, and control goes on behind them: the function is written out in its caller.
    Inline,
}

/// Functions of more arguments return by one epilogue; in others a copy of it is no longer than the jump to it.
const SHORT_EPILOGUE: usize = 4;

/// Generates one function. The entry function has no return address and must halt itself.
pub(super) fn function<'a>(module: &mut Module<'a>, func: &'a Func, entry: bool) -> Result<(), CodegenError> {
    let label = module
        .functions
        .get(&func.name)
        .copied()
        .unwrap_or(Label(u32::MAX));
    let exit = module.label();
    let args = usize::try_from(func.params).unwrap_or(usize::MAX);
    module.items.push(Item::Entry {
        label,
        args,
        returns: !entry,
    });
    let unknown = module.place(Place {
        file: 0,
        row: 0,
        col: 0,
    });
    module.items.push(Item::Mark(unknown));
    let mut generator = Gen {
        slots: vec![None; func.vars.len()],
        frame: module.layout.frame(&func.name).unwrap_or(0),
        height: args.saturating_add(usize::from(!entry)),
        base: 0,
        exit,
        end: if entry { End::Halt } else { End::Return },
        targets: Vec::new(),
        dead: false,
        module,
        func,
    };
    generator.whole()
}

impl<'a> Gen<'_, 'a> {
    fn args(&self) -> usize {
        usize::try_from(self.func.params).unwrap_or(usize::MAX)
    }

    /// Prologue, body and epilogue; the arguments are on the stack.
    fn whole(&mut self) -> Result<(), CodegenError> {
        let args = self.args();
        let func = self.func;
        if let (Some((before, value)), true) = (tail_value(func), self.end != End::Halt) {
            self.stack_arguments(args);
            let first = self.height;
            for stmt in before {
                self.stmt(stmt)?;
            }
            self.expr(value)?;
            let below = args.saturating_add(self.height.saturating_sub(first.saturating_add(1)));
            self.sink(below);
            self.go_back(1);
            return Ok(());
        }
        match func.frame {
            Frame::Stack => self.stack_prologue(args),
            Frame::Memory => self.memory_prologue(args),
        }
        self.body(&func.body)?;
        let exit = self.exit;
        self.join(exit, self.base);
        match (self.end, func.frame) {
            (End::Halt, _) => self.emit(Item::Op(Op::Invalid)),
            (_, Frame::Stack) => self.stack_epilogue(args),
            (_, Frame::Memory) => self.memory_epilogue(),
        }
        Ok(())
    }

    /// Writes a function out in place of a call.
    fn inline(&mut self, func: &'a Func, args: &[Expr]) -> Result<(), CodegenError> {
        let height = self.height;
        for arg in args {
            self.expr(arg)?;
        }
        if self.dead {
            return Ok(());
        }
        let exit = self.module.label();
        let mut inner = Gen {
            slots: vec![None; func.vars.len()],
            frame: 0,
            height: self.height,
            base: 0,
            exit,
            end: End::Inline,
            targets: Vec::new(),
            dead: false,
            module: &mut *self.module,
            func,
        };
        inner.whole()?;
        self.dead = inner.dead;
        self.height = height.saturating_add(usize::from(func.returns));
        Ok(())
    }

    fn emit(&mut self, item: Item) {
        if self.dead {
            return;
        }
        if let Item::Jump(label) | Item::JumpIf(label) | Item::JumpUnless(label) = &item {
            self.module.referenced.insert(*label);
        }
        match &item {
            Item::Op(op) => {
                self.height = self.height.saturating_sub(op.pops()).saturating_add(op.pushes());
                self.dead = op.terminates();
            }
            Item::Dup(_) | Item::Push(_) | Item::PushLabel(_) => self.height = self.height.saturating_add(1),
            Item::JumpIf(_) | Item::JumpUnless(_) => self.height = self.height.saturating_sub(1),
            Item::Jump(_) | Item::Ret { .. } => self.dead = true,
            Item::Call { args, rets, .. } => {
                self.height = self
                    .height
                    .saturating_sub(args.saturating_add(1))
                    .saturating_add(*rets);
            }
            Item::Swap(_) | Item::Label(..) | Item::Entry { .. } | Item::Mark(_) | Item::Undefined => {}
        }
        self.module.items.push(item);
    }

    fn emit_label(&mut self, label: Label, height: usize) {
        self.dead = false;
        self.height = height;
        self.emit(Item::Label(label, height));
    }

    fn push(&mut self, word: u64) {
        self.emit(Item::Push(U256::from(word)));
    }

    fn address(&self, var: Var) -> u64 {
        self.frame.saturating_add(u64::from(var.0).saturating_mul(32))
    }

    fn stack_arguments(&mut self, args: usize) {
        let first = self.height.saturating_sub(args);
        for (i, slot) in self.slots.iter_mut().take(args).enumerate() {
            *slot = Some(first.saturating_add(i));
        }
    }

    fn stack_prologue(&mut self, args: usize) {
        self.stack_arguments(args);
        if self.func.returns {
            let height = self.height;
            if let Some(slot) = self.slots.get_mut(args) {
                *slot = Some(height);
            }
            self.push(0);
        }
        self.base = self.height;
    }

    /// `[a1..an, r]` becomes `[r]`.
    fn sink(&mut self, below: usize) {
        if below > 0 {
            self.emit(Item::Swap(u8::try_from(below).unwrap_or(u8::MAX)));
        }
        for _ in 0..below {
            self.emit(Item::Op(Op::Pop));
        }
    }

    /// Goes back to the caller with so many words above the return address.
    fn go_back(&mut self, rets: usize) {
        if self.end == End::Return {
            if rets > 0 {
                self.emit(Item::Swap(1));
            }
            self.emit(Item::Ret { rets });
        }
    }

    /// `[ret, a1..an, r]` becomes `[r, ret]`; without a return address `[a1..an, r]` becomes `[r]`.
    fn stack_epilogue(&mut self, args: usize) {
        let swap = |n: usize| Item::Swap(u8::try_from(n).unwrap_or(u8::MAX));
        if self.func.returns && self.end == End::Return {
            self.emit(swap(args.saturating_add(1)));
            if args > 0 {
                self.emit(swap(args));
            }
        } else if self.func.returns && args > 0 {
            self.emit(swap(args));
        }
        for _ in 0..args {
            self.emit(Item::Op(Op::Pop));
        }
        if self.end == End::Return {
            self.emit(Item::Ret {
                rets: usize::from(self.func.returns),
            });
        }
    }

    fn memory_prologue(&mut self, args: usize) {
        for i in (0..self.func.params).rev() {
            let address = self.address(Var(i));
            self.push(address);
            self.emit(Item::Op(Op::Mstore));
        }
        let rest = self.func.vars.len().saturating_sub(args);
        let first = self.address(Var(self.func.params));
        match rest {
            0 => {}
            1 | 2 => {
                for i in 0..rest {
                    self.push(0);
                    self.push(first.saturating_add(if i == 0 { 0 } else { 32 }));
                    self.emit(Item::Op(Op::Mstore));
                }
            }
            // Reading beyond the call data yields zeros: the cheapest way to clear a range.
            _ => {
                self.push(u64::try_from(rest).unwrap_or(u64::MAX).saturating_mul(32));
                self.emit(Item::Op(Op::Calldatasize));
                self.push(first);
                self.emit(Item::Op(Op::Calldatacopy));
            }
        }
        self.base = self.height;
    }

    fn memory_epilogue(&mut self) {
        if let Some(result) = self.func.result() {
            let address = self.address(result);
            self.push(address);
            self.emit(Item::Op(Op::Mload));
            self.emit(Item::Swap(1));
        }
        self.emit(Item::Ret {
            rets: usize::from(self.func.returns),
        });
    }

    fn too_deep(&self, var: Var) -> CodegenError {
        let name = usize::try_from(var.0).ok().and_then(|i| self.func.vars.get(i));
        CodegenError::TooDeep {
            func: self.func.name.clone(),
            var: name.cloned().unwrap_or_default(),
        }
    }

    fn unresolved(&self, name: &str) -> CodegenError {
        CodegenError::Unresolved {
            func: self.func.name.clone(),
            name: name.to_owned(),
        }
    }

    /// Distance of a stack variable from the top, 1 for the top itself.
    fn depth(&self, var: Var) -> Result<u8, CodegenError> {
        let slot = usize::try_from(var.0)
            .ok()
            .and_then(|i| self.slots.get(i))
            .copied()
            .flatten();
        let slot = slot.ok_or_else(|| self.unresolved(&format!("{var:?}")))?;
        u8::try_from(self.height.saturating_sub(slot)).map_err(|_| self.too_deep(var))
    }

    fn read(&mut self, var: Var) -> Result<(), CodegenError> {
        if self.dead {
            return Ok(());
        }
        if self.func.frame == Frame::Memory {
            let address = self.address(var);
            self.push(address);
            self.emit(Item::Op(Op::Mload));
            return Ok(());
        }
        let depth = self.depth(var)?;
        if depth > 16 {
            return Err(self.too_deep(var));
        }
        self.emit(Item::Dup(depth));
        Ok(())
    }

    /// Stores the top of the stack.
    fn write(&mut self, var: Var) -> Result<(), CodegenError> {
        if self.dead {
            return Ok(());
        }
        if self.func.frame == Frame::Memory {
            let address = self.address(var);
            self.push(address);
            self.emit(Item::Op(Op::Mstore));
            return Ok(());
        }
        let distance = self.depth(var)?.saturating_sub(1);
        if distance > 16 {
            return Err(self.too_deep(var));
        }
        self.emit(Item::Swap(distance));
        self.emit(Item::Op(Op::Pop));
        Ok(())
    }

    fn pop_to(&mut self, height: usize) {
        while !self.dead && self.height > height {
            self.emit(Item::Op(Op::Pop));
        }
    }

    fn body(&mut self, body: &'a [Stmt]) -> Result<(), CodegenError> {
        let height = self.height;
        for stmt in body {
            self.stmt(stmt)?;
        }
        self.pop_to(height);
        Ok(())
    }

    fn stmt(&mut self, stmt: &'a Stmt) -> Result<(), CodegenError> {
        match stmt {
            Stmt::Let(var, e) => {
                self.expr(e)?;
                let slot = self.height.saturating_sub(1);
                if let Some(entry) = usize::try_from(var.0).ok().and_then(|i| self.slots.get_mut(i)) {
                    *entry = Some(slot);
                }
                Ok(())
            }
            Stmt::Set(var, e) => {
                self.expr(e)?;
                self.write(*var)
            }
            Stmt::Do(e) => self.expr(e),
            Stmt::If(cond, then, els) => self.branch(cond, then, els),
            Stmt::While(label, cond, body) => self.repeat(label, cond, body),
            Stmt::Block(label, body) => {
                let leave = self.module.label();
                let height = self.height;
                self.targets.push(Target {
                    name: label,
                    leave,
                    again: None,
                    height,
                });
                self.body(body)?;
                self.targets.pop();
                self.join(leave, height);
                Ok(())
            }
            Stmt::Break(label) => self.jump_out(label, false),
            Stmt::Continue(label) => self.jump_out(label, true),
            Stmt::Leave => {
                let height = self.height;
                self.pop_to(self.base);
                let args = self.args();
                if self.end == End::Return && self.func.frame == Frame::Stack && args <= SHORT_EPILOGUE {
                    self.stack_epilogue(args);
                } else {
                    let exit = self.exit;
                    self.emit(Item::Jump(exit));
                }
                self.height = height;
                Ok(())
            }
            Stmt::At(place) => {
                let mark = self.module.place(*place);
                self.emit(Item::Mark(mark));
                Ok(())
            }
        }
    }

    /// Places a forward label; without a jump to it, dead code stays dead.
    fn join(&mut self, label: Label, height: usize) {
        if !self.dead || self.module.referenced.contains(&label) {
            self.emit_label(label, height);
        }
    }

    fn branch(&mut self, cond: &Expr, then: &'a [Stmt], els: &'a [Stmt]) -> Result<(), CodegenError> {
        let otherwise = self.module.label();
        // A lone `break` or `continue` at the target's own height needs no block of its own.
        if let ([Stmt::Break(name) | Stmt::Continue(name)], true) = (then, els.is_empty()) {
            let again = matches!(then, [Stmt::Continue(_)]);
            if let Some((target, height)) = self.target(name, again)
                && height == self.height
            {
                self.jump_when(cond, target, true)?;
                if self.func.frame == Frame::Memory {
                    self.emit(Item::Undefined);
                }
                return Ok(());
            }
        }
        self.jump_when(cond, otherwise, false)?;
        let height = self.height;
        self.body(then)?;
        if els.is_empty() {
            self.join(otherwise, height);
            return Ok(());
        }
        let end = self.module.label();
        self.emit(Item::Jump(end));
        self.join(otherwise, height);
        self.body(els)?;
        self.join(end, height);
        Ok(())
    }

    /// Jumps to `label` when the condition's truth is `when`.
    fn jump_when(&mut self, cond: &Expr, label: Label, when: bool) -> Result<(), CodegenError> {
        if let Expr::Op(Op::Iszero, args) = cond
            && let [inner] = args.as_slice()
        {
            return self.jump_when(inner, label, !when);
        }
        if !when && let Some(opposite) = opposite(cond) {
            return self.jump_when(&opposite, label, true);
        }
        if !when
            && let Expr::Op(Op::Eq, args) = cond
            && args.len() == 2
        {
            // Unequal exactly when the difference is not zero: saves the ISZERO.
            for arg in args.iter().rev() {
                self.expr(arg)?;
            }
            self.emit(Item::Op(Op::Sub));
            self.emit(Item::JumpIf(label));
            return Ok(());
        }
        self.expr(cond)?;
        self.emit(if when {
            Item::JumpIf(label)
        } else {
            Item::JumpUnless(label)
        });
        Ok(())
    }

    fn repeat(&mut self, name: &'a str, cond: &Expr, body: &'a [Stmt]) -> Result<(), CodegenError> {
        let (start, again, leave) = (self.module.label(), self.module.label(), self.module.label());
        let height = self.height;
        if self.dead {
            return Ok(());
        }
        let endless = matches!(cond, Expr::Const(word) if !word.is_zero());
        // The condition stands at the end: one jump each round.
        if !endless {
            self.emit(Item::Jump(again));
        }
        self.emit_label(start, height);
        self.targets.push(Target {
            name,
            leave,
            again: Some(if endless { start } else { again }),
            height,
        });
        self.body(body)?;
        self.targets.pop();
        if endless {
            self.emit(Item::Jump(start));
        } else {
            self.emit_label(again, height);
            self.jump_when(cond, start, true)?;
        }
        self.join(leave, height);
        Ok(())
    }

    fn target(&self, name: &str, again: bool) -> Option<(Label, usize)> {
        let found = self.targets.iter().rev().find(|t| t.name == name)?;
        Some((if again { found.again? } else { found.leave }, found.height))
    }

    fn jump_out(&mut self, name: &str, again: bool) -> Result<(), CodegenError> {
        let (label, height) = self.target(name, again).ok_or_else(|| self.unresolved(name))?;
        self.pop_to(height);
        self.emit(Item::Jump(label));
        Ok(())
    }

    fn expr(&mut self, e: &Expr) -> Result<(), CodegenError> {
        match e {
            Expr::Const(word) => {
                self.constant(*word);
                Ok(())
            }
            Expr::Var(var) => self.read(*var),
            Expr::Symbol(symbol) => self.symbol(*symbol),
            Expr::Tee(var, inner) => {
                self.expr(inner)?;
                self.emit(Item::Dup(1));
                self.write(*var)
            }
            Expr::Op(op, args) => {
                for arg in args.iter().rev() {
                    self.expr(arg)?;
                }
                self.emit(Item::Op(*op));
                Ok(())
            }
            Expr::Call(name, args) => {
                if let Some(func) = self.module.inlined(name) {
                    return self.inline(func, args);
                }
                let back = self.module.label();
                let rets = self
                    .module
                    .program
                    .funcs
                    .get(name)
                    .map(|f| usize::from(f.returns));
                let target = self.module.called(name);
                let (Some(rets), Some(target)) = (rets, target) else {
                    return Err(self.unresolved(name));
                };
                self.emit(Item::PushLabel(back));
                for arg in args {
                    self.expr(arg)?;
                }
                self.emit(Item::Call {
                    target,
                    back,
                    args: args.len(),
                    rets,
                });
                Ok(())
            }
        }
    }

    /// Pushes a constant; one with many zero bytes at its end (selectors, texts) is shorter when shifted into place.
    fn constant(&mut self, word: U256) {
        let zeros = word.trailing_zeros() / 8;
        if word.is_zero() || zeros < 4 {
            self.emit(Item::Push(word));
            return;
        }
        let bits = zeros.saturating_mul(8);
        self.emit(Item::Push(word.wrapping_shr(bits)));
        self.push(u64::try_from(bits).unwrap_or_default());
        self.emit(Item::Op(Op::Shl));
    }

    fn symbol(&mut self, symbol: Symbol) -> Result<(), CodegenError> {
        let label = match symbol {
            Symbol::PoolCode => Some(self.module.pool),
            Symbol::Table(i) => usize::try_from(i)
                .ok()
                .and_then(|i| self.module.tables.get(i))
                .copied(),
            _ => None,
        };
        if let Some(label) = label {
            self.emit(Item::PushLabel(label));
            return Ok(());
        }
        let word = self
            .module
            .layout
            .resolve(symbol)
            .ok_or_else(|| self.unresolved(&symbol.to_string()))?;
        self.emit(Item::Push(word));
        Ok(())
    }
}
