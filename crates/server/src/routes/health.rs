//! `/health`, with OPA's parameters and bodies: 200 `{}`, or 500 `{"error": ...}`.

use http::StatusCode;
use serde_json::json;

use crate::http::{ApiError, Reply};
use crate::worker::{Call, Worker};

/// `GET /health`: the process answers; with `bundles`, every policy of the registry is in force as the registry says; with `plugins`,
/// log, clock and background tasks are well. `exclude-plugin=NAME` leaves one out.
pub(crate) fn health(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let mut problems = Vec::new();
    // OPA once called the parameter `bundle` and still takes it.
    if call.params.flag("bundles") || call.params.flag("bundle") {
        problems.extend(worker.shared.status.bundle_problems());
    }
    if call.params.flag("plugins") {
        let except = call.params.get("exclude-plugin");
        problems.extend(tasks(worker, except));
        problems.extend(damage(worker).filter(|_| except != Some("log")));
    }
    answer(&problems)
}

/// `GET /health/live`: 200 as long as a worker answers.
pub(crate) fn live() -> Reply {
    Reply::json_bytes(b"{}".to_vec()).cached("no-store")
}

/// `GET /health/ready`: policies are in force, the log takes records, and the clock can date them. Damage that decisions go on in spite of is not asked
/// for: taking the node out of service would mend nothing.
pub(crate) fn ready(worker: &Worker) -> Result<Reply, ApiError> {
    let mut problems = tasks(worker, Some("anchor"));
    if worker.shared.snapshots.load().policies().is_empty() {
        problems.push("no policy is in force".to_owned());
    }
    answer(&problems)
}

/// Records that can't be read, met when the log was opened.
fn damage(worker: &Worker) -> Option<String> {
    let damage = worker.shared.log.ledger().damage()?;
    Some(format!("log: records are damaged: {damage}"))
}

/// The background tasks' problems, the log's, and the clock's: what keeps the node from its work.
fn tasks(worker: &Worker, except: Option<&str>) -> Vec<String> {
    let mut problems = worker.shared.status.plugin_problems(except);
    let failing = worker
        .shared
        .log
        .ledger()
        .failing()
        .filter(|_| except != Some("log"));
    problems.extend(failing.map(|error| format!("log: {error}")));
    let standing = worker.shared.standing.problem();
    let standing = standing.filter(|_| except != Some("anchor"));
    problems.extend(standing.map(|problem| format!("anchor: {problem}")));
    let clock = worker.shared.clock.check().err();
    let clock = clock.filter(|_| except != Some("clock"));
    problems.extend(clock.map(|problem| format!("clock: {problem}")));
    problems
}

fn answer(problems: &[String]) -> Result<Reply, ApiError> {
    if problems.is_empty() {
        return Ok(live());
    }
    let reply = Reply::json(&json!({ "error": problems.join("; ") }), false)?;
    Ok(reply
        .with_status(StatusCode::INTERNAL_SERVER_ERROR)
        .cached("no-store"))
}
