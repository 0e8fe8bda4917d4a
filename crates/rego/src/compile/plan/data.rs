//! References below `data`, where rules and base data meet.

use std::sync::Arc;

use super::Plan;
use super::builder::Builder;
use crate::compile::hir::{Expr, Path, Var};
use crate::compile::tree::{Node, NodeId};
use crate::ir::{Block, DATA, Local, Operand, StmtKind};

impl Builder<'_, '_> {
    /// `data.path`.
    pub(crate) fn data_reference(&mut self, path: &[Expr]) -> Plan<Operand> {
        self.data_at(0, Vec::new(), path)
    }

    /// The reference `rest` from the node at `at` on.
    fn data_at(&mut self, node: NodeId, at: Path, rest: &[Expr]) -> Plan<Operand> {
        let (mut node, mut at, mut rest) = (node, at, rest);
        loop {
            let Some(found) = self.planner.node(node) else {
                return self.base(&at, rest);
            };
            if self.shadowed(&at) {
                return self.base(&at, rest);
            }
            if let Some(group) = found.group {
                let value = self.call_group(group, Vec::new(), self.context, self.values.clone())?;
                return self.steps(value, rest);
            }
            let Some((first, after)) = rest.split_first() else {
                return self.extent(found, &at);
            };
            match first {
                Expr::String(name) => match found.children.get(name) {
                    Some(child) => {
                        node = *child;
                        at.push(name.clone());
                        rest = after;
                    }
                    None => return self.base(&at, rest),
                },
                Expr::Null | Expr::Bool(_) | Expr::Number(_) => return self.base(&at, rest),
                _ if self.visible_children(found, &at).is_empty() => return self.base(&at, rest),
                _ => return self.dispatch(found, &at, rest),
            }
        }
    }

    fn shadowed(&self, at: &[Arc<str>]) -> bool {
        self.planner.context(self.context).is_shadowed(at)
    }

    /// The names below a node that `with` has not replaced.
    fn visible_children(&self, node: &Node, at: &Path) -> Vec<(Arc<str>, NodeId)> {
        let mut out = Vec::new();
        for (name, child) in &node.children {
            let mut path = at.clone();
            path.push(name.clone());
            if !self.shadowed(&path) {
                out.push((name.clone(), *child));
            }
        }
        out
    }

    /// Base data at a constant path.
    fn base_at(&mut self, at: &[Arc<str>]) -> Operand {
        let mut value = Operand::Local(DATA);
        for name in at {
            let key = self.string(name);
            value = self.dot(value, key);
        }
        value
    }

    fn base(&mut self, at: &[Arc<str>], rest: &[Expr]) -> Plan<Operand> {
        let mut value = self.base_at(at);
        for part in rest {
            value = match part {
                Expr::Number(text) => self.element(value, text)?,
                part => self.steps(value, std::slice::from_ref(part))?,
            };
        }
        if value != Operand::Local(DATA) {
            return Ok(value);
        }
        let target = self.local();
        self.emit(StmtKind::AssignVar {
            source: value,
            target,
        });
        Ok(Operand::Local(target))
    }

    /// An element of base data by a constant number: of an array by index, or of an object by the number's text, because OPA's
    /// store knows paths of texts only.
    fn element(&mut self, source: Operand, text: &str) -> Plan<Operand> {
        let target = self.local();
        let number = self.number(text);
        let name = self.string(text);
        let mut blocks = Vec::new();
        for key in [name, number] {
            blocks.push(self.block(|builder| {
                let source = builder.dot(source, key);
                builder.emit(StmtKind::AssignVar { source, target });
                Ok(())
            })?);
        }
        self.emit(StmtKind::ResetLocal { target });
        self.emit(StmtKind::Block { blocks });
        self.emit(StmtKind::IsDefined { source: target });
        Ok(Operand::Local(target))
    }

    /// The object of everything below a node, merged with base data.
    fn extent(&mut self, node: &Node, at: &Path) -> Plan<Operand> {
        let computed = self.local();
        self.emit(StmtKind::MakeObject { target: computed });
        self.fill(node, at, computed)?;
        let target = self.local();
        self.emit(StmtKind::AssignVar {
            source: Operand::Local(computed),
            target,
        });
        self.attempt(|builder| {
            let base = builder.base_at(at);
            let a = builder.in_local(base);
            let merged = builder.local();
            builder.emit(StmtKind::ObjectMerge {
                a,
                b: computed,
                target: merged,
            });
            builder.emit(StmtKind::AssignVar {
                source: Operand::Local(merged),
                target,
            });
            Ok(())
        })?;
        Ok(Operand::Local(target))
    }

    fn fill(&mut self, node: &Node, at: &Path, object: Local) -> Plan<()> {
        for (name, child) in self.visible_children(node, at) {
            let Some(child) = self.planner.node(child) else {
                continue;
            };
            let mut path = at.clone();
            path.push(name.clone());
            if let Some(group) = child.group {
                self.attempt(|builder| {
                    let value =
                        builder.call_group(group, Vec::new(), builder.context, builder.values.clone())?;
                    let key = builder.string(&name);
                    builder.emit(StmtKind::ObjectInsert { key, value, object });
                    Ok(())
                })?;
            } else {
                let inner = self.local();
                self.emit(StmtKind::MakeObject { target: inner });
                self.fill(child, &path, inner)?;
                let key = self.string(&name);
                self.emit(StmtKind::ObjectInsert {
                    key,
                    value: Operand::Local(inner),
                    object,
                });
            }
        }
        Ok(())
    }

    /// A reference whose next part is not constant, at a node with rules below it: one alternative for each of them, and one for
    /// base data.
    fn dispatch(&mut self, node: &Node, at: &Path, rest: &[Expr]) -> Plan<Operand> {
        let Some((part, after)) = rest.split_first() else {
            return self.extent(node, at);
        };
        let children = self.visible_children(node, at);
        let mut open: Vec<Var> = Vec::new();
        for part in rest {
            part.vars(&mut |var| {
                if !self.env.contains_key(&var) && !open.contains(&var) {
                    open.push(var);
                }
            });
        }
        let collected = self.local();
        let key = if self.is_open(part) {
            None
        } else {
            Some(self.operand(part)?)
        };
        let mut blocks = Vec::new();
        for (name, child) in &children {
            blocks.push(self.block(|builder| {
                let constant = builder.string(name);
                match key {
                    Some(a) => builder.emit(StmtKind::Equal { a, b: constant }),
                    None => builder.matches(part, constant)?,
                }
                let mut path = at.clone();
                path.push(name.clone());
                let value = builder.data_at(*child, path, after)?;
                builder.collect(value, &open, collected)
            })?);
        }
        blocks.push(self.block(|builder| {
            let base = builder.base_at(at);
            let (found, value) = match key {
                Some(key) => (key, builder.dot(base, key)),
                None => {
                    let source = builder.in_local(base);
                    let (key, value) = builder.open_scan(source)?;
                    (Operand::Local(key), Operand::Local(value))
                }
            };
            for (name, _) in &children {
                let constant = builder.string(name);
                builder.emit(StmtKind::NotEqual {
                    a: found,
                    b: constant,
                });
            }
            if key.is_none() {
                builder.matches(part, found)?;
            }
            let value = builder.steps(value, after)?;
            builder.collect(value, &open, collected)
        })?);
        self.collected(blocks, &open, collected)
    }

    /// Notes a solution: its value alone, or with the locals that iteration has bound.
    fn collect(&mut self, value: Operand, open: &[Var], collected: Local) -> Plan<()> {
        if open.is_empty() {
            self.emit(StmtKind::AssignVar {
                source: value,
                target: collected,
            });
            return Ok(());
        }
        self.append_solution(Some(value), open, collected)
    }

    /// Appends the array of a value and of locals to an array.
    pub(crate) fn append_solution(&mut self, value: Option<Operand>, vars: &[Var], array: Local) -> Plan<()> {
        let tuple = self.local();
        let capacity = u32::try_from(vars.len().saturating_add(1)).unwrap_or(u32::MAX);
        self.emit(StmtKind::MakeArray {
            capacity,
            target: tuple,
        });
        let mut values: Vec<Operand> = value.into_iter().collect();
        for var in vars {
            values.push(self.operand(&Expr::Var(*var))?);
        }
        for value in values {
            self.emit(StmtKind::ArrayAppend { value, array: tuple });
        }
        self.emit(StmtKind::ArrayAppend {
            value: Operand::Local(tuple),
            array,
        });
        Ok(())
    }

    /// Goes on with each solution that the blocks have collected.
    fn collected(&mut self, blocks: Vec<Block>, open: &[Var], collected: Local) -> Plan<Operand> {
        if open.is_empty() {
            self.emit(StmtKind::ResetLocal { target: collected });
            self.emit(StmtKind::Block { blocks });
            self.emit(StmtKind::IsDefined { source: collected });
            return Ok(Operand::Local(collected));
        }
        self.emit(StmtKind::MakeArray {
            capacity: 0,
            target: collected,
        });
        self.emit(StmtKind::Block { blocks });
        let (_, tuple) = self.open_scan(collected)?;
        let key = self.integer(0);
        let value = self.dot(Operand::Local(tuple), key);
        self.bind_solution(tuple, 1, open);
        Ok(value)
    }

    /// Binds locals to the elements of a solution, from index `first` on.
    pub(crate) fn bind_solution(&mut self, tuple: Local, first: usize, vars: &[Var]) {
        for (index, var) in vars.iter().enumerate() {
            let key = self.integer(index.saturating_add(first));
            let value = self.dot(Operand::Local(tuple), key);
            self.env.insert(*var, value);
        }
    }
}
