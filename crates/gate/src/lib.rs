//! The gate: files of a repository as inputs of policies, with the place of every value, and what the policies find in them.
//!
//! [`walk::Sources`] says which files there are, [`source::Source::read`] reads one, a [`check::Worker`] asks the policies, and [`report`] writes down what was
//! found. A finding's place is no guess: the evaluation tells what the policy read ([`stele_policy::derive`]), and the reader of the
//! format where that stands.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

pub mod attestation;
pub mod baseline;
pub mod changed;
pub mod check;
pub mod evidence;
pub mod exception;
pub mod finding;
pub mod fix;
pub mod format;
mod guess;
pub mod kind;
mod kustomize;
mod names;
pub mod node;
pub mod report;
mod run;
mod shape;
pub mod source;
mod subject;
mod text;
pub mod walk;

pub use baseline::{Baseline, BaselineError};
pub use check::{CheckError, Checker};
pub use exception::{ExceptionError, Exceptions, Exempt};
pub use finding::{Failure, Finding};
pub use names::Names;
pub use run::{Outcome, run};
pub use text::Position;
