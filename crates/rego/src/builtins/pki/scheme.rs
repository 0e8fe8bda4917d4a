//! Signature schemes: the algorithms of RFC 7518 section 3, by which certificates are signed as well.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, RsaParameters, UnparsedPublicKey};
use aws_lc_rs::{digest, hmac};
use p256::ecdsa::signature::hazmat::PrehashVerifier;

use super::public_key::{Curve, PublicKey};

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The digest of a message.
    pub(crate) fn digest(self, message: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, message)
    }

    fn key(self, secret: &[u8]) -> hmac::Key {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::Key::new(algorithm, secret)
    }

    /// The MAC of a message under a secret.
    pub(crate) fn mac(self, secret: &[u8], message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key(secret), message)
    }

    /// Whether `mac` is the MAC of a message under a secret.
    pub(crate) fn verify_mac(self, secret: &[u8], message: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.key(secret), message, mac).is_ok()
    }
}

/// HMAC-SHA-256 of a message under a secret, 32 bytes.
pub(crate) fn hmac_sha256(secret: &[u8], message: &[u8]) -> hmac::Tag {
    Hash::Sha256.mac(secret, message)
}

/// How something is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Hmac(Hash),
    /// RSASSA-PKCS1-v1_5.
    Pkcs1(Hash),
    /// RSASSA-PSS with a salt as long as the hash.
    Pss(Hash),
    /// ECDSA, the signature being both numbers at full length.
    Ecdsa(Hash),
    Ed25519,
}

impl Scheme {
    /// The scheme that the header of a token names.
    pub(crate) fn from_alg(alg: &str) -> Option<Self> {
        if alg == "EdDSA" {
            return Some(Self::Ed25519);
        }
        let (family, bits) = alg.split_at_checked(2)?;
        let hash = match bits {
            "256" => Hash::Sha256,
            "384" => Hash::Sha384,
            "512" => Hash::Sha512,
            _ => return None,
        };
        match family {
            "HS" => Some(Self::Hmac(hash)),
            "RS" => Some(Self::Pkcs1(hash)),
            "PS" => Some(Self::Pss(hash)),
            "ES" => Some(Self::Ecdsa(hash)),
            _ => None,
        }
    }

    /// Whether `signature` is one of `message` by the owner of `key`.
    pub(crate) fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        match (self, key) {
            (Self::Pkcs1(hash), PublicKey::Rsa { n, e }) => rsa(pkcs1(hash), n, e, message, signature),
            (Self::Pss(hash), PublicKey::Rsa { n, e }) => rsa(pss(hash), n, e, message, signature),
            (Self::Ecdsa(hash), PublicKey::Ec { curve, point }) => {
                ecdsa(*curve, point, hash.digest(message).as_ref(), signature).is_some()
            }
            (Self::Ed25519, PublicKey::Ed25519(key)) => UnparsedPublicKey::new(&signature::ED25519, key)
                .verify(message, signature)
                .is_ok(),
            _ => false,
        }
    }
}

fn pkcs1(hash: Hash) -> &'static RsaParameters {
    match hash {
        // Keys from 1,024 bits on, as OPA takes them.
        Hash::Sha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        Hash::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    }
}

fn pss(hash: Hash) -> &'static RsaParameters {
    match hash {
        Hash::Sha256 => &signature::RSA_PSS_2048_8192_SHA256,
        Hash::Sha384 => &signature::RSA_PSS_2048_8192_SHA384,
        Hash::Sha512 => &signature::RSA_PSS_2048_8192_SHA512,
    }
}

fn rsa(parameters: &RsaParameters, n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> bool {
    PublicKeyComponents { n, e }
        .verify(parameters, message, signature)
        .is_ok()
}

/// The digest's length need not fit the curve's, as in OPA.
fn ecdsa(curve: Curve, point: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    match curve {
        Curve::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p256::ecdsa::Signature::from_slice(signature).ok()?),
        Curve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p384::ecdsa::Signature::from_slice(signature).ok()?),
        Curve::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p521::ecdsa::Signature::from_slice(signature).ok()?),
    }
    .ok()
}
