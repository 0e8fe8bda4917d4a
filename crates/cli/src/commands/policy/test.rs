//! `stele policy test`.

use crate::commands::eval::explain::Mode;
use crate::exit::Verdict;
use crate::output;
use crate::sources::{self, SchemaArgs, VersionArgs};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::time::Instant;
use stele_policy::test_runner::{self, TestOptions, TestReport};

/// Run the tests of policies.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, bundle or module
    path: PathBuf,
    /// Run only tests whose full name matches this regular expression
    #[arg(short, long, value_name = "REGEX")]
    run: Option<String>,
    /// List every test, not only those that fail
    #[arg(long)]
    list: bool,
    /// Show what happened in each test
    #[arg(long, value_enum, default_value_t)]
    explain: Mode,
    /// Report which lines the tests ran
    #[arg(short, long)]
    coverage: bool,
    /// Fail when less than this percentage of the lines is covered; implies --coverage
    #[arg(short, long, value_name = "PERCENT")]
    threshold: Option<f64>,
    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    rego: VersionArgs,
    /// Output format
    #[arg(long, default_value = "text")]
    format: ReportFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ReportFormat {
    /// For people
    Text,
    /// As `opa test --format json`
    Json,
    /// JUnit XML
    Junit,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let filter = args
        .run
        .as_deref()
        .map(regex::Regex::new)
        .transpose()
        .context("--run is no regular expression")?;
    let options = TestOptions {
        filter,
        coverage: args.coverage || args.threshold.is_some(),
        // As in `opa test`; what must not depend on it mocks `time.now_ns`.
        now_ns: i64::try_from(crate::node::now().as_nanos()).ok(),
        explain: args.explain.trace(),
        schemas: args.schema.read()?,
        ..TestOptions::default()
    };
    let (set, problems) = sources::load_lenient(&args.path, args.rego)?;
    let start = Instant::now();
    let report = test_runner::run(&set, problems, &options, &|| start.elapsed())?;
    print(args, &report)?;
    let reached = args.threshold.is_none_or(|threshold| {
        report
            .coverage
            .as_ref()
            .is_some_and(|coverage| coverage.reaches(threshold))
    });
    if !reached {
        output::note(format!(
            "coverage is below the threshold of {} %",
            args.threshold.unwrap_or_default()
        ));
    }
    if report.results.is_empty() && report.problems.is_empty() {
        output::note("no test was run");
    }
    Ok(if report.passed() && reached {
        Verdict::Pass
    } else {
        Verdict::Fail
    })
}

fn print(args: &Args, report: &TestReport) -> Result<()> {
    match args.format {
        ReportFormat::Text => {
            output::line(report.to_text(args.list).trim_end());
            if let Some(coverage) = &report.coverage {
                output::line(coverage.to_text().trim_end());
            }
        }
        ReportFormat::Json if report.coverage.is_some() && args.coverage => {
            let coverage = report.coverage.as_ref().map(test_runner::Coverage::to_json);
            output::line(
                coverage
                    .map(|value| stele_types::json::to_string_pretty(&value))
                    .unwrap_or_default(),
            );
        }
        ReportFormat::Json => output::line(stele_types::json::to_string_pretty(&report.to_json())),
        ReportFormat::Junit => output::line(report.to_junit().map_err(anyhow::Error::msg)?.trim_end()),
    }
    Ok(())
}
