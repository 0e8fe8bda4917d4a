//! Certificates (RFC 5280 section 4.1), as slices of what was signed.

use num_bigint::BigInt;

use super::der::{self, Cursor};
use super::public_key::PublicKey;

/// The tags of `UTCTime` and `GeneralizedTime`.
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// An extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension<'a> {
    /// The content of its object identifier.
    pub(crate) id: &'a [u8],
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

/// The parts of a certificate. What is called raw is a whole element.
#[derive(Debug, Clone)]
pub(crate) struct Certificate<'a> {
    pub(crate) raw: &'a [u8],
    /// What is signed.
    pub(crate) raw_tbs: &'a [u8],
    /// From 1.
    pub(crate) version: u32,
    pub(crate) serial: BigInt,
    /// The content of the signature's algorithm identifier.
    pub(crate) algorithm: &'a [u8],
    pub(crate) raw_issuer: &'a [u8],
    pub(crate) not_before: jiff::Timestamp,
    pub(crate) not_after: jiff::Timestamp,
    pub(crate) raw_subject: &'a [u8],
    pub(crate) raw_spki: &'a [u8],
    pub(crate) key: PublicKey,
    pub(crate) extensions: Vec<Extension<'a>>,
    pub(crate) signature: &'a [u8],
}

/// The public key of the one certificate in `bytes`.
pub(crate) fn public_key(bytes: &[u8]) -> Option<PublicKey> {
    let mut cursor = Cursor::new(bytes);
    let certificate = Certificate::read(&mut cursor)?;
    cursor.is_empty().then_some(certificate.key)
}

impl<'a> Certificate<'a> {
    /// Reads the next certificate.
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let whole = cursor.item().filter(|item| item.tag == der::SEQUENCE)?;
        let mut parts = Cursor::new(whole.content);
        let tbs = parts.item().filter(|item| item.tag == der::SEQUENCE)?;
        let algorithm = parts.item().filter(|item| item.tag == der::SEQUENCE)?;
        let signature = der::whole_bits(parts.expect(der::BIT_STRING)?)?;
        if !parts.is_empty() {
            return None;
        }
        let mut fields = Cursor::new(tbs.content);
        let version = match fields.optional(der::constructed(0)) {
            Some(version) => der::small(Cursor::only(version, der::INTEGER)?)?.checked_add(1)?,
            None => 1,
        };
        let serial = der::integer(fields.expect(der::INTEGER)?)?;
        // Stated twice, once under the signature.
        if !(1..=3).contains(&version) || fields.item()?.raw != algorithm.raw {
            return None;
        }
        let issuer = fields.item().filter(|item| item.tag == der::SEQUENCE)?;
        let mut validity = Cursor::new(fields.expect(der::SEQUENCE)?);
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let subject = fields.item().filter(|item| item.tag == der::SEQUENCE)?;
        let spki = fields.item()?;
        // Unique identifiers, which nobody uses.
        let _ = (
            fields.optional(der::primitive(1)),
            fields.optional(der::primitive(2)),
        );
        let extensions = match fields.optional(der::constructed(3)) {
            Some(list) if version == 3 => extensions(Cursor::only(list, der::SEQUENCE)?)?,
            Some(_) => return None,
            None => Vec::new(),
        };
        fields.is_empty().then_some(())?;
        Some(Self {
            raw: whole.raw,
            raw_tbs: tbs.raw,
            version,
            serial,
            algorithm: algorithm.content,
            raw_issuer: issuer.raw,
            not_before,
            not_after,
            raw_subject: subject.raw,
            raw_spki: spki.raw,
            key: PublicKey::from_spki(spki.raw)?,
            extensions,
            signature,
        })
    }
}

/// Reads a sequence of extensions, none of which may come twice.
pub(crate) fn extensions(list: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut extensions: Vec<Extension<'_>> = Vec::new();
    for item in Cursor::new(list).items()? {
        let mut fields = Cursor::new(Some(item).filter(|item| item.tag == der::SEQUENCE)?.content);
        let id = fields.expect(der::OID)?;
        let critical = match fields.optional(der::BOOLEAN) {
            Some(flag) => der::boolean(flag)?,
            None => false,
        };
        let value = fields.expect(der::OCTET_STRING)?;
        if !fields.is_empty() || extensions.iter().any(|known| known.id == id) {
            return None;
        }
        extensions.push(Extension { id, critical, value });
    }
    Some(extensions)
}

/// Reads a time: always to the second and in UTC (RFC 5280 section 4.1.2.5).
fn time(cursor: &mut Cursor<'_>) -> Option<jiff::Timestamp> {
    let item = cursor.item()?;
    let text = std::str::from_utf8(item.content).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match item.tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (year.checked_add(if year < 50 { 2000 } else { 1900 })?, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let part = |at: usize| -> Option<i8> { rest.get(at..at.checked_add(2)?)?.parse().ok() };
    let civil = jiff::civil::DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
}
