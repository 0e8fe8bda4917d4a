//! SHA-256 digests, salts and commitments.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest as aws;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A 32-byte hash value (SHA-256 unless its place says otherwise). Text and serde form: 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

/// 32 random bytes that make a commitment unguessable. Text and serde form: 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Salt(pub [u8; 32]);

/// Why a text is not 32 bytes in hex.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits, optionally after `0x`, but got {length} characters: `{text}`")]
pub struct HexError {
    /// Number of bytes of the offending text.
    pub length: usize,
    /// The offending text, cut to 80 characters.
    pub text: String,
}

fn parse_hex32(text: &str) -> Result<[u8; 32], HexError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| HexError {
        length: text.len(),
        text: text.chars().take(80).collect(),
    })?;
    Ok(bytes)
}

/// The 64 lower-case digits of 32 bytes.
fn hex_digits(bytes: &[u8; 32]) -> [u8; 64] {
    let mut digits = [0; 64];
    // Twice as long as what is written: does not fail.
    let _ = const_hex::encode_to_slice(bytes, &mut digits);
    digits
}

/// Exactly 64 lower-case hex digits.
struct Hex32;

impl de::Visitor<'_> for Hex32 {
    type Value = [u8; 32];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("64 lower-case hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<[u8; 32], E> {
        let mut bytes = [0; 32];
        // A record has a dozen of these and all are read when a log is checked, so by a reader that takes many digits at once. Written again, they
        // are the text itself unless it has capitals, or a prefix, which that reader takes.
        match const_hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if hex_digits(&bytes) == text.as_bytes() => Ok(bytes),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

macro_rules! hex32 {
    ($name:ident) => {
        impl $name {
            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// 64 lower-case hex digits.
            pub fn to_hex(&self) -> String {
                self.with_hex(str::to_owned)
            }

            /// Gives the digits to `then`.
            pub(crate) fn with_hex<T>(&self, then: impl FnOnce(&str) -> T) -> T {
                // Digits only: does not fail.
                then(std::str::from_utf8(&hex_digits(&self.0)).unwrap_or_default())
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                parse_hex32(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.with_hex(|text| serializer.serialize_str(text))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            /// Reads the one form that is written, so that a stored digit can't change unnoticed.
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Hex32).map(Self)
            }
        }
    };
}

hex32!(Digest);
hex32!(Salt);

impl Digest {
    /// 32 zero bytes: stands where there is nothing to hash (for instance an unset root).
    pub const ZERO: Self = Self([0; 32]);
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_hex(|text| f.write_str(text))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.to_hex())
    }
}

impl fmt::Debug for Salt {
    /// Salts stay out of logs: who has the salt can guess what it hides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// SHA-256 of the concatenation of `parts` (FIPS 180-4).
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let output = match parts {
        [single] => aws::digest(&aws::SHA256, single),
        _ => {
            let mut context = aws::Context::new(&aws::SHA256);
            for part in parts {
                context.update(part);
            }
            context.finish()
        }
    };
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(output.as_ref()) {
        *to = *from;
    }
    Digest(bytes)
}

/// Keccak-256 as the EVM computes it (the pre-standard padding, not SHA3-256).
pub fn keccak256(bytes: &[u8]) -> Digest {
    use sha3::Digest as _;
    Digest(sha3::Keccak256::digest(bytes).into())
}

/// A hiding and binding commitment: SHA-256(salt || bytes).
///
/// The salt has a fixed length, so the concatenation is unambiguous.
pub fn commit(salt: &Salt, bytes: &[u8]) -> Digest {
    sha256(&[&salt.0, bytes])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        // FIPS 180-4 example, and the Keccak-256 of the empty string that Ethereum uses for accounts without code.
        assert_eq!(
            sha256(&[b"a", b"bc"]).to_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha256(&[b"abc"]), sha256(&[b"ab", b"", b"c"]));
        assert_eq!(
            keccak256(b"").to_hex(),
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
    }

    #[test]
    fn text_form_round_trips_and_bad_text_is_refused() {
        let digest = sha256(&[b"x"]);
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert_eq!(format!("0x{digest}").parse::<Digest>().unwrap(), digest);
        assert!(
            "00".parse::<Digest>()
                .unwrap_err()
                .to_string()
                .contains("64 hexadecimal")
        );
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"zz\"").is_err());
    }

    #[test]
    fn serde_form_is_one_form() {
        let digits = sha256(&[b"x"]).to_hex();
        let read = |text: &str| serde_json::from_value::<Digest>(text.into()).is_ok();
        assert!(read(&digits));
        let upper = digits.to_uppercase();
        let (prefixed, prefix_within) = (format!("0x{digits}"), format!("0x{}", &digits[2..]));
        for other in [
            &upper,
            &prefixed,
            &prefix_within,
            &digits[1..],
            &format!("{digits}0"),
            "",
        ] {
            assert!(!read(other), "{other}");
        }
        for at in 0..digits.len() {
            let mut wrong = digits.clone();
            wrong.replace_range(at..=at, "g");
            assert!(!read(&wrong), "{wrong}");
        }
    }

    #[test]
    fn commitment_is_salted_hash() {
        assert_eq!(commit(&Salt([7; 32]), b"input"), sha256(&[&[7; 32], b"input"]));
        assert_eq!(format!("{:?}", Salt([7; 32])), "Salt(..)");
    }
}
