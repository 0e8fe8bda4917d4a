//! Positional parameters.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::RpcError;

/// The `params` of a request.
#[derive(Debug)]
pub(crate) struct Params(Vec<Value>);

impl Params {
    /// Parameters must be an array, or absent.
    pub(crate) fn new(value: Option<Value>) -> Result<Self, RpcError> {
        match value {
            None | Some(Value::Null) => Ok(Self(Vec::new())),
            Some(Value::Array(values)) => Ok(Self(values)),
            Some(_) => Err(RpcError::params(
                "params must be an array: parameters have no names here",
            )),
        }
    }

    /// Parameter `index`, which must be there.
    pub(crate) fn required<T: DeserializeOwned>(&self, index: usize) -> Result<T, RpcError> {
        self.optional(index)?
            .ok_or_else(|| RpcError::params(format!("missing value for required argument {index}")))
    }

    /// Parameter `index`; `None` when absent or null.
    pub(crate) fn optional<T: DeserializeOwned>(&self, index: usize) -> Result<Option<T>, RpcError> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value)
                .map(Some)
                .map_err(|error| RpcError::params(format!("invalid argument {index}: {error}"))),
        }
    }
}
