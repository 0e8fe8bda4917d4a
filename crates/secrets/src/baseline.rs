//! The baseline: how often each finding is known, so that only new ones count.

use crate::Error;
use crate::finding::Finding;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the file's format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    findings: Vec<Known>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    fingerprint: String,
    rule: String,
    path: String,
    count: u64,
}

/// Findings that were there when the baseline was written, by fingerprint and with their number: one more of the same is new.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    known: BTreeMap<String, Known>,
}

impl Baseline {
    /// A baseline of these findings.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for finding in findings {
            let entry = known.entry(finding.fingerprint.clone()).or_insert_with(|| Known {
                fingerprint: finding.fingerprint.clone(),
                rule: finding.rule.to_string(),
                path: finding.path.clone(),
                count: 0,
            });
            entry.count = entry.count.saturating_add(1);
        }
        Self { known }
    }

    /// Reads a baseline. `path` is for messages.
    ///
    /// # Errors
    ///
    /// [`Error::Baseline`] if the text is no baseline of this version.
    pub fn parse(path: &str, text: &str) -> Result<Self, Error> {
        let wrong = |message: String| Error::Baseline {
            path: path.to_owned(),
            message,
        };
        let file: File = serde_json::from_str(text).map_err(|cause| wrong(cause.to_string()))?;
        if file.version != VERSION {
            return Err(wrong(format!(
                "it has version {}, and this program reads {VERSION}",
                file.version
            )));
        }
        let known = file
            .findings
            .into_iter()
            .map(|known| (known.fingerprint.clone(), known))
            .collect();
        Ok(Self { known })
    }

    /// The file's text: ordered by path, then fingerprint, so that its changes read well.
    ///
    /// # Errors
    ///
    /// [`Error::Baseline`] if it can't be written as JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        let mut findings: Vec<Known> = self.known.values().cloned().collect();
        findings.sort_by(|a, b| (&a.path, &a.fingerprint).cmp(&(&b.path, &b.fingerprint)));
        let file = File {
            version: VERSION,
            findings,
        };
        let text = serde_json::to_string_pretty(&file).map_err(|cause| Error::Baseline {
            path: "(new)".into(),
            message: cause.to_string(),
        })?;
        Ok(text + "\n")
    }

    /// How many findings it holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.known
            .values()
            .fold(0, |sum, known| sum.saturating_add(known.count))
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Splits findings into new ones and the number of known ones, and says which entries are there less often than the baseline has them.
    #[must_use]
    pub fn compare(&self, findings: Vec<Finding>) -> (Vec<Finding>, u64, Vec<String>) {
        let mut left: BTreeMap<&str, u64> = self
            .known
            .iter()
            .map(|(print, known)| (print.as_str(), known.count))
            .collect();
        let mut known = 0_u64;
        let mut new = Vec::new();
        for finding in findings {
            match left.get_mut(finding.fingerprint.as_str()) {
                Some(count) if *count > 0 => {
                    *count = count.saturating_sub(1);
                    known = known.saturating_add(1);
                }
                _ => new.push(finding),
            }
        }
        let gone = self
            .known
            .values()
            .filter(|known| {
                left.get(known.fingerprint.as_str())
                    .is_some_and(|count| *count > 0)
            })
            .map(|known| format!("{} {} in {}", known.fingerprint, known.rule, known.path))
            .collect();
        (new, known, gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Severity;

    fn finding(print: &str, line: u64) -> Finding {
        Finding {
            rule: "generic-secret".into(),
            description: "d".into(),
            severity: Severity::High,
            path: "a".into(),
            line,
            column: 1,
            end_line: line,
            end_column: 2,
            layers: Vec::new(),
            secret: "[redacted]".into(),
            detail: None,
            fingerprint: print.into(),
            commit: None,
            identity: [0; 32],
            order: 0,
        }
    }

    #[test]
    fn one_more_of_the_same_is_new() {
        let baseline = Baseline::of(&[finding("p", 1), finding("q", 2)]);
        let read = Baseline::parse("b.json", &baseline.to_json().unwrap()).unwrap();
        assert_eq!(read.len(), 2);
        let (new, known, gone) = read.compare(vec![finding("p", 5), finding("p", 9)]);
        assert_eq!((new.len(), new[0].line, known), (1, 9, 1));
        assert_eq!(gone, ["q generic-secret in a"]);
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        assert!(
            Baseline::parse("b", "{")
                .unwrap_err()
                .to_string()
                .starts_with("baseline b: ")
        );
        assert!(
            Baseline::parse("b", "{\"version\":2,\"findings\":[]}")
                .unwrap_err()
                .to_string()
                .contains("version 2")
        );
        assert!(Baseline::parse("b", "{\"version\":1,\"findings\":[{}]}").is_err());
    }
}
