//! Test peers: real programs from npm, PyPI and Debian that the tests run against, installed under `target/peers`.
//!
//! They live in the workspace's own `target`, even when Cargo builds elsewhere, so that tests find them from their manifest.

use crate::chromium;
use crate::shell::{root, run, say};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// Installs what `tools/peers` pins, unless the same pins are installed already; returns the directory.
pub(crate) fn install() -> Result<PathBuf> {
    let source = root().join("tools/peers");
    let target = root().join("target/peers");
    let mut pins = String::new();
    for file in ["package.json", "package-lock.json", "requirements.txt"] {
        let path = source.join(file);
        pins += &std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    }
    pins += chromium::PACKAGE;
    let stamp = target.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == pins) {
        return Ok(target);
    }
    say("installing the test peers (npm, PyPI, Debian)");
    std::fs::create_dir_all(&target)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(source.join(file), target.join(file))?;
    }
    // Not `npm ci`: it refuses a lock file without the optional packages of other platforms, and not every registry has them. All versions
    // are pinned in package.json, and what the lock file names is installed by its hash.
    run(Command::new("npm")
        .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&target))?;
    let venv = target.join("python");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    run(Command::new(venv.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(source.join("requirements.txt")))?;
    chromium::install(&target)?;
    std::fs::write(&stamp, pins)?;
    Ok(target)
}
