//! From points to events.

use std::collections::HashMap;
use std::sync::Arc;

use stele_types::Value;

use super::event::{Event, Locals, Node, Op, Seen};
use super::map::{Map, PointKind, get};
use crate::compile::hir::Var;
use crate::vm::value::Val;
use crate::vm::{Passed, Probe};

/// Of an expression that iterates, the values of this many references are kept.
const MAX_TERMS: usize = 64;

/// Bytes of all values together.
const MAX_BYTES: u64 = 64 << 20;

/// Takes down the events of an evaluation.
#[derive(Debug)]
pub struct Recorder<'m> {
    map: &'m Map,
    limit: usize,
    events: Vec<Event>,
    dropped: u64,
    stack: Vec<Active>,
    next_id: u64,
    /// Values by the words that stand for them.
    values: HashMap<Val, Option<Value>>,
    /// Bytes that are left for them.
    left: u64,
}

/// What a [`Recorder`] took down.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The events, in order.
    pub events: Vec<Event>,
    /// How many more there were than the recorder may keep.
    pub dropped: u64,
}

/// A body that is being evaluated.
#[derive(Debug)]
struct Active {
    body: u32,
    id: u64,
    parent_id: u64,
    depth: usize,
    exited: bool,
    /// The result of its rule goes to an expression that goes on with it, so it is looked at for more only after that.
    lazy: bool,
    locals: Arc<Locals>,
    running: Vec<Running>,
}

/// An expression that has begun.
#[derive(Debug)]
struct Running {
    expression: u32,
    /// It held at least once.
    held: bool,
    /// It holds, and what comes after it is being evaluated.
    holds: bool,
    /// The locals when it began.
    locals: Arc<Locals>,
    terms: Vec<Seen>,
    /// What comes when the evaluation goes back into it.
    after: Vec<Event>,
}

impl<'m> Recorder<'m> {
    /// A recorder of up to `limit` events.
    #[must_use]
    pub fn new(map: &'m Map, limit: usize) -> Self {
        Self {
            map,
            limit,
            events: Vec::new(),
            dropped: 0,
            stack: Vec::new(),
            next_id: 0,
            values: HashMap::new(),
            left: MAX_BYTES,
        }
    }

    /// The evaluation has ended.
    #[must_use]
    pub fn finish(mut self) -> Trace {
        while !self.stack.is_empty() {
            self.leave();
        }
        Trace {
            events: self.events,
            dropped: self.dropped,
        }
    }

    fn push(&mut self, event: Event) {
        if self.events.len() < self.limit {
            self.events.push(event);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    fn value(&mut self, passed: &Passed<'_>, index: usize) -> Option<Value> {
        let val = *passed.values.get(index)?;
        let left = &mut self.left;
        self.values
            .entry(val)
            .or_insert_with(|| passed.value(val, left))
            .clone()
    }

    fn locals(&mut self, passed: &Passed<'_>, vars: &[Var]) -> Arc<Locals> {
        let mut locals = Vec::with_capacity(vars.len());
        for (index, var) in vars.iter().enumerate() {
            locals.extend(self.value(passed, index).map(|value| (*var, value)));
        }
        Arc::new(locals)
    }

    /// A body begins: what is not around it has ended.
    fn enter(&mut self, body: u32, passed: &Passed<'_>, vars: &[Var]) {
        let Some(entry) = get(&self.map.bodies, body) else {
            return;
        };
        match entry.parent {
            Some(parent) => self.go_to(parent, passed.depth),
            None => {
                while self.stack.last().is_some_and(|top| top.depth >= passed.depth) {
                    self.leave();
                }
            }
        }
        let rule = get(&self.map.branches, entry.branch).and_then(|branch| branch.rule.as_ref());
        let active = Active {
            body,
            id: self.next_id,
            parent_id: self.stack.last().map_or(0, |top| top.id),
            depth: passed.depth,
            exited: false,
            lazy: entry.outermost && rule.is_some_and(|rule| rule.complete),
            locals: self.locals(passed, vars),
            running: Vec::new(),
        };
        self.next_id = self.next_id.saturating_add(1);
        let event = active.event(Op::Enter);
        self.stack.push(active);
        self.push(event);
    }

    /// Ends what is inside of a body that is being evaluated.
    fn go_to(&mut self, body: u32, depth: usize) {
        while let Some(top) = self.stack.last()
            && (top.depth, top.body) != (depth, body)
        {
            self.leave();
        }
    }

    /// The innermost body ends: the evaluation goes back through its expressions.
    fn leave(&mut self) {
        let Some(mut active) = self.stack.pop() else {
            return;
        };
        let waits = active.lazy && active.exited;
        let mut back = Vec::new();
        active.redo_exit(&mut back);
        active.back_to(0, &mut back);
        match self.stack.last_mut().and_then(|outer| outer.running.last_mut()) {
            Some(running) if waits => running.after.extend(back),
            _ => back.into_iter().for_each(|event| self.push(event)),
        }
    }

    /// The evaluation is in this body, at an expression or at its end.
    fn at(&mut self, body: u32, passed: &Passed<'_>) {
        self.go_to(body, passed.depth);
    }

    fn body_of(&self, expression: u32) -> u32 {
        get(&self.map.expressions, expression).map_or(u32::MAX, |expression| expression.body)
    }

    fn eval(&mut self, expression: u32, passed: &Passed<'_>) {
        self.at(self.body_of(expression), passed);
        let Some(active) = self.stack.last_mut() else {
            return;
        };
        active.running.push(Running {
            expression,
            held: false,
            holds: false,
            locals: Arc::clone(&active.locals),
            terms: Vec::new(),
            after: Vec::new(),
        });
        let event = active.event_of(Op::Eval, expression, &active.locals);
        self.push(event);
    }

    fn held(&mut self, expression: u32, passed: &Passed<'_>, vars: &[Var]) {
        self.at(self.body_of(expression), passed);
        self.back_to(expression);
        let locals = self.locals(passed, vars);
        if let Some(active) = self.stack.last_mut() {
            active.locals = locals;
            if let Some(running) = active.running.last_mut() {
                running.held = true;
                running.holds = true;
            }
        }
    }

    /// What was evaluated after an expression has ended; if it held before, it is tried again.
    fn back_to(&mut self, expression: u32) {
        let Some(active) = self.stack.last_mut() else {
            return;
        };
        let Some(place) = active
            .running
            .iter()
            .rposition(|running| running.expression == expression)
        else {
            return;
        };
        let mut back = Vec::new();
        active.redo_exit(&mut back);
        active.back_to(place.saturating_add(1), &mut back);
        let again = active.running.last_mut().filter(|running| running.holds);
        let again = again.map(|running| {
            running.holds = false;
            running.terms.clear();
            (
                running.expression,
                Arc::clone(&running.locals),
                std::mem::take(&mut running.after),
            )
        });
        if let Some((expression, locals, after)) = again {
            back.push(active.event_of(Op::Redo, expression, &locals));
            back.extend(after);
        }
        back.into_iter().for_each(|event| self.push(event));
    }

    fn term(&mut self, expression: u32, passed: &Passed<'_>) {
        self.at(self.body_of(expression), passed);
        self.back_to(expression);
        let value = self.value(passed, 0);
        let running = self.stack.last_mut().and_then(|active| active.running.last_mut());
        if let Some(running) = running.filter(|running| running.terms.len() < MAX_TERMS) {
            running.terms.push(Seen {
                point: passed.point,
                value,
            });
        }
    }

    fn exit(&mut self, body: u32, passed: &Passed<'_>) {
        self.at(body, passed);
        let value = self.value(passed, 0);
        let Some(active) = self.stack.last_mut() else {
            return;
        };
        let mut event = active.event(Op::Exit);
        event.value = value;
        event.terms = active.terms();
        active.exited = true;
        self.push(event);
    }

    fn note(&mut self, expression: u32, passed: &Passed<'_>) {
        self.at(self.body_of(expression), passed);
        let message = self.value(passed, 0);
        let Some(active) = self.stack.last() else { return };
        let mut event = active.event_of(Op::Note, expression, &active.locals);
        event.message = message.map(|message| message.as_str().unwrap_or_default().to_owned());
        self.push(event);
    }
}

impl Active {
    fn event(&self, op: Op) -> Event {
        Event {
            op,
            query_id: self.id,
            parent_id: self.parent_id,
            node: Node::Body(self.body),
            message: None,
            value: None,
            locals: Arc::clone(&self.locals),
            terms: Vec::new(),
        }
    }

    fn event_of(&self, op: Op, expression: u32, locals: &Arc<Locals>) -> Event {
        Event {
            node: Node::Expression(expression),
            locals: Arc::clone(locals),
            ..self.event(op)
        }
    }

    fn terms(&self) -> Vec<Seen> {
        self.running
            .iter()
            .flat_map(|running| running.terms.iter().cloned())
            .collect()
    }

    /// If all expressions held, the body is looked at for more.
    fn redo_exit(&mut self, out: &mut Vec<Event>) {
        if std::mem::take(&mut self.exited) {
            out.push(self.event(Op::Redo));
        }
    }

    /// Goes back through the expressions, the last first, until `keep` of them are left.
    fn back_to(&mut self, keep: usize, out: &mut Vec<Event>) {
        while self.running.len() > keep {
            let terms = self.terms();
            let Some(running) = self.running.pop() else { return };
            if running.holds {
                out.push(self.event_of(Op::Redo, running.expression, &running.locals));
                out.extend(running.after);
            } else if !running.held {
                out.extend(running.after);
                let mut event = self.event_of(Op::Fail, running.expression, &running.locals);
                event.terms = terms;
                out.push(event);
            }
        }
    }
}

impl Probe for Recorder<'_> {
    fn point(&mut self, passed: &Passed<'_>) {
        let map = self.map;
        let Some(point) = get(&map.points, passed.point) else {
            return;
        };
        match &point.kind {
            PointKind::Enter(body) => self.enter(*body, passed, &point.vars),
            PointKind::Eval(expression) => self.eval(*expression, passed),
            PointKind::Term(expression, _) => self.term(*expression, passed),
            PointKind::Held(expression) => self.held(*expression, passed, &point.vars),
            PointKind::Note(expression) => self.note(*expression, passed),
            PointKind::Exit(body) => self.exit(*body, passed),
            PointKind::Step(_) => {}
        }
    }
}
