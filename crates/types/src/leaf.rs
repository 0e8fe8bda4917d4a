//! The fixed-layout commitment to a decision that enters the Merkle log. Normative: `docs/formats/leaf.md`.

use crate::{DecisionId, Digest, NodeAddress, PolicyVersion, Timestamp};

/// Length of an encoded leaf: nine ABI words.
pub const LEAF_BYTES: usize = 288;

/// What the log commits to for one decision.
///
/// Encoded as Solidity's `abi.encode(uint128, uint64, address, bytes32, bytes32, bytes32, bytes32, bytes32, bytes32)`:
/// one 32-byte word a field, in the order of the fields here, integers and the address padded with zeros on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// The decision (its UUID as a 128-bit number).
    pub decision_id: DecisionId,
    /// When it was made.
    pub time: Timestamp,
    /// Who made it.
    pub node: NodeAddress,
    /// Under which version of the policy: the bundle's digest.
    pub policy_version: PolicyVersion,
    /// SHA-256 of the entry point's path.
    pub entry_point: Digest,
    /// `commit(input_salt, canonical bytes of the input)`.
    pub input_commitment: Digest,
    /// SHA-256 of the canonical bytes of the bundle's data document.
    pub data_digest: Digest,
    /// SHA-256 of the canonical bytes of the result's JSON projection; of no bytes when it was undefined.
    pub result_digest: Digest,
    /// `commit(detail_salt, JCS of the rest of the record)`.
    pub detail_commitment: Digest,
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not [`LEAF_BYTES`] long.
    #[error("a leaf has {LEAF_BYTES} bytes, got {length}")]
    Length {
        /// The length found.
        length: usize,
    },
    /// Padding that is not zero.
    #[error("word {word} of the leaf is not padded with zeros")]
    Padding {
        /// The word, from 0.
        word: usize,
    },
}

impl Leaf {
    /// The 288 bytes that are hashed into the tree.
    pub fn to_bytes(&self) -> [u8; LEAF_BYTES] {
        let mut out = [0; LEAF_BYTES];
        let time = self.time.as_nanos().to_be_bytes();
        let fields: [&[u8]; 9] = [
            self.decision_id.as_bytes(),
            &time,
            &self.node.0,
            &self.policy_version.0.0,
            &self.entry_point.0,
            &self.input_commitment.0,
            &self.data_digest.0,
            &self.result_digest.0,
            &self.detail_commitment.0,
        ];
        for (word, field) in out.chunks_exact_mut(32).zip(fields) {
            let start = 32usize.saturating_sub(field.len());
            if let Some(slot) = word.get_mut(start..) {
                slot.copy_from_slice(field);
            }
        }
        out
    }

    /// Reads the bytes back; only what [`Leaf::to_bytes`] writes is accepted.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LeafError> {
        let words: &[u8; LEAF_BYTES] = bytes
            .try_into()
            .map_err(|_| LeafError::Length { length: bytes.len() })?;
        let digest = |word| field::<32>(words, word).map(Digest);
        Ok(Self {
            decision_id: DecisionId(uuid::Uuid::from_bytes(field(words, 0)?)),
            time: Timestamp(u64::from_be_bytes(field(words, 1)?)),
            node: NodeAddress(field(words, 2)?),
            policy_version: PolicyVersion(digest(3)?),
            entry_point: digest(4)?,
            input_commitment: digest(5)?,
            data_digest: digest(6)?,
            result_digest: digest(7)?,
            detail_commitment: digest(8)?,
        })
    }
}

/// The last `N` bytes of a word whose other bytes must be zero.
fn field<const N: usize>(words: &[u8; LEAF_BYTES], word: usize) -> Result<[u8; N], LeafError> {
    let padding = || LeafError::Padding { word };
    let bytes = words.chunks_exact(32).nth(word).ok_or_else(padding)?;
    let (zeros, value) = bytes
        .split_at_checked(32usize.saturating_sub(N))
        .ok_or_else(padding)?;
    if zeros.iter().any(|b| *b != 0) {
        return Err(padding());
    }
    value.try_into().map_err(|_| padding())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_round_trip(id: [u8; 16], time: u64, node: [u8; 20], digests: [[u8; 32]; 6]) {
            let [a, b, c, d, e, f] = digests.map(Digest);
            let leaf = Leaf {
                decision_id: DecisionId(uuid::Uuid::from_bytes(id)),
                time: Timestamp(time),
                node: NodeAddress(node),
                policy_version: PolicyVersion(a),
                entry_point: b,
                input_commitment: c,
                data_digest: d,
                result_digest: e,
                detail_commitment: f,
            };
            prop_assert_eq!(Leaf::from_bytes(&leaf.to_bytes()), Ok(leaf));
        }

        #[test]
        fn only_canonical_bytes_are_accepted(bytes in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 280..296)) {
            if let Ok(leaf) = Leaf::from_bytes(&bytes) {
                prop_assert_eq!(leaf.to_bytes().to_vec(), bytes);
            }
        }
    }

    #[test]
    fn padding_must_be_zero() {
        let mut bytes = [0; LEAF_BYTES];
        assert!(Leaf::from_bytes(&bytes).is_ok());
        bytes[64 + 11] = 1;
        assert_eq!(Leaf::from_bytes(&bytes), Err(LeafError::Padding { word: 2 }));
        assert_eq!(
            Leaf::from_bytes(&bytes[1..]),
            Err(LeafError::Length { length: 287 })
        );
    }
}
