//! Partial evaluation over the documents of a policy in force (OPA's `/v1/compile`).
//!
//! As with [`crate::query`], this is no decision and leaves no evidence: it tells a caller what would have to hold, which the caller then
//! checks where the unknown data is.

use std::time::Instant;

use stele_policy::Limits;
use stele_rego::eval;
use stele_rego::partial::{PartialError, PartialRequest, partially_evaluate};
pub use stele_rego::partial::{PartialOptions, Residual};
use stele_rego::{QueryScope, SourceFile, parse_query};
use stele_types::{Timestamp, Value};

use crate::query::{self, QueryError};
use crate::snapshot::Snapshot;

/// What is asked.
#[derive(Debug, Clone)]
pub struct CompileRequest<'a> {
    /// The policy; without it, the one that the query mentions.
    pub policy: Option<&'a str>,
    /// The query.
    pub query: &'a str,
    /// The known part of the input.
    pub input: Option<&'a Value>,
    /// What is unknown, and how to go about it.
    pub options: PartialOptions,
}

/// Evaluates a query partially against the documents of one policy.
///
/// # Errors
/// [`QueryError`].
pub fn run(
    snapshot: &Snapshot,
    request: &CompileRequest<'_>,
    time: Timestamp,
    limits: &Limits,
) -> Result<Residual, QueryError> {
    let documents = query::documents(snapshot, request.policy, request.query)?;
    let source = SourceFile::new("query", request.query);
    let refused = |found: &[stele_rego::Diagnostic]| QueryError::Query {
        message: found.first().map_or_else(
            || "it can't be compiled".to_owned(),
            |found| {
                let place = format!("{}:{}:{}", found.file, found.line, found.column);
                format!("{} ({place})", found.message)
            },
        ),
    };
    let body = parse_query(&source).map_err(|found| refused(&found))?;
    let started = Instant::now();
    let late = || limits.time.is_some_and(|limit| started.elapsed() > limit);
    let result = partially_evaluate(&PartialRequest {
        modules: &documents.modules,
        scope: &QueryScope::default(),
        source: &source,
        query: &body,
        data: &documents.data,
        input: request.input,
        context: eval::Context::at(time),
        limits: eval::Limits {
            instructions: limits
                .instructions
                .map_or(u64::MAX, |limit| u64::from(limit.get())),
            memory: limits.memory,
            deadline: Some(&late),
            ..eval::Limits::default()
        },
        strict_builtin_errors: false,
        compile: &stele_policy::compile_options(),
        options: &request.options,
    });
    result.map_err(|error| match error {
        PartialError::Compile(found) => refused(&found),
        PartialError::Option(message) => QueryError::Policy { message },
        PartialError::Eval(error) => QueryError::Evaluation {
            code: code(&error),
            message: error.to_string(),
        },
        PartialError::TooLarge(_) => QueryError::Evaluation {
            code: "eval_memory_limit_error",
            message: error.to_string(),
        },
        other => QueryError::Query {
            message: other.to_string(),
        },
    })
}

/// OPA's code, or ours for a limit.
fn code(error: &eval::EvalError) -> &'static str {
    use eval::LimitKind;
    match error {
        eval::EvalError::Limit { limit, .. } => match limit {
            LimitKind::Instructions => "eval_instruction_limit_error",
            LimitKind::Depth => "eval_depth_limit_error",
            LimitKind::Memory => "eval_memory_limit_error",
            LimitKind::Deadline => "eval_time_limit_error",
        },
        eval::EvalError::Refused { .. } => "eval_builtin_error",
        other => other.opa_code().unwrap_or("eval_internal_error"),
    }
}
