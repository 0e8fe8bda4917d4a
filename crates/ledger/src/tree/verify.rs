//! Checking proofs, with nothing but the proof. Follows RFC 9162 sections 2.1.3.2 and 2.1.4.2.

use stele_types::{Digest, LeafIndex, TreeSize};

use super::{empty_root, node_hash};

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf can't be in a tree of that size.
    #[error("leaf {index} can't be in a tree of {size} leaves")]
    NoSuchLeaf {
        /// The leaf.
        index: LeafIndex,
        /// The tree's size.
        size: TreeSize,
    },
    /// The sizes are in the wrong order.
    #[error("a tree of {old} leaves is not older than one of {new}")]
    NotOlder {
        /// Size of the older tree.
        old: TreeSize,
        /// Size of the newer tree.
        new: TreeSize,
    },
    /// The proof has too few or too many hashes.
    #[error("the proof has {found} hashes, which does not fit the sizes it is for")]
    Length {
        /// Number of hashes found.
        found: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to root {computed}, but the {which} tree has root {expected}")]
    Root {
        /// `older` or `newer`, for consistency; `signed`, for inclusion.
        which: &'static str,
        /// What the proof gives.
        computed: Digest,
        /// What it should give.
        expected: Digest,
    },
}

/// The root that an audit path leads to.
pub fn root_of_inclusion(
    leaf_hash: &Digest,
    index: LeafIndex,
    size: TreeSize,
    path: &[Digest],
) -> Result<Digest, ProofError> {
    let last = size.last_index().filter(|last| index <= *last);
    let last = last.ok_or(ProofError::NoSuchLeaf { index, size })?;
    let wrong_length = ProofError::Length { found: path.len() };
    let (mut node, mut last) = (index.get(), last.get());
    let mut hash = *leaf_hash;
    for sibling in path {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A node without a right sibling is promoted until it is one itself.
            let skip = node.trailing_zeros();
            if node & 1 == 0 {
                node = node.checked_shr(skip).unwrap_or(0);
                last = last.checked_shr(skip).unwrap_or(0);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(hash) } else { Err(wrong_length) }
}

/// Checks that a leaf is in the tree with this size and root.
pub fn inclusion(
    leaf_hash: &Digest,
    index: LeafIndex,
    size: TreeSize,
    path: &[Digest],
    root: &Digest,
) -> Result<(), ProofError> {
    let computed = root_of_inclusion(leaf_hash, index, size, path)?;
    same_root("signed", computed, root)
}

fn same_root(which: &'static str, computed: Digest, expected: &Digest) -> Result<(), ProofError> {
    if computed == *expected {
        Ok(())
    } else {
        Err(ProofError::Root {
            which,
            computed,
            expected: *expected,
        })
    }
}

/// Checks that the older tree is a prefix of the newer one.
pub fn consistency(
    old: TreeSize,
    new: TreeSize,
    old_root: &Digest,
    new_root: &Digest,
    path: &[Digest],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::NotOlder { old, new });
    }
    let wrong_length = ProofError::Length { found: path.len() };
    if old == new || old == TreeSize::ZERO {
        if !path.is_empty() {
            return Err(wrong_length);
        }
        return if old == new {
            same_root("newer", *old_root, new_root)
        } else {
            same_root("older", empty_root(), old_root)
        };
    }
    // When the old size is a power of two the old root is itself the first node of the path.
    let mut hashes = path.iter();
    let first = if old.get().is_power_of_two() {
        Some(old_root)
    } else {
        hashes.next()
    };
    let first = first.ok_or_else(|| wrong_length.clone())?;
    // The climb starts at the largest complete subtree that ends with the old tree's last leaf.
    let old_last = old.get().saturating_sub(1);
    let skip = old_last.trailing_ones();
    let mut node = old_last.checked_shr(skip).unwrap_or(0);
    let mut last = new.get().saturating_sub(1).checked_shr(skip).unwrap_or(0);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in hashes {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            if node & 1 == 0 {
                let promoted = node.trailing_zeros();
                node = node.checked_shr(promoted).unwrap_or(0);
                last = last.checked_shr(promoted).unwrap_or(0);
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    same_root("older", old_hash, old_root)?;
    same_root("newer", new_hash, new_root)
}
