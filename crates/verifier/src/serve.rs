//! The verifier's HTTP surface. Nothing here needs a secret but disputes: a cosignature is only given for what a log's own key signed.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use stele_ledger::witness::{MAX_REQUEST_BYTES, SIZE_TYPE};

use crate::cosign::{Answer, Desks};
use crate::dispute::Declined;
use crate::gate::{Gate, Turned};
use crate::stats::{LogStatus, Stats, metrics};

/// Header with the signature for the ledger contract: `<address> <65 bytes in hex>`.
pub const ANCHOR_HEADER: &str = "stele-anchor-signature";
/// Header that names the accusation with a refusal.
pub const REFUSED_HEADER: &str = "stele-refused";

/// What the handlers share.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) desks: Desks,
    pub(crate) logs: Arc<Vec<Arc<Stats>>>,
    pub(crate) about: Arc<About>,
    /// Who judges disputes, if anybody may bring one.
    pub(crate) gate: Option<Arc<Gate>>,
}

/// Who the verifier is.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct About {
    /// Its cosigner's key, as nodes list it.
    pub cosigner: String,
    /// Its account for the ledger contract.
    pub account: Option<String>,
}

/// The routes.
pub(crate) fn router(served: Served) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/v1/disputes", post(dispute))
        .route("/v1/status", get(status))
        .route("/metrics", get(prometheus))
        .route("/health", get(health))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(served)
}

impl Served {
    fn statuses(&self) -> Vec<LogStatus> {
        self.logs.iter().map(|stats| stats.read()).collect()
    }
}

async fn add_checkpoint(State(served): State<Served>, body: Bytes) -> Response {
    served.desks.add_checkpoint(&body).await.into_response()
}

/// Who is not admitted has nothing read of its body.
async fn dispute(State(served): State<Served>, request: Request) -> Response {
    let Some(gate) = served.gate else {
        return said(
            StatusCode::NOT_FOUND,
            "disputes are not judged here (verifier.disputes.tokens)",
        );
    };
    let (parts, body) = request.into_parts();
    match gate.admit(&parts.headers, std::time::Instant::now()) {
        Ok(()) => {}
        Err(Turned::Stranger) => {
            return said(
                StatusCode::UNAUTHORIZED,
                "disputes are judged for a bearer token whose SHA-256 stands in `verifier.disputes.tokens`",
            );
        }
        Err(Turned::TooMany { seconds }) => {
            let refused = said(
                StatusCode::TOO_MANY_REQUESTS,
                "too many disputes; ask again later",
            );
            return after(seconds, refused);
        }
    }
    let Ok(body) = axum::body::to_bytes(body, gate.jury.config.max_bytes).await else {
        return said(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request is larger than verifier.disputes.max_bytes",
        );
    };
    // To its end also when the caller hangs up: otherwise re-executions under way would pile up.
    let heard = tokio::spawn(async move { gate.jury.hear(&body).await });
    match heard.await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(declined)) => {
            let refused = said(declined.status(), &declined.to_string());
            match declined {
                Declined::Bound { seconds } => after(seconds, refused),
                _ => refused,
            }
        }
        Err(_) => said(StatusCode::INTERNAL_SERVER_ERROR, "the dispute was interrupted"),
    }
}

/// With the time after which it is worth asking again.
fn after(seconds: u64, mut answer: Response) -> Response {
    let value = HeaderValue::from(seconds);
    answer.headers_mut().insert(header::RETRY_AFTER, value);
    answer
}

fn said(status: StatusCode, error: &str) -> Response {
    (status, Json(serde_json::json!({ "error": error }))).into_response()
}

impl Declined {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::UnknownNode(_) => StatusCode::NOT_FOUND,
            Self::Settled(_) => StatusCode::CONFLICT,
            Self::NotJudged(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Bound { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

async fn status(State(served): State<Served>) -> Response {
    let document = serde_json::json!({ "verifier": &*served.about, "logs": served.statuses() });
    Json(document).into_response()
}

async fn prometheus(State(served): State<Served>) -> Response {
    let content = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let mut text = metrics(&served.statuses());
    if let Some(gate) = &served.gate {
        text.push_str("# TYPE stele_verifier_disputes_total counter\n");
        for (word, count) in gate.jury.counts.read() {
            // Writing into a string can't fail.
            let _ = writeln!(
                text,
                "stele_verifier_disputes_total{{outcome=\"{word}\"}} {count}"
            );
        }
    }
    (content, text).into_response()
}

/// 200 while every log is followed and none is accused.
async fn health(State(served): State<Served>) -> Response {
    let ill: Vec<String> = served
        .statuses()
        .into_iter()
        .filter_map(|log| {
            let refused = log.refused.map(|refusal| refusal.message);
            refused
                .or(log.problem)
                .map(|problem| format!("{}: {problem}", log.origin))
        })
        .collect();
    if ill.is_empty() {
        return Json(serde_json::json!({})).into_response();
    }
    let body = Json(serde_json::json!({ "error": ill.join("; ") }));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let plain = |status: StatusCode, text: String| (status, format!("{text}\n")).into_response();
        match self {
            Self::Signed { lines, anchor } => {
                let mut headers = HeaderMap::new();
                if let Some(value) = anchor.and_then(|anchor| HeaderValue::from_str(&anchor).ok()) {
                    headers.insert(ANCHOR_HEADER, value);
                }
                (headers, lines).into_response()
            }
            Self::Malformed(text) => plain(StatusCode::BAD_REQUEST, text),
            Self::UnknownLog => plain(
                StatusCode::NOT_FOUND,
                "the log is not known here; add it to verifier.logs".to_owned(),
            ),
            Self::BadSignature(text) => plain(StatusCode::FORBIDDEN, text),
            Self::Stale(size) => {
                let content = [(header::CONTENT_TYPE, SIZE_TYPE)];
                (StatusCode::CONFLICT, content, format!("{size}\n")).into_response()
            }
            Self::BadProof(text) => plain(StatusCode::UNPROCESSABLE_ENTITY, text),
            Self::Refused(refusal) => {
                let word = HeaderValue::from_static(refusal.accusation.word());
                let mut answer = plain(StatusCode::FORBIDDEN, refusal.message);
                answer.headers_mut().insert(REFUSED_HEADER, word);
                answer
            }
            Self::NotVerified(text) => {
                let again = [(header::RETRY_AFTER, "1")];
                (StatusCode::SERVICE_UNAVAILABLE, again, format!("{text}\n")).into_response()
            }
        }
    }
}
