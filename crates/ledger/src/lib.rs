//! The Merkle decision log: tree, proofs, tiles, checkpoints, storage, verification, fsck.
