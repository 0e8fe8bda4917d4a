//! `stele contract build`: a contract from a plan.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::Serialize;
use stele_contract::Options;

use crate::artifact;
use crate::exit::{EnvironmentContext, Verdict};
use crate::output::{self, Format};

/// Compile a plan to a contract.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The plan, `plan.json`
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// An entry point to compile, repeatable [default: all of the plan's]
    #[arg(short, long, value_name = "PATH")]
    entrypoint: Vec<String>,
    /// Where to write contract.json
    #[arg(short, long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
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
    let plan = artifact::read_plan(&args.plan)?;
    let options = Options {
        entry_points: (!args.entrypoint.is_empty()).then(|| args.entrypoint.clone()),
        ..Options::default()
    };
    let contract = match stele_contract::compile(&plan, &options) {
        Ok(contract) => contract,
        Err(refusals) => {
            let lines: Vec<String> = refusals.iter().map(|refusal| format!("  {refusal}")).collect();
            bail!(
                "{} can't become a contract:\n{}",
                args.plan.display(),
                lines.join("\n")
            );
        }
    };
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
