//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037).

use stele_types::Value;

use super::Result;
use crate::builtins::pki::public_key::{Curve, PublicKey};
use crate::builtins::{base64, failed};

/// What a key is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Material {
    Public(PublicKey),
    Secret(Vec<u8>),
    /// A private key, and the parameters that its public part comes from.
    Private(PublicKey),
}

/// A key, with the parameters that restrict its use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) material: Material,
    pub(super) alg: String,
    pub(super) kid: String,
}

fn text<'a>(key: &'a Value, name: &str) -> Result<Option<&'a str>> {
    match key.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| {
            failed(format!(
                "failed to parse a JWK key (set): {name} must be a string"
            ))
        }),
    }
}

/// The bytes of a parameter that must be there.
pub(super) fn bytes(key: &Value, name: &str) -> Result<Vec<u8>> {
    let text = text(key, name)?
        .ok_or_else(|| failed(format!("failed to parse a JWK key (set): {name} is missing")))?;
    base64::url(text)
}

fn bad(why: &str) -> crate::builtins::BuiltinError {
    failed(format!("failed to parse a JWK key (set): {why}"))
}

fn material(key: &Value) -> Result<Material> {
    let public = match text(key, "kty")? {
        Some("oct") => return Ok(Material::Secret(bytes(key, "k")?)),
        Some("RSA") => {
            PublicKey::rsa(&bytes(key, "n")?, &bytes(key, "e")?).ok_or_else(|| bad("n or e is zero"))?
        }
        Some("EC") => {
            let curve = curve(key)?;
            let point = curve.point(&bytes(key, "x")?, &bytes(key, "y")?);
            let point = point.ok_or_else(|| bad("the point is not on the curve"))?;
            PublicKey::Ec { curve, point }
        }
        Some("OKP") => {
            let x = bytes(key, "x")?;
            match text(key, "crv")? {
                Some("Ed25519") if x.len() == 32 => PublicKey::Ed25519(x),
                Some("Ed25519") => return Err(bad("x must have 32 bytes")),
                Some("X25519") => PublicKey::Unknown,
                _ => return Err(bad("unknown crv")),
            }
        }
        _ => return Err(bad("unknown kty")),
    };
    Ok(match key.get("d") {
        Some(_) => Material::Private(public),
        None => Material::Public(public),
    })
}

/// The curve of an elliptic-curve key.
pub(super) fn curve(key: &Value) -> Result<Curve> {
    text(key, "crv")?
        .and_then(Curve::from_jwk)
        .ok_or_else(|| bad("unknown crv"))
}

/// The keys of a set, or the one key.
pub(super) fn set(document: &Value) -> Result<Vec<&Value>> {
    if document.as_object().is_none() {
        return Err(bad("it is not an object"));
    }
    match document.get("keys") {
        None => Ok(vec![document]),
        Some(keys) => {
            let keys = keys.as_array().ok_or_else(|| bad("keys must be an array"))?;
            Ok(keys.iter().collect())
        }
    }
}

/// Reads a key.
pub(super) fn key(key: &Value) -> Result<Key> {
    Ok(Key {
        material: material(key)?,
        alg: text(key, "alg")?.unwrap_or_default().to_owned(),
        kid: text(key, "kid")?.unwrap_or_default().to_owned(),
    })
}
