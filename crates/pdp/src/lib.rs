//! Decision point: policy snapshots, `decide()`, limits; owns the [`DecisionSink`] trait.
//!
//! * [`Snapshot`]: the policies in force, immutable; [`SnapshotStore`] swaps it as a whole.
//! * [`Decider`]: one per thread; keeps that thread's engines and answers requests on the newest snapshot.
//! * [`verdict`]: what a policy's document means (allowed, denied, warned) and which violations it names.
//! * [`DecisionSink`]: where records and leaves go; an answer may leave only after the sink has acknowledged.
//!
//! No I/O and no clock of its own: time comes through [`Clock`], randomness through a generator.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

mod challengeable;
mod clock;
pub mod compile;
mod decider;
mod error;
mod evidence;
mod nd;
pub mod query;
mod resolve;
mod sink;
mod snapshot;
pub mod verdict;

pub use clock::Clock;
pub use decider::{Answer, Decider, Decision, Failure, Input, Request};
pub use error::{DecideError, SnapshotError};
pub use evidence::Attributes;
pub use nd::{NdBounds, NdHost};
pub use sink::{Ack, DecisionSink, Documents, Done, Evidence, SinkError};
pub use snapshot::{
    ContractRef, FailMode, NodeContext, PolicyInForce, PolicyOptions, Snapshot, SnapshotStore,
};
pub use verdict::{Judgement, Verdict};
