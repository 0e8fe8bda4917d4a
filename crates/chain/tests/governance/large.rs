//! Trees of a million leaves without a million hashes: all leaves but one are equal, so that all whole subtrees of a size are.

use std::collections::HashMap;

use stele_types::Digest;

use crate::merkle::node_hash;

/// The hash of every leaf but the special one.
const COMMON: Digest = Digest([0x11; 32]);

/// A tree in which at most one leaf differs from the others.
pub(crate) struct LargeTree {
    special: Option<(u64, Digest)>,
    uniform: HashMap<u64, Digest>,
}

/// The largest power of two below `n`.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

impl LargeTree {
    pub(crate) fn new(special: Option<(u64, Digest)>) -> Self {
        Self {
            special,
            uniform: HashMap::new(),
        }
    }

    fn uniform(&mut self, size: u64) -> Digest {
        if size == 1 {
            return COMMON;
        }
        if let Some(known) = self.uniform.get(&size) {
            return *known;
        }
        let left = split(size);
        let hash = node_hash(self.uniform(left), self.uniform(size - left));
        self.uniform.insert(size, hash);
        hash
    }

    /// The root of the subtree with `size` leaves from `start` on.
    fn subtree(&mut self, start: u64, size: u64) -> Digest {
        match self.special {
            Some((index, hash)) if (start..start + size).contains(&index) => {
                if size == 1 {
                    return hash;
                }
                let left = split(size);
                node_hash(self.subtree(start, left), self.subtree(start + left, size - left))
            }
            _ => self.uniform(size),
        }
    }

    pub(crate) fn root(&mut self, size: u64) -> Digest {
        self.subtree(0, size)
    }

    /// PATH of RFC 6962, section 2.1.1.
    pub(crate) fn inclusion(&mut self, index: u64, size: u64) -> Vec<Digest> {
        self.path(index, 0, size)
    }

    fn path(&mut self, index: u64, start: u64, size: u64) -> Vec<Digest> {
        if size == 1 {
            return Vec::new();
        }
        let left = split(size);
        let (mut path, sibling) = if index < start + left {
            (
                self.path(index, start, left),
                self.subtree(start + left, size - left),
            )
        } else {
            (
                self.path(index, start + left, size - left),
                self.subtree(start, left),
            )
        };
        path.push(sibling);
        path
    }

    /// PROOF of RFC 6962, section 2.1.2.
    pub(crate) fn consistency(&mut self, old: u64, new: u64) -> Vec<Digest> {
        self.subproof(old, 0, new, true)
    }

    fn subproof(&mut self, old: u64, start: u64, size: u64, complete: bool) -> Vec<Digest> {
        if old == size {
            return if complete {
                Vec::new()
            } else {
                vec![self.subtree(start, size)]
            };
        }
        let left = split(size);
        let (mut proof, sibling) = if old <= left {
            (
                self.subproof(old, start, left, complete),
                self.subtree(start + left, size - left),
            )
        } else {
            (
                self.subproof(old - left, start + left, size - left, false),
                self.subtree(start, left),
            )
        };
        proof.push(sibling);
        proof
    }
}

#[test]
fn large_trees_are_trees() {
    use crate::merkle::{consistency, inclusion, root};
    for (size, special) in [(1_u64, 0_u64), (2, 1), (7, 3), (13, 12), (16, 5)] {
        let mut leaves = vec![COMMON; size as usize];
        leaves[special as usize] = Digest([0x22; 32]);
        let mut tree = LargeTree::new(Some((special, Digest([0x22; 32]))));
        assert_eq!(tree.root(size), root(&leaves));
        assert_eq!(
            tree.inclusion(special, size),
            inclusion(special as usize, &leaves)
        );
        for old in 1..=size {
            assert_eq!(tree.consistency(old, size), consistency(old as usize, &leaves));
        }
    }
}
