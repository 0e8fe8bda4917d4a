//! Ad-hoc queries over the documents of a policy in force (OPA's `/v1/query`).
//!
//! A query is no decision: it has no entry point that a leaf could name and leaves no evidence. It is compiled together with the policy for each
//! request, so it costs more than a decision; it is for people, not for enforcement points.

use stele_policy::engine::{QueryFailure, QueryTrace, query};
use stele_policy::{EvalContext, Limits};
use stele_types::{Timestamp, Value};

use crate::error::engine_code;
use crate::snapshot::{PolicyInForce, Snapshot};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It is not clear which policy's documents are meant.
    #[error("{message}")]
    Policy {
        /// What to do.
        message: String,
    },
    /// The query does not parse or can't be compiled.
    #[error("the query can't be run: {message}")]
    Query {
        /// The compiler's words.
        message: String,
    },
    /// The evaluation failed.
    #[error("the query failed: {message}")]
    Evaluation {
        /// OPA's code, or ours for a limit.
        code: &'static str,
        /// The engine's words.
        message: String,
    },
}

/// Runs a query against the documents of one policy and returns its rows: one object of variable bindings for each way in which it holds.
///
/// `policy` names the policy; without it, the policy whose reference (`data.kubernetes.admission`) the query mentions, if that is only
/// one, or none for a query that mentions none. A traced query also says how its rows came about.
///
/// # Errors
/// [`QueryError`].
pub fn run(
    snapshot: &Snapshot,
    policy: Option<&str>,
    text: &str,
    (input, time): (Option<&Value>, Timestamp),
    limits: &Limits,
    traced: bool,
) -> Result<(Vec<Value>, QueryTrace), QueryError> {
    let Documents { modules, data } = documents(snapshot, policy, text)?;
    let context = EvalContext::at(time);
    let asked = query(&modules, &data, text, (input, context), limits, traced);
    let (rows, trace) = asked.map_err(|failure| match failure {
        QueryFailure::Evaluation(error) => QueryError::Evaluation {
            code: engine_code(&error),
            message: error.to_string(),
        },
        refused => QueryError::Query {
            message: refused.to_string(),
        },
    })?;
    Ok((rows.iter().map(Value::to_json_projection).collect(), trace))
}

/// What a query is asked of.
pub(crate) struct Documents {
    pub(crate) modules: Vec<stele_rego::ast::Module>,
    pub(crate) data: Value,
}

/// The modules and data of the policy that is named, or that a query mentions; nothing for a query that mentions none.
pub(crate) fn documents(
    snapshot: &Snapshot,
    policy: Option<&str>,
    text: &str,
) -> Result<Documents, QueryError> {
    let set = match choose(snapshot, policy, text)? {
        None => None,
        Some(policy) => Some(policy.load().map_err(|error| QueryError::Query {
            message: error.to_string(),
        })?),
    };
    let modules = set
        .iter()
        .flat_map(|set| set.modules())
        .filter(|module| !module.is_test())
        .map(|module| module.ast.clone())
        .collect();
    let data = set
        .as_ref()
        .map_or_else(|| Value::object([]), |set| set.data().clone());
    Ok(Documents { modules, data })
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
