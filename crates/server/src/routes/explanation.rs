//! The `explain` parameter of the data API, and explanations of recorded decisions.
//!
//! An explanation evaluates the decision again, with our own compiler and evaluator, and must arrive at the recorded result. It runs on
//! a blocking thread and never holds up a worker.

use http::StatusCode;
use stele_policy::PolicySet;
use stele_policy::engine::EvalContext;
use stele_policy::explain::{ExplainRequest, explain};
use stele_policy::load::load_bundle;
use stele_policy::nd::{NdCache, NdCalls};
use stele_types::{DecisionRecord, PolicyVersion};

use crate::http::{ApiError, Params};
use crate::shared::Shared;

/// Whether an explanation is asked for. OPA's words all give the same here: every rule that was looked at, with the values that
/// it held or failed with.
///
/// # Errors
/// 400 for a word that OPA does not know.
pub(crate) fn requested(params: &Params) -> Result<bool, ApiError> {
    match params.get("explain") {
        None | Some("" | "off") => Ok(false),
        Some("full" | "notes" | "fails" | "debug") => Ok(true),
        Some(other) => Err(ApiError::invalid(format!(
            "parameter `explain` must be off, full, notes, fails or debug, not `{other}`"
        ))),
    }
}

/// The explanations of decisions just made, line by line. A decision that can't be explained says why instead: it was made, and is
/// on record.
pub(crate) fn of_records(shared: &Shared, records: &[DecisionRecord]) -> Result<Vec<String>, ApiError> {
    let lines = records.iter().flat_map(|record| {
        let text = of_record(shared, record).unwrap_or_else(|error| error.message);
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    Ok(lines.collect())
}

/// The explanation of a recorded decision, as text.
///
/// # Errors
/// 409 when the record no longer holds what is needed, the version's bundle is not at hand, or evaluating again differs.
pub(crate) fn of_record(shared: &Shared, record: &DecisionRecord) -> Result<String, ApiError> {
    let conflict = |message: String| ApiError::new(StatusCode::CONFLICT, "resource_conflict", message);
    if record.is_withheld("input") || record.is_withheld("result") {
        return Err(conflict(
            "the decision can't be explained: its input or result was masked or erased".to_owned(),
        ));
    }
    if record.is_withheld("nd_builtin_cache") {
        return Err(conflict(
            "the decision can't be explained: what impure builtins gave was masked or erased".to_owned(),
        ));
    }
    if let Some(error) = &record.error {
        return Err(conflict(format!(
            "the decision has no result to explain, its evaluation failed: {error}"
        )));
    }
    let set = bundle(shared, record).map_err(conflict)?;
    let recorded =
        NdCache::of_record(record.nd_builtin_cache.as_ref()).map_err(|error| conflict(error.to_string()))?;
    let calls = NdCalls::new(&recorded);
    let request = ExplainRequest {
        policy: &record.policy_id,
        entry_point: &record.path,
        input: record.input.as_ref(),
        context: EvalContext {
            nd: Some(&calls),
            ..EvalContext::at(record.timestamp)
        },
        recorded: record.result.as_ref(),
    };
    explain(&set, &request)
        .map(|explanation| explanation.to_text())
        .map_err(|error| conflict(error.to_string()))
}

/// The bundle that the decision was made with: in force now, or still in the bundle store.
fn bundle(shared: &Shared, record: &DecisionRecord) -> Result<PolicySet, String> {
    let wanted = record.policy_version;
    let snapshot = shared.snapshots.load();
    if let Some(policy) = snapshot
        .policy(record.policy_id.as_str())
        .filter(|policy| policy.version == wanted)
    {
        return policy.load().map_err(|error| error.to_string());
    }
    let missing = format!("version {wanted} of {} is not at hand", record.policy_id);
    let Some(store) = &shared.bundles else {
        return Err(missing);
    };
    let path = store.path(wanted);
    let bytes = std::fs::read(&path).map_err(|error| format!("{missing}: {}: {error}", path.display()))?;
    if PolicyVersion::of_bundle(&bytes) != wanted {
        return Err(format!("{missing}: {} has another digest", path.display()));
    }
    load_bundle(&bytes).map_err(|error| format!("{missing}: {error}"))
}
