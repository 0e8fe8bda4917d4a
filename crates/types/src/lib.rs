//! Ids, digests, units, canonical value encoding, record and leaf; no I/O, no async.
//!
//! Everything else in Stele stands on this crate: [`Value`] and [`Number`] are what policies compute with,
//! [`json`] and [`encoding`] are their two byte forms, and [`DecisionRecord`] and [`Leaf`] are what a decision
//! leaves behind. The byte formats are normative in `docs/formats/`.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

pub mod digest;
pub mod encoding;
pub mod ids;
pub mod input_kind;
pub mod json;
pub mod layer;
pub mod leaf;
pub mod number;
pub mod receipt;
pub mod record;
pub mod time;
pub mod units;
pub mod value;
pub mod violation;

pub use digest::{Digest, Salt, commit, keccak256, sha256};
pub use ids::{DecisionId, EntryPoint, EvmAddress, IdError, NodeAddress, PolicyId, PolicyVersion};
pub use input_kind::InputKind;
pub use layer::Layer;
pub use leaf::{LEAF_BYTES, Leaf, LeafError};
pub use number::{Number, NumberError};
pub use receipt::Receipt;
pub use record::{
    BundleRevision, DecisionRecord, NO_ANSWER, Part, RecordCheck, RecordError, Rendered, result_digest,
};
pub use time::Timestamp;
pub use units::{BlockNumber, ChainId, Gas, LeafIndex, TreeSize};
pub use uuid::Uuid;
pub use value::Value;
pub use violation::{Enforcement, Severity, Violation};
