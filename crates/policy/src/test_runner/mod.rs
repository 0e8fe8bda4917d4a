//! Running `test_` rules, as `opa test` does.
//!
//! A test is a rule whose name starts with `test_`; it passes when it is `true`, one with cases (`test_x[case]`) when every case that its
//! body meets is. `todo_test_` rules are reported as skipped. Tests run in order of
//! file and line. A test may mock input, data and functions by `with`; the impure builtins are errors unless mocked, as in decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stele_rego::Schemas;
use stele_rego::ast::Rule;
use stele_rego::eval::At;
use stele_rego::trace::{Event, Hits, Map, Mode, Node, Op, Recorder, Trace};
use stele_rego::vm::Probe;
use stele_types::Value;

use crate::engine::{DataPath, EngineError, EvalContext, EvalRequest, Limits, Place, WatchedEngine};
use crate::load::{PolicyModule, PolicySet};
use crate::policy;
use crate::problem::Problem;

mod cases;
mod coverage;
mod report;
#[cfg(test)]
mod tests;

use cases::Cases;
pub use cases::TestCase;
pub use coverage::{Coverage, FileCoverage};

/// How many events of a test are kept.
const MAX_EVENTS: usize = 100_000;

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
    /// Which events of each test are kept.
    pub explain: Mode,
    /// What types are checked against.
    pub schemas: Arc<Schemas>,
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
            explain: Mode::Off,
            schemas: Arc::default(),
        }
    }
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The rule is `true`.
    Pass,
    /// The rule is something else, or undefined, or one of its cases is.
    Fail {
        /// The statement at which it failed, when it can be told: the last one of the rule's body that did not hold.
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
    /// The first line of its text.
    pub text: String,
    /// The variables and references in it, and what they led to; `None` is undefined.
    pub values: Vec<(String, Option<Value>)>,
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
    /// What it printed, one entry a line, `file:line: text`.
    pub output: Vec<String>,
    /// What happened, if [`TestOptions::explain`] asks for it.
    pub trace: Vec<String>,
    /// Its cases (`test_x[case]`), by their keys, as far as they were met.
    pub cases: Vec<TestCase>,
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
/// [`EngineError`] when the data is too large; everything else is a result.
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
    let (engine, map, refused) = compile(set, (options.coverage, &options.schemas), &mut report)?;
    let mut runner = Runner {
        set,
        engine,
        hits: Hits::new(&map),
        refused: &refused,
        options,
        tracer: None,
    };
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
    report.coverage = options.coverage.then(|| {
        Coverage::new(
            set.modules().iter().filter(|module| !module.is_test()),
            &runner.hits.lines(),
        )
    });
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
    set: &'a PolicySet,
    /// What decides, and so says how a test ends.
    engine: WatchedEngine,
    hits: Hits<'a>,
    /// Files that can't be compiled.
    refused: &'a BTreeMap<String, EngineError>,
    options: &'a TestOptions,
    /// The same program traced, for failed tests; built when the first test fails.
    tracer: Option<(WatchedEngine, Map)>,
}

/// Compiles all modules, leaving out each that is refused, so that the others' tests still run.
fn compile(
    set: &PolicySet,
    kind: (bool, &Arc<Schemas>),
    report: &mut TestReport,
) -> Result<(WatchedEngine, Map, BTreeMap<String, EngineError>), EngineError> {
    let mut refused = BTreeMap::new();
    loop {
        match set.watch_tests(&refused, kind) {
            Ok((engine, map)) => return Ok((engine, map, refused)),
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
    }
}

impl Runner<'_> {
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
            trace: Vec::new(),
            cases: Vec::new(),
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
        let mut prints: Vec<(At, String)> = Vec::new();
        let mut probes: Vec<&mut dyn Probe> = vec![&mut prints, &mut self.hits];
        let started = clock();
        let outcome = self.engine.evaluate(&request, &mut probes);
        result.duration = clock().saturating_sub(started);
        let line = |(at, line): (At, String)| format!("{}:{}: {line}", at.file, at.row);
        result.output = prints.into_iter().map(line).collect();
        result.outcome = match outcome {
            Ok(value) => {
                let Cases { found, failed } = self.cases(test, value.as_ref())?;
                result.cases = found;
                match failed {
                    None if holds(value.as_ref()) => Outcome::Pass,
                    Some(line) if holds(value.as_ref()) => Outcome::Fail { at: Some(line) },
                    _ => Outcome::Fail {
                        at: self.failed_line(test)?,
                    },
                }
            }
            Err(error) => Outcome::Error(error),
        };
        if self.options.explain != Mode::Off {
            result.trace = self.explain(test)?;
        }
        Ok(result)
    }

    /// What happens when a test runs once more, traced.
    fn trace(&mut self, test: &Test<'_>) -> Result<(Trace, &Map), EngineError> {
        let tracer = match self.tracer.take() {
            Some(tracer) => tracer,
            None => self
                .set
                .watch_tests(self.refused, (true, &self.options.schemas))?,
        };
        let (engine, map) = self.tracer.insert(tracer);
        let mut recorder = Recorder::new(map, MAX_EVENTS);
        // An error ends the trace where it happens.
        let _ = engine.evaluate(&Self::request(self.options, &test.path), &mut recorder);
        Ok((recorder.finish(), map))
    }

    /// The statement at which a test failed: of the bodies of the test itself, the last that did not hold.
    fn failed_line(&mut self, test: &Test<'_>) -> Result<Option<FailedLine>, EngineError> {
        let (trace, map) = self.trace(test)?;
        if trace.dropped > 0 {
            // The last failure may be among what was not kept.
            return Ok(None);
        }
        let full = test.path.to_string();
        let mut own: BTreeSet<u64> = BTreeSet::new();
        let mut failed = None;
        for event in &trace.events {
            let is_own = map.rule(event.node).is_some_and(|rule| *rule.path == *full);
            if event.op == Op::Enter && is_own {
                own.insert(event.query_id);
            }
            if event.op == Op::Fail && own.contains(&event.query_id) {
                failed = Some(event);
            }
        }
        Ok(failed.and_then(|event| FailedLine::new(map, event)))
    }

    fn explain(&mut self, test: &Test<'_>) -> Result<Vec<String>, EngineError> {
        let mode = self.options.explain;
        let (trace, map) = self.trace(test)?;
        Ok(map.pretty(&mode.filter(trace.events)))
    }
}

impl FailedLine {
    fn new(map: &Map, event: &Event) -> Option<Self> {
        let Node::Expression(expression) = event.node else {
            return None;
        };
        let (text, at) = map.statement(expression)?;
        let locals = map
            .locals(event)
            .into_iter()
            .map(|(name, value)| (name, Some(value.clone())));
        // The same reference may be in several expressions of the body.
        let mut values: Vec<(String, Option<Value>)> = Vec::new();
        for (name, value) in locals.chain(map.references(event)) {
            let mentioned = text.contains(&name);
            if mentioned && !values.iter().any(|(other, _)| *other == name) {
                values.push((name, value));
            }
        }
        Some(Self {
            place: Place {
                file: at.file.to_string(),
                line: at.row,
                column: at.col,
            },
            text: text.lines().next().unwrap_or_default().to_owned(),
            values,
        })
    }
}

/// A test holds when it is `true`; a test with cases (`test_x[case]`) when it has cases and all of them are `true`.
fn holds(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::Object(cases)) => !cases.is_empty() && cases.values().all(|case| holds(Some(case))),
        _ => false,
    }
}
