//! The data document: files placed by directory and merged.

use std::collections::BTreeMap;
use std::sync::Arc;

use stele_rego::vm::Data;
use stele_rego::vm::value::Kind;
use stele_types::json::JsonError;
use stele_types::{Value, json};

use super::PolicyModule;
use crate::policy;
use crate::problem::{Problem, Spot};

/// Documents merged so far, as a tree whose inner nodes are objects.
#[derive(Debug, Default)]
pub(super) struct Documents {
    root: BTreeMap<Value, Value>,
}

impl Documents {
    /// Parses the file at `path` and merges it where its directory says. Files merge in order of their paths; a place that two files fill is a problem.
    pub(super) fn place(&mut self, path: &str, bytes: &[u8], problems: &mut Vec<Problem>) {
        let document = match parse(path, bytes) {
            Ok(document) => document,
            Err(problem) => return problems.push(*problem),
        };
        let mut directories: Vec<&str> = path.split('/').collect();
        directories.pop();
        let Value::Object(entries) = document else {
            let message = if directories.is_empty() {
                "the document must be an object".to_owned()
            } else {
                format!(
                    "the document must be an object; put its value under a key in the data file of the directory above `{}`",
                    directories.join("/")
                )
            };
            return problems.push(Problem::of_file("data", path, message));
        };
        let mut entries = Arc::unwrap_or_clone(entries);
        for directory in directories.iter().rev() {
            entries = BTreeMap::from([(Value::from(*directory), Value::Object(Arc::new(entries)))]);
        }
        let mut at = Vec::new();
        if let Err(place) = merge(&mut self.root, entries, &mut at) {
            let message = format!("another file has set `data.{place}` already");
            problems.push(Problem::of_file("data-conflict", path, message));
        }
    }

    /// Merges a document that is there already.
    pub(super) fn add(&mut self, document: &Value, problems: &mut Vec<Problem>) {
        let Value::Object(entries) = document else { return };
        let mut at = Vec::new();
        if let Err(place) = merge(&mut self.root, entries.as_ref().clone(), &mut at) {
            let message = format!("`data.{place}` is set already");
            problems.push(Problem::of_file("data-conflict", "data", message));
        }
    }

    pub(super) fn finish(self) -> Value {
        Value::Object(Arc::new(self.root))
    }
}

/// Merges `from` into `into`, object by object; the error is the first place where both have something else than objects.
fn merge(
    into: &mut BTreeMap<Value, Value>,
    from: BTreeMap<Value, Value>,
    at: &mut Vec<String>,
) -> Result<(), String> {
    for (key, value) in from {
        let name = match &key {
            Value::String(text) => text.to_string(),
            other => json::to_string(other),
        };
        at.push(name);
        match (into.get_mut(&key), value) {
            (None, value) => {
                into.insert(key, value);
            }
            (Some(Value::Object(here)), Value::Object(new)) => {
                merge(Arc::make_mut(here), Arc::unwrap_or_clone(new), at)?;
            }
            (Some(_), _) => return Err(at.join(".")),
        }
        at.pop();
    }
    Ok(())
}

fn parse(path: &str, bytes: &[u8]) -> Result<Value, Box<Problem>> {
    if path.ends_with(".json") {
        return json::parse(bytes, &json::Limits::default())
            .map_err(|error| Box::new(no_json(path, bytes, &error)));
    }
    // YAML 1.2: only `true` and `false` are booleans, so that `no` and `on` stay text. Keys become strings, as JSON has no others.
    let options = serde_saphyr::options! { strict_booleans: true };
    let parsed = serde_saphyr::from_slice_with_options::<Value>(bytes, options);
    parsed.map(|value| value.to_json_projection()).map_err(|error| {
        let at = error.location();
        let (line, column) = at.map_or((0, 0), |at| (position(at.line()), position(at.column())));
        Box::new(located(
            path,
            bytes,
            line,
            column,
            &error.without_snippet().to_string(),
        ))
    })
}

/// What is wrong with a JSON file.
pub(super) fn no_json(path: &str, bytes: &[u8], error: &JsonError) -> Problem {
    let (line, column) = (position(error.line), position(error.column));
    located(path, bytes, line, column, &error.kind.to_string())
}

fn position<N: TryInto<u32>>(number: N) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// A problem at a line of a data file.
fn located(path: &str, bytes: &[u8], line: u32, column: u32, message: &str) -> Problem {
    match std::str::from_utf8(bytes) {
        Ok(text) if line > 0 => Problem::at(
            path,
            text,
            Spot {
                line,
                column: column.max(1),
                width: 1,
            },
            "data",
            message,
        ),
        _ => Problem::of_file("data", path, message),
    }
}

/// Base data must not stand where a rule does, nor anything but an object where a package does.
pub(super) fn check_conflicts(modules: &[PolicyModule], data: &Base<'_>, problems: &mut Vec<Problem>) {
    for module in modules {
        for (path, rule) in policy::rule_paths(&module.package, &module.ast).zip(value_rules(module)) {
            if let Some(place) = blocked(data, &path) {
                let at = module.ast.source.line_column(rule.head.span.start);
                let width =
                    u32::try_from(module.ast.source.slice(rule.head.span).chars().count()).unwrap_or(1);
                let spot = Spot {
                    line: at.line,
                    column: at.column,
                    width,
                };
                let message = format!("the data files set `data.{place}`, where this rule stands");
                problems.push(Problem::at(
                    &module.path,
                    module.ast.source.text(),
                    spot,
                    "data-conflict",
                    message,
                ));
            }
        }
    }
}

fn value_rules(module: &PolicyModule) -> impl Iterator<Item = &stele_rego::ast::Rule> {
    module.ast.rules.iter().filter(|rule| rule.head.args.is_none())
}

/// The base data document in one of its two forms.
pub(super) enum Base<'a> {
    /// As it was parsed.
    Parsed(&'a Value),
    /// As decisions read it.
    Loaded(&'a Data),
}

impl Base<'_> {
    /// Whether an object stands at this path; `None` when nothing does.
    fn is_object(&self, path: &[String]) -> Option<bool> {
        match self {
            Self::Parsed(value) => {
                let found = path.iter().try_fold(*value, |at, step| at.get(step));
                found.map(|found| found.as_object().is_some())
            }
            Self::Loaded(data) => match data.kind(path) {
                Kind::Undefined => None,
                kind => Some(kind == Kind::Object),
            },
        }
    }
}

/// The place on the way to `path` (or `path` itself) that base data fills.
fn blocked(data: &Base<'_>, path: &[String]) -> Option<String> {
    for length in 0..path.len() {
        let way = path.get(..length)?;
        if !data.is_object(way)? {
            return Some(way.join("."));
        }
    }
    data.is_object(path).map(|_| path.join("."))
}
