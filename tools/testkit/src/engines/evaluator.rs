//! Our compiler and our reference evaluator.

use std::sync::Arc;

use stele_rego::builtins::BuiltinError;
use stele_rego::eval::{Context, EvalError, Evaluator, Limits, NoTrace};
use stele_rego::{CompileOptions, SourceFile, compile, parse};
use stele_types::{EntryPoint, Value};

use super::{Case, Engine, ErrorKind, Module, Outcome};

/// Compiles to the intermediate representation and evaluates that.
#[derive(Debug, Default)]
pub struct EvaluatorEngine {
    /// The last policy, since cases tend to differ in their input only.
    last: Option<(Arc<[Module]>, EntryPoint, Evaluator)>,
}

impl EvaluatorEngine {
    fn load(&mut self, case: &Case) -> Result<&Evaluator, Outcome> {
        let known = self.last.as_ref().is_some_and(|(modules, entry_point, _)| {
            Arc::ptr_eq(modules, &case.modules) && *entry_point == case.entry_point
        });
        if !known {
            let evaluator = build(case)?;
            self.last = Some((Arc::clone(&case.modules), case.entry_point.clone(), evaluator));
        }
        match &self.last {
            Some((_, _, evaluator)) => Ok(evaluator),
            None => Err(Outcome::Refused("no policy".to_owned())),
        }
    }
}

/// The plan of a case's entry point. Shared with the engine that compiles it further.
///
/// # Errors
/// [`ErrorKind::Policy`] with all diagnostics.
pub fn plan(case: &Case) -> Result<stele_rego::ir::Policy, Outcome> {
    let mut modules = Vec::new();
    for module in case.modules.iter() {
        let source = SourceFile::new(module.name.as_str(), module.text.as_str());
        modules.push(parse(&source).map_err(|diagnostics| policy_error(&diagnostics))?);
    }
    compile(
        &modules,
        std::slice::from_ref(&case.entry_point),
        &CompileOptions::default(),
    )
    .map_err(|diagnostics| policy_error(&diagnostics))
}

fn policy_error(diagnostics: &[stele_rego::Diagnostic]) -> Outcome {
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| format!("{}:{}: {}", diagnostic.file, diagnostic.line, diagnostic.message))
        .collect();
    Outcome::Error(ErrorKind::Policy, lines.join("\n"))
}

fn build(case: &Case) -> Result<Evaluator, Outcome> {
    let plan = plan(case)?;
    Evaluator::new(&plan).map_err(|error| Outcome::Error(ErrorKind::Policy, error.to_string()))
}

impl Engine for EvaluatorEngine {
    fn name(&self) -> &'static str {
        "evaluator"
    }

    fn evaluate(&mut self, case: &Case) -> Outcome {
        let evaluator = match self.load(case) {
            Ok(evaluator) => evaluator,
            Err(outcome) => return outcome,
        };
        let results = evaluator.evaluate(
            case.entry_point.as_str(),
            case.input.as_ref(),
            &case.data,
            &Context::default(),
            &Limits::default(),
            &mut NoTrace,
        );
        match results {
            Ok(results) => outcome(&results),
            Err(error) => failure(&error),
        }
    }
}

/// The value under `result` of the only result.
fn outcome(results: &[Value]) -> Outcome {
    match results {
        [] => Outcome::Undefined,
        [result] => match result.get("result") {
            Some(value) => Outcome::Value(value.clone()),
            None => Outcome::Error(ErrorKind::Other, format!("no value under `result` in {result}")),
        },
        more => Outcome::Error(ErrorKind::Other, format!("{} results", more.len())),
    }
}

fn failure(error: &EvalError) -> Outcome {
    let kind = match error {
        EvalError::Refused { .. } => return Outcome::Refused(error.to_string()),
        EvalError::Conflict { .. } | EvalError::ObjectConflict { .. } => ErrorKind::Conflict,
        EvalError::Builtin {
            error: BuiltinError::Limit(_),
            ..
        }
        | EvalError::Limit { .. } => ErrorKind::Limit,
        EvalError::Builtin { .. } => ErrorKind::Builtin,
        _ => ErrorKind::Other,
    };
    Outcome::Error(kind, error.to_string())
}
