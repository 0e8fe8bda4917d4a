//! The outputs of `opa eval`.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use stele_types::{Value, json};

use super::{explain, partial, profile};
use crate::output;
use crate::query::Row;
use crate::query::capture::{Location, Statement};
use crate::query::failure::{Entry, Failure};
use crate::query::metrics::Metrics;
use stele_policy::test_runner::Coverage;

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// One JSON document: result, errors, metrics, explanation, profile
    #[default]
    Json,
    /// For people
    Pretty,
    /// For each solution a JSON array of its expressions' values
    Values,
    /// For each solution a JSON object of its variables
    Bindings,
    /// For each solution a line of its expressions' values, strings without quotes
    Raw,
    /// As json, without the values
    Discard,
    /// Rego: what --partial leaves
    Source,
}

/// Everything that is reported; serialises as `opa eval`'s JSON document.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metrics: Option<Metrics>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) result: Vec<Solution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partial: Option<partial::Partial>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<explain::Explanation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<Vec<profile::Line>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "covered")]
    pub(super) coverage: Option<Coverage>,
}

fn covered<S: serde::Serializer>(coverage: &Option<Coverage>, serializer: S) -> Result<S::Ok, S::Error> {
    coverage.as_ref().map(Coverage::to_json).serialize(serializer)
}

#[derive(Debug, Serialize)]
pub(super) struct Solution {
    expressions: Vec<Expression>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    bindings: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize)]
struct Expression {
    value: Value,
    text: String,
    location: Location,
}

impl Output {
    pub(crate) fn failed(failure: Failure) -> Self {
        Self {
            errors: failure.errors,
            ..Self::default()
        }
    }

    pub(super) fn answered(statements: &[Statement], rows: Vec<Row>) -> Self {
        let solution = |row: Row| Solution {
            expressions: row
                .expressions
                .into_iter()
                .zip(statements)
                .map(|(value, statement)| Expression {
                    value,
                    text: statement.text.clone(),
                    location: statement.location,
                })
                .collect(),
            bindings: row.bindings,
        };
        Self {
            result: rows.into_iter().map(solution).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    pub(super) fn is_defined(&self) -> bool {
        let left = self.partial.as_ref().is_some_and(partial::Partial::is_defined);
        left || !self.result.is_empty()
    }

    /// Prints results on standard output. Errors are part of a JSON document, and otherwise go to standard error.
    pub(crate) fn print(&self, format: Format, pretty_limit: usize) -> Result<()> {
        match format {
            Format::Json => return output::json(self),
            Format::Discard => return self.discarded(),
            _ => {}
        }
        if self.has_errors() {
            let failure = Failure {
                errors: self.errors.clone(),
            };
            output::note(failure.text());
            if format != Format::Pretty {
                return Ok(());
            }
        }
        match format {
            Format::Values => {
                for solution in &self.result {
                    let values: Vec<&Value> = solution.values().collect();
                    output::json(&values)?;
                }
            }
            Format::Bindings => {
                for solution in &self.result {
                    output::json(&solution.bindings)?;
                }
            }
            Format::Raw => {
                for solution in &self.result {
                    let values: Vec<String> = solution.values().map(raw).collect();
                    output::line(values.join(" "));
                }
            }
            Format::Source => {
                if let Some(partial) = &self.partial {
                    partial.source();
                }
            }
            _ => self.pretty(pretty_limit)?,
        }
        Ok(())
    }

    fn discarded(&self) -> Result<()> {
        let mut document = serde_json::to_value(self)?;
        for name in ["result", "partial"] {
            if let Some(result) = document.get_mut(name) {
                *result = "discarded".into();
            }
        }
        output::json(&document)
    }

    fn pretty(&self, limit: usize) -> Result<()> {
        if let Some(explanation) = &self.explanation {
            explanation.lines.iter().for_each(output::line);
        }
        match self.result.as_slice() {
            [] if self.partial.is_some() => {
                if let Some(partial) = &self.partial {
                    partial.pretty();
                }
            }
            [] if self.has_errors() => {}
            [] => output::line("undefined"),
            [only] if only.is_plain() => {
                if let Some(value) = only.values().next() {
                    output::json(value)?;
                }
            }
            solutions => self.solutions(solutions, limit),
        }
        if let Some(metrics) = &self.metrics {
            let rows = metrics
                .iter()
                .map(|(name, value)| vec![name.to_owned(), value.to_string()]);
            output::bordered(&["Metric", "Value"], rows.collect());
        }
        if let Some(lines) = &self.profile {
            let rows = lines.iter().map(|line| {
                vec![
                    format!("{:?}", std::time::Duration::from_nanos(line.total_time_ns)),
                    line.num_eval.to_string(),
                    line.num_redo.to_string(),
                    line.num_gen_expr.to_string(),
                    format!("{}:{}", line.location.file, line.location.row),
                ]
            });
            let header = ["Time", "Num Eval", "Num Redo", "Num Gen Expr", "Location"];
            output::bordered(&header, rows.collect());
        }
        if let Some(coverage) = &self.coverage {
            output::line(coverage.to_text().trim_end());
        }
        Ok(())
    }

    /// A table of variables, and of expressions that are not just true or false.
    fn solutions(&self, solutions: &[Solution], limit: usize) {
        let Some(first) = solutions.first() else { return };
        let names: Vec<&String> = first.bindings.keys().collect();
        let columns: Vec<(usize, &str)> = first
            .expressions
            .iter()
            .enumerate()
            .filter(|(_, expression)| names.is_empty() || !matches!(expression.value, Value::Bool(_)))
            .map(|(index, expression)| (index, expression.text.as_str()))
            .collect();
        let header: Vec<&str> = names
            .iter()
            .map(|name| name.as_str())
            .chain(columns.iter().map(|(_, text)| *text))
            .collect();
        let cell = |value: Option<&Value>| {
            value
                .map(|value| cut(json::to_string(value), limit))
                .unwrap_or_default()
        };
        let rows = solutions
            .iter()
            .map(|solution| {
                let bound = names.iter().map(|name| cell(solution.bindings.get(*name)));
                let values = columns
                    .iter()
                    .map(|(index, _)| cell(solution.expressions.get(*index).map(|found| &found.value)));
                bound.chain(values).collect()
            })
            .collect();
        output::bordered(&header, rows);
    }
}

impl Solution {
    fn values(&self) -> impl Iterator<Item = &Value> {
        self.expressions.iter().map(|expression| &expression.value)
    }

    /// Whether the first value says it all: no variables, and one expression or only true and false ones.
    fn is_plain(&self) -> bool {
        let all_boolean = || self.values().all(|value| matches!(value, Value::Bool(_)));
        self.bindings.is_empty() && (self.expressions.len() == 1 || all_boolean())
    }
}

fn raw(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => json::to_string(other),
    }
}

fn cut(text: String, limit: usize) -> String {
    if limit == 0 || text.chars().count() <= limit {
        return text;
    }
    let kept: String = text.chars().take(limit).collect();
    format!("{kept}...")
}
