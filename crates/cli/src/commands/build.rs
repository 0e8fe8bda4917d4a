//! `stele build`: bundles, plans and policy contracts from source.

use crate::artifact::{self, Artifact};
use crate::exit::{EnvironmentContext, Verdict};
use crate::output::{self, Format};
use crate::query::Failure;
use crate::sources::{self, SchemaArgs, VersionArgs};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use stele_policy::bundle;
use stele_policy::load::{Documents, PolicySet};
use stele_rego::ir;
use stele_types::EntryPoint;

/// What is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// Bundle, plan and contract of each policy
    #[default]
    All,
    /// Only the plan, in OPA's intermediate representation
    Plan,
}

/// Build bundles, plans and policy contracts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, bundle or module
    path: PathBuf,
    /// What is built; a plan needs neither metadata nor a contract
    #[arg(short, long, value_enum, default_value_t)]
    target: Target,
    /// An entry point of one plan of everything, e.g. authz/allow; repeatable [default: one plan for each policy]
    #[arg(short, long, value_name = "PATH")]
    entrypoint: Vec<EntryPoint>,
    /// Where to write: one folder per policy
    #[arg(short, long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
    /// Write bundle and plan also of a policy that can't become a contract: its decisions can't be challenged
    #[arg(long)]
    without_contract: bool,
    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    rego: VersionArgs,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    match (args.target, args.entrypoint.as_slice()) {
        (Target::All, []) => all(args),
        (Target::All, _) => anyhow::bail!(
            "--entrypoint belongs to --target plan: a policy's contract has the entry points that its metadata name"
        ),
        (Target::Plan, []) => plans(args),
        (Target::Plan, entry_points) => one_plan(args, entry_points),
    }
}

/// What the path names, checked against the schemas.
fn source(args: &Args) -> Result<PolicySet> {
    let set = sources::load(&args.path, args.rego)?;
    args.schema.check(&args.path, &set)?;
    Ok(set)
}

fn all(args: &Args) -> Result<Verdict> {
    let set = source(args)?;
    let artifacts = artifact::build_all(&set)?;
    let without: Vec<_> = artifacts.iter().filter_map(Artifact::not_challengeable).collect();
    if !without.is_empty() && !args.without_contract {
        anyhow::bail!(
            "{}\nMend that, or add --without-contract: then they get bundle and plan only, and their decisions can't be challenged",
            without.join("\n")
        );
    }
    without.iter().for_each(output::note);
    let mut rows = Vec::new();
    let mut files = Vec::new();
    for artifact in &artifacts {
        let id = &artifact.bundle.policy.id;
        let folder = args.output.join(id.as_str());
        let file = artifact.contract_file();
        write(&folder, "bundle.tar.gz", &artifact.bundle.bytes)?;
        write(&folder, "plan.json", &serde_json::to_vec(&artifact.plan)?)?;
        match &file {
            Some(file) => write(&folder, "contract.json", &serde_json::to_vec_pretty(file)?)?,
            None => remove(&folder.join("contract.json"))?,
        }
        rows.push(vec![
            id.to_string(),
            artifact.bundle.digest.to_string(),
            format!("{} B", artifact.bundle.bytes.len()),
            file.as_ref()
                .map_or_else(|| "none".to_owned(), |file| format!("{} B", file.size)),
            folder.display().to_string(),
        ]);
        files.extend(file);
    }
    match args.format {
        Format::Text => output::table(&["policy", "version", "bundle", "contract", "folder"], rows),
        Format::Json => output::json(&files)?,
    }
    Ok(Verdict::Pass)
}

/// Removes what an earlier build left behind.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).environment(format!("{} can't be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// A plan for each policy, whether it can become a contract or not.
fn plans(args: &Args) -> Result<Verdict> {
    let set = source(args)?;
    let mut written = Vec::new();
    for policy in set.policies() {
        let id = &policy.id;
        let bundle = bundle::build(&set, id).with_context(|| format!("policy {id}"))?;
        let (plan, _) = artifact::plan(&bundle)?;
        written.push((args.output.join(id.as_str()), plan));
    }
    if written.is_empty() {
        anyhow::bail!(
            "there is no policy: a policy is a package whose METADATA names a custom.id; name an --entrypoint to plan other rules"
        );
    }
    report(args, &written)
}

/// One plan of everything, with the entry points that were named.
fn one_plan(args: &Args, entry_points: &[EntryPoint]) -> Result<Verdict> {
    let path = [args.path.clone()];
    let version = args.rego.version();
    let is_archive = args.path.to_string_lossy().ends_with("gz");
    let documents = if is_archive {
        Documents::load_as(&[], &path, version)
    } else {
        Documents::load_as(&path, &[], version)
    }
    .map_err(Failure::from)?;
    let trees = documents.trees();
    let mut options = stele_policy::compile_options();
    options.schemas = args.schema.read()?;
    let plan = stele_rego::compile(&trees, entry_points, &options).map_err(|found| {
        let texts: Vec<_> = trees.iter().map(|module| module.source.clone()).collect();
        Failure::diagnostics(&found, &texts)
    })?;
    report(args, &[(args.output.clone(), plan)])
}

fn report(args: &Args, plans: &[(PathBuf, ir::Policy)]) -> Result<Verdict> {
    let mut rows = Vec::new();
    let mut files = Vec::new();
    for (folder, plan) in plans {
        write(folder, "plan.json", &serde_json::to_vec(plan)?)?;
        let path = folder.join("plan.json").display().to_string();
        let names: Vec<&str> = plan.plans.iter().map(|plan| plan.name.as_str()).collect();
        rows.push(vec![
            path.clone(),
            plan.plans.len().to_string(),
            plan.funcs.len().to_string(),
        ]);
        files.push(serde_json::json!({ "plan": path, "entry_points": names }));
    }
    match args.format {
        Format::Text => output::table(&["plan", "entry points", "functions"], rows),
        Format::Json => output::json(&files)?,
    }
    Ok(Verdict::Pass)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    std::fs::create_dir_all(folder).environment(format!("can't create {}", folder.display()))?;
    let path = folder.join(name);
    crate::home::write_atomically(&path, bytes).environment(format!("can't write {}", path.display()))
}
