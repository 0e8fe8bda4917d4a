//! How a result came about: the events of the evaluation, filtered as `opa eval --explain` filters them.

use serde::Serialize;
use stele_rego::SourceFile;
use stele_rego::eval::trace::{Event as Recorded, Outcome};
use stele_rego::eval::{At, Recorder};
use stele_types::Value;

use super::profile::Location;

/// Which events are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// None
    #[default]
    Off,
    /// What `trace(...)` said, and the rules around it
    Notes,
    /// Expressions that did not hold, and the rules around them
    Fails,
    /// Everything
    Full,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Op {
    /// A rule or function is evaluated.
    Enter,
    /// It ended, with a value or undefined.
    Exit,
    /// An expression is evaluated.
    Eval,
    /// An expression did not hold.
    Fail,
    /// `trace(...)` said something.
    Note,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    pub(crate) op: Op,
    /// The evaluation of a rule that it belongs to; the query itself is 0.
    pub(crate) query_id: u64,
    /// The evaluation around that one.
    pub(crate) parent_id: u64,
    /// The rule's path, or the expression's text.
    pub(crate) node: String,
    /// A rule's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    pub(crate) location: Location,
    #[serde(skip)]
    pub(crate) depth: usize,
}

impl Event {
    /// The line for people, without its place.
    pub(crate) fn text(&self) -> String {
        let bars = "| ".repeat(self.depth);
        let tail = match (&self.value, &self.message, self.op) {
            (_, Some(message), _) => format!("{message:?}"),
            (Some(value), _, _) => format!("{} = {}", self.node, stele_types::json::to_string(value)),
            (None, None, Op::Exit) => format!("{} is undefined", self.node),
            _ => self.node.clone(),
        };
        format!("{bars}{:?} {tail}", self.op)
    }
}

/// The events that a mode shows.
pub(super) fn explain(mode: Mode, recorder: &Recorder, sources: &[SourceFile]) -> Vec<Event> {
    let mut follower = Follower {
        sources,
        events: Vec::new(),
        open: Vec::new(),
        next: 1,
        at: None,
    };
    for event in &recorder.events {
        follower.take(event);
    }
    let kept = match mode {
        Mode::Full => return follower.events,
        Mode::Off => return Vec::new(),
        Mode::Notes => Op::Note,
        Mode::Fails => Op::Fail,
    };
    with_ancestors(follower.events, kept)
}

/// The events with this operation, and the entries of the rules that were being evaluated then.
fn with_ancestors(mut events: Vec<Event>, kept: Op) -> Vec<Event> {
    let mut wanted = vec![false; events.len()];
    let mut open: Vec<usize> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        match event.op {
            Op::Enter => open.push(index),
            Op::Exit => {
                open.pop();
            }
            op if op == kept => {
                let ancestors = open.iter().rev();
                for index in ancestors.chain([&index]) {
                    if let Some(mark) = wanted.get_mut(*index) {
                        *mark = true;
                    }
                }
            }
            _ => {}
        }
    }
    let mut wanted = wanted.into_iter();
    events.retain(|_| wanted.next().unwrap_or(false));
    events
}

struct Follower<'a> {
    sources: &'a [SourceFile],
    events: Vec<Event>,
    /// Evaluations of rules that have not ended: id and place of the call.
    open: Vec<(u64, At)>,
    next: u64,
    /// The expression that is being evaluated.
    at: Option<At>,
}

impl Follower<'_> {
    fn take(&mut self, event: &Recorded) {
        match event {
            Recorded::Enter { func, at, .. } => {
                if self.at.as_ref() != Some(at) {
                    self.push(Op::Eval, self.expression(at), None, None, at);
                }
                let id = self.next;
                self.next = self.next.saturating_add(1);
                self.open.push((id, at.clone()));
                self.push(Op::Enter, rule_name(func), None, None, at);
                self.at = None;
            }
            Recorded::Exit { func, result, .. } => {
                let at = self.open.last().map(|(_, at)| at.clone());
                if let Some(at) = at {
                    let value = result.as_ref().map(Value::to_json_projection);
                    self.push(Op::Exit, rule_name(func), value, None, &at);
                    self.open.pop();
                    self.at = Some(at);
                }
            }
            // A guard before a default value, of the plan's own making.
            Recorded::Statement { name, .. } if *name == "IsUndefinedStmt" => {}
            Recorded::Statement {
                callee,
                at,
                outcome,
                reads,
                ..
            } => {
                if self.at.as_ref() != Some(at) {
                    self.push(Op::Eval, self.expression(at), None, None, at);
                    self.at = Some(at.clone());
                }
                if callee.as_deref() == Some("trace") {
                    let node = self.expression(at);
                    let said = reads.first().and_then(|(_, value)| value.as_str());
                    let said = said.map(str::to_owned).or_else(|| literal(&node));
                    self.push(Op::Note, node, None, said, at);
                }
                if *outcome == Outcome::Undefined {
                    self.push(Op::Fail, self.expression(at), None, None, at);
                    self.at = None;
                }
            }
        }
    }

    fn push(&mut self, op: Op, node: String, value: Option<Value>, message: Option<String>, at: &At) {
        let id = |back: usize| self.open.iter().rev().nth(back).map_or(0, |(id, _)| *id);
        self.events.push(Event {
            op,
            query_id: id(0),
            parent_id: id(1),
            node,
            value,
            message,
            location: Location::from(at),
            depth: self.open.len(),
        });
    }

    /// The source line from the expression on.
    fn expression(&self, at: &At) -> String {
        let source = self.sources.iter().find(|source| *source.name() == at.file);
        let line = source.map_or("", |source| source.line_text(at.row));
        let start = usize::try_from(at.col.saturating_sub(1)).unwrap_or(usize::MAX);
        line.get(start..).unwrap_or(line).trim().to_owned()
    }
}

/// The message of `trace("message")`: a literal is no local that a statement reads.
fn literal(node: &str) -> Option<String> {
    let inside = node.strip_prefix("trace(")?.strip_suffix(')')?;
    serde_json::from_str(inside).ok()
}

/// `g0.data.a.b.deny` as `data.a.b.deny`.
fn rule_name(func: &str) -> String {
    func.split_once('.').map_or(func, |(_, rest)| rest).to_owned()
}
