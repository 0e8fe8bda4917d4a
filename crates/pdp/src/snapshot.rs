//! The policies in force, as one immutable whole that is swapped as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use stele_policy::bundle::Packed;
use stele_policy::load::{DecisionBundle, load_bundle, load_for_decisions};
use stele_policy::{CompiledPolicy, Policy, PolicySet};
use stele_types::{Digest, NodeAddress, PolicyId, PolicyVersion, Timestamp};

use crate::error::SnapshotError;
use crate::resolve::{Resolved, resolve};

/// What a policy does when the chain has not confirmed the snapshot for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailMode {
    /// Refuse to decide.
    #[default]
    Closed,
    /// Go on with the last version in force.
    Open,
}

/// The contract that a policy version was compiled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractRef {
    /// Where it is deployed.
    pub address: NodeAddress,
    /// Keccak-256 of its runtime code.
    pub code_hash: Digest,
}

/// What the operator and the registry add to a bundle when they put it in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// What happens when the snapshot is stale.
    pub fail: FailMode,
    /// The policy's contract, if it is deployed.
    pub contract: Option<ContractRef>,
}

/// One policy in force.
///
/// INVARIANT: `version` is the digest of the bundle that everything else but `options` was read from.
#[derive(Debug, Clone)]
pub struct PolicyInForce {
    /// Id, metadata and rules.
    pub policy: Policy,
    /// The bundle's digest.
    pub version: PolicyVersion,
    /// The bundle; [`PolicyInForce::load`] reads it again where data is needed beside the engines.
    pub bundle: Packed,
    /// The bundle's modules and policies; its data document lives in `compiled` only.
    pub set: PolicySet,
    /// The program that decides, and its data.
    pub compiled: CompiledPolicy,
    /// SHA-256 of the canonical bytes of the bundle's data document.
    pub data_digest: Digest,
    /// What the registry and the operator added.
    pub options: PolicyOptions,
}

impl PolicyInForce {
    /// Reads a bundle that is to be in force as `version` of the policy `id`.
    ///
    /// # Errors
    /// [`SnapshotError`]: the bytes have another digest, can't be loaded, or hold no policy of that id.
    pub fn from_bundle(
        bytes: &[u8],
        id: &PolicyId,
        version: PolicyVersion,
        options: PolicyOptions,
    ) -> Result<Self, SnapshotError> {
        let found = PolicyVersion::of_bundle(bytes);
        if found != version {
            return Err(SnapshotError::Digest {
                policy: id.clone(),
                wanted: version,
                found,
            });
        }
        let failed = |message: String| SnapshotError::Load {
            policy: id.clone(),
            message,
        };
        let DecisionBundle {
            set,
            compiled,
            data_digest,
        } = load_for_decisions(bytes).map_err(|error| failed(error.to_string()))?;
        let Some(policy) = set.policy(id).cloned() else {
            let found: Vec<String> = set.policies().map(|policy| policy.id.to_string()).collect();
            return Err(SnapshotError::Content {
                policy: id.clone(),
                found,
            });
        };
        Ok(Self {
            policy,
            version,
            bundle: Packed::new(bytes).map_err(|error| failed(error.to_string()))?,
            set,
            compiled,
            data_digest,
            options,
        })
    }

    /// The bundle with its data document, for queries and explanations; not kept.
    ///
    /// # Errors
    /// [`SnapshotError::Load`]; does not happen to a bundle that was loaded before.
    pub fn load(&self) -> Result<PolicySet, SnapshotError> {
        let failed = |message: String| SnapshotError::Load {
            policy: self.policy.id.clone(),
            message,
        };
        let bytes = self.bundle.unpack().map_err(|error| failed(error.to_string()))?;
        load_bundle(&bytes).map_err(|error| failed(error.to_string()))
    }

    /// The policy's id.
    #[must_use]
    pub fn id(&self) -> &PolicyId {
        &self.policy.id
    }
}

/// Who decides: goes into every leaf and record.
#[derive(Debug, Clone)]
pub struct NodeContext {
    /// The node's address.
    pub address: NodeAddress,
    /// The operator's labels.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// The policies in force at one moment. Never changes once built.
///
/// INVARIANT: `policies` is sorted by id and has no id twice.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    policies: Vec<Arc<PolicyInForce>>,
    /// Paths of policies that should be in force and are not here; the empty path stands for "not known which".
    missing: Vec<Vec<String>>,
    /// Whether any of them reaches out of the process.
    remote: bool,
}

impl Snapshot {
    /// A snapshot of these policies.
    ///
    /// # Errors
    /// [`SnapshotError::Duplicate`] when an id comes twice.
    pub fn new(policies: impl IntoIterator<Item = Arc<PolicyInForce>>) -> Result<Self, SnapshotError> {
        let mut policies: Vec<_> = policies.into_iter().collect();
        policies.sort_by(|left, right| left.id().cmp(right.id()));
        let twice = policies
            .iter()
            .zip(policies.iter().skip(1))
            .find(|(left, right)| left.id() == right.id());
        if let Some((policy, _)) = twice {
            return Err(SnapshotError::Duplicate(policy.id().clone()));
        }
        Ok(Self {
            remote: policies.iter().any(|policy| policy.compiled.is_remote()),
            policies,
            missing: Vec::new(),
        })
    }

    /// The same, knowing that these policies should be in force too and can't be: their paths are refused instead of being undefined,
    /// because an enforcement point may read "undefined" as "nothing against it".
    #[must_use]
    pub fn with_missing<'i>(mut self, missing: impl IntoIterator<Item = &'i PolicyId>) -> Self {
        self.missing = missing
            .into_iter()
            .map(|id| id.segments().map(str::to_owned).collect())
            .collect();
        self
    }

    /// A snapshot for a node that does not know yet what should be in force: every path is refused.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            policies: Vec::new(),
            missing: vec![Vec::new()],
            remote: false,
        }
    }

    /// The missing policy that a path asks for: at or above it (and closer than `depth` segments, those of a policy in force), or below it.
    pub(crate) fn missing_at(&self, path: &[String], depth: usize) -> Option<String> {
        let asked = |missing: &&Vec<String>| {
            (path.starts_with(missing) && (missing.len() > depth || depth == 0))
                || (depth == 0 && missing.starts_with(path))
        };
        self.missing.iter().find(asked).map(|missing| missing.join("/"))
    }

    /// Whether a path asks a policy that reaches out of the process, so that its decision may have to wait for others.
    pub(crate) fn is_remote(&self, path: &[String]) -> bool {
        let remote = |index: &usize| {
            let policy = self.policies.get(*index);
            policy.is_some_and(|policy| policy.compiled.is_remote())
        };
        self.remote
            && match resolve(self, path) {
                Resolved::Within { index, .. } => remote(&index),
                Resolved::Above(indexes) => indexes.iter().any(remote),
                Resolved::Nothing => false,
            }
    }

    /// The policies, by id.
    #[must_use]
    pub fn policies(&self) -> &[Arc<PolicyInForce>] {
        &self.policies
    }

    /// One policy.
    #[must_use]
    pub fn policy(&self, id: &str) -> Option<&Arc<PolicyInForce>> {
        let index = self
            .policies
            .binary_search_by(|policy| policy.id().as_str().cmp(id))
            .ok()?;
        self.policies.get(index)
    }
}

/// The newest snapshot, for any number of readers.
///
/// Readers look at the generation number (a cache line that is only written when policies change) and take the snapshot itself
/// only when it has changed; a request under way keeps the snapshot it began with.
#[derive(Debug)]
pub struct SnapshotStore {
    current: ArcSwap<Snapshot>,
    generation: AtomicU64,
    confirmed: AtomicU64,
    /// How old a confirmation may be; `None` when no chain is followed.
    stale_after: Option<Duration>,
}

impl SnapshotStore {
    /// A store that begins with a snapshot, confirmed at `now`.
    #[must_use]
    pub fn new(snapshot: Snapshot, now: Timestamp, stale_after: Option<Duration>) -> Self {
        Self {
            current: ArcSwap::from_pointee(snapshot),
            generation: AtomicU64::new(1),
            confirmed: AtomicU64::new(now.as_nanos()),
            stale_after,
        }
    }

    /// Puts another snapshot in force; requests under way finish on the old one.
    pub fn swap(&self, snapshot: Snapshot) {
        self.current.store(Arc::new(snapshot));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Notes that the registry was seen to agree with the snapshot.
    pub fn confirm(&self, now: Timestamp) {
        self.confirmed.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }

    /// The newest snapshot.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Grows by one with every swap.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Time since the registry last confirmed the snapshot.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        Duration::from_nanos(
            now.as_nanos()
                .saturating_sub(self.confirmed.load(Ordering::Relaxed)),
        )
    }

    /// The age and its limit, when the limit is passed.
    #[must_use]
    pub fn stale(&self, now: Timestamp) -> Option<(Duration, Duration)> {
        let limit = self.stale_after?;
        let age = self.age(now);
        (age > limit).then_some((age, limit))
    }
}
