//! `object.subset`.

use stele_types::Value;

use super::args::any;
use super::{BuiltinError, Session, bad_operand};

pub(super) fn subset(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let (big, small) = (any(args, 0)?, any(args, 1)?);
    if let (Value::Array(a), Value::Array(b)) = (big, small) {
        // Finding an array in another one is quadratic.
        session.elements(a.len().saturating_mul(b.len().min(64)))?;
    }
    contains(big, small).map(Value::from).ok_or_else(|| {
        bad_operand("both arguments of object.subset must be of the same type or array and set")
    })
}

/// Does `big` contain `small`? `None` for types that can't contain each other.
fn contains(big: &Value, small: &Value) -> Option<bool> {
    Some(match (big, small) {
        // Values under one key are contained recursively.
        (Value::Object(big), Value::Object(small)) => small.iter().all(|(key, value)| {
            big.get(key)
                .is_some_and(|other| other == value || nested(other, value))
        }),
        (Value::Set(big), Value::Set(small)) => small.is_subset(big),
        // As a run of elements.
        (Value::Array(big), Value::Array(small)) => {
            small.is_empty() || big.windows(small.len()).any(|run| run == small.as_slice())
        }
        // OPA counts members as it meets them, so an empty set is in every array but the empty one.
        (Value::Array(big), Value::Set(small)) => {
            !big.is_empty() && small.iter().all(|member| big.contains(member))
        }
        _ => return None,
    })
}

/// Containment below a key: only between values of one type.
fn nested(big: &Value, small: &Value) -> bool {
    big.type_name() == small.type_name() && contains(big, small) == Some(true)
}
