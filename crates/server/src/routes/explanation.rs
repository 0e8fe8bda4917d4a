//! The `explain` parameter of the data API, and explanations of recorded decisions.
//!
//! An explanation evaluates the decision again, traced, and must arrive at the recorded result. It runs on
//! a blocking thread and never holds up a worker.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value as Json, json};
use stele_policy::PolicySet;
use stele_policy::explain::{
    ExplainRequest, Explanation, Map, Mode, Recorded, SearchLimits, Trace, explain, trace,
};
use stele_policy::load::load_bundle;
use stele_types::{DecisionRecord, PolicyVersion};

use crate::http::{ApiError, Params};
use crate::shared::Shared;

/// Which explanation is asked for.
///
/// # Errors
/// 400 for a word that OPA does not know.
pub(crate) fn requested(params: &Params) -> Result<Mode, ApiError> {
    match params.get("explain") {
        None | Some("") => Ok(Mode::Off),
        Some(word) => Mode::parse(word).ok_or_else(|| {
            ApiError::invalid(format!(
                "parameter `explain` must be off, full, notes, fails or debug, not `{word}`"
            ))
        }),
    }
}

/// The traces of decisions just made, as OPA has them: events, or with `pretty` lines for people. A decision that can't be traced says why
/// instead: it was made, and is on record.
pub(crate) fn of_records(
    shared: &Shared,
    records: &[DecisionRecord],
    mode: Mode,
    pretty: bool,
) -> Result<Vec<Json>, ApiError> {
    let mut out = Vec::new();
    for record in records {
        let traced = with_request(shared, record, None, |set, request| {
            trace(set, request).map_err(|error| conflict(error.to_string()))
        });
        match traced {
            Ok((map, trace)) => out.extend(shown(&map, trace, mode, pretty)),
            Err(error) if pretty => out.push(error.message.into()),
            Err(error) => out.push(json!({"op": "note", "message": error.message})),
        }
    }
    Ok(out)
}

/// The events that a mode shows.
pub(crate) fn shown(map: &Map, trace: Trace, mode: Mode, pretty: bool) -> Vec<Json> {
    let dropped = trace.dropped;
    let events = mode.filter(trace.events);
    let mut out: Vec<Json> = if pretty {
        map.pretty(&events).into_iter().map(Json::from).collect()
    } else {
        events.iter().map(|event| map.to_json(event)).collect()
    };
    if dropped > 0 {
        let text = format!("... and {dropped} more events");
        out.push(if pretty {
            text.into()
        } else {
            json!({ "op": "note", "message": text })
        });
    }
    out
}

fn conflict(message: String) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "resource_conflict", message)
}

/// How far a server looks for a change that allows.
const SEARCH: SearchLimits = SearchLimits {
    changes: 5,
    evaluations: 1_000,
    time: Duration::from_secs(2),
};

/// The explanation of a recorded decision.
///
/// # Errors
/// 409 when the record no longer holds what is needed, the version's bundle is not at hand, or evaluating again differs.
pub(crate) fn of_record(shared: &Shared, record: &DecisionRecord) -> Result<Explanation, ApiError> {
    with_request(shared, record, Some(SEARCH), |set, request| {
        explain(set, request).map_err(|error| conflict(error.to_string()))
    })
}

/// Loads what a recorded decision was made with, and asks about it.
fn with_request<T>(
    shared: &Shared,
    record: &DecisionRecord,
    search: Option<SearchLimits>,
    ask: impl FnOnce(&PolicySet, &ExplainRequest<'_>) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let recorded = Recorded::new(record).map_err(|error| conflict(error.to_string()))?;
    let set = bundle(shared, record).map_err(conflict)?;
    recorded.ask(search, |request| ask(&set, request))
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
