//! Public keys, as certificates and `PUBLIC KEY` blocks hold them (RFC 5280 section 4.1.2.7).

use super::der::{self, Cursor};

/// A curve of elliptic-curve keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The bytes of a coordinate.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The curve that an object identifier names.
    pub(crate) fn from_oid(oid: &str) -> Option<Self> {
        match oid {
            "1.2.840.10045.3.1.7" => Some(Self::P256),
            "1.3.132.0.34" => Some(Self::P384),
            "1.3.132.0.35" => Some(Self::P521),
            _ => None,
        }
    }

    /// The curve that a JSON Web Key names.
    pub(crate) fn from_jwk(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// Its name in JSON Web Keys.
    pub(crate) fn jwk_name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Whether `point` is on the curve, in SEC 1 form.
    pub(crate) fn has(self, point: &[u8]) -> bool {
        match self {
            Self::P256 => p256::PublicKey::from_sec1_bytes(point).is_ok(),
            Self::P384 => p384::PublicKey::from_sec1_bytes(point).is_ok(),
            Self::P521 => p521::PublicKey::from_sec1_bytes(point).is_ok(),
        }
    }

    /// The uncompressed SEC 1 form of the point with these coordinates, if it is on the curve.
    pub(crate) fn point(self, x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
        let mut point = vec![4];
        point.extend(self.padded(x)?);
        point.extend(self.padded(y)?);
        self.has(&point).then_some(point)
    }

    /// A number in as many bytes as a coordinate has.
    pub(crate) fn padded(self, number: &[u8]) -> Option<Vec<u8>> {
        let digits = der::trim_zeros(number);
        let mut padded = vec![0; self.size().checked_sub(digits.len())?];
        padded.extend(digits);
        Some(padded)
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// Modulus and exponent, without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point of the curve in uncompressed SEC 1 form.
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519(Vec<u8>),
    /// Of an algorithm that verifies nothing here.
    Unknown,
}

/// What the object identifiers of keys say.
const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const ED25519: &str = "1.3.101.112";

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`.
    pub(crate) fn from_spki(bytes: &[u8]) -> Option<Self> {
        let mut info = Cursor::new(Cursor::only(bytes, der::SEQUENCE)?);
        let mut algorithm = Cursor::new(info.expect(der::SEQUENCE)?);
        let key = der::whole_bits(info.expect(der::BIT_STRING)?)?;
        if !info.is_empty() {
            return None;
        }
        match der::oid(algorithm.expect(der::OID)?)?.as_str() {
            RSA => {
                algorithm.expect(der::NULL)?;
                Self::from_pkcs1(key)
            }
            EC => {
                let name = der::oid(algorithm.expect(der::OID)?)?;
                let Some(curve) = Curve::from_oid(&name) else {
                    return Some(Self::Unknown);
                };
                // As in Go: uncompressed points only.
                (key.first() == Some(&4) && curve.has(key)).then(|| Self::Ec {
                    curve,
                    point: key.to_vec(),
                })
            }
            ED25519 => (key.len() == 32 && algorithm.is_empty()).then(|| Self::Ed25519(key.to_vec())),
            _ => Some(Self::Unknown),
        }
    }

    /// Reads an `RSAPublicKey` (RFC 8017 appendix A.1.1).
    fn from_pkcs1(bytes: &[u8]) -> Option<Self> {
        let mut key = Cursor::new(Cursor::only(bytes, der::SEQUENCE)?);
        let n = der::unsigned(key.expect(der::INTEGER)?)?;
        let e = der::unsigned(key.expect(der::INTEGER)?)?;
        Self::rsa(n, e)
    }

    /// The RSA key with this modulus and exponent.
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Option<Self> {
        let (n, e) = (der::trim_zeros(n), der::trim_zeros(e));
        (!n.is_empty() && !e.is_empty()).then(|| Self::Rsa {
            n: n.to_vec(),
            e: e.to_vec(),
        })
    }
}
