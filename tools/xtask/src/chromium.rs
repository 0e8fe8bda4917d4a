//! Chromium from Debian's packages, unpacked below `target/peers` with the libraries that this system lacks: the system stays as it is, and no rights
//! are needed. Debian keeps only its newest version, so none is pinned.

use crate::shell::run;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is installed; part of the stamp that says whether the peers are.
pub(crate) const PACKAGE: &str = "chromium";

/// Unpacks it into `target/chromium` and writes `target/chromium/run`, which starts it. Does nothing when `STELE_CHROMIUM` names one.
pub(crate) fn install(target: &Path) -> Result<()> {
    if std::env::var_os("STELE_CHROMIUM").is_some() {
        return Ok(());
    }
    let dir = target.join("chromium");
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    let (apt, root) = (dir.join("apt"), dir.join("root"));
    let archives = apt.join("cache/archives");
    for dir in [&root, &archives.join("partial"), &apt.join("lists/partial")] {
        std::fs::create_dir_all(dir)?;
    }
    let hint = "Chromium comes from Debian's packages; elsewhere install it and name it in STELE_CHROMIUM";
    run(apt_get(&apt).arg("update")).context(hint)?;
    run(apt_get(&apt).args([
        "install",
        "--yes",
        "--no-install-recommends",
        "--download-only",
        PACKAGE,
    ]))
    .context(hint)?;
    for entry in std::fs::read_dir(&archives)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg").arg("--extract").arg(&path).arg(&root))?;
        }
    }
    std::fs::remove_dir_all(&apt)?;
    write_start(&dir, &root)
}

/// `apt-get` with lists and cache of its own, so that it needs no rights and leaves the system's alone.
fn apt_get(dir: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let own = |option: &str, name: &str| format!("{option}={}", dir.join(name).display());
    for option in [
        own("Dir::State::lists", "lists"),
        own("Dir::Cache", "cache"),
        "Debug::NoLocking=1".into(),
        "APT::Sandbox::User=root".into(),
    ] {
        command.args(["-o", &option]);
    }
    command.args(["--quiet", "--quiet"]);
    command
}

/// A program that starts it with the libraries that came along.
fn write_start(dir: &Path, root: &Path) -> Result<()> {
    let mut places = Vec::new();
    libraries(root, &mut places)?;
    let mut text = String::from("#!/bin/sh\nexport LD_LIBRARY_PATH=");
    for place in places {
        write!(text, "'{}':", place.display())?;
    }
    let program = root.join("usr/lib/chromium/chromium");
    writeln!(text, "\nexec '{}' \"$@\"", program.display())?;
    let start = dir.join("run");
    std::fs::write(&start, text)?;
    run(Command::new("chmod").arg("+x").arg(&start))
}

/// Directories that hold a shared library.
fn libraries(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut here = false;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            libraries(&entry.path(), found)?;
        } else {
            here = here || entry.file_name().to_string_lossy().contains(".so");
        }
    }
    if here {
        found.push(dir.to_path_buf());
    }
    Ok(())
}
