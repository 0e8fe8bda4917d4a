//! JSON-RPC errors with the codes and, where tools match on it, the wording of geth.

use alloy::primitives::{Bytes, hex};
use alloy::sol_types::{GenericRevertReason, RevertReason};
use serde_json::{Value, json};

use crate::node::error::NodeError;
use crate::node::submit::SubmitError;

/// An error object of JSON-RPC.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RpcError {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// The body is no JSON.
    pub(crate) fn parse(error: &serde_json::Error) -> Self {
        Self::new(-32700, format!("parse error: {error}"))
    }

    /// The body is JSON but no request.
    pub(crate) fn invalid_request(text: impl Into<String>) -> Self {
        Self::new(-32600, text)
    }

    /// No such method.
    pub(crate) fn unknown_method(method: &str) -> Self {
        // The name comes from outside; don't echo a book.
        let name: String = method.chars().take(64).collect();
        Self::new(
            -32601,
            format!("the method {name} does not exist/is not available"),
        )
    }

    /// Wrong parameters.
    pub(crate) fn params(text: impl Into<String>) -> Self {
        Self::new(-32602, text)
    }

    /// The node's own failure.
    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::new(-32603, text)
    }

    /// A request that can't be served: rejected transaction, unknown block, failed execution.
    pub(crate) fn server(text: impl Into<String>) -> Self {
        Self::new(-32000, text)
    }

    /// The answer would be too large.
    pub(crate) fn limit(text: impl Into<String>) -> Self {
        Self::new(-32005, text)
    }

    /// A call reverted with `output`: code 3, the reason in the text if it has one, the bytes in `data`.
    pub(crate) fn revert(output: &Bytes) -> Self {
        let reason = match RevertReason::decode(output) {
            Some(GenericRevertReason::ContractError(error)) => revert_text(&error),
            Some(GenericRevertReason::RawString(_)) | None => String::new(),
        };
        Self {
            code: 3,
            message: format!("execution reverted{reason}"),
            data: Some(Value::String(hex::encode_prefixed(output))),
        }
    }

    pub(crate) fn into_value(self) -> Value {
        match self.data {
            Some(data) => json!({"code": self.code, "message": self.message, "data": data}),
            None => json!({"code": self.code, "message": self.message}),
        }
    }
}

fn revert_text(error: &alloy::sol_types::ContractError<std::convert::Infallible>) -> String {
    use alloy::sol_types::ContractError;
    match error {
        ContractError::Revert(revert) => format!(": {}", revert.reason),
        ContractError::Panic(panic) => format!(": {panic}"),
        ContractError::CustomError(never) => match *never {},
    }
}

impl From<NodeError> for RpcError {
    fn from(error: NodeError) -> Self {
        tracing::error!(%error, "the embedded chain failed a request");
        Self::internal(error.to_string())
    }
}

impl From<SubmitError> for RpcError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Rejected(text) => Self::server(text),
            SubmitError::Node(error) => error.into(),
        }
    }
}

macro_rules! from_redb {
    ($($kind:ty),*) => {$(
        impl From<$kind> for RpcError {
            fn from(error: $kind) -> Self {
                NodeError::from(error).into()
            }
        }
    )*};
}
from_redb!(redb::StorageError, redb::TableError);
