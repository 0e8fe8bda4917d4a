//! Findings as SARIF 2.1.0 (OASIS), for code scanning services.

use crate::finding::Finding;
use crate::rule::{RuleSet, Severity};
use serde_json::{Value, json};
use stele_gate::report::{sarif_run, sarif_uri, security_severity};

/// One run with these findings. `version` is the program's.
#[must_use]
pub fn document(findings: &[Finding], rules: &RuleSet, version: &str) -> Value {
    let used: Vec<_> = rules
        .iter()
        .filter(|rule| findings.iter().any(|finding| *finding.rule == *rule.id))
        .collect();
    let descriptors: Vec<Value> = used
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.name },
                "fullDescription": { "text": format!("{}, issued by {}.", rule.name, rule.vendor) },
                "helpUri": rule.source,
                "defaultConfiguration": { "level": level(rule.severity) },
                "properties": { "security-severity": score(rule.severity), "tags": ["security", "secret"] },
            })
        })
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| result(finding, used.iter().position(|rule| *finding.rule == *rule.id)))
        .collect();
    sarif_run(version, descriptors, results)
}

fn result(finding: &Finding, index: Option<usize>) -> Value {
    let mut message = format!("{}: {}", finding.description, finding.secret);
    if let Some(detail) = &finding.detail {
        message = format!("{message} ({detail})");
    }
    let mut result = json!({
        "ruleId": *finding.rule,
        "level": level(finding.severity),
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": sarif_uri(&finding.path) },
            "region": {
                "startLine": finding.line,
                "startColumn": finding.column,
                "endLine": finding.end_line,
                "endColumn": finding.end_column,
            },
        } }],
        "partialFingerprints": { "steleSecret/v1": finding.fingerprint },
    });
    if let Some(fields) = result.as_object_mut() {
        if let Some(index) = index {
            fields.insert("ruleIndex".into(), json!(index));
        }
        if let Some(commit) = &finding.commit {
            fields.insert(
                "properties".into(),
                json!({ "commit": commit, "layers": finding.layers }),
            );
        } else if !finding.layers.is_empty() {
            fields.insert("properties".into(), json!({ "layers": finding.layers }));
        }
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

fn score(severity: Severity) -> &'static str {
    security_severity(match severity {
        Severity::Low => stele_types::Severity::Low,
        Severity::Medium => stele_types::Severity::Medium,
        Severity::High => stele_types::Severity::High,
        Severity::Critical => stele_types::Severity::Critical,
    })
}
