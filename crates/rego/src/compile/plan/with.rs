//! Statements under `with`.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::{Mock, Plan};
use crate::compile::hir::{Function, Literal, Path, Var, WithTarget, WithValue};
use crate::ir::{DATA, INPUT, Local, Operand, StmtKind};

/// What a statement's modifiers come to.
struct Modified {
    context: super::ContextId,
    values: Vec<Local>,
    /// Changes of the input and data documents.
    documents: Vec<(Local, Vec<u32>, Operand)>,
}

impl Builder<'_, '_> {
    pub(crate) fn modified(&mut self, literal: &Literal) -> Plan<()> {
        let modified = self.modifiers(literal)?;
        let context = std::mem::replace(&mut self.context, modified.context);
        let values = std::mem::replace(&mut self.values, modified.values);
        let result = if modified.documents.is_empty() {
            self.statement(&literal.kind)
        } else {
            self.under(literal, modified.documents)
        };
        self.context = context;
        self.values = values;
        result
    }

    fn modifiers(&mut self, literal: &Literal) -> Plan<Modified> {
        let mut context = self.planner.context(self.context);
        let mut values: BTreeMap<Function, Local> = context
            .values()
            .cloned()
            .zip(self.values.iter().copied())
            .collect();
        let mut documents = Vec::new();
        for with in &literal.with {
            match (&with.target, &with.value) {
                (WithTarget::Function(target), WithValue::Function(replacement)) => {
                    context
                        .mocks
                        .insert(target.clone(), Mock::Function(replacement.clone()));
                    values.remove(target);
                }
                (WithTarget::Function(target), WithValue::Value(value)) => {
                    let value = self.operand(value)?;
                    values.insert(target.clone(), self.in_local(value));
                    context.mocks.insert(target.clone(), Mock::Value);
                }
                (WithTarget::Input(path), WithValue::Value(value)) => {
                    let value = self.operand(value)?;
                    documents.push((INPUT, self.path(path), value));
                }
                (WithTarget::Data(path), WithValue::Value(value)) => {
                    let value = self.operand(value)?;
                    documents.push((DATA, self.path(path), value));
                    if self.planner.tree.node(path).is_some() {
                        context.shadows.insert(path.clone());
                    }
                }
                (WithTarget::Input(_) | WithTarget::Data(_), WithValue::Function(_)) => {}
            }
        }
        Ok(Modified {
            context: self.planner.context_id(context),
            values: values.into_values().collect(),
            documents,
        })
    }

    fn path(&mut self, path: &Path) -> Vec<u32> {
        path.iter().map(|name| self.planner.string(name)).collect()
    }

    /// Plans a statement with documents changed. What it binds is carried out of the changed part, so that the statements after it
    /// see the documents as they were.
    fn under(&mut self, literal: &Literal, documents: Vec<(Local, Vec<u32>, Operand)>) -> Plan<()> {
        let solutions = self.local();
        let mut iterates = false;
        let mut new: Vec<(Var, Local)> = Vec::new();
        let before: std::collections::HashSet<Var> = self.env.keys().copied().collect();
        let block = self.block(|builder| {
            for (local, path, value) in documents {
                builder.open_with(local, path, value)?;
            }
            let depth = builder.depth();
            builder.statement(&literal.kind)?;
            iterates = builder.depth() > depth;
            let mut vars: Vec<Var> = builder
                .env
                .keys()
                .copied()
                .filter(|var| !before.contains(var))
                .collect();
            vars.sort_unstable();
            if iterates {
                new = vars.iter().map(|var| (*var, solutions)).collect();
                return builder.append_solution(None, &vars, solutions);
            }
            for var in vars {
                let target = builder.local();
                let source = builder.operand(&crate::compile::hir::Expr::Var(var))?;
                builder.emit(StmtKind::AssignVar { source, target });
                new.push((var, target));
            }
            builder.emit(StmtKind::AssignVar {
                source: Operand::Bool(true),
                target: solutions,
            });
            Ok(())
        })?;
        if iterates {
            self.emit(StmtKind::MakeArray {
                capacity: 0,
                target: solutions,
            });
            self.emit(StmtKind::Block { blocks: vec![block] });
            let (_, tuple) = self.open_scan(solutions)?;
            let vars: Vec<Var> = new.into_iter().map(|(var, _)| var).collect();
            self.bind_solution(tuple, 0, &vars);
            return Ok(());
        }
        for target in new.iter().map(|(_, target)| *target).chain([solutions]) {
            self.emit(StmtKind::ResetLocal { target });
        }
        self.emit(StmtKind::Block { blocks: vec![block] });
        self.emit(StmtKind::IsDefined { source: solutions });
        self.env
            .extend(new.into_iter().map(|(var, target)| (var, Operand::Local(target))));
        Ok(())
    }
}
