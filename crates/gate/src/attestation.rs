//! Judging what `stele check --attest` wrote: who signed it, what it is about, what was asked, and how it went.
//!
//! The other half of [`crate::evidence`], for whoever lets only that pass which was checked. Nothing is believed before a trusted key's signature holds.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;
use stele_types::{Digest, Severity, Timestamp};

use crate::evidence::{CheckedFile, LEVEL, PAYLOAD, PREDICATE, STATEMENT, VERIFIER, authenticated};
use crate::kind;
use crate::report::many;

/// How far the clock of the machine that checked may be ahead of this one's.
const SKEW: Duration = Duration::from_secs(300);

/// Why an envelope says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// It has not the form of one.
    #[error("it is no attestation of `stele check`: {0}")]
    Malformed(String),
    /// No trusted key signed it.
    #[error("none of the {trusted} trusted keys signed it; it says that it was signed with {}", claimed.join(", "))]
    Untrusted {
        /// How many keys were tried.
        trusted: usize,
        /// The keys that it names: nobody's word but the writer's.
        claimed: Vec<String>,
    },
    /// A trusted key signed it, and it is something else.
    #[error("it is signed, but no statement of `stele check`: {0}")]
    Foreign(String),
}

/// An Ed25519 public key: 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedKey([u8; 32]);

impl FromStr for TrustedKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim().to_ascii_lowercase();
        let digest = digits.parse::<Digest>();
        digest
            .map(|Digest(bytes)| Self(bytes))
            .map_err(|_| "a public key is 64 hexadecimal digits, as `stele check --attest` prints them")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// What a trusted key signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation {
    /// The whole statement.
    pub statement: Json,
    parsed: Statement,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Subject {
    #[serde(default)]
    name: String,
    digest: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    verifier: Verifier,
    time_verified: String,
    resource_uri: String,
    policy: Policy,
    verification_result: String,
    verified_levels: Vec<String>,
    #[serde(rename = "https://github.com/stele/stele/check/v1")]
    check: Check,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Verifier {
    id: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Policy {
    digest: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Check {
    excepted: u64,
    #[serde(rename = "notChecked")]
    not_checked: u64,
    decision: Option<String>,
    #[serde(rename = "leftOut")]
    left_out: u64,
    /// The first of them; statements of before have none.
    #[serde(rename = "leftOutFiles", default)]
    left_out_files: Vec<String>,
    checks: u64,
    policies: Vec<Json>,
    options: Options,
}

/// What makes a run say less than it seems to. One that is not known here may be such a thing too, and is refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    fail_on: Severity,
    kind: Option<String>,
    changed_since: Option<String>,
    baseline: Option<String>,
    combine: bool,
    #[serde(default)]
    paths: IgnoredAny,
    /// `verificationResult` does not heed it.
    #[serde(default)]
    dry_run: IgnoredAny,
    /// Says where findings are shown.
    #[serde(default)]
    terraform_sources: IgnoredAny,
    /// Counted in `excepted`.
    #[serde(default)]
    exceptions: IgnoredAny,
    #[serde(default)]
    used: IgnoredAny,
    /// Known by their digest.
    #[serde(default)]
    policies: IgnoredAny,
}

/// What a statement must be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A commit: its whole id.
    Commit(String),
    /// Each of these files, by its contents.
    Files(Vec<CheckedFile>),
}

/// What is demanded of an attestation.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// What it must be about.
    pub about: About,
    /// Which policies must have been asked, as [`crate::Checker::digest`] has them.
    pub policies: Digest,
    /// From which severity on a violation must have failed the run.
    pub fail_on: Severity,
    /// Whether policies must have been asked about one document of all files, and not about each.
    pub combine: bool,
    /// Whether files of the commit may have been left out.
    pub left_out: bool,
    /// Whether accepted findings pass: exceptions and a baseline.
    pub exceptions: bool,
    /// The URI of what was checked, if it matters.
    pub resource: Option<String>,
    /// How old it may be.
    pub max_age: Option<Duration>,
}

impl Attestation {
    /// Opens a DSSE envelope with a signature of one of these keys. Others beside it don't matter.
    ///
    /// # Errors
    ///
    /// [`AttestationError`].
    pub fn open(envelope: &[u8], trusted: &[TrustedKey]) -> Result<Self, AttestationError> {
        let malformed = |reason: String| AttestationError::Malformed(reason);
        let envelope: Envelope =
            serde_json::from_slice(envelope).map_err(|error| malformed(error.to_string()))?;
        if envelope.payload_type != PAYLOAD {
            let kind = &envelope.payload_type;
            return Err(malformed(format!("its payload is `{kind}`, not `{PAYLOAD}`")));
        }
        let body =
            from_base64(&envelope.payload).ok_or_else(|| malformed("its payload is no base64".to_owned()))?;
        let signed = authenticated(&envelope.payload_type, &body);
        let holds = |signature: &Signature| {
            from_base64(&signature.sig).is_some_and(|bytes| {
                let mut keys = trusted.iter();
                keys.any(|TrustedKey(key)| {
                    UnparsedPublicKey::new(&ED25519, key)
                        .verify(&signed, &bytes)
                        .is_ok()
                })
            })
        };
        if !envelope.signatures.iter().any(holds) {
            let named = envelope.signatures.into_iter().map(|signature| signature.keyid);
            return Err(AttestationError::Untrusted {
                trusted: trusted.len(),
                claimed: named.collect(),
            });
        }
        Self::of_statement(&body)
    }

    fn of_statement(body: &[u8]) -> Result<Self, AttestationError> {
        let foreign = |reason: String| AttestationError::Foreign(reason);
        let statement: Json = serde_json::from_slice(body).map_err(|error| foreign(error.to_string()))?;
        let parsed: Statement = serde_json::from_slice(body).map_err(|error| foreign(error.to_string()))?;
        let expected = [
            ("_type", parsed.kind.as_str(), STATEMENT),
            ("predicateType", parsed.predicate_type.as_str(), PREDICATE),
            ("verifier", parsed.predicate.verifier.id.as_str(), VERIFIER),
        ];
        if let Some((field, is, should)) = expected.iter().find(|(_, is, should)| is != should) {
            return Err(foreign(format!("{field} is `{is}`, not `{should}`")));
        }
        Ok(Self { statement, parsed })
    }

    /// What stands against it, for people; nothing: it has what is demanded at this time.
    #[must_use]
    pub fn objections(&self, demand: &Demand, now: Timestamp) -> Vec<String> {
        let mut out = self.of_subject(&demand.about);
        out.extend(self.of_result(demand));
        let predicate = &self.parsed.predicate;
        let asked = predicate
            .policy
            .digest
            .get("sha256")
            .map_or("none", String::as_str);
        if *asked != demand.policies.to_string() {
            out.push(format!(
                "other policies were asked: their digest is {asked}, and {} is demanded",
                demand.policies
            ));
        }
        if let Some(wanted) = demand
            .resource
            .as_ref()
            .filter(|uri| **uri != predicate.resource_uri)
        {
            out.push(format!("it is about {}, not {wanted}", predicate.resource_uri));
        }
        out.extend(self.of_time(demand.max_age, now));
        out
    }

    fn of_subject(&self, about: &About) -> Vec<String> {
        let subjects = &self.parsed.subject;
        let has = |kind: &str, digest: &str| {
            let mut digests = subjects.iter().filter_map(|subject| subject.digest.get(kind));
            digests.any(|held| held == digest)
        };
        match about {
            About::Commit(commit) if has("gitCommit", commit) => Vec::new(),
            About::Commit(commit) => {
                let mut others = subjects
                    .iter()
                    .filter_map(|subject| subject.digest.get("gitCommit"));
                vec![match others.next() {
                    Some(other) => format!("it is about the commit {other}, not {commit}"),
                    None => format!(
                        "it is about {} files, and not the commit {commit}: only a run over a whole working tree that is as its commit has it is about the commit",
                        subjects.len()
                    ),
                }]
            }
            About::Files(files) => {
                let missing = files.iter().filter_map(|file| self.of_file(file));
                missing.collect()
            }
        }
    }

    fn of_file(&self, file: &CheckedFile) -> Option<String> {
        let digest = file.sha256.to_string();
        let subjects = self.parsed.subject.iter();
        let mut same = subjects.filter(|subject| subject.digest.get("sha256") == Some(&digest));
        let first = same.clone().next();
        if same.any(|subject| kind::is_alike(&subject.name, &file.path)) {
            return None;
        }
        let otherwise = first.map(|subject| format!(", only of those as {}", subject.name));
        Some(format!(
            "it says nothing of {} with the contents {digest}{}",
            file.path,
            otherwise.unwrap_or_default()
        ))
    }

    fn of_result(&self, demand: &Demand) -> Vec<String> {
        let predicate = &self.parsed.predicate;
        let (check, options) = (&predicate.check, &predicate.check.options);
        let mut out = Vec::new();
        if predicate.verification_result != "PASSED"
            || !predicate.verified_levels.iter().any(|level| level == LEVEL)
        {
            out.push(format!("the run did not pass: {}", predicate.verification_result));
        }
        if check.not_checked > 0 {
            out.push(match check.not_checked {
                1 => "one file or question has no answer".to_owned(),
                many => format!("{many} files or questions have no answer"),
            });
        }
        if check.left_out > 0 && !demand.left_out {
            let named = check.left_out_files.iter().take(3).map(String::as_str);
            let named = named.collect::<Vec<_>>().join(", ");
            let like = if named.is_empty() {
                "templates and links are"
            } else {
                &named
            };
            out.push(format!(
                "{} in formats that are checked, tracked, and left out, as {like}; --allow-left-out takes that",
                many(usize::try_from(check.left_out).unwrap_or(usize::MAX), "file"),
            ));
        }
        if check.checks == 0 {
            out.push("no policy was asked about anything".to_owned());
        }
        if options.combine != demand.combine {
            out.push(if options.combine {
                "the files were checked as one document, not each for itself (--combine)".to_owned()
            } else {
                "the files were checked each for itself, not as one document (--combine is demanded)"
                    .to_owned()
            });
        }
        if options.fail_on > demand.fail_on {
            out.push(format!(
                "the run failed only on violations from {} on, and {} is demanded",
                options.fail_on, demand.fail_on
            ));
        }
        if let Some(kind) = &options.kind {
            out.push(format!(
                "the files were taken for {kind}, whatever they are (--kind)"
            ));
        }
        if let Some(reference) = &options.changed_since {
            out.push(format!("only what changed since {reference} was checked"));
        }
        if !demand.exceptions {
            if let Some(baseline) = &options.baseline {
                out.push(format!("the findings in the baseline {baseline} were left out"));
            }
            if check.excepted > 0 {
                out.push(format!("{} findings were accepted by exceptions", check.excepted));
            }
        }
        out
    }

    fn of_time(&self, max_age: Option<Duration>, now: Timestamp) -> Option<String> {
        let text = &self.parsed.predicate.time_verified;
        let Ok(time) = text.parse::<Timestamp>() else {
            return Some(format!("its time is none: `{text}`"));
        };
        let ahead = Duration::from_nanos(time.as_nanos().saturating_sub(now.as_nanos()));
        if ahead > SKEW {
            return Some(format!("it is dated {text}, in the future"));
        }
        let age = Duration::from_nanos(now.as_nanos().saturating_sub(time.as_nanos()));
        let limit = max_age.filter(|limit| age > *limit)?;
        Some(format!(
            "it is of {text}: {} minutes old, {} at most are demanded",
            age.as_secs().div_euclid(60),
            limit.as_secs().div_euclid(60)
        ))
    }
}

impl Attestation {
    /// What it is about, for people.
    #[must_use]
    pub fn subject(&self) -> String {
        let subjects = &self.parsed.subject;
        match subjects
            .first()
            .and_then(|subject| subject.digest.get("gitCommit"))
        {
            Some(commit) => format!("commit {commit}"),
            None => {
                let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
                names.join(", ")
            }
        }
    }

    /// When it was made, as it says.
    #[must_use]
    pub fn time(&self) -> &str {
        &self.parsed.predicate.time_verified
    }

    /// How many policies were asked.
    #[must_use]
    pub fn policies(&self) -> usize {
        self.parsed.predicate.check.policies.len()
    }

    /// Findings that exceptions accepted, and the baseline that left others out.
    #[must_use]
    pub fn accepted(&self) -> (u64, Option<&str>) {
        let check = &self.parsed.predicate.check;
        (check.excepted, check.options.baseline.as_deref())
    }

    /// The recorded decision, if the run is one.
    #[must_use]
    pub fn decision(&self) -> Option<&str> {
        self.parsed.predicate.check.decision.as_deref()
    }
}

/// Either alphabet, as DSSE wants it.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests;
