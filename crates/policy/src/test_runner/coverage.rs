//! Line coverage of modules by their tests.

use std::collections::{BTreeMap, BTreeSet};

use stele_types::Value;

use crate::load::PolicySet;

/// Which lines of a file were evaluated; lines that hold nothing to evaluate are in neither set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCoverage {
    /// Lines (from 1) that were evaluated.
    pub covered: BTreeSet<u32>,
    /// Lines that were not.
    pub not_covered: BTreeSet<u32>,
}

/// Coverage of all modules that are no tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By file.
    pub files: BTreeMap<String, FileCoverage>,
}

impl Coverage {
    pub(super) fn collect(engine: &mut regorus::Engine, set: &PolicySet) -> Self {
        let mut files: BTreeMap<String, FileCoverage> = set
            .modules()
            .iter()
            .filter(|module| !module.is_test())
            .map(|module| (module.path.clone(), FileCoverage::default()))
            .collect();
        // regorus says nothing about a file of which nothing was evaluated; what it would hold comes from the tree.
        let report = engine.get_coverage_report().unwrap_or_default();
        for module in set.modules() {
            let Some(file) = files.get_mut(&module.path) else {
                continue;
            };
            match report.files.iter().find(|found| found.path == module.path) {
                Some(found) => {
                    file.covered.clone_from(&found.covered);
                    file.not_covered.clone_from(&found.not_covered);
                }
                None => file.not_covered = lines(module),
            }
        }
        Self { files }
    }

    /// Lines evaluated, and lines that could have been.
    #[must_use]
    pub fn lines(&self) -> (usize, usize) {
        let covered = self
            .files
            .values()
            .map(|file| file.covered.len())
            .fold(0, usize::saturating_add);
        let missed = self
            .files
            .values()
            .map(|file| file.not_covered.len())
            .fold(0, usize::saturating_add);
        (covered, covered.saturating_add(missed))
    }

    /// Percent of lines evaluated, 100 when there is none.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let (covered, all) = self.lines();
        percent(covered, all)
    }

    /// Whether at least `threshold` percent of the lines were evaluated.
    #[must_use]
    pub fn reaches(&self, threshold: f64) -> bool {
        self.percent() >= threshold
    }

    /// A table: percent, file and the lines that were missed.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (name, file) in &self.files {
            out.push_str(&format!("{:6.1} %  {name}", file.percent()));
            if !file.not_covered.is_empty() {
                let missed: Vec<String> = ranges(&file.not_covered)
                    .into_iter()
                    .map(|(first, last)| {
                        if first == last {
                            first.to_string()
                        } else {
                            format!("{first}-{last}")
                        }
                    })
                    .collect();
                out.push_str(&format!("  missed: {}", missed.join(", ")));
            }
            out.push('\n');
        }
        let (covered, all) = self.lines();
        out.push_str(&format!(
            "{:6.1} %  total ({covered} of {all} lines)\n",
            self.percent()
        ));
        out
    }

    /// The document that `opa test --coverage --format json` prints.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (covered, all) = self.lines();
        let files = self
            .files
            .iter()
            .map(|(name, file)| (Value::from(name.as_str()), file.to_json()));
        object([
            ("files", Value::object(files)),
            ("covered_lines", count(covered)),
            ("not_covered_lines", count(all.saturating_sub(covered))),
            ("coverage", number(self.percent())),
        ])
    }
}

impl FileCoverage {
    /// Percent of the file's lines evaluated, 100 when there is none.
    #[must_use]
    pub fn percent(&self) -> f64 {
        percent(
            self.covered.len(),
            self.covered.len().saturating_add(self.not_covered.len()),
        )
    }

    fn to_json(&self) -> Value {
        let list = |lines: &BTreeSet<u32>| {
            Value::array(ranges(lines).into_iter().map(|(first, last)| {
                let row = |line: u32| object([("row", Value::from(i64::from(line)))]);
                object([("start", row(first)), ("end", row(last))])
            }))
        };
        object([
            ("covered", list(&self.covered)),
            ("not_covered", list(&self.not_covered)),
            ("coverage", number(self.percent())),
        ])
    }
}

pub(super) fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::object(entries.map(|(key, value)| (Value::from(key), value)))
}

pub(super) fn count(number: usize) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

/// To two digits, as OPA does.
fn number(percent: f64) -> Value {
    let rounded = format!("{percent:.2}");
    stele_types::Number::parse(&rounded).map_or(Value::Null, Value::Number)
}

#[expect(clippy::cast_precision_loss, reason = "line counts are far below 2^52")]
fn percent(part: usize, all: usize) -> f64 {
    if all == 0 {
        100.0
    } else {
        100.0 * part as f64 / all as f64
    }
}

/// Consecutive lines as first and last.
fn ranges(lines: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let mut out: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match out.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*line) => *last = *line,
            _ => out.push((*line, *line)),
        }
    }
    out
}

/// The lines of a module's statements and of its rules without a body.
fn lines(module: &crate::load::PolicyModule) -> BTreeSet<u32> {
    use stele_rego::ast::{Body, Rule};
    use stele_rego::syntax::visit::{self, Visitor};
    struct Lines<'a>(&'a crate::load::PolicyModule, BTreeSet<u32>);
    impl Visitor for Lines<'_> {
        fn rule(&mut self, rule: &Rule) {
            if rule.body.is_none() {
                self.1.insert(self.0.place(rule.span).line);
            }
            visit::walk_rule(self, rule);
        }
        fn body(&mut self, body: &Body) {
            self.1.extend(
                body.literals
                    .iter()
                    .map(|literal| self.0.place(literal.span).line),
            );
            visit::walk_body(self, body);
        }
    }
    let mut out = Lines(module, BTreeSet::new());
    visit::walk_module(&mut out, &module.ast);
    out.1
}
