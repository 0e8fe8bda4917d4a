//! Time, passed in.

use std::time::Duration;

use stele_types::Timestamp;

/// Where a decider reads the time.
pub trait Clock: Send {
    /// Wall-clock time: goes into records and answers `time.now_ns()`.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start, never going back: measures latency.
    fn monotonic(&self) -> Duration;
}
