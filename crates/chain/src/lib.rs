//! The chain: governance contract bindings, one client, the embedded node.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

pub mod client;
pub mod contracts;
pub mod error;
pub mod node;

pub use error::ChainError;
