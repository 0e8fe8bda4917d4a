//! One case, several engines: they may refuse, they may never disagree.
//!
//! An [`Engine`] evaluates an entry point of a policy. [`compare`] says whether two outcomes agree under a [`Mode`], which states
//! exactly what the engines at hand can be held to; [`differential`] runs a case on all of them. [`generate`] makes policies.

pub mod evaluator;
pub mod generate;
pub mod interpreter;

use std::fmt;
use std::sync::Arc;

use stele_types::{EntryPoint, Value};

pub use evaluator::EvaluatorEngine;
pub use interpreter::InterpreterEngine;

/// A Rego module as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// File name for messages.
    pub name: String,
    /// The text, Rego v1.
    pub text: String,
}

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Case {
    /// The modules of the policy.
    pub modules: Arc<[Module]>,
    /// The rule to evaluate.
    pub entry_point: EntryPoint,
    /// The input; `None` means undefined.
    pub input: Option<Value>,
    /// The base documents, an object.
    pub data: Value,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for module in self.modules.iter() {
            writeln!(f, "# {}\n{}", module.name, module.text)?;
        }
        match &self.input {
            Some(input) => writeln!(f, "input: {input}")?,
            None => writeln!(f, "input: undefined")?,
        }
        writeln!(f, "data: {}", self.data)?;
        write!(f, "query: {}", self.entry_point.rego_ref())
    }
}

/// How an evaluation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The entry point has this value.
    Value(Value),
    /// The entry point has no value.
    Undefined,
    /// The evaluation failed.
    Error(ErrorKind, String),
    /// The engine does not do this, for the reason given.
    Refused(String),
}

/// Kinds of failure that engines can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A rule has two values.
    Conflict,
    /// A builtin failed, in strict mode.
    Builtin,
    /// A limit was reached.
    Limit,
    /// The policy does not parse or compile.
    Policy,
    /// Anything else.
    Other,
}

/// Something that evaluates policies.
pub trait Engine {
    /// Name for messages.
    fn name(&self) -> &'static str;

    /// Evaluates one case. Never panics on a policy or input that it can't handle: that is a refusal or an error.
    fn evaluate(&mut self, case: &Case) -> Outcome;
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Sets are not arrays, and keys keep their type.
    Exact,
    /// As their JSON projections, for engines whose results are JSON.
    Json,
}

/// How errors are compared. A value against an error is always a disagreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// Both must be of one kind.
    Kind,
    /// Any error agrees with any other.
    Any,
}

/// What the compared engines are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// How values are compared.
    pub values: Values,
    /// How errors are compared.
    pub errors: Errors,
}

impl Mode {
    /// Values with their sets, errors by their kind: for our own engines.
    pub const EXACT: Self = Self {
        values: Values::Exact,
        errors: Errors::Kind,
    };
    /// JSON values, any error: for engines that say less.
    pub const LOOSE: Self = Self {
        values: Values::Json,
        errors: Errors::Any,
    };
}

/// What two outcomes are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The same.
    Same,
    /// At least one engine refused, which says nothing.
    Refused,
    /// Different.
    Different,
}

/// Compares two outcomes.
#[must_use]
pub fn compare(a: &Outcome, b: &Outcome, mode: Mode) -> Agreement {
    let same = match (a, b) {
        (Outcome::Refused(_), _) | (_, Outcome::Refused(_)) => return Agreement::Refused,
        (Outcome::Value(a), Outcome::Value(b)) => match mode.values {
            Values::Exact => a == b,
            Values::Json => a.json_projection() == b.json_projection(),
        },
        (Outcome::Undefined, Outcome::Undefined) => true,
        (Outcome::Error(a, _), Outcome::Error(b, _)) => mode.errors == Errors::Any || a == b,
        _ => false,
    };
    if same {
        Agreement::Same
    } else {
        Agreement::Different
    }
}

/// Engines that disagree on a case.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// The case.
    pub case: Case,
    /// Each engine's name and outcome.
    pub outcomes: Vec<(&'static str, Outcome)>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "engines disagree\n{}", self.case)?;
        for (name, outcome) in &self.outcomes {
            writeln!(f, "{name}: {outcome:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mismatch {}

/// Runs a case on all engines and compares each with each. Returns the outcomes.
///
/// # Errors
/// When two engines that did not refuse disagree.
pub fn differential(
    engines: &mut [Box<dyn Engine>],
    case: &Case,
    mode: Mode,
) -> Result<Vec<(&'static str, Outcome)>, Box<Mismatch>> {
    let outcomes: Vec<(&'static str, Outcome)> = engines
        .iter_mut()
        .map(|engine| (engine.name(), engine.evaluate(case)))
        .collect();
    let differ = outcomes.iter().enumerate().any(|(n, (_, a))| {
        outcomes
            .iter()
            .skip(n)
            .any(|(_, b)| compare(a, b, mode) == Agreement::Different)
    });
    if differ {
        return Err(Box::new(Mismatch {
            case: case.clone(),
            outcomes,
        }));
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> Outcome {
        Outcome::Error(kind, String::new())
    }

    #[test]
    fn modes_differ_in_sets_and_error_kinds() {
        let set = Outcome::Value(Value::set([1.into(), 2.into()]));
        let array = Outcome::Value(Value::array([1.into(), 2.into()]));
        assert_eq!(compare(&set, &array, Mode::EXACT), Agreement::Different);
        assert_eq!(compare(&set, &array, Mode::LOOSE), Agreement::Same);
        let (conflict, other) = (error(ErrorKind::Conflict), error(ErrorKind::Other));
        assert_eq!(compare(&conflict, &other, Mode::EXACT), Agreement::Different);
        assert_eq!(compare(&conflict, &other, Mode::LOOSE), Agreement::Same);
    }

    #[test]
    fn no_mode_forgives_a_lost_error_or_value() {
        let value = Outcome::Value(true.into());
        for mode in [Mode::EXACT, Mode::LOOSE] {
            assert_eq!(compare(&value, &Outcome::Undefined, mode), Agreement::Different);
            assert_eq!(
                compare(&value, &error(ErrorKind::Conflict), mode),
                Agreement::Different
            );
            assert_eq!(
                compare(&Outcome::Undefined, &error(ErrorKind::Conflict), mode),
                Agreement::Different
            );
            assert_eq!(
                compare(&value, &Outcome::Refused(String::new()), mode),
                Agreement::Refused
            );
        }
    }

    struct Constant(&'static str, Outcome);

    impl Engine for Constant {
        fn name(&self) -> &'static str {
            self.0
        }

        fn evaluate(&mut self, _: &Case) -> Outcome {
            self.1.clone()
        }
    }

    #[test]
    fn a_refusal_does_not_hide_a_mismatch_between_the_others() {
        let case = Case {
            modules: Arc::from([Module {
                name: "a.rego".to_owned(),
                text: "package a".to_owned(),
            }]),
            entry_point: EntryPoint::new("a/b").unwrap(),
            input: None,
            data: Value::object([]),
        };
        let mut engines: Vec<Box<dyn Engine>> = vec![
            Box::new(Constant("one", Outcome::Value(1.into()))),
            Box::new(Constant("refuses", Outcome::Refused("no".to_owned()))),
            Box::new(Constant("two", Outcome::Value(2.into()))),
        ];
        let mismatch = differential(&mut engines, &case, Mode::EXACT).unwrap_err();
        let text = mismatch.to_string();
        assert!(
            text.contains("query: data.a.b") && text.contains("two: Value(2)"),
            "{text}"
        );
        engines.pop();
        assert_eq!(differential(&mut engines, &case, Mode::EXACT).unwrap().len(), 2);
    }
}
