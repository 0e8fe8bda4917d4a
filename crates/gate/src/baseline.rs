//! Findings that are known, and no reason to fail.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// The version of the file's format.
const VERSION: u32 = 1;

/// Known findings, by their fingerprints; each is known as often as it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    findings: Vec<Known>,
}

/// A known finding; what stands beside the fingerprint is for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    fingerprint: String,
    rule: String,
    file: String,
    message: String,
    /// How many there are of it.
    #[serde(default = "one")]
    count: u64,
}

const fn one() -> u64 {
    1
}

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not what `--write-baseline` writes.
    #[error("no baseline")]
    Malformed(#[from] serde_json::Error),
    /// A later version wrote it.
    #[error("a baseline of version {0}; this program knows version {VERSION}")]
    Version(u32),
}

impl Baseline {
    /// A baseline of these findings, in order of their files; without excepted ones, which have an end that a baseline would hide.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let known = |finding: &Finding| Known {
            fingerprint: finding.fingerprint.clone(),
            rule: finding.rule.clone(),
            file: finding.file.clone(),
            message: finding.message.clone(),
            count: 1,
        };
        let mut findings: Vec<Known> = findings
            .iter()
            .filter(|finding| finding.exception.is_none())
            .map(known)
            .collect();
        findings.sort_by(|a, b| (&a.file, &a.rule, a).cmp(&(&b.file, &b.rule, b)));
        findings.dedup_by(|next, kept| {
            let same = next.fingerprint == kept.fingerprint;
            if same {
                kept.count = kept.count.saturating_add(next.count);
            }
            same
        });
        Self {
            version: VERSION,
            findings,
        }
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// [`BaselineError`].
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let baseline: Self = serde_json::from_str(text)?;
        if baseline.version != VERSION {
            return Err(BaselineError::Version(baseline.version));
        }
        Ok(baseline)
    }

    /// The file, with a line break at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Takes the known findings out of a list, each as often as it is known. Returns how many were taken, and how many of the known ones are there
    /// no more.
    pub fn apply(&self, findings: &mut Vec<Finding>) -> (usize, usize) {
        let mut left: BTreeMap<&str, u64> = BTreeMap::new();
        for known in &self.findings {
            let count = left.entry(&known.fingerprint).or_default();
            *count = count.saturating_add(known.count);
        }
        let before = findings.len();
        findings.retain(|finding| {
            let left = left.get_mut(finding.fingerprint.as_str());
            let Some(left) = left.filter(|left| **left > 0) else {
                return true;
            };
            *left = left.saturating_sub(1);
            false
        });
        let gone = left.into_values().fold(0, u64::saturating_add);
        (
            before.saturating_sub(findings.len()),
            usize::try_from(gone).unwrap_or(usize::MAX),
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use stele_types::{Enforcement, InputKind, Severity};

    use super::*;
    use crate::finding::Excerpt;
    use crate::text::Position;

    pub(crate) fn finding(policy: &str, rule: &str, severity: Severity) -> Finding {
        let place = Position { line: 1, column: 1 };
        Finding {
            policy: policy.to_owned(),
            rule: rule.to_owned(),
            severity,
            enforcement: Enforcement::Deny,
            message: "wrong".to_owned(),
            resource: None,
            remediation: None,
            controls: Vec::new(),
            file: "a.yaml".to_owned(),
            kind: InputKind::Yaml,
            document: 0,
            path: Vec::new(),
            start: place,
            end: place,
            fingerprint: format!("{policy} {rule}"),
            exception: None,
            roots: Vec::new(),
            why: Vec::new(),
            fix: None,
            excerpt: Excerpt::default(),
        }
    }

    #[test]
    fn a_finding_is_known_as_often_as_it_was_counted() {
        let one = finding("p", "r", Severity::Low);
        let other = finding("p", "s", Severity::Low);
        let baseline = Baseline::of(&[one.clone(), other.clone(), one.clone()]);
        assert_eq!(baseline.findings.len(), 2);
        let baseline = Baseline::parse(&baseline.to_json()).unwrap();
        let mut findings = vec![one.clone(), one.clone(), one.clone(), other];
        assert_eq!(baseline.apply(&mut findings), (3, 0));
        assert_eq!(findings, std::slice::from_ref(&one));
        assert_eq!(baseline.apply(&mut findings), (1, 2));
        assert!(findings.is_empty());
        // A file without counts knows each once.
        let old = r#"{"version": 1, "findings": [{"fingerprint": "p r", "rule": "r", "file": "a.yaml", "message": "wrong"}]}"#;
        let mut findings = vec![one.clone(), one];
        assert_eq!(Baseline::parse(old).unwrap().apply(&mut findings), (1, 0));
        assert_eq!(findings.len(), 1);
    }
}
