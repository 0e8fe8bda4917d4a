//! From an evaluation to its record.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{CryptoRng, RngExt};
use stele_policy::engine::Rendering;
use stele_types::{
    BundleRevision, DecisionId, DecisionRecord, Digest, EntryPoint, PolicyId, PolicyVersion, Rendered, Salt,
    Timestamp, Value, sha256,
};

use crate::challengeable::{CHALLENGEABLE_LABEL, REASON_LABEL, entry_reason, input_reason};
use crate::decider::Decision;
use crate::sink::{Documents, Evidence};
use crate::snapshot::{NodeContext, PolicyInForce};
use crate::verdict::Judgement;

/// What is known of a request besides path and input; goes into the record.
#[derive(Debug, Clone, Default)]
pub struct Attributes<'a> {
    /// The caller's network address.
    pub requested_by: Option<&'a str>,
    /// On whose behalf the enforcement point asks.
    pub actor: Option<&'a str>,
    /// What the decision is about.
    pub resource: Option<&'a str>,
    /// Which enforcement point asks.
    pub enforcement_point: Option<&'a str>,
    /// W3C trace id.
    pub trace_id: Option<&'a str>,
    /// W3C span id.
    pub span_id: Option<&'a str>,
    /// Time from the request's arrival to the start of the decision.
    pub waited: Duration,
}

/// Labels that the decision point adds to the operator's.
pub(crate) const DECISION_LABEL: &str = "decision";
/// Set to `true` when the snapshot was stale and the policy fails open.
pub(crate) const STALE_LABEL: &str = "stale";

/// Everything that goes into a decision.
pub(crate) struct Draft<'a> {
    pub(crate) node: &'a NodeContext,
    pub(crate) policy_id: PolicyId,
    /// `None` when no policy is in force at the path.
    pub(crate) policy: Option<&'a PolicyInForce>,
    pub(crate) entry_point: EntryPoint,
    pub(crate) input: Option<&'a Value>,
    pub(crate) result: Option<Value>,
    /// The same documents as bytes, if an engine rendered them; then they stand beside the record.
    pub(crate) rendering: Option<&'a Rendering>,
    pub(crate) judgement: Judgement,
    /// The calls of impure builtins, if there were any.
    pub(crate) nd_builtin_cache: Option<Value>,
    /// Why there is no result, when the evaluation failed.
    pub(crate) error: Option<String>,
    pub(crate) time: Timestamp,
    pub(crate) evaluation: Duration,
    pub(crate) stale: bool,
    pub(crate) attributes: &'a Attributes<'a>,
}

impl Draft<'_> {
    /// Draws id and salts, and builds the record.
    pub(crate) fn finish(self, random: &mut impl CryptoRng) -> Decision {
        let id = DecisionId::from_time_and_random(self.time, &random.random::<[u8; 10]>());
        let version = self.policy.map_or(NO_VERSION, |policy| policy.version);
        let (input_salt, detail_salt) = (Salt(random.random()), Salt(random.random()));
        let mut record = self.record(id, version, input_salt, detail_salt);
        let rendered = self.rendering.and_then(|rendering| {
            let input = (&*rendering.input_json, &*rendering.input_canonical);
            let result = (&*rendering.result_json, self.result.as_ref());
            Rendered::new(&input_salt, input, result).ok()
        });
        let documents = match rendered {
            Some(rendered) => Documents::Rendered(Box::new(rendered)),
            None => {
                record.input = self.input.cloned();
                record.result = self.result.as_ref().map(Value::to_json_projection);
                Documents::InRecord { mask: None }
            }
        };
        Decision {
            id,
            policy_id: self.policy_id,
            version,
            entry_point: self.entry_point,
            result: self.result,
            judgement: self.judgement,
            in_force: self.policy.is_some(),
            evaluation: self.evaluation,
            evidence: Some(Evidence { record, documents }),
        }
    }

    /// Why a contract can't re-execute the decision, if it can't.
    fn not_challengeable(&self) -> Option<&'static str> {
        let Some(policy) = self.policy else {
            return Some("no policy was in force");
        };
        let failed = self.error.is_some().then_some("the evaluation failed");
        failed
            .or_else(|| entry_reason(policy, &self.entry_point))
            .or_else(|| input_reason(self.rendering, self.input))
    }

    /// The record without input and result.
    fn record(
        &self,
        id: DecisionId,
        version: PolicyVersion,
        input_salt: Salt,
        detail_salt: Salt,
    ) -> DecisionRecord {
        let data_digest = self
            .policy
            .map_or_else(|| sha256(&[]), |policy| policy.data_digest);
        let mut record = DecisionRecord::new(
            id,
            self.time,
            self.node.address,
            self.policy_id.clone(),
            version,
            self.entry_point.clone(),
            data_digest,
            input_salt,
            detail_salt,
        );
        let owned = |text: Option<&str>| text.map(str::to_owned);
        record.nd_builtin_cache.clone_from(&self.nd_builtin_cache);
        record.error.clone_from(&self.error);
        record.violations.clone_from(&self.judgement.violations);
        record.labels.clone_from(&self.node.labels);
        record.labels.insert(
            DECISION_LABEL.to_owned(),
            self.judgement.verdict.as_str().to_owned(),
        );
        if let Some(reason) = self.not_challengeable() {
            record
                .labels
                .insert(CHALLENGEABLE_LABEL.to_owned(), "false".to_owned());
            record.labels.insert(REASON_LABEL.to_owned(), reason.to_owned());
        }
        if self.stale {
            record.labels.insert(STALE_LABEL.to_owned(), "true".to_owned());
        }
        record.metrics = BTreeMap::from([("timer_rego_query_eval_ns".to_owned(), nanos(self.evaluation))]);
        if self.policy.is_some() {
            let revision = BundleRevision {
                revision: version.to_string(),
            };
            record.bundles.insert(self.policy_id.to_string(), revision);
        }
        record.latency_ns = nanos(self.attributes.waited.saturating_add(self.evaluation));
        record.requested_by = owned(self.attributes.requested_by);
        record.actor = owned(self.attributes.actor);
        record.resource = owned(self.attributes.resource);
        record.enforcement_point = owned(self.attributes.enforcement_point);
        record.trace_id = owned(self.attributes.trace_id);
        record.span_id = owned(self.attributes.span_id);
        record
    }
}

/// Stands in a leaf where no policy was in force.
const NO_VERSION: PolicyVersion = PolicyVersion(Digest([0; 32]));

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
