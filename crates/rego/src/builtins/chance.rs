//! Builtins that take chance or the process from the context: refused where it carries neither.

use num_integer::Integer as _;
use stele_types::{Number, Value};

use super::args::{integer, string};
use super::pki::scheme::Hash;
use super::{BuiltinError, Refusal, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// A number from 0 up to but without `n`, or 0 when that is 0. It is the same for the same arguments within an evaluation, as in OPA.
pub(super) fn intn(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (key, bound) = (string(args, 0)?, integer(args, 1)?.unsigned_abs());
    let seed = session.context.seed.ok_or(Refusal::Impure)?;
    if bound == 0 {
        return Ok(Value::from(0));
    }
    let tag = Hash::Sha256.mac(&seed, format!("rand.intn {bound} {key}").as_bytes());
    let half: [u8; 16] = tag
        .as_ref()
        .first_chunk()
        .copied()
        .ok_or_else(|| failed("the hash is too short"))?;
    // Of 128 bits, so that no number below 2^64 is noticeably more likely than another.
    let number = u128::from_be_bytes(half).mod_floor(&u128::from(bound));
    Ok(Value::Number(Number::from(
        u64::try_from(number).unwrap_or_default(),
    )))
}

/// What the context says about the process.
pub(super) fn runtime(session: &mut Session<'_>, _: &[Value]) -> Result<Value> {
    Ok(session.context.runtime.clone().ok_or(Refusal::Impure)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Budget, Context, Limits};

    #[test]
    fn chance_is_the_contexts() {
        let draw = |seed: u8, key: &str, bound: i64| {
            let context = Context {
                seed: Some([seed; 32]),
                ..Context::default()
            };
            let mut session = Session::new(context, Budget::new(Limits::default()));
            let number = intn(&mut session, &[key.into(), bound.into()]).unwrap();
            number.as_number().and_then(Number::to_i64).unwrap()
        };
        assert_eq!(draw(1, "a", 1_000_000), draw(1, "a", 1_000_000));
        assert_ne!(draw(1, "a", 1_000_000), draw(2, "a", 1_000_000));
        assert_ne!(draw(1, "a", 1_000_000), draw(1, "b", 1_000_000));
        assert_eq!((draw(1, "a", 0), draw(1, "a", 1), draw(1, "a", -1)), (0, 0, 0));
        let seen: std::collections::BTreeSet<i64> = (0..100).map(|i| draw(1, &i.to_string(), -5)).collect();
        assert_eq!(seen, (0..5).collect());
        assert_eq!(draw(3, "a", i64::MIN), draw(3, "a", i64::MIN));
    }
}
