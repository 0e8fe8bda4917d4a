//! What needs no world: chance from a seed, and what was said about the process.

use num_integer::Integer as _;
use stele_types::{Number, Value};

use super::{NdBuiltins, NdError};
use crate::builtins::hmac_sha256;

/// Answers `rand.intn` and `uuid.rfc4122` from a seed, and `opa.runtime` with a value. Refuses what reaches out of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// What chance comes from; a new one for each evaluation, from a cryptographic generator.
    pub seed: [u8; 32],
    /// What `opa.runtime()` says.
    pub runtime: Value,
}

impl NdBuiltins for Local {
    fn call(&self, name: &'static str, args: &[Value]) -> Result<Value, NdError> {
        match (name, args) {
            ("rand.intn", [Value::String(key), Value::Number(bound)]) => Ok(self.intn(key, bound)),
            ("uuid.rfc4122", [Value::String(key)]) => Ok(self.uuid(key)),
            ("opa.runtime", []) => Ok(self.runtime.clone()),
            _ => Err(NdError::Refused(format!("{name} is not available here"))),
        }
    }
}

impl Local {
    /// A number from 0 up to but without `bound`, or 0 when that is 0. A negative bound is taken as positive, as in OPA.
    fn intn(&self, key: &str, bound: &Number) -> Value {
        let bound = bound.to_i64().map_or(0, i64::unsigned_abs);
        if bound == 0 {
            return Value::from(0);
        }
        // Of 128 bits, so that no number below 2^64 is noticeably more likely than another.
        let number = u128::from_be_bytes(self.draw(&format!("rand.intn {bound} {key}")));
        let number = number.mod_floor(&u128::from(bound));
        Value::Number(Number::from(u64::try_from(number).unwrap_or_default()))
    }

    /// A UUID of version 4.
    fn uuid(&self, key: &str) -> Value {
        let random = self.draw(&format!("uuid.rfc4122 {key}"));
        let uuid = uuid::Builder::from_random_bytes(random).into_uuid();
        Value::from(uuid.to_string())
    }

    /// 128 bits for a purpose.
    fn draw(&self, purpose: &str) -> [u8; 16] {
        let tag = hmac_sha256(&self.seed, purpose.as_bytes());
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }
}
