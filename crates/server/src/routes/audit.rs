//! Checking the log while it runs: `/v1/audit/fsck`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use stele_ledger::storage::fsck::ChainView;

use crate::blocking;
use crate::http::{ApiError, Reply};
use crate::worker::{Call, Worker};

/// `POST /v1/audit/fsck`: re-hashes everything on disk and compares it with what the caller saw on the chain: whoever audits does not ask this node. For loopback peers only: it reads the
/// whole log.
pub(crate) async fn fsck(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    if !call.peer.ip().is_loopback() {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "unauthorized",
            "the log is checked from the node's own machine only; use `stele audit fsck` there",
        ));
    }
    let chain = if call.body.is_empty() {
        ChainView::default()
    } else {
        serde_json::from_slice(&call.body).map_err(|error| {
            let what = "body must be an object with `anchors` and `tolerance_s`";
            ApiError::invalid(format!("{what}: {error}"))
        })?
    };
    let shared = Arc::clone(&worker.shared);
    let report = blocking::run(move || shared.log.ledger().fsck(&chain)).await?;
    let document = json!({ "result": report, "sound": report.is_sound() });
    Reply::json(&document, call.params.flag("pretty"))
}
