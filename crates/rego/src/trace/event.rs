//! Events, and which of them an explanation shows.

use std::collections::HashMap;
use std::sync::Arc;

use stele_types::Value;

use crate::compile::hir::Var;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A query, a rule or a closure is evaluated.
    Enter,
    /// All its expressions held.
    Exit,
    /// An expression is evaluated.
    Eval,
    /// An expression or a query is looked at for more.
    Redo,
    /// An expression did not hold.
    Fail,
    /// `trace(...)` said something.
    Note,
}

impl Op {
    /// As OPA's text names it, `Enter`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enter => "Enter",
            Self::Exit => "Exit",
            Self::Eval => "Eval",
            Self::Redo => "Redo",
            Self::Fail => "Fail",
            Self::Note => "Note",
        }
    }
}

/// What an event is about: a number of the [`Map`](super::Map).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A body.
    Body(u32),
    /// An expression.
    Expression(u32),
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub op: Op,
    /// The evaluation of a body that it belongs to; the query itself is 0.
    pub query_id: u64,
    /// The evaluation around that one.
    pub parent_id: u64,
    /// What it is about.
    pub node: Node,
    /// What a note says.
    pub message: Option<String>,
    /// The value that a body gives, where it ends with one.
    pub value: Option<Value>,
    /// The variables that have a value.
    pub(crate) locals: Arc<Locals>,
    /// What references of the body's expressions led to: of those that hold, and of the one that did not.
    pub(crate) terms: Vec<Seen>,
}

/// The value of a reference.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The point at which it was seen.
    pub(crate) point: u32,
    pub(crate) value: Option<Value>,
}

/// Values of variables, by the order of their declaration.
pub(crate) type Locals = Vec<(Var, Value)>;

/// Which events an explanation shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// None.
    #[default]
    Off,
    /// All of them.
    Full,
    /// What `trace(...)` said, and the queries around it.
    Notes,
    /// Expressions that did not hold, and the queries around them.
    Fails,
    /// All of them: there is nothing below an event that could be shown too.
    Debug,
}

impl Mode {
    /// The mode with this name; OPA's names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "off" => Self::Off,
            "full" => Self::Full,
            "notes" => Self::Notes,
            "fails" => Self::Fails,
            "debug" => Self::Debug,
            _ => return None,
        })
    }

    /// The events that the mode shows, in order.
    #[must_use]
    pub fn filter(self, events: Vec<Event>) -> Vec<Event> {
        let wanted = match self {
            Self::Off => return Vec::new(),
            Self::Full | Self::Debug => return events,
            Self::Notes => Op::Note,
            Self::Fails => Op::Fail,
        };
        with_ancestors(&events, wanted)
    }
}

/// The events with an operation; before each, how the queries around it were entered, unless that was shown already.
fn with_ancestors(events: &[Event], wanted: Op) -> Vec<Event> {
    let mut out = Vec::new();
    let mut entered: HashMap<u64, &Event> = HashMap::new();
    for event in events {
        if event.op == wanted {
            let mut path = Vec::new();
            let mut id = event.query_id;
            while let Some(entry) = entered.remove(&id) {
                path.push(entry.clone());
                id = entry.parent_id;
            }
            out.extend(path.into_iter().rev());
            out.push(event.clone());
            entered.clear();
        }
        if matches!((event.op, event.node), (Op::Enter | Op::Redo, Node::Body(_))) {
            entered.insert(event.query_id, event);
        }
    }
    out
}
