//! The response object of `http.send`.

use http::header::{self, HeaderMap};
use stele_types::{Value, json};

use super::SendError;
use super::request::Decode;

/// A response with its whole body.
#[derive(Debug, Clone)]
pub(super) struct HttpResponse {
    pub(super) status: u16,
    /// What follows the code on the status line.
    pub(super) reason: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A body decoded from JSON may be nested this deep: less than a record may be (128), in which it stands some levels down.
const BODY_DEPTH: usize = 100;

impl HttpResponse {
    /// OPA's object: `status`, `status_code`, `headers`, `raw_body`, and `body`, which is null where it is neither JSON nor YAML.
    ///
    /// # Errors
    /// When the body is YAML: policies have no `yaml.unmarshal` either.
    pub(super) fn to_value(&self, decode: Decode) -> Result<Value, SendError> {
        let mut headers: std::collections::BTreeMap<Value, Value> = std::collections::BTreeMap::new();
        for name in self.headers.keys() {
            let values = self.headers.get_all(name).iter();
            let values = values.map(|value| Value::from(&*String::from_utf8_lossy(value.as_bytes())));
            headers.insert(name.as_str().into(), Value::array(values));
        }
        let raw = String::from_utf8_lossy(&self.body);
        Ok(Value::object([
            (
                "status".into(),
                format!("{} {}", self.status, self.reason).trim_end().into(),
            ),
            ("status_code".into(), i64::from(self.status).into()),
            ("headers".into(), headers.into()),
            ("body".into(), self.decoded(decode)?.unwrap_or(Value::Null)),
            ("raw_body".into(), Value::from(&*raw)),
        ]))
    }

    fn decoded(&self, decode: Decode) -> Result<Option<Value>, SendError> {
        let kind = self.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let media = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let subtype = media.strip_prefix("application/").unwrap_or_default();
        if decode.json || subtype == "json" || subtype.ends_with("+json") {
            let limits = json::Limits {
                max_bytes: self.body.len(),
                max_depth: BODY_DEPTH,
            };
            return Ok(json::parse(&self.body, &limits).ok());
        }
        if decode.yaml || matches!(subtype, "yaml" | "x-yaml") {
            return Err(SendError::Refused(
                "the response is YAML, which is not decoded; ask for JSON".to_owned(),
            ));
        }
        Ok(None)
    }

    /// The same response with the headers that a 304 brought.
    pub(super) fn refreshed(&self, not_modified: Self) -> Self {
        let mut headers = self.headers.clone();
        for name in not_modified.headers.keys() {
            headers.remove(name);
        }
        for (name, value) in &not_modified.headers {
            headers.append(name.clone(), value.clone());
        }
        Self {
            headers,
            ..self.clone()
        }
    }
}

/// What stands in for a response where the request says `raise_error: false`.
pub(super) fn failure(error: &SendError) -> Value {
    let code = match error {
        SendError::Network(_) => "eval_http_send_network_error",
        SendError::Invalid(_) | SendError::Refused(_) => "eval_http_send_internal_error",
    };
    let error = Value::object([
        ("code".into(), code.into()),
        ("message".into(), error.to_string().into()),
    ]);
    Value::object([("status_code".into(), 0.into()), ("error".into(), error)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: &str, decode: Decode, body: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        let response = HttpResponse {
            status: 200,
            reason: "OK".to_owned(),
            headers,
            body: body.into(),
        };
        match response.to_value(decode) {
            Ok(value) => json::to_string(value.get("body").unwrap()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn bodies_are_decoded_by_type_or_by_force() {
        let (plain, json) = (
            Decode::default(),
            Decode {
                json: true,
                yaml: false,
            },
        );
        let yaml = Decode {
            json: false,
            yaml: true,
        };
        let problem = "application/problem+json";
        assert_eq!(
            body("application/json; charset=utf-8", plain, "{\"a\": 1.50}"),
            "{\"a\":1.5}"
        );
        assert_eq!(body(problem, plain, "[1]"), "[1]");
        assert_eq!(body("text/plain", plain, "[1]"), "null");
        assert_eq!(body("text/json", plain, "[1]"), "null");
        assert_eq!(body("text/plain", json, "[1]"), "[1]");
        assert_eq!(body("application/json", plain, "[1"), "null");
        assert!(body("application/x-yaml", plain, "a: [1, x]").contains("is YAML"));
        assert!(body("text/plain", yaml, "a: b").contains("is YAML"));
        assert_eq!(body(problem, yaml, "[1]"), "[1]");
    }
}
