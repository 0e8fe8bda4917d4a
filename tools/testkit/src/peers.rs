//! Real programs that tests run against: `cargo xtask peers` installs them under the workspace's `target/peers`, wherever Cargo builds.
//!
//! `STELE_PEERS` names another directory. Where `STELE_PEERS_REQUIRED` is set, as in CI, a program that is missing fails the test that
//! wants it. Elsewhere the test is skipped, and says so on standard error.

use std::env::{self, consts};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the programs are.
#[must_use]
pub fn directory() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let usual = || root.unwrap_or(Path::new(".")).join("target/peers");
    env::var_os("STELE_PEERS").map_or_else(usual, PathBuf::from)
}

/// A file below [`directory`], or `None` where `what`, which it belongs to, is not installed.
#[must_use]
pub fn installed(file: &str, what: &str) -> Option<PathBuf> {
    let path = directory().join(file);
    if path.exists() {
        return Some(path);
    }
    missing(what, &format!("there is no {}", path.display()))
}

/// A program of Foundry's, or the one that its variable (`STELE_ANVIL`, `STELE_CAST`) names.
#[must_use]
pub fn foundry(name: &str) -> Option<PathBuf> {
    let variable = format!("STELE_{}", name.to_uppercase());
    if let Some(path) = env::var_os(&variable) {
        let program = PathBuf::from(path);
        assert!(
            program.exists(),
            "{variable} names {}, which does not exist",
            program.display()
        );
        return Some(program);
    }
    let architecture = match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    // npm's launcher starts the program as a child of its own, which would outlive it: take the program itself.
    let package = format!("{name}-{}-{architecture}", consts::OS);
    installed(&format!("node_modules/@foundry-rs/{package}/bin/{name}"), name)
}

/// Says why a test is skipped, or fails where nothing may be.
#[must_use]
pub fn missing<T>(what: &str, reason: &str) -> Option<T> {
    let text = format!(
        "{what} is not installed ({}); `cargo xtask peers` installs it",
        reason.trim()
    );
    assert!(
        env::var_os("STELE_PEERS_REQUIRED").is_none(),
        "required here: {text}"
    );
    // Not by a macro, whose text is shown for failed tests only. Where nobody listens there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "skipped: {text}");
    None
}
