//! RFC 6962 trees as the RFC defines them, by recursion: an independent check of the contract's iterative verification.

use stele_types::{Digest, sha256};

/// A log of `count` leaves; `seed` makes different logs.
pub(crate) fn leaves(seed: u8, count: usize) -> Vec<Digest> {
    (0..count)
        .map(|index| leaf_hash(&[&[seed], &index.to_be_bytes()[..]].concat()))
        .collect()
}

pub(crate) fn leaf_hash(data: &[u8]) -> Digest {
    sha256(&[&[0], data])
}

pub(crate) fn node_hash(left: Digest, right: Digest) -> Digest {
    sha256(&[&[1], &left.0, &right.0])
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH of section 2.1, over leaf hashes.
pub(crate) fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(root(left), root(right))
        }
    }
}

/// PATH of section 2.1.1.
pub(crate) fn inclusion(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if index < k {
        [inclusion(index, left), vec![root(right)]].concat()
    } else {
        [inclusion(index - k, right), vec![root(left)]].concat()
    }
}

/// PROOF of section 2.1.2.
pub(crate) fn consistency(old: usize, leaves: &[Digest]) -> Vec<Digest> {
    subproof(old, leaves, true)
}

fn subproof(old: usize, leaves: &[Digest], complete: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if complete { Vec::new() } else { vec![root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if old <= k {
        [subproof(old, left, complete), vec![root(right)]].concat()
    } else {
        [subproof(old - k, right, false), vec![root(left)]].concat()
    }
}
