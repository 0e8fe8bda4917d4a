//! Ad-hoc queries on the virtual machine.

use stele_rego::ast::Module;
use stele_rego::vm::{Program, Worker};
use stele_rego::{Diagnostic, SourceFile, compile_query, parse_query};
use stele_types::Value;

use super::vm_engine::ask;
use super::{EngineError, EvalContext, Limits};

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryFailure {
    /// It does not parse or can't be compiled.
    #[error("{}", first(.0))]
    Query(Vec<Diagnostic>),
    /// The evaluation failed.
    #[error(transparent)]
    Evaluation(#[from] EngineError),
}

fn first(found: &[Diagnostic]) -> String {
    let first = found.first().map(|found| {
        format!(
            "{} ({}:{}:{})",
            found.message, found.file, found.line, found.column
        )
    });
    first.unwrap_or_else(|| "the query can't be compiled".to_owned())
}

/// Evaluates a query over modules and a document, as if it stood in an empty package. Each way in which it holds gives an object of its
/// variables; equal objects are given once.
///
/// # Errors
/// [`QueryFailure`].
pub fn query(
    modules: &[Module],
    data: &Value,
    text: &str,
    input: Option<&Value>,
    context: EvalContext<'_>,
    limits: &Limits,
) -> Result<Vec<Value>, QueryFailure> {
    let source = SourceFile::new("query", text);
    let body = parse_query(&source).map_err(QueryFailure::Query)?;
    let plan =
        compile_query(modules, &source, &body, &crate::compile_options()).map_err(QueryFailure::Query)?;
    let refused = |message: String| EngineError::Refused { place: None, message };
    let program = Program::new(&plan).map_err(|error| refused(error.to_string()))?;
    let data = program.data(data).map_err(|error| refused(error.to_string()))?;
    let mut worker = Worker::default();
    let rows = ask(
        &mut worker,
        (&program, &data),
        "eval",
        (input, context, false),
        limits,
        None,
        |outcome| outcome.results(),
    )?;
    Ok(rows)
}
