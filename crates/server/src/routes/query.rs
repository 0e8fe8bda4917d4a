//! `/v1/query`: ad-hoc queries over the documents of the policies in force.
//!
//! A query is no decision: it has no entry point, so it leaves no leaf and no record. It runs on a blocking thread, on engines of its
//! own, under the limits of a decision.

use std::time::Instant;

use stele_pdp::query::{QueryError, run as run_query};
use stele_policy::explain::Mode;
use stele_types::{Value, json};

use crate::blocking;
use crate::clock;
use crate::decide::eval_limits;
use crate::http::{ApiError, Reply};
use crate::worker::{Call, Worker};

/// Bounds of an explanation.
const TRACE: json::Limits = json::Limits {
    max_bytes: 64 << 20,
    max_depth: 512,
};

/// `GET /v1/query?q=...`.
pub(crate) async fn get(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let query = call.params.get("q").filter(|query| !query.trim().is_empty());
    let query = query.ok_or_else(|| ApiError::invalid("missing parameter `q`: the Rego query to run"))?;
    run(worker, call, query.to_owned(), None).await
}

/// `POST /v1/query` with `{"query": ..., "input": ...}`.
pub(crate) async fn post(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    let config = &worker.shared.config.limits;
    let limits = json::Limits {
        max_bytes: config.body_bytes,
        max_depth: config.json_depth,
    };
    let body = json::parse(&call.body, &limits)
        .map_err(|error| ApiError::invalid(format!("body contains malformed query document: {error}")))?;
    let Some(query) = body
        .get("query")
        .and_then(Value::as_str)
        .filter(|query| !query.trim().is_empty())
    else {
        return Err(ApiError::invalid(
            "body must be an object with the Rego query under the key `query`",
        ));
    };
    run(worker, call, query.to_owned(), body.get("input").cloned()).await
}

async fn run(
    worker: &Worker,
    call: &Call<'_>,
    query: String,
    input: Option<Value>,
) -> Result<Reply, ApiError> {
    let snapshot = worker.shared.snapshots.load();
    let limits = eval_limits(&worker.shared.config.limits);
    let policy = call.params.get("policy").map(str::to_owned);
    let begun = Instant::now();
    let time = clock::now();
    let explain = super::explanation::requested(&call.params)?;
    let pretty = call.params.flag("pretty");
    let (rows, explanation) = blocking::run(move || {
        let (rows, traced) = run_query(
            &snapshot,
            policy.as_deref(),
            &query,
            (input.as_ref(), time),
            &limits,
            explain != Mode::Off,
        )?;
        let explanation = traced.map(|(map, trace)| super::explanation::shown(&map, trace, explain, pretty));
        Ok::<_, QueryError>((rows, explanation))
    })
    .await?;
    let mut members = Vec::new();
    // OPA leaves `result` out when nothing matches.
    if !rows.is_empty() {
        members.push((Value::string("result"), Value::array(rows)));
    }
    if call.params.flag("metrics") || call.params.flag("instrument") {
        let nanos = i64::try_from(begun.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let timer = (Value::string("timer_rego_query_eval_ns"), Value::from(nanos));
        members.push((Value::string("metrics"), Value::object([timer])));
    }
    if let Some(explanation) = explanation {
        let text = serde_json::Value::from(explanation).to_string();
        let explanation = json::parse(text.as_bytes(), &TRACE).map_err(|error| {
            ApiError::invalid(format!(
                "the explanation is too large ({error}); ask for notes or fails"
            ))
        })?;
        members.push((Value::string("explanation"), explanation));
    }
    let answer = Value::object(members);
    let text = if pretty {
        json::to_string_pretty(&answer)
    } else {
        json::to_string(&answer)
    };
    Ok(Reply::json_bytes(text.into_bytes()))
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::Policy { .. } => Self::invalid(error.to_string()),
            QueryError::Query { .. } => Self {
                errors: vec![crate::http::ErrorItem {
                    code: "rego_parse_error".to_owned(),
                    message: error.to_string(),
                    location: None,
                }],
                ..Self::invalid("error(s) occurred while parsing query")
            },
            QueryError::Evaluation { code, .. } => Self::evaluation(*code, error.to_string(), None),
        }
    }
}
