//! The request object of `http.send`.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use stele_rego::builtins::Session;
use stele_rego::builtins::{Body, find};
use stele_rego::eval::{Budget, Context, Limits};
use stele_rego::nd::HTTP_SEND_PARAMETERS;
use stele_types::{Value, json};
use url::Url;

use super::SendError;
use super::tls::{self, TlsOptions};

/// Headers that the client itself sets: they say where a message ends, or how the connection is used.
const OURS: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct HttpRequest {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// For each attempt, its response's body included.
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) follow_redirects: bool,
    pub(super) decode: Decode,
    pub(super) caching: Option<Caching>,
    pub(super) tls: TlsOptions,
}

/// How the body of a response is read, apart from what its type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Decode {
    pub(super) json: bool,
    pub(super) yaml: bool,
}

/// How a response may be kept for later decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caching {
    /// Equal for requests that may share a response.
    pub(super) key: String,
    /// For how long, whatever the response says.
    pub(super) force: Option<Duration>,
}

/// Whether failures are errors of the builtin; otherwise they are error objects.
pub(super) fn raises(object: &Value) -> Result<bool, SendError> {
    Fields(object)
        .flag("raise_error")
        .map(|raise| raise.unwrap_or(true))
}

impl HttpRequest {
    /// Reads a request object. `timeout` holds where it gives none.
    pub(super) fn read(object: &Value, timeout: Duration) -> Result<Self, SendError> {
        let fields = Fields(object);
        fields.check_names()?;
        let method = fields.text("method")?.unwrap_or_default().to_uppercase();
        let url = fields.text("url")?.unwrap_or_default();
        let url = Url::parse(url).map_err(|error| invalid(format!("`url`: {url}: {error}")))?;
        let body = match (fields.text("raw_body")?, fields.get("body")) {
            (Some(raw), _) => raw.as_bytes().to_vec(),
            (None, Some(body)) => json::to_vec(&body.json_projection()),
            (None, None) => Vec::new(),
        };
        Ok(Self {
            method: checked_method(&method)?,
            headers: fields.headers()?,
            timeout: fields.timeout()?.unwrap_or(timeout),
            retries: fields.count("max_retry_attempts")?.unwrap_or(0),
            follow_redirects: fields.flag("enable_redirect")?.unwrap_or(false),
            decode: Decode {
                json: fields.flag("force_json_decode")?.unwrap_or(false),
                yaml: fields.flag("force_yaml_decode")?.unwrap_or(false),
            },
            caching: fields.caching()?,
            tls: tls::options(&fields)?,
            url,
            body,
        })
    }
}

fn checked_method(text: &str) -> Result<Method, SendError> {
    // CONNECT opens tunnels and TRACE echoes headers: neither asks for a document.
    if matches!(
        text,
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS"
    ) {
        return Method::from_bytes(text.as_bytes()).map_err(|error| invalid(error.to_string()));
    }
    Err(invalid(format!(
        "`method` must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, not `{text}`"
    )))
}

/// The fields of the request object.
pub(super) struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    fn check_names(&self) -> Result<(), SendError> {
        let members = self.0.as_object().into_iter().flatten();
        let unknown: Vec<String> = members
            .filter(|(name, _)| {
                !name
                    .as_str()
                    .is_some_and(|name| HTTP_SEND_PARAMETERS.contains(&name))
            })
            .map(|(name, _)| name.to_string())
            .collect();
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            return Err(invalid(format!("invalid request parameters(s): {{{unknown}}}")));
        }
        let missing = ["method", "url"]
            .into_iter()
            .filter(|name| self.get(name).is_none());
        let missing: Vec<String> = missing.map(|name| format!("\"{name}\"")).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(invalid(format!(
                "missing required request parameters(s): {{{missing}}}"
            )));
        }
        Ok(())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, SendError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(format!("\"{name}\" must be a string"))),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, SendError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(invalid(format!("\"{name}\" must be a boolean"))),
        }
    }

    fn count(&self, name: &str) -> Result<Option<u32>, SendError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = value.as_number().and_then(|number| number.to_i64());
        let count = number.and_then(|number| u32::try_from(number).ok());
        count.map(Some).ok_or_else(|| {
            invalid(format!(
                "\"{name}\" must be a whole number from 0 on, not {value}"
            ))
        })
    }

    fn headers(&self) -> Result<HeaderMap, SendError> {
        let mut headers = HeaderMap::new();
        let Some(given) = self.get("headers") else {
            return Ok(headers);
        };
        let given = given
            .as_object()
            .ok_or_else(|| invalid("\"headers\" must be an object".to_owned()))?;
        for (name, value) in given {
            let parsed = name
                .as_str()
                .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
            let name = parsed.ok_or_else(|| invalid(format!("{name} is no name of a header")))?;
            if OURS.contains(&name) {
                return Err(invalid(format!("the header {name} is set by the client itself")));
            }
            let text = value.as_str().and_then(|text| HeaderValue::from_str(text).ok());
            let text = text.ok_or_else(|| invalid(format!("the header {name} can't be {value}")))?;
            headers.append(name, text);
        }
        Ok(headers)
    }

    /// Nanoseconds, or a text as Go writes durations.
    fn timeout(&self) -> Result<Option<Duration>, SendError> {
        let Some(value) = self.get("timeout") else {
            return Ok(None);
        };
        let nanos = match value {
            Value::Number(number) => number.to_i64(),
            Value::String(text) => text.parse().ok().or_else(|| go_duration(value)),
            _ => None,
        };
        let nanos = nanos.and_then(|nanos| u64::try_from(nanos).ok());
        let nanos = nanos.ok_or_else(|| {
            invalid(format!(
                "\"timeout\" must be a number of nanoseconds or a duration like \"500ms\", not {value}"
            ))
        })?;
        // Go takes 0 for none; the configured one bounds it then.
        Ok((nanos > 0).then(|| Duration::from_nanos(nanos)))
    }

    fn caching(&self) -> Result<Option<Caching>, SendError> {
        match self.text("caching_mode")? {
            None | Some("serialized" | "deserialized") => {}
            Some(other) => {
                return Err(invalid(format!(
                    "\"caching_mode\" must be \"serialized\" or \"deserialized\", not \"{other}\""
                )));
            }
        }
        let force = self.flag("force_cache")?.unwrap_or(false);
        if !force && !self.flag("cache")?.unwrap_or(false) {
            return Ok(None);
        }
        let seconds = self.count("force_cache_duration_seconds")?;
        if force && seconds.is_none() {
            return Err(invalid(
                "\"force_cache\" set but \"force_cache_duration_seconds\" parameter is missing".to_owned(),
            ));
        }
        let force = seconds.filter(|seconds| force && *seconds > 0);
        Ok(Some(Caching {
            key: self.cache_key()?,
            force: force.map(|seconds| Duration::from_secs(seconds.into())),
        }))
    }

    /// The request without the headers that don't matter.
    fn cache_key(&self) -> Result<String, SendError> {
        let ignored: Vec<String> = match self.get("cache_ignored_headers") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_ascii_lowercase)
                // Who asks always matters: the cache is shared by all policies.
                .filter(|name| !matches!(name.as_str(), "authorization" | "cookie"))
                .collect(),
            Some(other) => {
                return Err(invalid(format!(
                    "\"cache_ignored_headers\" must be an array of strings, not {other}"
                )));
            }
        };
        let matters = |name: &Value| {
            !name
                .as_str()
                .is_some_and(|name| ignored.contains(&name.to_ascii_lowercase()))
        };
        let mut key: BTreeMap<Value, Value> = self.0.as_object().cloned().unwrap_or_default();
        key.remove(&Value::from("cache_ignored_headers"));
        if let Some(Value::Object(headers)) = key.get(&Value::from("headers")).cloned() {
            let kept = headers.iter().filter(|(name, _)| matters(name));
            let kept = Value::object(kept.map(|(name, value)| (name.clone(), value.clone())));
            key.insert("headers".into(), kept);
        }
        Ok(json::to_string(&Value::from(key).json_projection()))
    }
}

/// `1h30m` in nanoseconds, as policies read it.
fn go_duration(text: &Value) -> Option<i64> {
    let value = pure("time.parse_duration_ns", std::slice::from_ref(text))?;
    value.as_number()?.to_i64()
}

/// What a pure builtin gives, if it gives anything.
fn pure(name: &str, args: &[Value]) -> Option<Value> {
    let Body::Function(function) = find(name)?.body else {
        return None;
    };
    let mut session = Session::new(Context::default(), Budget::new(Limits::default()));
    function(&mut session, args).ok()
}

fn invalid(message: String) -> SendError {
    SendError::Invalid(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<HttpRequest, SendError> {
        let object = json::parse(text.as_bytes(), &json::Limits::default()).unwrap();
        HttpRequest::read(&object, Duration::from_secs(5))
    }

    #[test]
    fn what_is_no_request_says_so() {
        for (text, says) in [
            (
                "{}",
                r#"missing required request parameters(s): {"method", "url"}"#,
            ),
            (
                r#"{"method": "get", "url": "http://x", "nope": 1}"#,
                r#"{"nope"}"#,
            ),
            (r#"{"method": "get", "url": 1}"#, "\"url\" must be a string"),
            (r#"{"method": "get", "url": "x"}"#, "`url`: x"),
            (r#"{"method": "connect", "url": "http://x"}"#, "not `CONNECT`"),
            (
                r#"{"method": "get", "url": "http://x", "timeout": "soon"}"#,
                "\"timeout\"",
            ),
            (
                r#"{"method": "get", "url": "http://x", "timeout": -1}"#,
                "\"timeout\"",
            ),
            (
                r#"{"method": "get", "url": "http://x", "headers": {"a b": "c"}}"#,
                "no name of a header",
            ),
            (
                r#"{"method": "get", "url": "http://x", "headers": {"a": "b\r\nc: d"}}"#,
                "header a can't be",
            ),
            (
                r#"{"method": "get", "url": "http://x", "headers": {"Content-Length": "1"}}"#,
                "set by the client",
            ),
            (
                r#"{"method": "get", "url": "http://x", "enable_redirect": 1}"#,
                "must be a boolean",
            ),
            (
                r#"{"method": "get", "url": "http://x", "max_retry_attempts": 1.5}"#,
                "whole number",
            ),
            (
                r#"{"method": "get", "url": "http://x", "force_cache": true}"#,
                "force_cache_duration_seconds",
            ),
            (
                r#"{"method": "get", "url": "http://x", "caching_mode": "raw"}"#,
                "caching_mode",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, SendError::Invalid(_)), "{text}");
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn fields_mean_what_they_mean_in_opa() {
        let request = read(
            r#"{"method": "post", "url": "http://x/y", "body": {"b": [1], "a": "z"}, "timeout": "1m30s",
                "max_retry_attempts": 2, "headers": {"X-A": "1"}, "force_json_decode": true}"#,
        )
        .unwrap();
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.body, br#"{"a":"z","b":[1]}"#);
        assert_eq!(request.timeout, Duration::from_secs(90));
        assert_eq!(
            (request.retries, request.headers["x-a"].as_bytes()),
            (2, &b"1"[..])
        );
        assert!(request.decode.json && !request.follow_redirects && request.caching.is_none());
        let request =
            read(r#"{"method": "PUT", "url": "http://x", "body": {}, "raw_body": "raw", "timeout": 250}"#)
                .unwrap();
        assert_eq!(
            (&request.body[..], request.timeout),
            (&b"raw"[..], Duration::from_nanos(250))
        );
        assert_eq!(
            read(r#"{"method": "get", "url": "http://x"}"#).unwrap().timeout,
            Duration::from_secs(5)
        );
    }

    #[test]
    fn ignored_headers_are_not_part_of_the_key() {
        let key = |headers: &str, ignored: &str| {
            let text = format!(
                r#"{{"method": "get", "url": "http://x", "cache": true, "headers": {headers}, "cache_ignored_headers": {ignored}}}"#
            );
            read(&text).unwrap().caching.unwrap().key
        };
        let plain = key(r#"{"a": "1"}"#, "null");
        assert_eq!(plain, key(r#"{"a": "1", "Trace": "7"}"#, r#"["trace"]"#));
        assert_ne!(plain, key(r#"{"a": "1", "Trace": "7"}"#, "null"));
        assert_ne!(plain, key(r#"{"a": "2"}"#, r#"["trace"]"#));
    }
}
