//! Made-up OSV records, and what a scan says of them.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "each test file uses part of it; tests may panic"
)]

use super::support::Ran;
use serde_json::{Value, json};

/// A time, RFC 3339.
pub fn days_ago(days: i64) -> String {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    time.to_string()
}

const HIGH: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N";

/// A record that was changed yesterday about a package with one range.
pub fn record(id: &str, ecosystem: &str, name: &str, events: &[(&str, &str)]) -> Value {
    let events: Vec<Value> = events
        .iter()
        .map(|(kind, version)| json!({*kind: version}))
        .collect();
    json!({
        "schema_version": "1.7.3", "id": id, "modified": days_ago(1), "published": days_ago(40), "summary": format!("Trouble in {name}"),
        "severity": [{"type": "CVSS_V3", "score": HIGH}],
        "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
    })
}

/// The report of a run in JSON.
pub fn report(ran: Ran, code: i32) -> Value {
    serde_json::from_str(&ran.exits(code)).unwrap()
}

/// What its findings are about.
pub fn rules(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect()
}
