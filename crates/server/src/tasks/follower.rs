//! Following the registry: what the contract holds in force is what this node decides with.
//!
//! A version comes into force here when its bundle lies in the bundle store and has the digest that the registry names. Otherwise the last
//! good version stays, and the policy is reported as degraded. The list of what is in force is kept on disk, so that a node that starts
//! while the chain is away decides with the last versions it knew.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use stele_chain::contracts::RefusingContract;
use stele_pdp::{ContractRef, FailMode, PolicyInForce, PolicyOptions, Snapshot, SnapshotStore};
use stele_types::{Digest, PolicyId, PolicyVersion, TreeSize};
use tokio::sync::watch;

use super::REGISTRY;
use super::anchor::blocking;
use crate::chain::{ChainLink, ChainProblem, Counted, InForce};
use crate::clock::now;
use crate::health::{Degraded, Status};
use crate::shared::Shared;

/// Bundles by digest: `DIR/<sha256>.tar.gz`, and the list of what was last in force, `DIR/in-force.json`.
#[derive(Debug, Clone)]
pub struct BundleStore {
    dir: PathBuf,
}

impl BundleStore {
    /// The store in a directory.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Where a version's bundle lies or would lie.
    #[must_use]
    pub fn path(&self, version: PolicyVersion) -> PathBuf {
        self.dir.join(format!("{version}.tar.gz"))
    }

    /// Puts a bundle into the store, under its own digest.
    ///
    /// # Errors
    /// What the file system says.
    pub fn put(&self, bytes: &[u8]) -> std::io::Result<PolicyVersion> {
        let version = PolicyVersion::of_bundle(bytes);
        write_whole(&self.path(version), bytes)?;
        Ok(version)
    }

    fn list_path(&self) -> PathBuf {
        self.dir.join("in-force.json")
    }

    fn save_list(&self, list: &[InForce]) -> std::io::Result<()> {
        write_whole(&self.list_path(), &serde_json::to_vec_pretty(list)?)
    }

    fn load_list(&self) -> std::io::Result<Vec<InForce>> {
        match std::fs::read(self.list_path()) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// Writes a file so that it is whole or not there at all, also after a crash.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let draft = path.with_extension("part");
    let mut file = std::fs::File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    std::fs::File::open(dir)?.sync_all()
}

/// The follower's state between two looks.
pub(crate) struct Follower {
    store: BundleStore,
    fail_open: Vec<String>,
    snapshots: Arc<SnapshotStore>,
    /// The epoch whose versions are all in force here.
    settled: Option<u64>,
    /// Policies that the snapshot refuses, because they should be in force and no version is at hand.
    missing: Vec<PolicyId>,
    /// Whether a list has replaced the snapshot that the server was started with.
    applied: bool,
}

impl Follower {
    /// A follower that has not looked yet.
    pub(crate) fn new(store: BundleStore, fail_open: Vec<String>, snapshots: Arc<SnapshotStore>) -> Self {
        Self {
            store,
            fail_open,
            snapshots,
            settled: None,
            missing: Vec::new(),
            applied: false,
        }
    }

    /// Puts in force what was in force when this node last followed the registry; the chain has not confirmed it.
    pub(crate) fn resume(&mut self, status: &Status) -> Result<(), String> {
        let list = self.store.load_list();
        if !list.as_ref().is_ok_and(|list| !list.is_empty()) {
            // Refusing is safer than taking every path for one without a policy.
            self.snapshots.swap(Snapshot::unknown());
        }
        let list = list.map_err(|error| format!("{}: {error}", self.store.list_path().display()))?;
        if list.is_empty() {
            return Err("no list of policies in force has been kept; decisions are refused until the registry answers".to_owned());
        }
        self.apply(&list, status).map(drop)
    }

    /// One look: cheap while nothing changes.
    pub(crate) async fn look(&mut self, link: &dyn ChainLink, status: &Status) -> Result<(), String> {
        let epoch = link.epoch().await.map_err(|problem| problem.to_string())?;
        if self.settled != Some(epoch) {
            let list = link.in_force().await.map_err(|problem| problem.to_string())?;
            let whole = self.apply(&list, status)?;
            if let Err(error) = self.store.save_list(&list) {
                tracing::warn!(%error, "the list of policies in force can't be kept for the next start");
            }
            self.settled = whole.then_some(epoch);
        }
        self.snapshots.confirm(now());
        Ok(())
    }

    /// Swaps the snapshot if the list asks for another one; true when everything in the list is in force.
    fn apply(&mut self, list: &[InForce], status: &Status) -> Result<bool, String> {
        let current = self.snapshots.load();
        let mut policies = Vec::with_capacity(list.len());
        let mut degraded = BTreeMap::new();
        let mut missing = Vec::new();
        let mut changed = current.policies().len() != list.len();
        for wanted in list {
            let old = current.policy(wanted.policy.as_str());
            let options = self.options(wanted);
            if let Some(old) = old.filter(|old| old.version == wanted.version && old.options == options) {
                policies.push(Arc::clone(old));
                continue;
            }
            match self.load(wanted, options) {
                Ok(policy) => {
                    tracing::info!(policy = %wanted.policy, version = %wanted.version, "policy version comes into force");
                    policies.push(Arc::new(policy));
                    changed = true;
                }
                Err(reason) => {
                    let kept = if old.is_some() {
                        "the last good version stays"
                    } else {
                        "no version is in force"
                    };
                    tracing::error!(policy = %wanted.policy, version = %wanted.version, reason, "policy degraded: {kept}");
                    if old.is_none() && options_fail(&self.fail_open, wanted) == FailMode::Closed {
                        missing.push(wanted.policy.clone());
                    }
                    policies.extend(old.map(Arc::clone));
                    let state = Degraded {
                        wanted: wanted.version.to_string(),
                        reason,
                        since: now(),
                    };
                    degraded.insert(wanted.policy.to_string(), state);
                }
            }
        }
        let whole = degraded.is_empty();
        status.set_degraded(degraded);
        changed |= self.missing != missing || !self.applied;
        if changed {
            let snapshot = Snapshot::new(policies).map_err(|error| error.to_string())?;
            self.snapshots.swap(snapshot.with_missing(&missing));
            self.missing = missing;
            self.applied = true;
        }
        Ok(whole)
    }

    fn options(&self, wanted: &InForce) -> PolicyOptions {
        PolicyOptions {
            fail: options_fail(&self.fail_open, wanted),
            // The registry names a contract for each version; for a policy that can't become one it is the one that refuses all calls.
            contract: (wanted.code_hash != RefusingContract::new().code_hash).then_some(ContractRef {
                address: wanted.contract,
                code_hash: wanted.code_hash,
            }),
        }
    }

    fn load(&self, wanted: &InForce, options: PolicyOptions) -> Result<PolicyInForce, String> {
        let path = self.store.path(wanted.version);
        let bytes = std::fs::read(&path).map_err(|error| {
            format!(
                "can't read {}: {error}; put the bundle there, its digest is checked",
                path.display()
            )
        })?;
        PolicyInForce::from_bundle(&bytes, &wanted.policy, wanted.version, options)
            .map_err(|error| error.to_string())
    }
}

fn options_fail(fail_open: &[String], wanted: &InForce) -> FailMode {
    if fail_open.iter().any(|id| id == wanted.policy.as_str()) {
        FailMode::Open
    } else {
        FailMode::Closed
    }
}

/// The chain's word, held against the log.
async fn counted_by(shared: &Arc<Shared>, link: &dyn ChainLink) -> Result<Counted, ChainProblem> {
    let counted = link.counted().await?;
    if counted != Counted::Yes {
        return Ok(counted);
    }
    // The anchor first: what it covers was durable here before.
    match link.last_anchor().await? {
        Some(anchor) => compared(shared, anchor).await,
        None => Ok(Counted::Yes),
    }
}

/// Whether the log continues an anchor. One that it was found to continue is not compared again: what is durable stays.
async fn compared(shared: &Arc<Shared>, (size, root): (TreeSize, Digest)) -> Result<Counted, ChainProblem> {
    if shared.standing.continues((size, root)) {
        return Ok(Counted::Yes);
    }
    if size.get() > shared.log.size() {
        return Ok(Counted::Ahead);
    }
    let held = blocking(shared, move |log| {
        log.root(size).map_err(|error| error.to_string())
    });
    if held.await.map_err(ChainProblem)? != root {
        return Ok(Counted::Diverged);
    }
    shared.standing.found_to_continue((size, root));
    Ok(Counted::Yes)
}

/// Whether the chain counts this node. What a chain that does not answer said last holds for `registry.stale_ms`.
pub(crate) async fn look_at_standing(shared: &Arc<Shared>, link: &dyn ChainLink) {
    let counted = match counted_by(shared, link).await {
        Ok(counted) => counted,
        Err(problem) => {
            tracing::debug!(%problem, "it is not known whether the chain counts this node and holds its log");
            return;
        }
    };
    if !shared.standing.hear(counted, Instant::now()) {
        return;
    }
    match shared.standing.problem() {
        Some(problem) => tracing::error!(
            problem,
            "the chain does not count this node: its anchors are refused, and it signs no receipts"
        ),
        None => tracing::warn!("the chain counts this node again"),
    }
}

/// Looks at the registry until told to stop.
pub(crate) async fn run(
    shared: Arc<Shared>,
    mut follower: Follower,
    link: Arc<dyn ChainLink>,
    mut stop: watch::Receiver<bool>,
) {
    let pause = Duration::from_millis(shared.config.registry.poll_ms);
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        look_at_standing(&shared, &*link).await;
        match follower.look(&*link, &shared.status).await {
            Ok(()) => shared.status.succeeded(REGISTRY, now()),
            Err(problem) => {
                if shared.status.failed(REGISTRY, problem.clone()) {
                    tracing::warn!(
                        problem,
                        "the registry can't be followed; the last versions stay in force"
                    );
                }
            }
        }
    }
}
