//! JUnit XML: a suite for each file, in it a case for each finding, or one that passed.

use std::collections::{BTreeMap, BTreeSet};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::message;
use crate::evidence::CheckedFile;
use crate::finding::Finding;
use crate::run::Outcome;

/// Violations are failures, what was not checked errors; excepted findings are skipped; warnings and policies on trial pass with their text as output.
///
/// # Errors
///
/// When a text can't be written as XML.
pub fn junit(outcome: &Outcome) -> Result<String, String> {
    let mut report = Report::new("stele check");
    let mut by_file: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &outcome.findings {
        by_file.entry(&finding.file).or_default().push(finding);
    }
    // A file that several modules have was read for each of them.
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for CheckedFile { path: file, .. } in &outcome.checked {
        if !seen.insert(file) {
            continue;
        }
        let mut suite = TestSuite::new(file.as_str());
        let findings = by_file.remove(file.as_str()).unwrap_or_default();
        suite.add_test_cases(findings.into_iter().map(case));
        if suite.tests == 0 {
            suite.add_test_case(TestCase::new(file.as_str(), TestCaseStatus::success()));
        }
        report.add_test_suite(suite);
    }
    for failure in &outcome.failures {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(failure.message.as_str());
        let mut suite = TestSuite::new(failure.file.as_str());
        suite.add_test_case(TestCase::new("not checked", status));
        report.add_test_suite(suite);
    }
    let text = report.to_string().map_err(|error| error.to_string())?;
    Ok(without_skipped(&text))
}

/// Jenkins' schema has `skipped` on each suite, but not on all of them.
fn without_skipped(text: &str) -> String {
    let header = text.find("<testsuites").unwrap_or_default();
    let end = text
        .get(header..)
        .and_then(|rest| rest.find('>'))
        .unwrap_or_default();
    let (before, after) = text
        .split_at_checked(header.saturating_add(end))
        .unwrap_or((text, ""));
    let Some((kept, rest)) = before.rsplit_once(" skipped=\"") else {
        return text.to_owned();
    };
    let behind = rest.split_once('"').map_or("", |(_, behind)| behind);
    format!("{kept}{behind}{after}")
}

fn case(finding: &Finding) -> TestCase {
    let place = format!("{}:{}:{}", finding.file, finding.start.line, finding.start.column);
    let text = format!("{place}: {}", message(finding));
    let mut status = TestCaseStatus::success();
    if let Some(exempt) = &finding.exception {
        status = TestCaseStatus::skipped();
        status.set_message(exempt.to_string());
    } else if finding.fails() {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(finding.message.as_str());
        status.set_type(finding.severity.as_str());
        status.set_description(text.as_str());
    }
    let name = match &finding.resource {
        Some(resource) => format!("{} {resource}", finding.id()),
        None => finding.id(),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(finding.policy.as_str());
    if !finding.fails() {
        case.set_system_out(text);
    }
    case
}
