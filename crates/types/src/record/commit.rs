//! From a record to its leaf, and back to the question whether the two belong together.

use std::collections::BTreeMap;

use serde::Serialize;

use super::write::{Rendered, write_detail, write_violations};
use crate::encoding::{EncodeError, encode, encode_optional};
use crate::{BundleRevision, DecisionRecord, Digest, Leaf, Salt, Value, commit, sha256};

/// Result digest of a failed evaluation. Failures (time, memory, strict builtins) can't be repeated elsewhere, so nobody may take them for the
/// result *undefined*, which can: see `docs/adr/0007-challenges-re-execute-results-only.md`.
pub const NO_ANSWER: Digest = Digest([0; 32]);

/// Bytes to begin with for the text of details, and of violations; most need no more.
const DETAIL_ROOM: usize = 1 << 10;
const VIOLATIONS_ROOM: usize = 2 << 10;

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
    /// The record is an array.
    #[error("the record is malformed: it must be an object")]
    NoObject,
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
pub(super) struct Detail<'a> {
    pub(super) actor: &'a Option<String>,
    pub(super) bundles: &'a BTreeMap<String, BundleRevision>,
    pub(super) enforcement_point: &'a Option<String>,
    pub(super) error: &'a Option<String>,
    pub(super) labels: &'a BTreeMap<String, String>,
    pub(super) latency_ns: String,
    pub(super) metrics: BTreeMap<&'a str, String>,
    pub(super) nd_builtin_cache: Option<Digest>,
    pub(super) policy_id: &'a str,
    pub(super) requested_by: &'a Option<String>,
    pub(super) resource: &'a Option<String>,
    pub(super) span_id: &'a Option<String>,
    pub(super) trace_id: &'a Option<String>,
    pub(super) violations: Digest,
}

impl DecisionRecord {
    /// Computes the leaf. Must be called before anything is masked: a masked record keeps the leaf of the whole one.
    pub fn leaf(&self) -> Result<Leaf, RecordError> {
        let salt = self.input_salt.as_ref().ok_or(RecordError::Withheld)?;
        let input = input_commitment(salt, self.input.as_ref())?;
        let result = self.result_digest()?.ok_or(RecordError::ResultAndError)?;
        self.leaf_of(input, result)
    }

    /// The same with rendered documents in place of the record's own.
    pub fn leaf_with(&self, rendered: &Rendered) -> Result<Leaf, RecordError> {
        self.input_salt.as_ref().ok_or(RecordError::Withheld)?;
        if self.error.is_some() {
            return Err(RecordError::ResultAndError);
        }
        self.leaf_of(rendered.input_commitment, rendered.result_digest)
    }

    fn leaf_of(&self, input_commitment: Digest, result_digest: Digest) -> Result<Leaf, RecordError> {
        if ["input", "result", "violations"]
            .into_iter()
            .any(|field| self.is_withheld(field))
        {
            return Err(RecordError::Withheld);
        }
        Ok(Leaf {
            decision_id: self.decision_id,
            time: self.timestamp,
            node: self.node,
            policy_version: self.policy_version,
            entry_point: self.path.hash(),
            input_commitment,
            data_digest: self.data_digest,
            result_digest,
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
            part(match &self.input_salt {
                Some(salt) => input_commitment(salt, self.input.as_ref())? == leaf.input_commitment,
                None => false,
            })
        };
        let result = if self.error.is_some() && self.result.is_some() {
            // No leaf stands for both, whatever the record withholds.
            Part::Differs
        } else if self.is_withheld("result") {
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
        Ok(commit(&self.detail_salt, &self.detail_text()?))
    }

    /// The JCS text of the details.
    pub(super) fn detail_text(&self) -> Result<Vec<u8>, RecordError> {
        let detail = self.detail()?;
        // JCS orders members by UTF-16 and these stand in the order of their bytes, which is the same for ASCII; texts it writes as
        // we do, and there are no numbers.
        if !self.has_ascii_names() {
            return Ok(serde_json_canonicalizer::to_vec(&detail)?);
        }
        let mut text = Vec::with_capacity(DETAIL_ROOM);
        write_detail(&detail, &mut text);
        Ok(text)
    }

    pub(super) fn detail(&self) -> Result<Detail<'_>, RecordError> {
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
        Ok(Detail {
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
        })
    }

    /// Whether all names that callers choose are ASCII.
    fn has_ascii_names(&self) -> bool {
        let names = self.labels.keys().chain(self.bundles.keys());
        names.chain(self.metrics.keys()).all(|name| name.is_ascii())
    }

    /// `commit(detail_salt, JCS of the violations)`.
    pub fn commit_violations(&self) -> Result<Digest, RecordError> {
        let mut text = Vec::with_capacity(VIOLATIONS_ROOM);
        write_violations(&self.violations, &mut text);
        Ok(commit(&self.detail_salt, &text))
    }

    /// `commit(input_salt, canonical bytes of the cache)`, if there is one. The calls repeat parts of the input, so their commitment has to
    /// become unguessable with the input's. A record that has the cache without that salt matches no leaf: the other salt stands in.
    pub fn commit_nd_builtin_cache(&self) -> Result<Option<Digest>, RecordError> {
        let Some(cache) = &self.nd_builtin_cache else {
            return Ok(None);
        };
        let salt = self.input_salt.as_ref().unwrap_or(&self.detail_salt);
        let bytes = encode(cache).map_err(|source| RecordError::Encode {
            field: "nd_builtin_cache",
            source,
        })?;
        Ok(Some(commit(salt, &bytes)))
    }

    /// Takes the cache out, if there is one, leaves its commitment, and notes it in `erased`. The input's salt must still be there.
    pub fn withhold_nd_builtin_cache(&mut self) -> Result<(), RecordError> {
        let Some(commitment) = self.commit_nd_builtin_cache()? else {
            return Ok(());
        };
        self.nd_builtin_cache = None;
        self.nd_builtin_cache_commitment = Some(commitment);
        self.erased.push("/nd_builtin_cache".to_owned());
        Ok(())
    }
}

fn part(matches: bool) -> Part {
    if matches { Part::Matches } else { Part::Differs }
}

/// The commitment to an input; `None` is undefined.
///
/// # Errors
/// When the input can't be encoded.
pub fn input_commitment(salt: &Salt, input: Option<&Value>) -> Result<Digest, RecordError> {
    let bytes = encode_optional(input).map_err(|source| RecordError::Encode {
        field: "input",
        source,
    })?;
    Ok(commit(salt, &bytes))
}

/// SHA-256 of the canonical bytes of a result's JSON projection; of no bytes when it is undefined.
///
/// # Errors
/// When the result does not fit the canonical encoding.
pub fn result_digest(result: Option<&Value>) -> Result<Digest, RecordError> {
    let projected = result.map(Value::json_projection);
    let bytes = encode_optional(projected.as_deref()).map_err(|source| RecordError::Encode {
        field: "result",
        source,
    })?;
    Ok(sha256(&[&bytes]))
}
