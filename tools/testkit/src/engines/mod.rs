//! One case, several engines: they may refuse, they may never disagree.
//!
//! An [`Engine`] evaluates an entry point of a [`Policy`]. Each states in its [`Mode`] what it can be held to; [`compare`] says whether
//! two outcomes agree, [`differential`] runs a case on all engines, and [`Tally`] counts what came out.
//! [`generate`] and [`wild`] make policies, [`campaign`] runs many of them, [`mutate`] breaks inputs, [`shrink`] makes a failing case small.

pub mod campaign;
pub mod chance;
pub mod contract;
pub mod emit;
pub mod evaluator;
pub mod generate;
pub mod interpreter;
pub mod mutate;
pub mod partial;
pub mod record;
pub mod shrink;
pub mod tally;
pub mod traced;
pub mod vm;
pub mod wild;

use std::fmt;
use std::sync::{Arc, OnceLock};

use stele_rego::{SourceFile, ir};
use stele_types::{EntryPoint, Value};

pub use chance::Chance;
pub use contract::ContractEngine;
pub use evaluator::EvaluatorEngine;
pub use interpreter::InterpreterEngine;
pub use tally::Tally;
pub use traced::TracedEngine;
pub use vm::VmEngine;

/// All engines: the interpreter, the reference evaluator, the VM, and contracts with exact results and as they are deployed.
#[must_use]
pub fn all() -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(InterpreterEngine::default())];
    engines.extend(own());
    engines
}

/// All engines that run our own plans.
#[must_use]
pub fn own() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(EvaluatorEngine::default()),
        Box::new(VmEngine::default()),
        Box::new(TracedEngine::default()),
        Box::new(ContractEngine::exact()),
        Box::new(ContractEngine::deployed()),
    ]
}

/// As policies are compiled in production, but ill-typed ones are compiled too: engines could disagree on them.
fn options() -> stele_rego::CompileOptions {
    let mut options = stele_policy::compile_options();
    options.check_types = false;
    options
}

/// A Rego module as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// File name for messages.
    pub name: String,
    /// The text, Rego v1.
    pub text: String,
}

/// Modules, data, and the rules that may be asked for.
#[derive(Debug)]
pub struct Policy {
    modules: Vec<Module>,
    entry_points: Vec<EntryPoint>,
    data: Value,
    options: stele_rego::CompileOptions,
    plan: OnceLock<Result<ir::Policy, String>>,
}

impl Policy {
    /// A policy with its base documents, an object. It is compiled once, for all of its entry points, when an engine first needs it.
    #[must_use]
    pub fn new(modules: Vec<Module>, entry_points: Vec<EntryPoint>, data: Value) -> Arc<Self> {
        Arc::new(Self {
            modules,
            entry_points,
            data,
            options: options(),
            plan: OnceLock::new(),
        })
    }

    /// The same policy, to be compiled with other options.
    #[must_use]
    pub fn read_as(&self, options: stele_rego::CompileOptions) -> Arc<Self> {
        Arc::new(Self {
            modules: self.modules.clone(),
            entry_points: self.entry_points.clone(),
            data: self.data.clone(),
            options,
            plan: OnceLock::new(),
        })
    }

    /// The modules.
    #[must_use]
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The rules that may be asked for.
    #[must_use]
    pub fn entry_points(&self) -> &[EntryPoint] {
        &self.entry_points
    }

    /// The base documents.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.data
    }

    /// The plan that all of our engines share, compiled as policies are in production.
    ///
    /// # Errors
    /// [`ErrorKind::Policy`] with all diagnostics.
    pub fn plan(&self) -> Result<&ir::Policy, Outcome> {
        self.plan
            .get_or_init(|| self.compile())
            .as_ref()
            .map_err(|text| Outcome::Error(ErrorKind::Policy, text.clone()))
    }

    fn parse(&self) -> Result<Vec<stele_rego::ast::Module>, String> {
        let parse = |module: &Module| {
            let source = SourceFile::new(module.name.as_str(), module.text.as_str());
            stele_rego::parse(&source).map_err(|found| lines(&found))
        };
        self.modules.iter().map(parse).collect()
    }

    fn compile(&self) -> Result<ir::Policy, String> {
        stele_rego::compile(&self.parse()?, &self.entry_points, &self.options).map_err(|found| lines(&found))
    }

    /// The plan with points, and what they stand for. `print` is kept.
    ///
    /// # Errors
    /// All diagnostics.
    pub fn traced(&self) -> Result<(ir::Policy, stele_rego::trace::Map), String> {
        let options = self.options.clone().with_print();
        stele_rego::compile_traced(&self.parse()?, &self.entry_points, &options)
            .map_err(|found| lines(&found))
    }
}

/// Whether a text has a name as a word.
fn mentions(text: &str, name: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| word == name)
}

fn lines(diagnostics: &[stele_rego::Diagnostic]) -> String {
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|found| format!("{}:{}: {}", found.file, found.line, found.message))
        .collect();
    lines.join("\n")
}

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Case {
    /// The policy.
    pub policy: Arc<Policy>,
    /// The rule to evaluate, one of the policy's entry points.
    pub entry_point: EntryPoint,
    /// The input; `None` means undefined.
    pub input: Option<Value>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for module in &self.policy.modules {
            writeln!(f, "# {}\n{}", module.name, module.text)?;
        }
        match &self.input {
            Some(input) => writeln!(f, "input: {input}")?,
            None => writeln!(f, "input: undefined")?,
        }
        writeln!(f, "data: {}", self.policy.data)?;
        write!(f, "query: {}", self.entry_point.rego_ref())
    }
}

/// What an engine keeps of the last policy it was given, since cases tend to differ in their input only.
#[derive(Debug)]
struct Loaded<T>(Option<(Arc<Policy>, Result<T, Outcome>)>);

impl<T> Default for Loaded<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Loaded<T> {
    /// What `load` makes, or made, of the policy.
    fn get(
        &mut self,
        policy: &Arc<Policy>,
        load: impl FnOnce(&Policy) -> Result<T, Outcome>,
    ) -> Result<&mut T, Outcome> {
        let kept = self.0.take().filter(|(known, _)| Arc::ptr_eq(known, policy));
        let kept = kept.unwrap_or_else(|| (Arc::clone(policy), load(policy)));
        let (_, loaded) = self.0.insert(kept);
        loaded.as_mut().map_err(|outcome| outcome.clone())
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
    /// The engine does not do this, or reached a limit of its own, for the reason given: a short one, of which there are few.
    Refused(String),
}

/// Kinds of failure that engines can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// A rule has two values.
    Conflict,
    /// A builtin failed, in strict mode.
    Builtin,
    /// The policy does not parse or compile.
    Policy,
    /// Anything else.
    Other,
}

/// Something that evaluates policies.
pub trait Engine {
    /// Name for messages.
    fn name(&self) -> &'static str;

    /// What the engine can be held to.
    fn mode(&self) -> Mode;

    /// Evaluates one case. Never panics on a policy or input that it can't handle: that is a refusal or an error.
    fn evaluate(&mut self, case: &Case) -> Outcome;
}

/// How much of a value an engine gives; the later the more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Values {
    /// Its JSON projection.
    Json,
    /// All of it: sets are not arrays, and keys keep their type.
    Exact,
}

/// How much an engine says of an error; the later the more. A value against an error is always a disagreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errors {
    /// That there is one.
    Any,
    /// Its kind.
    Kind,
    /// Its kind and text.
    Text,
}

/// What an engine can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// How values are compared.
    pub values: Values,
    /// How errors are compared.
    pub errors: Errors,
}

impl Mode {
    /// What two engines can both be held to.
    #[must_use]
    pub fn both(self, other: Self) -> Self {
        Self {
            values: self.values.min(other.values),
            errors: self.errors.min(other.errors),
        }
    }
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
        (Outcome::Error(a, text), Outcome::Error(b, other)) => match mode.errors {
            Errors::Any => true,
            Errors::Kind => a == b,
            Errors::Text => a == b && text == other,
        },
        _ => false,
    };
    if same {
        Agreement::Same
    } else {
        Agreement::Different
    }
}

/// What an engine answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The engine's name.
    pub engine: &'static str,
    /// What it can be held to.
    pub mode: Mode,
    /// What it answered.
    pub outcome: Outcome,
}

impl Answer {
    /// What the two answers are to each other.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Agreement {
        compare(&self.outcome, &other.outcome, self.mode.both(other.mode))
    }
}

/// Every two of the answers.
pub fn pairs(answers: &[Answer]) -> impl Iterator<Item = (&Answer, &Answer)> {
    let later = |n: usize| answers.iter().skip(n.saturating_add(1));
    answers
        .iter()
        .enumerate()
        .flat_map(move |(n, a)| later(n).map(move |b| (a, b)))
}

/// Engines that disagree on a case.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// The case.
    pub case: Case,
    /// Each engine's answer.
    pub answers: Vec<Answer>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "engines disagree\n{}", self.case)?;
        for answer in &self.answers {
            writeln!(f, "{}: {:?}", answer.engine, answer.outcome)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mismatch {}

/// Runs a case on all engines and compares each with each.
///
/// # Errors
/// When two engines that did not refuse disagree.
pub fn differential(engines: &mut [Box<dyn Engine>], case: &Case) -> Result<Vec<Answer>, Box<Mismatch>> {
    let answers: Vec<Answer> = engines
        .iter_mut()
        .map(|engine| Answer {
            engine: engine.name(),
            mode: engine.mode(),
            outcome: engine.evaluate(case),
        })
        .collect();
    if pairs(&answers).any(|(a, b)| a.compare(b) == Agreement::Different) {
        return Err(Box::new(Mismatch {
            case: case.clone(),
            answers,
        }));
    }
    Ok(answers)
}

#[cfg(test)]
mod tests;
