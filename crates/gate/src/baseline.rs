//! Findings that are known, and no reason to fail.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// The version of the file's format.
const VERSION: u32 = 1;

/// Known findings, by their fingerprints.
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
}

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not what `--write-baseline` writes.
    #[error("no baseline: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A later version wrote it.
    #[error("a baseline of version {0}; this program knows version {VERSION}")]
    Version(u32),
}

impl Baseline {
    /// A baseline of these findings, in order of their files.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let known = |finding: &Finding| Known {
            fingerprint: finding.fingerprint.clone(),
            rule: finding.rule.clone(),
            file: finding.file.clone(),
            message: finding.message.clone(),
        };
        let mut findings: Vec<Known> = findings.iter().map(known).collect();
        findings.sort_by(|a, b| (&a.file, &a.rule, a).cmp(&(&b.file, &b.rule, b)));
        findings.dedup();
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

    /// Takes the known findings out of a list. Returns how many were taken, and how many of the known ones are there no more.
    pub fn apply(&self, findings: &mut Vec<Finding>) -> (usize, usize) {
        let known: BTreeSet<&str> = self
            .findings
            .iter()
            .map(|known| known.fingerprint.as_str())
            .collect();
        let before = findings.len();
        let mut met: BTreeSet<String> = BTreeSet::new();
        findings.retain(|finding| {
            let is_known = known.contains(finding.fingerprint.as_str());
            if is_known {
                met.insert(finding.fingerprint.clone());
            }
            !is_known
        });
        let gone = known.len().saturating_sub(met.len());
        (before.saturating_sub(findings.len()), gone)
    }
}
