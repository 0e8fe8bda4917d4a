//! Bodies and statements.

use super::builder::Builder;
use super::{Mock, Plan};
use crate::compile::hir::{Comprehension, ComprehensionHead, Expr, Function, Literal, LiteralKind, Var};
use crate::diagnostic::Code;
use crate::ir::{DATA, INPUT, Local, Operand, StmtKind};

impl Builder<'_, '_> {
    pub(crate) fn body(&mut self, body: &[Literal]) -> Plan<()> {
        body.iter().enumerate().try_for_each(|(index, literal)| {
            self.at(literal.span);
            self.eval_point(literal, index);
            if literal.with.is_empty() {
                self.statement(&literal.kind)?;
            } else {
                self.modified(literal)?;
            }
            self.held_point();
            Ok(())
        })
    }

    pub(crate) fn statement(&mut self, kind: &LiteralKind) -> Plan<()> {
        match kind {
            LiteralKind::Test(term) => {
                let a = self.operand(term)?;
                self.is_true(a);
            }
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) => self.unify(a, b)?,
            LiteralKind::NotEqual(a, b) => {
                let (a, b) = (self.operand(a)?, self.operand(b)?);
                self.emit(StmtKind::NotEqual { a, b });
            }
            LiteralKind::Call { function, args, out } => {
                let result = self.call(function, args)?;
                match out {
                    Some(out) => self.matches(out, result)?,
                    None => self.is_true(result),
                }
            }
            LiteralKind::Not { body, .. } => self.negation(body)?,
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
                ..
            } => self.every(*key, *value, domain, body)?,
        }
        Ok(())
    }

    fn is_true(&mut self, a: Operand) {
        if !matches!(a, Operand::StringIndex(_) | Operand::Bool(true)) {
            self.emit(StmtKind::NotEqual {
                a,
                b: Operand::Bool(false),
            });
        }
    }

    fn negation(&mut self, body: &[Literal]) -> Plan<()> {
        let found = self.local();
        let mut iterates = false;
        let block = self.block(|builder| {
            let depth = builder.depth();
            let outer = builder.enter_body(body, builder.span, false);
            builder.body(body)?;
            builder.exit_body(outer, None);
            iterates = builder.depth() > depth;
            if iterates {
                builder.emit(StmtKind::AssignVar {
                    source: Operand::Bool(true),
                    target: found,
                });
            }
            Ok(())
        })?;
        if iterates {
            self.emit(StmtKind::ResetLocal { target: found });
            self.emit(StmtKind::Block { blocks: vec![block] });
            self.emit(StmtKind::IsUndefined { source: found });
        } else {
            self.emit(StmtKind::Not { block });
        }
        Ok(())
    }

    /// Undefined unless the domain is a collection and no element of it fails.
    fn every(&mut self, key: Var, value: Var, domain: &Expr, body: &[Literal]) -> Plan<()> {
        let domain = self.operand(domain)?;
        let source = self.in_local(domain);
        let (collection, failed, held) = (self.local(), self.local(), self.local());
        self.emit(StmtKind::ResetLocal { target: collection });
        let tests = [
            StmtKind::IsArray {
                source: Operand::Local(source),
            },
            StmtKind::IsObject {
                source: Operand::Local(source),
            },
            StmtKind::IsSet {
                source: Operand::Local(source),
            },
        ];
        let mut blocks = Vec::new();
        for test in tests {
            blocks.push(self.block(|builder| {
                builder.emit(test);
                builder.emit(StmtKind::AssignVar {
                    source: Operand::Bool(true),
                    target: collection,
                });
                Ok(())
            })?);
        }
        self.emit(StmtKind::Block { blocks });
        self.emit(StmtKind::IsDefined { source: collection });
        self.emit(StmtKind::ResetLocal { target: failed });
        self.attempt(|builder| {
            let (k, v) = builder.open_scan(source)?;
            builder.env.insert(key, Operand::Local(k));
            builder.env.insert(value, Operand::Local(v));
            builder.emit(StmtKind::ResetLocal { target: held });
            builder.attempt(|builder| {
                let outer = builder.enter_body(body, builder.span, false);
                builder.body(body)?;
                builder.exit_body(outer, None);
                builder.emit(StmtKind::AssignVar {
                    source: Operand::Bool(true),
                    target: held,
                });
                Ok(())
            })?;
            builder.emit(StmtKind::IsUndefined { source: held });
            builder.emit(StmtKind::AssignVar {
                source: Operand::Bool(true),
                target: failed,
            });
            Ok(())
        })?;
        self.emit(StmtKind::IsUndefined { source: failed });
        Ok(())
    }

    pub(crate) fn comprehension(&mut self, comprehension: &Comprehension) -> Plan<Operand> {
        let target = self.local();
        self.emit(match comprehension.head {
            ComprehensionHead::Array(_) => StmtKind::MakeArray { capacity: 0, target },
            ComprehensionHead::Set(_) => StmtKind::MakeSet { target },
            ComprehensionHead::Object(..) => StmtKind::MakeObject { target },
        });
        self.attempt(|builder| {
            let outer = builder.enter_body(&comprehension.body, builder.span, false);
            builder.body(&comprehension.body)?;
            let kind = match &comprehension.head {
                ComprehensionHead::Array(term) => StmtKind::ArrayAppend {
                    value: builder.operand(term)?,
                    array: target,
                },
                ComprehensionHead::Set(term) => StmtKind::SetAdd {
                    value: builder.operand(term)?,
                    set: target,
                },
                ComprehensionHead::Object(key, value) => {
                    let (key, value) = (builder.operand(key)?, builder.operand(value)?);
                    StmtKind::ObjectInsertOnce {
                        key,
                        value,
                        object: target,
                    }
                }
            };
            builder.exit_body(outer, None);
            builder.emit(kind);
            Ok(())
        })?;
        Ok(Operand::Local(target))
    }

    // Calls.

    fn call(&mut self, function: &Function, args: &[Expr]) -> Plan<Operand> {
        let mut operands = Vec::with_capacity(args.len());
        for arg in args {
            operands.push(self.operand(arg)?);
        }
        let context = self.planner.context(self.context);
        match context.mocks.get(function) {
            None => self.call_function(function, operands, self.context, self.values.clone()),
            Some(Mock::Function(replacement)) => {
                // Inside the replacement no function is replaced, so it may call what it replaces.
                let inner = super::Context {
                    shadows: context.shadows,
                    ..super::Context::default()
                };
                let inner = self.planner.context_id(inner);
                self.call_function(replacement, operands, inner, Vec::new())
            }
            Some(Mock::Value) => {
                let slot = context.values().position(|replaced| replaced == function);
                match slot.and_then(|slot| self.values.get(slot)) {
                    Some(local) => Ok(Operand::Local(*local)),
                    None => Err(self.fail(
                        Code::Unsupported,
                        "this replaced call has no value",
                        "report this as a defect",
                    )),
                }
            }
        }
    }

    fn call_function(
        &mut self,
        function: &Function,
        args: Vec<Operand>,
        context: super::ContextId,
        values: Vec<Local>,
    ) -> Plan<Operand> {
        match function {
            Function::Builtin(name) => self.call_builtin(name, args),
            Function::Rule(path) => {
                let Some((group, _)) = self.planner.tree.function(path) else {
                    return Err(self.fail(Code::UndefinedFunction, "unknown function", "define it"));
                };
                self.call_group(group, args, context, values)
            }
        }
    }

    fn call_builtin(&mut self, name: &str, args: Vec<Operand>) -> Plan<Operand> {
        self.planner.uses_builtin(name);
        let result = self.local();
        if name == "trace" {
            self.note_point(args.first());
        }
        self.emit(StmtKind::Call {
            func: name.to_owned(),
            args,
            result,
        });
        if !crate::builtins::find(name).is_some_and(|builtin| builtin.relation) {
            return Ok(Operand::Local(result));
        }
        // A relation: its result is the array of all results.
        let (_, pair) = self.open_scan(result)?;
        Ok(Operand::Local(pair))
    }

    /// Calls the function of a group of rules.
    pub(crate) fn call_group(
        &mut self,
        group: usize,
        args: Vec<Operand>,
        context: super::ContextId,
        values: Vec<Local>,
    ) -> Plan<Operand> {
        let Ok(func) = self.planner.function_name(context, group) else {
            let help = "replace fewer functions and rules with `with`";
            return Err(self.fail(Code::TooComplex, "this policy needs too many functions", help));
        };
        let documents = [Operand::Local(INPUT), Operand::Local(DATA)];
        let values = values.into_iter().map(Operand::Local);
        let args = documents.into_iter().chain(args).chain(values).collect();
        let result = self.local();
        self.emit(StmtKind::Call { func, args, result });
        Ok(Operand::Local(result))
    }
}
