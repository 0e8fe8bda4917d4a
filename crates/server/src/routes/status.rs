//! `/v1/config`, `/v1/status` and `/metrics`.

use std::sync::Arc;

use serde_json::json;

use crate::blocking;
use crate::clock::now;
use crate::http::{ApiError, Reply};
use crate::log::LogStats;
use crate::metrics::{Kind, Text};
use crate::shared::Shared;
use crate::worker::{Call, Worker};

/// `GET /v1/config`: the configuration in force, in OPA's envelope. It holds no secrets.
pub(crate) fn config(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let shared = &worker.shared;
    let mut document = serde_json::to_value(&shared.config)
        .map_err(|error| ApiError::internal(format!("can't write the configuration: {error}")))?;
    if let Some(members) = document.as_object_mut() {
        members.insert("node".to_owned(), json!(shared.node.address.to_string()));
    }
    Reply::json(&json!({ "result": document }), call.params.flag("pretty"))
}

/// `GET /v1/status`: bundles, tasks, log and anchor, in OPA's envelope.
pub(crate) async fn status(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let shared = Arc::clone(&worker.shared);
    let stats = blocking::run(move || Ok::<_, ApiError>(shared.log.stats())).await?;
    let shared = &worker.shared;
    let degraded = shared.status.degraded();
    let snapshot = shared.snapshots.load();
    let bundles: serde_json::Map<String, serde_json::Value> = snapshot
        .policies()
        .iter()
        .map(|policy| {
            let revision = json!({ "name": policy.id(), "active_revision": policy.version.to_string() });
            (policy.id().to_string(), revision)
        })
        .collect();
    let document = json!({
        "result": {
            "labels": shared.node.labels,
            "node": shared.node.address.to_string(),
            "version": env!("CARGO_PKG_VERSION"),
            "started": shared.started,
            "bundles": bundles,
            "degraded": degraded,
            "suspended": shared.standing.suspended(),
            "outdated": shared.standing.outdated(),
            "plugins": plugins(shared, &stats),
            "log": stats,
            "anchor": &*shared.anchored.borrow(),
        }
    });
    Reply::json(&document, call.params.flag("pretty"))
}

/// OPA's plugin states: `OK` or `ERROR`, with ours beside them.
fn plugins(shared: &Shared, log: &LogStats) -> serde_json::Map<String, serde_json::Value> {
    let states = shared.status.tasks();
    let problem = log.failing.as_ref().or(log.damage.as_ref());
    let word = if problem.is_some() { "ERROR" } else { "OK" };
    let log = ("log".to_owned(), json!({ "state": word, "message": problem }));
    let tasks = states.into_iter().map(|(name, state)| {
        let word = if state.error.is_some() { "ERROR" } else { "OK" };
        let document = json!({
            "state": word,
            "message": state.error,
            "failures": state.failures,
            "last_success": state.last_success,
        });
        (name.to_owned(), document)
    });
    tasks.chain([log]).collect()
}

/// `GET /metrics`: Prometheus text.
pub(crate) async fn metrics(worker: &Worker) -> Result<Reply, ApiError> {
    let shared = Arc::clone(&worker.shared);
    let page = blocking::run(move || {
        let mut text = Text::default();
        shared.totals().write(&mut text);
        write_snapshot(&shared, &mut text);
        let stats = shared.log.stats();
        write_log(&stats, &mut text);
        write_clock(&shared, &mut text);
        write_anchor(&shared, &stats, &mut text);
        Ok::<_, ApiError>(text.finish())
    })
    .await?;
    Ok(Reply::bytes("text/plain; version=0.0.4; charset=utf-8", page).cached("no-store"))
}

fn write_snapshot(shared: &Shared, text: &mut Text) {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    text.family(
        "stele_build_info",
        Kind::Gauge,
        "Always 1; the version is a label.",
    );
    text.count("stele_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family(
        "process_start_time_seconds",
        Kind::Gauge,
        "Start of the server, Unix time.",
    );
    text.sample(
        "process_start_time_seconds",
        &[],
        std::time::Duration::from_nanos(shared.started.as_nanos()).as_secs_f64(),
    );
    text.family(
        "stele_policies_in_force",
        Kind::Gauge,
        "Policies that this node decides with.",
    );
    text.count(
        "stele_policies_in_force",
        &[],
        count(shared.snapshots.load().policies().len()),
    );
    text.family(
        "stele_policies_degraded",
        Kind::Gauge,
        "Policies whose version of the registry is not in force here.",
    );
    text.count(
        "stele_policies_degraded",
        &[],
        count(shared.status.degraded().len()),
    );
    text.family(
        "stele_snapshot_generation",
        Kind::Counter,
        "Changes of the policies in force since the start, plus 1.",
    );
    text.count("stele_snapshot_generation", &[], shared.snapshots.generation());
    text.family(
        "stele_snapshot_age_seconds",
        Kind::Gauge,
        "Time since the registry last confirmed the policies in force.",
    );
    text.sample(
        "stele_snapshot_age_seconds",
        &[],
        shared.snapshots.age(now()).as_secs_f64(),
    );
    text.family(
        "stele_task_failures_total",
        Kind::Counter,
        "Failures of background tasks.",
    );
    for (name, state) in shared.status.tasks() {
        text.count("stele_task_failures_total", &[("task", name)], state.failures);
    }
}

fn write_log(stats: &LogStats, text: &mut Text) {
    text.family(
        "stele_ledger_leaves",
        Kind::Gauge,
        "Leaves in the log that are durable.",
    );
    text.count("stele_ledger_leaves", &[], stats.leaves);
    text.family(
        "stele_ledger_bytes",
        Kind::Gauge,
        "Bytes that the records take on disk.",
    );
    text.count("stele_ledger_bytes", &[], stats.bytes);
    text.family(
        "stele_ledger_waiting_bytes",
        Kind::Gauge,
        "Bytes of records waiting to be written.",
    );
    text.count("stele_ledger_waiting_bytes", &[], stats.waiting_bytes);
    text.family(
        "stele_ledger_failing",
        Kind::Gauge,
        "1 while records can't be written.",
    );
    text.count("stele_ledger_failing", &[], u64::from(stats.failing.is_some()));
    text.family(
        "stele_ledger_damaged",
        Kind::Gauge,
        "1 where records were damaged when the log was opened; `stele audit fsck` names them.",
    );
    text.count("stele_ledger_damaged", &[], u64::from(stats.damage.is_some()));
    text.family(
        "stele_ledger_committed_total",
        Kind::Counter,
        "Decisions made durable since the start.",
    );
    text.count("stele_ledger_committed_total", &[], stats.committed);
    text.family(
        "stele_ledger_commits_total",
        Kind::Counter,
        "Group commits since the start.",
    );
    text.count("stele_ledger_commits_total", &[], stats.commits);
    text.family(
        "stele_receipts_total",
        Kind::Counter,
        "Receipts issued since the start.",
    );
    text.count("stele_receipts_total", &[], stats.receipts);
    text.family(
        "stele_receipt_signatures_total",
        Kind::Counter,
        "Signatures made for receipts since the start.",
    );
    text.count("stele_receipt_signatures_total", &[], stats.receipt_batches);
    text.family(
        "stele_ledger_fsync_duration_seconds",
        Kind::Histogram,
        "Time one sync of the log took.",
    );
    text.histogram("stele_ledger_fsync_duration_seconds", &[], &stats.syncs);
}

fn write_clock(shared: &Shared, text: &mut Text) {
    text.family(
        "stele_clock_behind_seconds",
        Kind::Gauge,
        "How far the machine's clock stands behind the log's latest decision; above 60 nothing is decided.",
    );
    text.sample(
        "stele_clock_behind_seconds",
        &[],
        shared.clock.behind().as_secs_f64(),
    );
    text.family(
        "stele_clock_ahead_seconds",
        Kind::Gauge,
        "How far the machine's clock is ahead of the time that has passed since it was last taken for right; above 60 nothing is decided.",
    );
    text.sample(
        "stele_clock_ahead_seconds",
        &[],
        shared.clock.ahead().as_secs_f64(),
    );
}

fn write_anchor(shared: &Shared, stats: &LogStats, text: &mut Text) {
    text.family(
        "stele_node_suspended",
        Kind::Gauge,
        "1 while the node registry does not count this node: suspended or retired.",
    );
    text.count(
        "stele_node_suspended",
        &[],
        u64::from(shared.standing.suspended()),
    );
    text.family(
        "stele_node_outdated",
        Kind::Gauge,
        "1 while the node runs with contracts or a key that were replaced on the chain.",
    );
    text.count("stele_node_outdated", &[], u64::from(shared.standing.outdated()));
    text.family(
        "stele_node_behind",
        Kind::Gauge,
        "1 while the chain holds an anchor of this node for more decisions than its log has.",
    );
    text.count("stele_node_behind", &[], u64::from(shared.standing.behind()));
    text.family(
        "stele_node_diverged",
        Kind::Gauge,
        "1 while the chain holds an anchor of this node that its log does not continue.",
    );
    text.count("stele_node_diverged", &[], u64::from(shared.standing.diverged()));
    let view = shared.anchored.borrow().clone();
    text.family(
        "stele_anchor_size",
        Kind::Gauge,
        "Leaves covered by the newest anchor.",
    );
    text.count("stele_anchor_size", &[], view.size);
    text.family(
        "stele_anchor_lag_leaves",
        Kind::Gauge,
        "Durable leaves that no anchor covers yet.",
    );
    text.count(
        "stele_anchor_lag_leaves",
        &[],
        stats.leaves.saturating_sub(view.size),
    );
    text.family(
        "stele_anchor_lag_seconds",
        Kind::Gauge,
        "Time for which leaves have been waiting for an anchor; 0 when none is.",
    );
    text.sample(
        "stele_anchor_lag_seconds",
        &[],
        view.lag(stats.leaves, now()).as_secs_f64(),
    );
}
