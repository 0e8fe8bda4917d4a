//! What a verifier tells of its logs: the status document and Prometheus' text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use stele_types::Timestamp;

use crate::state::{Hindrance, LogState, Refusal};

/// A log as it was last seen.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LogStatus {
    /// Its origin.
    pub origin: String,
    /// Its node.
    pub node: String,
    /// Where it is served.
    pub url: String,
    /// Leaves verified.
    pub verified: u64,
    /// Leaves under the head that was cosigned last.
    pub cosigned: u64,
    /// Leaves up to which nothing was re-executed, so that the ledger contract gets no signature (`verifier.sign_unchecked`).
    pub unchecked_until: u64,
    /// What became of the leaves that were looked at since the start.
    pub decisions: BTreeMap<&'static str, u64>,
    /// Cosignatures given since the start.
    pub cosignatures: u64,
    /// Looks that could not be finished since the start.
    pub failures: u64,
    /// Why the last look could not be finished, if so.
    pub problem: Option<String>,
    /// When the last look was finished.
    pub seen_at: Option<Timestamp>,
    /// The time of the newest block that the last look saw; a log is not accused by a history that ends before its decisions.
    pub chain_seen_until: Option<Timestamp>,
    /// The decision beyond which nothing can be verified, if there is one; it accuses nobody.
    pub hindrance: Option<Hindrance>,
    /// Why nothing is cosigned, if so.
    pub refused: Option<Refusal>,
}

/// A log's status, for its follower to write and for everybody to read.
#[derive(Debug, Default)]
pub struct Stats(Mutex<LogStatus>);

impl Stats {
    fn lock(&self) -> MutexGuard<'_, LogStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status now.
    pub fn read(&self) -> LogStatus {
        self.lock().clone()
    }

    /// Changes it.
    pub fn update(&self, change: impl FnOnce(&mut LogStatus)) {
        change(&mut self.lock());
    }

    /// Takes over what the state says.
    pub fn of_state(&self, state: &LogState) {
        self.update(|status| {
            status.verified = state.edge.size().get();
            status.cosigned = state.cosigned_size().get();
            status.unchecked_until = state.unchecked_until.get();
            status.hindrance.clone_from(&state.hindrance);
            status.refused.clone_from(&state.refused);
        });
    }

    /// Counts leaves by what became of them.
    pub fn count(&self, outcomes: &BTreeMap<&'static str, u64>) {
        self.update(|status| {
            for (word, count) in outcomes {
                let held = status.decisions.entry(word).or_default();
                *held = held.saturating_add(*count);
            }
        });
    }
}

/// Prometheus' text.
pub fn metrics(logs: &[LogStatus]) -> String {
    let mut text = String::new();
    type Read = fn(&LogStatus) -> u64;
    let families: [(&str, &str, Read); 9] = [
        ("verified_leaves", "gauge", |log| log.verified),
        ("cosigned_leaves", "gauge", |log| log.cosigned),
        ("cosignatures_total", "counter", |log| log.cosignatures),
        ("look_failures_total", "counter", |log| log.failures),
        ("failing", "gauge", |log| u64::from(log.problem.is_some())),
        ("chain_seen_until_seconds", "gauge", |log| {
            log.chain_seen_until.map_or(0, Timestamp::as_seconds)
        }),
        ("hindered", "gauge", |log| u64::from(log.hindrance.is_some())),
        ("refusing", "gauge", |log| u64::from(log.refused.is_some())),
        ("alert_parked", "gauge", |log| {
            let parked = log.refused.as_ref().and_then(|refusal| refusal.parked.as_ref());
            u64::from(parked.is_some())
        }),
    ];
    // Writing into a string can't fail.
    for (name, kind, read) in families {
        let _ = writeln!(text, "# TYPE stele_verifier_{name} {kind}");
        for log in logs {
            let _ = writeln!(
                text,
                "stele_verifier_{name}{{log=\"{}\"}} {}",
                label(&log.origin),
                read(log)
            );
        }
    }
    let _ = writeln!(text, "# TYPE stele_verifier_decisions_total counter");
    for log in logs {
        for (word, count) in &log.decisions {
            let labels = format!("log=\"{}\",outcome=\"{word}\"", label(&log.origin));
            let _ = writeln!(text, "stele_verifier_decisions_total{{{labels}}} {count}");
        }
    }
    text
}

/// A label's value.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
