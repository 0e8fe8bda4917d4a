//! Background tasks: they never hold up a decision, retry with growing pauses, and report to [`crate::health::Status`].

mod anchor;
mod backoff;
mod follower;
mod omissions;
mod quorum;

pub use anchor::AnchorView;
pub(crate) use anchor::run as run_anchor;
pub use follower::BundleStore;
pub(crate) use follower::{Follower, look_at_standing, run as run_follower};
pub(crate) use omissions::run as run_omissions;

/// The anchoring task's name in status and metrics.
pub(crate) const ANCHOR: &str = "anchor";
/// The registry follower's name in status and metrics.
pub(crate) const REGISTRY: &str = "registry";
/// The name in status and metrics of the task that answers claims of omission.
pub(crate) const OMISSIONS: &str = "omissions";
