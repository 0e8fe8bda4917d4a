//! Residuals as Rego v1.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use stele_types::Value;

use super::term::{
    Callee, Collects, Conjunction, Kind, RVar, Replacement, Statement, SupportRule, Target, Term, TermRef,
    TermRoot,
};
use super::{Residual, prune};
use crate::builtins;
use crate::compile::hir::Path;
use crate::syntax::ast::{InfixOp, is_identifier, push_segment};
use crate::syntax::token::Keyword;

/// What each variable is called.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<Arc<str>>);

impl Names {
    /// Names for all variables, by what they were called in the source. The `fixed` ones keep their names.
    pub(super) fn new(
        hints: &[Arc<str>],
        fixed: BTreeMap<RVar, Arc<str>>,
        queries: &[Conjunction],
        rules: &[SupportRule],
    ) -> Self {
        let mut taken: BTreeSet<Arc<str>> = ["input", "data", "_"].into_iter().map(Arc::from).collect();
        taken.extend(
            builtins::TABLE
                .iter()
                .filter_map(|builtin| builtin.name.split('.').next().map(Arc::from)),
        );
        taken.extend(rules.iter().flat_map(|rule| rule.path.iter().cloned()));
        taken.extend(fixed.values().cloned());
        let mut used = BTreeSet::new();
        for query in queries {
            used.extend(super::term::vars_of(query));
        }
        for rule in rules {
            used.extend(rule.args.iter().flatten().copied());
            rule.suffix.iter().for_each(|term| {
                term.vars(&mut |var| {
                    used.insert(var);
                });
            });
            for branch in &rule.branches {
                used.extend(super::term::vars_of(&branch.body));
                branch.value.vars(&mut |var| {
                    used.insert(var);
                });
            }
        }
        let mut next: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let mut name = |var: usize, hint: &Arc<str>| -> Arc<str> {
            let Ok(id) = RVar::try_from(var) else {
                return Arc::from("");
            };
            if let Some(name) = fixed.get(&id) {
                return name.clone();
            }
            if !used.contains(&id) {
                return Arc::from("");
            }
            let plain = is_identifier(hint) && Keyword::from_text(hint).is_none() && !hint.starts_with('_');
            let base = if plain { hint.clone() } else { Arc::from("v") };
            if plain && taken.insert(base.clone()) {
                return base;
            }
            let count = next.entry(base.clone()).or_default();
            loop {
                *count = count.saturating_add(1);
                let name: Arc<str> = Arc::from(format!("{base}{count}"));
                if taken.insert(name.clone()) {
                    return name;
                }
            }
        };
        Self(
            hints
                .iter()
                .enumerate()
                .map(|(var, hint)| name(var, hint))
                .collect(),
        )
    }

    pub(super) fn of(&self, var: RVar) -> &str {
        let index = usize::try_from(var).unwrap_or(usize::MAX);
        self.0.get(index).map_or("_", AsRef::as_ref)
    }
}

/// The rules of one package, in order.
pub(super) struct Package<'a> {
    pub(super) path: Path,
    pub(super) rules: Vec<(Path, &'a SupportRule)>,
}

/// Splits the place of a rule into package and name: the name begins with the last part that may begin one.
fn split(path: &[Arc<str>]) -> (Path, Path) {
    let named = |name: &Arc<str>| is_identifier(name) && Keyword::from_text(name).is_none();
    let at = path
        .iter()
        .rposition(named)
        .filter(|at| *at > 0)
        .unwrap_or(path.len().saturating_sub(1));
    let (package, name) = path.split_at(at);
    (package.to_vec(), name.to_vec())
}

impl Residual {
    /// The number of queries. Without any, the query has no solution whatever the unknowns are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queries.len()
    }

    /// Whether the query has no solution whatever the unknowns are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty()
    }

    /// The number of terms; constants count by their parts.
    #[must_use]
    pub fn terms(&self) -> usize {
        let queries = self.queries.iter().map(|query| prune::count(query));
        queries
            .chain(self.rules.iter().map(prune::count_rule))
            .fold(0, usize::saturating_add)
    }

    /// Each query as Rego: its statements, one a line. A query without statements always holds.
    #[must_use]
    pub fn queries(&self) -> Vec<String> {
        let printer = Printer { names: &self.names };
        self.queries
            .iter()
            .map(|query| {
                let lines: Vec<String> = query
                    .iter()
                    .map(|statement| printer.statement(statement))
                    .collect();
                lines.join("\n")
            })
            .collect()
    }

    /// The support modules as Rego.
    #[must_use]
    pub fn support(&self) -> Vec<String> {
        let printer = Printer { names: &self.names };
        self.support_packages()
            .iter()
            .map(|package| {
                let mut text = String::from("package ");
                printer.path(&mut text, &package.path);
                text.push('\n');
                for (name, rule) in &package.rules {
                    text.push('\n');
                    printer.rule(&mut text, name, rule);
                }
                text
            })
            .collect()
    }

    pub(super) fn support_packages(&self) -> Vec<Package<'_>> {
        let mut packages: BTreeMap<Path, Vec<(Path, &SupportRule)>> = BTreeMap::new();
        for path in &self.packages {
            packages.entry(path.clone()).or_default();
        }
        for rule in &self.rules {
            let (package, name) = split(&rule.path);
            packages.entry(package).or_default().push((name, rule));
        }
        packages
            .into_iter()
            .map(|(path, rules)| Package { path, rules })
            .collect()
    }
}

/// Writes with the names of a residual.
struct Printer<'a> {
    names: &'a Names,
}

impl Printer<'_> {
    fn path(&self, out: &mut String, path: &[Arc<str>]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        out.push_str(first);
        for name in rest {
            segment(out, name);
        }
    }

    fn rule(&self, out: &mut String, name: &[Arc<str>], rule: &SupportRule) {
        if rule.default {
            out.push_str("default ");
        }
        self.path(out, name);
        for part in &rule.suffix {
            self.part(out, part);
        }
        if let Some(args) = &rule.args {
            let args: Vec<&str> = args.iter().map(|arg| self.names.of(*arg)).collect();
            let _ = write!(out, "({})", args.join(", "));
        }
        for (index, branch) in rule.branches.iter().enumerate() {
            if index > 0 {
                out.push_str(" else");
            }
            let value = self.term(&branch.value);
            if rule.contains {
                let _ = write!(out, " contains {value}");
            } else {
                let _ = write!(out, " := {value}");
            }
            if !branch.body.is_empty() {
                out.push_str(" if {\n");
                for statement in &branch.body {
                    let _ = writeln!(out, "\t{}", self.statement(statement).replace('\n', "\n\t"));
                }
                out.push('}');
            } else if index > 0 || (rule.branches.len() > 1 && !rule.default) {
                out.push_str(" if {\n\ttrue\n}");
            }
        }
        out.push('\n');
    }

    fn statement(&self, statement: &Statement) -> String {
        let mut out = self.kind(&statement.kind);
        for with in &statement.with {
            out.push_str(" with ");
            match &with.target {
                Target::Input(path) => self.document(&mut out, "input", path),
                Target::Data(path) | Target::Function(Callee::Rule(path)) => {
                    self.document(&mut out, "data", path);
                }
                Target::Function(Callee::Builtin(name)) => out.push_str(name),
            }
            out.push_str(" as ");
            match &with.value {
                Replacement::Term(term) => out.push_str(&self.term(term)),
                Replacement::Function(Callee::Rule(path)) => self.document(&mut out, "data", path),
                Replacement::Function(Callee::Builtin(name)) => out.push_str(name),
            }
        }
        out
    }

    fn document(&self, out: &mut String, root: &str, path: &[Arc<str>]) {
        out.push_str(root);
        for name in path {
            segment(out, name);
        }
    }

    fn kind(&self, kind: &Kind) -> String {
        match kind {
            // As a line of its own it would be an operand of the line before.
            Kind::Test(term) => match self.term(term) {
                number if number.starts_with('-') => format!("({number})"),
                text => text,
            },
            // A line must not begin with what could go on from the line before.
            Kind::Unify(a @ (Term::Const(_) | Term::Array(_) | Term::Object(_) | Term::Set(_)), b) => {
                format!("{} = {}", self.term(b), self.term(a))
            }
            Kind::Unify(a, b) => format!("{} = {}", self.term(a), self.term(b)),
            Kind::NotEqual(a @ (Term::Const(_) | Term::Array(_) | Term::Object(_) | Term::Set(_)), b) => {
                format!("{} != {}", self.term(b), self.term(a))
            }
            Kind::NotEqual(a, b) => format!("{} != {}", self.term(a), self.term(b)),
            Kind::Call { function, args, out } => {
                if let Some(out) = out.as_ref().filter(|out| !matches!(out, Term::Var(_))) {
                    // The result as a last argument: it need not stand at the beginning of the line.
                    let mut terms = args.clone();
                    terms.push(out.clone());
                    return self.plain_call(function, &terms);
                }
                let call = self.call(function, args);
                match out {
                    Some(out) if loose(function) => format!("{} = ({call})", self.term(out)),
                    Some(out) => format!("{} = {call}", self.term(out)),
                    None => call,
                }
            }
            Kind::Not(inner) => format!("not {}", self.statement(inner)),
            Kind::Every {
                key,
                value,
                domain,
                body,
            } => {
                // Nothing may be declared in vain.
                let used = super::term::vars_of(body);
                let name = |var: &RVar| {
                    if used.contains(var) {
                        self.names.of(*var)
                    } else {
                        "_"
                    }
                };
                let (key, value) = (name(key), name(value));
                let body: Vec<String> = body.iter().map(|inner| self.statement(inner)).collect();
                format!(
                    "every {key}, {value} in {} {{\n\t{}\n}}",
                    self.term(domain),
                    body.join("\n").replace('\n', "\n\t")
                )
            }
        }
    }

    /// A call without operators.
    fn plain_call(&self, function: &Callee, args: &[Term]) -> String {
        let name = match function {
            Callee::Builtin(name) => name.to_string(),
            Callee::Rule(path) => {
                let mut out = String::new();
                self.document(&mut out, "data", path);
                out
            }
        };
        format!("{name}({})", self.terms(args))
    }

    fn call(&self, function: &Callee, args: &[Term]) -> String {
        let Callee::Builtin(name) = function else {
            return self.plain_call(function, args);
        };
        let terms: Vec<String> = args.iter().map(|arg| self.term(arg)).collect();
        let negative = terms.first().is_some_and(|first| first.starts_with('-'));
        match (name.as_ref(), terms.as_slice()) {
            _ if negative => self.plain_call(function, args),
            ("internal.member_2", [value, collection]) => format!("{value} in {collection}"),
            ("internal.member_3", [key, value, collection]) => format!("{key}, {value} in {collection}"),
            (name, [a, b]) => match infix(name) {
                Some(symbol) => format!("{a} {symbol} {b}"),
                None => self.plain_call(function, args),
            },
            _ => self.plain_call(function, args),
        }
    }

    fn term(&self, term: &Term) -> String {
        match term {
            Term::Const(value) => constant(value),
            Term::Var(var) => self.names.of(*var).to_owned(),
            Term::Ref(reference) => self.reference(reference),
            Term::Array(terms) => format!("[{}]", self.terms(terms)),
            Term::Set(terms) => format!("{{{}}}", self.terms(terms)),
            Term::Object(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{}: {}", self.term(key), self.term(value)))
                    .collect();
                format!("{{{}}}", pairs.join(", "))
            }
            Term::Comprehension(inner) => {
                let body: Vec<String> = inner.body.iter().map(|inner| self.statement(inner)).collect();
                let head: Vec<String> = inner.head.iter().map(|term| self.term(term)).collect();
                let (open, close) = match inner.collects {
                    Collects::Array => ('[', ']'),
                    Collects::Set | Collects::Object => ('{', '}'),
                };
                format!("{open}{} | {}{close}", head.join(": "), body.join("; "))
            }
        }
    }

    fn terms(&self, terms: &[Term]) -> String {
        let terms: Vec<String> = terms.iter().map(|term| self.term(term)).collect();
        terms.join(", ")
    }

    fn reference(&self, reference: &TermRef) -> String {
        let mut out = match reference.root {
            TermRoot::Input => "input".to_owned(),
            TermRoot::Data => "data".to_owned(),
            TermRoot::Var(var) => self.names.of(var).to_owned(),
        };
        for part in &reference.path {
            self.part(&mut out, part);
        }
        out
    }

    fn part(&self, out: &mut String, part: &Term) {
        match part {
            Term::Const(Value::String(name)) => segment(out, name),
            other => {
                let _ = write!(out, "[{}]", self.term(other));
            }
        }
    }
}

fn segment(out: &mut String, name: &str) {
    if is_identifier(name) && Keyword::from_text(name).is_none() {
        push_segment(out, name);
    } else {
        let _ = write!(out, "[{}]", constant(&Value::string(name)));
    }
}

/// Whether a call is written with an operator that binds no tighter than `=`.
fn loose(function: &Callee) -> bool {
    const LOOSE: [&str; 8] = [
        "internal.member_2",
        "internal.member_3",
        "equal",
        "neq",
        "lt",
        "lte",
        "gt",
        "gte",
    ];
    matches!(function, Callee::Builtin(name) if LOOSE.contains(&name.as_ref()))
}

/// The operator of a builtin that has one. Its operands are never calls, so they need no parentheses.
fn infix(name: &str) -> Option<&'static str> {
    const OPERATORS: [InfixOp; 13] = [
        InfixOp::Equal,
        InfixOp::NotEqual,
        InfixOp::Less,
        InfixOp::LessEqual,
        InfixOp::Greater,
        InfixOp::GreaterEqual,
        InfixOp::Plus,
        InfixOp::Minus,
        InfixOp::Times,
        InfixOp::Divide,
        InfixOp::Remainder,
        InfixOp::And,
        InfixOp::Or,
    ];
    OPERATORS
        .iter()
        .find(|op| op.builtin() == name)
        .map(|op| op.symbol())
}

/// A value as Rego.
fn constant(value: &Value) -> String {
    let list = |items: &mut dyn Iterator<Item = &Value>| -> String {
        let items: Vec<String> = items.map(constant).collect();
        items.join(", ")
    };
    match value {
        Value::Array(items) => format!("[{}]", list(&mut items.iter())),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => format!("{{{}}}", list(&mut items.iter())),
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", constant(key), constant(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        scalar => stele_types::json::to_string(scalar),
    }
}
