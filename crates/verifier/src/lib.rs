//! A verifier: follows nodes' logs, re-executes their decisions, and cosigns their checkpoints for witnesses' clients and for the ledger
//! contract. `docs/verifiers.md` says what its signatures mean.
//!
//! Each log has one task, which alone reads and writes the log's state; requests reach it through a queue. So the check of a head against
//! the last one and its keeping are one step, as C2SP tlog-witness demands.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

mod alert;
pub mod bundles;
mod challenge;
pub mod config;
mod cosign;
mod dispute;
mod error;
mod follow;
mod gate;
mod order;
mod place;
mod precedence;
pub mod replay;
mod serve;
pub mod source;
pub mod state;
pub mod stats;
mod timeline;
mod verifier;

pub use alert::Alerts;
pub use config::{DisputesConfig, FollowedLog, VerifierConfig};
pub use cosign::{Answer, Signers};
pub use dispute::{DisputeAnswer, DisputeRequest, DisputeVerdict};
pub use error::VerifierError;
pub use follow::Sampling;
pub use order::Latest;
pub use serve::{ANCHOR_HEADER, REFUSED_HEADER};
pub use state::{Accusation, Accused, Head, Hindrance, Refusal};
pub use timeline::Timeline;
pub use verifier::{Deps, Handle, Verifier, resolve, resolve_origin};
