//! Keys, signatures and certificates: what `io.jwt.*` and `crypto.x509.*` are made of.

pub(crate) mod algorithm;
pub(crate) mod certificate;
pub(crate) mod chain;
pub(crate) mod der;
pub(crate) mod extensions;
pub(crate) mod json;
mod name;
mod p521_nonce;
pub(crate) mod pem;
mod private_der;
pub(crate) mod private_key;
pub(crate) mod public_key;
pub(crate) mod request;
pub(crate) mod scheme;
