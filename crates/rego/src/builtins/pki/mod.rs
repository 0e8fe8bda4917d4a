//! Keys, signatures and certificates: what `io.jwt.*` and `crypto.x509.*` are made of.

pub(crate) mod certificate;
pub(crate) mod der;
mod p521_nonce;
pub(crate) mod pem;
pub(crate) mod private_key;
pub(crate) mod public_key;
pub(crate) mod scheme;
