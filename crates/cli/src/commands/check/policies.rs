//! Which policies are asked.

use super::live::LiveArgs;
use crate::config::Sources as Configuration;
use crate::sources::{self, VersionArgs, described};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use stele_gate::check::Part;
use stele_policy::PolicySet;
use stele_policy::load::Documents;
use stele_types::PolicyId;

/// Where policies come from.
#[derive(clap::Args)]
pub(in crate::commands) struct PolicyArgs {
    /// Policies to check against: directory, bundle or module [default: the configured directory, else the starter library]
    #[arg(short, long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Ask only this package; one without an id in its metadata too, as conftest's `main` [can be repeated]
    #[arg(long, value_name = "PACKAGE", conflicts_with = "live")]
    namespace: Vec<String>,
    /// More documents for `data`: file or directory of JSON and YAML [can be repeated]
    #[arg(long, value_name = "PATH", conflicts_with = "live")]
    data: Vec<PathBuf>,
    /// Refused: policies are not downloaded
    #[arg(long, value_name = "URL", hide = true)]
    update: Vec<String>,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    live: LiveArgs,
}

impl PolicyArgs {
    /// Whether what the registry has in force is asked.
    pub(super) const fn is_live(&self) -> bool {
        self.live.live
    }

    /// Which policies were asked for, for who judges a run.
    pub(super) fn options(&self) -> serde_json::Value {
        serde_json::json!({
            "policy": self.policy,
            "namespace": self.namespace,
            "data": self.data,
            "live": self.live.live,
            "canary": self.live.canary,
        })
    }

    pub(in crate::commands) fn load(&self, configuration: &Configuration) -> Result<Vec<Part>> {
        if let Some(url) = self.update.first() {
            bail!(
                "--update is not there: what downloads its policies before each run checks with whatever lies at {url} by then. Name a bundle with \
                 --policy, or check with --live against the versions that the registry names by their digests"
            );
        }
        if self.live.live {
            return self.live.load(configuration);
        }
        let (mut set, path) = match &self.policy {
            Some(path) => (sources::load(path, self.version)?, path.clone()),
            None => {
                let configured = configuration.load()?.policies;
                (sources::load_or_starter(&configured, self.version)?.0, configured)
            }
        };
        if !self.data.is_empty() {
            set = with_data(set, &self.data)?;
        }
        if self.namespace.is_empty() {
            return Ok(vec![Part::whole(set)]);
        }
        let mut only = Vec::new();
        for name in &self.namespace {
            let id = PolicyId::new(&name.replace('.', "/"))?;
            set = adopt(set, &id, &path)?;
            only.push(id);
        }
        let mut part = Part::whole(set);
        part.only = Some(only);
        Ok(vec![part])
    }
}

fn with_data(set: PolicySet, paths: &[PathBuf]) -> Result<PolicySet> {
    let documents = Documents::load(paths, &[]).map_err(|error| described(Path::new("--data"), error))?;
    if let Some(module) = documents.modules().first() {
        bail!(
            "--data takes documents, and {} is a policy: name it with --policy",
            module.path
        );
    }
    let set = set.with_data(documents.data());
    set.map_err(|error| described(Path::new("--data"), error))
}

fn adopt(set: PolicySet, id: &PolicyId, path: &Path) -> Result<PolicySet> {
    let modules = set.modules().iter().filter(|module| !module.is_test());
    let mut packages: Vec<String> = modules.map(|module| module.package.join(".")).collect();
    packages.sort();
    packages.dedup();
    let Some(set) = set.with_package(id) else {
        bail!(
            "there is no package {} in {}; there are {}",
            id.as_str().replace('/', "."),
            path.display(),
            packages.join(", ")
        );
    };
    Ok(set)
}
