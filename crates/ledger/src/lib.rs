//! The Merkle decision log: tree, proofs, tiles, checkpoints, storage, verification, fsck.
//!
//! The modules at the top are pure: a third party that verifies proofs needs only them and `stele-types`
//! (`default-features = false`). The feature `storage` adds [`Ledger`], the log on disk.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

pub mod checkpoint;
pub mod mask;
pub mod note;
pub mod proof;
pub mod receipt;
#[cfg(feature = "storage")]
pub mod storage;
pub mod tile;
pub mod tree;
pub mod witness;

pub use checkpoint::{Checkpoint, SignedCheckpoint, default_origin};
pub use note::{SigningKey, VerifierKey};
pub use proof::{Anchor, ProofBundle, Report, verify};
#[cfg(feature = "storage")]
pub use storage::{
    Ack, AckMode, Entry, Erasure, ErasureRequest, Ledger, LedgerError, ListQuery, Options, Page, Prepared,
    StaticFile, StoredAnchor, fsck::FsckReport,
};
pub use witness::{Cosigner, CosignerKey};
