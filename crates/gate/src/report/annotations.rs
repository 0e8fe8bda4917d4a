//! What GitHub and GitLab show beside the lines of a change.

use serde_json::json;
use stele_types::Severity;

use super::{level, message};
use crate::run::Outcome;

/// Workflow commands. See <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>.
#[must_use]
pub fn github(outcome: &Outcome) -> String {
    let findings = outcome.findings.iter().map(|finding| {
        let level = if level(finding) == "note" {
            "notice"
        } else {
            level(finding)
        };
        format!(
            "::{level} file={},line={},endLine={},col={},endColumn={},title={}::{}",
            property(&finding.file),
            finding.start.line,
            finding.end.line,
            finding.start.column,
            finding.end.column,
            property(&finding.id()),
            data(&message(finding)),
        )
    });
    let failures = outcome.failures.iter().map(|failure| {
        let line = failure.at.map_or(1, |at| at.line);
        let file = property(&failure.file);
        format!(
            "::error file={file},line={line},title=not checked::{}",
            data(&failure.message)
        )
    });
    let idle = outcome.exceptions.iter().map(|idle| {
        let file = property(&idle.file);
        format!(
            "::warning file={file},line={},title=exception::{}",
            idle.line,
            data(&idle.to_string())
        )
    });
    findings
        .chain(failures)
        .chain(idle)
        .collect::<Vec<_>>()
        .join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A report of code quality. See <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.
#[must_use]
pub fn gitlab(outcome: &Outcome) -> String {
    let findings = outcome.findings.iter().map(|finding| {
        let severity = match (finding.fails(), finding.severity) {
            (false, _) => "info",
            (true, Severity::Low) => "minor",
            (true, Severity::Medium) => "major",
            (true, Severity::High) => "critical",
            (true, Severity::Critical) => "blocker",
        };
        json!({
            "description": message(finding),
            "check_name": finding.id(),
            "fingerprint": finding.fingerprint,
            "severity": severity,
            "location": {"path": finding.file, "lines": {"begin": finding.start.line, "end": finding.end.line}},
        })
    });
    let failures = outcome.failures.iter().map(|failure| {
        json!({
            "description": failure.message,
            "check_name": "not checked",
            "fingerprint": crate::finding::fingerprint(["", "", &failure.file, "", &failure.message], &[]),
            "severity": "blocker",
            "location": {"path": failure.file, "lines": {"begin": failure.at.map_or(1, |at| at.line)}},
        })
    });
    let all: Vec<_> = findings.chain(failures).collect();
    serde_json::to_string_pretty(&all).unwrap_or_default()
}
