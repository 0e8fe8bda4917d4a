//! Checking the log while it runs: `/v1/audit/fsck`.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use stele_ledger::storage::fsck::ChainAnchor;

use crate::blocking;
use crate::http::{ApiError, Reply};
use crate::worker::{Call, Worker};

/// What the caller saw on the chain.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FsckBody {
    /// The node's anchors; whoever audits reads them from the chain, not from this node.
    #[serde(default)]
    anchors: Vec<ChainAnchor>,
}

/// `POST /v1/audit/fsck`: re-hashes everything on disk and compares it with the anchors given. For loopback peers only: it reads the
/// whole log.
pub(crate) async fn fsck(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    if !call.peer.ip().is_loopback() {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "unauthorized",
            "the log is checked from the node's own machine only; use `stele audit fsck` there",
        ));
    }
    let body: FsckBody = if call.body.is_empty() {
        FsckBody::default()
    } else {
        serde_json::from_slice(&call.body)
            .map_err(|error| ApiError::invalid(format!("body must be an object with `anchors`: {error}")))?
    };
    let shared = Arc::clone(&worker.shared);
    let report = blocking::run(move || shared.log.ledger().fsck(body.anchors)).await?;
    let document = json!({ "result": report, "sound": report.is_sound() });
    Reply::json(&document, call.params.flag("pretty"))
}
