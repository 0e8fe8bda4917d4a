//! The RFC 6962 Merkle tree: hashes, roots, and the making of proofs.
//!
//! Everything is written over [`HashSource`], which yields hashes of complete subtrees; tiles, memory and naive test
//! trees all implement it. Checking proofs is in [`verify`].

mod edge;
mod rows;
#[cfg(test)]
mod tests;
pub mod verify;

use stele_types::{Digest, LeafIndex, TreeSize, sha256};

pub use edge::Edge;
pub use rows::{ENTRY_BYTES, FullTile, NotInMemory, TileRows, fold};

/// Hash of a leaf: SHA-256(0x00 || leaf) (RFC 6962 section 2.1).
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    sha256(&[&[0], leaf])
}

/// Hash of an inner node: SHA-256(0x01 || left || right) (RFC 6962 section 2.1).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    // One contiguous buffer, because the streaming interface costs more than the copy.
    let mut buffer = [1; 65];
    let (_, both) = buffer.split_at_mut(1);
    let (left_half, right_half) = both.split_at_mut(32);
    left_half.copy_from_slice(&left.0);
    right_half.copy_from_slice(&right.0);
    sha256(&[&buffer])
}

/// Root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    sha256(&[b""])
}

/// Yields the hashes of complete subtrees.
pub trait HashSource {
    /// What can go wrong when a hash is fetched.
    type Error;

    /// Hash of the complete subtree over the `2^level` leaves that start at leaf `index x 2^level`.
    fn node(&self, level: u8, index: u64) -> Result<Digest, Self::Error>;
}

/// Why a proof can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// The leaf is not in a tree of that size.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    NoSuchLeaf {
        /// The leaf asked for.
        index: LeafIndex,
        /// The tree's size.
        size: TreeSize,
    },
    /// The old tree is larger than the new one.
    #[error("a tree of {old} leaves is not older than one of {new}")]
    NotOlder {
        /// Size of the older tree.
        old: TreeSize,
        /// Size of the newer tree.
        new: TreeSize,
    },
    /// A hash could not be fetched.
    #[error(transparent)]
    Source(E),
}

/// The largest power of two below `count`, as its exponent; `count` must be at least 2.
fn split_level(count: u64) -> u8 {
    u8::try_from(count.saturating_sub(1).max(1).ilog2()).unwrap_or(63)
}

/// Hash of the `count >= 1` leaves from `start`, which must be a multiple of the smallest power of two `>= count`.
fn range_hash<S: HashSource>(source: &S, start: u64, count: u64) -> Result<Digest, S::Error> {
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return source.node(
            u8::try_from(level).unwrap_or(63),
            start.checked_shr(level).unwrap_or(0),
        );
    }
    let level = split_level(count);
    let left_count = 1u64.checked_shl(level.into()).unwrap_or(0);
    let left = source.node(level, start.checked_shr(level.into()).unwrap_or(0))?;
    let right = range_hash(
        source,
        start.saturating_add(left_count),
        count.saturating_sub(left_count),
    )?;
    Ok(node_hash(&left, &right))
}

/// Merkle tree hash of the first `size` leaves (RFC 6962 section 2.1).
pub fn root<S: HashSource>(source: &S, size: TreeSize) -> Result<Digest, S::Error> {
    match size.get() {
        0 => Ok(empty_root()),
        count => range_hash(source, 0, count),
    }
}

/// Audit path of a leaf, from the leaf up (RFC 6962 section 2.1.1).
pub fn inclusion_proof<S: HashSource>(
    source: &S,
    index: LeafIndex,
    size: TreeSize,
) -> Result<Vec<Digest>, TreeError<S::Error>> {
    if !size.contains(index) {
        return Err(TreeError::NoSuchLeaf { index, size });
    }
    // Going down from the root, remember the sibling at each fork; the path lists them from the leaf up.
    let mut path = Vec::new();
    let (mut start, mut count) = (0u64, size.get());
    while count > 1 {
        let left_count = 1u64.checked_shl(split_level(count).into()).unwrap_or(0);
        let (right_start, right_count) = (start.saturating_add(left_count), count.saturating_sub(left_count));
        let sibling = if index.get() < right_start {
            count = left_count;
            range_hash(source, right_start, right_count)
        } else {
            let left = range_hash(source, start, left_count);
            (start, count) = (right_start, right_count);
            left
        };
        path.push(sibling.map_err(TreeError::Source)?);
    }
    path.reverse();
    Ok(path)
}

/// Proof that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 6962 section 2.1.2).
///
/// Empty when the sizes are equal or the old tree is empty: then there is nothing to prove.
pub fn consistency_proof<S: HashSource>(
    source: &S,
    old: TreeSize,
    new: TreeSize,
) -> Result<Vec<Digest>, TreeError<S::Error>> {
    if old > new {
        return Err(TreeError::NotOlder { old, new });
    }
    if old == new || old == TreeSize::ZERO {
        return Ok(Vec::new());
    }
    let mut path = Vec::new();
    let (mut start, mut count, mut wanted) = (0u64, new.get(), old.get());
    // `known`: the verifier knows the hash of the subtree in hand, because it is the old tree itself.
    let mut known = true;
    while wanted != count {
        let left_count = 1u64.checked_shl(split_level(count).into()).unwrap_or(0);
        let (right_start, right_count) = (start.saturating_add(left_count), count.saturating_sub(left_count));
        let sibling = if wanted <= left_count {
            count = left_count;
            range_hash(source, right_start, right_count)
        } else {
            let left = range_hash(source, start, left_count);
            (start, count) = (right_start, right_count);
            wanted = wanted.saturating_sub(left_count);
            known = false;
            left
        };
        path.push(sibling.map_err(TreeError::Source)?);
    }
    if !known {
        path.push(range_hash(source, start, count).map_err(TreeError::Source)?);
    }
    path.reverse();
    Ok(path)
}
