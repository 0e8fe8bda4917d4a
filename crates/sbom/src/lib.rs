//! Software bills of materials: what lock files and container images say a project is made of, as one model, written as CycloneDX and SPDX.
//!
//! [`scan`] reads a directory, [`scan_image`] a container image, into an [`Inventory`] of [`Component`]s; [`report`] writes it. Nothing here reads a clock or asks a network. A file
//! that can't be read is a [`Problem`], and the rest is read all the same.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "tests may panic"
    )
)]

mod image;
mod lock;
mod model;
pub mod report;

mod tree;

pub use image::{ImageError, is_image, scan_image};
pub use lock::{LockKind, scan};
pub use model::{
    Component, Ecosystem, Hash, HashAlgorithm, Invalid, Inventory, Licence, Location, Name, Problem,
    ProblemKind, Purl, Scope, SourcePackage, Subject, SubjectKind, Version,
};
pub use tree::{Directory, Memory, Tree};
