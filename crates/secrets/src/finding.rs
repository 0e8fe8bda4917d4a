//! What a scan reports, redacted.

use crate::rule::Severity;
use serde::Serialize;
use std::sync::Arc;

/// The commit that introduced what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitInfo {
    /// Object id, hexadecimal.
    pub id: String,
    /// Author's name and address as the commit has them.
    pub author: String,
    /// The author's time, RFC 3339 in UTC, seconds.
    pub date: String,
    /// First line of the message.
    pub summary: String,
}

/// One secret at one place. It holds nothing from which the secret could be recovered.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Id of the rule.
    pub rule: Arc<str>,
    /// What the rule finds, e.g. "GitHub personal access token".
    pub description: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// Path as given or relative to the repository, with `/`; members of archives follow after `!/`.
    pub path: String,
    /// Line of the secret's first byte, from 1.
    pub line: u64,
    /// Column of the secret's first byte, from 1, in code points.
    pub column: u64,
    /// Line after the secret's last byte.
    pub end_line: u64,
    /// Column after the secret's last byte.
    pub end_column: u64,
    /// What had to be decoded, from the outside in, e.g. `["base64"]`; the place is that of the encoded text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<&'static str>,
    /// The secret, redacted; see [`redact`].
    pub secret: String,
    /// More that the secret itself says, e.g. the account of an AWS key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Names the finding in allowlists and baselines: 32 hexadecimal digits that stay when the secret moves to another line.
    pub fingerprint: String,
    /// Where it came into the history; none for files and for what is staged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitInfo>,
    /// SHA-256 of rule and secret: tells equal secrets apart from different ones within a run, and never leaves the process.
    #[serde(skip)]
    pub(crate) identity: [u8; 32],
    /// The number of its blob in the history, oldest first.
    #[serde(skip)]
    pub(crate) order: u64,
}

/// What a report may show of a secret.
///
/// * Of what a person chose or may have chosen (`guessable`): nothing, not even the length.
/// * Of an issued token: the first four bytes, which are the vendor's prefix in most formats, and the length. Short ones show less, so that never
///   more than a sixth is shown.
#[must_use]
pub fn redact(secret: &[u8], guessable: bool) -> String {
    if guessable {
        return "[redacted]".into();
    }
    let shown = 4.min(secret.len().checked_div(6).unwrap_or(0));
    let head: String = secret
        .iter()
        .take(shown)
        .map(|byte| match byte {
            b'!'..=b'~' => char::from(*byte),
            _ => '?',
        })
        .collect();
    format!("{head}...[{} bytes]", secret.len())
}

/// Whose fault a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProblemKind {
    /// The content: a truncated archive, a bomb, a malformed directive.
    Input,
    /// The system: no permission, disk error, file gone.
    Environment,
    /// Left out on purpose: too large by `--max-file-size`.
    Skipped,
}

/// Something that could not be scanned; everything else was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Path as in [`Finding::path`].
    pub path: String,
    /// Whose fault.
    pub kind: ProblemKind,
    /// What happened, and what to do.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_shown() {
        assert_eq!(redact(b"hunter2", true), "[redacted]");
        assert_eq!(
            redact(b"tokn-abcdefghijklmnopqrstuvwxyz", false),
            "tokn...[31 bytes]"
        );
        assert_eq!(redact(b"abcdefghijkl", false), "ab...[12 bytes]");
        assert_eq!(redact(b"", false), "...[0 bytes]");
        assert_eq!(
            redact(b"\x1b[31m--------------------", false),
            "?[31...[25 bytes]"
        );
    }
}
