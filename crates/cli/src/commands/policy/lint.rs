//! `stele policy lint`.

use crate::exit::Verdict;
use crate::output::{self, Format};
use crate::sources::{self, SchemaArgs, VersionArgs};
use anyhow::Result;
use std::path::PathBuf;
use stele_policy::lint::{self, Level, LintOptions};

/// Find what is wrong with policies before production does.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, bundle or module
    path: PathBuf,
    /// Fail from this level on: info, warning or error
    #[arg(long, value_name = "LEVEL", default_value = "warning", value_parser = level)]
    fail_on: Level,
    /// Leave out the findings of a rule; may be given several times
    #[arg(long, value_name = "RULE", value_parser = rule)]
    disable: Vec<String>,
    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    rego: VersionArgs,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

fn level(text: &str) -> Result<Level, String> {
    [Level::Info, Level::Warning, Level::Error]
        .into_iter()
        .find(|level| level.to_string() == text)
        .ok_or_else(|| "levels are info, warning and error".into())
}

fn rule(text: &str) -> Result<String, String> {
    if lint::RULES.iter().any(|rule| rule.id == text) {
        return Ok(text.to_owned());
    }
    let ids: Vec<&str> = lint::RULES.iter().map(|rule| rule.id).collect();
    Err(format!("the rules are {}", ids.join(", ")))
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let (set, problems) = sources::load_lenient(&args.path, args.rego)?;
    let options = LintOptions {
        disabled: args.disable.iter().cloned().collect(),
        schemas: args.schema.read()?,
    };
    let findings = lint::lint(&set, &problems, &options);
    match args.format {
        Format::Json => output::line(stele_types::json::to_string_pretty(&lint::to_json(&findings))),
        Format::Text if findings.is_empty() => output::line("no findings"),
        Format::Text => output::line(lint::to_text(&findings).trim_end()),
    }
    let failed = findings.iter().any(|finding| finding.severity >= args.fail_on);
    Ok(if failed { Verdict::Fail } else { Verdict::Pass })
}
