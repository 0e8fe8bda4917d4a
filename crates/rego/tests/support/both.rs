//! A policy on the evaluator and on the VM.

use stele_rego::eval::{Context, EvalError, Evaluator, Limits, NoTrace, Options};
use stele_rego::ir::Policy;
use stele_rego::vm::Program;
use stele_rego::{CompileOptions, SourceFile, compile, parse};
use stele_types::{EntryPoint, Timestamp, Value};

/// What a question leads to.
pub(crate) type Answer = Result<Vec<Value>, EvalError>;

/// The plan of these modules, or why there is none.
pub(crate) fn try_plan(texts: &[&str], entry_points: &[&str]) -> Result<Policy, String> {
    let mut modules = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let source = SourceFile::new(format!("{index}.rego"), *text);
        modules.push(parse(&source).map_err(|errors| errors[0].render(text))?);
    }
    let entry_points: Vec<EntryPoint> = entry_points
        .iter()
        .map(|path| EntryPoint::new(path).unwrap())
        .collect();
    compile(&modules, &entry_points, &CompileOptions::default()).map_err(|errors| {
        let text = |file: &str| texts[file.trim_end_matches(".rego").parse::<usize>().unwrap()];
        errors[0].render(text(&errors[0].file))
    })
}

/// The plan of these modules.
pub(crate) fn plan(texts: &[&str], entry_points: &[&str]) -> Policy {
    try_plan(texts, entry_points).unwrap_or_else(|error| panic!("{error}"))
}

/// One policy, ready on both engines.
pub(crate) struct Both {
    plain: Evaluator,
    strict: Evaluator,
    pub(crate) program: Program,
}

impl Both {
    pub(crate) fn new(policy: &Policy) -> Self {
        let options = Options {
            strict_builtin_errors: true,
        };
        Self {
            plain: Evaluator::new(policy).unwrap(),
            strict: Evaluator::with_options(policy, options).unwrap(),
            program: Program::new(policy).unwrap(),
        }
    }

    pub(crate) fn context() -> Context<'static> {
        Context::at(Timestamp::from_nanos(1_790_000_000_123_456_789))
    }

    /// The reference's answer.
    pub(crate) fn evaluator(
        &self,
        entry_point: &str,
        input: Option<&Value>,
        data: &Value,
        strict: bool,
        limits: &Limits<'_>,
    ) -> Answer {
        let evaluator = if strict { &self.strict } else { &self.plain };
        evaluator.evaluate(entry_point, input, data, &Self::context(), limits, &mut NoTrace)
    }
}
