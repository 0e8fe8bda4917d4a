//! The keys that a token is verified with: a certificate, a public key, or a JSON Web Key (set).

use stele_types::json;

use super::jwk::{self, Key, Material};
use super::{Header, PUBLIC_KEY_WORK, Result};
use crate::builtins::pki::public_key::PublicKey;
use crate::builtins::pki::scheme::Scheme;
use crate::builtins::pki::{certificate, pem};
use crate::builtins::{Session, failed};

/// Reads the keys of a PEM block or of a JSON Web Key (set).
pub(super) fn read(session: &mut Session<'_>, text: &str) -> Result<Vec<Key>> {
    session.bytes(text.len().saturating_mul(4))?;
    if let Some((block, rest)) = pem::next(text) {
        if !rest.is_empty() {
            return Err(failed("extra data after a PEM certificate block"));
        }
        let public = match block.label.as_str() {
            "CERTIFICATE" => certificate::public_key(&block.bytes)
                .ok_or_else(|| failed("failed to parse a PEM certificate"))?,
            "PUBLIC KEY" => PublicKey::from_spki(&block.bytes)
                .filter(|key| *key != PublicKey::Unknown)
                .ok_or_else(|| failed("failed to parse a PEM public key"))?,
            _ => return Err(failed("failed to extract a Key from the PEM certificate")),
        };
        return Ok(vec![Key {
            material: Material::Public(public),
            alg: String::new(),
            kid: String::new(),
        }]);
    }
    let document = json::parse(text.as_bytes(), &json::Limits::default())
        .map_err(|error| failed(format!("failed to parse a JWK key (set): {error}")))?;
    let mut keys = Vec::new();
    for key in jwk::set(&document)? {
        let key = jwk::key(key)?;
        // Keys for algorithms that are not known are for somebody else.
        if key.alg.is_empty() || Scheme::from_alg(&key.alg).is_some() {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Whether one of the keys verifies: the one that the header names, or else any that is not for another algorithm.
pub(super) fn any_verifies(
    session: &mut Session<'_>,
    keys: &[Key],
    header: &Header,
    verifies: impl Fn(&Material) -> bool,
) -> Result<bool> {
    let named = keys
        .iter()
        .find(|key| !header.kid.is_empty() && key.kid == header.kid);
    if let Some(key) = named {
        session.budget.work(PUBLIC_KEY_WORK)?;
        return Ok(verifies(&key.material));
    }
    for key in keys {
        if key.alg.is_empty() || key.alg == header.alg {
            session.budget.work(PUBLIC_KEY_WORK)?;
            if verifies(&key.material) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
