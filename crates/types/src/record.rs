//! The full decision as stored off chain: a superset of OPA's decision log event. Normative: `docs/formats/record.md`.

mod commit;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

pub use commit::{NO_ANSWER, Part, RecordCheck, RecordError, input_commitment, result_digest};
pub use write::Rendered;

use crate::{
    DecisionId, Digest, EntryPoint, NodeAddress, PolicyId, PolicyVersion, Salt, Timestamp, Value, Violation,
};

/// Everything known about one decision.
///
/// The JSON form uses OPA's names where OPA has the field. Unknown fields are refused, so that nothing can hide in a
/// record outside its commitment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRecord {
    /// Identifies the decision.
    pub decision_id: DecisionId,
    /// When it was made.
    pub timestamp: Timestamp,
    /// Who made it.
    pub node: NodeAddress,
    /// The policy asked.
    pub policy_id: PolicyId,
    /// The version of the policy that was in force.
    pub policy_version: PolicyVersion,
    /// The entry point asked, as OPA's `path`.
    pub path: EntryPoint,
    /// SHA-256 of the canonical bytes of the data document the policy saw.
    pub data_digest: Digest,
    /// What was asked; absent when undefined or erased.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub input: Option<Value>,
    /// Salt of the input commitment; absent when the input was masked or erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_salt: Option<Salt>,
    /// What was answered, as its JSON projection; absent when undefined.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub result: Option<Value>,
    /// Salt of the detail commitment.
    pub detail_salt: Salt,
    /// Labels of the node, as in OPA.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Counters and timers (`..._ns`: nanoseconds), as in OPA.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, u64>,
    /// Bundles in force by name, as in OPA.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bundles: BTreeMap<String, BundleRevision>,
    /// Results of builtins that are not pure, as in OPA.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub nd_builtin_cache: Option<Value>,
    /// Commitment to `nd_builtin_cache`; present only when that was masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nd_builtin_cache_commitment: Option<Digest>,
    /// Network address of the caller, as in OPA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// On whose behalf the enforcement point asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What the decision is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Which enforcement point asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement_point: Option<String>,
    /// W3C trace id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// W3C span id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// Time from request to decision, in nanoseconds.
    #[serde(default)]
    pub latency_ns: u64,
    /// What the policy found wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// Commitment to `violations`; present only when those were masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violations_commitment: Option<Digest>,
    /// Why there is no result, when the evaluation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// JSON pointers to what was removed, as in OPA.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<String>,
    /// JSON pointers to what was replaced, as in OPA.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
}

/// Revision of a bundle, as in OPA's decision log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleRevision {
    /// The manifest's revision.
    pub revision: String,
}

/// A field that is there holds a value, even when it is `null`; serde would take that for an absent one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl DecisionRecord {
    /// A record with its obligatory fields; everything else is empty and can be filled in.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are all obligatory, and each has its own type"
    )]
    pub fn new(
        decision_id: DecisionId,
        timestamp: Timestamp,
        node: NodeAddress,
        policy_id: PolicyId,
        policy_version: PolicyVersion,
        path: EntryPoint,
        data_digest: Digest,
        input_salt: Salt,
        detail_salt: Salt,
    ) -> Self {
        Self {
            decision_id,
            timestamp,
            node,
            policy_id,
            policy_version,
            path,
            data_digest,
            input: None,
            input_salt: Some(input_salt),
            result: None,
            detail_salt,
            labels: BTreeMap::new(),
            metrics: BTreeMap::new(),
            bundles: BTreeMap::new(),
            nd_builtin_cache: None,
            nd_builtin_cache_commitment: None,
            requested_by: None,
            actor: None,
            resource: None,
            enforcement_point: None,
            trace_id: None,
            span_id: None,
            latency_ns: 0,
            violations: Vec::new(),
            violations_commitment: None,
            error: None,
            erased: Vec::new(),
            masked: Vec::new(),
        }
    }

    /// True when something at or under this top-level field was masked or erased.
    pub fn is_withheld(&self, field: &str) -> bool {
        self.erased.iter().chain(&self.masked).any(|pointer| {
            pointer
                .strip_prefix('/')
                .and_then(|rest| rest.strip_prefix(field))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Reads a stored record: an object, though serde would take its members in an array, too.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(RecordError::NoObject);
        }
        serde_json::from_slice(bytes).map_err(RecordError::from)
    }
}
