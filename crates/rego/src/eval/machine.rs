//! Executes lowered code.

mod simple;

use std::collections::{BTreeSet, HashMap};

use stele_types::Value;

use self::simple::{charge_builtin, simple, upsert};
use super::code::{Arg, Block, Callee, Code, Func, Op, Plan, Stmt};
use super::error::{At, EvalError};
use super::trace::{Enter, Exit, Outcome, Statement, Tracer};
use crate::builtins::{self, Body, Builtin, BuiltinError, Refusal, Session};

/// What happens after a statement or block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// The next statement, or: the block ran to its end.
    Next,
    /// This many further blocks are left besides the innermost. Undefined is `Break(0)`.
    Break(u32),
    /// The function returns the value in [`Machine::returned`].
    Return,
}

/// An undefined statement leaves its block.
const UNDEFINED: Flow = Flow::Break(0);

/// The locals of a plan or function.
struct Frame {
    locals: Vec<Option<Value>>,
}

impl Frame {
    fn new(locals: usize) -> Self {
        Self {
            locals: vec![None; locals],
        }
    }

    fn get(&self, local: usize) -> Option<&Value> {
        self.locals.get(local)?.as_ref()
    }

    fn set(&mut self, local: usize, value: Option<Value>) {
        // Lowering has sized the frame for the highest local.
        if let Some(slot) = self.locals.get_mut(local) {
            *slot = value;
        }
    }

    fn slot(&mut self, local: usize) -> Option<&mut Value> {
        self.locals.get_mut(local)?.as_mut()
    }

    fn value<'a>(&'a self, arg: &'a Arg) -> Option<&'a Value> {
        match arg {
            Arg::Local(local) => self.get(*local),
            Arg::Const(value) => Some(value),
        }
    }
}

/// The state of one evaluation.
pub(super) struct Machine<'a, 's> {
    pub(super) code: &'a Code,
    pub(super) session: &'a mut Session<'s>,
    pub(super) strict: bool,
    pub(super) tracer: &'a mut dyn Tracer,
    pub(super) statements: bool,
    /// Results of functions without arguments: one layer, and one more for each `With` around.
    pub(super) memo: Vec<HashMap<usize, Option<Value>>>,
    pub(super) results: BTreeSet<Value>,
    /// Nested blocks and calls.
    pub(super) depth: u32,
    /// Nested calls.
    pub(super) calls: u32,
    pub(super) returned: Option<Value>,
}

impl Machine<'_, '_> {
    /// Runs a plan; the results are in [`Machine::results`].
    pub(super) fn plan(&mut self, plan: &Plan, input: Option<&Value>, data: &Value) -> Result<(), EvalError> {
        let mut frame = Frame::new(plan.locals);
        frame.set(0, input.cloned());
        frame.set(1, Some(data.clone()));
        self.blocks(&plan.blocks, &mut frame).map(|_| ())
    }

    /// Executes sibling blocks.
    fn blocks(&mut self, blocks: &[Block], frame: &mut Frame) -> Result<Flow, EvalError> {
        for block in blocks {
            match self.block(block, frame)? {
                Flow::Next | Flow::Break(0) => {}
                Flow::Break(further) => return Ok(Flow::Break(further.saturating_sub(1))),
                Flow::Return => return Ok(Flow::Return),
            }
        }
        Ok(Flow::Next)
    }

    /// Executes one block. `Break(0)` means that this block was left, and no other.
    fn block(&mut self, block: &Block, frame: &mut Frame) -> Result<Flow, EvalError> {
        self.depth = self.depth.saturating_add(1);
        for stmt in &block.0 {
            let flow = self.stmt(stmt, frame)?;
            if flow != Flow::Next {
                self.depth = self.depth.saturating_sub(1);
                return Ok(flow);
            }
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(Flow::Next)
    }

    fn stmt(&mut self, stmt: &Stmt, frame: &mut Frame) -> Result<Flow, EvalError> {
        let limit = |limit| EvalError::Limit {
            at: stmt.at.clone(),
            limit,
        };
        self.session.budget.work(1).map_err(limit)?;
        if self.depth > self.session.budget.depth() {
            return Err(limit(super::LimitKind::Depth));
        }
        if !self.statements {
            return self.execute(stmt, frame);
        }
        let reads = bindings(stmt, frame);
        let flow = self.execute(stmt, frame)?;
        self.trace(stmt, frame, &reads, flow);
        Ok(flow)
    }

    fn trace(&mut self, stmt: &Stmt, frame: &Frame, reads: &[(u32, Value)], flow: Flow) {
        let outcome = match (&stmt.op, flow) {
            (_, Flow::Next) => Outcome::Defined,
            (Op::Break(_) | Op::Return(_), _) | (_, Flow::Return) => Outcome::Left,
            (_, Flow::Break(_)) => Outcome::Undefined,
        };
        let target = stmt.access.writes.first().filter(|_| outcome == Outcome::Defined);
        let bound = target.and_then(|local| {
            let value = usize::try_from(local.0).ok().and_then(|slot| frame.get(slot))?;
            Some((local.0, value))
        });
        self.tracer.statement(&Statement {
            name: stmt.name,
            callee: match &stmt.op {
                Op::Call {
                    callee: Callee::Func(func),
                    ..
                } => self.code.funcs.get(*func).map(|func| func.name.as_str()),
                Op::Call {
                    callee: Callee::Builtin(builtin),
                    ..
                } => Some(builtin.name),
                Op::Call {
                    callee: Callee::Unknown(name),
                    ..
                } => Some(name),
                _ => None,
            },
            at: &stmt.at,
            outcome,
            bound,
            reads,
            depth: self.calls,
        });
    }

    fn execute(&mut self, stmt: &Stmt, frame: &mut Frame) -> Result<Flow, EvalError> {
        match &stmt.op {
            Op::Block(blocks) => self.blocks(blocks, frame),
            Op::Break(index) => Ok(Flow::Break(*index)),
            Op::Not(block) => self.not(block, frame),
            Op::Scan {
                source,
                key,
                value,
                block,
            } => self.scan(stmt, *source, (*key, *value), block, frame),
            Op::With {
                local,
                path,
                value,
                block,
            } => self.with(*local, path, value, block, frame),
            Op::Call { callee, args, result } => self.call(stmt, callee, args, *result, frame),
            Op::CallDynamic { args, path, result } => self.call_dynamic(stmt, args, path, *result, frame),
            Op::Return(source) => {
                self.returned = frame.get(*source).cloned();
                Ok(Flow::Return)
            }
            Op::ResultAdd(value) => self.result(stmt, *value, frame),
            _ => simple(stmt, frame, &mut self.session.budget),
        }
    }

    fn result(&mut self, stmt: &Stmt, value: usize, frame: &Frame) -> Result<Flow, EvalError> {
        let Some(value) = frame.get(value) else {
            return Ok(UNDEFINED);
        };
        let searched = self.session.budget.search(&self.results, value);
        searched.map_err(|limit| EvalError::Limit {
            at: stmt.at.clone(),
            limit,
        })?;
        self.results.insert(value.clone());
        Ok(Flow::Next)
    }

    fn not(&mut self, block: &Block, frame: &mut Frame) -> Result<Flow, EvalError> {
        Ok(match self.block(block, frame)? {
            Flow::Next => UNDEFINED,
            Flow::Break(0) => Flow::Next,
            Flow::Break(further) => Flow::Break(further.saturating_sub(1)),
            Flow::Return => Flow::Return,
        })
    }

    /// Executes `block` for one element; `Some` when the scan ends.
    fn element(
        &mut self,
        stmt: &Stmt,
        (key, value): (usize, usize),
        element: (Value, Value),
        block: &Block,
        frame: &mut Frame,
    ) -> Result<Option<Flow>, EvalError> {
        let limit = |limit| EvalError::Limit {
            at: stmt.at.clone(),
            limit,
        };
        self.session.budget.work(1).map_err(limit)?;
        frame.set(key, Some(element.0));
        frame.set(value, Some(element.1));
        Ok(match self.block(block, frame)? {
            Flow::Next | Flow::Break(0) => None,
            Flow::Break(further) => Some(Flow::Break(further.saturating_sub(1))),
            Flow::Return => Some(Flow::Return),
        })
    }

    fn scan(
        &mut self,
        stmt: &Stmt,
        source: usize,
        targets: (usize, usize),
        block: &Block,
        frame: &mut Frame,
    ) -> Result<Flow, EvalError> {
        // The clone is of a pointer: the block may change the local, the scan goes over what it was.
        match frame.get(source).cloned() {
            Some(Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let index = Value::from(i64::try_from(index).unwrap_or(i64::MAX));
                    if let Some(end) = self.element(stmt, targets, (index, item.clone()), block, frame)? {
                        return Ok(end);
                    }
                }
            }
            Some(Value::Object(map)) => {
                for (key, value) in map.iter() {
                    let element = (key.clone(), value.clone());
                    if let Some(end) = self.element(stmt, targets, element, block, frame)? {
                        return Ok(end);
                    }
                }
            }
            Some(Value::Set(items)) => {
                for item in items.iter() {
                    let element = (item.clone(), item.clone());
                    if let Some(end) = self.element(stmt, targets, element, block, frame)? {
                        return Ok(end);
                    }
                }
            }
            // A scalar has no elements; what is undefined neither.
            _ => {}
        }
        Ok(Flow::Next)
    }

    fn with(
        &mut self,
        local: usize,
        path: &[Value],
        value: &Arg,
        block: &Block,
        frame: &mut Frame,
    ) -> Result<Flow, EvalError> {
        let value = frame.value(value).cloned();
        let before = frame.get(local).cloned();
        let after = match (path.split_first(), value) {
            // Undefined is a legal replacement of a whole document: so a `with` is undone inside of another.
            (None, value) => value,
            (Some(_), None) => return Ok(UNDEFINED),
            (Some((first, rest)), Some(value)) => Some(upsert(before.as_ref(), first, rest, value)),
        };
        frame.set(local, after);
        self.memo.push(HashMap::new());
        let flow = self.block(block, frame);
        self.memo.pop();
        frame.set(local, before);
        Ok(match flow? {
            Flow::Next => Flow::Next,
            Flow::Break(0) => UNDEFINED,
            Flow::Break(further) => Flow::Break(further.saturating_sub(1)),
            Flow::Return => Flow::Return,
        })
    }

    fn call(
        &mut self,
        stmt: &Stmt,
        callee: &Callee,
        args: &[Arg],
        result: usize,
        frame: &mut Frame,
    ) -> Result<Flow, EvalError> {
        let value = match callee {
            Callee::Func(func) => self.call_func(*func, args, &stmt.at, frame)?,
            Callee::Builtin(builtin) => self.call_builtin(builtin, args, &stmt.at, frame)?,
            Callee::Unknown(name) => {
                return Err(EvalError::Refused {
                    name: name.clone(),
                    at: stmt.at.clone(),
                    refusal: Refusal::Unknown,
                });
            }
        };
        let flow = if value.is_some() { Flow::Next } else { UNDEFINED };
        frame.set(result, value);
        Ok(flow)
    }

    fn call_dynamic(
        &mut self,
        stmt: &Stmt,
        args: &[Arg],
        path: &[Arg],
        result: usize,
        frame: &mut Frame,
    ) -> Result<Flow, EvalError> {
        let path: Option<Vec<Value>> = path.iter().map(|arg| frame.value(arg).cloned()).collect();
        let named = |path: &Vec<Value>| path.iter().all(|part| matches!(part, Value::String(_)));
        let path = path.filter(named);
        let Some(func) = path.and_then(|path| self.code.paths.get(&path).copied()) else {
            return Ok(UNDEFINED);
        };
        let value = self.call_func(func, args, &stmt.at, frame)?;
        // A function that exists and is undefined: see `StmtKind::CallDynamic`.
        let flow = if value.is_some() {
            Flow::Next
        } else {
            Flow::Break(2)
        };
        frame.set(result, value);
        Ok(flow)
    }

    fn call_func(
        &mut self,
        index: usize,
        args: &[Arg],
        at: &At,
        frame: &Frame,
    ) -> Result<Option<Value>, EvalError> {
        let code = self.code;
        // Lowering has resolved the index.
        let Some(func) = code.funcs.get(index) else {
            return Ok(None);
        };
        let args: Vec<Option<Value>> = args.iter().map(|arg| frame.value(arg).cloned()).collect();
        self.calls = self.calls.saturating_add(1);
        let own = args.get(2..).unwrap_or_default();
        self.tracer.enter(&Enter {
            func: &func.name,
            path: &func.path,
            args: own,
            at,
            depth: self.calls,
        });
        let known = if func.memoise {
            self.memo.last().and_then(|memo| memo.get(&index))
        } else {
            None
        };
        let (value, memoised) = match known {
            Some(value) => (value.clone(), true),
            None => (self.run_func(func, args)?, false),
        };
        if let Some(memo) = self.memo.last_mut().filter(|_| func.memoise && !memoised) {
            memo.insert(index, value.clone());
        }
        self.tracer.exit(&Exit {
            func: &func.name,
            result: value.as_ref(),
            memoised,
            depth: self.calls,
        });
        self.calls = self.calls.saturating_sub(1);
        Ok(value)
    }

    fn run_func(&mut self, func: &Func, args: Vec<Option<Value>>) -> Result<Option<Value>, EvalError> {
        let mut frame = Frame::new(func.locals);
        for (param, arg) in func.params.iter().zip(args) {
            frame.set(*param, arg);
        }
        self.returned = None;
        self.blocks(&func.blocks, &mut frame)?;
        Ok(self.returned.take())
    }

    fn call_builtin(
        &mut self,
        builtin: &'static Builtin,
        args: &[Arg],
        at: &At,
        frame: &Frame,
    ) -> Result<Option<Value>, EvalError> {
        let function = match builtin.body {
            Body::Function(function) => function,
            Body::Refused(refusal) => {
                return Err(EvalError::Refused {
                    name: builtin.name.to_owned(),
                    at: at.clone(),
                    refusal,
                });
            }
        };
        let args: Option<Vec<Value>> = args.iter().map(|arg| frame.value(arg).cloned()).collect();
        let Some(args) = args else { return Ok(None) };
        let spend = self.session.spend(&args);
        let spend = spend.and_then(|()| charge_builtin(builtin.name, &args, &mut self.session.budget));
        match spend.map_err(BuiltinError::from).and_then(|()| {
            let value = function(self.session, &args)?;
            self.session.budget.allocate(builtins::shallow_size(&value))?;
            Ok(value)
        }) {
            Ok(value) => Ok(Some(value)),
            Err(BuiltinError::Undefined) => Ok(None),
            Err(BuiltinError::Limit(limit)) => Err(EvalError::Limit {
                at: at.clone(),
                limit,
            }),
            Err(BuiltinError::Refused(refusal)) => Err(EvalError::Refused {
                name: builtin.name.to_owned(),
                at: at.clone(),
                refusal,
            }),
            Err(BuiltinError::Host(error)) => Err(EvalError::Host {
                name: builtin.name.to_owned(),
                at: at.clone(),
                error,
            }),
            Err(error) if self.strict => Err(EvalError::Builtin {
                name: builtin.name,
                at: at.clone(),
                error,
            }),
            Err(_) => Ok(None),
        }
    }
}

/// The locals that `stmt` is about to read.
fn bindings(stmt: &Stmt, frame: &Frame) -> Vec<(u32, Value)> {
    let value = |local: &crate::ir::Local| {
        let value = usize::try_from(local.0).ok().and_then(|slot| frame.get(slot))?;
        Some((local.0, value.clone()))
    };
    stmt.access.reads.iter().filter_map(value).collect()
}
