//! Running `test_` rules, as `opa test` does.
//!
//! A test is a rule whose name starts with `test_`; it passes when it is `true`. `todo_test_` rules are reported as skipped. Tests run in order of
//! file and line. A test may mock input, data and functions by `with`; the impure builtins are errors unless mocked, as in decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stele_rego::ast::{Body, Rule};
use stele_types::Value;

use crate::engine::{
    DataPath, Engine, EngineError, EvalContext, EvalRequest, Limits, Place, PreparedPolicy, RegorusEngine,
    VmEngine,
};
use crate::load::{PolicyModule, PolicySet};
use crate::policy;
use crate::problem::Problem;

mod coverage;
mod report;
#[cfg(test)]
mod tests;

pub use coverage::{Coverage, FileCoverage};

/// How to run tests.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// Runs only tests whose full name (`data.a.b_test.test_x`) matches.
    pub filter: Option<regex::Regex>,
    /// Bounds of each test.
    pub limits: Limits,
    /// Collects line coverage.
    pub coverage: bool,
    /// The time that `time.now_ns()` answers; the epoch without one.
    pub now_ns: Option<i64>,
}

impl Default for TestOptions {
    /// All tests, five seconds each, without coverage and without a time.
    fn default() -> Self {
        let limits = Limits {
            time: Some(Duration::from_secs(5)),
            ..Limits::unbounded()
        };
        Self {
            filter: None,
            limits,
            coverage: false,
            now_ns: None,
        }
    }
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The rule is `true`.
    Pass,
    /// The rule is something else, or undefined.
    Fail {
        /// The statement at which it failed, when it can be told: the last one of the rule's body that was evaluated.
        at: Option<FailedLine>,
    },
    /// The rule could not be evaluated.
    Error(EngineError),
    /// A `todo_test_` rule.
    Skipped,
}

/// The line at which a test failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLine {
    /// Where the statement starts.
    pub place: Place,
    /// The line's text.
    pub text: String,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// The package, `data.a.b_test`.
    pub package: String,
    /// The rule, `test_x`.
    pub name: String,
    /// Where the rule's head stands.
    pub place: Place,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, by the clock that was passed in.
    pub duration: Duration,
    /// What it printed, one entry a call, `file:line: text`.
    pub output: Vec<String>,
}

/// All tests of a set.
#[derive(Debug, Clone, Default)]
pub struct TestReport {
    /// The tests, by file and line.
    pub results: Vec<TestResult>,
    /// Files that could not be used, and why; their tests did not run.
    pub problems: Vec<Problem>,
    /// Line coverage of the modules that are no tests, if it was asked for.
    pub coverage: Option<Coverage>,
}

impl TestReport {
    /// Whether every test passed or was skipped, and every file could be used.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
            && self
                .results
                .iter()
                .all(|result| matches!(result.outcome, Outcome::Pass | Outcome::Skipped))
    }
}

/// Runs the tests of `set`. `problems` are those of loading (see [`crate::load::load_path_lenient`]) and go into the report. `clock` is a monotonic
/// clock; only differences of its readings are used.
///
/// # Errors
///
/// [`EngineError`] when the data can't be given to the interpreter; everything else is a result.
pub fn run(
    set: &PolicySet,
    problems: Vec<Problem>,
    options: &TestOptions,
    clock: &dyn Fn() -> Duration,
) -> Result<TestReport, EngineError> {
    let mut report = TestReport {
        problems,
        ..TestReport::default()
    };
    let mut runner = Runner::new(set, options, &mut report)?;
    for test in tests(set) {
        let full = format!("{}.{}", test.package, test.name);
        if options
            .filter
            .as_ref()
            .is_none_or(|filter| filter.is_match(&full))
        {
            report.results.push(runner.run(&test, clock)?);
        }
    }
    report.coverage = options
        .coverage
        .then(|| Coverage::collect(runner.engine.inner(), set));
    Ok(report)
}

/// A test rule: all definitions of one name in one package.
struct Test<'a> {
    package: String,
    name: String,
    path: DataPath,
    definitions: Vec<(&'a PolicyModule, &'a Rule)>,
}

fn tests(set: &PolicySet) -> Vec<Test<'_>> {
    let mut order = Vec::new();
    let mut by_path: BTreeMap<DataPath, Vec<(&PolicyModule, &Rule)>> = BTreeMap::new();
    for module in set.modules() {
        for rule in module
            .ast
            .rules
            .iter()
            .filter(|rule| rule.head.args.is_none() && !rule.default)
        {
            let name = policy::rule_name(rule);
            if policy::is_test_name(&name) {
                let segments = module
                    .package
                    .iter()
                    .cloned()
                    .chain(name.split('.').map(str::to_owned));
                let path = DataPath::new(segments);
                let definitions = by_path.entry(path.clone()).or_default();
                if definitions.is_empty() {
                    order.push((
                        DataPath::new(module.package.iter().cloned()).to_string(),
                        name,
                        path,
                    ));
                }
                definitions.push((module, rule));
            }
        }
    }
    order
        .into_iter()
        .map(|(package, name, path)| {
            let definitions = by_path.remove(&path).unwrap_or_default();
            Test {
                package,
                name,
                path,
                definitions,
            }
        })
        .collect()
}

/// The file that an engine refuses.
fn file_of(error: &EngineError) -> Option<String> {
    match error {
        EngineError::Refused {
            place: Some(place), ..
        } => Some(place.file.clone()),
        _ => None,
    }
}

struct Runner<'a> {
    /// What decides, and so says how a test ends.
    machine: VmEngine,
    /// For what `print` writes, and for coverage.
    engine: RegorusEngine,
    prepared: PreparedPolicy,
    /// Files that can't be compiled.
    refused: BTreeMap<String, EngineError>,
    options: &'a TestOptions,
    /// A second engine that traces failed tests; built when the first test fails.
    tracer: Option<RegorusEngine>,
}

impl<'a> Runner<'a> {
    /// Builds the engines, leaving out each module that is refused, so that the others' tests still run.
    fn new(set: &PolicySet, options: &'a TestOptions, report: &mut TestReport) -> Result<Self, EngineError> {
        let mut refused = BTreeMap::new();
        let machine = loop {
            match set.compile_with_tests(&refused) {
                Ok(compiled) => break VmEngine::new(&compiled),
                Err(error) => {
                    let file = file_of(&error).filter(|file| !refused.contains_key(file));
                    let Some(file) = file else {
                        return Err(error);
                    };
                    let problem = Problem::of_file("engine", &file, error.to_string());
                    report.problems.push(problem);
                    refused.insert(file, error);
                }
            }
        };
        let mut prepared = set.prepare_with_tests()?;
        for file in refused.keys() {
            prepared = prepared.without(file);
        }
        let mut uncounted = BTreeSet::new();
        let engine = loop {
            match RegorusEngine::new(&prepared) {
                Ok(engine) => break engine,
                // What the interpreter can't run still has its outcome; only its lines can't be counted.
                Err(error) => {
                    let Some(file) = file_of(&error).filter(|file| uncounted.insert(file.clone())) else {
                        return Err(error);
                    };
                    if options.coverage {
                        let message = format!("its lines can't be counted: {error}");
                        report.problems.push(Problem::of_file("coverage", &file, message));
                    }
                    prepared = prepared.without(&file);
                }
            }
        };
        let mut runner = Self {
            machine,
            engine,
            prepared,
            refused,
            options,
            tracer: None,
        };
        runner.engine.inner().set_enable_coverage(options.coverage);
        Ok(runner)
    }

    fn request<'b>(options: &TestOptions, path: &'b DataPath) -> EvalRequest<'b> {
        EvalRequest {
            context: EvalContext {
                now_ns: Some(options.now_ns.unwrap_or_default()),
                nd: None,
            },
            limits: options.limits,
            ..EvalRequest::new(path, None)
        }
    }

    fn run(&mut self, test: &Test<'_>, clock: &dyn Fn() -> Duration) -> Result<TestResult, EngineError> {
        let place = test
            .definitions
            .first()
            .map(|(module, rule)| module.place(rule.head.span));
        let place = place.unwrap_or(Place {
            file: String::new(),
            line: 0,
            column: 0,
        });
        let mut result = TestResult {
            package: test.package.clone(),
            name: test.name.clone(),
            outcome: Outcome::Skipped,
            duration: Duration::ZERO,
            output: Vec::new(),
            place,
        };
        if test.name.starts_with("todo_test_") {
            return Ok(result);
        }
        if let Some(error) = self.refused.get(&result.place.file) {
            result.outcome = Outcome::Error(error.clone());
            return Ok(result);
        }
        let request = Self::request(self.options, &test.path);
        if let Ok(beside) = self.engine.evaluate(&request) {
            result.output = beside.prints;
        }
        let started = clock();
        let outcome = self.machine.evaluate(&request);
        result.duration = clock().saturating_sub(started);
        result.outcome = match outcome {
            Ok(outcome) => {
                if holds(outcome.value.as_ref()) {
                    Outcome::Pass
                } else {
                    Outcome::Fail {
                        at: self.failed_line(test),
                    }
                }
            }
            Err(error) => Outcome::Error(error),
        };
        Ok(result)
    }

    /// Runs a failed test once more with coverage of its own and takes the last statement that was reached.
    fn failed_line(&mut self, test: &Test<'_>) -> Option<FailedLine> {
        if self.tracer.is_none() {
            self.tracer = RegorusEngine::new(&self.prepared).ok();
        }
        let tracer = self.tracer.as_mut()?;
        tracer.inner().set_enable_coverage(true);
        tracer.inner().clear_coverage_data();
        tracer.evaluate(&Self::request(self.options, &test.path)).ok()?;
        let coverage = tracer.inner().get_coverage_report().ok()?;
        let reached = |module: &PolicyModule, line: u32| {
            coverage
                .files
                .iter()
                .any(|file| file.path == module.path && file.covered.contains(&line))
        };
        let mut found = None;
        for (module, rule) in &test.definitions {
            for body in bodies(rule) {
                let mut lines = body.literals.iter().map(|literal| module.place(literal.span));
                found = lines
                    .rfind(|place| reached(module, place.line))
                    .map(|place| FailedLine {
                        text: module.ast.source.line_text(place.line).trim().to_owned(),
                        place,
                    })
                    .or(found);
            }
        }
        found
    }
}

fn bodies(rule: &Rule) -> impl Iterator<Item = &Body> {
    rule.body
        .iter()
        .chain(rule.elses.iter().filter_map(|branch| branch.body.as_ref()))
}

/// A test holds when it is `true`; a test with cases (`test_x[case]`) when it has cases and all of them are `true`.
fn holds(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::Object(cases)) => !cases.is_empty() && cases.values().all(|case| holds(Some(case))),
        _ => false,
    }
}
