//! SARIF 2.1.0. See <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use stele_types::Severity;

use super::level;
use crate::finding::{Failure, Finding};
use crate::run::Outcome;

/// The schema that reports name.
pub const SARIF_SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One run. Columns are in Unicode code points, as `columnKind` says; `security-severity` is what GitHub sorts by.
#[must_use]
pub fn sarif(outcome: &Outcome, version: &str) -> String {
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &outcome.findings {
        rules.entry(&finding.rule).or_insert(finding);
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(index, id)| (*id, index)).collect();
    let results = outcome.findings.iter().map(|finding| result(finding, &index));
    let failures = outcome.failures.iter().map(notification);
    let report = json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "stele",
                "version": version,
                "informationUri": "https://github.com/stele/stele",
                "rules": rules.values().map(|finding| rule(finding)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
            "invocations": [{
                "executionSuccessful": outcome.failures.is_empty(),
                "toolExecutionNotifications": failures.collect::<Vec<_>>(),
            }],
        }],
    });
    serde_json::to_string_pretty(&report).unwrap_or_default()
}

fn rule(finding: &Finding) -> Json {
    let mut out = json!({
        "id": finding.rule,
        "shortDescription": {"text": finding.rule},
        "properties": {
            "tags": finding.controls,
            "security-severity": score(finding.severity),
        },
    });
    if let (Some(help), Some(fields)) = (&finding.remediation, out.as_object_mut()) {
        fields.insert("help".to_owned(), json!({"text": help}));
    }
    out
}

/// The middle of what GitHub calls low, medium, high and critical.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

fn result(finding: &Finding, index: &BTreeMap<&str, usize>) -> Json {
    json!({
        "ruleId": finding.rule,
        "ruleIndex": index.get(finding.rule.as_str()),
        "level": level(finding),
        "message": {"text": finding.message},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&finding.file)},
                "region": {
                    "startLine": finding.start.line,
                    "startColumn": finding.start.column,
                    "endLine": finding.end.line,
                    "endColumn": finding.end.column,
                },
            },
            "logicalLocations": finding.resource.iter().map(|name| json!({"fullyQualifiedName": name})).collect::<Vec<_>>(),
        }],
        "partialFingerprints": {"stele/v1": finding.fingerprint},
        "properties": {"policy": finding.policy, "severity": finding.severity, "path": finding.path},
    })
}

fn notification(failure: &Failure) -> Json {
    let mut place = json!({"artifactLocation": {"uri": uri(&failure.file)}});
    if let (Some(at), Some(fields)) = (failure.at, place.as_object_mut()) {
        let region = json!({"startLine": at.line, "startColumn": at.column});
        fields.insert("region".to_owned(), region);
    }
    json!({
        "level": "error",
        "message": {"text": failure.message},
        "locations": [{"physicalLocation": place}],
    })
}

/// A path as a relative URI reference: what RFC 3986 does not allow in one is escaped.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'/'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'+'
            | b'@'
            | b'=' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
