//! `crypto.x509.*` and `crypto.parse_private_keys`.

use stele_types::Value;

use super::args::string;
use super::pki::certificate::Certificate;
use super::pki::chain::Link;
use super::pki::der::Cursor;
use super::pki::extensions;
use super::pki::private_key::PrivateKey;
use super::pki::{json, pem, request};
use super::{BuiltinError, Session, base64, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

const BEGIN: &str = "-----BEGIN";
/// Instructions charged for a private key: its public part is computed.
const KEY_WORK: u64 = 10_000;

/// A certificate as a value, with the text of its URIs.
pub(super) fn extended(link: &Link<'_>) -> Value {
    let mut members = link.value.as_object().cloned().unwrap_or_default();
    members.insert("URIStrings".into(), json::uri_strings(&link.read.names));
    members.into()
}

/// The certificates in DER, one behind the other, of a text that is PEM, base64 of PEM, or base64 of DER.
pub(super) fn certificates_der(text: &str) -> Result<Vec<u8>> {
    if text.starts_with(BEGIN) {
        return from_pem(text);
    }
    let bytes = base64::standard(text)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.starts_with(BEGIN) => from_pem(text),
        _ => Ok(bytes),
    }
}

fn from_pem(mut text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some((block, rest)) = pem::next(text) {
        if block.label != "CERTIFICATE" {
            return Err(failed(format!(
                "PEM block type is '{}', expected CERTIFICATE",
                block.label
            )));
        }
        bytes.extend(block.bytes);
        text = rest;
    }
    Ok(bytes)
}

/// Takes certificates apart.
pub(super) fn certificates<'a>(session: &mut Session<'_>, bytes: &'a [u8]) -> Result<Vec<Link<'a>>> {
    session.bytes(bytes.len().saturating_mul(8))?;
    let mut cursor = Cursor::new(bytes);
    let mut parsed = Vec::new();
    while !cursor.is_empty() {
        let link = Certificate::read(&mut cursor).and_then(|certificate| {
            let read = extensions::read(&certificate.extensions)?;
            let value = json::certificate(&certificate, &read)?;
            Some(Link {
                certificate,
                read,
                value,
            })
        });
        parsed.push(link.ok_or_else(|| failed("x509: malformed certificate"))?);
    }
    Ok(parsed)
}

/// The certificates of a text.
pub(super) fn parse_certificates(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let bytes = certificates_der(string(args, 0)?)?;
    let certificates = certificates(session, &bytes)?;
    Ok(certificates.iter().map(extended).collect::<Vec<Value>>().into())
}

/// The certificate signing request of a text that is PEM, or base64 of DER or PEM.
pub(super) fn parse_certificate_request(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    session.bytes(text.len().saturating_mul(8))?;
    let bytes = if text.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
        text.as_bytes().to_vec()
    } else {
        base64::standard(text)?
    };
    let block = std::str::from_utf8(&bytes).ok().and_then(pem::next);
    let bytes = match block {
        Some((block, _)) if block.label == "CERTIFICATE REQUEST" => block.bytes,
        Some(_) => return Err(failed("invalid PEM-encoded certificate signing request")),
        None => bytes,
    };
    request::request(&bytes).ok_or_else(|| failed("x509: malformed certificate request"))
}

/// The private keys of a text that is PEM or base64 of PEM.
fn private_keys(session: &mut Session<'_>, text: &str) -> Result<Vec<PrivateKey>> {
    session.bytes(text.len().saturating_mul(8))?;
    let decoded = base64::standard(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let mut rest = decoded.as_deref().unwrap_or(text);
    let mut keys = Vec::new();
    while let Some((block, after)) = pem::next(rest) {
        session.budget.work(KEY_WORK)?;
        if let Some(key) = PrivateKey::from_pem(&block) {
            keys.push(key.map_err(|()| failed("x509: failed to parse private key"))?);
        }
        rest = after;
    }
    Ok(keys)
}

fn no_form<T>(value: Option<T>) -> Result<T> {
    value.ok_or_else(|| failed("the private key is out of range"))
}

/// The private keys of a text; null if it is empty.
pub(super) fn parse_private_keys(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let keys = private_keys(session, text)?;
    let values: Result<Vec<Value>> = keys.iter().map(|key| no_form(json::private_key(key))).collect();
    Ok(values?.into())
}

/// The first private key of a text as a JSON Web Key; null if it holds none.
pub(super) fn parse_rsa_private_key(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    if text.is_empty() {
        return Err(failed("input PEM data was empty"));
    }
    let decoded = if text.starts_with(BEGIN) {
        text.to_owned()
    } else {
        String::from_utf8_lossy(&base64::standard(text)?).into_owned()
    };
    match private_keys(session, &decoded)?.first() {
        Some(key) => no_form(json::jwk(key)),
        None => Ok(Value::Null),
    }
}

/// A text that is PEM as its first blocks that `take` takes, or else as what it is in base64.
fn pem_or_base64(text: &str) -> Result<Vec<u8>> {
    if text.starts_with("-----BEGIN ") {
        Ok(text.as_bytes().to_vec())
    } else {
        base64::standard(text)
    }
}

/// The private key of a pair.
fn pair_key(text: &str) -> Result<PrivateKey> {
    let bytes = pem_or_base64(text)?;
    let mut rest = std::str::from_utf8(&bytes).unwrap_or_default();
    while let Some((block, after)) = pem::next(rest) {
        if block.label == "PRIVATE KEY" || block.label.ends_with(" PRIVATE KEY") {
            return PrivateKey::from_der(&block.bytes)
                .ok_or_else(|| failed("tls: failed to parse private key"));
        }
        rest = after;
    }
    PrivateKey::from_der(&bytes).ok_or_else(|| failed("tls: failed to find any PEM data in key input"))
}

/// The certificates of a pair in DER, the leaf first.
fn pair_certificates(text: &str) -> Result<Vec<Vec<u8>>> {
    let bytes = pem_or_base64(text)?;
    let mut rest = std::str::from_utf8(&bytes).unwrap_or_default();
    let mut certificates = Vec::new();
    let mut any = false;
    while let Some((block, after)) = pem::next(rest) {
        any = true;
        if block.label == "CERTIFICATE" {
            certificates.push(block.bytes);
        }
        rest = after;
    }
    if !any {
        certificates.push(bytes);
    }
    if certificates.is_empty() {
        return Err(failed(
            "tls: failed to find \"CERTIFICATE\" PEM block in certificate input",
        ));
    }
    Ok(certificates)
}

/// A certificate, those that come with it, and its private key, as Go's `tls.Certificate`.
pub(super) fn parse_keypair(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let chain = pair_certificates(string(args, 0)?)?;
    session.budget.work(KEY_WORK)?;
    let key = pair_key(string(args, 1)?)?;
    let leaf = chain.first().map(Vec::as_slice).unwrap_or_default();
    let mut parsed = certificates(session, leaf)?;
    let (Some(leaf), true) = (parsed.pop(), parsed.is_empty()) else {
        return Err(failed("x509: trailing data"));
    };
    if key.public_key().as_ref() != Some(&leaf.certificate.key) {
        return Err(failed("tls: private key does not match public key"));
    }
    let chain: Vec<Value> = chain.iter().map(|der| json::base64(der)).collect();
    Ok(json::object([
        ("Certificate", chain.into()),
        ("PrivateKey", no_form(json::private_key(&key))?),
        ("SupportedSignatureAlgorithms", Value::Null),
        ("OCSPStaple", Value::Null),
        ("SignedCertificateTimestamps", Value::Null),
        ("Leaf", leaf.value),
    ]))
}
