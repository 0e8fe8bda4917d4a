//! `stele eval --partial`: what is left of a query when a part of its documents is unknown.

use serde::{Serialize, Serializer};
use stele_rego::partial::{PartialError, PartialOptions, PartialRequest, Residual, partially_evaluate};
use stele_rego::{SourceFile, parse_query};

use super::format::Output;
use crate::output;
use crate::query::load::Loaded;
use crate::query::metrics::{self, Metrics};
use crate::query::{Failure, Settings, engine};

/// How to evaluate partially.
#[derive(clap::Args)]
pub(super) struct PartialArgs {
    /// Evaluate partially: print what is left to hold, instead of a result
    #[arg(long)]
    pub(super) partial: bool,
    /// A document that --partial takes as unknown: input, input.user, data.accounts; repeatable
    #[arg(
        short,
        long,
        value_name = "PATH",
        value_delimiter = ',',
        default_value = "input",
        requires = "partial"
    )]
    unknowns: Vec<String>,
    /// A rule or package that --partial keeps as a rule, e.g. data.policy.allow; repeatable
    #[arg(long, value_name = "PATH", value_delimiter = ',', requires = "partial")]
    disable_inlining: Vec<String>,
    /// Keep every rule that depends on unknowns as a rule
    #[arg(long, requires = "partial")]
    shallow_inlining: bool,
    /// Evaluate builtins that depend on time, chance or the outside world too, if their arguments are known
    #[arg(long, alias = "nondeterminstic-builtins", requires = "partial")]
    nondeterministic_builtins: bool,
}

/// What is left of a query; serialises as `opa eval --partial` prints it.
#[derive(Debug)]
pub(super) struct Partial(Residual);

impl Serialize for Partial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json().serialize(serializer)
    }
}

impl Partial {
    /// Whether the query has solutions for some value of the unknowns.
    pub(super) fn is_defined(&self) -> bool {
        !self.0.is_empty()
    }

    /// A table with one row for each query and each support module.
    pub(super) fn pretty(&self) {
        if !self.is_defined() {
            return output::line("undefined");
        }
        let numbered = |name: &str, texts: Vec<String>| -> Vec<Vec<String>> {
            let row = |(index, text): (usize, String)| {
                let number = index.saturating_add(1);
                vec![format!("{name} {number}"), text.trim_end().replace('\t', "  ")]
            };
            texts.into_iter().enumerate().map(row).collect()
        };
        let mut rows = numbered("Query", self.0.queries());
        rows.extend(numbered("Support", self.0.support()));
        output::bordered_rows(rows);
    }

    /// Rego: each query and module under a comment that numbers it.
    pub(super) fn source(&self) {
        let parts = [("Query", self.0.queries()), ("Module", self.0.support())];
        for (name, texts) in parts {
            for (index, text) in texts.iter().enumerate() {
                output::line(format!(
                    "# {name} {}\n{}\n",
                    index.saturating_add(1),
                    text.trim_end()
                ));
            }
        }
    }
}

/// Evaluates the loaded query partially.
pub(super) fn evaluate(
    args: &PartialArgs,
    settings: &Settings,
    loaded: &Loaded,
    metrics: &mut Metrics,
) -> Output {
    let source = loaded.query.clone();
    let query = match metrics.timed(metrics::QUERY_PARSE, || parse_query(&source)) {
        Ok(query) => query,
        Err(found) => {
            return Output::failed(Failure::diagnostics(&found, std::slice::from_ref(&source)));
        }
    };
    let modules = loaded.documents.trees();
    let options = PartialOptions {
        unknowns: args.unknowns.clone(),
        disable_inlining: args.disable_inlining.clone(),
        shallow_inlining: args.shallow_inlining,
        nondeterministic_builtins: args.nondeterministic_builtins,
        ..PartialOptions::default()
    };
    let world = engine::World::now();
    let calls = world.calls();
    let request = PartialRequest {
        modules: &modules,
        scope: &loaded.scope,
        source: &source,
        query: &query,
        data: loaded.documents.data(),
        input: loaded.input.as_ref(),
        context: world.context(&calls),
        limits: engine::LIMITS,
        strict_builtin_errors: settings.strict_builtin_errors,
        compile: &settings.options(),
        options: &options,
    };
    match metrics.timed(metrics::PARTIAL_EVAL, || partially_evaluate(&request)) {
        Ok(residual) => Output {
            partial: Some(Partial(residual)),
            ..Output::default()
        },
        Err(PartialError::Compile(found)) => {
            let mut sources: Vec<SourceFile> = modules.iter().map(|module| module.source.clone()).collect();
            sources.push(source.clone());
            Output::failed(Failure::diagnostics(&found, &sources))
        }
        Err(PartialError::Eval(error)) => Output::failed(error.into()),
        Err(error) => Output::failed(Failure::coded(error.to_string(), Some("partial_eval_error"))),
    }
}
