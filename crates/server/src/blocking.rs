//! Work that reads files runs on the runtime's blocking threads, so that it never holds up a worker's decisions.

use crate::http::ApiError;

/// Runs `work` on a blocking thread.
///
/// # Errors
/// What `work` returns; 500 when it panicked or the server is stopping.
pub(crate) async fn run<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Send + 'static + Into<ApiError>,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(ApiError::internal(format!(
            "the request could not be finished: {error}"
        ))),
    }
}
