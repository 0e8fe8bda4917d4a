//! `stele contract build`: a contract from a plan or from one policy, or a stage on the way.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use stele_contract::Options;
use stele_policy::bundle;
use stele_rego::ir;
use stele_types::{PolicyId, Value};

use super::emit::{self, Stage};
use crate::artifact;
use crate::exit::{EnvironmentContext, Verdict};
use crate::output::{self, Format};
use crate::sources::{self, SchemaArgs, VersionArgs};

/// Compile a plan, or one policy of a source, to a contract.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, bundle or module
    #[arg(required_unless_present = "plan", conflicts_with = "plan")]
    path: Option<PathBuf>,
    /// The plan, `plan.json`, instead of sources
    #[arg(long, value_name = "FILE", conflicts_with = "schema")]
    plan: Option<PathBuf>,
    /// Which policy of the sources, if there are several
    #[arg(long, value_name = "ID", conflicts_with = "plan")]
    policy: Option<PolicyId>,
    /// An entry point to compile, repeatable [default: all of the plan's]
    #[arg(short, long, value_name = "PATH")]
    entrypoint: Vec<String>,
    /// Where to write contract.json
    #[arg(short, long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
    /// Print one stage of the compilation instead of writing a file
    #[arg(long, value_enum, conflicts_with = "output")]
    emit: Option<Stage>,
    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    rego: VersionArgs,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

/// `contract.json` of a contract that belongs to no bundle.
#[derive(Serialize)]
struct ContractFile {
    entry_points: Vec<EntryPoint>,
    code_hash: String,
    size: usize,
    creation: String,
    runtime: String,
}

#[derive(Serialize)]
struct EntryPoint {
    path: String,
    id: String,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let (name, plan, data) = plan(args)?;
    let options = Options {
        data,
        entry_points: (!args.entrypoint.is_empty()).then(|| args.entrypoint.clone()),
        ..Options::default()
    };
    let contract = match stele_contract::compile(&plan, &options) {
        Ok(contract) => contract,
        Err(refusals) => {
            let lines: Vec<String> = refusals.iter().map(|refusal| format!("  {refusal}")).collect();
            bail!("{name} can't become a contract:\n{}", lines.join("\n"));
        }
    };
    if let Some(stage) = args.emit {
        emit::emit(stage, &plan, &contract)?;
        return Ok(Verdict::Pass);
    }
    let file = ContractFile {
        entry_points: contract
            .entry_points
            .iter()
            .map(|entry| EntryPoint {
                path: entry.path.clone(),
                id: format!("0x{}", entry.id),
            })
            .collect(),
        code_hash: format!("0x{}", contract.code_hash),
        size: contract.runtime.len(),
        creation: format!("0x{}", hex::encode(&contract.creation)),
        runtime: format!("0x{}", hex::encode(&contract.runtime)),
    };
    std::fs::create_dir_all(&args.output).environment(format!("can't create {}", args.output.display()))?;
    let path = args.output.join("contract.json");
    crate::home::write_atomically(&path, &serde_json::to_vec_pretty(&file)?)
        .environment(format!("can't write {}", path.display()))?;
    match args.format {
        Format::Json => output::json(&file)?,
        Format::Text => output::table(
            &["contract", "code hash", "size"],
            vec![vec![
                path.display().to_string(),
                file.code_hash,
                format!("{} B", file.size),
            ]],
        ),
    }
    Ok(Verdict::Pass)
}

/// The plan to compile, what to call it, and the data that comes with it.
fn plan(args: &Args) -> Result<(String, ir::Policy, Option<Value>)> {
    let Some(path) = &args.path else {
        let file = args.plan.as_deref().context("name a source or a --plan")?;
        return Ok((file.display().to_string(), artifact::read_plan(file)?, None));
    };
    let set = sources::load(path, args.rego)?;
    args.schema.check(path, &set)?;
    let ids: Vec<&PolicyId> = set.policies().map(|policy| &policy.id).collect();
    let id = match (&args.policy, ids.as_slice()) {
        (Some(id), _) => id,
        (None, [only]) => only,
        (None, []) => bail!(
            "there is no policy in {}: plan entry points with `stele build --target plan -e`, then use --plan",
            path.display()
        ),
        (None, several) => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            bail!("choose one with --policy: {}", names.join(", "))
        }
    };
    let bundle = bundle::build(&set, id).with_context(|| format!("policy {id}"))?;
    let (plan, data) = artifact::plan(&bundle)?;
    Ok((id.to_string(), plan, Some(data)))
}
