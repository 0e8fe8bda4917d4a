//! What all workers and tasks may read. Nothing in here is written on the way of a decision.

use std::sync::Arc;

use stele_pdp::{NodeContext, SnapshotStore};
use stele_types::Timestamp;
use tokio::sync::watch;

use crate::clock::DecisionClock;
use crate::config::ServerConfig;
use crate::health::Status;
use crate::log::DecisionLog;
use crate::metrics::{Totals, WorkerMetrics};
use crate::remote::Remote;
use crate::standing::Standing;
use crate::tasks::BundleStore;

/// Read by all, changed by none; what changes inside (snapshots, status) has its own synchronisation.
pub(crate) struct Shared {
    /// The configuration.
    pub(crate) config: ServerConfig,
    /// The policies in force.
    pub(crate) snapshots: Arc<SnapshotStore>,
    /// Takes evidence, and answers questions about it.
    pub(crate) log: DecisionLog,
    /// Dates decisions.
    pub(crate) clock: DecisionClock,
    /// Whether the node registry counts this node: what it promises else, nobody would be held to.
    pub(crate) standing: Standing,
    /// Who we are.
    pub(crate) node: NodeContext,
    /// Decides where other hosts are asked; none when no host may be.
    pub(crate) remote: Option<Remote>,
    /// Bundles of versions that are or were in force, where there is a chain.
    pub(crate) bundles: Option<BundleStore>,
    /// What the tasks report.
    pub(crate) status: Status,
    /// Every worker's counts.
    pub(crate) worker_metrics: Vec<Arc<WorkerMetrics>>,
    /// Anchoring as last seen.
    pub(crate) anchored: watch::Receiver<crate::tasks::AnchorView>,
    /// When the server started.
    pub(crate) started: Timestamp,
}

impl Shared {
    /// The workers' counts, added up.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for worker in &self.worker_metrics {
            worker.add_to(&mut totals);
        }
        totals
    }
}
