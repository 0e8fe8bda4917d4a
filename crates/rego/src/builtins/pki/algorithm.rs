//! The algorithms that certificates name, with Go's numbers for them.

use super::der::{self, Cursor};
use super::public_key::{Curve, PublicKey};
use super::scheme::{Hash, Scheme};

/// Object identifiers of signatures, Go's numbers, and the schemes that verify them. What is too weak has none.
const SIGNATURES: [(&str, u32, Option<Scheme>); 14] = [
    ("1.2.840.113549.1.1.4", 2, None),
    ("1.2.840.113549.1.1.5", 3, None),
    ("1.3.14.3.2.29", 3, None),
    ("1.2.840.113549.1.1.11", 4, Some(Scheme::Pkcs1(Hash::Sha256))),
    ("1.2.840.113549.1.1.12", 5, Some(Scheme::Pkcs1(Hash::Sha384))),
    ("1.2.840.113549.1.1.13", 6, Some(Scheme::Pkcs1(Hash::Sha512))),
    ("1.2.840.10040.4.3", 7, None),
    ("2.16.840.1.101.3.4.3.2", 8, None),
    ("1.2.840.10045.4.1", 9, None),
    ("1.2.840.10045.4.3.2", 10, Some(Scheme::Ecdsa(Hash::Sha256))),
    ("1.2.840.10045.4.3.3", 11, Some(Scheme::Ecdsa(Hash::Sha384))),
    ("1.2.840.10045.4.3.4", 12, Some(Scheme::Ecdsa(Hash::Sha512))),
    ("1.3.101.112", 16, Some(Scheme::Ed25519)),
    ("1.2.840.113549.1.1.10", 0, None),
];
const PSS: &str = "1.2.840.113549.1.1.10";

/// What an algorithm identifier of RSASSA-PSS says, if it is one of the usual three.
fn pss(parameters: &[u8]) -> Option<(u32, Scheme)> {
    let mut fields = Cursor::new(Cursor::only(parameters, der::SEQUENCE)?);
    let hash = |identifier: &[u8]| -> Option<String> {
        der::oid(Cursor::new(Cursor::only(identifier, der::SEQUENCE)?).expect(der::OID)?)
    };
    let digest = hash(fields.expect(der::constructed(0))?)?;
    let mut mask = Cursor::new(Cursor::only(fields.expect(der::constructed(1))?, der::SEQUENCE)?);
    let salt = der::small(Cursor::only(fields.expect(der::constructed(2))?, der::INTEGER)?)?;
    let of_mask = (der::oid(mask.expect(der::OID)?)?, hash(mask.item()?.raw)?);
    if of_mask != ("1.2.840.113549.1.1.8".to_owned(), digest.clone()) {
        return None;
    }
    match (digest.as_str(), salt) {
        ("2.16.840.1.101.3.4.2.1", 32) => Some((13, Scheme::Pss(Hash::Sha256))),
        ("2.16.840.1.101.3.4.2.2", 48) => Some((14, Scheme::Pss(Hash::Sha384))),
        ("2.16.840.1.101.3.4.2.3", 64) => Some((15, Scheme::Pss(Hash::Sha512))),
        _ => None,
    }
}

/// Go's number for the signature algorithm of an identifier's content, and its scheme if it may be trusted.
fn signature(identifier: &[u8]) -> Option<(u32, Option<Scheme>)> {
    let mut fields = Cursor::new(identifier);
    let oid = der::oid(fields.expect(der::OID)?)?;
    if oid == PSS {
        let found = fields.item().and_then(|parameters| pss(parameters.raw));
        return Some(found.map_or((0, None), |(number, scheme)| (number, Some(scheme))));
    }
    let known = SIGNATURES.iter().find(|(known, ..)| *known == oid);
    Some(known.map_or((0, None), |(_, number, scheme)| (*number, *scheme)))
}

/// Go's number for a signature algorithm.
pub(crate) fn number(identifier: &[u8]) -> Option<u32> {
    signature(identifier).map(|(number, _)| number)
}

/// Go's number for the algorithm of a key.
pub(crate) fn of_key(spki: &[u8]) -> Option<u32> {
    let mut info = Cursor::new(Cursor::only(spki, der::SEQUENCE)?);
    let oid = der::oid(Cursor::new(info.expect(der::SEQUENCE)?).expect(der::OID)?)?;
    Some(match oid.as_str() {
        "1.2.840.113549.1.1.1" => 1,
        "1.2.840.10040.4.1" => 2,
        "1.2.840.10045.2.1" => 3,
        "1.3.101.112" => 4,
        _ => 0,
    })
}

/// Both numbers of a signature in DER, at full length.
fn fixed(curve: Curve, signature: &[u8]) -> Option<Vec<u8>> {
    let mut numbers = Cursor::new(Cursor::only(signature, der::SEQUENCE)?);
    let mut fixed = curve.padded(der::unsigned(numbers.expect(der::INTEGER)?)?)?;
    fixed.extend(curve.padded(der::unsigned(numbers.expect(der::INTEGER)?)?)?);
    numbers.is_empty().then_some(fixed)
}

/// Whether `signature` by the algorithm of `identifier` is one of `message` by the owner of `key`.
pub(crate) fn verify(identifier: &[u8], key: &PublicKey, message: &[u8], signature_bytes: &[u8]) -> bool {
    let Some((_, Some(scheme))) = signature(identifier) else {
        return false;
    };
    match key {
        PublicKey::Ec { curve, .. } => {
            fixed(*curve, signature_bytes).is_some_and(|fixed| scheme.verify(key, message, &fixed))
        }
        _ => scheme.verify(key, message, signature_bytes),
    }
}
