//! The way of a decision through a worker: evaluate, hand the evidence to the log, wait until it is safe.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use stele_pdp::{
    Ack, Answer, Attributes, DecideError, DecisionSink, Evidence, Failure, Input, Request, SinkError,
};
use stele_policy::engine::{ConvertError, EngineError, Limits};
use stele_types::DecisionRecord;
use tokio::sync::oneshot;

use crate::config::LimitsConfig;
use crate::http::{ApiError, Location};
use crate::log::DecisionLog;
use crate::metrics::WorkerMetrics;
use crate::receipts::{self, Issued, ReceiptFailure};
use crate::remote;
use crate::worker::{Call, Worker};

/// An acknowledged decision with what it cost.
#[derive(Debug)]
pub(crate) struct Decided {
    /// Document and decisions; the evidence has gone to the log.
    pub(crate) answer: Answer,
    /// All evaluations together.
    pub(crate) evaluation: Duration,
    /// Waiting for the log.
    pub(crate) commit: Duration,
    /// The records, kept only when an explanation was asked for.
    pub(crate) records: Vec<DecisionRecord>,
    /// One per decision, in their order, when they were asked for.
    pub(crate) receipts: Vec<Issued>,
}

/// Decides on this worker and returns once the evidence is as safe as the configuration asks.
///
/// # Errors
/// The decision's own failure, or 503 `log_unavailable` when its evidence could not be kept: then there is no answer.
pub(crate) async fn decide(
    worker: &Worker,
    call: &Call<'_>,
    path: &[String],
    input: Input<'_>,
    strict: bool,
) -> Result<Decided, ApiError> {
    let promise = receipts::requested(call)?;
    if promise {
        receipts::promised_by(&worker.shared)?;
    }
    let dated = worker.shared.clock.check();
    dated.map_err(|problem| ApiError::unavailable(problem.code(), problem.to_string()))?;
    let requested_by = call.peer.to_string();
    let limits = &worker.shared.config.limits;
    let headers = &call.parts.headers;
    let (trace_id, span_id) = trace(headers);
    let request = Request {
        path,
        input,
        strict_builtin_errors: strict,
        limits: eval_limits(limits),
        fan_out: limits.fan_out,
        attributes: Attributes {
            requested_by: Some(&requested_by),
            actor: text(headers, "stele-actor"),
            resource: text(headers, "stele-resource"),
            enforcement_point: text(headers, "stele-enforcement-point"),
            trace_id,
            span_id,
            waited: call.started.elapsed(),
        },
    };
    let wanted = Wanted {
        records: call.params.get("explain").is_some(),
        receipts: promise,
    };
    let remote = worker.shared.remote.as_ref();
    let handed = match remote.filter(|_| worker.decider.borrow_mut().is_remote(path)) {
        Some(remote) => remote::decide(worker, remote, &request, wanted).await?,
        None => {
            let mut decider = worker.decider.borrow_mut();
            let outcome = decider.decide(&request, &mut *worker.random.borrow_mut());
            Handed::over(&worker.shared.log, &worker.metrics, outcome, wanted)
        }
    };
    handed.safe().await
}

/// What a caller wants besides the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// For an explanation.
    pub(crate) records: bool,
    /// One for each decision.
    pub(crate) receipts: bool,
}

/// What the log says of a piece of evidence.
type Kept = oneshot::Receiver<Result<Option<Issued>, ReceiptFailure>>;

/// What a decision came to. Its evidence is the log's already, and it is counted: nothing is lost if nobody waits for the rest.
pub(crate) struct Handed {
    outcome: Result<Answer, ApiError>,
    /// All evaluations together.
    evaluation: Duration,
    records: Vec<DecisionRecord>,
    /// When the log got the evidence.
    begun: Instant,
    /// One for each piece of evidence.
    waiting: Vec<Kept>,
}

impl Handed {
    /// Hands the evidence to the log, and counts.
    pub(crate) fn over(
        log: &DecisionLog,
        metrics: &WorkerMetrics,
        outcome: Result<Answer, Failure>,
        wanted: Wanted,
    ) -> Self {
        let (outcome, evaluation, evidence) = match outcome {
            Ok(mut answer) => {
                let evaluation = count(metrics, &answer);
                let decisions = answer.decisions.iter_mut();
                let evidence: Vec<Evidence> = decisions
                    .filter_map(|decision| decision.evidence.take())
                    .collect();
                (Ok(answer), evaluation, evidence)
            }
            Err(failure) => {
                let (error, evidence) = refused(metrics, failure);
                (Err(error), Duration::ZERO, evidence)
            }
        };
        let records = if wanted.records && outcome.is_ok() {
            evidence.iter().map(|one| one.record.clone()).collect()
        } else {
            Vec::new()
        };
        let begun = Instant::now();
        let promised = wanted.receipts && outcome.is_ok();
        Self {
            outcome,
            evaluation,
            records,
            begun,
            waiting: evidence
                .into_iter()
                .map(|one| append(log, one, promised))
                .collect(),
        }
    }

    /// Waits until the log acknowledges the evidence: when it is durable, unless the log was opened to acknowledge from memory and no receipt
    /// is wanted.
    async fn safe(self) -> Result<Decided, ApiError> {
        let mut receipts = Vec::new();
        for kept in self.waiting {
            let kept = kept.await.unwrap_or(Err(SinkError::Closed.into()));
            receipts.extend(kept.map_err(|failure| match failure {
                ReceiptFailure::Log(error) => withheld(error),
                ReceiptFailure::Signing(_) => ApiError::internal(failure.to_string()),
            })?);
        }
        self.outcome.map(|answer| Decided {
            answer,
            evaluation: self.evaluation,
            commit: self.begun.elapsed(),
            records: self.records,
            receipts,
        })
    }
}

/// The error answer for a decision that failed, and what goes to the log all the same.
fn refused(metrics: &WorkerMetrics, failure: Failure) -> (ApiError, Vec<Evidence>) {
    let Failure {
        error,
        decision_id,
        evidence,
    } = failure;
    if let DecideError::Input(error) = &*error {
        return (malformed("body", error), evidence);
    }
    let policy = error.policy().map_or("", |policy| policy.as_str());
    metrics.failed(policy, error.code());
    tracing::warn!(%error, code = error.code(), decision_id = ?decision_id, "no decision");
    (refusal(&error).with_decision(decision_id), evidence)
}

/// The engine's limits as configured.
pub(crate) fn eval_limits(limits: &LimitsConfig) -> Limits {
    Limits {
        time: Some(limits.eval_time()),
        instructions: NonZeroU32::new(limits.eval_instructions),
        memory: limits.eval_memory_bytes,
    }
}

fn count(metrics: &WorkerMetrics, answer: &Answer) -> Duration {
    answer.decisions.iter().fold(Duration::ZERO, |sum, decision| {
        // Callers choose paths freely; only policies in force may become label values.
        let label = if decision.in_force {
            decision.policy_id.as_str()
        } else {
            ""
        };
        metrics.decided(label, decision.judgement.verdict.as_str(), decision.evaluation);
        sum.saturating_add(decision.evaluation)
    })
}

/// Hands evidence to the log, with a receipt for it or without.
fn append(log: &DecisionLog, evidence: Evidence, promised: bool) -> Kept {
    let (tell, kept) = oneshot::channel();
    let tell = |result| {
        // Whoever waits tells the caller, and the log of events.
        if let Err(Err(error)) = tell.send(result) {
            tracing::error!(%error, "the evidence of a decision whose caller is gone could not be kept");
        }
    };
    if promised {
        log.append_promised(evidence, Box::new(move |result| tell(result.map(Some))));
    } else {
        let done = move |result: Result<Ack, SinkError>| tell(result.map(|_| None).map_err(Into::into));
        log.append(evidence, Box::new(done));
    }
    kept
}

/// The answer instead of a decision whose evidence could not be kept.
fn withheld(error: SinkError) -> ApiError {
    tracing::error!(%error, "a decision was withheld: its evidence could not be kept");
    let message = format!("the decision is withheld because its evidence could not be kept: {error}");
    match error {
        SinkError::Refused { .. } => ApiError::internal(message),
        SinkError::Closed | SinkError::Write { .. } => ApiError::unavailable("log_unavailable", message),
    }
}

/// The error answer for an input that can't be read.
pub(crate) fn malformed(what: &str, error: &impl std::fmt::Display) -> ApiError {
    ApiError::invalid(format!("{what} contains malformed input document: {error}"))
}

/// The error answer for a decision that failed.
pub(crate) fn refusal(error: &DecideError) -> ApiError {
    match error {
        DecideError::Evaluation {
            source: EngineError::Convert(inner @ ConvertError::Inexact { .. }),
            ..
        } => ApiError::invalid(inner.to_string()),
        DecideError::Missing { .. } => ApiError::unavailable("policy_unavailable", error.to_string()),
        DecideError::Stale { .. } => ApiError::unavailable("snapshot_stale", error.to_string()),
        DecideError::NotChallengeable { .. } => {
            ApiError::new(StatusCode::BAD_REQUEST, "not_challengeable", error.to_string())
        }
        DecideError::FanOut { .. } | DecideError::Path(_) => ApiError::invalid(error.to_string()),
        _ => {
            let location = error.place().map(|place| Location {
                file: place.file.clone(),
                row: u64::from(place.line),
                col: u64::from(place.column),
            });
            ApiError::evaluation(error.code(), error.to_string(), location)
        }
    }
}

/// A header's text, if it has some.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|text| !text.is_empty())
}

/// Trace and span id out of a W3C `traceparent` (`version-trace-span-flags`).
fn trace(headers: &HeaderMap) -> (Option<&str>, Option<&str>) {
    let Some(parent) = text(headers, "traceparent") else {
        return (None, None);
    };
    let hex = |wanted: usize| {
        move |part: &&str| part.len() == wanted && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut parts = parent.split('-').skip(1);
    (parts.next().filter(hex(32)), parts.next().filter(hex(16)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_gives_trace_and_span() {
        let mut headers = HeaderMap::new();
        assert_eq!(trace(&headers), (None, None));
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert("traceparent", parent.parse().unwrap());
        assert_eq!(
            trace(&headers),
            (Some("4bf92f3577b34da6a3ce929d0e0e4736"), Some("00f067aa0ba902b7"))
        );
        headers.insert("traceparent", "00-nothex-00f067aa0ba902b7".parse().unwrap());
        assert_eq!(trace(&headers).0, None);
    }
}
