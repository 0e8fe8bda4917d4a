//! A clock that moves only when told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stele_types::Timestamp;

/// A clock for tests; share it by reference or in an `Arc`.
#[derive(Debug)]
pub struct FakeClock {
    nanos: AtomicU64,
}

impl FakeClock {
    /// A clock that shows this time.
    pub const fn at(time: Timestamp) -> Self {
        Self {
            nanos: AtomicU64::new(time.as_nanos()),
        }
    }

    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.nanos.load(Ordering::SeqCst))
    }

    /// Moves it forward and returns the new time. Stops at the largest timestamp.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let step = |now: u64| Some(now.saturating_add(by));
        let before = self
            .nanos
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, step)
            .unwrap_or_else(|now| now);
        Timestamp(before.saturating_add(by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_only_when_told() {
        let clock = FakeClock::at(Timestamp(5));
        assert_eq!((clock.now(), clock.now()), (Timestamp(5), Timestamp(5)));
        assert_eq!(clock.advance(Duration::from_nanos(3)), Timestamp(8));
        assert_eq!(clock.advance(Duration::MAX), Timestamp(u64::MAX));
        assert_eq!(clock.now(), Timestamp(u64::MAX));
    }
}
