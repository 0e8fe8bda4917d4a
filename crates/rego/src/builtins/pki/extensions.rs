//! The extensions of certificates (RFC 5280 section 4.2), as Go reads them.

use super::certificate::Extension;
use super::der::{self, Cursor};
use crate::builtins::urls::Url;

/// Names that a certificate is for, or what names are constrained to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) dns: Vec<String>,
    pub(crate) emails: Vec<String>,
    /// Addresses of 4 or 16 bytes; with as many bytes of mask behind them in constraints.
    pub(crate) ips: Vec<Vec<u8>>,
    pub(crate) uris: Vec<String>,
    /// There is a name of another kind.
    pub(crate) others: bool,
}

impl Names {
    fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.emails.is_empty() && self.ips.is_empty() && self.uris.is_empty()
    }

    fn add(&mut self, tag: u8, content: &[u8]) -> Option<()> {
        match tag {
            0x81 => self.emails.push(ia5(content)?),
            0x82 => self.dns.push(ia5(content)?),
            0x86 => self.uris.push(ia5(content)?),
            0x87 => self.ips.push(content.to_vec()),
            _ => self.others = true,
        }
        Some(())
    }
}

/// Constraints on the names below a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    pub(crate) critical: bool,
    pub(crate) permitted: Names,
    pub(crate) excluded: Names,
}

/// What the extensions say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// One bit for each use, the first one lowest.
    pub(crate) key_usage: u32,
    /// Whether it is a certificate authority's, and how many others may come below it.
    pub(crate) basic: Option<(bool, Option<u32>)>,
    pub(crate) names: Names,
    pub(crate) constraints: Option<NameConstraints>,
    pub(crate) crls: Vec<String>,
    pub(crate) authority_key: Option<Vec<u8>>,
    pub(crate) subject_key: Option<Vec<u8>>,
    pub(crate) usages: Vec<u8>,
    pub(crate) unknown_usages: Vec<Vec<u64>>,
    pub(crate) policies: Option<Vec<Vec<u64>>>,
    pub(crate) mappings: Vec<[String; 2]>,
    pub(crate) require_explicit_policy: Option<u32>,
    pub(crate) inhibit_policy_mapping: Option<u32>,
    pub(crate) inhibit_any_policy: Option<u32>,
    pub(crate) ocsp: Vec<String>,
    pub(crate) issuers: Vec<String>,
    /// Critical, and not known.
    pub(crate) unhandled: Vec<Vec<u64>>,
}

/// Extended key usages, in the order of Go's numbers for them.
pub(crate) const USAGES: [(&str, &str); 14] = [
    ("2.5.29.37.0", "KeyUsageAny"),
    ("1.3.6.1.5.5.7.3.1", "KeyUsageServerAuth"),
    ("1.3.6.1.5.5.7.3.2", "KeyUsageClientAuth"),
    ("1.3.6.1.5.5.7.3.3", "KeyUsageCodeSigning"),
    ("1.3.6.1.5.5.7.3.4", "KeyUsageEmailProtection"),
    ("1.3.6.1.5.5.7.3.5", "KeyUsageIPSECEndSystem"),
    ("1.3.6.1.5.5.7.3.6", "KeyUsageIPSECTunnel"),
    ("1.3.6.1.5.5.7.3.7", "KeyUsageIPSECUser"),
    ("1.3.6.1.5.5.7.3.8", "KeyUsageTimeStamping"),
    ("1.3.6.1.5.5.7.3.9", "KeyUsageOCSPSigning"),
    ("1.3.6.1.4.1.311.10.3.3", "KeyUsageMicrosoftServerGatedCrypto"),
    ("2.16.840.1.113730.4.1", "KeyUsageNetscapeServerGatedCrypto"),
    ("1.3.6.1.4.1.311.2.1.22", "KeyUsageMicrosoftCommercialCodeSigning"),
    ("1.3.6.1.4.1.311.61.1.1", "KeyUsageMicrosoftKernelCodeSigning"),
];

fn ia5(content: &[u8]) -> Option<String> {
    content
        .is_ascii()
        .then(|| String::from_utf8(content.to_vec()).ok())?
}

fn sequence(value: &[u8]) -> Option<Cursor<'_>> {
    Cursor::new(value).expect(der::SEQUENCE).map(Cursor::new)
}

/// Reads extensions; nothing if one is broken.
pub(crate) fn read(list: &[Extension<'_>]) -> Option<Extensions> {
    let mut read = Extensions::default();
    for extension in list {
        let known = read.one(extension)?;
        if extension.critical && !known {
            read.unhandled.push(der::arcs(extension.id)?);
        }
    }
    Some(read)
}

impl Extensions {
    /// Reads one extension and says whether it is known.
    fn one(&mut self, extension: &Extension<'_>) -> Option<bool> {
        let value = extension.value;
        match der::oid(extension.id)?.as_str() {
            "2.5.29.14" => {
                let id = Cursor::new(value).expect(der::OCTET_STRING)?;
                self.subject_key = (!extension.critical).then(|| Some(id.to_vec()))?;
            }
            "2.5.29.15" => self.key_usage = key_usage(value)?,
            "2.5.29.17" => {
                self.names = alternative_names(value)?;
                return Some(!self.names.is_empty());
            }
            "2.5.29.19" => {
                let mut fields = sequence(value)?;
                let authority = fields.optional(der::BOOLEAN).map_or(Some(false), der::boolean)?;
                let length = fields
                    .optional(der::INTEGER)
                    .map(|length| der::small(length).ok_or(()));
                self.basic = Some((authority, length.transpose().ok()?));
            }
            "2.5.29.30" => {
                let constraints = name_constraints(value, extension.critical)?;
                let known = !constraints.permitted.others && !constraints.excluded.others;
                self.constraints = Some(constraints);
                return Some(known);
            }
            "2.5.29.31" => self.crls = distribution_points(value)?,
            "2.5.29.32" => self.policies = Some(policies(value)?),
            "2.5.29.33" => self.mappings = mappings(value)?,
            "2.5.29.35" => {
                let id = sequence(value)?.optional(der::primitive(0));
                self.authority_key = (!extension.critical).then(|| id.map(<[u8]>::to_vec))?;
            }
            "2.5.29.36" => {
                let mut fields = sequence(value)?;
                self.require_explicit_policy = optional_number(&mut fields, 0)?;
                self.inhibit_policy_mapping = optional_number(&mut fields, 1)?;
            }
            "2.5.29.37" => self.extended_usages(value)?,
            "2.5.29.54" => {
                self.inhibit_any_policy = Some(der::small(Cursor::new(value).expect(der::INTEGER)?)?)
            }
            "1.3.6.1.5.5.7.1.1" if !extension.critical => self.authority_access(value)?,
            "1.3.6.1.5.5.7.1.1" => return None,
            _ => return Some(false),
        }
        Some(true)
    }

    fn extended_usages(&mut self, value: &[u8]) -> Option<()> {
        let mut usages = sequence(value)?;
        while !usages.is_empty() {
            let usage = usages.expect(der::OID)?;
            let name = der::oid(usage)?;
            match USAGES.iter().position(|(oid, _)| *oid == name) {
                Some(known) => self.usages.push(u8::try_from(known).ok()?),
                None => self.unknown_usages.push(der::arcs(usage)?),
            }
        }
        Some(())
    }

    fn authority_access(&mut self, value: &[u8]) -> Option<()> {
        for item in sequence(value)?.items()? {
            let mut fields = Cursor::new(item.content);
            let method = der::oid(fields.expect(der::OID)?)?;
            let Some(place) = fields.optional(der::primitive(6)) else {
                continue;
            };
            let place = String::from_utf8(place.to_vec()).ok()?;
            match method.as_str() {
                "1.3.6.1.5.5.7.48.1" => self.ocsp.push(place),
                "1.3.6.1.5.5.7.48.2" => self.issuers.push(place),
                _ => {}
            }
        }
        Some(())
    }
}

/// A number under a context-specific tag, if it is there.
fn optional_number(fields: &mut Cursor<'_>, tag: u8) -> Option<Option<u32>> {
    match fields.optional(der::primitive(tag)) {
        Some(number) => der::small(number).map(Some),
        None => Some(None),
    }
}

fn key_usage(value: &[u8]) -> Option<u32> {
    let (bytes, _) = der::bits(Cursor::new(value).expect(der::BIT_STRING)?)?;
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte & (0x80_u8 >> bit) != 0));
    let bits = bits.take(9).zip(0_u32..).filter(|(set, _)| *set);
    Some(bits.fold(0, |usage, (_, bit)| usage | 1_u32.wrapping_shl(bit)))
}

fn alternative_names(value: &[u8]) -> Option<Names> {
    let mut names = Names::default();
    for item in sequence(value)?.items()? {
        names.add(item.tag, item.content)?;
    }
    let mapped = |ip: &[u8]| ip.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    let good = |ip: &Vec<u8>| matches!(ip.len(), 4 | 16) && !mapped(ip);
    let readable = names.uris.iter().all(|uri| Url::parse(uri).is_ok());
    (readable && names.ips.iter().all(good)).then_some(names)
}

fn name_constraints(value: &[u8], critical: bool) -> Option<NameConstraints> {
    let mut fields = sequence(value)?;
    let subtrees = |list: Option<&[u8]>| {
        let mut names = Names::default();
        for item in Cursor::new(list.unwrap_or_default()).items()? {
            let base = Cursor::new(item.content).item()?;
            names.add(base.tag, base.content)?;
        }
        let good = names.ips.iter().all(|range| matches!(range.len(), 8 | 32));
        (good && list.is_none_or(|list| !list.is_empty())).then_some(names)
    };
    let permitted = fields.optional(der::constructed(0));
    let excluded = fields.optional(der::constructed(1));
    (fields.is_empty() && (permitted.is_some() || excluded.is_some())).then_some(())?;
    Some(NameConstraints {
        critical,
        permitted: subtrees(permitted)?,
        excluded: subtrees(excluded)?,
    })
}

fn distribution_points(value: &[u8]) -> Option<Vec<String>> {
    let mut places = Vec::new();
    for point in sequence(value)?.items()? {
        let Some(name) = Cursor::new(point.content).optional(der::constructed(0)) else {
            continue;
        };
        let mut full = Cursor::new(Cursor::new(name).expect(der::constructed(0))?);
        while let Some(place) = full.optional(der::primitive(6)) {
            places.push(String::from_utf8(place.to_vec()).ok()?);
        }
    }
    Some(places)
}

fn policies(value: &[u8]) -> Option<Vec<Vec<u64>>> {
    let mut policies = Vec::new();
    for item in sequence(value)?.items()? {
        let policy = der::arcs(Cursor::new(item.content).expect(der::OID)?)?;
        if policies.contains(&policy) {
            return None;
        }
        policies.push(policy);
    }
    Some(policies)
}

fn mappings(value: &[u8]) -> Option<Vec<[String; 2]>> {
    let mut mappings = Vec::new();
    for item in sequence(value)?.items()? {
        let mut pair = Cursor::new(item.content);
        mappings.push([
            der::oid(pair.expect(der::OID)?)?,
            der::oid(pair.expect(der::OID)?)?,
        ]);
    }
    Some(mappings)
}
