//! What an evaluation tells about itself while it runs.
//!
//! A rule `deny contains msg if { BODY }` of package `a.b` is a function named `g0.data.a.b.deny`; several rules of one name are
//! one function. Events come in this order:
//!
//! ```text
//! enter   the function, with its arguments and the place of the call
//!   statement ...   each statement after it was executed (so inner ones come before the one around them)
//! exit    the function, with its result: None means undefined
//! ```
//!
//! An explanation takes from this: a statement with [`Outcome::Undefined`] is the expression of a body that did not hold (its
//! `at` is the line), the one with [`Outcome::Defined`] at the rule's head is a body that held, and
//! [`Statement::bound`] and [`Statement::reads`] are the values it worked on. A memoised function has an enter and an exit,
//! and [`Exit::memoised`] is set.

use stele_types::Value;

use super::error::At;

/// Receives the events of an evaluation. All methods have empty defaults.
pub trait Tracer {
    /// False: only [`Tracer::enter`] and [`Tracer::exit`] are called, which costs next to nothing.
    fn wants_statements(&self) -> bool {
        true
    }

    /// A function is called.
    fn enter(&mut self, _enter: &Enter<'_>) {}

    /// A function has returned.
    fn exit(&mut self, _exit: &Exit<'_>) {}

    /// A statement was executed.
    fn statement(&mut self, _statement: &Statement<'_>) {}
}

/// A call of a function.
#[derive(Debug, Clone, Copy)]
pub struct Enter<'a> {
    /// The function's name, `g0.data.kubernetes.admission.deny`.
    pub func: &'a str,
    /// The function's path, `["g0", "kubernetes", "admission", "deny"]`.
    pub path: &'a [String],
    /// The arguments besides input and data.
    pub args: &'a [Option<Value>],
    /// Where the call stands.
    pub at: &'a At,
    /// How many functions are being executed, this one included.
    pub depth: u32,
}

/// The end of a call.
#[derive(Debug, Clone, Copy)]
pub struct Exit<'a> {
    /// The function's name.
    pub func: &'a str,
    /// The result; `None` means undefined.
    pub result: Option<&'a Value>,
    /// The result is the one of an earlier call: a rule is evaluated once a query (once more inside of `with`).
    pub memoised: bool,
    /// How many functions are being executed, this one included.
    pub depth: u32,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Execution went on with the next statement.
    Defined,
    /// The statement was undefined: its block was left.
    Undefined,
    /// A break or return.
    Left,
}

/// An executed statement.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// Name in JSON, `DotStmt`.
    pub name: &'static str,
    /// The builtin or function, if the statement is a call by name.
    pub callee: Option<&'a str>,
    /// Where it comes from.
    pub at: &'a At,
    /// How it ended.
    pub outcome: Outcome,
    /// Number and value of the local that it set, if it set one.
    pub bound: Option<(u32, &'a Value)>,
    /// Numbers and values of the locals that it worked on, in OPA's order of operands; undefined ones are left out.
    pub reads: &'a [(u32, Value)],
    /// How many functions are being executed.
    pub depth: u32,
}

/// Wants nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl Tracer for NoTrace {
    fn wants_statements(&self) -> bool {
        false
    }
}

/// An event as [`Recorder`] keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A function is called.
    Enter {
        /// Its name.
        func: String,
        /// Its arguments besides input and data.
        args: Vec<Option<Value>>,
        /// Where the call stands.
        at: At,
        /// How many functions are being executed, this one included.
        depth: u32,
    },
    /// A function has returned.
    Exit {
        /// Its name.
        func: String,
        /// Its result; `None` means undefined.
        result: Option<Value>,
        /// The result is the one of an earlier call.
        memoised: bool,
        /// How many functions are being executed, this one included.
        depth: u32,
    },
    /// A statement was executed.
    Statement {
        /// Its name in JSON.
        name: &'static str,
        /// What it called, if it is a call by name.
        callee: Option<String>,
        /// Where it comes from.
        at: At,
        /// How it ended.
        outcome: Outcome,
        /// The local that it set.
        bound: Option<(u32, Value)>,
        /// The locals that it worked on.
        reads: Vec<(u32, Value)>,
        /// How many functions are being executed.
        depth: u32,
    },
}

/// Keeps the first events of an evaluation.
#[derive(Debug, Clone)]
pub struct Recorder {
    /// The events, in order.
    pub events: Vec<Event>,
    /// How many more were dropped because [`Recorder::limit`] was reached.
    pub dropped: u64,
    /// How many to keep.
    pub limit: usize,
}

impl Recorder {
    /// A recorder that keeps up to `limit` events.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            events: Vec::new(),
            dropped: 0,
            limit,
        }
    }

    fn push(&mut self, event: impl FnOnce() -> Event) {
        if self.events.len() < self.limit {
            self.events.push(event());
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

impl Default for Recorder {
    /// Keeps 100,000 events.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl Tracer for Recorder {
    fn enter(&mut self, enter: &Enter<'_>) {
        self.push(|| Event::Enter {
            func: enter.func.to_owned(),
            args: enter.args.to_vec(),
            at: enter.at.clone(),
            depth: enter.depth,
        });
    }

    fn exit(&mut self, exit: &Exit<'_>) {
        self.push(|| Event::Exit {
            func: exit.func.to_owned(),
            result: exit.result.cloned(),
            memoised: exit.memoised,
            depth: exit.depth,
        });
    }

    fn statement(&mut self, statement: &Statement<'_>) {
        self.push(|| Event::Statement {
            name: statement.name,
            callee: statement.callee.map(str::to_owned),
            at: statement.at.clone(),
            outcome: statement.outcome,
            bound: statement.bound.map(|(local, value)| (local, value.clone())),
            reads: statement.reads.to_vec(),
            depth: statement.depth,
        });
    }
}
