//! Explores a scope and says what was found.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use stateright::{Checker, DiscoveryClassification, HasDiscoveries, Model};

use crate::model::Protocol;
use crate::scope::Scope;

/// What an exploration found.
#[derive(Debug)]
pub struct Report {
    /// Distinct states that were visited.
    pub states: usize,
    /// Transitions of the longest path from the start.
    pub depth: usize,
    /// Invariants that fail, each with the actions of a shortest counterexample.
    pub broken: BTreeMap<&'static str, String>,
    /// Sights that were not reached. Meaningful when nothing is broken.
    pub missed: Vec<&'static str>,
}

impl Report {
    /// Whether every invariant held and every sight was reached.
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty() && self.missed.is_empty()
    }
}

/// Visits every state of a scope, or stops when `until`, an invariant, is broken.
pub fn explore(scope: Scope, until: Option<&'static str>) -> Report {
    let finish = until.map_or(HasDiscoveries::AnyFailures, |name| {
        HasDiscoveries::AllOf([name].into())
    });
    let checker = Protocol { scope }
        .checker()
        .finish_when(finish)
        .spawn_bfs()
        .join();
    let mut broken = BTreeMap::new();
    for (name, path) in checker.discoveries() {
        if matches!(
            checker.discovery_classification(name),
            DiscoveryClassification::Counterexample
        ) {
            let mut text = String::new();
            for action in path.into_actions() {
                // Writing to a string can't fail.
                let _ = writeln!(text, "  {action:?}");
            }
            broken.insert(name, text);
        }
    }
    let missed = checker
        .model()
        .properties()
        .iter()
        .filter(|property| matches!(property.expectation, stateright::Expectation::Sometimes))
        .filter(|property| checker.discovery(property.name).is_none())
        .map(|property| property.name)
        .collect();
    Report {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        broken,
        missed,
    }
}
