//! From a record to its leaf, and back to the question whether the two belong together.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::encoding::{EncodeError, encode, encode_optional};
use crate::{BundleRevision, DecisionRecord, Digest, Leaf, Value, commit, sha256};

/// Result digest of a failed evaluation. Failures (time, memory, strict builtins) can't be repeated elsewhere, so nobody may take them for the
/// result *undefined*, which can: see `docs/adr/0007-challenges-re-execute-results-only.md`.
pub const NO_ANSWER: Digest = Digest([0; 32]);

/// Why a record can't be committed to, written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A value does not fit the canonical encoding.
    #[error("{field} of the record can't be encoded: {source}")]
    Encode {
        /// The field.
        field: &'static str,
        /// Why.
        source: EncodeError,
    },
    /// The record is not the JSON it should be.
    #[error("the record is malformed: {source}")]
    Json {
        /// Why.
        #[from]
        source: serde_json::Error,
    },
    /// A leaf was asked of a record whose input salt is gone.
    #[error("the record's input was masked or erased, so its leaf can't be computed from it any more")]
    Withheld,
    /// A leaf was asked of a record that has both a result and an error: its digest could stand for one only.
    #[error("the record has both a result and an error; a failed evaluation has no result")]
    ResultAndError,
}

/// Whether a part of a record is what its leaf commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// It is.
    Matches,
    /// It was masked or erased, so nobody can say.
    Withheld,
    /// It is not.
    Differs,
}

/// What became of comparing a record with its leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordCheck {
    /// Fields that stand in the leaf as they are (or hashed) and differ from it.
    pub differing: Vec<&'static str>,
    /// The input against its commitment.
    pub input: Part,
    /// The result against its digest.
    pub result: Part,
    /// The remaining fields against theirs.
    pub detail: Part,
}

impl RecordCheck {
    /// True when nothing differs; masked or erased parts are no difference.
    pub fn is_consistent(&self) -> bool {
        self.differing.is_empty() && ![self.input, self.result, self.detail].contains(&Part::Differs)
    }
}

/// The fields under the detail commitment. RFC 8785 keeps integers only up to 2^53, so those of 64 bits are strings;
/// values of any size and what may be masked stand in as commitments.
#[derive(Serialize)]
struct Detail<'a> {
    actor: &'a Option<String>,
    bundles: &'a BTreeMap<String, BundleRevision>,
    enforcement_point: &'a Option<String>,
    error: &'a Option<String>,
    labels: &'a BTreeMap<String, String>,
    latency_ns: String,
    metrics: BTreeMap<&'a str, String>,
    nd_builtin_cache: Option<Digest>,
    policy_id: &'a str,
    requested_by: &'a Option<String>,
    resource: &'a Option<String>,
    span_id: &'a Option<String>,
    trace_id: &'a Option<String>,
    violations: Digest,
}

impl DecisionRecord {
    /// Computes the leaf. Must be called before anything is masked: a masked record keeps the leaf of the whole one.
    pub fn leaf(&self) -> Result<Leaf, RecordError> {
        let salt = self.input_salt.as_ref().ok_or(RecordError::Withheld)?;
        if ["input", "result", "violations"]
            .into_iter()
            .any(|field| self.is_withheld(field))
        {
            return Err(RecordError::Withheld);
        }
        let input = encode_optional(self.input.as_ref()).map_err(|source| RecordError::Encode {
            field: "input",
            source,
        })?;
        Ok(Leaf {
            decision_id: self.decision_id,
            time: self.timestamp,
            node: self.node,
            policy_version: self.policy_version,
            entry_point: self.path.hash(),
            input_commitment: commit(salt, &input),
            data_digest: self.data_digest,
            result_digest: self.result_digest()?.ok_or(RecordError::ResultAndError)?,
            detail_commitment: self.detail_commitment()?,
        })
    }

    /// Compares the record with a leaf.
    pub fn check(&self, leaf: &Leaf) -> Result<RecordCheck, RecordError> {
        let pairs = [
            ("decision_id", self.decision_id == leaf.decision_id),
            ("timestamp", self.timestamp == leaf.time),
            ("node", self.node == leaf.node),
            ("policy_version", self.policy_version == leaf.policy_version),
            ("path", self.path.hash() == leaf.entry_point),
            ("data_digest", self.data_digest == leaf.data_digest),
        ];
        let differing = pairs
            .into_iter()
            .filter_map(|(name, same)| (!same).then_some(name))
            .collect();
        let input = if self.is_withheld("input") {
            Part::Withheld
        } else {
            let bytes = encode_optional(self.input.as_ref()).map_err(|source| RecordError::Encode {
                field: "input",
                source,
            })?;
            part(
                self.input_salt
                    .is_some_and(|salt| commit(&salt, &bytes) == leaf.input_commitment),
            )
        };
        let result = if self.is_withheld("result") {
            Part::Withheld
        } else {
            part(self.result_digest()? == Some(leaf.result_digest))
        };
        let detail = part(self.detail_commitment()? == leaf.detail_commitment);
        Ok(RecordCheck {
            differing,
            input,
            result,
            detail,
        })
    }

    /// What the leaf says of the result: its digest, or [`NO_ANSWER`] when the evaluation failed. `None` for a record that has both a result
    /// and an error, because no leaf stands for that.
    fn result_digest(&self) -> Result<Option<Digest>, RecordError> {
        match (&self.error, &self.result) {
            (Some(_), Some(_)) => Ok(None),
            (Some(_), None) => Ok(Some(NO_ANSWER)),
            (None, result) => result_digest(result.as_ref()).map(Some),
        }
    }

    /// `commit(detail_salt, JCS of the fields that have no place of their own in the leaf)`.
    pub fn detail_commitment(&self) -> Result<Digest, RecordError> {
        let violations = match self.violations_commitment {
            Some(commitment) if self.violations.is_empty() && self.is_withheld("violations") => commitment,
            _ => self.commit_violations()?,
        };
        let nd_builtin_cache = match self.nd_builtin_cache_commitment {
            Some(commitment) if self.nd_builtin_cache.is_none() && self.is_withheld("nd_builtin_cache") => {
                Some(commitment)
            }
            _ => self.commit_nd_builtin_cache()?,
        };
        let detail = Detail {
            actor: &self.actor,
            bundles: &self.bundles,
            enforcement_point: &self.enforcement_point,
            error: &self.error,
            labels: &self.labels,
            latency_ns: self.latency_ns.to_string(),
            metrics: self
                .metrics
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_string()))
                .collect(),
            nd_builtin_cache,
            policy_id: self.policy_id.as_str(),
            requested_by: &self.requested_by,
            resource: &self.resource,
            span_id: &self.span_id,
            trace_id: &self.trace_id,
            violations,
        };
        Ok(commit(
            &self.detail_salt,
            &serde_json_canonicalizer::to_vec(&detail)?,
        ))
    }

    /// `commit(detail_salt, JCS of the violations)`.
    pub fn commit_violations(&self) -> Result<Digest, RecordError> {
        Ok(commit(
            &self.detail_salt,
            &serde_json_canonicalizer::to_vec(&self.violations)?,
        ))
    }

    /// `commit(detail_salt, canonical bytes of the cache)`, if there is one.
    pub fn commit_nd_builtin_cache(&self) -> Result<Option<Digest>, RecordError> {
        let Some(cache) = &self.nd_builtin_cache else {
            return Ok(None);
        };
        let bytes = encode(cache).map_err(|source| RecordError::Encode {
            field: "nd_builtin_cache",
            source,
        })?;
        Ok(Some(commit(&self.detail_salt, &bytes)))
    }
}

fn part(matches: bool) -> Part {
    if matches { Part::Matches } else { Part::Differs }
}

/// SHA-256 of the canonical bytes of a result's JSON projection; of no bytes when it is undefined.
pub(super) fn result_digest(result: Option<&Value>) -> Result<Digest, RecordError> {
    let projected = result.map(Value::json_projection);
    let bytes = encode_optional(projected.as_deref()).map_err(|source| RecordError::Encode {
        field: "result",
        source,
    })?;
    Ok(sha256(&[&bytes]))
}
