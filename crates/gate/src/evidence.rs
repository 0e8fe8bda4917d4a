//! What is kept of a run: the input of a decision about it, and a statement that others can demand.
//!
//! The statement is in-toto's, version 1, with the predicate of SLSA's verification summary, version 1, in a DSSE envelope signed with Ed25519
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>, <https://slsa.dev/spec/v1.0/verification_summary>,
//! <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>). `docs/formats/check.md` has the fields.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::{Value as Json, json};
use stele_types::{Digest, Enforcement, Timestamp, sha256};

use crate::run::Outcome;

pub(crate) const STATEMENT: &str = "https://in-toto.io/Statement/v1";
pub(crate) const PREDICATE: &str = "https://slsa.dev/verification_summary/v1";
pub(crate) const PAYLOAD: &str = "application/vnd.in-toto+json";
/// Who verifies, and the name of what is added to the predicate.
pub(crate) const VERIFIER: &str = "https://github.com/stele/stele";
const EXTENSION: &str = "https://github.com/stele/stele/check/v1";
/// The level that a run which passed reaches; only those of SLSA begin with `SLSA_`.
pub(crate) const LEVEL: &str = "STELE_CHECK";

/// More files that were left out are not named in a statement; its digest is of them all.
const MAX_NAMED: usize = 100;

/// A file that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedFile {
    /// Its name in findings.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// A run and what it was about.
#[derive(Debug)]
pub struct Run<'a> {
    /// What it came to.
    pub outcome: &'a Outcome,
    /// Digest of the policies that were asked, as [`crate::Checker::digest`] makes it.
    pub policies: Digest,
    /// The commit that `HEAD` is.
    pub commit: Option<String>,
    /// Whether a file that was checked, or any that is tracked, is not as it is in the commit.
    pub modified: bool,
    /// Whether the whole repository was checked, by nothing that the commit does not hold or the statement does not name.
    pub whole: bool,
    /// Files of the commit in formats that are read, or refused, and that were not read: see [`crate::changed::left_out`].
    pub left_out: Vec<String>,
    /// Nothing is violated, and everything was checked.
    pub passed: bool,
    /// What was asked of the run, for who judges it.
    pub options: Json,
    /// The program's version.
    pub version: &'a str,
}

impl Run<'_> {
    /// What was checked, where nobody names it otherwise.
    #[must_use]
    pub fn resource(&self) -> Option<String> {
        self.commit.as_ref().map(|commit| format!("git:{commit}"))
    }

    /// The input of a decision about the run.
    #[must_use]
    pub fn input(&self) -> Json {
        json!({
            "tool": {"name": "stele check", "version": self.version},
            "commit": self.commit,
            "modified": self.modified,
            "passed": self.passed,
            "options": self.options,
            "policies": {"sha256": self.policies, "asked": self.outcome.policies},
            "files": self.outcome.checked,
            "findings": self.outcome.findings,
            "exceptions": self.outcome.exceptions,
            "failures": self.outcome.failures,
        })
    }

    /// SHA-256 over a line `DIGEST  PATH` for each file, in the order of paths: what `sha256sum` prints.
    #[must_use]
    pub fn files_digest(&self) -> Digest {
        let mut files: Vec<_> = self.outcome.checked.iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let lines = files
            .iter()
            .map(|file| format!("{}  {}\n", file.sha256, file.path));
        sha256(&[lines.collect::<String>().as_bytes()])
    }

    /// The commit that the statement is about, if it is about one.
    #[must_use]
    pub fn whole_commit(&self) -> Option<&String> {
        self.commit.as_ref().filter(|_| self.whole && !self.modified)
    }

    /// The statement. Its subject is the commit if the whole repository was checked as it is there, else each file: nothing is said of what was not
    /// looked at. `None`: no file was checked, and there is nothing to make a statement about.
    #[must_use]
    pub fn statement(&self, resource: &str, time: Timestamp, decision: Option<&str>) -> Option<Json> {
        let subject: Vec<Json> = match self.whole_commit() {
            Some(commit) => vec![json!({"name": resource, "digest": {"gitCommit": commit}})],
            None => {
                let files = self.outcome.checked.iter();
                files
                    .map(|file| json!({"name": file.path, "digest": {"sha256": file.sha256}}))
                    .collect()
            }
        };
        if self.outcome.checked.is_empty() {
            return None;
        }
        let count = |enforcement| {
            let of = self
                .outcome
                .findings
                .iter()
                .filter(|finding| finding.exception.is_none());
            of.filter(|finding| finding.enforcement == enforcement).count()
        };
        let excepted = self
            .outcome
            .findings
            .iter()
            .filter(|finding| finding.exception.is_some());
        let passed = self.passed && self.outcome.checks > 0;
        let left_out = self.whole_commit().map_or(&[][..], |_| &self.left_out);
        let mut left_out: Vec<&str> = left_out.iter().map(String::as_str).collect();
        left_out.sort_unstable();
        Some(json!({
            "_type": STATEMENT,
            "subject": subject,
            "predicateType": PREDICATE,
            "predicate": {
                "verifier": {"id": VERIFIER, "version": {"stele": self.version}},
                "timeVerified": time.to_string(),
                "resourceUri": resource,
                "policy": {"digest": {"sha256": self.policies}},
                "inputAttestations": [],
                "verificationResult": if passed { "PASSED" } else { "FAILED" },
                "verifiedLevels": [if passed { LEVEL } else { "FAILED" }],
                EXTENSION: {
                    "commit": self.commit,
                    "modified": self.modified,
                    "files": self.outcome.checked.len(),
                    "filesSha256": self.files_digest(),
                    "leftOut": left_out.len(),
                    "leftOutFiles": left_out.iter().take(MAX_NAMED).collect::<Vec<_>>(),
                    "leftOutSha256": names_digest(&left_out),
                    "checks": self.outcome.checks,
                    "policies": self.outcome.policies,
                    "violations": count(Enforcement::Deny),
                    "warnings": count(Enforcement::Warn),
                    "excepted": excepted.count(),
                    "notChecked": self.outcome.failures.len(),
                    "options": self.options,
                    "decision": decision,
                },
            },
        }))
    }
}

/// SHA-256 over the names of files, a line break behind each.
fn names_digest(names: &[&str]) -> Digest {
    let lines = names.iter().map(|name| format!("{name}\n"));
    sha256(&[lines.collect::<String>().as_bytes()])
}

/// Signs statements.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl Signer {
    /// The key of an Ed25519 seed; `None` if it is none.
    #[must_use]
    pub fn of_seed(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        Some(Self { pair })
    }

    /// The public key, 64 hexadecimal digits; also the `keyid` of envelopes.
    #[must_use]
    pub fn public(&self) -> String {
        let key = self.pair.public_key().as_ref().iter();
        key.map(|byte| format!("{byte:02x}")).collect()
    }

    /// A DSSE envelope around a statement; `None` if the library can't sign.
    #[must_use]
    pub fn envelope(&self, statement: &Json) -> Option<Json> {
        let body = statement.to_string();
        let signature = self
            .pair
            .try_sign(&authenticated(PAYLOAD, body.as_bytes()))
            .ok()?;
        Some(json!({
            "payloadType": PAYLOAD,
            "payload": BASE64.encode(&body),
            "signatures": [{"keyid": self.public(), "sig": BASE64.encode(signature.as_ref())}],
        }))
    }
}

/// What DSSE signs: type and body, each behind its length.
pub(crate) fn authenticated(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_that_of_the_specification() {
        // The example of DSSE's protocol.
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(
            authenticated("http://example.com/HelloWorld", b"hello world"),
            expected
        );
    }

    #[test]
    fn without_a_file_there_is_no_statement() {
        let run = Run {
            outcome: &Outcome::default(),
            policies: sha256(&[b""]),
            commit: Some("a".repeat(40)),
            modified: false,
            whole: true,
            left_out: Vec::new(),
            passed: true,
            options: Json::Null,
            version: "1",
        };
        assert_eq!(run.statement("git:a", Timestamp::from_nanos(0), None), None);
    }
}
