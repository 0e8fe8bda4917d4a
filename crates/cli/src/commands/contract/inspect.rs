//! `stele contract inspect`: what a policy's contract weighs and costs, or why there is none.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use stele_contract::{EIP170_LIMIT, Options, Reason, Refusal};
use stele_policy::bundle;
use stele_policy::load::PolicySet;
use stele_rego::ir;
use stele_types::{PolicyId, Value};

use crate::artifact;
use crate::exit::Verdict;
use crate::output::{self, Format};
use crate::query::evm;
use crate::sources::{self, VersionArgs};

/// Size, gas of each entry point, and what can't be compiled.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, bundle or module
    #[arg(required_unless_present = "plan", conflicts_with = "plan")]
    path: Option<PathBuf>,
    /// A plan instead of sources
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only this policy
    #[arg(long, value_name = "ID")]
    policy: Option<PolicyId>,
    /// The input for which gas is measured, JSON, bare or under `input` [default: the empty object]
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    #[command(flatten)]
    rego: VersionArgs,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

/// One contract.
#[derive(Serialize)]
struct Report {
    /// The policy, or the plan's file.
    name: String,
    /// Bytes of the deployed code; none when something is refused.
    size: Option<usize>,
    /// Bytes that a chain accepts.
    size_limit: usize,
    /// Gas of the deploying transaction; none when the code is refused or too large.
    deploy_gas: Option<u64>,
    /// keccak256 of the deployed code.
    code_hash: Option<String>,
    entry_points: Vec<EntryPoint>,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct EntryPoint {
    path: String,
    id: String,
    /// Gas of the contract's own code for the given input, without the transaction's fixed cost and its call data.
    execution_gas: Option<u64>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Refused {
    construct: String,
    reason: String,
    function: String,
    file: String,
    row: u32,
    col: u32,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let input = match &args.input {
        Some(path) => crate::commands::decide::read_input(path)?,
        None => Value::object([]),
    };
    let reports = match (&args.plan, &args.path) {
        (Some(plan), _) => {
            let name = plan.display().to_string();
            vec![report(name, &artifact::read_plan(plan)?, None, &input)?]
        }
        (None, Some(path)) => of_sources(path, args, &input)?,
        (None, None) => Vec::new(),
    };
    if reports.is_empty() {
        anyhow::bail!(
            "there is no policy: a policy is a package whose METADATA names a custom.id; compile a --plan to see any other Rego"
        );
    }
    match args.format {
        Format::Json => output::json(&reports)?,
        Format::Text => print(&reports),
    }
    let refused = reports.iter().any(|report| !report.refused.is_empty());
    Ok(if refused { Verdict::Invalid } else { Verdict::Pass })
}

fn of_sources(path: &Path, args: &Args, input: &Value) -> Result<Vec<Report>> {
    let set = sources::load(path, args.rego)?;
    let only = args.policy.as_ref();
    if let Some(id) = only {
        set.policy(id)
            .with_context(|| format!("there is no policy {id} in {}", path.display()))?;
    }
    set.policies()
        .filter(|policy| only.is_none_or(|id| policy.id == *id))
        .map(|policy| of_policy(&set, &policy.id, input))
        .collect()
}

fn of_policy(set: &PolicySet, id: &PolicyId, input: &Value) -> Result<Report> {
    let bundle = bundle::build(set, id).with_context(|| format!("policy {id}"))?;
    let (plan, data) = artifact::plan(&bundle)?;
    report(id.to_string(), &plan, Some(&data), input)
}

/// Without data a plan is measured on the empty object.
fn report(name: String, plan: &ir::Policy, data: Option<&Value>, input: &Value) -> Result<Report> {
    // What is too large for a chain is measured all the same.
    let options = Options {
        max_code_size: usize::MAX,
        data: data.cloned(),
        ..Options::default()
    };
    let mut report = Report {
        name,
        size: None,
        size_limit: EIP170_LIMIT,
        deploy_gas: None,
        code_hash: None,
        entry_points: Vec::new(),
        refused: Vec::new(),
    };
    let contract = match stele_contract::compile(plan, &options) {
        Ok(contract) => contract,
        Err(refusals) => {
            report.refused = refusals.iter().map(Refused::from).collect();
            return Ok(report);
        }
    };
    let size = contract.runtime.len();
    report.size = Some(size);
    report.code_hash = Some(format!("0x{}", contract.code_hash));
    if size <= EIP170_LIMIT {
        report.deploy_gas = Some(evm::deploy(&contract.creation)?);
    } else {
        let reason = Reason::CodeSize {
            size,
            limit: EIP170_LIMIT,
        };
        report.refused.push(Refused {
            construct: "contract".to_owned(),
            reason: reason.to_string(),
            function: String::new(),
            file: String::new(),
            row: 0,
            col: 0,
        });
    }
    let data = evm::encode("data", data.unwrap_or(&Value::object([])))?;
    let time = crate::node::now();
    for entry in &contract.entry_points {
        let run = evm::call(&entry.path, Some(input), &data, time)
            .and_then(|call| evm::execute(&contract.runtime, &call));
        let (execution_gas, error) = match run {
            Ok((_, gas)) => (Some(gas), None),
            Err(failure) => (None, Some(failure.text())),
        };
        report.entry_points.push(EntryPoint {
            path: entry.path.clone(),
            id: format!("0x{}", entry.id),
            execution_gas,
            error,
        });
    }
    Ok(report)
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        Self {
            construct: refusal.construct.clone(),
            reason: refusal.reason.to_string(),
            function: refusal.func.clone(),
            file: refusal.file.clone(),
            row: refusal.row,
            col: refusal.col,
        }
    }
}

fn print(reports: &[Report]) {
    let count = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let contracts = reports
        .iter()
        .map(|report| {
            let size = report.size.map_or_else(
                || "refused".to_owned(),
                |size| format!("{size} B of {}", report.size_limit),
            );
            vec![report.name.clone(), size, count(report.deploy_gas)]
        })
        .collect();
    output::table(&["contract", "size", "deploy gas"], contracts);
    let entry_points: Vec<Vec<String>> = reports
        .iter()
        .flat_map(|report| &report.entry_points)
        .map(|entry| {
            let gas = match &entry.error {
                Some(error) => error.clone(),
                None => count(entry.execution_gas),
            };
            vec![entry.path.clone(), gas]
        })
        .collect();
    if !entry_points.is_empty() {
        output::line("");
        output::table(&["entry point", "execution gas"], entry_points);
    }
    for report in reports {
        for refused in &report.refused {
            output::line("");
            let place = if refused.file.is_empty() {
                report.name.clone()
            } else {
                format!("{}:{}:{}", refused.file, refused.row, refused.col)
            };
            output::line(format!(
                "refused: {place}: {}: {}",
                refused.construct, refused.reason
            ));
        }
    }
}
