//! `/v1/compile`: partial evaluation over the documents of the policies in force.
//!
//! As a query, it is no decision and leaves no record; it runs on a blocking thread, under the limits of a decision.

use std::time::Instant;

use stele_pdp::compile::{CompileRequest, PartialOptions, run};
use stele_types::{Value, json};

use crate::blocking;
use crate::clock;
use crate::decide::eval_limits;
use crate::http::{ApiError, Reply};
use crate::worker::{Call, Worker};

/// A request's body.
struct Asked {
    query: String,
    input: Option<Value>,
    options: PartialOptions,
}

/// `POST /v1/compile` with `{"query": ..., "input": ..., "unknowns": [...], "options": {...}}`.
pub(crate) async fn post(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let config = &worker.shared.config.limits;
    let bounds = json::Limits {
        max_bytes: config.body_bytes,
        max_depth: config.json_depth,
    };
    let body = json::parse(&call.body, &bounds)
        .map_err(|error| ApiError::invalid(format!("body contains malformed compile document: {error}")))?;
    let asked = read(&body)?;
    let snapshot = worker.shared.snapshots.load();
    let limits = eval_limits(config);
    let policy = call.params.get("policy").map(str::to_owned);
    let begun = Instant::now();
    let time = clock::now();
    let result = blocking::run(move || {
        let request = CompileRequest {
            policy: policy.as_deref(),
            query: &asked.query,
            input: asked.input.as_ref(),
            options: asked.options,
        };
        run(&snapshot, &request, time, &limits).map(|residual| residual.to_json())
    })
    .await?;
    let mut members = vec![(Value::string("result"), result)];
    if call.params.flag("metrics") || call.params.flag("instrument") {
        let nanos = i64::try_from(begun.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let timer = (Value::string("timer_rego_partial_eval_ns"), Value::from(nanos));
        members.push((Value::string("metrics"), Value::object([timer])));
    }
    let answer = Value::object(members);
    let text = if call.params.flag("pretty") {
        json::to_string_pretty(&answer)
    } else {
        json::to_string(&answer)
    };
    Ok(Reply::json_bytes(text.into_bytes()))
}

fn read(body: &Value) -> Result<Asked, ApiError> {
    let query = body.get("query").and_then(Value::as_str);
    let Some(query) = query.filter(|query| !query.trim().is_empty()) else {
        return Err(ApiError::invalid(
            "body must be an object with the Rego query under the key `query`",
        ));
    };
    let mut options = PartialOptions::default();
    if let Some(unknowns) = body.get("unknowns").filter(|value| **value != Value::Null) {
        options.unknowns = texts(unknowns, "unknowns")?;
    }
    if let Some(found) = body.get("options").filter(|value| **value != Value::Null) {
        let Some(members) = found.as_object() else {
            return Err(ApiError::invalid("`options` must be an object"));
        };
        for (name, value) in members {
            let flag = || {
                value.as_bool().ok_or_else(|| {
                    ApiError::invalid(format!(
                        "`options.{}` must be true or false",
                        name.as_str().unwrap_or("")
                    ))
                })
            };
            match name.as_str() {
                Some("disableInlining") => {
                    options.disable_inlining = texts(value, "options.disableInlining")?;
                }
                Some("shallowInlining") => options.shallow_inlining = flag()?,
                Some("nondeterministicBuiltins" | "nonDeterministicBuiltins") => {
                    options.nondeterministic_builtins = flag()?;
                }
                // As OPA does: options that are not known say nothing.
                _ => {}
            }
        }
    }
    Ok(Asked {
        query: query.to_owned(),
        input: body.get("input").cloned(),
        options,
    })
}

/// A list of references.
fn texts(value: &Value, name: &str) -> Result<Vec<String>, ApiError> {
    let read = |item: &Value| item.as_str().map(str::to_owned);
    let items = value
        .as_array()
        .and_then(|items| items.iter().map(read).collect::<Option<Vec<String>>>());
    items.ok_or_else(|| {
        ApiError::invalid(format!(
            "`{name}` must be an array of references such as \"input.user\""
        ))
    })
}
