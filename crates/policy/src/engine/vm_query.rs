//! Ad-hoc queries on the virtual machine.

use stele_rego::ast::Module;
use stele_rego::trace::{Map, Recorder, Trace};
use stele_rego::vm::{Probe, Program, Worker};
use stele_rego::{Diagnostic, QueryScope, SourceFile, compile_query, compile_query_traced, parse_query};
use stele_types::Value;

use super::vm_engine::{ask, machine_input};
use super::{EngineError, EvalContext, Limits};

/// How many events of a traced query are kept.
const MAX_EVENTS: usize = 100_000;

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

/// How the rows of a query came about, if it was traced: its events, and what they are about.
pub type QueryTrace = Option<(Map, Trace)>;

/// Evaluates a query over modules and a document, as if it stood in an empty package. Each way in which it holds gives an object of its
/// variables; equal objects are given once. If it is to be traced, there is also how that came about.
///
/// # Errors
/// [`QueryFailure`].
pub fn query(
    modules: &[Module],
    data: &Value,
    text: &str,
    (input, context): (Option<&Value>, EvalContext<'_>),
    limits: &Limits,
    traced: bool,
) -> Result<(Vec<Value>, QueryTrace), QueryFailure> {
    let source = SourceFile::new("query", text);
    let body = parse_query(&source).map_err(QueryFailure::Query)?;
    let options = crate::compile_options();
    let plan = if traced {
        compile_query_traced(modules, &QueryScope::default(), &source, &body, &options)
    } else {
        compile_query(modules, &source, &body, &options).map(|plan| (plan, Map::default()))
    };
    let (plan, map) = plan.map_err(QueryFailure::Query)?;
    let refused = |message: String| EngineError::Refused { place: None, message };
    let program = Program::new(&plan).map_err(|error| refused(error.to_string()))?;
    let data = program.data(data).map_err(|error| refused(error.to_string()))?;
    let mut worker = Worker::default();
    let mut recorder = Recorder::new(&map, MAX_EVENTS);
    let rows = ask(
        &mut worker,
        (&program, &data),
        "eval",
        (machine_input(input), context, false),
        limits,
        traced.then_some(&mut recorder as &mut dyn Probe),
        |outcome| outcome.results(),
    )?;
    let trace = recorder.finish();
    Ok((rows, traced.then_some((map, trace))))
}
