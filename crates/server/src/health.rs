//! What the background tasks report of themselves: read by `/health`, `/v1/status` and `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use stele_types::Timestamp;

/// A policy that could not be put in force as the registry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Degraded {
    /// The version that the registry names.
    pub(crate) wanted: String,
    /// Why it isn't in force here.
    pub(crate) reason: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// A background task's own view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TaskState {
    /// Last success.
    pub(crate) last_success: Option<Timestamp>,
    /// The error since the last success, if there is one.
    pub(crate) error: Option<String>,
    /// Failures since the start.
    pub(crate) failures: u64,
}

#[derive(Debug, Default)]
struct Inner {
    degraded: BTreeMap<String, Degraded>,
    tasks: BTreeMap<&'static str, TaskState>,
}

/// Shared by tasks (writing) and endpoints (reading); never touched by a decision.
#[derive(Debug, Default)]
pub(crate) struct Status {
    inner: Mutex<Inner>,
}

impl Status {
    /// Replaces the list of policies that are not in force as they should be; keeps `since` of those that already were.
    pub(crate) fn set_degraded(&self, mut degraded: BTreeMap<String, Degraded>) {
        let mut inner = self.lock();
        for (id, now) in &mut degraded {
            if let Some(before) = inner.degraded.get(id) {
                now.since = before.since;
            }
        }
        inner.degraded = degraded;
    }

    /// Notes a task's success.
    pub(crate) fn succeeded(&self, task: &'static str, now: Timestamp) {
        let mut inner = self.lock();
        let state = inner.tasks.entry(task).or_default();
        state.last_success = Some(now);
        state.error = None;
    }

    /// Notes a task's failure; true when the task was well before.
    pub(crate) fn failed(&self, task: &'static str, error: String) -> bool {
        let mut inner = self.lock();
        let state = inner.tasks.entry(task).or_default();
        state.failures = state.failures.saturating_add(1);
        state.error.replace(error).is_none()
    }

    /// The policies that are not in force as they should be.
    pub(crate) fn degraded(&self) -> BTreeMap<String, Degraded> {
        self.lock().degraded.clone()
    }

    /// All tasks.
    pub(crate) fn tasks(&self) -> BTreeMap<&'static str, TaskState> {
        self.lock().tasks.clone()
    }

    /// For `/health?bundles`.
    pub(crate) fn bundle_problems(&self) -> Vec<String> {
        let inner = self.lock();
        inner
            .degraded
            .iter()
            .map(|(id, state)| {
                format!(
                    "policy {id}: version {} is not in force: {}",
                    state.wanted, state.reason
                )
            })
            .collect()
    }

    /// For `/health?plugins`, without the task called `except`.
    pub(crate) fn plugin_problems(&self, except: Option<&str>) -> Vec<String> {
        let inner = self.lock();
        let troubled = inner.tasks.iter().filter(|(name, _)| Some(**name) != except);
        troubled
            .filter_map(|(name, state)| Some(format!("{name}: {}", state.error.as_ref()?)))
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_and_go() {
        let status = Status::default();
        assert!(
            status.failed("anchor", "no node".to_owned()),
            "the first failure is news"
        );
        assert!(
            !status.failed("anchor", "no node".to_owned()),
            "the second is not"
        );
        assert_eq!(status.plugin_problems(None), ["anchor: no node"]);
        assert!(status.plugin_problems(Some("anchor")).is_empty());
        status.succeeded("anchor", Timestamp(5));
        assert!(status.plugin_problems(None).is_empty());
        assert_eq!(status.tasks()["anchor"].failures, 2);
    }

    #[test]
    fn a_degraded_policy_keeps_its_first_moment() {
        let status = Status::default();
        let at = |since| {
            let state = Degraded {
                wanted: "ab".to_owned(),
                reason: "missing".to_owned(),
                since: Timestamp(since),
            };
            BTreeMap::from([("a/b".to_owned(), state)])
        };
        status.set_degraded(at(1));
        status.set_degraded(at(9));
        assert_eq!(status.degraded()["a/b"].since, Timestamp(1));
        assert_eq!(
            status.bundle_problems(),
            ["policy a/b: version ab is not in force: missing"]
        );
        status.set_degraded(BTreeMap::new());
        assert!(status.bundle_problems().is_empty());
    }
}
