//! `GET /v1/registry`: what is in force here, and whether it is what the registry says.

use serde_json::{Value, json};
use stele_pdp::{FailMode, PolicyInForce};

use crate::clock::now;
use crate::http::{ApiError, Reply};
use crate::worker::{Call, Worker};

/// The policies in force, the ones that should be and aren't, and the snapshot's age.
pub(crate) fn in_force(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let shared = &worker.shared;
    let snapshot = shared.snapshots.load();
    let policies: Vec<Value> = snapshot
        .policies()
        .iter()
        .map(|policy| describe(policy))
        .collect();
    let age = shared.snapshots.age(now());
    let document = json!({
        "result": {
            "node": shared.node.address.to_string(),
            "generation": shared.snapshots.generation(),
            "confirmed_seconds_ago": age.as_secs_f64(),
            "stale": shared.snapshots.stale(now()).is_some(),
            "policies": policies,
            "degraded": shared.status.degraded(),
        }
    });
    Reply::json(&document, call.params.flag("pretty"))
}

/// One policy in force.
pub(crate) fn describe(policy: &PolicyInForce) -> Value {
    let meta = &policy.policy;
    let contract = policy.options.contract.map(|contract| {
        json!({ "address": contract.address.to_string(), "code_hash": contract.code_hash.to_string() })
    });
    json!({
        "id": meta.id,
        "version": policy.version.to_string(),
        "title": meta.title,
        "owner": meta.custom.owner,
        "severity": meta.severity(),
        "enforcement": meta.enforcement(),
        "controls": meta.custom.controls,
        "entry_points": meta.entry_points,
        "data_digest": policy.data_digest.to_string(),
        "contract": contract,
        "fail": if policy.options.fail == FailMode::Open { "open" } else { "closed" },
    })
}
