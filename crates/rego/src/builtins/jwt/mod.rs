//! `io.jwt.*`: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515.

mod constraints;
mod jwk;
mod keys;
mod sign;
mod verify;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use stele_types::{Value, json};

use super::args::string;
use super::{BuiltinError, Session, base64, failed};

pub(super) use constraints::decode_verify;
pub(super) use sign::{encode_sign, encode_sign_raw};
pub(super) use verify::{
    verify_eddsa, verify_es256, verify_es384, verify_es512, verify_hs256, verify_hs384, verify_hs512,
    verify_ps256, verify_ps384, verify_ps512, verify_rs256, verify_rs384, verify_rs512,
};

type Result<T> = std::result::Result<T, BuiltinError>;

/// Instructions charged for an operation with a public key: about as long as the slowest one takes, on P-521.
const PUBLIC_KEY_WORK: u64 = 10_000;

/// The object that a part of a token holds.
type Members = BTreeMap<Value, Value>;

fn member<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    members.get(&Value::string(name))
}

/// The three parts of a token, encoded.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// What is signed: header, period and payload.
    signed: &'a str,
}

impl<'a> Token<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        match parts.as_slice() {
            [_] => Err(failed("encoded JWT had no period separators")),
            [header, payload, signature] => Ok(Self {
                header,
                payload,
                signature,
                signed: text.rsplit_once('.').map_or(text, |(signed, _)| signed),
            }),
            parts => Err(failed(format!(
                "encoded JWT must have 3 sections, found {}",
                parts.len()
            ))),
        }
    }

    fn header(&self, session: &mut Session<'_>) -> Result<Members> {
        let bytes = base64::url(self.header)
            .map_err(|error| failed(format!("JWT header had invalid encoding: {error}")))?;
        let header = object(session, &bytes).map_err(|error| match error {
            BuiltinError::Failed(text) => failed(format!("bad JWT header: {text}")),
            other => other,
        })?;
        if member(&header, "enc").is_some() {
            return Err(failed("JWT is a JWE object, which is not supported"));
        }
        Ok(header)
    }

    fn payload(&self) -> Result<Vec<u8>> {
        base64::url(self.payload)
            .map_err(|error| failed(format!("JWT payload had invalid encoding: {error}")))
    }

    fn signature(&self) -> Result<Vec<u8>> {
        base64::url(self.signature)
            .map_err(|error| failed(format!("JWT signature had invalid encoding: {error}")))
    }
}

/// Reads a JSON object. Of members with the same name the last one counts.
fn object(session: &mut Session<'_>, bytes: &[u8]) -> Result<Members> {
    session.bytes(bytes.len().saturating_mul(4))?;
    let value = json::parse(bytes, &json::Limits::default())
        .map_err(|error| failed(format!("invalid JSON: {error}")))?;
    match value.as_object() {
        Some(members) => Ok(members.clone()),
        None => Err(failed("decoded JSON type was not an Object")),
    }
}

/// The text of a nested token.
fn nested(payload: Vec<u8>) -> Result<String> {
    String::from_utf8(payload).map_err(|_| failed("the nested token is not UTF-8"))
}

/// The parameters of a header that matter to verification (RFC 7515 section 4.1).
#[derive(Debug, Default)]
struct Header {
    alg: String,
    kid: String,
    cty: String,
    critical: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

impl Header {
    fn parse(members: &Members) -> Result<Self> {
        let mut header = Self::default();
        for (name, value) in members {
            let text = |name: &str| {
                let text = value.as_str().map(str::to_owned);
                text.ok_or_else(|| failed(format!("{name}: must be a string")))
            };
            match name.as_str() {
                Some("alg") => header.alg = text("alg")?,
                Some("kid") => header.kid = text("kid")?,
                Some("typ") => drop(text("typ")?),
                Some("cty") => header.cty = text("cty")?,
                Some("crit") => header.critical = critical(value)?,
                Some(other) => drop(header.unknown.insert(other.to_owned())),
                None => {}
            }
        }
        Ok(header)
    }

    /// Whether it names an algorithm, and knows all parameters that it says must be known.
    fn is_valid(&self) -> bool {
        !self.alg.is_empty() && self.critical.is_disjoint(&self.unknown)
    }
}

/// The names in `crit`.
fn critical(value: &Value) -> Result<BTreeSet<String>> {
    let names = value.as_array().ok_or_else(|| failed("crit: must be a list"))?;
    let names: Option<BTreeSet<String>> = names
        .iter()
        .map(|name| name.as_str().map(str::to_owned))
        .collect();
    match names {
        None => Err(failed("crit: must be a list of strings")),
        Some(names) if names.is_empty() => Err(failed("crit: must be a nonempty list")),
        Some(names) => Ok(names),
    }
}

/// Header, payload and signature (in hex) of a token, which is not verified. Nested tokens are opened.
pub(super) fn decode(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut text = string(args, 0)?.to_owned();
    loop {
        let token = Token::parse(&text)?;
        let header = token.header(session)?;
        let payload = token.payload()?;
        match member(&header, "cty").map(Value::as_str) {
            Some(None) => return Err(failed("cty: must be a string")),
            Some(Some("JWT")) => {
                let inner = nested(payload)?;
                inner.trim_matches(['"', '\'']).clone_into(&mut text);
            }
            _ => {
                let payload = object(session, &payload)?;
                let signature = hex::encode(token.signature()?);
                return Ok(vec![header.into(), payload.into(), signature.into()].into());
            }
        }
    }
}
