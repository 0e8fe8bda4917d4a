//! Digests of packages.

use super::text::Invalid;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// What a digest was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// MD5, which still stands in old package databases.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Bytes of a digest.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// As CycloneDX writes it, `SHA-256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The algorithm that lock files call `sha256`, `SHA256` or `sha-256`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let plain = name.replace('-', "").to_ascii_uppercase();
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().replace('-', "") == plain)
    }
}

/// A digest of what the registry delivers, unless its component says otherwise.
///
/// INVARIANT: `hex` is lower case and as long as the algorithm's digests are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash {
    algorithm: HashAlgorithm,
    hex: String,
}

impl Hash {
    /// From hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`Invalid::Hash`] if they are none, or not as many as the algorithm has.
    pub fn from_hex(algorithm: HashAlgorithm, text: &str) -> Result<Self, Invalid> {
        let bytes = hex::decode(text).unwrap_or_default();
        Self::from_bytes(algorithm, &bytes).ok_or_else(|| Invalid::Hash(text.to_owned(), algorithm.name()))
    }

    /// From base64 with padding.
    ///
    /// # Errors
    ///
    /// [`Invalid::Hash`] if it is none, or not as long as the algorithm's digests.
    pub fn from_base64(algorithm: HashAlgorithm, text: &str) -> Result<Self, Invalid> {
        let bytes = STANDARD.decode(text).unwrap_or_default();
        Self::from_bytes(algorithm, &bytes).ok_or_else(|| Invalid::Hash(text.to_owned(), algorithm.name()))
    }

    fn from_bytes(algorithm: HashAlgorithm, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == algorithm.bytes()).then(|| Self {
            algorithm,
            hex: hex::encode(bytes),
        })
    }

    /// `sha256:HEX`, as pip, Poetry and OCI write it.
    ///
    /// # Errors
    ///
    /// [`Invalid::Hash`] if the algorithm is unknown or the digest none.
    pub fn from_prefixed(text: &str) -> Result<Self, Invalid> {
        let unknown = || Invalid::Hash(text.to_owned(), "known");
        let (name, digest) = text.split_once(':').ok_or_else(unknown)?;
        Self::from_hex(HashAlgorithm::of_name(name).ok_or_else(unknown)?, digest)
    }

    /// Subresource integrity as npm writes it: `sha512-BASE64`, several with spaces between. Unknown algorithms are left out.
    ///
    /// # Errors
    ///
    /// [`Invalid::Hash`] if a digest of a known algorithm is none.
    pub fn from_integrity(text: &str) -> Result<Vec<Self>, Invalid> {
        let mut hashes = Vec::new();
        for part in text.split_whitespace() {
            let (name, digest) = part
                .split_once('-')
                .ok_or_else(|| Invalid::Hash(part.to_owned(), "known"))?;
            if let Some(algorithm) = HashAlgorithm::of_name(name) {
                let plain = digest.split_once('?').map_or(digest, |(digest, _)| digest);
                hashes.push(Self::from_base64(algorithm, plain)?);
            }
        }
        Ok(hashes)
    }

    /// What it was made with.
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_have_their_algorithms_length() {
        let hash = Hash::from_prefixed(&format!("sha256:{}", "aB".repeat(32))).unwrap();
        assert_eq!(hash.to_string(), format!("SHA-256:{}", "ab".repeat(32)));
        assert!(Hash::from_prefixed("sha256:ab").is_err());
        assert!(Hash::from_prefixed("crc32:ab").is_err());
        assert!(Hash::from_hex(HashAlgorithm::Md5, "xy").is_err());
    }

    #[test]
    fn integrity_may_name_several_algorithms() {
        let sha1 = STANDARD.encode([1; 20]);
        let text = format!("sha1-{sha1} sha512-{}?opt blake3-xx", STANDARD.encode([2; 64]));
        let hashes = Hash::from_integrity(&text).unwrap();
        assert_eq!(hashes.len(), 2);
        assert_eq!(hashes[0].hex(), "01".repeat(20));
        assert!(Hash::from_integrity("sha512-short").is_err());
        assert!(Hash::from_integrity("junk").is_err());
    }
}
