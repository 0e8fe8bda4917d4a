//! Statements of one function: blocks under construction, locals, and which local holds which variable.
//!
//! Iteration does not nest calls of the planner: a `Scan` is opened and stays open until the enclosing body is done, so everything
//! planned after it lands inside.

use std::collections::HashMap;

use super::points::Tracing;
use super::{ContextId, Failed, Plan, Planner};
use crate::compile::hir::Var;
use crate::diagnostic::Code;
use crate::ir::{Block, Local, Location, Operand, Stmt, StmtKind, StringIndex};
use crate::source::Span;

/// Deepest nesting of blocks; below the limit of the representation, so that a plan that is made is a plan that verifies.
const MAX_NESTING: usize = 120;

/// What becomes of an open block when it is closed.
enum Wrap {
    /// It is handed to whoever opened it.
    Block,
    Scan {
        source: Local,
        key: Local,
        value: Local,
    },
    With {
        local: Local,
        path: Vec<u32>,
        value: Operand,
    },
}

struct Open {
    stmts: Vec<Stmt>,
    wrap: Wrap,
    location: Location,
}

/// A function under construction.
pub(crate) struct Builder<'p, 'a> {
    pub(crate) planner: &'p mut Planner<'a>,
    pub(crate) context: ContextId,
    /// The locals that hold the context's values.
    pub(crate) values: Vec<Local>,
    pub(crate) file: usize,
    pub(crate) span: Span,
    pub(crate) env: HashMap<Var, Operand>,
    /// The function's result, while a branch that gives it a value settles it.
    pub(crate) settled: Option<Local>,
    pub(crate) tracing: Tracing,
    location: Location,
    next: u32,
    open: Vec<Open>,
}

impl<'p, 'a> Builder<'p, 'a> {
    pub(crate) fn new(
        planner: &'p mut Planner<'a>,
        context: ContextId,
        file: usize,
        values: Vec<Local>,
    ) -> Self {
        Self {
            planner,
            context,
            values,
            file,
            span: Span::default(),
            env: HashMap::new(),
            settled: None,
            tracing: Tracing::default(),
            location: Location::default(),
            next: crate::ir::FIRST_FREE.0,
            open: Vec::new(),
        }
    }

    /// Everything that follows comes from here.
    pub(crate) fn at(&mut self, span: Span) {
        self.span = span;
        self.location = self.planner.location(self.file, span);
    }

    pub(crate) fn local(&mut self) -> Local {
        let local = Local(self.next);
        self.next = self.next.saturating_add(1);
        local
    }

    pub(crate) fn emit(&mut self, kind: StmtKind) {
        self.planner.count_statement();
        let stmt = Stmt::new(kind, self.location);
        if let Some(open) = self.open.last_mut() {
            open.stmts.push(stmt);
        }
    }

    pub(crate) fn fail(&mut self, code: Code, message: &str, help: &str) -> Failed {
        self.planner.report(self.file, self.span, code, message, help)
    }

    // Blocks.

    fn push(&mut self, wrap: Wrap) -> Plan<()> {
        if self.planner.is_full() {
            let help = "references with parts that are not constant have statements for each rule that they may mean: name the rules, or put their values into one object";
            return Err(self.fail(
                Code::TooComplex,
                "with this rule, the policy has too many statements",
                help,
            ));
        }
        if self.open.len() >= MAX_NESTING || self.next >= crate::ir::MAX_LOCALS.saturating_sub(64) {
            let help = "split the rule into several";
            return Err(self.fail(
                Code::TooComplex,
                "this rule nests too many iterations or needs too many locals",
                help,
            ));
        }
        self.open.push(Open {
            stmts: Vec::new(),
            wrap,
            location: self.location,
        });
        Ok(())
    }

    pub(crate) fn open_scan(&mut self, source: Local) -> Plan<(Local, Local)> {
        let (key, value) = (self.local(), self.local());
        self.push(Wrap::Scan { source, key, value })?;
        Ok((key, value))
    }

    pub(crate) fn open_with(&mut self, local: Local, path: Vec<u32>, value: Operand) -> Plan<()> {
        self.push(Wrap::With { local, path, value })
    }

    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Closes the innermost block.
    fn close(&mut self) -> Block {
        let Some(open) = self.open.pop() else {
            return Block::default();
        };
        let block = Block { stmts: open.stmts };
        let kind = match open.wrap {
            Wrap::Block => return block,
            Wrap::Scan { source, key, value } => StmtKind::Scan {
                source,
                key,
                value,
                block,
            },
            Wrap::With { local, path, value } => StmtKind::With {
                local,
                path,
                value,
                block,
            },
        };
        let stmt = Stmt::new(kind, open.location);
        if let Some(outer) = self.open.last_mut() {
            outer.stmts.push(stmt);
        }
        Block::default()
    }

    /// Plans into a block of its own. What `plan` opens is closed; what it binds is forgotten.
    pub(crate) fn block(&mut self, plan: impl FnOnce(&mut Self) -> Plan<()>) -> Plan<Block> {
        let env = self.env.clone();
        let (span, location) = (self.span, self.location);
        self.push(Wrap::Block)?;
        let depth = self.open.len();
        let result = plan(self);
        while self.open.len() > depth {
            self.close();
        }
        let block = self.close();
        self.env = env;
        self.span = span;
        self.location = location;
        result.map(|()| block)
    }

    /// Plans into a nested block that may fail without consequence.
    pub(crate) fn attempt(&mut self, plan: impl FnOnce(&mut Self) -> Plan<()>) -> Plan<()> {
        let block = self.block(plan)?;
        self.emit(StmtKind::Block { blocks: vec![block] });
        Ok(())
    }

    // Values.

    pub(crate) fn string(&mut self, text: &str) -> Operand {
        Operand::StringIndex(StringIndex(self.planner.string(text)))
    }

    pub(crate) fn number(&mut self, text: &str) -> Operand {
        let target = self.local();
        let index = self.planner.string(text);
        self.emit(StmtKind::MakeNumberRef { index, target });
        Operand::Local(target)
    }

    pub(crate) fn integer(&mut self, value: usize) -> Operand {
        let target = self.local();
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.emit(StmtKind::MakeNumberInt { value, target });
        Operand::Local(target)
    }

    /// A local with the value of an operand.
    pub(crate) fn in_local(&mut self, operand: Operand) -> Local {
        if let Operand::Local(local) = operand {
            return local;
        }
        let target = self.local();
        self.emit(StmtKind::AssignVar {
            source: operand,
            target,
        });
        target
    }

    pub(crate) fn dot(&mut self, source: Operand, key: Operand) -> Operand {
        let target = self.local();
        self.emit(StmtKind::Dot { source, key, target });
        Operand::Local(target)
    }

    /// Makes the rest of the block unreachable.
    pub(crate) fn never(&mut self) {
        let target = self.local();
        self.emit(StmtKind::ResetLocal { target });
        self.emit(StmtKind::IsDefined { source: target });
    }
}
