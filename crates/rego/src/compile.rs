//! Syntax trees to plans: names are resolved, bodies made safe and ordered, and rules planned to OPA's intermediate representation.

use std::collections::HashMap;
use std::sync::Arc;

use stele_types::EntryPoint;

use crate::diagnostic::{Code, Diagnostic};
use crate::ir;
use crate::source::{SourceFile, Span};
use crate::syntax::ast::{Body, Ident, Import, Module};
use crate::trace::Map;

mod builtins;
pub(crate) mod hir;
mod lower;
mod metadata;
mod plan;
mod recursion;
pub(crate) mod safety;
mod scope;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
mod types;

pub(crate) use crate::syntax::deps::package_path;
use hir::{Branch, Path, Rule};
use lower::ModuleEnv;
use plan::Planner;
use tree::{RuleId, Tree};
pub use types::Schemas;
use types::Types;

/// How to compile.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompileOptions {
    /// The most functions a plan may have. Replacing rules and functions with `with` can multiply them.
    pub max_functions: usize,
    /// The most statements a plan may have, besides two for each byte of the sources. References with parts that are not constant
    /// (`data.t[input.x]`) have some for each rule that they may mean, so that many of both multiply.
    pub max_statements: usize,
    /// What `not` negates.
    pub negation: Negation,
    /// Keep calls of `print`, which are erased otherwise, as OPA does by default.
    pub print: bool,
    /// Whether types are checked. What fails the check compiles without it, and fails or is undefined when it is evaluated.
    pub check_types: bool,
    /// What is known of the input and of base data.
    pub schemas: Arc<Schemas>,
}

impl CompileOptions {
    /// The default options with another meaning of `not`.
    #[must_use]
    pub fn with_negation(negation: Negation) -> Self {
        Self {
            negation,
            ..Self::default()
        }
    }

    /// These options, with calls of `print` kept.
    #[must_use]
    pub fn with_print(self) -> Self {
        Self { print: true, ..self }
    }
}

/// What `not` negates when the negated statement has calls or references inside of others, as `not f(input.x)` has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Negation {
    /// The outermost call only: what is inside is evaluated first, and when it is undefined, so is the body. OPA does this
    /// (its issue 8387): `not f(input.x)` is undefined when `input.x` is.
    #[default]
    Statement,
    /// All of it: `not f(input.x)` holds when `input.x` is undefined. The regorus interpreter does this.
    Whole,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            max_functions: 50_000,
            max_statements: 1_000_000,
            negation: Negation::default(),
            print: false,
            check_types: true,
            schemas: Arc::default(),
        }
    }
}

/// Compiles modules to a plan with the given entry points: paths of rules or packages.
///
/// # Errors
/// Everything that is wrong with the modules or can't be planned; at least one diagnostic.
pub fn compile(
    modules: &[Module],
    entry_points: &[EntryPoint],
    options: &CompileOptions,
) -> Result<ir::Policy, Vec<Diagnostic>> {
    compile_with(modules, entry_points, options, None)
}

/// As [`compile`], for a program that tells a [`Probe`](crate::vm::Probe) how its evaluation goes.
///
/// # Errors
/// As [`compile`].
pub fn compile_traced(
    modules: &[Module],
    entry_points: &[EntryPoint],
    options: &CompileOptions,
) -> Result<(ir::Policy, Map), Vec<Diagnostic>> {
    let mut map = Map::default();
    let policy = compile_with(modules, entry_points, options, Some(&mut map))?;
    Ok((policy, map))
}

fn compile_with(
    modules: &[Module],
    entry_points: &[EntryPoint],
    options: &CompileOptions,
    trace: Option<&mut Map>,
) -> Result<ir::Policy, Vec<Diagnostic>> {
    let paths: Vec<(String, Path)> = entry_points
        .iter()
        .map(|entry_point| {
            (
                entry_point.as_str().to_owned(),
                entry_point.segments().map(Arc::from).collect(),
            )
        })
        .collect();
    let checked = Checked::new(modules, options)?;
    let mut diagnostics = Vec::new();
    for (name, path) in &paths {
        checked.check_entry_point(name, path, &mut diagnostics);
    }
    checked.plan(diagnostics, options, trace, |planner| {
        for (name, path) in &paths {
            planner.entry_point(name, path);
        }
    })
}

/// Checks modules without planning anything: names, arities, safety, conflicts and recursion.
///
/// # Errors
/// Everything that is wrong with them; at least one diagnostic.
pub fn check(modules: &[Module], options: &CompileOptions) -> Result<(), Vec<Diagnostic>> {
    Checked::new(modules, options).map(|_| ())
}

/// Where a query stands: what its names may refer to besides `data`, `input` and builtins.
#[derive(Clone, Debug, Default)]
pub struct QueryScope {
    /// The package whose rules the query names as the package's own modules do; empty for none.
    pub package: Vec<Ident>,
    /// The imports that hold for the query.
    pub imports: Vec<Import>,
}

/// Compiles a query to the plan `eval`: each solution adds the object of the query's named variables to the result set.
///
/// The query is resolved as if it stood in an empty package: it refers to documents as `data...` and `input...`.
///
/// # Errors
/// As [`compile`].
pub fn compile_query(
    modules: &[Module],
    source: &SourceFile,
    query: &Body,
    options: &CompileOptions,
) -> Result<ir::Policy, Vec<Diagnostic>> {
    compile_query_in(modules, &QueryScope::default(), source, query, options)
}

/// As [`compile_query`], for a query that stands in a package, with imports.
///
/// # Errors
/// As [`compile`].
pub fn compile_query_in(
    modules: &[Module],
    scope: &QueryScope,
    source: &SourceFile,
    query: &Body,
    options: &CompileOptions,
) -> Result<ir::Policy, Vec<Diagnostic>> {
    query_with(modules, scope, source, query, options, None)
}

/// As [`compile_query_in`], for a program that tells a [`Probe`](crate::vm::Probe) how its evaluation goes.
///
/// # Errors
/// As [`compile`].
pub fn compile_query_traced(
    modules: &[Module],
    scope: &QueryScope,
    source: &SourceFile,
    query: &Body,
    options: &CompileOptions,
) -> Result<(ir::Policy, Map), Vec<Diagnostic>> {
    let mut map = Map::default();
    let policy = query_with(modules, scope, source, query, options, Some(&mut map))?;
    Ok((policy, map))
}

fn query_with(
    modules: &[Module],
    scope: &QueryScope,
    source: &SourceFile,
    query: &Body,
    options: &CompileOptions,
    trace: Option<&mut Map>,
) -> Result<ir::Policy, Vec<Diagnostic>> {
    let query = CheckedQuery::new(modules, scope, source, query, options)?;
    query.checked.plan(Vec::new(), options, trace, |planner| {
        planner.query("eval", query.file, &query.branch)
    })
}

/// A query, and the modules that it refers to, checked and ordered.
pub(crate) struct CheckedQuery {
    pub(crate) checked: Checked,
    pub(crate) branch: Branch,
    /// The query's place among the files.
    pub(crate) file: usize,
}

impl CheckedQuery {
    pub(crate) fn new(
        modules: &[Module],
        scope: &QueryScope,
        source: &SourceFile,
        query: &Body,
        options: &CompileOptions,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut checked = Checked::new(modules, options)?;
        let module = Module {
            source: source.clone(),
            package: crate::syntax::ast::Package {
                span: Span::default(),
                path: scope.package.clone(),
            },
            imports: scope.imports.clone(),
            rules: Vec::new(),
            comments: Vec::new(),
            annotations: Vec::new(),
        };
        let mut diagnostics = Vec::new();
        let file = modules.len();
        let mut branch: Branch = {
            let env = ModuleEnv::new(&module, modules, file, &checked.tree, options, &mut diagnostics);
            env.query(query, &mut diagnostics)
        };
        if diagnostics.is_empty() {
            safety::order(&mut branch, source, &mut diagnostics);
        }
        if let (true, Some(types)) = (diagnostics.is_empty(), &checked.types) {
            types.query(&checked.tree, &branch, source, &mut diagnostics);
        }
        if !diagnostics.is_empty() {
            return Err(sorted(diagnostics));
        }
        checked.sources.push(source.clone());
        Ok(Self {
            checked,
            branch,
            file,
        })
    }
}

/// Modules that passed all checks.
pub(crate) struct Checked {
    pub(crate) tree: Tree,
    pub(crate) rules: HashMap<RuleId, Rule>,
    pub(crate) sources: Vec<SourceFile>,
    /// `None` when types are not checked.
    types: Option<Types>,
}

impl Checked {
    fn new(modules: &[Module], options: &CompileOptions) -> Result<Self, Vec<Diagnostic>> {
        let mut diagnostics = Vec::new();
        let tree = tree::build(modules, &mut diagnostics);
        let envs: Vec<ModuleEnv<'_>> = modules
            .iter()
            .enumerate()
            .map(|(index, module)| ModuleEnv::new(module, modules, index, &tree, options, &mut diagnostics))
            .collect();
        let mut rules = HashMap::new();
        for group in &tree.groups {
            for id in group.rules.iter().chain(&group.default) {
                let Some(env) = envs.get(id.module) else { continue };
                let before = diagnostics.len();
                let Some(mut rule) = env.rule(*id, group.path.len(), &mut diagnostics) else {
                    continue;
                };
                if let (true, Some(module)) = (diagnostics.len() == before, modules.get(id.module)) {
                    for branch in &mut rule.branches {
                        safety::order(branch, &module.source, &mut diagnostics);
                    }
                }
                rules.insert(*id, rule);
            }
        }
        drop(envs);
        let sources: Vec<SourceFile> = modules.iter().map(|module| module.source.clone()).collect();
        if diagnostics.is_empty() {
            recursion::check(&tree, &rules, &sources, &mut diagnostics);
        }
        let types = (options.check_types && diagnostics.is_empty())
            .then(|| types::check(modules, &tree, &rules, &options.schemas, &mut diagnostics));
        if diagnostics.is_empty() {
            Ok(Self {
                tree,
                rules,
                sources,
                types,
            })
        } else {
            Err(sorted(diagnostics))
        }
    }

    fn check_entry_point(&self, name: &str, path: &Path, diagnostics: &mut Vec<Diagnostic>) {
        let known = self.tree.document(path).is_some() || self.tree.node(path).is_some();
        if known {
            return;
        }
        let nothing = SourceFile::new("", "");
        let source = self.sources.first().unwrap_or(&nothing);
        let (message, help) = match self.tree.function(path) {
            Some(_) => (
                format!("the entry point `{name}` is a function"),
                "make a rule that calls it, and query that".to_owned(),
            ),
            None => (
                format!("no rule or package answers the entry point `{name}`"),
                format!("define `{}`, or correct the entry point", tree::ref_text(path)),
            ),
        };
        diagnostics
            .push(Diagnostic::new(source, Span::default(), Code::UnknownEntryPoint, message).with_help(help));
    }

    pub(crate) fn plan(
        &self,
        mut diagnostics: Vec<Diagnostic>,
        options: &CompileOptions,
        mut trace: Option<&mut Map>,
        plan: impl FnOnce(&mut Planner<'_>),
    ) -> Result<ir::Policy, Vec<Diagnostic>> {
        if !diagnostics.is_empty() {
            return Err(sorted(diagnostics));
        }
        if let Some(map) = trace.as_deref_mut() {
            map.sources.clone_from(&self.sources);
        }
        let mut planner = Planner::new(
            &self.tree,
            &self.rules,
            &self.sources,
            options,
            &mut diagnostics,
            trace,
        );
        plan(&mut planner);
        let policy = planner.finish();
        if !diagnostics.is_empty() {
            return Err(sorted(diagnostics));
        }
        if let Err(error) = ir::verify(&policy) {
            return Err(vec![self.unverified(&error)]);
        }
        Ok(policy)
    }

    /// A plan that does not verify is a defect of the compiler, unless replacing functions has made it recursive.
    fn unverified(&self, error: &ir::VerifyError) -> Diagnostic {
        let file = error.place.file.as_deref();
        let source = self
            .sources
            .iter()
            .find(|source| Some(source.name().as_ref()) == file)
            .or(self.sources.first());
        let nothing = SourceFile::new("", "");
        let message = format!("this policy can't be planned: {error}");
        let mut diagnostic = Diagnostic::new(
            source.unwrap_or(&nothing),
            Span::default(),
            Code::Unsupported,
            message,
        );
        if let Some(location) = error.place.location {
            diagnostic.line = location.row;
            diagnostic.column = location.col;
        }
        diagnostic
    }
}

fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| (&a.file, a.span, a.code).cmp(&(&b.file, b.span, b.code)));
    diagnostics.dedup();
    diagnostics
}
