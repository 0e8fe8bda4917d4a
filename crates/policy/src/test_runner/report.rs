//! Test reports: text like `opa test`, OPA's JSON, and JUnit XML.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCaseStatus, TestSuite};
use stele_types::Value;

use super::coverage::object;
use super::{Outcome, TestCase, TestReport, TestResult};

const RULE: &str = "--------------------------------------------------------------------------------";

impl TestReport {
    /// Text as `opa test` prints it: failures, errors and skipped tests, and with `verbose` also the passed ones; then the totals.
    #[must_use]
    pub fn to_text(&self, verbose: bool) -> String {
        let mut out = String::new();
        for problem in &self.problems {
            out.push_str(&problem.rendered);
            out.push_str("\n\n");
        }
        let mut file = "";
        for result in &self.results {
            if matches!(result.outcome, Outcome::Pass) && !verbose {
                continue;
            }
            if result.place.file != file {
                file = &result.place.file;
                out.push_str(&format!("{file}:\n"));
            }
            out.push_str(&result.to_text());
        }
        if !out.is_empty() {
            out.push_str(RULE);
            out.push('\n');
        }
        out.push_str(&self.totals());
        out
    }

    fn totals(&self) -> String {
        let count = |wanted: fn(&Outcome) -> bool| self.results.iter().filter(|r| wanted(&r.outcome)).count();
        let skipped = count(|outcome| matches!(outcome, Outcome::Skipped));
        let run = self.results.len().saturating_sub(skipped);
        let mut out = format!(
            "PASS: {}/{run}\n",
            count(|outcome| matches!(outcome, Outcome::Pass))
        );
        for (word, number) in [
            ("FAIL", count(|outcome| matches!(outcome, Outcome::Fail { .. }))),
            ("ERROR", count(|outcome| matches!(outcome, Outcome::Error(_)))),
        ] {
            if number > 0 {
                out.push_str(&format!("{word}: {number}/{run}\n"));
            }
        }
        if skipped > 0 {
            out.push_str(&format!("SKIPPED: {skipped}\n"));
        }
        if !self.problems.is_empty() {
            out.push_str(&format!("PROBLEMS: {}\n", self.problems.len()));
        }
        out
    }

    /// The array that `opa test --format json` prints (durations in nanoseconds), with each failed test's line under `failed_at`. Problems of loading
    /// stand at the end, as entries with an `error` and neither package nor name.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let problems = self.problems.iter().map(|problem| {
            let location = location(&problem.file, problem.line, problem.column);
            let error = object([
                ("code", Value::from(problem.code.as_str())),
                ("message", Value::from(problem.message.as_str())),
            ]);
            object([("error", error), ("location", location)])
        });
        Value::array(self.results.iter().map(TestResult::to_json).chain(problems))
    }

    /// JUnit XML: a suite per package, a case per test.
    ///
    /// # Errors
    ///
    /// The message of the XML writer; there is no known cause.
    pub fn to_junit(&self) -> Result<String, String> {
        let mut report = Report::new("stele policy test");
        let mut packages: Vec<&str> = self
            .results
            .iter()
            .map(|result| result.package.as_str())
            .collect();
        packages.sort_unstable();
        packages.dedup();
        for package in packages {
            let mut suite = TestSuite::new(package);
            for result in self.results.iter().filter(|result| result.package == package) {
                suite.add_test_case(result.to_junit());
            }
            report.add_test_suite(suite);
        }
        if !self.problems.is_empty() {
            let mut suite = TestSuite::new("loading");
            for problem in &self.problems {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status
                    .set_message(problem.message.as_str())
                    .set_description(problem.rendered.as_str());
                suite.add_test_case(quick_junit::TestCase::new(problem.file.as_str(), status));
            }
            report.add_test_suite(suite);
        }
        report.to_string().map_err(|error| error.to_string())
    }
}

impl TestResult {
    fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Pass => "PASS",
            Outcome::Fail { .. } => "FAIL",
            Outcome::Error(_) => "ERROR",
            Outcome::Skipped => "SKIPPED",
        }
    }

    fn to_text(&self) -> String {
        let mut out = format!("{}.{}: {}", self.package, self.name, self.word());
        if !matches!(self.outcome, Outcome::Skipped) {
            out.push_str(&format!(" ({})", duration(self.duration)));
        }
        out.push('\n');
        case_lines(&self.cases, 1, &mut out);
        if let Some(detail) = self.detail() {
            out.push_str(&format!("  {detail}\n"));
        }
        if let Outcome::Fail { at: Some(line) } = &self.outcome {
            for (name, value) in &line.values {
                let value = value
                    .as_ref()
                    .map_or_else(|| "undefined".to_owned(), stele_rego::trace::show);
                out.push_str(&format!("    {name}: {value}\n"));
            }
        }
        for line in &self.trace {
            out.push_str(&format!("  {line}\n"));
        }
        if !self.output.is_empty() {
            out.push('\n');
            for line in &self.output {
                out.push_str(&format!("  {line}\n"));
            }
            out.push('\n');
        }
        out
    }

    /// The failed line, or the error.
    fn detail(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Fail { at: Some(line) } => Some(format!("{}: {}", line.place, line.text)),
            Outcome::Error(error) => Some(error.to_string()),
            _ => None,
        }
    }

    fn to_json(&self) -> Value {
        let nanoseconds = i64::try_from(self.duration.as_nanos()).unwrap_or(i64::MAX);
        let mut entries = vec![
            (
                "location",
                location(&self.place.file, self.place.line, self.place.column),
            ),
            ("package", Value::from(self.package.as_str())),
            ("name", Value::from(self.name.as_str())),
            ("duration", Value::from(nanoseconds)),
        ];
        match &self.outcome {
            Outcome::Pass => {}
            Outcome::Skipped => entries.push(("skip", Value::Bool(true))),
            Outcome::Fail { at } => {
                entries.push(("fail", Value::Bool(true)));
                if let Some(line) = at {
                    let place = location(&line.place.file, line.place.line, line.place.column);
                    let known = line.values.iter().filter_map(|(name, value)| {
                        Some((Value::from(name.as_str()), value.as_ref()?.to_json_projection()))
                    });
                    entries.push((
                        "failed_at",
                        object([
                            ("location", place),
                            ("text", Value::from(line.text.as_str())),
                            ("values", Value::object(known)),
                        ]),
                    ));
                }
            }
            Outcome::Error(error) => {
                let message = Value::from(error.to_string().as_str());
                entries.push((
                    "error",
                    object([("code", Value::from("eval_error")), ("message", message)]),
                ));
            }
        }
        if !self.cases.is_empty() {
            entries.push(("sub_results", cases(&self.cases)));
        }
        if !self.trace.is_empty() {
            let lines = self.trace.iter().map(|line| Value::from(line.as_str()));
            entries.push(("trace", Value::array(lines)));
        }
        if !self.output.is_empty() {
            // OPA's field is a Go byte slice, which JSON shows in base64; text serves people better.
            entries.push(("output", Value::from(self.output.join("\n").as_str())));
        }
        Value::object(entries.into_iter().map(|(key, value)| (Value::from(key), value)))
    }

    fn to_junit(&self) -> quick_junit::TestCase {
        let mut status = match &self.outcome {
            Outcome::Pass => TestCaseStatus::success(),
            Outcome::Skipped => TestCaseStatus::skipped(),
            Outcome::Fail { .. } => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Outcome::Error(_) => TestCaseStatus::non_success(NonSuccessKind::Error),
        };
        if let Some(detail) = self.detail() {
            status.set_message(detail);
        }
        let mut case = quick_junit::TestCase::new(self.name.as_str(), status);
        case.set_classname(self.package.as_str());
        case.set_time(self.duration);
        if !self.output.is_empty() {
            case.set_system_out(self.output.join("\n"));
        }
        case
    }
}

/// Each case on a line of its own, indented by its depth.
fn case_lines(cases: &[TestCase], depth: usize, out: &mut String) {
    for case in cases {
        let word = if case.passed { "PASS" } else { "FAIL" };
        out.push_str(&format!("{}{}: {word}\n", "  ".repeat(depth), case.name));
        case_lines(&case.cases, depth.saturating_add(1), out);
    }
}

/// Cases by their names, as OPA has them: `fail` where one failed, `sub_results` where others are below it.
fn cases(all: &[TestCase]) -> Value {
    Value::object(all.iter().map(|case| {
        let mut entries = vec![("name", Value::from(case.name.as_str()))];
        if !case.passed {
            entries.push(("fail", Value::Bool(true)));
        }
        if !case.cases.is_empty() {
            entries.push(("sub_results", cases(&case.cases)));
        }
        let entries = entries.into_iter().map(|(key, value)| (Value::from(key), value));
        (Value::from(case.name.as_str()), Value::object(entries))
    }))
}

fn location(file: &str, row: u32, col: u32) -> Value {
    object([
        ("file", Value::from(file)),
        ("row", Value::from(i64::from(row))),
        ("col", Value::from(i64::from(col))),
    ])
}

/// As Go prints durations: `1.234ms`.
fn duration(duration: Duration) -> String {
    format!("{duration:?}")
}
