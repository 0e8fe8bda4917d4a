//! Private keys in the data directory: one file per role in development mode, and the node's own two.

use crate::exit::EnvironmentContext;
use crate::home::Home;
use anyhow::Result;
use std::path::{Path, PathBuf};
use stele_chain::client::{Account, create_key_file, read_key_file};
use stele_chain::contracts::Role;

/// Roles whose keys development mode keeps, the node's operator key apart.
pub(crate) const ROLES: [Role; 6] = [
    Role::Admin,
    Role::Author,
    Role::Security,
    Role::Platform,
    Role::Compliance,
    Role::Responder,
];

/// Where a role's key lies.
pub(crate) fn role_path(home: &Home, role: Role) -> PathBuf {
    home.keys().join(format!("{}.key", role.name().to_lowercase()))
}

/// The account of a role: from `--key`, or from the data directory.
pub(crate) fn role_account(home: &Home, role: Role, file: Option<&Path>) -> Result<Account> {
    let path = file.map_or_else(|| role_path(home, role), Path::to_path_buf);
    Account::from_file(&path).environment(format!("the key of the role {}", role.name().to_lowercase()))
}

/// The node's operator account, which signs anchors.
pub(crate) fn node_account(home: &Home) -> Result<Account> {
    Account::from_file(&home.keys().join("node.key")).environment("the node's key")
}

/// The seed of the node's Ed25519 key, which signs checkpoints.
pub(crate) fn log_seed(home: &Home) -> Result<zeroize::Zeroizing<[u8; 32]>> {
    read_key_file(&home.keys().join("log.key")).environment("the log's key")
}

/// Makes the keys that are missing; existing ones are never replaced. Role keys are made only where no deployment is yet: a node that
/// joins somebody else's governance holds none.
pub(crate) fn create_missing(home: &Home) -> Result<()> {
    create_node_keys(home)?;
    if home.deployment().exists() {
        return Ok(());
    }
    create(ROLES.iter().map(|role| role_path(home, *role)))
}

/// Makes the two keys that a decision log needs, where they are missing.
pub(crate) fn create_node_keys(home: &Home) -> Result<()> {
    // The log's last: whoever finds it finds both.
    create(["node.key", "log.key"].map(|name| home.keys().join(name)))
}

fn create(paths: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    for path in paths.into_iter().filter(|path| !path.exists()) {
        create_key_file(&path, &*random_key()?).environment("can't create a key")?;
    }
    Ok(())
}

/// A key of the verifier: the configured file, or the one of this name in the data directory, which is made when it is missing.
pub(crate) fn verifier_key(home: &Home, given: &Path, name: &str) -> Result<zeroize::Zeroizing<[u8; 32]>> {
    if !given.as_os_str().is_empty() {
        return read_key_file(given).environment("a key of the verifier");
    }
    let path = home.keys().join(name);
    if !path.exists() {
        create_key_file(&path, &*random_key()?).environment("can't create a key")?;
    }
    read_key_file(&path).environment("a key of the verifier")
}

/// Whether this directory holds the keys to play every role.
pub(crate) fn is_development(home: &Home) -> bool {
    ROLES.iter().all(|role| role_path(home, *role).exists())
}

/// 32 bytes of the system's randomness that are a valid secp256k1 key; nearly every draw is.
fn random_key() -> Result<zeroize::Zeroizing<[u8; 32]>> {
    loop {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut *key)
            .environment("the system has no randomness")?;
        if Account::from_key(&key).is_ok() {
            return Ok(key);
        }
    }
}
