//! The regorus interpreter, to compare with.

use stele_policy::load::Documents;
use stele_policy::{EvalContext, RegorusEngine};
use stele_rego::QueryScope;
use stele_types::{Timestamp, Value};

use super::capture::Query;
use super::engine::Row;
use super::failure::Failure;

pub(super) fn prepared(documents: &Documents, scope: &QueryScope) -> Result<RegorusEngine, Failure> {
    let refused = |what: &str| {
        let message = format!("the regorus interpreter has no {what}; use --engine vm");
        Err(Failure::coded(message, Some("engine_refused")))
    };
    if !scope.package.is_empty() || !scope.imports.is_empty() {
        return refused("queries in a package or with imports: write data.PACKAGE.NAME in full");
    }
    let prepared = documents
        .prepare()
        .map_err(|error| Failure::plain(error.to_string()))?;
    Ok(RegorusEngine::new(&prepared)?)
}

pub(super) fn rows(
    engine: &mut RegorusEngine,
    query: &Query,
    input: Option<&Value>,
    time: Timestamp,
    strict: bool,
) -> Result<Vec<Row>, Failure> {
    let context = EvalContext::at(time);
    let rows = engine.query_rows(query.source.text(), input, context, strict)?;
    let row = |row: stele_policy::engine::QueryRow| {
        let bindings = row.bindings.as_object().into_iter().flatten();
        Some(Row {
            expressions: row
                .expressions
                .iter()
                .map(|value| value.as_ref().map(Value::to_json_projection))
                .collect::<Option<_>>()?,
            bindings: bindings
                .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.to_json_projection())))
                .collect(),
        })
    };
    // The interpreter also reports where it stopped at a statement that is false.
    let holds = |row: &Row| !query.must_hold || !row.expressions.contains(&Value::Bool(false));
    Ok(rows.into_iter().filter_map(row).filter(holds).collect())
}
