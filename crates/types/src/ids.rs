//! Names of things: decisions, policies, entry points, versions and nodes.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::digest::{Digest, HexError, keccak256, sha256};

/// Longest slash path, in bytes.
pub const MAX_PATH_BYTES: usize = 512;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A slash path that breaks the rules.
    #[error(
        "`{path}` is not a policy path: {problem}; write it as words joined by slashes, such as \
         kubernetes/admission"
    )]
    Path {
        /// The offending text, cut to 80 characters.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not a UUID.
    #[error("`{text}` is not a decision id (a UUID such as 0190b3c2-7d2e-7c4a-9a43-0d2f6a1b5c3d)")]
    DecisionId {
        /// The offending text, cut to 80 characters.
        text: String,
    },
    /// Not an address.
    #[error("`{text}` is not a node address: {problem}")]
    Address {
        /// The offending text, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Reads a text with a function, without a copy of it: records have several of them.
struct Parsed<T>(&'static str, fn(&str) -> Result<T, IdError>);

impl<T> de::Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

fn check_path(path: &str) -> Result<(), IdError> {
    let problem = if path.is_empty() {
        "it is empty"
    } else if path.len() > MAX_PATH_BYTES {
        "it is longer than 512 bytes"
    } else if path.split('/').any(str::is_empty) {
        "it has an empty segment (a leading, trailing or double slash)"
    } else if path.split('/').any(|segment| segment == "." || segment == "..") {
        "`.` and `..` are not segments"
    } else if !path
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b))
    {
        "segments consist of letters, digits, `_`, `-`, `.` and `:`"
    } else {
        return Ok(());
    };
    Err(IdError::Path {
        path: cut(path),
        problem,
    })
}

/// True for a segment that Rego can write after a dot.
fn is_identifier(segment: &str) -> bool {
    segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !segment.starts_with(|c: char| c.is_ascii_digit())
        && !segment.is_empty()
}

macro_rules! slash_path {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the path: one or more non-empty segments of `[A-Za-z0-9_.:-]` joined by slashes, at most
            /// [`MAX_PATH_BYTES`] bytes.
            pub fn new(path: &str) -> Result<Self, IdError> {
                check_path(path)?;
                Ok(Self(path.into()))
            }

            /// The slash path.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The segments between the slashes.
            pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
                self.0.split('/')
            }

            /// The path as a Rego reference: `kubernetes/admission` becomes `data.kubernetes.admission`, and a
            /// segment that is no identifier is quoted: `data.api["v1-beta"]`.
            pub fn rego_ref(&self) -> String {
                let mut out = String::from("data");
                for segment in self.segments() {
                    if is_identifier(segment) {
                        out.push('.');
                        out.push_str(segment);
                    } else {
                        out.push_str("[\"");
                        out.push_str(segment);
                        out.push_str("\"]");
                    }
                }
                out
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(path: &str) -> Result<Self, IdError> {
                Self::new(path)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Parsed("a policy path", Self::new))
            }
        }
    };
}

slash_path!(
    /// Identifies a policy by its path, for instance `kubernetes/admission`.
    PolicyId
);
slash_path!(
    /// A rule path that may be queried, for instance `kubernetes/admission/deny`.
    EntryPoint
);

impl PolicyId {
    /// Keccak-256 of the UTF-8 path: the policy's id on chain.
    pub fn chain_id(&self) -> Digest {
        keccak256(self.0.as_bytes())
    }

    /// The entry point of a rule of this policy.
    pub fn entry_point(&self, rule: &str) -> Result<EntryPoint, IdError> {
        EntryPoint::new(&format!("{}/{rule}", self.0))
    }
}

impl EntryPoint {
    /// SHA-256 of the UTF-8 path: what stands for the entry point in leaves and contracts.
    pub fn hash(&self) -> Digest {
        sha256(&[self.0.as_bytes()])
    }

    /// True when the entry point lies in the policy's package (or is the package itself).
    pub fn belongs_to(&self, policy: &PolicyId) -> bool {
        self.0
            .strip_prefix(policy.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The last segment: the rule's name.
    pub fn rule(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

/// Identifies one decision. Version 7 UUIDs, made by the caller from its clock and generator, sort by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct DecisionId(pub Uuid);

impl<'de> Deserialize<'de> for DecisionId {
    /// Reads the one form that is written: lower case with hyphens.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DecisionIdText)
    }
}

struct DecisionIdText;

impl de::Visitor<'_> for DecisionIdText {
    type Value = DecisionId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UUID in lower case with hyphens")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DecisionId, E> {
        let canonical = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match Uuid::try_parse(text) {
            Ok(id) if canonical => Ok(DecisionId(id)),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

impl DecisionId {
    /// A version 7 UUID (RFC 9562) of the time, to the millisecond, and ten random bytes.
    pub fn from_time_and_random(time: crate::Timestamp, random: &[u8; 10]) -> Self {
        let millis = time.as_nanos().div_euclid(1_000_000);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
    }

    /// The 16 bytes of the UUID, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecisionId({})", self.0)
    }
}

impl FromStr for DecisionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| IdError::DecisionId { text: cut(text) })
    }
}

/// Identifies a version of a policy: the SHA-256 digest of its bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyVersion(pub Digest);

impl PolicyVersion {
    /// The version of a bundle with these bytes.
    pub fn of_bundle(bytes: &[u8]) -> Self {
        Self(sha256(&[bytes]))
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PolicyVersion {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        text.parse().map(Self)
    }
}

/// Ethereum address of a node's signing key. Text and serde form: EIP-55 (`0x` and mixed-case checksum).
///
/// Reading accepts an all-lower or all-upper address too; a mixed-case one must carry the right checksum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAddress(pub [u8; 20]);

/// Any other Ethereum address, for instance a contract's; the same text form.
pub type EvmAddress = NodeAddress;

impl NodeAddress {
    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

thread_local! {
    /// The address whose text was made last: a node writes its own into every record, and the hash costs more than the rest of the line.
    static LAST: Cell<Option<(NodeAddress, [u8; 42])>> = const { Cell::new(None) };
}

impl NodeAddress {
    /// The text form.
    pub(crate) fn text(self) -> [u8; 42] {
        if let Some((address, text)) = LAST.get()
            && address == self
        {
            return text;
        }
        let text = self.checksummed();
        LAST.set(Some((self, text)));
        text
    }

    /// EIP-55: a hex letter is upper case when the matching nibble of Keccak-256 of the lower-case hex is 8 or more.
    fn checksummed(self) -> [u8; 42] {
        let lower = hex::encode(self.0);
        let hash = keccak256(lower.as_bytes()).to_hex();
        let mut text = *b"0x0000000000000000000000000000000000000000";
        let digits = lower.bytes().zip(hash.bytes());
        for (slot, (digit, nibble)) in text.iter_mut().skip(2).zip(digits) {
            let upper = char::from(nibble).to_digit(16).is_some_and(|n| n >= 8);
            *slot = if upper { digit.to_ascii_uppercase() } else { digit };
        }
        text
    }
}

impl fmt::Debug for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeAddress({self})")
    }
}

impl FromStr for NodeAddress {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let fail = |problem| IdError::Address {
            text: cut(text),
            problem,
        };
        let digits = text
            .strip_prefix("0x")
            .ok_or_else(|| fail("it must start with 0x"))?;
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| fail("40 hexadecimal digits must follow 0x"))?;
        let address = Self(bytes);
        let mixed =
            digits.bytes().any(|b| b.is_ascii_lowercase()) && digits.bytes().any(|b| b.is_ascii_uppercase());
        if mixed && address.text() != *text.as_bytes() {
            return Err(fail(
                "its upper and lower case letters are not a valid EIP-55 checksum",
            ));
        }
        Ok(address)
    }
}

impl Serialize for NodeAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed("an address", Self::from_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_validated() {
        for good in ["a", "kubernetes/admission", "api/v1-beta/x_y", "a.b/c"] {
            assert_eq!(PolicyId::new(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(513);
        for bad in ["", "/a", "a/", "a//b", "a b", "a/../b", "a\"b", "ä", &long] {
            let error = EntryPoint::new(bad).unwrap_err();
            assert!(error.to_string().contains("is not a policy path"), "{error}");
        }
        assert!(serde_json::from_str::<PolicyId>("\"a//b\"").is_err());
    }

    #[test]
    fn rego_references_quote_what_is_no_identifier() {
        let reference = |path| EntryPoint::new(path).unwrap().rego_ref();
        assert_eq!(
            reference("kubernetes/admission/deny"),
            "data.kubernetes.admission.deny"
        );
        assert_eq!(reference("api/v1-beta/1x"), "data.api[\"v1-beta\"][\"1x\"]");
    }

    #[test]
    fn entry_points_belong_to_whole_segments() {
        let policy = PolicyId::new("a/b").unwrap();
        assert!(policy.entry_point("deny").unwrap().belongs_to(&policy));
        assert!(EntryPoint::new("a/b").unwrap().belongs_to(&policy));
        assert!(!EntryPoint::new("a/bc").unwrap().belongs_to(&policy));
        assert_eq!(policy.entry_point("deny").unwrap().rule(), "deny");
    }

    #[test]
    fn addresses_follow_eip_55() {
        // The examples of EIP-55.
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            let address: NodeAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(text.to_lowercase().parse::<NodeAddress>().unwrap(), address);
        }
        let wrong = "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
            .parse::<NodeAddress>()
            .unwrap_err();
        assert!(wrong.to_string().contains("EIP-55"));
        assert!("5aAeb6".parse::<NodeAddress>().is_err());
    }

    #[test]
    fn decision_ids_sort_by_time() {
        let id = |ms: u64| DecisionId::from_time_and_random(crate::Timestamp(ms * 1_000_000), &[0xff; 10]);
        assert!(id(1) < id(2));
        assert_eq!(id(5).0.get_version_num(), 7);
        assert_eq!(id(5).to_string().parse::<DecisionId>().unwrap(), id(5));
        assert!("x".parse::<DecisionId>().is_err());
    }
}
