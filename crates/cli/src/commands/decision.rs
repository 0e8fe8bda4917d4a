//! `stele decision`.

pub(crate) mod explain;

use crate::config::Sources;
use crate::exit::Verdict;
use crate::output::{self, Format};
use crate::record::{Query, Records};
use anyhow::Result;
use stele_types::{DecisionRecord, PolicyId, json};

/// Recorded decisions.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List decisions, newest first
    List(ListArgs),
    /// Show one whole record
    Show(ShowArgs),
    /// Say why: which rule, which line, which values
    Explain(explain::Args),
    /// Erase the recorded input; proofs stay valid, and the erasure is itself recorded
    Erase(EraseArgs),
}

/// List decisions.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// How many at most
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Only of this policy
    #[arg(long)]
    policy: Option<PolicyId>,
    /// Only with this outcome: allow, warn, deny, ...
    #[arg(long)]
    decision: Option<String>,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

/// Show one whole record.
#[derive(clap::Args)]
pub(crate) struct ShowArgs {
    /// Decision id, or `latest`
    id: String,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

/// Erase the recorded input.
#[derive(clap::Args)]
pub(crate) struct EraseArgs {
    /// Decision id
    id: String,
    /// Why; becomes part of the log, so no personal data
    #[arg(long)]
    reason: String,
}

pub(crate) fn run(sources: &Sources, command: Command) -> Result<Verdict> {
    match command {
        Command::List(args) => list(sources, &args),
        Command::Show(args) => show(sources, &args),
        Command::Explain(args) => explain::run(sources, &args),
        Command::Erase(args) => erase(sources, &args),
    }
}

fn list(sources: &Sources, args: &ListArgs) -> Result<Verdict> {
    let query = Query {
        limit: args.limit.into(),
        policy: args.policy.clone(),
        decision: args.decision.clone(),
    };
    let records = Records::open(sources)?.list(&query)?;
    match args.format {
        Format::Json => output::json(&records.iter().map(|(_, record)| record).collect::<Vec<_>>())?,
        Format::Text => output::table(
            &["decision", "time", "asked", "outcome", "violations"],
            records
                .iter()
                .map(|(_, record)| {
                    vec![
                        record.decision_id.to_string(),
                        record.timestamp.to_string().chars().take(19).collect(),
                        record.path.to_string(),
                        outcome(record),
                        record.violations.len().to_string(),
                    ]
                })
                .collect(),
        ),
    }
    Ok(Verdict::Pass)
}

fn outcome(record: &DecisionRecord) -> String {
    record.labels.get("decision").cloned().unwrap_or_else(|| {
        if record.error.is_some() {
            "error".into()
        } else {
            "-".into()
        }
    })
}

fn show(sources: &Sources, args: &ShowArgs) -> Result<Verdict> {
    let records = Records::open(sources)?;
    let (index, record) = records.record(records.resolve(&args.id)?)?;
    if args.format == Format::Json {
        output::json(&record)?;
        return Ok(Verdict::Pass);
    }
    let mut fields = vec![
        ("decision", record.decision_id.to_string()),
        ("time", record.timestamp.to_string()),
        ("asked", record.path.to_string()),
        ("outcome", outcome(&record)),
        (
            "policy",
            format!("{} version {}", record.policy_id, record.policy_version),
        ),
        ("node", record.node.to_string()),
        ("leaf", index.to_string()),
    ];
    let optional = [
        ("actor", &record.actor),
        ("resource", &record.resource),
        ("asked by", &record.requested_by),
        ("point", &record.enforcement_point),
        ("trace", &record.trace_id),
        ("error", &record.error),
    ];
    fields.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?))),
    );
    fields.extend((!record.masked.is_empty()).then(|| ("masked", record.masked.join(", "))));
    fields.extend((!record.erased.is_empty()).then(|| ("erased", record.erased.join(", "))));
    for (name, value) in fields {
        output::line(format!("{name:<10} {value}"));
    }
    for violation in &record.violations {
        output::line(format!(
            "violation  [{}] {}",
            violation.severity, violation.message
        ));
    }
    let text = |value: &Option<stele_types::Value>| {
        value
            .as_ref()
            .map_or_else(|| "undefined".into(), json::to_string_pretty)
    };
    output::line(format!("result\n{}", text(&record.result)));
    output::line(format!("input\n{}", text(&record.input)));
    Ok(Verdict::Pass)
}

fn erase(sources: &Sources, args: &EraseArgs) -> Result<Verdict> {
    let records = Records::open(sources)?;
    let id = records.resolve(&args.id)?;
    if records.erase(id, &args.reason)? {
        output::line(format!("the input of {id} is erased"));
    } else {
        output::line(format!("the input of {id} was erased before"));
    }
    Ok(Verdict::Pass)
}
