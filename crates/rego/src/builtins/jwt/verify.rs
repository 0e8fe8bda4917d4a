//! `io.jwt.verify_*`: is the signature good?

use stele_types::Value;

use super::jwk::Material;
use super::{Header, Result, Token, keys};
use crate::builtins::Session;
use crate::builtins::args::string;
use crate::builtins::pki::scheme::{Hash, Scheme};

/// The signature under a secret.
fn symmetric(hash: Hash, args: &[Value]) -> Result<Value> {
    let (text, secret) = (string(args, 0)?, string(args, 1)?);
    let token = Token::parse(text)?;
    let signature = token.signature()?;
    Ok(hash
        .verify_mac(secret.as_bytes(), token.signed.as_bytes(), &signature)
        .into())
}

/// The signature by the owner of a key. The algorithm is the function's, not the one that the token asks for.
fn asymmetric(scheme: Scheme, session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let token = Token::parse(string(args, 0)?)?;
    let keys = keys::read(session, string(args, 1)?)?;
    let signature = token.signature()?;
    let header = Header::parse(&token.header(session)?)?;
    let verifies = |material: &Material| match material {
        Material::Public(key) => scheme.verify(key, token.signed.as_bytes(), &signature),
        Material::Secret(_) | Material::Private(_) => false,
    };
    Ok(keys::any_verifies(session, &keys, &header, verifies)?.into())
}

macro_rules! symmetric {
    ($($name:ident $hash:ident;)+) => { $(
        pub(in crate::builtins) fn $name(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
            symmetric(Hash::$hash, args)
        }
    )+ };
}

symmetric! {
    verify_hs256 Sha256;
    verify_hs384 Sha384;
    verify_hs512 Sha512;
}

macro_rules! asymmetric {
    ($($name:ident $scheme:expr;)+) => { $(
        pub(in crate::builtins) fn $name(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
            asymmetric($scheme, session, args)
        }
    )+ };
}

asymmetric! {
    verify_rs256 Scheme::Pkcs1(Hash::Sha256);
    verify_rs384 Scheme::Pkcs1(Hash::Sha384);
    verify_rs512 Scheme::Pkcs1(Hash::Sha512);
    verify_ps256 Scheme::Pss(Hash::Sha256);
    verify_ps384 Scheme::Pss(Hash::Sha384);
    verify_ps512 Scheme::Pss(Hash::Sha512);
    verify_es256 Scheme::Ecdsa(Hash::Sha256);
    verify_es384 Scheme::Ecdsa(Hash::Sha384);
    verify_es512 Scheme::Ecdsa(Hash::Sha512);
    verify_eddsa Scheme::Ed25519;
}
