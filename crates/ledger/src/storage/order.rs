//! The order of the log's times. Two leaves of which the one behind is dated long before the one ahead convict the node (`Challenge.refuteDate`), so
//! an honest log never takes the second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stele_types::Timestamp;

use super::LedgerError;

/// The latest date of a log's entries, those that wait to be written included. Clones see the same log.
///
/// INVARIANT: it never falls, and changes only under the lock of the queue.
#[derive(Debug, Clone)]
pub struct LatestTime(Arc<AtomicU64>);

impl LatestTime {
    pub(crate) fn new(latest: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(latest.as_nanos())))
    }

    /// The latest date; none in an empty log.
    pub fn get(&self) -> Option<Timestamp> {
        let nanos = self.0.load(Ordering::Acquire);
        (nanos != 0).then_some(Timestamp(nanos))
    }

    /// How far a clock stands behind it.
    pub fn ahead_of(&self, clock: Timestamp) -> Duration {
        let latest = self.0.load(Ordering::Acquire);
        Duration::from_nanos(latest.saturating_sub(clock.as_nanos()))
    }

    /// Takes an entry of this date, unless it is dated more than `disorder` before the latest.
    pub(crate) fn admit(&self, time: Timestamp, disorder: Option<Duration>) -> Result<(), LedgerError> {
        let behind = self.ahead_of(time);
        if disorder.is_some_and(|disorder| behind > disorder) {
            return Err(LedgerError::OutOfOrder {
                time,
                latest: self.get().unwrap_or(time),
            });
        }
        self.0.fetch_max(time.as_nanos(), Ordering::AcqRel);
        Ok(())
    }
}
