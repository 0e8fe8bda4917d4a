//! Answers: status, type, body, and compression where the client takes it.

use std::io::Write;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::ApiError;
use crate::config::GzipConfig;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer before compression.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    content_type: HeaderValue,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Reply {
    /// 200 with JSON that is already written.
    pub(crate) fn json_bytes(body: Vec<u8>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: JSON,
            headers: Vec::new(),
            body: Bytes::from(body),
        }
    }

    /// 200 with a document that serde writes, indented when `pretty`.
    ///
    /// # Errors
    /// 500 when it can't be written (a map with keys that are no strings).
    pub(crate) fn json(document: &impl serde::Serialize, pretty: bool) -> Result<Self, ApiError> {
        let body = if pretty {
            serde_json::to_vec_pretty(document)
        } else {
            serde_json::to_vec(document)
        };
        body.map(Self::json_bytes)
            .map_err(|error| ApiError::internal(format!("can't write the answer: {error}")))
    }

    /// 200 with other content.
    pub(crate) fn bytes(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: HeaderValue::from_static(content_type),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// The same with another status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with one header more.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with a `Cache-Control` header.
    pub(crate) fn cached(self, policy: &'static str) -> Self {
        self.with_header(CACHE_CONTROL, HeaderValue::from_static(policy))
    }

    /// The status it will have.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The HTTP response, compressed when it is long enough and `accepts_gzip`.
    pub(crate) fn into_response(self, accepts_gzip: bool, gzip: &GzipConfig) -> Response<Full<Bytes>> {
        let long_enough = self.body.len() >= gzip.min_bytes;
        let packed = if accepts_gzip && long_enough {
            compress(&self.body, gzip.level)
        } else {
            None
        };
        let compressed = packed.is_some();
        let mut response = Response::new(Full::new(packed.unwrap_or(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.content_type);
        if long_enough {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        // Strings only, so serde_json can't fail; the fallback keeps the code.
        let body = serde_json::to_vec(&error)
            .unwrap_or_else(|_| format!("{{\"code\":\"{}\"}}", error.code).into_bytes());
        // A 404 may be cached where nothing forbids it, and the tile or the decision be there a second later.
        let reply = Self::json_bytes(body)
            .with_status(error.status)
            .cached("no-store");
        match error.allow.as_deref().map(HeaderValue::from_str) {
            Some(Ok(allow)) => reply.with_header(ALLOW, allow),
            _ => reply,
        }
    }
}

/// Whether the client takes gzip: named (or `*`) in `Accept-Encoding` without `q=0`.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(http::header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|list| {
            list.split(',').any(|item| {
                let mut parts = item.split(';').map(str::trim);
                let named = parts
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
                let refused = parts.any(|part| {
                    part.strip_prefix("q=")
                        .is_some_and(|q| q.parse::<f32>().is_ok_and(|quality| quality <= 0.0))
                });
                named && !refused
            })
        })
}

/// gzip, or nothing when it would not work; writing to memory does not fail.
fn compress(plain: &[u8], level: u32) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static(value));
        accepts_gzip(&headers)
    }

    #[test]
    fn accept_encoding_is_read_with_its_qualities() {
        assert!(accepts("gzip") && accepts("br, gzip;q=0.5") && accepts("*"));
        assert!(!accepts("br") && !accepts("gzip;q=0") && !accepts("gzip; q=0.0"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn short_answers_stay_plain_and_long_ones_shrink() {
        let gzip = GzipConfig::default();
        let short = Reply::json_bytes(vec![b' '; 10]).into_response(true, &gzip);
        assert!(short.headers().get(CONTENT_ENCODING).is_none());
        let long = Reply::json_bytes(vec![b' '; 2_000]).into_response(true, &gzip);
        assert_eq!(long.headers().get(CONTENT_ENCODING).unwrap(), "gzip");
        assert_eq!(long.headers().get(VARY).unwrap(), "accept-encoding");
        let plain = Reply::json_bytes(vec![b' '; 2_000]).into_response(false, &gzip);
        assert!(plain.headers().get(CONTENT_ENCODING).is_none());
    }
}
