//! The `explain` parameter of the data API, and explanations of recorded decisions.

use http::StatusCode;
use stele_types::DecisionRecord;

use crate::http::{ApiError, Params, Reply};

/// Checks the `explain` parameter before anything is decided.
///
/// # Errors
/// 501 for the words that ask for an explanation, which the data API does not give yet; 400 for a word that OPA does not know.
pub(crate) fn check(params: &Params) -> Result<(), ApiError> {
    match params.get("explain") {
        None | Some("" | "off") => Ok(()),
        Some("full" | "notes" | "fails" | "debug") => Err(unavailable("explanations are not given inline")),
        Some(other) => Err(ApiError::invalid(format!(
            "parameter `explain` must be off, full, notes, fails or debug, not `{other}`"
        ))),
    }
}

/// The explanation of a recorded decision.
pub(crate) fn of_record(record: &DecisionRecord) -> Result<Reply, ApiError> {
    Err(unavailable(&format!(
        "decision {} can't be explained over HTTP",
        record.decision_id
    )))
}

fn unavailable(what: &str) -> ApiError {
    ApiError::new(
        StatusCode::NOT_IMPLEMENTED,
        "not_implemented",
        format!("{what} yet; use `stele explain ID`"),
    )
}
