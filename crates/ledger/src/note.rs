//! C2SP `signed-note` with Ed25519 keys.
//!
//! A signed note is a text that ends in a newline, an empty line, and signature lines
//! `— <key name> base64(key id || signature)`. The key id is the first four bytes of
//! `SHA-256(name || 0x0A || 0x01 || public key)`.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use stele_types::sha256;

/// Signature type byte of Ed25519.
pub(crate) const ED25519_TYPE: u8 = 0x01;

/// Longest note accepted, in bytes.
pub const MAX_NOTE_BYTES: usize = 64 << 10;

/// Why a note or key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A name with characters that notes don't allow.
    #[error("`{name}` can't name a key: it must not be empty or contain spaces, line breaks or `+`")]
    Name {
        /// The offending name.
        name: String,
    },
    /// Not a verifier or signer key string.
    #[error("not a {kind} key: {problem}")]
    Key {
        /// `verifier` or `signer`.
        kind: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// Not a signed note.
    #[error("malformed signed note: {problem}")]
    Malformed {
        /// What is wrong.
        problem: &'static str,
    },
    /// The note carries no signature of this key.
    #[error("the note is not signed by {key}")]
    NotSigned {
        /// The verifier key.
        key: String,
    },
    /// The signature does not fit the text.
    #[error("the signature by {key} is wrong: the note was changed or signed with another key")]
    BadSignature {
        /// The verifier key.
        key: String,
    },
    /// The signing library failed.
    #[error("signing failed")]
    Signing,
}

pub(crate) fn check_name(name: &str) -> Result<(), NoteError> {
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+' || c.is_control()) {
        return Err(NoteError::Name {
            name: name.chars().take(80).collect(),
        });
    }
    Ok(())
}

/// The key id of a 32-byte public key for a signature type.
pub(crate) fn key_id(name: &str, signature_type: u8, public: &[u8; 32]) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[signature_type], public]);
    let [a, b, c, d, ..] = hash.0;
    [a, b, c, d]
}

/// The public half of a log's key: `<name>+<key id in hex>+<base64(0x01 || public key)>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

impl VerifierKey {
    /// From a name and an Ed25519 public key.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            public,
        })
    }

    /// The key's name, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Ed25519 public key.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    /// Checks that the note is signed by this key and returns its text, including the final newline. Lines of other keys must be signature lines,
    /// wherever they stand, and say nothing.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, signatures) = split(note)?;
        let id = key_id(&self.name, ED25519_TYPE, &self.public);
        let (mut good, mut bad) = (false, false);
        for line in signatures.lines() {
            let (name, blob) = read_signature(line)?;
            let Some((found, signature)) = blob.split_first_chunk::<4>() else {
                return Err(NoteError::Malformed {
                    problem: "a signature is too short",
                });
            };
            if name != self.name || *found != id {
                continue;
            }
            match UnparsedPublicKey::new(&ED25519, self.public).verify(text.as_bytes(), signature) {
                Ok(()) => good = true,
                Err(_) => bad = true,
            }
        }
        if good { Ok(text) } else { Err(unsigned(self, bad)) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_vkey(f, &self.name, ED25519_TYPE, &self.public)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, public) = read_vkey(text, ED25519_TYPE, "it does not hold an Ed25519 key")?;
        Ok(Self { name, public })
    }
}

/// Why a note has no signature of a key: `bad` when there is one that does not verify.
pub(crate) fn unsigned(key: &impl fmt::Display, bad: bool) -> NoteError {
    let key = key.to_string();
    if bad {
        NoteError::BadSignature { key }
    } else {
        NoteError::NotSigned { key }
    }
}

/// Writes `<name>+<key id in hex>+<base64(type || public key)>`.
pub(crate) fn write_vkey(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    signature_type: u8,
    public: &[u8; 32],
) -> fmt::Result {
    let id = hex::encode(key_id(name, signature_type, public));
    let mut typed = vec![signature_type];
    typed.extend_from_slice(public);
    write!(f, "{name}+{id}+{}", BASE64.encode(typed))
}

/// Reads what [`write_vkey`] writes; `wrong` says what a key of another type is not.
pub(crate) fn read_vkey(
    text: &str,
    signature_type: u8,
    wrong: &'static str,
) -> Result<(String, [u8; 32]), NoteError> {
    let fail = |problem| NoteError::Key {
        kind: "verifier",
        problem,
    };
    let mut parts = text.trim().splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(fail("it must have the form name+id+key"));
    };
    check_name(name)?;
    let public = read_key(key, signature_type).ok_or_else(|| fail(wrong))?;
    if hex::encode(key_id(name, signature_type, &public)) != id {
        return Err(fail("its id does not belong to its name and key"));
    }
    Ok((name.to_owned(), public))
}

/// Base64 of the type byte and 32 bytes.
fn read_key(text: &str, signature_type: u8) -> Option<[u8; 32]> {
    let bytes = BASE64.decode(text).ok()?;
    match bytes.split_first()? {
        (found, key) if *found == signature_type => key.try_into().ok(),
        _ => None,
    }
}

/// Splits a note into its text (with the final newline) and its signature lines.
pub(crate) fn split(note: &str) -> Result<(&str, &str), NoteError> {
    let fail = |problem| NoteError::Malformed { problem };
    if note.len() > MAX_NOTE_BYTES {
        return Err(fail("it is longer than 64 KiB"));
    }
    if note.contains(|c: char| c.is_control() && c != '\n') {
        return Err(fail("it contains control characters"));
    }
    let at = note
        .rfind("\n\n")
        .ok_or_else(|| fail("an empty line must precede the signatures"))?;
    let text = note.get(..=at).unwrap_or_default();
    let signatures = note.get(at.saturating_add(2)..).unwrap_or_default();
    if signatures.is_empty() || !signatures.ends_with('\n') {
        return Err(fail("it must end with signature lines"));
    }
    Ok((text, signatures))
}

pub(crate) fn read_signature(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let fail = |problem| NoteError::Malformed { problem };
    let rest = line
        .strip_prefix("— ")
        .ok_or_else(|| fail("a signature line must start with an em dash"))?;
    let (name, blob) = rest
        .split_once(' ')
        .ok_or_else(|| fail("a signature line must have a name and a value"))?;
    check_name(name)?;
    let blob = BASE64
        .decode(blob)
        .map_err(|_| fail("a signature is not base64"))?;
    Ok((name, blob))
}

/// The private half of a log's key.
pub struct SigningKey {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// From a name (the log's origin) and the 32-byte Ed25519 seed, which the caller draws from its generator.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let fail = |problem| NoteError::Key {
            kind: "signer",
            problem,
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| fail("the seed is refused"))?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| fail("the public key is not 32 bytes"))?;
        Ok(Self {
            verifier: VerifierKey::new(name, public)?,
            pair,
        })
    }

    /// The public half.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text, which must end in a newline.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Malformed {
                problem: "the text must end in a newline",
            });
        }
        let signature = self
            .pair
            .try_sign(text.as_bytes())
            .map_err(|_| NoteError::Signing)?;
        let mut blob = key_id(&self.verifier.name, ED25519_TYPE, &self.verifier.public).to_vec();
        blob.extend_from_slice(signature.as_ref());
        Ok(format!(
            "{text}\n— {} {}\n",
            self.verifier.name,
            BASE64.encode(blob)
        ))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn example_of_the_specification() {
        // The key and note of the documentation of Go's golang.org/x/mod/sumdb/note package.
        let key: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
            .parse()
            .unwrap();
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let note = format!(
            "{text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        assert_eq!(key.open(&note).unwrap(), text);
        assert!(matches!(
            key.open(&note.replace("answer", "cause")),
            Err(NoteError::BadSignature { .. })
        ));
    }

    #[test]
    fn keys_and_notes_round_trip() {
        let key = SigningKey::from_seed("stele/test", &[7; 32]).unwrap();
        let shown = key.verifier().to_string();
        assert_eq!(shown.parse::<VerifierKey>().unwrap(), *key.verifier());
        let note = key.sign("a\n\nb\n").unwrap();
        assert_eq!(key.verifier().open(&note).unwrap(), "a\n\nb\n");
        let other = SigningKey::from_seed("stele/test", &[8; 32]).unwrap();
        assert!(matches!(
            other.verifier().open(&note),
            Err(NoteError::NotSigned { .. })
        ));
        assert!(key.sign("no newline").is_err());
        assert!(SigningKey::from_seed("a+b", &[7; 32]).is_err());
        assert_eq!(format!("{key:?}"), format!("SigningKey({shown})"));
        for bad in [
            "",
            "x",
            "a+b",
            "a+00000000+AAAA",
            &shown.replace("stele/test", "stele/tess"),
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_line_behind_the_text_is_a_signature_line() {
        let key = SigningKey::from_seed("stele/test", &[7; 32]).unwrap();
        let note = key.sign("a\n").unwrap();
        let (text, ours) = split(&note).unwrap();
        let text = text.to_owned();
        let with = |line: &str| {
            let ahead = key.verifier().open(&format!("{text}\n{line}\n{ours}")).is_ok();
            let behind = key.verifier().open(&format!("{text}\n{ours}{line}\n")).is_ok();
            assert_eq!(ahead, behind, "{line}");
            ahead
        };
        for line in ["— other AAAAAA==", "— other AAAAAAA=", "— stele/test AAAAAA=="] {
            assert!(with(line), "{line}");
        }
        for line in [
            "",
            "x",
            "- other AAAAAA==",
            "— other",
            "—  AAAAAA==",
            "— o+r AAAAAA==",
            "— o\u{3000}r AAAAAA==",
            "— other AAAA",
            "— other AAAAAA",
            "— other AAAAAB==",
            "— other AAAAAA== ",
            "— other *",
        ] {
            assert!(!with(line), "{line}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused(note in "[a— \n+=]{0,60}") {
            let key = SigningKey::from_seed("a", &[7; 32]).unwrap();
            prop_assert!(key.verifier().open(&note).is_err());
        }
    }
}
