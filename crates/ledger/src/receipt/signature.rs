//! Signatures that the chain can check: secp256k1, with the signer recovered from them.

use k256::ecdsa::{RecoveryId, Signature as Ecdsa, VerifyingKey};
use stele_types::receipt::Signature;
use stele_types::{Digest, EvmAddress, NodeAddress, keccak256};

/// Why a signature can be nobody's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// v is neither 27 nor 28.
    #[error("the signature's last byte is {found}; it must be 27 or 28")]
    Parity {
        /// The byte found.
        found: u8,
    },
    /// r or s is out of range, or s is high: then the same signature has another form, which the chain refuses.
    #[error("the signature's r or s is out of range")]
    Range,
    /// No key gives this signature.
    #[error("the signature recovers to no key")]
    NoKey,
}

/// The account that signed this digest. Any other digest gives another account, or an error.
pub fn signer_of(signature: &Signature, digest: &Digest) -> Result<EvmAddress, SignatureError> {
    let [rs @ .., v] = &signature.0;
    let parity = match v {
        27 => RecoveryId::new(false, false),
        28 => RecoveryId::new(true, false),
        other => return Err(SignatureError::Parity { found: *other }),
    };
    let signature = Ecdsa::from_slice(rs).map_err(|_| SignatureError::Range)?;
    if signature.normalize_s().is_some() {
        return Err(SignatureError::Range);
    }
    let key = VerifyingKey::recover_from_prehash(&digest.0, &signature, parity)
        .map_err(|_| SignatureError::NoKey)?;
    let point = key.to_encoded_point(false);
    let hash = keccak256(point.as_bytes().get(1..).unwrap_or_default());
    let [_, _, _, _, _, _, _, _, _, _, _, _, account @ ..] = hash.0;
    Ok(NodeAddress(account))
}
