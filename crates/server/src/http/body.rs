//! Reading a request body: bounded in size and time, gzip undone without trusting its claims.

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::ApiError;

/// Reads the whole body, decompressed.
///
/// `limit` bounds the bytes on the wire and, separately, the bytes after decompression, so a small gzip bomb costs at most
/// `limit` bytes of memory.
///
/// # Errors
/// 413 over the limit, 408 over the time, 415 for an encoding other than gzip, 400 for broken gzip or a broken connection.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
    time: Duration,
) -> Result<Bytes, ApiError> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    if declared.is_some_and(|length: usize| length > limit) {
        return Err(ApiError::too_large("the request body", limit));
    }
    let raw = match tokio::time::timeout(time, collect(body, limit)).await {
        Ok(raw) => raw?,
        Err(_) => {
            return Err(ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                format!("the request body did not arrive within {} ms", time.as_millis()),
            ));
        }
    };
    match headers.get(CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Ok(raw),
        Some(b"gzip" | b"x-gzip") => gunzip(&raw, limit),
        Some(other) => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_parameter",
            format!(
                "content encoding `{}` is not supported; send gzip or none",
                String::from_utf8_lossy(other)
            ),
        )),
    }
}

/// Gathers the frames; a body that came in one piece is not copied.
async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, ApiError> {
    let mut first: Option<Bytes> = None;
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| ApiError::invalid(format!("the request body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let so_far = joined.len().saturating_add(first.as_ref().map_or(0, Bytes::len));
        if so_far.saturating_add(data.len()) > limit {
            return Err(ApiError::too_large("the request body", limit));
        }
        match first.take() {
            None if joined.is_empty() => first = Some(data),
            None => joined.extend_from_slice(&data),
            Some(start) => {
                let hint = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(limit);
                joined.reserve(start.len().saturating_add(data.len()).saturating_add(hint));
                joined.extend_from_slice(&start);
                joined.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| joined.freeze()))
}

/// Decompresses at most `limit` bytes.
fn gunzip(raw: &[u8], limit: usize) -> Result<Bytes, ApiError> {
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(raw)
        .take(bound)
        .read_to_end(&mut plain)
        .map_err(|error| ApiError::invalid(format!("the request body is not valid gzip: {error}")))?;
    if plain.len() > limit {
        return Err(ApiError::too_large("the decompressed request body", limit));
    }
    Ok(Bytes::from(plain))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_undone() {
        assert_eq!(gunzip(&gzip(b"{}"), 2).unwrap(), Bytes::from_static(b"{}"));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![b' '; 8 << 20]);
        assert!(bomb.len() < 10_000);
        assert_eq!(
            gunzip(&bomb, 1 << 20).unwrap_err().status,
            StatusCode::PAYLOAD_TOO_LARGE
        );
    }

    #[test]
    fn broken_gzip_is_a_bad_request() {
        let mut broken = gzip(b"{\"input\": 1}");
        broken.truncate(15);
        assert_eq!(gunzip(&broken, 100).unwrap_err().status, StatusCode::BAD_REQUEST);
    }
}
