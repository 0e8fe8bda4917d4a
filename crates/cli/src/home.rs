//! The data directory: what lies where, and who may use it.
//!
//! ```text
//! .stele/
//!   lock               held by the running node
//!   node.json          addresses of the running node, for the other commands
//!   deployment.json    the governance contracts this directory belongs to
//!   keys/              private keys (0600), and node.vkey, the public key that proofs are checked with
//!   chain/             the embedded chain
//!   bundles/           policy bundles by digest, and in-force.json, the versions the node last saw in force
//!   ledger/            the decision log
//!   vuln/              what is known of vulnerabilities (`stele vuln import`)
//!   verifier/          what a verifier remembers of the logs it follows, and running.json, where it listens
//! ```

use crate::exit::EnvironmentContext;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a lock is tried again.
const ATTEMPT: Duration = Duration::from_millis(50);

/// The data directory.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    root: PathBuf,
}

/// What a running node tells the other commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Running {
    /// Process id.
    pub pid: u32,
    /// Base URL of the decision point.
    pub url: String,
    /// JSON-RPC URL of the chain.
    pub rpc: String,
}

/// Holds the directory for this process; dropped, it lets go.
#[derive(Debug)]
pub(crate) struct HomeLock {
    _file: File,
}

impl Home {
    /// The directory at `root`; nothing is created yet.
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// Creates the directory and its folders; keys are for the owner only.
    pub(crate) fn create(&self) -> Result<()> {
        for folder in [self.chain(), self.bundles(), self.ledger()] {
            fs::create_dir_all(&folder).environment(format!("can't create {}", folder.display()))?;
        }
        create_private_dir(&self.keys())
    }

    /// Creates what a decision log needs, and nothing of a node's.
    pub(crate) fn create_log(&self) -> Result<()> {
        if !self.root.exists() {
            create_private_dir(&self.root)?;
        }
        let ledger = self.ledger();
        fs::create_dir_all(&ledger).environment(format!("can't create {}", ledger.display()))?;
        create_private_dir(&self.keys())?;
        // Such a log may lie in a repository; its key must not.
        let ignored = self.keys().join(".gitignore");
        if ignored.exists() {
            return Ok(());
        }
        fs::write(&ignored, "*\n").environment(format!("can't write {}", ignored.display()))
    }

    /// Writes the log's public key, for who checks proofs.
    pub(crate) fn publish_key(&self, key: &stele_ledger::VerifierKey) -> Result<()> {
        let path = self.vkey();
        let text = format!("{key}\n");
        if fs::read_to_string(&path).is_ok_and(|held| held == text) {
            return Ok(());
        }
        write_atomically(&path, text.as_bytes()).environment("can't write the public key")
    }

    /// True when a node has been here before.
    pub(crate) fn exists(&self) -> bool {
        self.deployment().exists() || self.keys().exists()
    }

    /// Takes the directory for this process.
    pub(crate) fn lock(&self) -> Result<HomeLock> {
        self.lock_within(Duration::ZERO)
    }

    /// The same, after waiting for another process if need be.
    pub(crate) fn lock_within(&self, patience: Duration) -> Result<HomeLock> {
        let path = self.root.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .environment(format!("can't open {}", path.display()))?;
        let begun = Instant::now();
        while rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            if begun.elapsed() < patience {
                std::thread::sleep(ATTEMPT);
                continue;
            }
            let owner = self.running().map_or_else(
                || "another process".into(),
                |node| format!("process {}", node.pid),
            );
            return Err(crate::exit::Environment(format!(
                "{} is in use by {owner}; stop it, or choose another directory with --data-dir",
                self.root.display()
            ))
            .into());
        }
        Ok(HomeLock { _file: file })
    }

    /// The running node, if one has this directory.
    pub(crate) fn running(&self) -> Option<Running> {
        let running: Running = self.read(&self.root.join("node.json")).ok()??;
        // The file outlives a killed node; the lock does not.
        let lock = File::options().write(true).open(self.root.join("lock")).ok()?;
        let free = rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok();
        (!free).then_some(running)
    }

    /// Tells the other commands where this node is.
    pub(crate) fn announce(&self, running: &Running) -> Result<()> {
        self.write(&self.root.join("node.json"), running)
    }

    /// Reads a JSON file of the directory; `None` when it does not exist.
    pub(crate) fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .with_context(|| format!("{} is damaged; restore it from a backup", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).environment(format!("can't read {}", path.display())),
        }
    }

    /// Writes a JSON file whole or not at all.
    pub(crate) fn write<T: Serialize>(&self, path: &Path, value: &T) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(value)?;
        write_atomically(path, &bytes).environment(format!("can't write {}", path.display()))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    pub(crate) fn vkey(&self) -> PathBuf {
        self.keys().join("node.vkey")
    }

    pub(crate) fn chain(&self) -> PathBuf {
        self.root.join("chain")
    }

    pub(crate) fn bundles(&self) -> PathBuf {
        self.root.join("bundles")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    pub(crate) fn deployment(&self) -> PathBuf {
        self.root.join("deployment.json")
    }

    /// What is known of vulnerabilities.
    pub(crate) fn vuln(&self) -> PathBuf {
        self.root.join("vuln")
    }

    /// What the verifier remembers.
    pub(crate) fn verifier(&self) -> PathBuf {
        self.root.join("verifier")
    }

    /// What was last in force, as the node's follower keeps it.
    pub(crate) fn in_force(&self) -> PathBuf {
        self.bundles().join("in-force.json")
    }
}

/// Writes a file beside its place, syncs it, and renames it into place.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Nobody can know the name, and nothing that is there already, as a link, is written through.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.stele-{:016x}", rand::random::<u64>()));
    let write = |mut file: File| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write(File::create_new(&draft)?).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn create_private_dir(path: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if path.is_dir() {
        return fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .environment(format!("can't protect {}", path.display()));
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .environment(format!("can't create {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        home.create().unwrap();
        let lock = home.lock().unwrap();
        let error = format!("{:#}", home.lock().unwrap_err());
        assert!(
            error.contains("in use by another process") && error.contains("--data-dir"),
            "{error}"
        );
        drop(lock);
        home.lock().unwrap();
    }

    #[test]
    fn a_node_that_was_killed_is_not_running() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        home.create().unwrap();
        let lock = home.lock().unwrap();
        home.announce(&Running {
            pid: 7,
            url: "http://a".into(),
            rpc: "http://b".into(),
        })
        .unwrap();
        assert_eq!(home.running().unwrap().pid, 7);
        drop(lock);
        assert!(home.running().is_none());
    }

    #[test]
    fn a_file_is_written_through_no_link_and_leaves_no_draft() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "mine").unwrap();
        std::os::unix::fs::symlink("victim", at("out.tmp")).unwrap();
        std::os::unix::fs::symlink("victim", at("out.json")).unwrap();
        write_atomically(&at("out.json"), b"new").unwrap();
        assert_eq!(fs::read_to_string(at("victim")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(at("out.json")).unwrap(), "new");
        assert!(!at("out.json").is_symlink());
        fs::create_dir(at("taken")).unwrap();
        write_atomically(&at("taken"), b"new").unwrap_err();
        write_atomically(&at("no/such"), b"new").unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }

    #[test]
    fn a_damaged_file_names_itself() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        fs::write(home.deployment(), "{").unwrap();
        let error = format!("{:#}", home.read::<Running>(&home.deployment()).unwrap_err());
        assert!(error.contains("deployment.json is damaged"), "{error}");
    }
}
