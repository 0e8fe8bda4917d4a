//! Certificates and keys that were made for these tests (`tests/data/x509`), read and verified.

use stele_types::{Timestamp, Value, json};

use super::{Body, BuiltinError, Refusal, Session, base64, find};
use crate::eval::{Budget, Context, Limits};

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/x509/", $name))
    };
}

const CHAIN: &str = data!("chain.pem");
/// 2023-11-14
const NOW: u64 = 1_700_000_000_000_000_000;

fn call(name: &str, args: &[Value]) -> Result<Value, BuiltinError> {
    let Body::Function(function) = find(name).unwrap().body else {
        panic!("{name} is refused")
    };
    let context = Context::at(Timestamp::from_nanos(NOW));
    function(&mut Session::new(context, Budget::new(Limits::default())), args)
}

fn document(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

#[track_caller]
fn assert_has(value: &Value, members: &str) {
    for (name, want) in document(members).as_object().unwrap() {
        assert_eq!(value.index(name), Some(want), "{name}");
    }
}

fn certificates(text: &str) -> Vec<Value> {
    let parsed = call("crypto.x509.parse_certificates", &[text.into()]).unwrap();
    parsed.as_array().unwrap().to_vec()
}

#[test]
fn certificates_have_the_members_of_gos() {
    let [root, middle, leaf] = certificates(CHAIN).try_into().unwrap();
    assert_has(
        &leaf,
        r#"{"Version": 3, "SerialNumber": 85968058272638546416180, "SignatureAlgorithm": 4, "PublicKeyAlgorithm": 4,
            "NotBefore": "2020-01-01T00:00:00Z", "NotAfter": "2119-12-31T00:00:00Z", "KeyUsage": 1, "ExtKeyUsage": [1, 2],
            "UnknownExtKeyUsage": null, "BasicConstraintsValid": true, "IsCA": false, "MaxPathLen": -1, "MaxPathLenZero": false,
            "DNSNames": ["leaf.example.com", "*.wild.example.com"], "EmailAddresses": ["leaf@example.com"],
            "IPAddresses": ["192.0.2.7", "2001:db8::1"], "URIStrings": ["spiffe://example.com/a%2Fb"],
            "URIs": [{"Scheme": "spiffe", "Opaque": "", "User": null, "Host": "example.com", "Path": "/a/b", "RawPath": "/a%2Fb",
                "OmitHost": false, "ForceQuery": false, "RawQuery": "", "Fragment": "", "RawFragment": ""}],
            "CRLDistributionPoints": ["http://example.com/crl"], "OCSPServer": ["http://example.com/ocsp"],
            "IssuingCertificateURL": null, "PolicyIdentifiers": [[2, 23, 140, 1, 2, 1]], "Policies": ["2.23.140.1.2.1"],
            "SubjectKeyId": null, "PermittedDNSDomains": null, "UnhandledCriticalExtensions": null, "ExtraExtensions": null,
            "InhibitAnyPolicy": 0, "InhibitAnyPolicyZero": false, "PolicyMappings": null}"#,
    );
    assert_has(
        leaf.get("Subject").unwrap(),
        r#"{"Country": ["CH"], "Organization": ["Stele Tests"], "CommonName": "leaf.example.com", "SerialNumber": "",
            "OrganizationalUnit": null, "Locality": null, "Province": null, "StreetAddress": null, "PostalCode": null,
            "ExtraNames": null, "Names": [{"Type": [2, 5, 4, 6], "Value": "CH"}, {"Type": [2, 5, 4, 10], "Value": "Stele Tests"},
                {"Type": [2, 5, 4, 3], "Value": "leaf.example.com"}]}"#,
    );
    let bytes =
        |value: &Value, name: &str| base64::standard(value.get(name).unwrap().as_str().unwrap()).unwrap();
    assert_eq!(leaf.get("RawIssuer"), middle.get("RawSubject"));
    assert_eq!(leaf.get("AuthorityKeyId"), middle.get("SubjectKeyId"));
    assert_eq!(bytes(&leaf, "PublicKey").len(), 32);
    assert!(bytes(&leaf, "RawSubjectPublicKeyInfo").ends_with(&bytes(&leaf, "PublicKey")));
    let (raw, tbs) = (bytes(&leaf, "Raw"), bytes(&leaf, "RawTBSCertificate"));
    assert!(raw.windows(tbs.len()).any(|part| part == tbs) && raw.ends_with(&bytes(&leaf, "Signature")));
    assert_has(
        &middle,
        r#"{"SignatureAlgorithm": 11, "IsCA": true, "MaxPathLen": 0, "MaxPathLenZero": true, "KeyUsage": 96}"#,
    );
    assert_has(middle.get("PublicKey").unwrap(), r#"{"E": 65537}"#);
    assert_has(
        &root,
        r#"{"PublicKeyAlgorithm": 3, "MaxPathLen": 1, "URIStrings": null, "URIs": null}"#,
    );
    assert_has(root.get("PublicKey").unwrap(), r#"{"Curve": {}}"#);
    // Critical or not, extensions are all listed as they are written.
    assert_eq!(leaf.get("Extensions").unwrap().as_array().unwrap().len(), 8);
}

#[test]
fn certificates_come_in_three_forms() {
    let pem = certificates(CHAIN);
    assert_eq!(certificates(&base64::encode_standard(CHAIN.as_bytes())), pem);
    let der: Vec<u8> = pem
        .iter()
        .flat_map(|one| base64::standard(one.get("Raw").unwrap().as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(certificates(&base64::encode_standard(&der)), pem);
    for cut in 1..der.len().min(400) {
        let cut = base64::encode_standard(&der[..cut]);
        assert!(call("crypto.x509.parse_certificates", &[cut.into()]).is_err());
    }
    assert!(call("crypto.x509.parse_certificates", &[data!("leaf-key.pem").into()]).is_err());
}

#[test]
fn damaged_certificates_break_nothing() {
    let der: Vec<u8> = certificates(CHAIN)
        .iter()
        .flat_map(|one| base64::standard(one.get("Raw").unwrap().as_str().unwrap()).unwrap())
        .collect();
    let root = der.len() / 3;
    for at in (0..der.len()).step_by(11) {
        let mut damaged = der.clone();
        damaged[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        let text = base64::encode_standard(&damaged);
        let verified = call("crypto.x509.parse_and_verify_certificates", &[text.into()]).unwrap();
        let first = verified.as_array().unwrap().first().cloned();
        // The first certificate is trusted as it is; below it every bit is signed.
        assert!(first == Some(Value::from(false)) || at < root, "byte {at}");
    }
}

fn trusted(text: &str, options: &str) -> Result<Option<usize>, BuiltinError> {
    let result = match options {
        "" => call("crypto.x509.parse_and_verify_certificates", &[text.into()])?,
        options => call(
            "crypto.x509.parse_and_verify_certificates_with_options",
            &[text.into(), document(options)],
        )?,
    };
    let [valid, chain] = result.as_array().unwrap() else {
        panic!()
    };
    Ok(valid.as_bool().unwrap().then(|| chain.as_array().unwrap().len()))
}

#[test]
fn what_is_no_certificate_is_untrusted_before_options_are_looked_at() {
    assert_eq!(trusted("none", r#"{"Unknown": 1}"#), Ok(None));
    assert!(trusted(CHAIN, r#"{"Unknown": 1}"#).is_err());
}

#[test]
fn chains_are_verified() {
    assert_eq!(trusted(CHAIN, ""), Ok(Some(3)));
    let blocks: Vec<String> = CHAIN
        .split_inclusive("-----END CERTIFICATE-----\n")
        .map(str::to_owned)
        .collect();
    let [root, middle, leaf] = blocks.try_into().unwrap();
    for (text, want) in [
        (format!("{root}{leaf}"), None),
        (format!("{leaf}{middle}{root}"), None),
        (format!("{middle}{leaf}"), Some(2)),
        (format!("{root}{middle}{middle}{leaf}"), Some(3)),
        (format!("{root}{root}"), Some(1)),
        (root, None),
        (String::new(), None),
        ("nonsense".to_owned(), None),
    ] {
        assert_eq!(trusted(&text, ""), Ok(want), "{text}");
    }
    assert_eq!(trusted(data!("expired.pem"), ""), Ok(None));
    assert_eq!(
        trusted(data!("expired.pem"), r#"{"CurrentTime": 1590000000000000000}"#),
        Ok(Some(3))
    );
    assert_eq!(trusted(data!("too-deep.pem"), ""), Ok(None));
    assert_eq!(trusted(data!("not-an-authority.pem"), ""), Ok(None));
    let unsupported = BuiltinError::Refused(Refusal::Unsupported("a chain with name constraints"));
    assert_eq!(trusted(data!("constrained.pem"), ""), Err(unsupported));
}

#[test]
fn chains_are_verified_for_a_purpose() {
    for (options, want) in [
        (r#"{"DNSName": "leaf.example.com"}"#, Some(3)),
        (r#"{"DNSName": "LEAF.example.com."}"#, Some(3)),
        (r#"{"DNSName": "a.wild.example.com"}"#, Some(3)),
        (r#"{"DNSName": "example.com"}"#, None),
        (r#"{"DNSName": "192.0.2.7"}"#, Some(3)),
        (r#"{"DNSName": "[2001:db8::1]"}"#, Some(3)),
        (r#"{"DNSName": "192.0.2.8"}"#, None),
        (r#"{"KeyUsages": ["KeyUsageClientAuth"]}"#, Some(3)),
        (r#"{"KeyUsages": ["KeyUsageCodeSigning"]}"#, None),
        (r#"{"KeyUsages": ["KeyUsageAny"]}"#, Some(3)),
        (r#"{"CurrentTime": 0}"#, None),
    ] {
        assert_eq!(trusted(CHAIN, options), Ok(want), "{options}");
    }
    for options in [
        r#"{"DNSName": 1}"#,
        r#"{"KeyUsages": ["x"]}"#,
        r#"{"KeyUsages": "KeyUsageAny"}"#,
        r#"{"CurrentTime": "1"}"#,
        r#"{"Other": 1}"#,
    ] {
        assert!(trusted(CHAIN, options).is_err(), "{options}");
    }
}

#[test]
fn private_keys_are_read_in_all_forms() {
    let keys = call("crypto.parse_private_keys", &[data!("keys.pem").into()]).unwrap();
    let [rsa, traditional, ec, sec1, ed25519] = keys.as_array().unwrap() else {
        panic!()
    };
    assert_eq!((rsa, ec), (traditional, sec1));
    assert_has(rsa, r#"{"E": 65537}"#);
    let middle = &certificates(CHAIN)[1];
    assert_eq!(rsa.get("N"), middle.get("PublicKey").unwrap().get("N"));
    assert_eq!(rsa.get("Primes").unwrap().as_array().unwrap().len(), 2);
    assert_has(rsa.get("Precomputed").unwrap(), r#"{"CRTValues": []}"#);
    assert!(ec.get("D").is_some() && ec.get("X").is_some());
    assert_eq!(base64::standard(ed25519.as_str().unwrap()).unwrap().len(), 64);
    let jwk = call(
        "crypto.x509.parse_rsa_private_key",
        &[data!("leaf-key.pem").into()],
    )
    .unwrap();
    assert_has(&jwk, r#"{"kty": "OKP", "crv": "Ed25519"}"#);
    // The key signs what its public part verifies.
    let token = call(
        "io.jwt.encode_sign",
        &[document(r#"{"alg": "EdDSA"}"#), document("{}"), jwk.clone()],
    )
    .unwrap();
    let mut public = jwk.as_object().unwrap().clone();
    public.remove(&Value::string("d"));
    let public = json::to_string(&Value::from(public));
    assert_eq!(
        call("io.jwt.verify_eddsa", &[token, public.into()]),
        Ok(true.into())
    );
    let broken = data!("keys.pem").replacen("MII", "MIJ", 1);
    assert!(call("crypto.parse_private_keys", &[broken.into()]).is_err());
}

#[test]
fn pairs_must_fit() {
    let leaf = CHAIN
        .split_inclusive("-----END CERTIFICATE-----\n")
        .last()
        .unwrap();
    let pair = call(
        "crypto.x509.parse_keypair",
        &[leaf.into(), data!("leaf-key.pem").into()],
    )
    .unwrap();
    assert_eq!(
        pair.get("Certificate").unwrap().as_array().unwrap()[0],
        *certificates(leaf)[0].get("Raw").unwrap()
    );
    assert_eq!(
        pair.get("Leaf").unwrap().get("Raw"),
        certificates(leaf)[0].get("Raw")
    );
    let other = call(
        "crypto.x509.parse_keypair",
        &[leaf.into(), data!("keys.pem").into()],
    );
    assert_eq!(
        other,
        Err(BuiltinError::Failed(
            "tls: private key does not match public key".into()
        ))
    );
}

#[test]
fn requests_have_the_members_of_gos() {
    let request = call(
        "crypto.x509.parse_certificate_request",
        &[data!("request.pem").into()],
    )
    .unwrap();
    assert_has(
        &request,
        r#"{"Version": 0, "SignatureAlgorithm": 10, "PublicKeyAlgorithm": 3, "DNSNames": ["leaf.example.com"], "URIs": null,
            "Extensions": [{"Id": [2, 5, 29, 17], "Critical": false, "Value": "MBKCEGxlYWYuZXhhbXBsZS5jb20="}],
            "Attributes": [{"Type": [1, 2, 840, 113549, 1, 9, 14],
                "Value": [[{"Type": [2, 5, 29, 17], "Value": "MBKCEGxlYWYuZXhhbXBsZS5jb20="}]]}]}"#,
    );
    assert_eq!(
        request.get("Subject").unwrap().get("CommonName"),
        Some(&"leaf.example.com".into())
    );
    assert!(call("crypto.x509.parse_certificate_request", &[CHAIN.into()]).is_err());
}

#[test]
fn work_with_keys_is_charged() {
    for (name, text) in [
        ("crypto.x509.parse_and_verify_certificates", CHAIN),
        ("crypto.parse_private_keys", data!("leaf-key.pem")),
    ] {
        let Body::Function(function) = find(name).unwrap().body else {
            panic!()
        };
        let limits = Limits {
            instructions: 5_000,
            ..Limits::default()
        };
        let mut session = Session::new(Context::at(Timestamp::from_nanos(NOW)), Budget::new(limits));
        let result = function(&mut session, &[text.into()]);
        assert_eq!(
            result,
            Err(BuiltinError::Limit(crate::eval::LimitKind::Instructions)),
            "{name}"
        );
    }
}
