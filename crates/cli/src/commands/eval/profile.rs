//! What each expression of a query and its rules cost.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use stele_rego::eval::trace::{Enter, Exit, Outcome, Statement};
use stele_rego::eval::{At, Tracer};

use crate::query::metrics::nanos;

/// One expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// Time spent in it, what it calls not counted.
    pub(crate) total_time_ns: u64,
    /// How often execution arrived at it.
    pub(crate) num_eval: u64,
    /// Always 0: a plan loops, and never goes back into an expression.
    pub(crate) num_redo: u64,
    /// How many statements of the plan it became.
    pub(crate) num_gen_expr: u64,
    /// Where it stands.
    pub(crate) location: Location,
}

/// A place in a source, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Location {
    pub(crate) file: String,
    pub(crate) row: u32,
    pub(crate) col: u32,
}

impl From<&At> for Location {
    fn from(at: &At) -> Self {
        Self {
            file: at.file.to_string(),
            row: at.row,
            col: at.col,
        }
    }
}

#[derive(Default)]
struct Cost {
    time_ns: u64,
    arrivals: u64,
    statements: u64,
}

/// Measures the time between the events of an evaluation.
pub(super) struct Profiler {
    last: Instant,
    at: Option<Location>,
    /// Where the calls stand that have not ended.
    calls: Vec<Location>,
    /// Statements since the last arrival.
    run: u64,
    costs: BTreeMap<Location, Cost>,
}

impl Default for Profiler {
    fn default() -> Self {
        Self {
            last: Instant::now(),
            at: None,
            calls: Vec::new(),
            run: 0,
            costs: BTreeMap::new(),
        }
    }
}

impl Profiler {
    /// The dearest `limit` expressions; all if it is 0.
    pub(super) fn lines(self, limit: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = self
            .costs
            .into_iter()
            .map(|(location, cost)| Line {
                total_time_ns: cost.time_ns,
                num_eval: cost.arrivals,
                num_redo: 0,
                num_gen_expr: cost.statements,
                location,
            })
            .collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.total_time_ns));
        if limit > 0 {
            lines.truncate(limit);
        }
        lines
    }

    /// The time since the last event was spent at `at`.
    fn visit(&mut self, at: &Location) {
        let now = Instant::now();
        let arrived = self.at.as_ref() != Some(at);
        self.run = if arrived { 1 } else { self.run.saturating_add(1) };
        let cost = self.costs.entry(at.clone()).or_default();
        cost.time_ns = cost.time_ns.saturating_add(nanos(now.duration_since(self.last)));
        cost.arrivals = cost.arrivals.saturating_add(u64::from(arrived));
        cost.statements = cost.statements.max(self.run);
        self.last = now;
    }
}

impl Tracer for Profiler {
    fn enter(&mut self, enter: &Enter<'_>) {
        let at = Location::from(enter.at);
        self.visit(&at);
        self.calls.push(at);
        self.at = None;
    }

    fn exit(&mut self, _exit: &Exit<'_>) {
        self.last = Instant::now();
        self.at = self.calls.pop();
    }

    fn statement(&mut self, statement: &Statement<'_>) {
        let at = Location::from(statement.at);
        self.visit(&at);
        // What comes after a statement that did not hold is another attempt, be it at the same place.
        self.at = (statement.outcome != Outcome::Undefined).then_some(at);
    }
}
