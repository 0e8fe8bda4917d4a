//! What was decided: `/v1/decisions` and below. Whoever may read records may read these ([`admit`]).

use std::sync::Arc;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use rand::RngExt;
use serde::Deserialize;
use serde_json::json;
use stele_ledger::storage::{Entry, Erasure, ErasureRequest};
use stele_pdp::Clock;
use stele_types::{DecisionId, Digest, PolicyId, Salt, sha256};

use super::records::admit;
use crate::blocking;
use crate::http::{ApiError, Reply, decode_segments};
use crate::log::{Filter, NOT_PUBLISHED};
use crate::worker::{Call, Worker};

/// Decisions in a page when the request names no number.
const PAGE: u64 = 50;
/// Decisions in a page at most.
const LARGEST_PAGE: u64 = 1_000;

/// `GET /v1/decisions?limit=&policy=&decision=&cursor=`: newest first.
pub(crate) async fn list(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    admit(worker, call)?;
    let limit = call.params.number("limit")?.unwrap_or(PAGE);
    if limit == 0 || limit > LARGEST_PAGE {
        return Err(ApiError::invalid(format!(
            "parameter `limit` must be 1 to {LARGEST_PAGE}, not {limit}"
        )));
    }
    let policy = call.params.get("policy").map(PolicyId::new).transpose();
    let filter = Filter {
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        policy: policy.map_err(|error| ApiError::invalid(format!("parameter `policy`: {error}")))?,
        decision: call.params.get("decision").map(str::to_owned),
        start: call.params.number("cursor")?,
    };
    let shared = Arc::clone(&worker.shared);
    let (entries, next) = blocking::run(move || shared.log.list(&filter)).await?;
    let decisions: Vec<serde_json::Value> = entries.iter().map(summary).collect();
    let document = json!({ "result": decisions, "next_cursor": next.map(|next| next.to_string()) });
    Reply::json(&document, call.params.flag("pretty"))
}

/// What a listing says of a decision.
fn summary(entry: &Entry) -> serde_json::Value {
    let record = &entry.record;
    json!({
        "decision_id": record.decision_id,
        "index": entry.index.get(),
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
}

/// `GET /v1/decisions/{id}`: the whole record as it is stored.
pub(crate) async fn one(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    admit(worker, call)?;
    let id = id(call)?;
    let shared = Arc::clone(&worker.shared);
    let entry = blocking::run(move || shared.log.entry(id)).await?;
    Reply::json(
        &json!({ "result": entry.record, "index": entry.index.get() }),
        call.params.flag("pretty"),
    )
}

/// Header with the salt of a receipt, in hex: whoever has it was the decision's caller.
const SALT: &str = "stele-input-salt";

/// `GET /v1/decisions/{id}/proof`: `proof.json`, to be checked offline by `stele verify`. For whoever may read records, and for the holder of the
/// decision's receipt.
pub(crate) async fn proof(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = id(call)?;
    let salt = call
        .parts
        .headers
        .get(SALT)
        .map(|salt| sha256(&[salt.as_bytes()]));
    let refused = admit(worker, call).err();
    // Nothing is read for whoever shows nothing.
    if let (None, Some(refused)) = (salt, &refused) {
        return Err(refused.clone());
    }
    let shared = Arc::clone(&worker.shared);
    let answer = blocking::run(move || {
        let Some(refused) = refused else {
            return shared.log.proof(id);
        };
        // Ids stand in the public leaves: whoever holds a receipt learns here that its decision is missing.
        let held = shared.log.entry(id)?.record.input_salt;
        let held = held.map(|held| sha256(&[Digest(held.0).to_string().as_bytes()]));
        // Digests are compared, so the time it takes tells nothing of the salt.
        if held.is_none() || held != salt {
            return Err(refused);
        }
        shared.log.proof(id)
    });
    answer.await.map(Reply::json_bytes)
}

/// `GET /v1/decisions/{id}/inclusion`: that a decision is in the log, for anybody, since leaves and tree are public; so holders of receipts need
/// no token, whatever was masked or erased. While no checkpoint covers it the answer is 503: strangers don't make the node publish.
pub(crate) async fn inclusion(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = id(call)?;
    let shared = Arc::clone(&worker.shared);
    let proof = match blocking::run(move || shared.log.inclusion(id)).await {
        Err(error) if error.code == NOT_PUBLISHED => {
            let soon = HeaderValue::from_static("1");
            return Ok(Reply::from(error).with_header(RETRY_AFTER, soon));
        }
        proof => proof?,
    };
    Reply::json(&proof, call.params.flag("pretty"))
}

/// `GET /v1/decisions/{id}/explain`: re-evaluates the recorded input on the recorded version.
pub(crate) async fn explain(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    admit(worker, call)?;
    let id = id(call)?;
    let shared = Arc::clone(&worker.shared);
    let explanation = blocking::run(move || {
        let entry = shared.log.entry(id)?;
        super::explanation::of_record(&shared, &entry.record)
    })
    .await?;
    Reply::json(
        &json!({ "result": {
            "decision_id": id,
            "explanation": explanation.to_text(),
            "details": explanation.to_json(),
        } }),
        call.params.flag("pretty"),
    )
}

/// `POST /v1/decisions/{id}/erase` with `{"reason": ...}`: removes input and salts. For loopback peers only, and only as JSON, which a web page
/// of another origin can't send without asking first.
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
    let request = erasure_request(worker, reason(&call.body)?);
    let erasure_id = request.erasure_id;
    let shared = Arc::clone(&worker.shared);
    let outcome = blocking::run(move || shared.log.erase(id, &request)).await?;
    tracing::warn!(decision_id = %id, peer = %call.peer, "the input of a decision was erased");
    let recorded = match outcome {
        Erasure::Done { recorded_at } => json!({ "erasure_id": erasure_id, "index": recorded_at.get() }),
        Erasure::Already => serde_json::Value::Null,
    };
    let document = json!({ "result": { "decision_id": id, "erased": true, "recorded": recorded } });
    Reply::json(&document, call.params.flag("pretty"))
}

/// The body of an erasure.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EraseBody {
    reason: Option<String>,
}

fn reason(body: &[u8]) -> Result<String, ApiError> {
    if body.is_empty() {
        return Ok("not given".to_owned());
    }
    let body: EraseBody = serde_json::from_slice(body)
        .map_err(|error| ApiError::invalid(format!("body must be an object with `reason`: {error}")))?;
    Ok(body.reason.unwrap_or_else(|| "not given".to_owned()))
}

fn erasure_request(worker: &Worker, reason: String) -> ErasureRequest {
    let mut random = worker.random.borrow_mut();
    let time = worker.shared.clock.now();
    ErasureRequest {
        erasure_id: DecisionId::from_time_and_random(time, &random.random()),
        time,
        node: worker.shared.node.address,
        reason,
        input_salt: Salt(random.random()),
        detail_salt: Salt(random.random()),
    }
}

fn id(call: &Call<'_>) -> Result<DecisionId, ApiError> {
    let text = decode_segments(call.capture)?.join("/");
    text.parse()
        .map_err(|_| ApiError::invalid(format!("`{text}` is not a decision id (a UUID)")))
}
