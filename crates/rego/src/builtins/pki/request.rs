//! Certificate signing requests (RFC 2986) in the form that Go's have in JSON.

use stele_types::Value;

use super::certificate::{Extension, extensions as read_extensions};
use super::der::{self, Cursor};
use super::json::{self, base64, numbers, object};
use super::public_key::PublicKey;
use super::{algorithm, extensions, name};

/// The attribute that holds the extensions asked for.
const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";

/// An attribute whose values are lists of types and values; nothing if it is another.
fn attribute(kind: &[u8], values: &[u8]) -> Option<Value> {
    let mut lists: Vec<Value> = Vec::new();
    for list in Cursor::new(values).items()? {
        let mut pairs: Vec<Value> = Vec::new();
        let list = Some(list).filter(|list| list.tag == der::SEQUENCE)?;
        for pair in Cursor::new(list.content).items()? {
            let mut fields = Cursor::new(Some(pair).filter(|pair| pair.tag == der::SEQUENCE)?.content);
            let kind = numbers(&der::arcs(fields.expect(der::OID)?)?);
            pairs.push(object([("Type", kind), ("Value", name::value(&fields.item()?)?)]));
        }
        lists.push(pairs.into());
    }
    Some(object([
        ("Type", numbers(&der::arcs(kind)?)),
        ("Value", lists.into()),
    ]))
}

/// The request in `bytes` as a value.
pub(crate) fn request(bytes: &[u8]) -> Option<Value> {
    let mut parts = Cursor::new(Cursor::only(bytes, der::SEQUENCE)?);
    let info = parts.item().filter(|item| item.tag == der::SEQUENCE)?;
    let signed_by = parts.expect(der::SEQUENCE)?;
    let signature = der::whole_bits(parts.expect(der::BIT_STRING)?)?;
    let mut fields = Cursor::new(info.content);
    let version = der::small(fields.expect(der::INTEGER)?)?;
    let subject = fields.item()?;
    let spki = fields.item()?;
    let mut attributes: Vec<Value> = Vec::new();
    let mut asked: Vec<Extension<'_>> = Vec::new();
    for item in Cursor::new(fields.optional(der::constructed(0)).unwrap_or_default()).items()? {
        let mut fields = Cursor::new(item.content);
        let kind = fields.expect(der::OID)?;
        let values = fields.expect(der::SET)?;
        if der::oid(kind)? == EXTENSION_REQUEST && asked.is_empty() {
            asked = read_extensions(Cursor::new(values).expect(der::SEQUENCE)?)?;
        }
        attributes.extend(attribute(kind, values));
    }
    let read = extensions::read(&asked)?;
    let attributes = if attributes.is_empty() {
        Value::Null
    } else {
        attributes.into()
    };
    let mut members = vec![
        ("Raw", base64(bytes)),
        ("RawTBSCertificateRequest", base64(info.raw)),
        ("RawSubjectPublicKeyInfo", base64(spki.raw)),
        ("RawSubject", base64(subject.raw)),
        ("Version", i64::from(version).into()),
        ("Signature", base64(signature)),
        (
            "SignatureAlgorithm",
            i64::from(algorithm::number(signed_by)?).into(),
        ),
        (
            "PublicKeyAlgorithm",
            i64::from(algorithm::of_key(spki.raw)?).into(),
        ),
        ("PublicKey", json::public_key(&PublicKey::from_spki(spki.raw)?)?),
        ("Subject", name::name(subject.raw)?),
        ("Attributes", attributes),
        ("Extensions", json::extensions(&asked)?),
        ("ExtraExtensions", Value::Null),
    ];
    members.extend(json::names(&read.names)?);
    Some(object(members))
}
