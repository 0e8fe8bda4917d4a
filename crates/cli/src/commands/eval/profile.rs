//! What each line of a query and its rules cost.

use std::cmp::Ordering;

use serde::Serialize;
use stele_rego::trace::{Cost, Location};

use crate::query::metrics::nanos;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// Time spent in it, what it calls not counted.
    pub(crate) total_time_ns: u64,
    /// How often its expressions were evaluated.
    pub(crate) num_eval: u64,
    /// How often they were looked at for more.
    pub(crate) num_redo: u64,
    /// How many expressions the compiler has made of it.
    pub(crate) num_gen_expr: u64,
    /// Where it stands.
    pub(crate) location: Location,
}

/// What a profile is sorted by; numbers the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum SortKey {
    /// Time
    TotalTimeNs,
    /// Evaluations
    NumEval,
    /// Redos
    NumRedo,
    /// Expressions
    NumGenExpr,
    /// The file's name
    File,
    /// The line
    Line,
}

impl SortKey {
    fn compare(self, a: &Line, b: &Line) -> Ordering {
        match self {
            Self::TotalTimeNs => b.total_time_ns.cmp(&a.total_time_ns),
            Self::NumEval => b.num_eval.cmp(&a.num_eval),
            Self::NumRedo => b.num_redo.cmp(&a.num_redo),
            Self::NumGenExpr => b.num_gen_expr.cmp(&a.num_gen_expr),
            Self::File => b.location.file.cmp(&a.location.file),
            Self::Line => b.location.row.cmp(&a.location.row),
        }
    }
}

/// The first `limit` lines, all if it is 0, sorted by the keys that were named, then by time.
pub(super) fn lines(costs: Vec<Cost>, keys: &[SortKey], limit: usize) -> Vec<Line> {
    let line = |cost: Cost| Line {
        total_time_ns: nanos(cost.time),
        num_eval: cost.evaluations,
        num_redo: cost.redos,
        num_gen_expr: cost.expressions,
        location: cost.location,
    };
    let mut lines: Vec<Line> = costs.into_iter().map(line).collect();
    let by = |a: &Line, b: &Line| {
        let order = keys.iter().chain([&SortKey::TotalTimeNs, &SortKey::NumEval]);
        order.fold(Ordering::Equal, |order, key| {
            order.then_with(|| key.compare(a, b))
        })
    };
    lines.sort_by(by);
    if limit > 0 {
        lines.truncate(limit);
    }
    lines
}
