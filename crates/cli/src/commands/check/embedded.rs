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

/// What its `keys` holds, apart from drafts of these. A node's or a developer's directory holds more, and what is recorded there is not for us to sign.
const KEYS: [&str; 4] = [".gitignore", "node.key", "log.key", "node.vkey"];

/// How drafts of them begin, which another run may be writing, or a crash have left.
const DRAFTS: [&str; 2] = [".key-", ".node.vkey."];

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
    let public = key.verifier().clone();
    let what = "the decision log";
    let log = DecisionLog::open(&home.ledger(), key, Options::default()).environment(what)?;
    // Behind the log's first checkpoint: where this key lies, there was a log.
    home.publish_key(&public)?;
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
    own_keys(home)?;
    if !home.keys().join("log.key").exists()
        && let Some(other) = foreign(root)?
    {
        bail!(
            "--record {shown}: it holds {other} and is no decision log; name an empty directory, or one that is not there yet"
        );
    }
    home.create_log()?;
    let lock = home.lock_within(PATIENCE)?;
    whole(home)?;
    Ok(lock)
}

/// Refuses keys that are not a log's, and links, through which keys would come to lie elsewhere.
fn own_keys(home: &Home) -> Result<()> {
    let shown = home.root().display();
    let folders = [home.keys(), home.ledger(), home.root().join("lock")];
    if let Some(link) = folders.iter().find(|path| path.is_symlink()) {
        let link = link.display();
        bail!(
            "--record {shown}: {link} is a link; a log keeps what is its own in its directory, so name another one"
        );
    }
    let keys = home.keys();
    if !keys.exists() {
        return Ok(());
    }
    let unreadable = || format!("can't read {}", keys.display());
    for entry in std::fs::read_dir(&keys).environment(unreadable())? {
        let entry = entry.environment(unreadable())?;
        let name = entry.file_name().display().to_string();
        let is_draft = name == "node.tmp" || DRAFTS.iter().any(|draft| name.starts_with(draft));
        let is_file = entry.file_type().environment(unreadable())?.is_file();
        if !(is_file && (is_draft || KEYS.contains(&name.as_str()))) {
            bail!(
                "--record {shown}: {} is no file of a decision log's; name an empty directory, or one that is not there yet",
                entry.path().display()
            );
        }
    }
    Ok(())
}

/// Refuses a log that lost its records or its keys: a new one under the same key would contradict what the lost one signed.
fn whole(home: &Home) -> Result<()> {
    let shown = home.root().display();
    let refused = |text: String| Err(Environment(format!("--record {shown}: {text}")).into());
    let records = home.ledger().join("records");
    let has_records = std::fs::read_dir(&records).is_ok_and(|mut entries| entries.next().is_some());
    let has_log = has_records || home.vkey().exists();
    for name in ["node.key", "log.key"] {
        let key = home.keys().join(name);
        let Ok(metadata) = key.metadata() else {
            if has_log {
                return refused(format!(
                    "it has a log but not the key {name} that it is signed with; restore {shown}/keys from a backup, or record in another directory"
                ));
            }
            continue;
        };
        if metadata.len() == 0 {
            let remedy = match has_log {
                true => "restore it from a backup, or record in another directory",
                false => "as after a crash; nothing was signed with it yet, so remove it and record again",
            };
            return refused(format!("the key {} is empty: {remedy}", key.display()));
        }
    }
    if home.vkey().exists() && !has_records && !home.ledger().join("public/checkpoint").exists() {
        return refused(format!(
            "its records are gone, but {} says that it had some; restore {shown}/ledger from a backup, or record in another directory, with a key of its own",
            home.vkey().display()
        ));
    }
    Ok(())
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
