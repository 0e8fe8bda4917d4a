//! `--record DIR`: a decision log in a directory, with no node behind it. Its records are those that a node without a policy `gate/check` would make of
//! the same run, and what reads a node's data directory reads it.

use crate::exit::{Environment, EnvironmentContext};
use crate::home::{Home, HomeLock};
use crate::keys;
use crate::record::signing_key;
use anyhow::{Context, Result, bail};
use rand::SeedableRng;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use stele_ledger::{Options, SignedCheckpoint};
use stele_pdp::{
    Attributes, Decider, DecisionSink, Evidence, Input, NodeContext, Request, Snapshot, SnapshotStore,
};
use stele_policy::Limits;
use stele_server::{DecisionClock, DecisionLog, system_clock};
use stele_types::json;

/// How long another run may keep the directory: to record takes far less.
const PATIENCE: Duration = Duration::from_secs(10);

/// What such a directory holds before its first record, if its making was cut off.
const BEGUN: [&str; 3] = ["lock", "keys", "ledger"];

/// A run in the log.
pub(super) struct Recorded {
    /// The decision's id.
    pub(super) id: String,
    /// The log with it.
    pub(super) checkpoint: SignedCheckpoint,
}

/// Appends a run to the log in a directory, which is made if it is not there. Returns once it is durable and signed for.
pub(super) fn record(
    directory: &Path,
    policy: &str,
    input: &serde_json::Value,
    attributes: Attributes<'_>,
) -> Result<Recorded> {
    let home = Home::at(directory);
    let _lock = take(&home)?;
    keys::create_node_keys(&home)?;
    let key = signing_key(&home)?;
    home.publish_key(key.verifier())?;
    let what = "the decision log";
    let log = DecisionLog::open(&home.ledger(), key, Options::default()).environment(what)?;
    let clock = DecisionClock::new(system_clock(), log.ledger().latest().clone());
    clock.check().environment("the run can't be recorded")?;
    let input = json::parse(&serde_json::to_vec(input)?, &json::Limits::default())
        .context("the run can't be recorded: its findings are no document that a log takes")?;
    let node = NodeContext {
        address: keys::node_account(&home)?.node_address(),
        labels: BTreeMap::new(),
    };
    // As on a node where no policy decides about runs.
    let store = SnapshotStore::new(Snapshot::default(), crate::node::now(), None);
    let path: Vec<String> = policy.split('/').map(str::to_owned).collect();
    let request = Request {
        path: &path,
        input: Input::Value(Some(&input)),
        strict_builtin_errors: false,
        limits: Limits::default(),
        fan_out: 1,
        attributes,
    };
    let mut random = rand::rngs::StdRng::try_from_rng(&mut rand::rngs::SysRng)
        .environment("the system has no randomness")?;
    let answer = Decider::new(Arc::new(store), node, Box::new(clock))
        .decide(&request, &mut random)
        .map_err(|failure| failure.error)?;
    let decision = answer.decisions.into_iter().next();
    let (id, evidence) = decision
        .and_then(|decision| Some((decision.id, decision.evidence?)))
        .context("the run left no evidence")?;
    append(&log, evidence)?;
    let checkpoint = log.ledger().publish().environment(what)?;
    Ok(Recorded {
        id: id.to_string(),
        checkpoint,
    })
}

/// Waits until the log has it on disk.
fn append(log: &DecisionLog, evidence: Evidence) -> Result<()> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let done = move |outcome| {
        // The receiver is waiting below.
        let _ = sender.send(outcome);
    };
    log.append(evidence, Box::new(done));
    let kept = receiver
        .recv()
        .environment("the run can't be recorded: the log's writer is gone")?;
    kept.environment("the run can't be recorded").map(drop)
}

/// Takes the directory, after other runs that record there; refuses one that is something else.
fn take(home: &Home) -> Result<HomeLock> {
    let root = home.root();
    let shown = root.display();
    if root.exists() && !root.is_dir() {
        bail!("--record {shown}: it is a file; give the URL of a node, or a directory");
    }
    if let Some(node) = home.running() {
        bail!(
            "--record {shown}: a node runs there and has the log open; record at {}",
            node.url
        );
    }
    if home.deployment().exists() {
        bail!(
            "--record {shown}: this is the data directory of a node, whose registry decides about runs; start it with `stele up`, and record at its URL"
        );
    }
    let has_key = || home.keys().join("log.key").exists();
    if !has_key()
        && let Some(other) = foreign(root)?
    {
        bail!(
            "--record {shown}: it holds {other} and is no decision log; name an empty directory, or one that is not there yet"
        );
    }
    home.create_log()?;
    let lock = home.lock_within(PATIENCE)?;
    if !has_key() && home.ledger().join("records").exists() {
        return Err(Environment(format!(
            "--record {shown}: it holds records but not the key that they were signed with; restore {shown}/keys from a backup, or record in another directory"
        ))
        .into());
    }
    Ok(lock)
}

/// An entry of a directory that no log has.
fn foreign(root: &Path) -> Result<Option<String>> {
    if !root.exists() {
        return Ok(None);
    }
    let entries = std::fs::read_dir(root).environment(format!("can't read {}", root.display()))?;
    for entry in entries {
        let name = entry
            .environment(format!("can't read {}", root.display()))?
            .file_name();
        if !BEGUN.iter().any(|begun| name == *begun) {
            return Ok(Some(name.display().to_string()));
        }
    }
    Ok(None)
}
