//! Lint: what is legal Rego but probably not meant, or not ready for production.
//!
//! [`RULES`] lists the rules; `docs/policy-authoring.md` explains each. Findings come in a stable order, by file, line, column and rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use stele_rego::{Schemas, Span};
use stele_types::Value;

use crate::check::check;
use crate::load::{PolicyModule, PolicySet};
use crate::problem::Problem;

mod conditions;
mod definitions;
mod facts;
pub(crate) mod fold;
mod graph;
mod locals;
mod metadata;
mod names;
mod references;
#[cfg(test)]
mod tests;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Probably a mistake.
    Warning,
    /// The policy does not work, or not as a decision must.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One rule of the linter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LintRule {
    /// Stable id, in kebab case.
    pub id: &'static str,
    /// How much its findings matter.
    pub level: Level,
    /// What it finds, in one line.
    pub summary: &'static str,
}

const fn rule(id: &'static str, level: Level, summary: &'static str) -> LintRule {
    LintRule { id, level, summary }
}

/// Text that can't be loaded (any code of the front end but the one below).
pub const LOAD_ERROR: LintRule = rule(
    "load-error",
    Level::Error,
    "a file that can't be parsed or placed",
);
/// Modules that parse and do not compile.
pub const COMPILE_ERROR: LintRule = rule(
    "compile-error",
    Level::Error,
    "a name, variable, type or dependency that the compiler refuses",
);
/// Rego v0.
pub const V0_SYNTAX: LintRule = rule("v0-syntax", Level::Error, "syntax that Rego v1 dropped");
/// Imports that only v0 needs.
pub const V0_IMPORT: LintRule = rule(
    "v0-import",
    Level::Info,
    "`import rego.v1`, or an import of a keyword that v1 has anyway",
);
/// A rule that no entry point reaches.
pub const UNREACHABLE_RULE: LintRule = rule(
    "unreachable-rule",
    Level::Warning,
    "a rule or function that no entry point reaches",
);
/// Metadata that a policy or rule should have.
pub const MISSING_METADATA: LintRule = rule(
    "missing-metadata",
    Level::Warning,
    "a policy or finding without metadata that reports need",
);
/// A policy without tests.
pub const NO_TEST: LintRule = rule("no-test", Level::Warning, "a policy that no test refers to");
/// A builtin that contracts refuse: an error where a policy that reaches it must be challengeable.
pub const IMPURE_BUILTIN: LintRule = rule(
    "impure-builtin",
    Level::Warning,
    "a call of a builtin that contracts refuse",
);
/// A builtin whose result changes with the time.
pub const NONDETERMINISTIC_BUILTIN: LintRule = rule(
    "nondeterministic-builtin",
    Level::Info,
    "a call whose result depends on the time of the decision",
);
/// A condition that always holds.
pub const ALWAYS_TRUE: LintRule = rule("always-true", Level::Warning, "a condition that always holds");
/// A condition that never holds.
pub const ALWAYS_FALSE: LintRule = rule(
    "always-false",
    Level::Warning,
    "a condition that never holds, alone or with another one of its body",
);
/// Two definitions that can disagree.
pub const CONFLICTING_RULES: LintRule = rule(
    "conflicting-rules",
    Level::Warning,
    "two definitions with different values that can hold together",
);
/// A definition that decides nothing.
pub const SHADOWED_RULE: LintRule = rule(
    "shadowed-rule",
    Level::Warning,
    "a definition, default or `else` that another one makes superfluous",
);
/// Many definitions that are all evaluated.
pub const UNINDEXED_RULE: LintRule = rule(
    "unindexed-rule",
    Level::Info,
    "a rule of many definitions that no equality on the input tells apart",
);
/// An entry point without a default.
pub const UNDEFINED_ENTRY_POINT: LintRule = rule(
    "undefined-entry-point",
    Level::Warning,
    "an entry point that can be undefined",
);
/// A reference to nothing.
pub const UNDEFINED_REFERENCE: LintRule = rule(
    "undefined-reference",
    Level::Warning,
    "a reference into a package that defines no such thing",
);
/// A local that hides something.
pub const SHADOWED_NAME: LintRule = rule(
    "shadowed-name",
    Level::Warning,
    "a local that hides an import, a rule, a builtin, `input` or `data`",
);
/// An import that nothing uses.
pub const UNUSED_IMPORT: LintRule = rule("unused-import", Level::Warning, "an import that nothing uses");
/// A local that nothing uses.
pub const UNUSED_VARIABLE: LintRule = rule(
    "unused-variable",
    Level::Warning,
    "a local that is assigned and never used",
);
/// An id given twice.
pub const DUPLICATE_ID: LintRule = rule("duplicate-id", Level::Error, "a rule id that another rule has");
/// A test in a module that goes into the bundle.
pub const MISPLACED_TEST: LintRule = rule(
    "misplaced-test",
    Level::Warning,
    "a test in a module that is shipped",
);

/// All rules, by id.
pub const RULES: [LintRule; 21] = [
    ALWAYS_FALSE,
    ALWAYS_TRUE,
    COMPILE_ERROR,
    CONFLICTING_RULES,
    DUPLICATE_ID,
    IMPURE_BUILTIN,
    LOAD_ERROR,
    MISPLACED_TEST,
    MISSING_METADATA,
    NO_TEST,
    NONDETERMINISTIC_BUILTIN,
    SHADOWED_NAME,
    SHADOWED_RULE,
    UNDEFINED_ENTRY_POINT,
    UNDEFINED_REFERENCE,
    UNINDEXED_RULE,
    UNREACHABLE_RULE,
    UNUSED_IMPORT,
    UNUSED_VARIABLE,
    V0_IMPORT,
    V0_SYNTAX,
];

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// Line, from 1 (0: the whole file).
    pub line: u32,
    /// Column, from 1 (0: the whole file).
    pub column: u32,
    /// The rule's id.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Level,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub fix: String,
    /// What it is about, as bytes of the file; `None` where only line and column are known.
    #[serde(skip)]
    pub span: Option<Span>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            rule,
            severity,
            message,
            fix,
            span: _,
        } = self;
        write!(
            f,
            "{file}:{line}:{column}: {severity}[{rule}]: {message}\n  help: {fix}"
        )
    }
}

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct LintOptions {
    /// Ids of rules to leave out.
    pub disabled: BTreeSet<String>,
    /// What is known of the input and of base data.
    pub schemas: Arc<Schemas>,
}

/// Lints a set. `problems` are those of loading (see [`crate::load::load_path_lenient`]).
#[must_use]
pub fn lint(set: &PolicySet, problems: &[Problem], options: &LintOptions) -> Vec<Finding> {
    let mut sink = Sink { findings: Vec::new() };
    load_problems(problems, &mut sink);
    // A module that could not be loaded may define what seems to be missing.
    if problems.is_empty() {
        for problem in check(set, &options.schemas) {
            let fix = problem.help.unwrap_or_else(|| "correct the module".to_owned());
            let at = (problem.file, problem.line, problem.column);
            sink.put_at(COMPILE_ERROR, at, problem.message, fix);
        }
    }
    graph::unreachable_rules(set, &mut sink);
    graph::untested_policies(set, &mut sink);
    metadata::check(set, &mut sink);
    // A module that could not be loaded may define what seems to be missing.
    if problems.is_empty() {
        references::check(set, &mut sink);
    }
    let names = package_names(set);
    let demanded = names::demanded(set);
    definitions::check(set, &names, &mut sink);
    for module in set.modules() {
        if let Some(globals) = names.get(module.path.as_str()) {
            conditions::check(module, globals, &mut sink);
        }
        names::imports(module, &mut sink);
        names::builtins(module, &demanded, &mut sink);
        names::misplaced_tests(module, &mut sink);
        locals::check(module, set, &mut sink);
    }
    let mut findings = sink.findings;
    findings.retain(|finding| !options.disabled.contains(finding.rule));
    findings.sort();
    findings.dedup();
    findings
}

/// The names of each module, by its path.
fn package_names(set: &PolicySet) -> definitions::Names<'_> {
    let mut rules: BTreeMap<&[String], BTreeSet<&str>> = BTreeMap::new();
    for module in set.modules() {
        let names = module.ast.rules.iter().map(|rule| rule.head.name().as_ref());
        rules.entry(&module.package).or_default().extend(names);
    }
    set.modules()
        .iter()
        .map(|module| {
            let own = rules.get(module.package.as_slice()).into_iter().flatten();
            (module.path.as_str(), facts::globals(&module.ast, own.copied()))
        })
        .collect()
}

/// Findings as text, one after the other, and a line with their number.
#[must_use]
pub fn to_text(findings: &[Finding]) -> String {
    let mut out: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    let plural = if findings.len() == 1 { "" } else { "s" };
    out.push_str(&format!("{} finding{plural}\n", findings.len()));
    out
}

/// Findings as a JSON array.
#[must_use]
pub fn to_json(findings: &[Finding]) -> Value {
    Value::array(findings.iter().map(|finding| {
        let text = |value: &str| Value::from(value);
        let number = |value: u32| Value::from(i64::from(value));
        Value::object([
            (text("file"), text(&finding.file)),
            (text("line"), number(finding.line)),
            (text("column"), number(finding.column)),
            (text("rule"), text(finding.rule)),
            (text("severity"), text(&finding.severity.to_string())),
            (text("message"), text(&finding.message)),
            (text("fix"), text(&finding.fix)),
        ])
    }))
}

/// Collects findings.
struct Sink {
    findings: Vec<Finding>,
}

impl Sink {
    /// A finding at `span` of `module`.
    fn put(
        &mut self,
        rule: LintRule,
        module: &PolicyModule,
        span: Span,
        message: String,
        fix: impl Into<String>,
    ) {
        let place = module.place(span);
        let at = (place.file, place.line, place.column);
        self.put_spanned(rule, at, Some(span), message, fix.into());
    }

    fn put_at(&mut self, rule: LintRule, at: (String, u32, u32), message: String, fix: impl Into<String>) {
        self.put_spanned(rule, at, None, message, fix.into());
    }

    fn put_spanned(
        &mut self,
        rule: LintRule,
        at: (String, u32, u32),
        span: Option<Span>,
        message: String,
        fix: String,
    ) {
        let (file, line, column) = at;
        let (rule, severity) = (rule.id, rule.level);
        self.findings.push(Finding {
            file,
            line,
            column,
            span,
            rule,
            severity,
            message,
            fix,
        });
    }
}

fn load_problems(problems: &[Problem], sink: &mut Sink) {
    for problem in problems {
        let rule = if problem.code == V0_SYNTAX.id {
            V0_SYNTAX
        } else {
            LOAD_ERROR
        };
        let fix = problem.help.clone().unwrap_or_else(|| match rule {
            V0_SYNTAX => "rewrite it in Rego v1: `if` before bodies, `contains` for sets".to_owned(),
            _ => "correct the file".to_owned(),
        });
        let at = (problem.file.clone(), problem.line, problem.column);
        sink.put_spanned(rule, at, problem.span, problem.message.clone(), fix);
    }
}
