//! Statements. Their meaning is documented on `stele_rego::ir::StmtKind`.

use super::block::ScopeKind;
use super::facts::{grown_in, matches_path, written_in};
use super::func::FuncCx;
use super::paths::Lookup;
use super::{call, constant, op};
use crate::error::Reason;
use crate::layout;
use crate::lir::{Expr, Stmt};
use crate::op::Op;
use alloy_primitives::U256;
use stele_rego::ir::{self, DATA, INPUT, Local, Location, Operand, StmtKind, StringIndex};
use stele_types::{Number, Value};

/// The type bits of a value word.
fn kind(value: Expr) -> Expr {
    op(Op::And, vec![value, constant(7)])
}

fn run(name: &str, args: Vec<Expr>) -> Stmt {
    Stmt::Do(call(name, args))
}

impl<'a> FuncCx<'_, 'a> {
    /// Lowers one statement.
    pub(super) fn stmt(&mut self, stmt: &'a ir::Stmt, out: &mut Vec<Stmt>) {
        let at = stmt.location;
        if !matches!(stmt.kind, StmtKind::Nop {} | StmtKind::Block { .. }) {
            self.mark(at, out);
        }
        self.forget_scoped(stmt);
        self.share(&stmt.kind);
        match &stmt.kind {
            StmtKind::Block { blocks } => self.blocks(blocks, out),
            StmtKind::Break { index } => {
                let index = usize::try_from(*index).unwrap_or(usize::MAX);
                let leave = self.leave(index, at);
                out.extend(leave);
            }
            StmtKind::Not { block } => self.not(block, at, out),
            StmtKind::Scan {
                source,
                key,
                value,
                block,
            } => self.scan((*source, *key, *value), block, out),
            StmtKind::With {
                local,
                path,
                value,
                block,
            } => self.with(*local, path, *value, block, at, out),
            StmtKind::Call { func, args, result } => self.call(func, args, *result, at, out),
            StmtKind::CallDynamic { args, result, path } => self.call_dynamic(args, *result, path, at, out),
            StmtKind::ReturnLocal { source } => self.return_local(*source, at, out),
            StmtKind::Nop {} => {}
            _ => {
                self.test_or_make(&stmt.kind, at, out);
                self.track(stmt);
            }
        }
        self.share(&stmt.kind);
        self.forget_scoped(stmt);
    }

    fn test_or_make(&mut self, stmt: &StmtKind, at: Location, out: &mut Vec<Stmt>) {
        match stmt {
            StmtKind::Equal { a, b } => self.compare(*a, *b, true, at, out),
            StmtKind::NotEqual { a, b } => self.compare(*a, *b, false, at, out),
            StmtKind::IsArray { source } => self.type_test(*source, 5, at, out),
            StmtKind::IsObject { source } => self.type_test(*source, 6, at, out),
            StmtKind::IsSet { source } => self.type_test(*source, 7, at, out),
            StmtKind::IsDefined { source } => {
                self.defined_local(*source, at, out);
            }
            StmtKind::IsUndefined { source } => {
                let value = self.read(*source);
                self.reject(value, at, out);
            }
            StmtKind::AssignVar { source, target } => {
                let defined = source.local().is_none_or(|l| self.defined.contains(&l));
                let mut value = self.possibly_undefined(*source, at, out);
                if self.locals.grows.contains(target) && source.local().is_some() {
                    // What grows in place must not be shared.
                    value = call("fresh", vec![value]);
                }
                self.assign(*target, value, out);
                if !defined {
                    self.defined.remove(target);
                }
            }
            StmtKind::AssignVarOnce { source, target } => {
                let value = self.operand(*source, at, out);
                let old = self.read(*target);
                self.assign(*target, call("once", vec![old, value]), out);
            }
            StmtKind::Dot { source, key, target } => self.dot(*source, *key, *target, at, out),
            StmtKind::Len { source, target } => {
                self.require_operands(&[*source], *target, at, out);
                let source = self.operand(*source, at, out);
                self.assign_if_defined(*target, call("count", vec![source]), at, out);
            }
            StmtKind::ResetLocal { target } => {
                let reset = self.store(*target, constant(0));
                out.push(reset);
                self.defined.remove(target);
            }
            StmtKind::ResultSetAdd { value } => {
                let value = self.defined_local(*value, at, out);
                out.push(run(
                    "set_add",
                    vec![op(Op::Mload, vec![constant(layout::RESULTS)]), value],
                ));
            }
            _ => self.make_or_grow(stmt, at, out),
        }
    }

    fn make_or_grow(&mut self, stmt: &StmtKind, at: Location, out: &mut Vec<Stmt>) {
        match stmt {
            StmtKind::MakeArray { target, .. }
            | StmtKind::MakeObject { target }
            | StmtKind::MakeSet { target }
            | StmtKind::ArrayAppend { array: target, .. }
            | StmtKind::SetAdd { set: target, .. }
            | StmtKind::ObjectInsert { object: target, .. }
            | StmtKind::ObjectInsertOnce { object: target, .. }
                if self.literals.contains_key(target) => {}
            StmtKind::MakeNull { target } => self.assign(*target, constant(1), out),
            StmtKind::MakeNumberInt { value, target } | StmtKind::AssignInt { value, target } => {
                let number = self.fixed(&Number::from(*value), at);
                self.assign(*target, number, out);
            }
            StmtKind::MakeNumberRef { index, target } => {
                let text = self.cx.policy.string(StringIndex(*index)).map(str::to_owned);
                let number = match text.as_deref().map(Number::parse) {
                    Some(Ok(number)) => self.fixed(&number, at),
                    _ => {
                        self.refuse(
                            at,
                            "MakeNumberRefStmt",
                            Reason::InvalidPlan("not a number".to_owned()),
                        );
                        return;
                    }
                };
                self.assign(*target, number, out);
            }
            StmtKind::MakeArray { target, .. } if self.make_filled(*target, false, out) => {}
            StmtKind::MakeObject { target } if self.make_filled(*target, true, out) => {}
            StmtKind::MakeArray { capacity, target } => {
                // The capacity is a hint from an untrusted plan: bounded.
                let capacity = u64::from((*capacity).min(64));
                self.assign(*target, call("make", vec![constant(capacity), constant(13)]), out);
            }
            StmtKind::MakeObject { target } => {
                self.assign(*target, call("make", vec![constant(4), constant(14)]), out);
            }
            StmtKind::MakeSet { target } => {
                self.assign(*target, call("make", vec![constant(2), constant(15)]), out);
            }
            StmtKind::ArrayAppend { value, array } if self.put_filled(*array, None, *value, at, out) => {}
            StmtKind::ObjectInsert { key, value, object }
            | StmtKind::ObjectInsertOnce { key, value, object }
                if self.put_filled(*object, Some(*key), *value, at, out) => {}
            StmtKind::ArrayAppend { value, array } => {
                self.grow("push", *array, 5, &[*value], at, out);
            }
            StmtKind::SetAdd { value, set } => {
                self.grow("set_add", *set, 7, &[*value], at, out);
            }
            StmtKind::ObjectInsert { key, value, object } => {
                self.grow("obj_put", *object, 6, &[*key, *value], at, out);
            }
            StmtKind::ObjectInsertOnce { key, value, object } => {
                self.grow("obj_put_once", *object, 6, &[*key, *value], at, out);
            }
            StmtKind::ObjectMerge { a, b, target } => {
                let args = vec![self.defined_local(*a, at, out), self.defined_local(*b, at, out)];
                self.assign(*target, call("merge_any", args), out);
            }
            other => self.refuse(at, other.name(), Reason::Unsupported),
        }
    }

    /// The string that an operand always is.
    pub(super) fn string(&self, operand: Operand) -> Option<&str> {
        let index = match operand {
            Operand::StringIndex(index) => index,
            Operand::Local(local) => *self.locals.constants.get(&local)?,
            Operand::Bool(_) => return None,
        };
        self.cx.policy.string(index)
    }

    fn dot(&mut self, source: Operand, key: Operand, target: Local, at: Location, out: &mut Vec<Stmt>) {
        if self.result.is_some() {
            match self.cx.paths.lookup(self.name, target) {
                Lookup::Elided => return,
                Lookup::Memo(memo) => {
                    return self.assign_if_defined(target, call(&memo, Vec::new()), at, out);
                }
                Lookup::Plain => {}
            }
        }
        self.require_operands(&[source, key], target, at, out);
        let collection = self.operand(source, at, out);
        let word = self.operand(key, at, out);
        let base = source
            .local()
            .is_some_and(|l| l == DATA || self.locals.base.contains(&l));
        let number = key.local().and_then(|l| self.locals.numbers.get(&l)).cloned();
        let found = match self.string(key).map(str::to_owned) {
            Some(text) => self.cx.lookup(collection.clone(), &text),
            None => call("dot", vec![collection.clone(), word]),
        };
        if let (true, Some(number)) = (base, number) {
            // OPA's store addresses base documents by strings, so `data.x[2]` finds the key "2".
            let temp = self.temp();
            out.push(Stmt::Set(temp, found));
            let text = self.cx.text(&number);
            let by_text = Stmt::Set(temp, call("field", vec![collection, text]));
            out.push(Stmt::If(
                op(Op::Iszero, vec![Expr::Var(temp)]),
                vec![by_text],
                Vec::new(),
            ));
            self.assign_if_defined(target, Expr::Var(temp), at, out);
        } else {
            self.assign_if_defined(target, found, at, out);
        }
    }

    fn fixed(&mut self, number: &Number, at: Location) -> Expr {
        match number.to_fixed18() {
            Ok(word) => self.cx.number(U256::from_be_bytes(word)),
            Err(_) => {
                self.refuse(at, &format!("number {number}"), Reason::Number);
                constant(0)
            }
        }
    }

    fn compare(&mut self, a: Operand, b: Operand, equal: bool, at: Location, out: &mut Vec<Stmt>) {
        if let (Operand::Local(local), Operand::Bool(false), false) = (a, b, equal)
            && self.joins_definedness(local, at, out)
        {
            return;
        }
        let is_bool = |o: Operand| matches!(o, Operand::Bool(_));
        let args = vec![self.operand(a, at, out), self.operand(b, at, out)];
        // Booleans have one word each.
        let same = if is_bool(a) || is_bool(b) {
            op(Op::Eq, args)
        } else {
            call("equal", args)
        };
        if equal {
            self.require(same, at, out)
        } else {
            self.reject(same, at, out)
        }
    }

    /// Makes one test of "the local is undefined", which stands last, and "it is false": their words are 0 and 2. False if no such test
    /// stands there.
    fn joins_definedness(&mut self, local: Local, at: Location, out: &mut [Stmt]) -> bool {
        let (Expr::Var(var), leave) = (self.read(local), self.leave(0, at)) else {
            return false;
        };
        let Some(Stmt::If(Expr::Op(Op::Iszero, args), then, els)) = out.last_mut() else {
            return false;
        };
        let [value @ Expr::Tee(..)] = args.as_mut_slice() else {
            return false;
        };
        if !matches!(value, Expr::Tee(set, _) if *set == var) || *then != leave || !els.is_empty() {
            return false;
        }
        let rest = op(Op::Not, vec![constant(2)]);
        let whole = std::mem::replace(value, constant(0));
        *value = op(Op::And, vec![whole, rest]);
        true
    }

    fn type_test(&mut self, source: Operand, tag: u64, at: Location, out: &mut Vec<Stmt>) {
        let value = self.operand(source, at, out);
        self.require(op(Op::Eq, vec![kind(value), constant(tag)]), at, out);
    }

    /// The block runs to its end: undefined. It is left early: go on after it.
    fn not(&mut self, block: &'a ir::Block, at: Location, out: &mut Vec<Stmt>) {
        let label = self.label();
        let mut body = self.block(block, label.clone(), ScopeKind::Block);
        if !super::block::diverges(&body) {
            let leave = self.leave(0, at);
            body.extend(leave);
        }
        out.push(Stmt::Block(label, body));
    }

    fn scan(
        &mut self,
        (source, key, value): (Local, Local, Local),
        block: &'a ir::Block,
        out: &mut Vec<Stmt>,
    ) {
        let mut collection = self.read(source);
        let one = std::slice::from_ref(block);
        if written_in(one).contains(&source)
            || grown_in(one).contains(&source)
            || source == key
            || source == value
        {
            let copy = self.temp();
            out.push(Stmt::Set(copy, collection));
            collection = Expr::Var(copy);
        }
        let (count, index) = (self.temp(), self.temp());
        out.push(Stmt::Set(count, call("scan_len", vec![collection.clone()])));
        out.push(Stmt::Set(index, constant(0)));
        let label = self.label();
        let before = self.defined.clone();
        let mut body = Vec::new();
        for (local, routine) in [(key, "scan_key"), (value, "scan_val")] {
            if self.locals.reads.contains(&local) {
                let element = call(routine, vec![collection.clone(), Expr::Var(index)]);
                let store = self.store(local, element);
                body.push(store);
            }
        }
        body.push(Stmt::Set(index, op(Op::Add, vec![Expr::Var(index), constant(1)])));
        self.defined.extend([key, value]);
        body.extend(self.block(block, label.clone(), ScopeKind::Scan));
        self.defined = before.into_iter().filter(|l| self.defined.contains(l)).collect();
        self.defined.remove(&key);
        self.defined.remove(&value);
        let more = op(Op::Lt, vec![Expr::Var(index), Expr::Var(count)]);
        out.push(Stmt::While(label, more, body));
    }

    fn return_local(&mut self, source: Local, at: Location, out: &mut Vec<Stmt>) {
        let Some(result) = self.result else {
            self.refuse(
                at,
                "ReturnLocalStmt",
                Reason::InvalidPlan("a plan does not return".to_owned()),
            );
            return;
        };
        let value = self.read(source);
        out.push(Stmt::Set(result, value));
        self.restore_all(out);
        out.push(Stmt::Leave);
    }

    fn call(&mut self, func: &str, args: &[Operand], result: Local, at: Location, out: &mut Vec<Stmt>) {
        if let Some(value) = self.cx.constants.get(func).cloned() {
            self.constant(value, result, at, out);
            return;
        }
        let Some(callee) = self.cx.callees.get(func).cloned() else {
            self.builtin(func, args, result, at, out);
            return;
        };
        let documents = [Operand::Local(INPUT), Operand::Local(DATA)];
        if args.get(..2) != Some(documents.as_slice()) || args.len() != callee.params.len().saturating_add(2)
        {
            let reason = Reason::InvalidPlan("a call must pass input, data and all arguments".to_owned());
            self.refuse(at, func, reason);
            return;
        }
        let mut words = Vec::new();
        for (arg, param) in args.iter().skip(2).zip(&callee.params) {
            if callee.undefined.contains(param) {
                words.push(self.possibly_undefined(*arg, at, out));
            } else {
                self.require_operands(&[*arg], result, at, out);
                words.push(self.operand(*arg, at, out));
            }
        }
        self.assign_if_defined(result, call(&callee.name, words), at, out);
        self.track_call(result, None);
    }

    /// A call whose value is known; `None` is undefined.
    fn constant(&mut self, value: Option<Value>, result: Local, at: Location, out: &mut Vec<Stmt>) {
        let word = value.as_ref().and_then(|value| self.cx.value(value));
        match (&value, word) {
            (Some(_), Some(word)) => self.assign(result, word, out),
            (None, _) => self.never(at, out, result),
            (Some(_), None) => self.refuse(at, "constant rule", Reason::Number),
        }
        self.track_call(result, value);
    }

    /// A statement that is undefined, whatever the input. What follows is never reached; an `If` keeps the block in form.
    pub(super) fn never(&mut self, at: Location, out: &mut Vec<Stmt>, result: Local) {
        let mut leave = vec![self.store(result, constant(0))];
        leave.extend(self.leave(0, at));
        out.push(Stmt::If(constant(1), leave, Vec::new()));
        self.defined.insert(result);
    }

    fn call_dynamic(
        &mut self,
        args: &[Local],
        result: Local,
        path: &[Operand],
        at: Location,
        out: &mut Vec<Stmt>,
    ) {
        if args != [INPUT, DATA] {
            self.refuse(
                at,
                "CallDynamicStmt",
                Reason::InvalidPlan("arguments other than input and data".into()),
            );
            return;
        }
        let words: Vec<Expr> = path.iter().map(|o| self.operand(*o, at, out)).collect();
        let policy = self.cx.policy;
        let label = self.label();
        let mut body = Vec::new();
        for func in policy
            .funcs
            .iter()
            .filter(|f| matches_path(policy, f, path) && f.params.len() == 2)
        {
            let Some(callee) = self.cx.callees.get(func.name.as_str()).cloned() else {
                continue;
            };
            let mut tests = vec![constant(1)];
            for ((segment, operand), word) in func.path.iter().zip(path).zip(&words) {
                if matches!(operand, Operand::Local(_)) {
                    let text = self.cx.text(segment);
                    tests.push(call("equal", vec![word.clone(), text]));
                }
            }
            let cond = all(tests);
            let temp = self.temp();
            let mut hit = vec![Stmt::Set(temp, call(&callee.name, Vec::new()))];
            hit.push(self.store(result, Expr::Var(temp)));
            let undefined = self.leave(2, at);
            hit.push(Stmt::If(
                op(Op::Iszero, vec![Expr::Var(temp)]),
                undefined,
                Vec::new(),
            ));
            hit.push(Stmt::Break(label.clone()));
            body.push(Stmt::If(cond, hit, Vec::new()));
        }
        body.extend(self.leave(0, at));
        out.push(Stmt::Block(label, body));
        self.defined.insert(result);
        self.track_call(result, None);
    }
}

/// Whether all tests hold, nested no deeper than the logarithm of their number.
fn all(mut tests: Vec<Expr>) -> Expr {
    while tests.len() > 1 {
        let mut pairs = tests.into_iter();
        let mut joined = Vec::new();
        while let Some(left) = pairs.next() {
            joined.push(match pairs.next() {
                Some(right) => op(Op::And, vec![left, right]),
                None => left,
            });
        }
        tests = joined;
    }
    tests.pop().unwrap_or_else(|| constant(1))
}
