//! A tree's right edge in the fewest hashes: enough to append leaves and to know the root, and nothing else.

use serde::{Deserialize, Serialize};
use stele_types::{Digest, TreeSize};

use super::{empty_root, node_hash};

/// The roots of the complete subtrees that a tree of this size is made of, the largest first.
///
/// INVARIANT: one hash for each bit that is set in the size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Edge {
    size: u64,
    hashes: Vec<Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    size: u64,
    hashes: Vec<Digest>,
}

impl TryFrom<Parts> for Edge {
    type Error = &'static str;

    fn try_from(Parts { size, hashes }: Parts) -> Result<Self, Self::Error> {
        if u32::try_from(hashes.len()) == Ok(size.count_ones()) {
            Ok(Self { size, hashes })
        } else {
            Err("an edge has one hash for each bit that is set in its size")
        }
    }
}

impl From<Edge> for Parts {
    fn from(Edge { size, hashes }: Edge) -> Self {
        Self { size, hashes }
    }
}

impl Edge {
    /// Number of leaves.
    pub const fn size(&self) -> TreeSize {
        TreeSize::new(self.size)
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        let mut hash = leaf_hash;
        // Each trailing one is a complete subtree as large as the one in hand.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.hashes.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// RFC 6962 root.
    pub fn root(&self) -> Digest {
        let mut parts = self.hashes.iter().rev();
        let Some(smallest) = parts.next() else {
            return empty_root();
        };
        parts.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{TileRows, root};

    #[test]
    fn its_root_is_the_trees_at_every_size() {
        let (mut edge, mut rows) = (Edge::default(), TileRows::new());
        for number in 0..1_100u64 {
            assert_eq!(edge.root(), root(&rows, rows.size()).unwrap());
            assert_eq!(edge.hashes.len() as u32, edge.size.count_ones());
            let mut leaf = [0; stele_types::LEAF_BYTES];
            leaf[..8].copy_from_slice(&number.to_be_bytes());
            edge.push(rows.push(&leaf));
        }
        let text = serde_json::to_string(&edge).unwrap();
        assert_eq!(serde_json::from_str::<Edge>(&text).unwrap(), edge);
        assert!(serde_json::from_str::<Edge>(r#"{"size":3,"hashes":[]}"#).is_err());
    }
}
