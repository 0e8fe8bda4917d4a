//! Our own compiler and reference evaluator behind the [`Engine`] trait: exact, and able to tell what it does.

use std::time::Instant;

use stele_rego::Diagnostic;
use stele_rego::ast::Module;
use stele_rego::builtins::Refusal;
use stele_rego::eval::{self, At, Evaluator, LimitKind, NoTrace};
use stele_types::{EntryPoint, Value};

use super::{DataPath, Engine, EngineError, EvalOutcome, EvalRequest, Limits, Place, is_impure};

/// A policy compiled for fixed entry points. `print` calls are compiled away.
///
/// [`super::Limits::instructions`] counts other units here than in the interpreter; the evaluator's own default bounds it instead.
#[derive(Debug)]
pub struct SteleEngine {
    lenient: Evaluator,
    strict: Evaluator,
    data: Value,
}

impl SteleEngine {
    /// Compiles `modules` for `entry_points`, which are paths of rules or packages.
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`] with the first of the compiler's diagnostics.
    pub fn new(modules: &[Module], entry_points: &[DataPath], data: &Value) -> Result<Self, EngineError> {
        let entry_points = entry_points
            .iter()
            .map(entry_point)
            .collect::<Result<Vec<_>, _>>()?;
        let plan = stele_rego::compile(modules, &entry_points, &crate::compile_options())
            .map_err(|found| refused_by(&found))?;
        let evaluator = |strict_builtin_errors| {
            Evaluator::with_options(
                &plan,
                eval::Options {
                    strict_builtin_errors,
                },
            )
            .map_err(|error| EngineError::Refused {
                place: None,
                message: error.to_string(),
            })
        };
        Ok(Self {
            lenient: evaluator(false)?,
            strict: evaluator(true)?,
            data: data.clone(),
        })
    }

    fn run(&self, request: &EvalRequest<'_>) -> Result<EvalOutcome, EngineError> {
        let started = Instant::now();
        let late = || request.limits.time.is_some_and(|limit| started.elapsed() > limit);
        let limits = eval::Limits {
            deadline: Some(&late),
            ..eval::Limits::default()
        };
        let context = eval::Context {
            time: request.context.time(),
            nd: request.context.nd,
        };
        let entry_point = entry_point(request.path)?;
        let evaluator = if request.strict_builtin_errors {
            &self.strict
        } else {
            &self.lenient
        };
        let results = evaluator
            .evaluate(
                entry_point.as_str(),
                request.input,
                &self.data,
                &context,
                &limits,
                &mut NoTrace,
            )
            .map_err(|error| failed(error, &request.limits, &limits))?;
        let value = results.first().and_then(|result| result.get("result")).cloned();
        Ok(EvalOutcome {
            value,
            prints: Vec::new(),
        })
    }
}

impl Engine for SteleEngine {
    fn evaluate(&mut self, request: &EvalRequest<'_>) -> Result<EvalOutcome, EngineError> {
        self.run(request)
    }
}

fn entry_point(path: &DataPath) -> Result<EntryPoint, EngineError> {
    EntryPoint::new(&path.segments().join("/")).map_err(|error| EngineError::Refused {
        place: None,
        message: error.to_string(),
    })
}

/// The first of the front end's diagnostics as an error.
pub(crate) fn refused_by(found: &[Diagnostic]) -> EngineError {
    let place = found.first().map(|first| Place {
        file: first.file.to_string(),
        line: first.line,
        column: first.column,
    });
    let message = found
        .first()
        .map_or("no diagnostic", |first| first.message.as_str())
        .to_owned();
    EngineError::Refused { place, message }
}

/// An evaluation's failure in the terms of all engines.
pub(super) fn failed(error: eval::EvalError, asked: &Limits, limits: &eval::Limits<'_>) -> EngineError {
    let place = error.at().map(place_of);
    let message = error.to_string();
    match error {
        eval::EvalError::Conflict { .. } | eval::EvalError::ObjectConflict { .. } => {
            EngineError::Conflict { place, message }
        }
        eval::EvalError::Builtin { .. } => EngineError::Builtin { place, message },
        eval::EvalError::Refused { name, .. } if is_impure(&name) => {
            EngineError::ImpureBuiltin { name, place }
        }
        eval::EvalError::Refused {
            refusal: Refusal::NoTime,
            ..
        } => EngineError::Builtin { place, message },
        eval::EvalError::Host { name, error, .. } => EngineError::NdBuiltin {
            name,
            place,
            reason: error.to_string(),
        },
        eval::EvalError::Refused { name, .. } => EngineError::UnknownFunction { name, place },
        eval::EvalError::Limit { limit, .. } => match limit {
            LimitKind::Deadline => EngineError::TimeLimit {
                limit: asked.time.unwrap_or_default(),
            },
            LimitKind::Instructions => EngineError::InstructionLimit {
                limit: u32::try_from(limits.instructions).unwrap_or(u32::MAX),
            },
            LimitKind::Memory => EngineError::MemoryLimit { limit: limits.memory },
            LimitKind::Depth => EngineError::DepthLimit {
                limit: limits.depth,
                place,
            },
        },
        _ => EngineError::Refused { place, message },
    }
}

pub(super) fn place_of(at: &At) -> Place {
    Place {
        file: at.file.to_string(),
        line: at.row,
        column: at.col,
    }
}
