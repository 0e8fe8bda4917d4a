//! How a log behaves.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::LedgerError;

/// When a decision is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AckMode {
    /// When its leaf and record are durable.
    #[default]
    Durable,
    /// When it is queued. A crash loses what was not yet written: at most the linger plus one group commit.
    Memory,
}

/// What one group commit did.
#[derive(Debug, Clone, Copy)]
pub struct CommitStats {
    /// Decisions in it.
    pub decisions: usize,
    /// Bytes written.
    pub bytes: usize,
    /// How long the sync took.
    pub sync: Duration,
    /// How long all of it took.
    pub total: Duration,
}

/// Called after each group commit, on the writer's thread.
pub type OnCommit = Arc<dyn Fn(&CommitStats) + Send + Sync>;
/// Called after the decisions of a group commit were acknowledged or refused, on the writer's thread. True while others wait already: then it is called
/// again after the next commit, and until then nobody waits for a call that does not come.
pub type OnAcknowledged = Arc<dyn Fn(bool) + Send + Sync>;
/// Called when publishing in the background failed.
pub type OnPublishError = Arc<dyn Fn(&LedgerError) + Send + Sync>;

/// Default of [`Options::max_disorder`].
pub const MAX_DISORDER: Duration = Duration::from_secs(15 * 60);

/// How a log behaves. [`Options::default`] gives the documented defaults.
#[derive(Clone)]
pub struct Options {
    /// When a decision is acknowledged. Default: [`AckMode::Durable`].
    pub ack: AckMode,
    /// How long the writer waits for company after the first decision of a batch. Default: not at all.
    ///
    /// Each group commit costs one sync, and takes all that came in while the one before it ran. Waiting longer makes batches larger, which
    /// spares slow disks, and latency longer by as much; callers that wait for their answers ask less often then.
    pub linger: Duration,
    /// How far an entry may be dated before the latest one ahead of it; what is dated before that is refused ([`LedgerError::OutOfOrder`]).
    /// Default: 15 minutes, a quarter of what the contract `Challenge` takes for an accident (`docs/protocol.md`). `None` keeps no order: a node
    /// that does without can be suspended for what it logs.
    pub max_disorder: Option<Duration>,
    /// Most decisions of a batch. Default: 1,024.
    pub max_batch: usize,
    /// A batch is closed when it reaches this many bytes. Default: 8 MiB.
    pub max_batch_bytes: usize,
    /// Appends are refused while this many bytes wait for the disk. Default: 256 MiB.
    pub max_queue_bytes: usize,
    /// Largest record. Default: 64 MiB.
    pub max_record_bytes: usize,
    /// A record file is finished when it reaches this many bytes. Default: 64 MiB, which a start reads in well under a
    /// second.
    pub segment_bytes: u64,
    /// How often tiles and checkpoint are published in the background; `None`: only when asked. Default: 1 s.
    pub publish_interval: Option<Duration>,
    /// Observer of group commits.
    pub on_commit: Option<OnCommit>,
    /// Told when a group commit's decisions have been acknowledged: what was gathered from them is a whole batch.
    pub on_acknowledged: Option<OnAcknowledged>,
    /// Observer of failures to publish in the background.
    pub on_publish_error: Option<OnPublishError>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ack: AckMode::Durable,
            linger: Duration::ZERO,
            max_disorder: Some(MAX_DISORDER),
            max_batch: 1_024,
            max_batch_bytes: 8 << 20,
            max_queue_bytes: 256 << 20,
            max_record_bytes: 64 << 20,
            segment_bytes: 64 << 20,
            publish_interval: Some(Duration::from_secs(1)),
            on_commit: None,
            on_acknowledged: None,
            on_publish_error: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("ack", &self.ack)
            .field("linger", &self.linger)
            .field("max_disorder", &self.max_disorder)
            .field("max_batch", &self.max_batch)
            .field("max_batch_bytes", &self.max_batch_bytes)
            .field("max_queue_bytes", &self.max_queue_bytes)
            .field("max_record_bytes", &self.max_record_bytes)
            .field("segment_bytes", &self.segment_bytes)
            .field("publish_interval", &self.publish_interval)
            .finish_non_exhaustive()
    }
}
