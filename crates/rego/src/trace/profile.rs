//! What the lines of a policy cost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::event::Node;
use super::map::{Location, Map, PointKind, get};
use crate::vm::{Passed, Probe};

/// Measures the time between the points of an evaluation. All expressions of a line are counted together, as OPA does.
pub struct Profiler<'m> {
    map: &'m Map,
    /// A monotonic clock; only differences of its readings are used.
    clock: &'m dyn Fn() -> Duration,
    last: Duration,
    at: Option<(Arc<str>, u32)>,
    costs: BTreeMap<(Arc<str>, u32), Counts>,
}

#[derive(Default)]
struct Counts {
    col: u32,
    time: Duration,
    evaluations: u64,
    redos: u64,
    expressions: BTreeSet<u32>,
}

/// What one line cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Its place; the column is that of the expression that was evaluated first.
    pub location: Location,
    /// Time in it, what it calls not counted.
    pub time: Duration,
    /// How often its expressions were evaluated.
    pub evaluations: u64,
    /// How often they held and were then looked at for more.
    pub redos: u64,
    /// How many expressions it has, after the compiler has taken it apart.
    pub expressions: u64,
}

impl<'m> Profiler<'m> {
    /// Begins to measure.
    #[must_use]
    pub fn new(map: &'m Map, clock: &'m dyn Fn() -> Duration) -> Self {
        Self {
            map,
            clock,
            last: clock(),
            at: None,
            costs: BTreeMap::new(),
        }
    }

    /// The evaluation has ended: what each line cost, by file and line.
    #[must_use]
    pub fn finish(mut self) -> Vec<Cost> {
        self.spend();
        let cost = |((file, row), counts): ((Arc<str>, u32), Counts)| Cost {
            location: Location {
                file,
                row,
                col: counts.col,
            },
            time: counts.time,
            evaluations: counts.evaluations,
            redos: counts.redos,
            expressions: counts.expressions.len() as u64,
        };
        self.costs.into_iter().map(cost).collect()
    }

    /// The time since the last point was spent at the expression that began then.
    fn spend(&mut self) {
        let now = (self.clock)();
        let spent = now.saturating_sub(self.last);
        if let Some(counts) = self.at.as_ref().and_then(|at| self.costs.get_mut(at)) {
            counts.time = counts.time.saturating_add(spent);
        }
        self.last = now;
    }

    fn counts(&mut self, expression: u32) -> &mut Counts {
        let location = self.map.location(Node::Expression(expression));
        let line = (location.file, location.row);
        self.at = Some(line.clone());
        let counts = self.costs.entry(line).or_default();
        if counts.expressions.is_empty() {
            counts.col = location.col;
        }
        counts
    }
}

impl Probe for Profiler<'_> {
    fn point(&mut self, passed: &Passed<'_>) {
        self.spend();
        match get(&self.map.points, passed.point).map(|point| &point.kind) {
            Some(PointKind::Eval(expression)) => {
                let counts = self.counts(*expression);
                counts.evaluations = counts.evaluations.saturating_add(1);
                counts.expressions.insert(*expression);
            }
            Some(PointKind::Held(expression)) => {
                let counts = self.counts(*expression);
                counts.redos = counts.redos.saturating_add(1);
            }
            _ => {}
        }
    }
}
