//! The system's clock, read here and nowhere deeper.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stele_pdp::Clock;
use stele_types::Timestamp;

/// Wall-clock and monotonic time of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that measures from now.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Wall-clock time in nanoseconds since the Unix epoch; a clock before 1970 reads as 0, one after 2554 as the largest time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
