//! `io.jwt.encode_sign` and `io.jwt.encode_sign_raw`. The signatures are deterministic: RFC 6979 for ECDSA. OPA takes chance
//! there; its verification accepts both. RSASSA-PSS is chance by nature, and refused.

use stele_types::{Value, json};

use super::{Result, jwk};
use crate::builtins::args::{any, string};
use crate::builtins::encoding::go_json;
use crate::builtins::pki::private_key::{PrivateKey, RsaKey, SignError};
use crate::builtins::pki::scheme::Scheme;
use crate::builtins::{Refusal, Session, base64, failed};

/// Instructions charged for a signature, which takes about as long.
const SIGNATURE_WORK: u64 = 20_000;

/// The private key in a JSON Web Key.
fn private_key(key: &Value) -> Result<PrivateKey> {
    let bad = || failed("the JWK is no private key of two primes, on a curve, or of a length that signs");
    match key.get("kty").and_then(Value::as_str) {
        Some("RSA") => {
            let part = |name| jwk::bytes(key, name);
            let (n, e, d, p, q) = (part("n")?, part("e")?, part("d")?, part("p")?, part("q")?);
            let key = RsaKey::new([&n, &e, &d, &p, &q]).ok_or_else(bad)?;
            Ok(PrivateKey::Rsa(Box::new(key)))
        }
        Some("EC") => {
            let curve = jwk::curve(key)?;
            let d = curve.padded(&jwk::bytes(key, "d")?).ok_or_else(bad)?;
            Ok(PrivateKey::Ec { curve, d })
        }
        Some("OKP") if key.get("crv").and_then(Value::as_str) == Some("Ed25519") => {
            let seed = jwk::bytes(key, "d")?.try_into().map_err(|_| bad())?;
            Ok(PrivateKey::Ed25519(seed))
        }
        _ => Err(bad()),
    }
}

fn signature(key: &Value, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>> {
    if let Scheme::Hmac(hash) = scheme {
        let secret = match key.get("kty").and_then(Value::as_str) {
            Some("oct") => jwk::bytes(key, "k")?,
            _ => return Err(failed("the key is not for the algorithm")),
        };
        if secret.is_empty() {
            return Err(failed("the key is empty"));
        }
        return Ok(hash.mac(&secret, message).as_ref().to_vec());
    }
    private_key(key)?
        .sign(scheme, message)
        .map_err(|error| match error {
            SignError::WrongKey => failed("the key is not for the algorithm"),
            SignError::BadKey => failed("the key's numbers do not fit together, or it is too short"),
            SignError::Random => {
                Refusal::Unsupported("RSASSA-PSS signs by chance, and a decision must be repeatable").into()
            }
        })
}

fn sign(session: &mut Session<'_>, header: &str, payload: &str, keys: &str) -> Result<Value> {
    let length = [header, payload, keys]
        .iter()
        .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    session.bytes(length.saturating_mul(4))?;
    let parse = |text: &str| json::parse(text.as_bytes(), &json::Limits::default());
    let keys = parse(keys).map_err(|error| failed(format!("failed to parse a JWK key (set): {error}")))?;
    let key = jwk::set(&keys)?.into_iter().next();
    let key = key.ok_or_else(|| failed("no keys found in JWK set"))?;
    let parameters =
        parse(header).map_err(|error| failed(format!("missing or invalid 'alg' header: {error}")))?;
    let parameter = |name: &str| parameters.get(name).and_then(Value::as_str);
    let alg = parameter("alg").ok_or_else(|| failed("missing or invalid 'alg' header"))?;
    let scheme = Scheme::from_alg(alg).ok_or_else(|| failed(format!("unknown JWS algorithm: {alg}")))?;
    if matches!(parameter("typ"), None | Some("JWT")) && parse(payload).is_err() {
        return Err(failed("type is JWT but payload is not JSON"));
    }
    let signed = format!(
        "{}.{}",
        base64::encode_url(header.as_bytes()),
        base64::encode_url(payload.as_bytes())
    );
    session.budget.work(SIGNATURE_WORK)?;
    let signature = signature(key, scheme, signed.as_bytes())?;
    Ok(format!("{signed}.{}", base64::encode_url(&signature)).into())
}

/// A token of a header, claims and key that are values.
pub(in crate::builtins) fn encode_sign(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = |index| any(args, index).map(|value| go_json(&value.to_json_projection()));
    let (header, payload, keys) = (text(0)?, text(1)?, text(2)?);
    sign(session, &header, &payload, &keys)
}

/// A token of a header, payload and key that are text.
pub(in crate::builtins) fn encode_sign_raw(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let keys = string(args, 2)?;
    sign(session, string(args, 0)?, string(args, 1)?, keys)
}
