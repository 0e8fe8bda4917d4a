//! What an evaluation did, told in the terms of the source: the events that OPA traces.
//!
//! [`crate::compile_traced`] compiles as [`crate::compile`] does, and puts a *point* where a body begins, before each expression, where
//! the expression held, and where the body's value is known. The virtual machine tells a [`Probe`](crate::vm::Probe) when it passes
//! one. A plan knows no backtracking: it loops, and leaves blocks. What an expression did in between follows from the order of the points, and that
//! is what [`Recorder`] works out: it failed if it did not hold before something around or before it went on, and it is tried again
//! (`redo`) when it holds once more.

mod coverage;
mod edits;
mod event;
mod map;
mod node;
mod pretty;
mod profile;
mod provenance;
mod recorder;
#[cfg(test)]
mod tests;
mod view;

pub use coverage::Hits;
pub use edits::{Edit, edits};
pub use event::{Event, Mode, Node, Op};
pub(crate) use map::{Body, Branch, Expression, PointKind};
pub use map::{Location, Map, RuleHead};
pub use node::show;
pub use profile::{Cost, Profiler};
pub use provenance::{Derivation, Provenance, Read};
pub use recorder::{Recorder, Trace};

/// The builtin that a plan calls at a point: the number of the point as a string, then the values it reports. OPA's plans have
/// no statement for it; plans for other readers are not traced.
pub(crate) const POINT: &str = "internal.trace_point";

/// The builtin that `print` becomes.
pub(crate) const PRINT: &str = "internal.print";
