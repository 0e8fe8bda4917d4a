//! Private keys and deterministic signatures. What is signed twice is signed alike: a decision can be repeated.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair as _, RsaEncoding};
use num_bigint::BigUint;
use num_integer::Integer as _;
use num_traits::{CheckedMul as _, CheckedSub as _, One as _};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::elliptic_curve::sec1::ToEncodedPoint;

use super::p521_nonce;
use super::public_key::{Curve, PublicKey};
use super::scheme::{Hash, Scheme};

/// The numbers of an RSA key of two primes, without leading zeros.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RsaKey {
    pub(crate) n: Vec<u8>,
    pub(crate) e: Vec<u8>,
    pub(crate) d: Vec<u8>,
    pub(crate) p: Vec<u8>,
    pub(crate) q: Vec<u8>,
    /// `d mod (p - 1)`
    pub(crate) dp: Vec<u8>,
    /// `d mod (q - 1)`
    pub(crate) dq: Vec<u8>,
    /// The inverse of `q` modulo `p`.
    pub(crate) qi: Vec<u8>,
}

/// A private key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PrivateKey {
    Rsa(Box<RsaKey>),
    /// The secret number at full length.
    Ec {
        curve: Curve,
        d: Vec<u8>,
    },
    /// The seed.
    Ed25519([u8; 32]),
}

/// Why a key does not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignError {
    /// The key is for other schemes.
    WrongKey,
    /// The key's numbers do not fit together, or it is too short or too long.
    BadKey,
    /// The scheme takes chance.
    Random,
}

impl RsaKey {
    /// The key with these numbers; the last three follow from the others.
    pub(crate) fn new([n, e, d, p, q]: [&[u8]; 5]) -> Option<Self> {
        let (secret, first, second) = (
            BigUint::from_bytes_be(d),
            BigUint::from_bytes_be(p),
            BigUint::from_bytes_be(q),
        );
        let exponent = |prime: &BigUint| {
            let order = prime.checked_sub(&BigUint::one())?;
            (order > BigUint::one()).then(|| secret.modpow(&BigUint::one(), &order).to_bytes_be())
        };
        let bytes = |bytes: &[u8]| super::der::trim_zeros(bytes).to_vec();
        Some(Self {
            n: bytes(n),
            e: bytes(e),
            d: bytes(d),
            p: bytes(p),
            q: bytes(q),
            dp: exponent(&first)?,
            dq: exponent(&second)?,
            qi: second.modinv(&first)?.to_bytes_be(),
        })
    }

    /// Whether the numbers make a key: not whether the primes are prime.
    pub(crate) fn is_consistent(&self) -> bool {
        let number = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
        let (e, d) = (number(&self.e), number(&self.d));
        let product = number(&self.p).checked_mul(&number(&self.q));
        let inverse = |prime: &[u8]| {
            let order = number(prime)
                .checked_sub(&BigUint::one())
                .filter(|order| *order > BigUint::one())?;
            Some(e.checked_mul(&d)?.mod_floor(&order).is_one())
        };
        product == Some(number(&self.n)) && inverse(&self.p) == Some(true) && inverse(&self.q) == Some(true)
    }

    /// The key for signing, if its numbers fit together and it has 2,048 to 8,192 bits.
    fn pair(&self) -> Option<RsaKeyPair> {
        RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents {
                n: &self.n,
                e: &self.e,
            },
            d: &self.d,
            p: &self.p,
            q: &self.q,
            dP: &self.dp,
            dQ: &self.dq,
            qInv: &self.qi,
        })
        .ok()
    }

    fn sign(&self, hash: Hash, message: &[u8]) -> Option<Vec<u8>> {
        let encoding: &'static dyn RsaEncoding = match hash {
            Hash::Sha256 => &signature::RSA_PKCS1_SHA256,
            Hash::Sha384 => &signature::RSA_PKCS1_SHA384,
            Hash::Sha512 => &signature::RSA_PKCS1_SHA512,
        };
        let pair = self.pair()?;
        let mut signature = vec![0; pair.public_modulus_len()];
        // RSASSA-PKCS1-v1_5 takes nothing from the generator.
        pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
            .ok()?;
        Some(signature)
    }
}

impl PrivateKey {
    /// The public part.
    pub(crate) fn public_key(&self) -> Option<PublicKey> {
        Some(match self {
            Self::Rsa(key) => PublicKey::rsa(&key.n, &key.e)?,
            Self::Ec { curve, d } => PublicKey::Ec {
                curve: *curve,
                point: match curve {
                    Curve::P256 => sec1(&p256::SecretKey::from_slice(d).ok()?.public_key()),
                    Curve::P384 => sec1(&p384::SecretKey::from_slice(d).ok()?.public_key()),
                    Curve::P521 => sec1(&p521::SecretKey::from_slice(d).ok()?.public_key()),
                },
            },
            Self::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
                PublicKey::Ed25519(pair.public_key().as_ref().to_vec())
            }
        })
    }

    /// Signs a message.
    pub(crate) fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = match (self, scheme) {
            (Self::Rsa(key), Scheme::Pkcs1(hash)) => key.sign(hash, message),
            (Self::Rsa(_), Scheme::Pss(_)) => return Err(SignError::Random),
            (Self::Ec { curve, d }, Scheme::Ecdsa(hash)) => ecdsa(*curve, d, hash.digest(message).as_ref()),
            (Self::Ed25519(seed), Scheme::Ed25519) => Ed25519KeyPair::from_seed_unchecked(seed)
                .ok()
                .map(|pair| pair.sign(message).as_ref().to_vec()),
            _ => return Err(SignError::WrongKey),
        };
        signature.ok_or(SignError::BadKey)
    }
}

/// A point in uncompressed SEC 1 form.
fn sec1<C>(key: &p256::elliptic_curve::PublicKey<C>) -> Vec<u8>
where
    C: p256::elliptic_curve::CurveArithmetic,
    C::AffinePoint: p256::elliptic_curve::sec1::FromEncodedPoint<C> + ToEncodedPoint<C>,
    p256::elliptic_curve::FieldBytesSize<C>: p256::elliptic_curve::sec1::ModulusSize,
{
    key.to_encoded_point(false).as_bytes().to_vec()
}

/// Signs a digest as RFC 6979 says, without chance.
fn ecdsa(curve: Curve, d: &[u8], digest: &[u8]) -> Option<Vec<u8>> {
    Some(match curve {
        Curve::P256 => {
            let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from_slice(d)
                .ok()?
                .sign_prehash(digest)
                .ok()?;
            signature.to_bytes().to_vec()
        }
        Curve::P384 => {
            let signature: p384::ecdsa::Signature = p384::ecdsa::SigningKey::from_slice(d)
                .ok()?
                .sign_prehash(digest)
                .ok()?;
            signature.to_bytes().to_vec()
        }
        Curve::P521 => p521_nonce::sign(d, digest)?,
    })
}
