//! The system's clock, read here and nowhere deeper; and the clock by which decisions are dated, which never falls behind the log and never jumps
//! ahead of the time that has passed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stele_ledger::storage::LatestTime;
use stele_pdp::Clock;
use stele_types::Timestamp;

/// Where wall-clock time comes from, and the time that has passed, by which jumps of it are noticed.
#[derive(Clone)]
pub struct WallClock {
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    passed: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl WallClock {
    /// A clock of one's own. `passed` grows as time passes and by nothing else, from any beginning.
    pub fn new(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        passed: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self {
            wall: Arc::new(wall),
            passed: Arc::new(passed),
        }
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WallClock").finish_non_exhaustive()
    }
}

/// How far the machine's clock may stand behind the log's latest entry for decisions to be made, dated like that entry: clocks are set back a little
/// all the time. Far below what the log refuses (`stele_ledger::Options::max_disorder`). As far it may be set ahead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often what a clock was set by, within [`PATIENCE`], is taken for right. So a clock that runs fast gains at most a sixtieth.
const ADOPTED_EVERY: Duration = Duration::from_secs(3_600);

/// This machine's clock.
#[must_use]
pub fn system_clock() -> WallClock {
    WallClock::new(now, since_boot)
}

/// Time since the machine was started, with that in which it slept: no step of the wall clock changes it.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanos)
}

/// Time since the first call. While the machine sleeps it stands still, so waking up looks like a clock that was set ahead.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

/// Where the wall clock stood at some moment; all of it in nanoseconds, modulo 2^64.
#[derive(Debug)]
struct Reference {
    /// Wall-clock time when none had passed.
    origin: AtomicU64,
    /// When that was taken, in time passed.
    taken: AtomicU64,
}

impl Reference {
    fn at(wall: Timestamp, passed: Duration) -> Self {
        let reference = Self {
            origin: AtomicU64::new(0),
            taken: AtomicU64::new(0),
        };
        reference.take(wall, passed);
        reference
    }

    fn take(&self, wall: Timestamp, passed: Duration) {
        let passed = nanos(passed);
        self.origin
            .store(wall.as_nanos().wrapping_sub(passed), Ordering::Relaxed);
        self.taken.store(passed, Ordering::Relaxed);
    }

    /// What a wall clock that was never set would say.
    fn expected(&self, passed: Duration) -> Timestamp {
        let origin = self.origin.load(Ordering::Relaxed);
        Timestamp::from_nanos(origin.wrapping_add(nanos(passed)))
    }

    fn is_old(&self, passed: Duration) -> bool {
        nanos(passed).saturating_sub(self.taken.load(Ordering::Relaxed)) >= nanos(ADOPTED_EVERY)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn ahead(wall: Timestamp, expected: Timestamp) -> Duration {
    Duration::from_nanos(wall.as_nanos().saturating_sub(expected.as_nanos()))
}

/// Dates decisions: by the wall clock, never before the log's latest entry, because a log whose times fall is evidence against its node, and never
/// by a clock that jumped ahead, because no log can go on from there when the clock is right again (`docs/protocol.md`, Time).
#[derive(Clone)]
pub struct DecisionClock {
    clock: WallClock,
    latest: LatestTime,
    reference: Arc<Reference>,
    start: Instant,
    /// Whether it was behind, or ahead, when it was last looked at, so that each change is told once.
    behind: Arc<AtomicBool>,
    ahead: Arc<AtomicBool>,
    /// Whether a step back was told that was not taken for right.
    back: Arc<AtomicBool>,
}

/// Why nothing can be dated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockProblem {
    /// The machine's clock stands too far behind the log.
    #[error(
        "this machine's clock says {now}, and the log's latest decision is dated {latest}, {} s later: nothing is decided until the clock has passed \
         that, because a log whose times fall is evidence against its node; set the clock right (docs/protocol.md, Time)",
        by.as_secs()
    )]
    Behind {
        /// What it says.
        now: Timestamp,
        /// The date of the log's latest decision.
        latest: Timestamp,
        /// How far it is behind that.
        by: Duration,
    },
    /// The machine's clock was set ahead.
    #[error(
        "this machine's clock says {now}, {} s more than by the time that has passed: it was set ahead, and nothing is decided until it is set back, \
         because no log can go on from a wrong date; if it was wrong before and is right now, restart the node (docs/protocol.md, Time)",
        by.as_secs()
    )]
    Ahead {
        /// What it says.
        now: Timestamp,
        /// How far it is ahead of the time that has passed.
        by: Duration,
    },
}

impl ClockProblem {
    /// The code of the error that callers get.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Behind { .. } => "clock_behind",
            Self::Ahead { .. } => "clock_ahead",
        }
    }
}

impl DecisionClock {
    /// A clock for a log. What the wall clock says now is taken for right, unless it stands behind the log.
    #[must_use]
    pub fn new(clock: WallClock, latest: LatestTime) -> Self {
        let reference = Reference::at((clock.wall)(), (clock.passed)());
        Self {
            clock,
            latest,
            reference: Arc::new(reference),
            start: Instant::now(),
            behind: Arc::default(),
            ahead: Arc::default(),
            back: Arc::default(),
        }
    }

    /// How far the wall clock stands behind the log's latest entry; zero as a rule.
    pub(crate) fn behind(&self) -> Duration {
        self.latest.ahead_of((self.clock.wall)())
    }

    /// How far the wall clock is ahead of the time that has passed; zero as a rule.
    pub(crate) fn ahead(&self) -> Duration {
        let passed = (self.clock.passed)();
        ahead((self.clock.wall)(), self.reference.expected(passed))
    }

    /// Whether decisions can be dated.
    ///
    /// # Errors
    /// [`ClockProblem`], by more than a minute.
    pub fn check(&self) -> Result<(), ClockProblem> {
        let passed = (self.clock.passed)();
        let now = (self.clock.wall)();
        let by = self.latest.ahead_of(now);
        if by > PATIENCE {
            let latest = self.latest.get().unwrap_or(now);
            return Err(told(&self.behind, ClockProblem::Behind { now, latest, by }));
        }
        if self.behind.load(Ordering::Relaxed) {
            // Where the clock was wrong from the node's start on, what passed since says nothing. Otherwise that still holds, or going back first would
            // be a way ahead. First this, or another thread takes it for ahead.
            if self.latest.ahead_of(self.reference.expected(passed)) > PATIENCE {
                self.reference.take(now, passed);
            }
            if self.behind.swap(false, Ordering::Relaxed) {
                tracing::warn!("the machine's clock is no longer behind the log");
            }
        }
        let expected = self.reference.expected(passed);
        let by = ahead(now, expected);
        if by > PATIENCE {
            return Err(told(&self.ahead, ClockProblem::Ahead { now, by }));
        }
        if self.ahead.load(Ordering::Relaxed) && self.ahead.swap(false, Ordering::Relaxed) {
            tracing::warn!("the machine's clock has been set back; decisions go on");
        }
        if self.reference.is_old(passed) {
            self.adopt(now, expected, passed);
        }
        Ok(())
    }

    /// Takes small steps for right. Not one far back: when that turns out wrong, the right clock would look as if it had been set ahead.
    fn adopt(&self, now: Timestamp, expected: Timestamp, passed: Duration) {
        let back = ahead(expected, now);
        if back <= PATIENCE {
            self.reference.take(now, passed);
            self.back.store(false, Ordering::Relaxed);
        } else if !self.back.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                seconds = back.as_secs(),
                "the machine's clock was set back; if it is right now, restart the node, which until then notices only when the clock is ahead of \
                 what it was before"
            );
        }
    }
}

/// Logs a problem the first time.
fn told(reported: &AtomicBool, problem: ClockProblem) -> ClockProblem {
    if !reported.swap(true, Ordering::Relaxed) {
        tracing::error!("{problem}");
    }
    problem
}

impl Clock for DecisionClock {
    fn now(&self) -> Timestamp {
        let expected = self.reference.expected((self.clock.passed)());
        // Whatever happens after the check: never further ahead than that allows.
        let bound = expected.as_nanos().saturating_add(nanos(PATIENCE));
        let now = (self.clock.wall)().min(Timestamp::from_nanos(bound));
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
