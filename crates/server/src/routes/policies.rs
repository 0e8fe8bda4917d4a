//! `GET /v1/policies` and `GET /v1/policies/{id}`: the Rego modules in force, in OPA's shape, with what Stele knows beside it.

use serde_json::{Value, json};
use stele_pdp::PolicyInForce;
use stele_policy::load::PolicyModule;

use crate::http::{ApiError, Reply, decode_segments};
use crate::worker::{Call, Worker};

/// All modules of all policies in force. A module's id is `POLICY@PATH`, because policies may carry the same library.
pub(crate) fn all(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let snapshot = worker.shared.snapshots.load();
    let modules: Vec<Value> = snapshot
        .policies()
        .iter()
        .flat_map(|policy| policy.set.modules().iter().map(|module| describe(policy, module)))
        .collect();
    Reply::json(&json!({ "result": modules }), call.params.flag("pretty"))
}

/// One policy by its id, or one module by `POLICY@PATH`.
pub(crate) fn one(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = decode_segments(call.capture)?.join("/");
    let pretty = call.params.flag("pretty");
    let snapshot = worker.shared.snapshots.load();
    let (policy_id, path) = id
        .split_once('@')
        .map_or((id.as_str(), None), |(policy, path)| (policy, Some(path)));
    let unknown = || {
        ApiError::not_found(format!(
            "no policy or module `{id}` is in force; GET /v1/policies lists them"
        ))
    };
    let policy = snapshot.policy(policy_id).ok_or_else(unknown)?;
    let Some(path) = path else {
        return Reply::json(&json!({ "result": whole(policy) }), pretty);
    };
    let module = policy
        .set
        .modules()
        .iter()
        .find(|module| module.path == path)
        .ok_or_else(unknown)?;
    Reply::json(&json!({ "result": describe(policy, module) }), pretty)
}

fn describe(policy: &PolicyInForce, module: &PolicyModule) -> Value {
    json!({
        "id": format!("{}@{}", policy.id(), module.path),
        "raw": module.ast.source.text(),
        "policy_id": policy.id(),
        "policy_version": policy.version.to_string(),
    })
}

/// A policy as one document: `raw` is the text of its own package's modules.
fn whole(policy: &PolicyInForce) -> Value {
    let own = policy
        .set
        .modules()
        .iter()
        .filter(|module| module.package == policy.policy.package);
    let raw: Vec<&str> = own.map(|module| module.ast.source.text()).collect();
    let modules: Vec<Value> = policy
        .set
        .modules()
        .iter()
        .map(|module| describe(policy, module))
        .collect();
    json!({
        "id": policy.id(),
        "raw": raw.join("\n"),
        "policy": super::registry::describe(policy),
        "modules": modules,
    })
}
