//! The system's clock, read here and nowhere deeper; and the clock by which decisions are dated, which never falls behind the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stele_ledger::storage::LatestTime;
use stele_pdp::Clock;
use stele_types::Timestamp;

/// Where wall-clock time comes from.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How far the machine's clock may stand behind the log's latest entry for decisions to be made, dated like that entry: clocks are set back a little
/// all the time. Far below what the log refuses (`stele_ledger::Options::max_disorder`).
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// This machine's clock.
#[must_use]
pub fn system_clock() -> WallClock {
    Arc::new(now)
}

/// Dates decisions: by the wall clock, and never before the log's latest entry, because a log whose times fall is evidence against its node
/// (`docs/protocol.md`, Time).
#[derive(Clone)]
pub(crate) struct DecisionClock {
    wall: WallClock,
    latest: LatestTime,
    start: Instant,
    /// Whether it was behind when it was last looked at, so that each change is told once.
    reported: Arc<AtomicBool>,
}

/// The machine's clock stands too far behind the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this machine's clock says {now}, and the log's latest decision is dated {latest}, {} s later: nothing is decided until the clock has passed that, \
     because a log whose times fall is evidence against its node; set the clock right (docs/protocol.md, Time)",
    by.as_secs()
)]
pub(crate) struct ClockBehind {
    now: Timestamp,
    latest: Timestamp,
    by: Duration,
}

impl DecisionClock {
    /// A clock for a log.
    pub(crate) fn new(wall: WallClock, latest: LatestTime) -> Self {
        Self {
            wall,
            latest,
            start: Instant::now(),
            reported: Arc::default(),
        }
    }

    /// How far the wall clock stands behind the log's latest entry; zero as a rule.
    pub(crate) fn behind(&self) -> Duration {
        self.latest.ahead_of((self.wall)())
    }

    /// Whether decisions can be dated.
    ///
    /// # Errors
    /// [`ClockBehind`], by more than [`PATIENCE`].
    pub(crate) fn check(&self) -> Result<(), ClockBehind> {
        let now = (self.wall)();
        let by = self.latest.ahead_of(now);
        if by <= PATIENCE {
            if self.reported.load(Ordering::Relaxed) && self.reported.swap(false, Ordering::Relaxed) {
                tracing::warn!("the machine's clock has caught up with the log; decisions go on");
            }
            return Ok(());
        }
        let behind = ClockBehind {
            now,
            latest: self.latest.get().unwrap_or(now),
            by,
        };
        if !self.reported.swap(true, Ordering::Relaxed) {
            tracing::error!("{behind}");
        }
        Err(behind)
    }
}

impl Clock for DecisionClock {
    fn now(&self) -> Timestamp {
        let now = (self.wall)();
        self.latest.get().map_or(now, |latest| latest.max(now))
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
