//! Ad-hoc queries over the documents of a policy in force (OPA's `/v1/query`).
//!
//! A query is no decision: it has no entry point that a leaf could name and leaves no evidence. It runs on an interpreter of its own, which
//! is built for it, so it costs more than a decision; it is for people, not for enforcement points.

use regorus::utils::limits::ExecutionTimerConfig;
use stele_policy::Limits;
use stele_policy::engine::convert::{ConvertError, Interner, from_regorus, to_regorus};
use stele_types::Value;

use crate::snapshot::{PolicyInForce, Snapshot};

/// Work units between two looks at the clock.
const CHECK_INTERVAL: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(255);

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It is not clear which policy's documents are meant.
    #[error("{message}")]
    Policy {
        /// What to do.
        message: String,
    },
    /// The query does not parse or can't be planned.
    #[error("the query can't be run: {message}")]
    Query {
        /// The interpreter's words.
        message: String,
    },
    /// The input can't be given to the interpreter.
    #[error("the input can't be used: {0}")]
    Input(ConvertError),
    /// The evaluation failed.
    #[error("the query failed: {message}")]
    Evaluation {
        /// OPA's code, or ours for a limit.
        code: &'static str,
        /// The interpreter's words.
        message: String,
    },
}

/// Runs a query against the documents of one policy and returns its rows: one object of variable bindings for each way in which it holds.
///
/// `policy` names the policy; without it, the policy whose reference (`data.kubernetes.admission`) the query mentions, if that is only
/// one, or none for a query that mentions none.
///
/// # Errors
/// [`QueryError`].
pub fn run(
    snapshot: &Snapshot,
    policy: Option<&str>,
    query: &str,
    input: Option<&Value>,
    limits: &Limits,
) -> Result<Vec<Value>, QueryError> {
    let policy = choose(snapshot, policy, query)?;
    let mut engine = build(policy).map_err(|message| QueryError::Query { message })?;
    if let Some(input) = input {
        engine.set_input(to_regorus(input, &mut Interner::passing()).map_err(QueryError::Input)?);
    }
    if let Some(limit) = limits.time {
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit,
            check_interval: CHECK_INTERVAL,
        });
    }
    let results = engine
        .eval_query(query.to_owned(), false)
        .map_err(|error| sort(&error.to_string()))?;
    let holds = |row: &&regorus::QueryResult| {
        !row.expressions.iter().any(|found| {
            matches!(
                found.value,
                regorus::Value::Bool(false) | regorus::Value::Undefined
            )
        })
    };
    let mut rows = Vec::new();
    for row in results.result.iter().filter(holds) {
        let bindings =
            from_regorus(&row.bindings, limits.result_nodes()).map_err(|error| QueryError::Evaluation {
                code: match error {
                    ConvertError::TooLarge { .. } => "eval_memory_limit_error",
                    _ => "eval_type_error",
                },
                message: error.to_string(),
            })?;
        rows.push(bindings.unwrap_or_else(|| Value::object([])).to_json_projection());
    }
    Ok(rows)
}

fn choose<'s>(
    snapshot: &'s Snapshot,
    named: Option<&str>,
    query: &str,
) -> Result<Option<&'s PolicyInForce>, QueryError> {
    if let Some(id) = named {
        let found = snapshot.policy(id).map(AsRef::as_ref);
        let message = || format!("policy `{id}` is not in force; GET /v1/policies lists those that are");
        return found
            .map(Some)
            .ok_or_else(|| QueryError::Policy { message: message() });
    }
    let mentioned: Vec<&PolicyInForce> = snapshot
        .policies()
        .iter()
        .map(AsRef::as_ref)
        .filter(|policy| mentions(query, &policy.id().rego_ref()))
        .collect();
    match mentioned.as_slice() {
        [only] => Ok(Some(only)),
        [] if !query.contains("data") => Ok(None),
        [] => Err(QueryError::Policy {
            message: "the query mentions no policy in force by its full reference; name one with the parameter `policy`".to_owned(),
        }),
        several => {
            let ids: Vec<&str> = several.iter().map(|policy| policy.id().as_str()).collect();
            let message = format!(
                "the query mentions several policies ({}); each is a bundle of its own: name one with the parameter `policy`",
                ids.join(", ")
            );
            Err(QueryError::Policy { message })
        }
    }
}

/// Whether the reference stands in the query, and not only as the beginning of a longer word.
fn mentions(query: &str, reference: &str) -> bool {
    query.match_indices(reference).any(|(at, _)| {
        let after = query
            .get(at.saturating_add(reference.len())..)
            .and_then(|rest| rest.chars().next());
        !after.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

fn build(policy: Option<&PolicyInForce>) -> Result<regorus::Engine, String> {
    let mut engine = regorus::Engine::new();
    // Prints belong to whoever debugs a policy, not to the server's output.
    engine.set_gather_prints(true);
    let Some(policy) = policy else { return Ok(engine) };
    let set = policy.load().map_err(|error| error.to_string())?;
    for module in set.modules().iter().filter(|module| !module.is_test()) {
        let text = module.ast.source.text().to_owned();
        engine
            .add_policy(module.path.clone(), text)
            .map_err(|error| error.to_string())?;
    }
    let data = to_regorus(set.data(), &mut Interner::passing()).map_err(|error| error.to_string())?;
    engine.add_data(data).map_err(|error| error.to_string())?;
    Ok(engine)
}

/// Tells limits, evaluation errors and malformed queries apart by the interpreter's words.
fn sort(text: &str) -> QueryError {
    let message = text
        .rsplit_once("\nerror: ")
        .map_or(text, |(_, message)| message)
        .trim()
        .to_owned();
    if text.contains("execution exceeded time limit") {
        return QueryError::Evaluation {
            code: "eval_time_limit_error",
            message,
        };
    }
    if text.contains("multiple outputs") {
        return QueryError::Evaluation {
            code: "eval_conflict_error",
            message,
        };
    }
    QueryError::Query { message }
}
