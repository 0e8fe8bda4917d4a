//! Private keys as PKCS #1 (RFC 8017), SEC 1 (RFC 5915) and PKCS #8 (RFC 5958) write them.

use super::der::{self, Cursor};
use super::pem::Block;
use super::private_key::{PrivateKey, RsaKey};
use super::public_key::Curve;

impl PrivateKey {
    /// The key in a PEM block: nothing if the block is no private key's, an error if it is a broken one.
    pub(crate) fn from_pem(block: &Block) -> Option<Result<Self, ()>> {
        let key = match block.label.as_str() {
            "RSA PRIVATE KEY" => Self::from_pkcs1(&block.bytes),
            "EC PRIVATE KEY" => Self::from_sec1(&block.bytes, None),
            "PRIVATE KEY" => Self::from_pkcs8(&block.bytes),
            _ => return None,
        };
        Some(key.ok_or(()))
    }

    /// The key in DER of any of the three forms.
    pub(crate) fn from_der(bytes: &[u8]) -> Option<Self> {
        Self::from_pkcs1(bytes)
            .or_else(|| Self::from_pkcs8(bytes))
            .or_else(|| Self::from_sec1(bytes, None))
    }

    fn from_pkcs1(bytes: &[u8]) -> Option<Self> {
        let mut fields = Cursor::new(Cursor::only(bytes, der::SEQUENCE)?);
        // Two primes: nobody uses more.
        (der::small(fields.expect(der::INTEGER)?)? == 0).then_some(())?;
        let mut number = || der::unsigned(fields.expect(der::INTEGER)?);
        let numbers = [number()?, number()?, number()?, number()?, number()?];
        let key = RsaKey::new(numbers).filter(RsaKey::is_consistent)?;
        Some(Self::Rsa(Box::new(key)))
    }

    fn from_sec1(bytes: &[u8], curve: Option<Curve>) -> Option<Self> {
        let mut fields = Cursor::new(Cursor::only(bytes, der::SEQUENCE)?);
        (der::small(fields.expect(der::INTEGER)?)? == 1).then_some(())?;
        let d = fields.expect(der::OCTET_STRING)?;
        let named = fields.optional(der::constructed(0));
        let curve = match (curve, named) {
            (Some(curve), _) => curve,
            (None, named) => Curve::from_oid(&der::oid(Cursor::only(named?, der::OID)?)?)?,
        };
        let key = Self::Ec {
            curve,
            d: curve.padded(d)?,
        };
        key.public_key().map(|_| key)
    }

    fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        let mut fields = Cursor::new(Cursor::only(bytes, der::SEQUENCE)?);
        der::small(fields.expect(der::INTEGER)?)?;
        let mut algorithm = Cursor::new(fields.expect(der::SEQUENCE)?);
        let key = fields.expect(der::OCTET_STRING)?;
        match der::oid(algorithm.expect(der::OID)?)?.as_str() {
            "1.2.840.113549.1.1.1" => Self::from_pkcs1(key),
            "1.2.840.10045.2.1" => {
                let curve = Curve::from_oid(&der::oid(algorithm.expect(der::OID)?)?)?;
                Self::from_sec1(key, Some(curve))
            }
            "1.3.101.112" => {
                let seed = Cursor::only(key, der::OCTET_STRING)?.try_into().ok()?;
                Some(Self::Ed25519(seed))
            }
            _ => None,
        }
    }
}
