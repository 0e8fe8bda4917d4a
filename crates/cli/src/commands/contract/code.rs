//! Contracts whose source is at hand, rebuilt.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use stele_contract::{Contract, Options};
use stele_policy::load::{self, PolicySet};
use stele_policy::{Policy, bundle};
use stele_rego::ir;
use stele_types::{EntryPoint, PolicyId, PolicyVersion, Value};

use crate::artifact;
use crate::sources::{self, VersionArgs};

/// A policy's contract with its source.
pub(super) struct Known {
    /// The policy, or the plan's file.
    pub(super) name: String,
    /// The bundle it was built from; a plan has none.
    pub(super) version: Option<PolicyVersion>,
    pub(super) contract: Contract,
    /// The text of each file, by its name in the source map.
    texts: HashMap<String, Arc<str>>,
}

/// The contracts of a source.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) known: Vec<Known>,
    /// Why there are no more.
    pub(super) refused: Vec<anyhow::Error>,
}

impl Known {
    /// A line of the source, without the white space around it; row from 1.
    pub(super) fn line(&self, file: &str, row: u32) -> Option<&str> {
        let row = usize::try_from(row).ok()?.checked_sub(1)?;
        self.texts.get(file)?.lines().nth(row).map(str::trim)
    }

    /// Every policy of a directory, a bundle or a module, or the one that is named. A policy that can't become a contract was never
    /// deployed as one: it is no source of any code, unless it is the one that is named, or there is no other.
    pub(super) fn of_sources(path: &Path, only: Option<&PolicyId>, version: VersionArgs) -> Result<Sources> {
        let set = sources::load(path, version)?;
        if let Some(id) = only {
            set.policy(id)
                .with_context(|| format!("there is no policy {id} in {}", path.display()))?;
        }
        let mut sources = Sources::default();
        for policy in set
            .policies()
            .filter(|policy| only.is_none_or(|id| policy.id == *id))
        {
            let built = bundle::build(&set, &policy.id).with_context(|| format!("policy {}", policy.id));
            match built.and_then(|built| Self::of_bundle(&built.bytes, None)) {
                Ok(known) => sources.known.push(known),
                Err(error) => sources.refused.push(error),
            }
        }
        if sources.known.is_empty() && !sources.refused.is_empty() {
            let errors: Vec<String> = sources.refused.iter().map(|error| format!("{error:#}")).collect();
            bail!("{}", errors.join("\n"));
        }
        Ok(sources)
    }

    /// A bundle's policy; with an entry point that its contract lacks, a contract for that entry point alone.
    pub(super) fn of_bundle(bytes: &[u8], entry_point: Option<&EntryPoint>) -> Result<Self> {
        let set = load::load_bundle(bytes).context("the bundle")?;
        let policy = set.policies().next().context("the bundle holds no policy")?;
        let plan = match entry_point.filter(|path| !answers(policy, path)) {
            Some(path) => artifact::plan_of(&set, &policy.id, std::slice::from_ref(path))?,
            None => artifact::plan_packed(&set, policy)?,
        };
        let contract = compile(policy.id.as_str(), &plan, Some(set.data().clone()))?;
        Ok(Self {
            name: policy.id.to_string(),
            version: Some(PolicyVersion::of_bundle(bytes)),
            contract,
            texts: texts(&set),
        })
    }

    /// A plan, whose Rego is elsewhere.
    pub(super) fn of_plan(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        Ok(Self {
            contract: compile(&name, &artifact::read_plan(path)?, None)?,
            name,
            version: None,
            texts: HashMap::new(),
        })
    }
}

/// Whether a policy's contract has the entry point.
fn answers(policy: &Policy, path: &EntryPoint) -> bool {
    policy.id.as_str() == path.as_str() || policy.entry_points.contains(path)
}

fn compile(name: &str, plan: &ir::Policy, data: Option<Value>) -> Result<Contract> {
    // What is too large for a chain is compared and traced all the same.
    let options = Options {
        max_code_size: usize::MAX,
        data,
        ..Options::default()
    };
    stele_contract::compile(plan, &options).map_err(|refusals| artifact::refused(name, &refusals))
}

fn texts(set: &PolicySet) -> HashMap<String, Arc<str>> {
    set.modules()
        .iter()
        .map(|module| (module.path.clone(), Arc::from(module.ast.source.text())))
        .collect()
}
