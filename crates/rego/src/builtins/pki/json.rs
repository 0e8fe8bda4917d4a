//! Certificates, requests and keys in the form that Go's structures have in JSON, which is what policies see.

use num_bigint::BigInt;
use stele_types::{Number, Value};

use super::certificate::{Certificate, Extension};
use super::extensions::{Extensions, NameConstraints, Names};
use super::private_key::PrivateKey;
use super::public_key::PublicKey;
use super::{algorithm, name};
use crate::builtins::base64;
use crate::builtins::urls::Url;

pub(crate) fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::object(members.into_iter().map(|(name, value)| (name.into(), value)))
}

pub(crate) fn base64(bytes: &[u8]) -> Value {
    base64::encode_standard(bytes).into()
}

/// The numbers of an object identifier.
pub(crate) fn numbers(arcs: &[u64]) -> Value {
    arcs.iter()
        .map(|arc| Value::Number((*arc).into()))
        .collect::<Vec<Value>>()
        .into()
}

/// A list, or null if it is empty: Go's lists are null until something is put in.
fn list<T>(items: &[T], value: impl FnMut(&T) -> Value) -> Value {
    if items.is_empty() {
        return Value::Null;
    }
    items.iter().map(value).collect::<Vec<Value>>().into()
}

fn texts(items: &[String]) -> Value {
    list(items, |text| text.as_str().into())
}

fn integer(number: u32) -> Value {
    i64::from(number).into()
}

fn big(number: BigInt) -> Option<Value> {
    Number::try_from(number).ok().map(Value::Number)
}

/// A non-negative number.
fn unsigned(bytes: &[u8]) -> Option<Value> {
    big(BigInt::from_bytes_be(num_bigint::Sign::Plus, bytes))
}

/// A public key; null if its algorithm is not known.
pub(crate) fn public_key(key: &PublicKey) -> Option<Value> {
    Some(match key {
        PublicKey::Rsa { n, e } => object([("N", unsigned(n)?), ("E", unsigned(e)?)]),
        PublicKey::Ec { curve, point } => {
            let (x, y) = point.get(1..)?.split_at_checked(curve.size())?;
            object([("Curve", object([])), ("X", unsigned(x)?), ("Y", unsigned(y)?)])
        }
        PublicKey::Ed25519(key) => base64(key),
        PublicKey::Unknown => Value::Null,
    })
}

/// A private key.
pub(crate) fn private_key(key: &PrivateKey) -> Option<Value> {
    Some(match key {
        PrivateKey::Rsa(key) => object([
            ("N", unsigned(&key.n)?),
            ("E", unsigned(&key.e)?),
            ("D", unsigned(&key.d)?),
            ("Primes", vec![unsigned(&key.p)?, unsigned(&key.q)?].into()),
            (
                "Precomputed",
                object([
                    ("Dp", unsigned(&key.dp)?),
                    ("Dq", unsigned(&key.dq)?),
                    ("Qinv", unsigned(&key.qi)?),
                    ("CRTValues", Vec::new().into()),
                ]),
            ),
        ]),
        PrivateKey::Ec { d, .. } => {
            let public = public_key(&key.public_key()?)?;
            let mut members = public.as_object()?.clone();
            members.insert("D".into(), unsigned(d)?);
            members.into()
        }
        PrivateKey::Ed25519(seed) => match key.public_key()? {
            PublicKey::Ed25519(public) => base64(&[seed.as_slice(), &public].concat()),
            _ => return None,
        },
    })
}

/// A private key as a JSON Web Key.
pub(crate) fn jwk(key: &PrivateKey) -> Option<Value> {
    let text = |bytes: &[u8]| Value::from(base64::encode_url(bytes));
    Some(match key {
        PrivateKey::Rsa(key) => object([
            ("kty", "RSA".into()),
            ("n", text(&key.n)),
            ("e", text(&key.e)),
            ("d", text(&key.d)),
            ("p", text(&key.p)),
            ("q", text(&key.q)),
            ("dp", text(&key.dp)),
            ("dq", text(&key.dq)),
            ("qi", text(&key.qi)),
        ]),
        PrivateKey::Ec { curve, d } => {
            let PublicKey::Ec { point, .. } = key.public_key()? else {
                return None;
            };
            let (x, y) = point.get(1..)?.split_at_checked(curve.size())?;
            object([
                ("kty", "EC".into()),
                ("crv", curve.jwk_name().into()),
                ("x", text(x)),
                ("y", text(y)),
                ("d", text(d)),
            ])
        }
        PrivateKey::Ed25519(seed) => {
            let PublicKey::Ed25519(public) = key.public_key()? else {
                return None;
            };
            object([
                ("kty", "OKP".into()),
                ("crv", "Ed25519".into()),
                ("x", text(&public)),
                ("d", text(seed)),
            ])
        }
    })
}

/// A list of extensions as they are written.
pub(crate) fn extensions(list_of: &[Extension<'_>]) -> Option<Value> {
    let mut values = Vec::new();
    for extension in list_of {
        values.push(object([
            ("Id", numbers(&super::der::arcs(extension.id)?)),
            ("Critical", extension.critical.into()),
            ("Value", base64(extension.value)),
        ]));
    }
    Some(list(&values, Value::clone))
}

fn ip(bytes: &[u8]) -> Value {
    let text = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(four), _) => std::net::Ipv4Addr::from(four).to_string(),
        (_, Ok(sixteen)) => std::net::Ipv6Addr::from(sixteen).to_string(),
        _ => String::new(),
    };
    text.into()
}

/// A URL as Go takes it apart.
fn url(text: &str) -> Option<Value> {
    let url = Url::parse(text).ok()?;
    let decoded = |part: &str| -> Option<Value> {
        Some(
            String::from_utf8(crate::builtins::urls::unescape(part)?)
                .ok()?
                .into(),
        )
    };
    Some(object([
        ("Scheme", url.scheme.to_ascii_lowercase().into()),
        ("Opaque", url.opaque.into()),
        ("User", url.user.map_or(Value::Null, |_| object([]))),
        ("Host", url.host.into()),
        ("Path", decoded(url.path)?),
        ("RawPath", url.raw_path().into()),
        ("OmitHost", url.omits_host().into()),
        ("ForceQuery", url.bare_query.into()),
        ("RawQuery", url.query.into()),
        ("Fragment", decoded(url.fragment)?),
        ("RawFragment", "".into()),
    ]))
}

/// The members for the names that a certificate or request is for.
pub(crate) fn names(names: &Names) -> Option<[(&'static str, Value); 4]> {
    let mut urls = Vec::new();
    for text in &names.uris {
        urls.push(url(text)?);
    }
    Some([
        ("DNSNames", texts(&names.dns)),
        ("EmailAddresses", texts(&names.emails)),
        ("IPAddresses", list(&names.ips, |bytes| ip(bytes))),
        ("URIs", list(&urls, Value::clone)),
    ])
}

/// The text of each URI, or null if there is none.
pub(crate) fn uri_strings(names: &Names) -> Value {
    list(&names.uris, |text| {
        Url::parse(text)
            .map_or_else(|_| text.clone(), |url| url.text())
            .into()
    })
}

fn constraints(constraints: Option<&NameConstraints>) -> Vec<(&'static str, Value)> {
    let none = NameConstraints {
        critical: false,
        permitted: Names::default(),
        excluded: Names::default(),
    };
    let constraints = constraints.unwrap_or(&none);
    let ranges = |names: &Names| {
        list(&names.ips, |range| {
            let (address, mask) = range.split_at_checked(range.len() / 2).unwrap_or_default();
            object([("IP", ip(address)), ("Mask", base64(mask))])
        })
    };
    let (permitted, excluded) = (&constraints.permitted, &constraints.excluded);
    vec![
        ("PermittedDNSDomainsCritical", constraints.critical.into()),
        ("PermittedDNSDomains", texts(&permitted.dns)),
        ("ExcludedDNSDomains", texts(&excluded.dns)),
        ("PermittedIPRanges", ranges(permitted)),
        ("ExcludedIPRanges", ranges(excluded)),
        ("PermittedEmailAddresses", texts(&permitted.emails)),
        ("ExcludedEmailAddresses", texts(&excluded.emails)),
        ("PermittedURIDomains", texts(&permitted.uris)),
        ("ExcludedURIDomains", texts(&excluded.uris)),
    ]
}

fn policies(read: &Extensions) -> Vec<(&'static str, Value)> {
    let dotted = |arcs: &Vec<u64>| -> Value {
        arcs.iter()
            .map(u64::to_string)
            .collect::<Vec<String>>()
            .join(".")
            .into()
    };
    let (identifiers, policies) = match &read.policies {
        None => (Value::Null, Value::Null),
        Some(policies) => (
            policies
                .iter()
                .map(|policy| numbers(policy))
                .collect::<Vec<Value>>()
                .into(),
            list(policies, dotted),
        ),
    };
    let mapping = |[issuer, subject]: &[String; 2]| {
        object([
            ("IssuerDomainPolicy", issuer.as_str().into()),
            ("SubjectDomainPolicy", subject.as_str().into()),
        ])
    };
    let number = |number: Option<u32>| integer(number.unwrap_or_default());
    let zero = |number: Option<u32>| Value::from(number == Some(0));
    vec![
        ("PolicyIdentifiers", identifiers),
        ("Policies", policies),
        ("PolicyMappings", list(&read.mappings, mapping)),
        ("InhibitAnyPolicy", number(read.inhibit_any_policy)),
        ("InhibitAnyPolicyZero", zero(read.inhibit_any_policy)),
        ("InhibitPolicyMapping", number(read.inhibit_policy_mapping)),
        ("InhibitPolicyMappingZero", zero(read.inhibit_policy_mapping)),
        ("RequireExplicitPolicy", number(read.require_explicit_policy)),
        ("RequireExplicitPolicyZero", zero(read.require_explicit_policy)),
    ]
}

fn from_extensions(read: &Extensions) -> Option<Vec<(&'static str, Value)>> {
    let bytes = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(Value::Null, |bytes| base64(bytes));
    let (authority, length) = match read.basic {
        None => (false, 0),
        Some((authority, length)) => (authority, length.map_or(-1, i64::from)),
    };
    let mut members = vec![
        ("KeyUsage", integer(read.key_usage)),
        ("BasicConstraintsValid", read.basic.is_some().into()),
        ("IsCA", authority.into()),
        ("MaxPathLen", length.into()),
        ("MaxPathLenZero", (read.basic.is_some() && length == 0).into()),
        (
            "ExtKeyUsage",
            list(&read.usages, |usage| integer(u32::from(*usage))),
        ),
        (
            "UnknownExtKeyUsage",
            list(&read.unknown_usages, |usage| numbers(usage)),
        ),
        (
            "UnhandledCriticalExtensions",
            list(&read.unhandled, |id| numbers(id)),
        ),
        ("SubjectKeyId", bytes(&read.subject_key)),
        ("AuthorityKeyId", bytes(&read.authority_key)),
        ("OCSPServer", texts(&read.ocsp)),
        ("IssuingCertificateURL", texts(&read.issuers)),
        ("CRLDistributionPoints", texts(&read.crls)),
    ];
    members.extend(names(&read.names)?);
    members.extend(constraints(read.constraints.as_ref()));
    members.extend(policies(read));
    Some(members)
}

/// A certificate.
pub(crate) fn certificate(certificate: &Certificate<'_>, read: &Extensions) -> Option<Value> {
    let mut members = vec![
        ("Raw", base64(certificate.raw)),
        ("RawTBSCertificate", base64(certificate.raw_tbs)),
        ("RawSubjectPublicKeyInfo", base64(certificate.raw_spki)),
        ("RawSubject", base64(certificate.raw_subject)),
        ("RawIssuer", base64(certificate.raw_issuer)),
        ("Signature", base64(certificate.signature)),
        (
            "SignatureAlgorithm",
            integer(algorithm::number(certificate.algorithm)?),
        ),
        (
            "PublicKeyAlgorithm",
            integer(algorithm::of_key(certificate.raw_spki)?),
        ),
        ("PublicKey", public_key(&certificate.key)?),
        ("Version", integer(certificate.version)),
        ("SerialNumber", big(certificate.serial.clone())?),
        ("Issuer", name::name(certificate.raw_issuer)?),
        ("Subject", name::name(certificate.raw_subject)?),
        ("NotBefore", certificate.not_before.to_string().into()),
        ("NotAfter", certificate.not_after.to_string().into()),
        ("Extensions", extensions(&certificate.extensions)?),
        ("ExtraExtensions", Value::Null),
    ];
    members.extend(from_extensions(read)?);
    Some(object(members))
}
