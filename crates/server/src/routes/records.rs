//! What verifiers need beyond the public log: the records behind its leaves, and the bundles of the versions they name.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use stele_types::{LeafIndex, PolicyVersion, sha256};

use crate::blocking;
use crate::http::{ApiError, Reply};
use crate::shared::Shared;
use crate::worker::{Call, Worker};

/// Records in an answer when the request names no number, and at most.
const PAGE: u64 = 1_000;
const LARGEST_PAGE: u64 = 4_096;
/// Bytes after which an answer takes no further record.
const PAGE_BYTES: usize = 8 << 20;

/// `GET /v1/records?from=&limit=`: stored records in the order of the log, a line of JSON each.
pub(crate) async fn range(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    admit(worker, call)?;
    let from = call.params.number("from")?;
    let from =
        from.ok_or_else(|| ApiError::invalid("parameter `from` must be the index of a leaf".to_owned()))?;
    let limit = call.params.number("limit")?.unwrap_or(PAGE);
    if limit == 0 {
        return Err(ApiError::invalid("parameter `limit` must not be 0".to_owned()));
    }
    let limit = usize::try_from(limit.min(LARGEST_PAGE)).unwrap_or(usize::MAX);
    let shared = Arc::clone(&worker.shared);
    let lines = blocking::run(move || shared.log.records(LeafIndex::new(from), limit, PAGE_BYTES)).await?;
    Ok(Reply::bytes("application/x-ndjson", lines))
}

/// Records hold inputs: this machine may have them, and whoever has a token that is configured. Once tokens are, they are asked of everybody. The one
/// rule for whatever shows records, one or many.
pub(crate) fn admit(worker: &Worker, call: &Call<'_>) -> Result<(), ApiError> {
    let tokens = &worker.shared.config.records.tokens;
    let given = bearer(&call.parts.headers).map(|token| sha256(&[token.as_bytes()]).to_string());
    // Digests are compared, so the time it takes tells nothing of a token.
    let listed = given.is_some_and(|digest| tokens.iter().any(|token| token.eq_ignore_ascii_case(&digest)));
    if listed || tokens.is_empty() && call.peer.ip().is_loopback() {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "unauthorized",
        "records are given to this machine, or for a bearer token whose SHA-256 stands in `server.records.tokens`",
    ))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

/// `GET /v1/bundles/{version}`: the bundle with this digest, if it is or was in force here.
pub(crate) async fn bundle(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let version: PolicyVersion = call
        .capture
        .parse()
        .map_err(|_| ApiError::invalid(format!("`{}` is no version: 64 hex digits", call.capture)))?;
    let shared = Arc::clone(&worker.shared);
    let bytes = blocking::run(move || find(&shared, version)).await?;
    Ok(Reply::bytes("application/gzip", bytes).cached("public, max-age=31536000, immutable"))
}

fn find(shared: &Shared, version: PolicyVersion) -> Result<Vec<u8>, ApiError> {
    let snapshot = shared.snapshots.load();
    let in_force = snapshot
        .policies()
        .iter()
        .find(|policy| policy.version == version);
    if let Some(policy) = in_force {
        let bytes = policy.bundle.unpack();
        return bytes.map_err(|error| ApiError::internal(error.to_string()));
    }
    let stored = shared
        .bundles
        .as_ref()
        .map(|store| std::fs::read(store.path(version)));
    match stored {
        Some(Ok(bytes)) if PolicyVersion::of_bundle(&bytes) == version => Ok(bytes),
        _ => Err(ApiError::not_found(format!("version {version} is not at hand"))),
    }
}
