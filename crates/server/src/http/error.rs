//! Errors of a request, in the shape OPA's clients read:
//! `{"code": ..., "message": ..., "errors": [{"code": ..., "message": ..., "location": {...}}]}`.

use http::StatusCode;
use serde::Serialize;

/// A position in a policy's source, as OPA reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The module's path inside its bundle.
    pub file: String,
    /// Line, from 1.
    pub row: u64,
    /// Column, from 1.
    pub col: u64,
}

/// One cause of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorItem {
    /// Machine-readable cause, e.g. `eval_conflict_error`.
    pub code: String,
    /// For people.
    pub message: String,
    /// Where in the policy, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiError {
    /// HTTP status; not part of the body.
    #[serde(skip)]
    pub status: StatusCode,
    /// OPA's code: `invalid_parameter`, `internal_error`, `undefined_document`, ...
    pub code: &'static str,
    /// For people: what is wrong and how to mend it.
    pub message: String,
    /// The causes, if there are any to tell apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorItem>,
    /// The failed decision, when one was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
    /// Methods to name in an `Allow` header (405 only).
    #[serde(skip)]
    pub allow: Option<String>,
}

/// OPA's message over evaluation errors.
const EVALUATION: &str = "error(s) occurred while evaluating query";

impl ApiError {
    /// An error with a code and a message.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            errors: Vec::new(),
            decision_id: None,
            allow: None,
        }
    }

    /// 400 `invalid_parameter`.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", message)
    }

    /// 404 `resource_not_found`.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "resource_not_found", message)
    }

    /// 404 `undefined_document`: the webhook API's answer to an undefined document.
    #[must_use]
    pub fn undefined(path: &str) -> Self {
        let reference =
            path.split('/')
                .filter(|part| !part.is_empty())
                .fold("data".to_owned(), |mut text, part| {
                    text.push('.');
                    text.push_str(part);
                    text
                });
        Self::new(
            StatusCode::NOT_FOUND,
            "undefined_document",
            format!("document missing or undefined: {reference}"),
        )
    }

    /// 413: the body, plain or decompressed, is over the limit.
    #[must_use]
    pub fn too_large(what: &str, limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request_too_large",
            format!("{what} is larger than {limit} bytes; raise `server.limits.body_bytes` or send less"),
        )
    }

    /// 405 with what is allowed instead.
    #[must_use]
    pub fn method_not_allowed(method: &str, allow: String) -> Self {
        Self {
            allow: Some(allow.clone()),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "invalid_operation",
                format!("{method} is not supported here; allowed: {allow}"),
            )
        }
    }

    /// 500 `internal_error` with one evaluation error beneath.
    #[must_use]
    pub fn evaluation(
        code: impl Into<String>,
        message: impl Into<String>,
        location: Option<Location>,
    ) -> Self {
        Self {
            errors: vec![ErrorItem {
                code: code.into(),
                message: message.into(),
                location,
            }],
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", EVALUATION)
        }
    }

    /// 500 `internal_error`.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// The same, naming the decision that failed.
    #[must_use]
    pub fn with_decision(mut self, id: Option<stele_types::DecisionId>) -> Self {
        self.decision_id = id.map(|id| id.to_string());
        self
    }

    /// 503: the server can't do this now, and why.
    #[must_use]
    pub fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_opas_shape() {
        let location = Location {
            file: "p.rego".to_owned(),
            row: 3,
            col: 1,
        };
        let error = ApiError::evaluation("eval_conflict_error", "complete rules must agree", Some(location));
        let body = serde_json::to_value(&error).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "code": "internal_error",
                "message": "error(s) occurred while evaluating query",
                "errors": [{
                    "code": "eval_conflict_error",
                    "message": "complete rules must agree",
                    "location": {"file": "p.rego", "row": 3, "col": 1},
                }],
            })
        );
    }

    #[test]
    fn undefined_names_the_reference() {
        assert_eq!(
            ApiError::undefined("a/b/").message,
            "document missing or undefined: data.a.b"
        );
    }
}
