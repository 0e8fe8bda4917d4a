//! `io.jwt.decode_verify`: is the signature good, and does the token meet the constraints?

use std::cmp::Ordering;

use stele_types::{Number, Value};

use super::jwk::{Key, Material};
use super::{Header, Members, Result, Token, keys, member, nested, object};
use crate::builtins::args::{object as object_argument, string};
use crate::builtins::pki::scheme::Scheme;
use crate::builtins::{Session, failed};

/// What a token is verified with.
enum Trust {
    Keys(Vec<Key>),
    Secret(String),
}

/// What a token must be.
struct Constraints {
    trust: Trust,
    /// The empty string asks for nothing.
    alg: String,
    /// The empty string asks for nothing.
    iss: String,
    aud: String,
    /// The time to check validity at, in seconds.
    time: Number,
}

impl Constraints {
    fn parse(session: &mut Session<'_>, args: &[Value]) -> Result<Self> {
        let [mut secret, mut alg, mut iss, mut aud]: [String; 4] = Default::default();
        let (mut found, mut time) = (None, None);
        for (name, value) in object_argument(args, 1)? {
            let text = |name: &str| {
                let text = value.as_str().map(str::to_owned);
                text.ok_or_else(|| failed(format!("{name} constraint: must be a string")))
            };
            match name.as_str() {
                Some("cert") => {
                    found = Some(keys::read(session, &text("cert")?)?);
                }
                Some("secret") => secret = text("secret")?,
                Some("alg") => alg = text("alg")?,
                Some("iss") => iss = text("iss")?,
                Some("aud") => aud = text("aud")?,
                Some("time") => time = Some(given_time(value)?),
                _ => return Err(failed(format!("unknown token validation constraint: {name}"))),
            }
        }
        let trust = match found {
            Some(_) if !secret.is_empty() => return Err(failed("duplicate key constraints")),
            Some(keys) => Trust::Keys(keys),
            None if secret.is_empty() => return Err(failed("no key constraint")),
            None => Trust::Secret(secret),
        };
        let time = match time {
            Some(time) => time,
            None => seconds(&Number::from(session.time()?.as_nanos()))?,
        };
        Ok(Self {
            trust,
            alg,
            iss,
            aud,
            time,
        })
    }

    /// Whether the signature is good. The algorithm is the token's, among those that the key is for.
    fn verify(
        &self,
        session: &mut Session<'_>,
        header: &Header,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<bool> {
        let Some(scheme) = Scheme::from_alg(&header.alg) else {
            return Ok(false);
        };
        let by_secret = |secret: &[u8]| match scheme {
            Scheme::Hmac(hash) => hash.verify_mac(secret, signed, signature),
            _ => false,
        };
        match &self.trust {
            Trust::Secret(secret) => Ok(by_secret(secret.as_bytes())),
            Trust::Keys(keys) => keys::any_verifies(session, keys, header, |material| match material {
                Material::Public(key) => scheme.verify(key, signed, signature),
                Material::Secret(secret) => by_secret(secret),
                Material::Private(_) => false,
            }),
        }
    }

    /// Whether the claims meet the constraints (RFC 7519 section 4.1).
    fn allow(&self, claims: &Members) -> Result<bool> {
        if !self.iss.is_empty() && member(claims, "iss").and_then(Value::as_str) != Some(self.iss.as_str()) {
            return Ok(false);
        }
        let audience = match member(claims, "aud") {
            // A token for somebody must be for whom the policy names.
            Some(Value::Array(aud)) => aud.iter().any(|aud| aud.as_str() == Some(self.aud.as_str())),
            Some(aud) => aud.as_str() == Some(self.aud.as_str()),
            None => self.aud.is_empty(),
        };
        if !audience {
            return Ok(false);
        }
        let moment = |name: &str| match member(claims, name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(self.time.cmp(number))),
            Some(_) => Err(failed(format!("{name} value must be a number"))),
        };
        // Valid before `exp`, and from `nbf` on.
        Ok(matches!(moment("exp")?, None | Some(Ordering::Less)) && moment("nbf")? != Some(Ordering::Less))
    }
}

/// A time constraint in seconds.
fn given_time(value: &Value) -> Result<Number> {
    let number = value
        .as_number()
        .ok_or_else(|| failed("token time constraint: must be a number"))?;
    if number.is_negative() {
        return Err(failed("token time constraint: must not be negative"));
    }
    seconds(number)
}

/// Seconds from nanoseconds. OPA computes them in binary64, so that a token may expire a little sooner or later than the
/// exact number says.
fn seconds(nanoseconds: &Number) -> Result<Number> {
    Ok(Number::from_f64(nanoseconds.to_f64() / 1e9)?)
}

fn unverified() -> Value {
    vec![false.into(), Value::object([]), Value::object([])].into()
}

/// `[true, header, payload]` of a token that is good, else `[false, {}, {}]`.
pub(in crate::builtins) fn decode_verify(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let constraints = Constraints::parse(session, args)?;
    let mut text = string(args, 0)?.to_owned();
    loop {
        let token = Token::parse(&text)?;
        let members = token.header(session)?;
        let header = Header::parse(&members)?;
        if !header.is_valid() || (!constraints.alg.is_empty() && constraints.alg != header.alg) {
            return Ok(unverified());
        }
        let signature = token.signature()?;
        if !constraints.verify(session, &header, token.signed.as_bytes(), &signature)? {
            return Ok(unverified());
        }
        let payload = token.payload()?;
        if header.cty.eq_ignore_ascii_case("JWT") {
            text = nested(payload)?;
            continue;
        }
        let claims = object(session, &payload)?;
        return Ok(if constraints.allow(&claims)? {
            vec![true.into(), members.into(), claims.into()].into()
        } else {
            unverified()
        });
    }
}
