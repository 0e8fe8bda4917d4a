//! Calls of functions and builtins.

use stele_types::Value;

use super::{Done, Frame, Machine, UNKNOWN};
use crate::builtins::{Body, BuiltinError, Refusal, shallow_size};
use crate::eval::{EvalError, LimitKind};
use crate::vm::code::{Operands, Pc, Reg};
use crate::vm::value::{Constants, Kind, Val, from_value, weigh_value};

impl Machine<'_, '_> {
    pub(super) fn call(&mut self, index: u32, args: Operands, dst: Reg, fail: Pc) -> Done<()> {
        let code = self.code;
        // Lowering has resolved the index.
        let Some(func) = code.funcs.get(index as usize) else {
            self.set(dst, Val::UNDEFINED);
            self.go_on_if(false, fail);
            return Ok(());
        };
        if let Some(memo) = func.memo {
            let known = self.memo_slot(memo).copied().unwrap_or(UNKNOWN);
            if known != UNKNOWN {
                self.set(dst, known);
                self.go_on_if(known.is_defined(), fail);
                return Ok(());
            }
        }
        if self.stacks.frames.len() as u64 >= u64::from(self.depth) {
            return Err(self.limit(LimitKind::Depth));
        }
        let base = self.top;
        self.top = base.wrapping_add(func.frame as usize);
        self.reserve(base, func.clear);
        for (param, arg) in func.params.iter().zip(code.operands(args)) {
            let val = self.get(*arg);
            if let Some(slot) = self.stacks.registers.get_mut(base.wrapping_add(*param as usize)) {
                *slot = val;
            }
        }
        self.stacks.frames.push(Frame {
            base: self.base,
            back: self.pc,
            fail: fail as usize,
            dst,
            memo: func.memo,
        });
        self.base = base;
        self.pc = func.start as usize;
        Ok(())
    }

    /// Goes back to the caller with a result.
    pub(super) fn leave(&mut self, val: Val) {
        let Some(frame) = self.stacks.frames.pop() else {
            // A plan that returns: it ends.
            self.pc = usize::MAX;
            return;
        };
        self.top = self.base;
        self.base = frame.base;
        if let Some(slot) = frame.memo.and_then(|memo| self.memo_slot(memo)) {
            *slot = val;
        }
        self.set(frame.dst, val);
        self.pc = if val.is_defined() { frame.back } else { frame.fail };
    }

    pub(super) fn call_dynamic(
        &mut self,
        path: Operands,
        args: Operands,
        dst: Reg,
        (fail, missing): (Pc, Pc),
    ) -> Done<()> {
        let code = self.code;
        let names = code.operands(path).iter().map(|part| {
            let part = self.get(*part);
            self.env.heap.as_text(part).map(str::to_owned)
        });
        let path: Option<Vec<String>> = names.collect();
        match path.and_then(|path| code.paths.get(&path)) {
            Some(func) => self.call(*func, args, dst, fail),
            None => {
                self.go_on_if(false, missing);
                Ok(())
            }
        }
    }

    /// The result of a builtin; undefined also when it fails, unless the evaluation is strict.
    pub(super) fn builtin(&mut self, index: u32, operands: Operands) -> Done<Val> {
        let code = self.code;
        let Some(called) = code.builtins.get(index as usize) else {
            return Ok(Val::UNDEFINED);
        };
        let mut args = std::mem::take(&mut self.stacks.args);
        args.clear();
        args.extend(code.operands(operands).iter().map(|src| self.get(*src)));
        let result = self.builtin_with(called, &args);
        self.stacks.args = args;
        result
    }

    fn builtin_with(&mut self, called: &crate::vm::code::Called, args: &[Val]) -> Done<Val> {
        let refused = |refusal| EvalError::Refused {
            name: called.name.to_string(),
            at: self.at(),
            refusal,
        };
        let Some(builtin) = called.builtin else {
            return Err(Box::new(refused(Refusal::Unknown)));
        };
        if let Body::Refused(refusal) = builtin.body {
            return Err(Box::new(refused(refusal)));
        }
        if args.iter().any(|arg| !arg.is_defined()) {
            return Ok(Val::UNDEFINED);
        }
        if let Some(native) = called.native {
            self.charge(args)?;
            if let Some(val) = native(&mut self.env, args) {
                return Ok(val);
            }
        }
        self.check_memory()?;
        match self.general(builtin, args) {
            Ok(val) => Ok(val),
            Err(BuiltinError::Undefined) => Ok(Val::UNDEFINED),
            Err(BuiltinError::Limit(limit)) => Err(self.limit(limit)),
            Err(BuiltinError::Refused(refusal)) => Err(Box::new(EvalError::Refused {
                name: called.name.to_string(),
                at: self.at(),
                refusal,
            })),
            Err(BuiltinError::Host(error)) => Err(Box::new(EvalError::Host {
                name: called.name.to_string(),
                at: self.at(),
                error,
            })),
            Err(error) if self.strict => Err(Box::new(EvalError::Builtin {
                name: builtin.name,
                at: self.at(),
                error,
            })),
            Err(_) => Ok(Val::UNDEFINED),
        }
    }

    /// Charges for what a native looks at: one instruction for each 256 bytes.
    fn charge(&mut self, args: &[Val]) -> Done<()> {
        let bytes = args.iter().fold(0_usize, |sum, arg| {
            sum.saturating_add(match arg.kind() {
                Kind::String => self.env.heap.text(*arg).len(),
                _ => self.env.heap.parts(*arg).len().saturating_mul(16),
            })
        });
        if bytes < 256 {
            return Ok(());
        }
        let cost = (bytes >> 8) as u64;
        self.env
            .session
            .budget
            .work(cost)
            .map_err(|limit| self.limit(limit))?;
        self.check_memory()
    }

    /// Calls the general implementation, which takes ordinary values: charges for copying the arguments and the result, one instruction
    /// for each 64 bytes, however deep they lie.
    fn general(
        &mut self,
        builtin: &'static crate::builtins::Builtin,
        args: &[Val],
    ) -> Result<Val, BuiltinError> {
        let Body::Function(function) = builtin.body else {
            return Err(BuiltinError::Undefined);
        };
        let heap = &self.env.heap;
        let weighed = args
            .iter()
            .try_fold(self.memory, |left, arg| heap.weigh(*arg, left));
        let left = weighed.ok_or(LimitKind::Memory)?;
        self.env
            .session
            .budget
            .work(self.memory.saturating_sub(left) >> 6)?;
        let values: Vec<Value> = args.iter().filter_map(|arg| heap.to_value(*arg)).collect();
        let value = function(&mut self.env.session, &values)?;
        self.env.session.budget.allocate(shallow_size(&value))?;
        let left = weigh_value(&value, self.memory).ok_or(LimitKind::Memory)?;
        self.env
            .session
            .budget
            .work(self.memory.saturating_sub(left) >> 6)?;
        let constants = Constants {
            names: &self.code.constants.names,
            region: &self.code.constants.region,
        };
        from_value(&value, self.env.heap.scratch, &constants).map_err(|_| LimitKind::Memory.into())
    }
}
