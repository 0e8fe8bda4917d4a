//! `stele policy list`.

use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::Verdict;
use crate::output::{self, Format};
use anyhow::Result;
use serde::Serialize;
use stele_chain::contracts::RefusingContract;
use stele_types::PolicyId;

/// Versions in force.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also list every proposed version with its state
    #[arg(short, long)]
    all: bool,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    chain: ChainArgs,
}

/// One version of one policy.
#[derive(Serialize)]
struct Row {
    policy: PolicyId,
    state: String,
    version: String,
    contract: String,
    code_hash: String,
    /// Whether decisions under it can be challenged.
    challengeable: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    challengeable_reason: Option<&'static str>,
    approvals: Vec<String>,
    since: Option<String>,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let rows = block_on(rows(sources, args))?;
    match args.format {
        Format::Json => output::json(&rows)?,
        Format::Text => output::table(
            &[
                "policy",
                "state",
                "version",
                "contract",
                "challengeable",
                "approved by",
                "since",
            ],
            rows.into_iter()
                .map(|row| {
                    let since = row.since.unwrap_or_default();
                    vec![
                        row.policy.to_string(),
                        row.state,
                        short(&row.version),
                        row.contract,
                        row.challengeable_reason
                            .map_or_else(|| "yes".to_owned(), |reason| format!("no: {reason}")),
                        row.approvals.join(", "),
                        since,
                    ]
                })
                .collect(),
        ),
    }
    Ok(Verdict::Pass)
}

async fn rows(sources: &Sources, args: &Args) -> Result<Vec<Row>> {
    let session = Session::open(sources, &args.chain).await?;
    let mut rows = Vec::new();
    for summary in session.governance.policies().await? {
        let active = summary.active;
        for proposal in session.governance.versions(&summary.policy).await? {
            let in_force = active.as_ref().filter(|active| active.proposal == proposal.id);
            if in_force.is_none() && !args.all {
                continue;
            }
            let refusing = proposal.code_hash == RefusingContract::new().code_hash;
            rows.push(Row {
                challengeable: !refusing,
                challengeable_reason: refusing.then_some("it has no contract"),
                policy: summary.policy.clone(),
                state: in_force.map_or_else(|| super::state_name(proposal.state), |_| "in force".into()),
                version: proposal.version.to_string(),
                contract: proposal.contract.to_string(),
                code_hash: format!("0x{}", proposal.code_hash),
                approvals: proposal
                    .approvals
                    .iter()
                    .map(|approval| approval.role.name().to_lowercase())
                    .collect(),
                since: in_force.map(|active| active.time.to_string()),
            });
        }
    }
    rows.sort_by(|left, right| left.policy.cmp(&right.policy));
    Ok(rows)
}

/// Enough of a digest to tell versions apart at a glance; `--format json` has it whole.
fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}
