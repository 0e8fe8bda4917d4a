//! The data API: `GET`/`POST /v1/data/...`, the webhook form `POST /v0/data/...`, and the default decision `POST /`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue};
use stele_pdp::Input;
use stele_policy::engine::JsonInput;
use stele_policy::explain::Mode;
use stele_types::{Value, json};

use crate::decide::{Decided, decide, malformed};
use crate::http::{ApiError, Params, Reply, decode_segments};
use crate::worker::{Call, Worker};

/// Header with the verdict of a decision: `allow`, `deny`, `warn`, `dryrun`, `undetermined`.
const VERDICT: HeaderName = HeaderName::from_static("stele-decision");
/// Header with the decision's id, for answers whose body has no room for it.
const DECISION_ID: HeaderName = HeaderName::from_static("stele-decision-id");

/// Header with a receipt, for answers whose body has no room for it; one for each decision.
const RECEIPT: HeaderName = HeaderName::from_static("stele-receipt");

/// OPA's warning when a body has no `input`.
const NO_INPUT: &[u8] =
    br#""warning":{"code":"api_usage_warning","message":"'input' key missing from the request"}"#;

/// `POST /v1/data/{path}`: `{"input": ...}` in, `{"decision_id": ..., "result": ...}` out.
pub(crate) async fn post(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let Some(body) = body(worker, call, Some("input"))? else {
        return document(worker, call, Input::Value(None), Duration::ZERO, true).await;
    };
    // Explanations need the record, and metrics the time that reading took.
    let apart = ["explain", "metrics", "instrument"];
    if !apart.iter().any(|name| call.params.get(name).is_some()) {
        return document(worker, call, Input::Json(body), Duration::ZERO, true).await;
    }
    let begun = Instant::now();
    let value = body.to_value().map_err(|error| malformed("body", &error))?;
    document(worker, call, Input::Value(value.as_ref()), begun.elapsed(), true).await
}

/// `GET /v1/data/{path}?input=...`.
pub(crate) async fn get(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let begun = Instant::now();
    let value = match call.params.get("input") {
        None => None,
        Some(text) => Some(parse(worker, text.as_bytes())?),
    };
    document(worker, call, Input::Value(value.as_ref()), begun.elapsed(), false).await
}

/// `POST /v0/data/{path}`: the body is the input, the answer is the bare document.
pub(crate) async fn webhook(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let path = decode_segments(call.capture)?;
    bare(worker, call, &path).await
}

/// `POST /`: the configured default decision, webhook style.
pub(crate) async fn default(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let path = decode_segments(&worker.shared.config.default_decision)?;
    bare(worker, call, &path).await
}

async fn bare(worker: &Worker, call: &Call<'_>, path: &[String]) -> Result<Reply, ApiError> {
    let input = body(worker, call, None)?.map_or(Input::Value(None), Input::Json);
    let decided = decide(worker, call, path, input, false).await?;
    let id = decided.answer.decisions.first().map(|decision| decision.id);
    let Some(value) = &decided.answer.value else {
        return Err(ApiError::undefined(&path.join("/")).with_decision(id));
    };
    let body = match &decided.answer.json {
        _ if call.params.flag("pretty") => json::to_string_pretty(value).into_bytes(),
        Some(rendered) => rendered.clone(),
        None => json::to_vec(value),
    };
    let mut reply = verdict(Reply::json_bytes(body), &decided);
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(&id.to_string()).ok()) {
        reply = reply.with_header(DECISION_ID, id);
    }
    for receipt in &decided.receipts {
        let mut text = Vec::new();
        receipt.write(&mut text)?;
        // Compact JSON of ours is ASCII without control characters.
        let value = HeaderValue::from_bytes(&text).map_err(|error| ApiError::internal(error.to_string()))?;
        reply = reply.with_header(RECEIPT, value);
    }
    Ok(reply)
}

/// Answers with the document. `parse` is the time it took to read the input so far; `warn`, whether to warn when there is none.
async fn document(
    worker: &Worker,
    call: &Call<'_>,
    input: Input<'_>,
    parse: Duration,
    warn: bool,
) -> Result<Reply, ApiError> {
    let path = decode_segments(call.capture)?;
    let explain = super::explanation::requested(&call.params)?;
    let strict = call.params.flag("strict-builtin-errors");
    let decided = decide(worker, call, &path, input, strict).await?;
    let mut body = Vec::with_capacity(256);
    body.push(b'{');
    if let Some(decision) = decided.answer.decisions.first() {
        member(&mut body, "decision_id");
        write_text(&mut body, &decision.id.to_string());
    }
    match (&decided.answer.json, &decided.answer.value) {
        (Some(rendered), _) => {
            member(&mut body, "result");
            body.extend_from_slice(rendered);
        }
        (None, Some(value)) => {
            member(&mut body, "result");
            json::write(value, &mut body);
        }
        (None, None) => {}
    }
    if warn && decided.answer.without_input {
        separate(&mut body);
        body.extend_from_slice(NO_INPUT);
    }
    if !decided.receipts.is_empty() {
        member(&mut body, "receipts");
        body.push(b'[');
        for (place, receipt) in decided.receipts.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            receipt.write(&mut body)?;
        }
        body.push(b']');
    }
    if call.params.flag("provenance") {
        member(&mut body, "provenance");
        write_serde(&mut body, &provenance(&decided, worker))?;
    }
    if explain != Mode::Off {
        let pretty = call.params.flag("pretty");
        let shared = std::sync::Arc::clone(&worker.shared);
        let records = decided.records.clone();
        let lines =
            crate::blocking::run(move || super::explanation::of_records(&shared, &records, explain, pretty))
                .await?;
        member(&mut body, "explanation");
        write_serde(&mut body, &lines)?;
    }
    if call.params.flag("metrics") || call.params.flag("instrument") {
        member(&mut body, "metrics");
        write_serde(&mut body, &metrics(call, &decided, parse))?;
    }
    body.push(b'}');
    if call.params.flag("pretty") {
        body = indent(&body)?;
    }
    Ok(verdict(Reply::json_bytes(body), &decided))
}

fn verdict(reply: Reply, decided: &Decided) -> Reply {
    reply.with_header(
        VERDICT,
        HeaderValue::from_static(decided.answer.verdict().as_str()),
    )
}

/// The body as the input, or as the object that has it as a member; `None` when it is empty.
fn body<'c>(
    worker: &Worker,
    call: &'c Call<'_>,
    member: Option<&'c str>,
) -> Result<Option<JsonInput<'c>>, ApiError> {
    if call.body.is_empty() {
        return Ok(None);
    }
    let content_type = call
        .parts
        .headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|name| name.contains("yaml")) {
        return Err(ApiError::new(
            http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_parameter",
            "YAML bodies are not supported: YAML can't say which of its scalars are numbers without ambiguity; send JSON",
        ));
    }
    Ok(Some(JsonInput {
        text: &call.body,
        member,
        limits: limits(worker),
    }))
}

fn parse(worker: &Worker, text: &[u8]) -> Result<Value, ApiError> {
    json::parse(text, &limits(worker)).map_err(|error| malformed("parameter", &error))
}

fn limits(worker: &Worker) -> json::Limits {
    let config = &worker.shared.config.limits;
    json::Limits {
        max_bytes: config.body_bytes,
        max_depth: config.json_depth,
    }
}

fn separate(body: &mut Vec<u8>) {
    if body.last() != Some(&b'{') {
        body.push(b',');
    }
}

/// Starts a member whose name needs no escaping.
fn member(body: &mut Vec<u8>, name: &str) {
    separate(body);
    body.push(b'"');
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(b"\":");
}

/// Writes text that needs no escaping.
fn write_text(body: &mut Vec<u8>, text: &str) {
    body.push(b'"');
    body.extend_from_slice(text.as_bytes());
    body.push(b'"');
}

fn write_serde(body: &mut Vec<u8>, document: &impl serde::Serialize) -> Result<(), ApiError> {
    serde_json::to_writer(body, document)
        .map_err(|error| ApiError::internal(format!("can't write the answer: {error}")))
}

/// Indents our own JSON; numbers stay as they are.
fn indent(body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let limits = json::Limits {
        max_bytes: usize::MAX,
        max_depth: 256,
    };
    let document = json::parse(body, &limits)
        .map_err(|error| ApiError::internal(format!("can't indent the answer: {error}")))?;
    let mut text = json::to_string_pretty(&document).into_bytes();
    text.push(b'\n');
    Ok(text)
}

/// OPA's timers, and ours for the log. `instrument` adds what only we have.
fn metrics(call: &Call<'_>, decided: &Decided, parse: Duration) -> BTreeMap<&'static str, u64> {
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let mut metrics = BTreeMap::from([
        ("timer_rego_input_parse_ns", nanos(parse)),
        ("timer_rego_query_eval_ns", nanos(decided.evaluation)),
        ("timer_server_handler_ns", nanos(call.started.elapsed())),
    ]);
    if instrumented(&call.params) {
        metrics.insert("timer_stele_log_commit_ns", nanos(decided.commit));
        metrics.insert(
            "counter_stele_policies_evaluated",
            u64::try_from(decided.answer.decisions.len()).unwrap_or(u64::MAX),
        );
    }
    metrics
}

fn instrumented(params: &Params) -> bool {
    params.flag("instrument")
}

/// OPA's provenance: build and bundles; a bundle's revision is the policy version.
fn provenance(decided: &Decided, worker: &Worker) -> serde_json::Value {
    let bundles: serde_json::Map<String, serde_json::Value> = decided
        .answer
        .decisions
        .iter()
        .filter(|decision| decision.in_force)
        .map(|decision| {
            (
                decision.policy_id.to_string(),
                serde_json::json!({"revision": decision.version.to_string()}),
            )
        })
        .collect();
    let mut provenance = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "build_commit": option_env!("STELE_BUILD_COMMIT").unwrap_or(""),
        "build_hostname": "",
        "node": worker.shared.node.address.to_string(),
        "bundles": bundles,
    });
    // Left out when unknown: OPA's clients take it for a date, and refuse the whole answer over an empty one.
    if let (Some(time), Some(members)) = (option_env!("STELE_BUILD_TIMESTAMP"), provenance.as_object_mut()) {
        members.insert("build_timestamp".to_owned(), time.into());
    }
    provenance
}
