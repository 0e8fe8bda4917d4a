//! Findings: how they are printed, known before, and what they mean for the exit code.

use crate::exit::{EnvironmentContext, Verdict};
use crate::home::write_atomically;
use crate::{output, repository};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use stele_gate::evidence::CheckedFile;
use stele_gate::{Baseline, Outcome, report};
use stele_types::{Severity, sha256};

/// How findings are printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people: each finding with its line
    #[default]
    Text,
    /// Findings and failures as one JSON document
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
    /// Annotations in GitHub Actions
    Github,
    /// A code quality report for GitLab
    Gitlab,
    /// A table for comments
    Markdown,
    /// A page for browsers
    Html,
}

/// Which findings fail, and which are known.
#[derive(clap::Args)]
pub(crate) struct FindingArgs {
    /// Fail only on findings at least as severe as this: low, medium, high or critical
    #[arg(long, value_name = "SEVERITY", default_value = "low")]
    pub(crate) fail_on: Severity,
    /// Leave out the findings in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write all findings to a file for --baseline, and fail on none of them
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Findings that are accepted until a day [default: stele-exceptions.yaml in the root of PATH's repository]
    #[arg(long, value_name = "FILE")]
    pub(crate) exceptions: Option<PathBuf>,
}

impl FindingArgs {
    /// The baseline, if there is one.
    pub(crate) fn read_baseline(&self) -> Result<Option<(Baseline, CheckedFile)>> {
        self.baseline.as_deref().map(read_baseline).transpose()
    }
}

/// Leaves out what a baseline knows, says how much that is, and gives it.
pub(crate) fn leave_out(baseline: &Baseline, outcome: &mut Outcome) -> usize {
    let (known, gone) = baseline.apply(&mut outcome.findings);
    output::note(format!(
        "known findings that are left out: {known}; those that are there no more: {gone}"
    ));
    known
}

/// Whether something fails that is as severe as this.
pub(crate) fn violated(fail_on: Severity, outcome: &Outcome) -> bool {
    let mut findings = outcome.findings.iter();
    findings.any(|finding| finding.fails() && finding.severity >= fail_on)
}

pub(crate) fn verdict(fail_on: Severity, dry_run: bool, outcome: &Outcome) -> Verdict {
    match (dry_run, violated(fail_on, outcome)) {
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::Fail,
        (false, false) => incomplete(outcome).unwrap_or(Verdict::Pass),
    }
}

/// What was not checked did not pass.
fn incomplete(outcome: &Outcome) -> Option<Verdict> {
    (!outcome.failures.is_empty()).then_some(Verdict::Invalid)
}

/// Writes all findings down, for later runs to leave out.
pub(crate) fn write_baseline(path: &Path, outcome: &Outcome) -> Result<Verdict> {
    let text = Baseline::of(&outcome.findings).to_json();
    write(path, text.as_bytes())?;
    let excepted = outcome
        .findings
        .iter()
        .filter(|finding| finding.exception.is_some());
    output::note(format!(
        "{} in {}",
        report::many(outcome.findings.len().saturating_sub(excepted.count()), "finding"),
        path.display()
    ));
    Ok(incomplete(outcome).unwrap_or(Verdict::Pass))
}

/// Reads what was written so.
fn read_baseline(path: &Path) -> Result<(Baseline, CheckedFile)> {
    let text = repository::read(path)?;
    let baseline = Baseline::parse(&text).with_context(|| path.display().to_string())?;
    let file = CheckedFile {
        path: path.display().to_string(),
        sha256: sha256(&[text.as_bytes()]),
    };
    Ok((baseline, file))
}

/// Prints a report.
pub(crate) fn print(format: ReportFormat, file: Option<&Path>, outcome: &Outcome) -> Result<()> {
    let text = match format {
        ReportFormat::Text => {
            let terminal = file.is_none() && std::io::stdout().is_terminal();
            let colour = terminal && std::env::var_os("NO_COLOR").is_none();
            report::text(outcome, colour)
        }
        ReportFormat::Json => report::json(outcome),
        ReportFormat::Sarif => report::sarif(outcome, env!("CARGO_PKG_VERSION")),
        ReportFormat::Junit => report::junit(outcome).map_err(anyhow::Error::msg)?,
        ReportFormat::Github => report::github(outcome),
        ReportFormat::Gitlab => report::gitlab(outcome),
        ReportFormat::Markdown => report::markdown(outcome),
        ReportFormat::Html => report::html(outcome),
    };
    emit(file, &text)
}

/// Writes a file, whole or not at all; a link becomes a file, and what it led to stays. What is no file, as `/dev/stdout` or a pipe, is written to.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let streams = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];
    let is_device = streams.iter().any(|place| path.starts_with(place));
    let is_other = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    let written = if is_device || is_other {
        std::fs::OpenOptions::new()
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
    } else {
        write_atomically(path, bytes)
    };
    written.environment(format!("can't write {}", path.display()))
}

/// Prints a text, or writes it to a file.
pub(crate) fn emit(file: Option<&Path>, text: &str) -> Result<()> {
    let text = text.trim_end();
    if let Some(path) = file {
        // A file that the shell makes for `>` would be there, empty, while the directory that it lies in is checked.
        write(path, format!("{text}\n").as_bytes())?;
    } else if !text.is_empty() {
        output::line(text);
    }
    Ok(())
}
