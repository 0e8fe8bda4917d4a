//! Functions of rules, and plans of entry points.

use super::Plan;
use super::builder::Builder;
use crate::compile::hir::{Branch, Expr, Path, Rule};
use crate::compile::tree::{Group, Kind};
use crate::ir::{Block, DATA, INPUT, Local, Operand, StmtKind};

impl Builder<'_, '_> {
    /// The blocks of an entry point.
    pub(crate) fn entry_point(&mut self, path: &Path) -> Plan<Vec<Block>> {
        let path: Vec<Expr> = path.iter().cloned().map(Expr::String).collect();
        self.at(crate::source::Span::default());
        let block = self.block(|builder| {
            let traced = builder.enter_entry_point(&path);
            if let Some(literal) = &traced {
                builder.eval_point(literal, 0);
            }
            let value = builder.data_reference(&path)?;
            if traced.is_some() {
                builder.held_point();
                builder.exit_body(Default::default(), Some(value));
            }
            let object = builder.local();
            builder.emit(StmtKind::MakeObject { target: object });
            let key = builder.string("result");
            builder.emit(StmtKind::ObjectInsert { key, value, object });
            builder.emit(StmtKind::ResultSetAdd { value: object });
            Ok(())
        })?;
        Ok(vec![block])
    }

    /// The blocks of a query.
    pub(crate) fn query(&mut self, branch: &Branch) -> Plan<Vec<Block>> {
        self.at(branch.span);
        let block = self.block(|builder| {
            let outer = builder.enter_branch(branch);
            builder.body(&branch.body)?;
            let value = builder.operand(&branch.value)?;
            builder.exit_body(outer, Some(value));
            let value = builder.in_local(value);
            builder.emit(StmtKind::ResultSetAdd { value });
            Ok(())
        })?;
        Ok(vec![block])
    }

    /// Parameters, result and blocks of a group's function. The context replaces `values` functions by values.
    pub(crate) fn group(&mut self, group: &Group, values: usize) -> Plan<(Vec<Local>, Local, Vec<Block>)> {
        self.trace_group(group);
        let result = self.local();
        let arity = match group.kind {
            Kind::Function(arity) => arity,
            Kind::Complete | Kind::Set | Kind::Object => 0,
        };
        let args: Vec<Local> = (0..arity).map(|_| self.local()).collect();
        self.values = (0..values).map(|_| self.local()).collect();
        let mut rules: Vec<&Rule> = group
            .rules
            .iter()
            .filter_map(|id| self.planner.rules.get(id))
            .collect();
        if let Some(rule) = rules.first() {
            self.at(rule.span);
        }
        let mut blocks = Vec::new();
        match group.kind {
            Kind::Complete | Kind::Function(_) => {
                self.settled = one_value(&rules).then_some(result);
                for rule in rules {
                    self.valued(rule, &args, result, &mut blocks)?;
                }
                self.settled = None;
                self.default(group, &args, result, &mut blocks)?;
            }
            Kind::Set | Kind::Object => {
                // Deep paths first: a value that is set above them then conflicts with what they have built.
                rules.sort_by_key(|rule| {
                    std::cmp::Reverse(rule.branches.first().map_or(0, |branch| branch.suffix.len()))
                });
                blocks.push(self.block(|builder| {
                    builder.emit(match group.kind {
                        Kind::Set => StmtKind::MakeSet { target: result },
                        _ => StmtKind::MakeObject { target: result },
                    });
                    Ok(())
                })?);
                for rule in rules {
                    self.partial(rule, group.kind, result, &mut blocks)?;
                }
            }
        }
        blocks.push(self.block(|builder| {
            builder.emit(StmtKind::ReturnLocal { source: result });
            Ok(())
        })?);
        let params = [INPUT, DATA]
            .into_iter()
            .chain(args)
            .chain(self.values.iter().copied())
            .collect();
        Ok((params, result, blocks))
    }

    /// A rule with a value of its own, and its `else` branches.
    fn valued(&mut self, rule: &Rule, args: &[Local], result: Local, blocks: &mut Vec<Block>) -> Plan<()> {
        self.file = rule.file;
        self.at(rule.span);
        self.trace_rule(rule.span, false);
        if let [branch] = rule.branches.as_slice() {
            blocks.push(self.branch(branch, args, None, result)?);
            return Ok(());
        }
        let value = self.local();
        blocks.push(self.block(|builder| {
            builder.emit(StmtKind::ResetLocal { target: value });
            Ok(())
        })?);
        for (index, branch) in rule.branches.iter().enumerate() {
            let guard = (index > 0).then_some(value);
            blocks.push(self.branch(branch, args, guard, value)?);
        }
        self.at(rule.span);
        blocks.push(self.block(|builder| {
            builder.emit(StmtKind::IsDefined { source: value });
            builder.emit(StmtKind::AssignVarOnce {
                source: Operand::Local(value),
                target: result,
            });
            Ok(())
        })?);
        Ok(())
    }

    /// One branch. With a guard, it only runs while that is undefined.
    fn branch(
        &mut self,
        branch: &Branch,
        args: &[Local],
        guard: Option<Local>,
        target: Local,
    ) -> Plan<Block> {
        self.at(branch.span);
        self.env.clear();
        self.block(|builder| {
            if let Some(source) = guard {
                builder.emit(StmtKind::IsUndefined { source });
            }
            for (var, arg) in branch.params.iter().zip(args) {
                builder.env.insert(*var, Operand::Local(*arg));
            }
            let outer = builder.enter_branch(branch);
            builder.body(&branch.body)?;
            builder.at(branch.span);
            let source = builder.operand(&branch.value)?;
            builder.exit_body(outer, Some(source));
            builder.emit(StmtKind::AssignVarOnce { source, target });
            if let Some(source) = builder.settled {
                builder.emit(StmtKind::ReturnLocal { source });
            }
            Ok(())
        })
    }

    fn default(&mut self, group: &Group, args: &[Local], result: Local, blocks: &mut Vec<Block>) -> Plan<()> {
        let Some(rule) = group.default.and_then(|id| self.planner.rules.get(&id)) else {
            return Ok(());
        };
        self.file = rule.file;
        self.trace_rule(rule.span, true);
        for branch in &rule.branches {
            blocks.push(self.branch(branch, args, Some(result), result)?);
        }
        Ok(())
    }

    /// A rule that contributes to a set or an object.
    fn partial(&mut self, rule: &Rule, kind: Kind, result: Local, blocks: &mut Vec<Block>) -> Plan<()> {
        self.file = rule.file;
        self.at(rule.span);
        self.trace_rule(rule.span, false);
        let [branch] = rule.branches.as_slice() else {
            return self.partial_else(rule, result, blocks);
        };
        self.env.clear();
        blocks.push(self.block(|builder| {
            let outer = builder.enter_branch(branch);
            builder.body(&branch.body)?;
            builder.at(branch.span);
            let value = builder.operand(&branch.value)?;
            builder.exit_body(outer, Some(value));
            if kind == Kind::Set {
                builder.emit(StmtKind::SetAdd { value, set: result });
                return Ok(());
            }
            builder.insert_at(&branch.suffix, value, rule.contains, result)
        })?);
        Ok(())
    }

    /// A rule with `else` branches below an object. Its path is constant: the resolver has refused the others.
    fn partial_else(&mut self, rule: &Rule, object: Local, blocks: &mut Vec<Block>) -> Plan<()> {
        let Some(first) = rule.branches.first() else {
            return Ok(());
        };
        let value = self.local();
        blocks.push(self.block(|builder| {
            builder.emit(StmtKind::ResetLocal { target: value });
            Ok(())
        })?);
        self.valued(rule, &[], value, blocks)?;
        blocks.push(self.block(|builder| {
            builder.emit(StmtKind::IsDefined { source: value });
            builder.insert_at(&first.suffix, Operand::Local(value), rule.contains, object)
        })?);
        Ok(())
    }

    fn insert_at(&mut self, path: &[Expr], value: Operand, member: bool, object: Local) -> Plan<()> {
        let mut keys = Vec::new();
        for part in path {
            keys.push(self.operand(part)?);
        }
        self.insert(&keys, value, member, object)
    }

    /// Puts a value at a path below an object, or adds it to the set there.
    fn insert(&mut self, keys: &[Operand], value: Operand, member: bool, object: Local) -> Plan<()> {
        let Some((last, above)) = keys.split_last() else {
            return Ok(());
        };
        let mut objects = vec![object];
        for key in above {
            let outer = objects.last().copied().unwrap_or(object);
            objects.push(self.entry(outer, *key, StmtKind::MakeObject { target: object })?);
        }
        let innermost = objects.last().copied().unwrap_or(object);
        if member {
            let set = self.entry(innermost, *last, StmtKind::MakeSet { target: object })?;
            self.emit(StmtKind::SetAdd { value, set });
            self.emit(StmtKind::ObjectInsert {
                key: *last,
                value: Operand::Local(set),
                object: innermost,
            });
        } else {
            self.emit(StmtKind::ObjectInsertOnce {
                key: *last,
                value,
                object: innermost,
            });
        }
        for (pair, key) in objects.windows(2).zip(above).rev() {
            if let [outer, inner] = pair {
                self.emit(StmtKind::ObjectInsert {
                    key: *key,
                    value: Operand::Local(*inner),
                    object: *outer,
                });
            }
        }
        Ok(())
    }

    /// What an object has at a key, or else what `make` makes.
    fn entry(&mut self, object: Local, key: Operand, make: StmtKind) -> Plan<Local> {
        let target = self.local();
        let make = match make {
            StmtKind::MakeSet { .. } => StmtKind::MakeSet { target },
            _ => StmtKind::MakeObject { target },
        };
        self.emit(make);
        self.attempt(|builder| {
            let found = builder.dot(Operand::Local(object), key);
            builder.emit(StmtKind::AssignVar {
                source: found,
                target,
            });
            Ok(())
        })?;
        Ok(target)
    }
}

/// Whether all rules have one and the same constant as their value. Then the first that holds settles it, as in OPA: nothing that
/// comes after it is evaluated, not even to find an error.
fn one_value(rules: &[&Rule]) -> bool {
    let mut values = rules.iter().map(|rule| match rule.branches.as_slice() {
        [branch] => branch.value.scalar(),
        _ => None,
    });
    let first = values.next().flatten();
    first.is_some() && values.all(|value| value == first)
}
