//! SARIF 2.1.0. See <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use stele_types::Severity;

use super::level;
use crate::exception::Idle;
use crate::finding::{Failure, Finding};
use crate::run::Outcome;

/// The schema that reports name.
pub const SARIF_SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One run. Columns are in Unicode code points, as `columnKind` says; `security-severity` is what GitHub sorts by.
#[must_use]
pub fn sarif(outcome: &Outcome, version: &str) -> String {
    let mut rules: BTreeMap<Key<'_>, (&Finding, Severity)> = BTreeMap::new();
    for finding in &outcome.findings {
        let (_, worst) = rules.entry(key(finding)).or_insert((finding, finding.severity));
        *worst = finding.severity.max(*worst);
    }
    let index: BTreeMap<Key<'_>, usize> = rules
        .keys()
        .enumerate()
        .map(|(index, key)| (*key, index))
        .collect();
    let results = outcome.findings.iter().map(|finding| result(finding, &index));
    let idle = outcome.exceptions.iter().map(idle);
    let failures = outcome.failures.iter().map(notification).chain(idle);
    let rules = rules.values().map(|(finding, worst)| rule(finding, *worst));
    let mut report = sarif_run(version, rules.collect(), results.collect());
    let invocation = json!({
        "executionSuccessful": outcome.failures.is_empty(),
        "toolExecutionNotifications": failures.collect::<Vec<_>>(),
    });
    let run = report.pointer_mut("/runs/0").and_then(Json::as_object_mut);
    if let Some(run) = run {
        run.insert("invocations".to_owned(), json!([invocation]));
    }
    serde_json::to_string_pretty(&report).unwrap_or_default()
}

/// A report with one run of ours, for whoever has rules and results.
#[must_use]
pub fn sarif_run(version: &str, rules: Vec<Json>, results: Vec<Json>) -> Json {
    json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "stele",
                "version": version,
                "semanticVersion": version,
                "informationUri": "https://github.com/stele/stele",
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A policy and a rule of it.
type Key<'f> = (&'f str, &'f str);

fn key(finding: &Finding) -> Key<'_> {
    (&finding.policy, &finding.rule)
}

fn rule(finding: &Finding, worst: Severity) -> Json {
    let mut out = json!({
        "id": finding.id(),
        "shortDescription": {"text": finding.rule},
        "properties": {
            "tags": finding.controls,
            "security-severity": security_severity(worst),
        },
    });
    if let (Some(help), Some(fields)) = (&finding.remediation, out.as_object_mut()) {
        fields.insert("help".to_owned(), json!({"text": help}));
    }
    out
}

/// The middle of what GitHub calls low, medium, high and critical: above 0, from 4, from 7, and above 9.
#[must_use]
pub const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

fn result(finding: &Finding, index: &BTreeMap<Key<'_>, usize>) -> Json {
    let mut out = json!({
        "ruleId": finding.id(),
        "ruleIndex": index.get(&key(finding)),
        "level": level(finding),
        "message": {"text": finding.message},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": sarif_uri(&finding.file)},
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
    });
    if let (Some(exempt), Some(fields)) = (&finding.exception, out.as_object_mut()) {
        let suppression = json!({
            "kind": "external",
            "status": "accepted",
            "justification": exempt.to_string(),
            "properties": exempt,
        });
        fields.insert("suppressions".to_owned(), json!([suppression]));
    }
    out
}

fn idle(idle: &Idle) -> Json {
    json!({
        "level": "warning",
        "message": {"text": idle.to_string()},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": sarif_uri(&idle.file)},
            "region": {"startLine": idle.line},
        }}],
    })
}

fn notification(failure: &Failure) -> Json {
    let mut place = json!({"artifactLocation": {"uri": sarif_uri(&failure.file)}});
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
#[must_use]
pub fn sarif_uri(path: &str) -> String {
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
            | b'!'
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::tests::finding;

    #[test]
    fn paths_become_uris() {
        assert_eq!(sarif_uri("a b/ö.txt!/c:d"), "a%20b/%C3%B6.txt!/c%3Ad");
    }

    #[test]
    fn rules_are_those_of_their_policy_and_as_bad_as_their_worst_finding() {
        let outcome = Outcome {
            findings: vec![
                finding("b", "deny", Severity::Low),
                finding("a", "deny", Severity::Low),
                finding("a", "deny", Severity::Critical),
                finding("a", "a/x", Severity::High),
            ],
            ..Outcome::default()
        };
        let report: Json = serde_json::from_str(&sarif(&outcome, "1")).unwrap();
        let run = &report["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let rules: Vec<(&str, &str)> = rules
            .iter()
            .map(|rule| {
                let severity = rule["properties"]["security-severity"].as_str();
                (rule["id"].as_str().unwrap(), severity.unwrap())
            })
            .collect();
        assert_eq!(rules, [("a/x", "8.0"), ("a/deny", "9.5"), ("b/deny", "2.0")]);
        let results = run["results"].as_array().unwrap();
        let results: Vec<(&str, u64)> = results
            .iter()
            .map(|result| {
                (
                    result["ruleId"].as_str().unwrap(),
                    result["ruleIndex"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(results, [("b/deny", 2), ("a/deny", 1), ("a/deny", 1), ("a/x", 0)]);
    }
}
