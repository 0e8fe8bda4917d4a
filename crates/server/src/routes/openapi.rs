//! `GET /openapi.json`: the OpenAPI 3.1 description, written by hand and compiled in.

use crate::http::{ApiError, Reply};
use crate::worker::Call;

/// The description.
#[must_use]
pub fn document() -> &'static str {
    include_str!("openapi.json")
}

/// Serves it; `pretty` changes nothing, because it is indented as it stands.
pub(crate) fn serve(_: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::bytes("application/json", document()).cached("public, max-age=3600"))
}
