//! Mutations over REST: refused, with the way that exists instead.

use http::StatusCode;

use crate::http::ApiError;
use crate::worker::Call;

/// 403 for every attempt to change policy or data: only the registry contract puts policies in force.
pub(crate) fn mutation(call: &Call<'_>) -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "invalid_operation",
        format!(
            "{} {} is refused: policies and their data are put in force by the registry contract only; use \
             `stele policy propose`, `approve`, `activate` and `rollback`",
            call.parts.method,
            call.parts.uri.path()
        ),
    )
}
