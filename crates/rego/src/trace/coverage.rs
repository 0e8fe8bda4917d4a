//! Which lines of a policy were evaluated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::event::Node;
use super::map::{Map, PointKind, get};
use crate::vm::{Passed, Probe};

/// Takes down which points evaluations passed; any number of evaluations of one program.
#[derive(Clone, Debug)]
pub struct Hits<'m> {
    map: &'m Map,
    passed: Vec<bool>,
}

impl<'m> Hits<'m> {
    /// No line yet.
    #[must_use]
    pub fn new(map: &'m Map) -> Self {
        Self {
            map,
            passed: vec![false; map.points.len()],
        }
    }

    /// The lines that were evaluated, by file: those of expressions, and those of the heads of rules that held.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<Arc<str>, BTreeSet<u32>> {
        let mut out: BTreeMap<Arc<str>, BTreeSet<u32>> = BTreeMap::new();
        let passed = self.map.points.iter().zip(&self.passed);
        for (point, _) in passed.filter(|(_, passed)| **passed) {
            let location = match &point.kind {
                PointKind::Eval(expression) => {
                    if let Some((_, statement)) = self.map.statement(*expression) {
                        out.entry(statement.file).or_default().insert(statement.row);
                    }
                    self.map.location(Node::Expression(*expression))
                }
                PointKind::Exit(body) if self.map.rule(Node::Body(*body)).is_some() => {
                    self.map.location(Node::Body(*body))
                }
                _ => continue,
            };
            out.entry(location.file).or_default().insert(location.row);
        }
        out
    }
}

impl Probe for Hits<'_> {
    fn point(&mut self, passed: &Passed<'_>) {
        debug_assert!(
            get(&self.map.points, passed.point).is_some(),
            "a point of another program"
        );
        let slot = usize::try_from(passed.point)
            .ok()
            .and_then(|point| self.passed.get_mut(point));
        if let Some(slot) = slot {
            *slot = true;
        }
    }
}
