//! Line coverage of modules by their tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stele_rego::ast::{Body, LiteralKind, Rule};
use stele_rego::syntax::visit::{self, Visitor};
use stele_types::Value;

use crate::load::PolicyModule;

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
    /// The coverage of modules, from the lines that were evaluated (see [`stele_rego::trace::Hits`]).
    #[must_use]
    pub fn new<'a>(
        modules: impl IntoIterator<Item = &'a PolicyModule>,
        evaluated: &BTreeMap<Arc<str>, BTreeSet<u32>>,
    ) -> Self {
        let none = BTreeSet::new();
        let files = modules.into_iter().map(|module| {
            let evaluated = evaluated.get(module.ast.source.name()).unwrap_or(&none);
            let (covered, not_covered) = lines(module)
                .into_iter()
                .partition(|line| evaluated.contains(line));
            let file = FileCoverage { covered, not_covered };
            (module.path.clone(), file)
        });
        Self {
            files: files.collect(),
        }
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

/// The lines that can be evaluated, as OPA counts them: those of statements, and of the heads of rules and of `else` branches.
fn lines(module: &PolicyModule) -> BTreeSet<u32> {
    struct Lines<'a>(&'a PolicyModule, BTreeSet<u32>);
    impl Visitor for Lines<'_> {
        fn rule(&mut self, rule: &Rule) {
            let heads = rule.elses.iter().map(|branch| branch.span);
            for span in heads.chain([rule.head.span]) {
                self.1.insert(self.0.place(span).line);
            }
            visit::walk_rule(self, rule);
        }
        fn body(&mut self, body: &Body) {
            let statements = body.literals.iter();
            // `some x` alone declares, and there is nothing to evaluate.
            let statements = statements.filter(|literal| !matches!(literal.kind, LiteralKind::Some(_)));
            self.1
                .extend(statements.map(|literal| self.0.place(literal.span).line));
            visit::walk_body(self, body);
        }
    }
    let mut out = Lines(module, BTreeSet::new());
    visit::walk_module(&mut out, &module.ast);
    out.1
}
