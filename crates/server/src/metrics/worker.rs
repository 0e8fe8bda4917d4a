//! What one worker counts, and the sum over workers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

use super::{Histogram, Kind, Text};
use crate::http::{Endpoint, ROUTES};

/// Counts of one policy.
#[derive(Debug, Clone, Default)]
struct PolicySeries {
    by_decision: BTreeMap<&'static str, u64>,
    by_error: BTreeMap<String, u64>,
    evaluation: Histogram,
}

/// Sums over any number of workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    policies: BTreeMap<String, PolicySeries>,
    requests: BTreeMap<(&'static str, &'static str, u16), Histogram>,
}

/// One worker's counts; the lock is only ever contended by a scrape.
#[derive(Debug, Default)]
pub(crate) struct WorkerMetrics {
    totals: Mutex<Totals>,
}

impl WorkerMetrics {
    /// Counts a decision and the time its evaluation took.
    pub(crate) fn decided(&self, policy: &str, decision: &'static str, evaluation: Duration) {
        self.with_policy(policy, |series| {
            let count = series.by_decision.entry(decision).or_default();
            *count = count.saturating_add(1);
            series.evaluation.observe(evaluation);
        });
    }

    /// Counts a failed decision.
    pub(crate) fn failed(&self, policy: &str, code: &str) {
        self.with_policy(policy, |series| match series.by_error.get_mut(code) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                series.by_error.insert(code.to_owned(), 1);
            }
        });
    }

    /// Counts an HTTP request; `None` stands for a path that is not served.
    pub(crate) fn requested(
        &self,
        endpoint: Option<Endpoint>,
        method: &'static str,
        status: StatusCode,
        took: Duration,
    ) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals
            .requests
            .entry((handler(endpoint), method, status.as_u16()))
            .or_default()
            .observe(took);
    }

    /// Adds this worker's counts to a sum.
    pub(crate) fn add_to(&self, sum: &mut Totals) {
        let totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        for (policy, series) in &totals.policies {
            let into = sum.policies.entry(policy.clone()).or_default();
            for (decision, count) in &series.by_decision {
                let total = into.by_decision.entry(decision).or_default();
                *total = total.saturating_add(*count);
            }
            for (code, count) in &series.by_error {
                let total = into.by_error.entry(code.clone()).or_default();
                *total = total.saturating_add(*count);
            }
            into.evaluation.add(&series.evaluation);
        }
        for (key, histogram) in &totals.requests {
            sum.requests.entry(*key).or_default().add(histogram);
        }
    }

    fn with_policy(&self, policy: &str, change: impl FnOnce(&mut PolicySeries)) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = totals.policies.get_mut(policy) {
            change(series);
        } else {
            change(totals.policies.entry(policy.to_owned()).or_default());
        }
    }
}

impl Totals {
    /// Decisions counted under a policy and a decision.
    #[cfg(test)]
    fn decisions(&self, policy: &str, decision: &str) -> u64 {
        self.policies
            .get(policy)
            .and_then(|series| series.by_decision.get(decision))
            .copied()
            .unwrap_or(0)
    }

    /// Writes the sums.
    pub(crate) fn write(&self, text: &mut Text) {
        text.family(
            "stele_decisions_total",
            Kind::Counter,
            "Decisions by policy and outcome.",
        );
        for (policy, series) in &self.policies {
            for (decision, count) in &series.by_decision {
                text.count(
                    "stele_decisions_total",
                    &[("policy_id", policy), ("decision", decision)],
                    *count,
                );
            }
        }
        text.family(
            "stele_decision_errors_total",
            Kind::Counter,
            "Decisions that failed, by policy and error code.",
        );
        for (policy, series) in &self.policies {
            for (code, count) in &series.by_error {
                text.count(
                    "stele_decision_errors_total",
                    &[("policy_id", policy), ("code", code)],
                    *count,
                );
            }
        }
        text.family(
            "stele_evaluation_duration_seconds",
            Kind::Histogram,
            "Time one policy evaluation took.",
        );
        for (policy, series) in &self.policies {
            text.histogram(
                "stele_evaluation_duration_seconds",
                &[("policy_id", policy)],
                &series.evaluation,
            );
        }
        text.family(
            "http_request_duration_seconds",
            Kind::Histogram,
            "Time an HTTP request took, body to answer.",
        );
        for ((handler, method, code), histogram) in &self.requests {
            let code = code.to_string();
            let labels = [
                ("code", code.as_str()),
                ("handler", *handler),
                ("method", *method),
            ];
            text.histogram("http_request_duration_seconds", &labels, histogram);
        }
    }
}

/// The handler label: the route's fixed part, as OPA names it (`v1/data`).
fn handler(endpoint: Option<Endpoint>) -> &'static str {
    let template = endpoint
        .and_then(|endpoint| ROUTES.iter().find(|route| route.endpoint == endpoint))
        .map_or("/unknown", |route| route.template);
    let fixed = template.split_once("/{*").map_or(template, |(fixed, _)| fixed);
    fixed.strip_prefix('/').unwrap_or(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_add_up() {
        let workers = [WorkerMetrics::default(), WorkerMetrics::default()];
        for worker in &workers {
            worker.decided("a/b", "deny", Duration::from_micros(80));
            worker.failed("a/b", "eval_conflict_error");
            worker.requested(
                Some(Endpoint::DataPost),
                "post",
                StatusCode::OK,
                Duration::from_millis(1),
            );
        }
        let mut sum = Totals::default();
        for worker in &workers {
            worker.add_to(&mut sum);
        }
        assert_eq!(sum.decisions("a/b", "deny"), 2);
        let mut text = Text::default();
        sum.write(&mut text);
        let page = text.finish();
        assert!(
            page.contains("stele_decisions_total{policy_id=\"a/b\",decision=\"deny\"} 2"),
            "{page}"
        );
        assert!(
            page.contains("stele_decision_errors_total{policy_id=\"a/b\",code=\"eval_conflict_error\"} 2")
        );
        assert!(page.contains(
            "http_request_duration_seconds_count{code=\"200\",handler=\"v1/data\",method=\"post\"} 2"
        ));
    }
}
