//! Findings as SARIF 2.1.0 (OASIS), for code scanning services.

use crate::finding::Finding;
use crate::rule::{RuleSet, Severity};
use serde_json::{Value, json};

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
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "stele",
                "version": version,
                "semanticVersion": version,
                "rules": descriptors,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
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
            "artifactLocation": { "uri": uri(&finding.path) },
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

/// GitHub's scale for `security-severity`: critical above 9, high from 7, medium from 4.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

/// A path as a relative URI reference: whatever RFC 3986 has no place for is escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'!' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("a b/ö.txt!/c:d"), "a%20b/%C3%B6.txt!/c%3Ad");
    }
}
