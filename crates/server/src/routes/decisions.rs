//! What was decided: `/v1/decisions` and below.

use std::sync::Arc;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use stele_types::DecisionId;

use crate::blocking;
use crate::http::{ApiError, Reply, decode_segments};
use crate::log::Filter;
use crate::worker::{Call, Worker};

/// Decisions in a page when the request names no number.
const PAGE: u64 = 50;
/// Decisions in a page at most.
const LARGEST_PAGE: u64 = 1_000;

/// `GET /v1/decisions?limit=&policy=&decision=&cursor=`: newest first.
pub(crate) async fn list(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let limit = call.params.number("limit")?.unwrap_or(PAGE);
    if limit == 0 || limit > LARGEST_PAGE {
        return Err(ApiError::invalid(format!(
            "parameter `limit` must be 1 to {LARGEST_PAGE}, not {limit}"
        )));
    }
    let filter = Filter {
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        policy: call.params.get("policy").map(str::to_owned),
        decision: call.params.get("decision").map(str::to_owned),
        before: call.params.number("cursor")?,
    };
    let shared = Arc::clone(&worker.shared);
    let page = blocking::run(move || shared.log.list(&filter)).await?;
    let decisions: Vec<serde_json::Value> = page
        .records
        .iter()
        .map(|(index, record)| {
            json!({
                "decision_id": record.decision_id,
                "index": index,
                "timestamp": record.timestamp,
                "policy_id": record.policy_id,
                "policy_version": record.policy_version,
                "path": record.path,
                "decision": record.labels.get("decision"),
                "violations": record.violations.len(),
                "resource": record.resource,
                "actor": record.actor,
                "error": record.error,
            })
        })
        .collect();
    let document = json!({ "result": decisions, "next_cursor": page.next.map(|next| next.to_string()) });
    Reply::json(&document, call.params.flag("pretty"))
}

/// `GET /v1/decisions/{id}`: the whole record as it is stored.
pub(crate) async fn one(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = id(call)?;
    let shared = Arc::clone(&worker.shared);
    let found = blocking::run(move || shared.log.record(id)).await?;
    let (index, record) = found.ok_or_else(|| unknown(id))?;
    Reply::json(
        &json!({ "result": record, "index": index }),
        call.params.flag("pretty"),
    )
}

/// `GET /v1/decisions/{id}/proof`: `proof.json`, to be checked offline by `stele verify`.
pub(crate) async fn proof(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = id(call)?;
    let shared = Arc::clone(&worker.shared);
    let found = blocking::run(move || shared.log.proof(id)).await?;
    found.map(Reply::json_bytes).ok_or_else(|| unknown(id))
}

/// `GET /v1/decisions/{id}/explain`: re-evaluates the recorded input on the recorded version.
pub(crate) async fn explain(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = id(call)?;
    let shared = Arc::clone(&worker.shared);
    let found = blocking::run(move || shared.log.record(id)).await?;
    let (_, record) = found.ok_or_else(|| unknown(id))?;
    super::explanation::of_record(&record)
}

/// `POST /v1/decisions/{id}/erase`: removes input and salts. For loopback peers only, and only as JSON, which a web page of another origin
/// can't send without asking first.
pub(crate) async fn erase(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    if !worker.shared.config.admin.erase || !call.peer.ip().is_loopback() {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "unauthorized",
            "records are erased from the node's own machine only (`server.admin.erase`); use `stele decision erase` there",
        ));
    }
    let json = call
        .parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !json {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_parameter",
            "an erasure must be sent with `Content-Type: application/json`",
        ));
    }
    let id = id(call)?;
    let shared = Arc::clone(&worker.shared);
    if !blocking::run(move || shared.log.erase(id)).await? {
        return Err(unknown(id));
    }
    tracing::warn!(decision_id = %id, peer = %call.peer, "the input of a decision was erased");
    Reply::json(
        &json!({ "result": { "decision_id": id, "erased": true } }),
        call.params.flag("pretty"),
    )
}

fn id(call: &Call<'_>) -> Result<DecisionId, ApiError> {
    let text = decode_segments(call.capture)?.join("/");
    text.parse()
        .map_err(|_| ApiError::invalid(format!("`{text}` is not a decision id (a UUID)")))
}

fn unknown(id: DecisionId) -> ApiError {
    ApiError::not_found(format!("there is no decision {id} in this node's log"))
}
