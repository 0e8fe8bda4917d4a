//! `stele init`: a repository of policies to begin with.

use crate::exit::{EnvironmentContext, Verdict};
use crate::output;
use anyhow::{Result, bail};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Path and text of each file.
const FILES: [(&str, &str); 10] = [
    ("README.md", include_str!("../../templates/init/README.md")),
    (
        "policies/company/workloads/workloads.rego",
        include_str!("../../templates/init/policies/company/workloads/workloads.rego"),
    ),
    (
        "policies/company/workloads/workloads_test.rego",
        include_str!("../../templates/init/policies/company/workloads/workloads_test.rego"),
    ),
    (
        "examples/pod.yaml",
        include_str!("../../templates/init/examples/pod.yaml"),
    ),
    (
        "stele-exceptions.yaml",
        include_str!("../../templates/init/stele-exceptions.yaml"),
    ),
    ("CODEOWNERS", include_str!("../../templates/init/CODEOWNERS")),
    (
        ".github/workflows/policy.yml",
        include_str!("../../templates/init/.github/workflows/policy.yml"),
    ),
    (
        ".gitlab-ci.yml",
        include_str!("../../templates/init/.gitlab-ci.yml"),
    ),
    (
        ".pre-commit-config.yaml",
        include_str!("../../templates/init/.pre-commit-config.yaml"),
    ),
    (".gitignore", include_str!("../../templates/init/gitignore")),
];

/// Start a repository of policies.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where; made if it is not there
    #[arg(default_value = ".", value_name = "DIR")]
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let root = &args.directory;
    if root.exists() && !root.is_dir() {
        bail!("{} is no directory", root.display());
    }
    let mut kept = 0_usize;
    for (name, text) in FILES {
        let path = root.join(name);
        if create(&path, text).environment(format!("can't write {}", path.display()))? {
            output::line(format!("created {}", path.display()));
        } else {
            kept = kept.saturating_add(1);
            output::note(format!("{} is there already and stays as it is", path.display()));
        }
    }
    if kept < FILES.len() {
        output::note("next: `stele policy test policies`, `stele check`, and the teams in CODEOWNERS");
    }
    Ok(Verdict::Pass)
}

/// Writes a file that is not there; false if it is.
fn create(path: &Path, text: &str) -> std::io::Result<bool> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
