//! What a scan prints.

use crate::exit::{Environment, Verdict};
use crate::output;
use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;
use stele_gate::report::many;
use stele_secrets::source::{IdleDirective, Report};
use stele_secrets::{AllowReport, Finding, Problem, ProblemKind, RuleSet, sarif};

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// A scan after the baseline.
pub(crate) struct Outcome {
    pub(crate) report: Report,
    /// Findings that the baseline knows.
    pub(crate) known: u64,
    /// Entries of the baseline that were not found.
    pub(crate) gone: Vec<String>,
    /// Entries of the allowlist that allowed nothing.
    pub(crate) idle_entries: Vec<AllowReport>,
}

impl Outcome {
    /// Findings fail; else what could not be scanned does, since nothing is known of it.
    pub(crate) fn verdict(&self) -> Result<Verdict> {
        if !self.report.findings.is_empty() {
            return Ok(Verdict::Fail);
        }
        let count = |kind: ProblemKind| {
            self.report
                .problems
                .iter()
                .filter(|problem| problem.kind == kind)
                .count()
        };
        match (count(ProblemKind::Environment), count(ProblemKind::Input)) {
            (0, 0) => Ok(Verdict::Pass),
            (0, _) => Ok(Verdict::Invalid),
            (unread, _) => Err(Environment(format!("{} could not be read", many(unread, "file"))).into()),
        }
    }
}

pub(crate) fn print(outcome: &Outcome, format: Format, rules: &RuleSet) -> Result<()> {
    let report = &outcome.report;
    match format {
        Format::Text => {
            for finding in &report.findings {
                output::line(text(finding));
            }
            output::line(match report.findings.len() {
                0 => "no secrets found".to_owned(),
                1 => "1 secret found".to_owned(),
                count => format!("{count} secrets found"),
            });
        }
        Format::Json => output::json(&json!({
            "findings": report.findings,
            "problems": report.problems,
            "unused": {
                "allowlist": outcome.idle_entries,
                "directives": report.idle_directives,
                "baseline": outcome.gone,
            },
            "known": outcome.known,
            "stats": report.stats,
        }))?,
        Format::Sarif => output::json(&sarif::document(
            &report.findings,
            rules,
            env!("CARGO_PKG_VERSION"),
        ))?,
    }
    notes(outcome);
    Ok(())
}

fn text(finding: &Finding) -> String {
    let mut out = format!(
        "{}:{}:{}: {}[{}]: {}: {}",
        finding.path,
        finding.line,
        finding.column,
        finding.severity,
        finding.rule,
        finding.description,
        finding.secret
    );
    if let Some(detail) = &finding.detail {
        out.push_str(&format!(", {detail}"));
    }
    if !finding.layers.is_empty() {
        out.push_str(&format!(", inside {}", finding.layers.join(" in ")));
    }
    if let Some(commit) = &finding.commit {
        let short = commit.id.get(..12).unwrap_or(&commit.id);
        out.push_str(&format!(
            "\n  commit {short} by {} at {}: {}",
            commit.author, commit.date, commit.summary
        ));
    }
    out.push_str(&format!("\n  fingerprint {}", finding.fingerprint));
    out
}

fn notes(outcome: &Outcome) {
    let report = &outcome.report;
    for Problem { path, kind, message } in &report.problems {
        let word = if *kind == ProblemKind::Skipped {
            "note"
        } else {
            "warning"
        };
        output::note(format!("{word}: {path}: {message}"));
    }
    for IdleDirective {
        path,
        line,
        rule,
        without_reason,
    } in &report.idle_directives
    {
        output::note(if *without_reason {
            format!(
                "warning: {path}:{line}: stele:allow-secret {rule} has no reason and allows nothing; write one after the rule"
            )
        } else {
            format!("warning: {path}:{line}: stele:allow-secret {rule} allows nothing here; remove it")
        });
    }
    for AllowReport {
        entry,
        reason,
        expired,
    } in &outcome.idle_entries
    {
        let why = if *expired { "has expired" } else { "allows nothing" };
        output::note(format!("warning: {entry} ({reason}) {why}; remove it"));
    }
    for gone in &outcome.gone {
        output::note(format!(
            "warning: the baseline has {gone}, which is there no more; write it anew"
        ));
    }
    let stats = report.stats;
    let (texts, bytes) = (many(stats.texts, "text"), many(stats.bytes, "byte"));
    let mut line = format!("scanned {texts}, {bytes}");
    let binary = if stats.binary == 1 {
        "binary file left out"
    } else {
        "binary files left out"
    };
    for (count, what) in [
        (stats.binary, binary),
        (stats.allowed, "allowed"),
        (outcome.known, "in the baseline"),
    ] {
        if count > 0 {
            line.push_str(&format!("; {count} {what}"));
        }
    }
    output::note(line);
}
