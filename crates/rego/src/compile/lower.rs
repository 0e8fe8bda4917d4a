//! Syntax tree to [`hir`](super::hir): names resolved, operators and sugar rewritten, nested calls and references moved into
//! statements of their own.
//!
//! As in OPA, what is moved out of a negated statement is evaluated before the negation.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::hir::{Branch, Expr, Literal, LiteralKind, Path, Root, Rule, Var, VarInfo};
use super::scope::{self, Scope};
use super::tree::{self, RuleId, Tree};
use super::{CompileOptions, Negation};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, HeadKind, Ident, Module, Segment, Term};

mod call;
mod logical;
mod statement;
mod term;
mod with;

/// What an import stands for.
#[derive(Clone, Debug)]
struct Import {
    root: Root,
    path: Path,
}

/// What all rules of a module share.
pub(crate) struct ModuleEnv<'a> {
    module: &'a Module,
    /// All modules.
    modules: &'a [Module],
    index: usize,
    package: Path,
    imports: HashMap<Arc<str>, Import>,
    tree: &'a Tree,
    options: &'a CompileOptions,
    /// What `not` negates here.
    negation: Negation,
}

impl<'a> ModuleEnv<'a> {
    pub(crate) fn new(
        module: &'a Module,
        modules: &'a [Module],
        index: usize,
        tree: &'a Tree,
        options: &'a CompileOptions,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut imports = HashMap::new();
        for import in &module.imports {
            let (Some(name), Some(root)) = (import.name(), import.path.first()) else {
                continue;
            };
            let root = if root.name.as_ref() == "data" {
                Root::Data
            } else {
                Root::Input
            };
            let path = import
                .path
                .iter()
                .skip(1)
                .map(|ident| ident.name.clone())
                .collect();
            if imports.insert(name.name.clone(), Import { root, path }).is_some() {
                let message = format!("`{}` is imported twice", name.name);
                let help = "give one of them another name with `as`, or remove it";
                diagnostics.push(
                    Diagnostic::new(&module.source, import.span, Code::InvalidImport, message)
                        .with_help(help),
                );
            }
        }
        let imported = ast::future_keywords(&module.imports).with(module.source.future());
        let negation = if imported.not {
            Negation::Whole
        } else {
            options.negation
        };
        Self {
            module,
            modules,
            index,
            package: super::package_path(module),
            imports,
            tree,
            options,
            negation,
        }
    }

    /// Lowers a rule of the group whose path has `group_path` names.
    pub(crate) fn rule(
        &self,
        id: RuleId,
        group_path: usize,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Rule> {
        let rule = self.module.rules.get(id.rule)?;
        let mut branches = Vec::new();
        let main = (rule.body.as_ref(), value_of(&rule.head.kind), rule.head.span);
        let elses = rule
            .elses
            .iter()
            .map(|branch| (branch.body.as_ref(), branch.value.as_ref(), branch.span));
        for (body, value, span) in std::iter::once(main).chain(elses) {
            let mut lowerer = Lowerer::new(self, diagnostics);
            // An `else` has no annotations of its own.
            lowerer.rule = branches.is_empty().then_some(id.rule);
            branches.push(lowerer.branch(rule, group_path, body, value, span));
        }
        let contains = matches!(rule.head.kind, HeadKind::Contains(_));
        Some(Rule {
            file: self.index,
            span: rule.head.span,
            contains,
            branches,
        })
    }

    /// Lowers a query; also gives the names of its variables.
    pub(crate) fn query(&self, body: &ast::Body, diagnostics: &mut Vec<Diagnostic>) -> Branch {
        let mut lowerer = Lowerer::new(self, diagnostics);
        lowerer.enter(&body.literals, &[]);
        let mut literals = Vec::new();
        lowerer.body(body, &mut literals);
        // A query shows what `some` declares.
        let shown = lowerer.named();
        lowerer
            .idle
            .retain(|var| shown.iter().all(|(_, other)| other != var));
        lowerer.report_idle();
        let named: Vec<(Arc<str>, Var)> = lowerer.named();
        let pairs = named
            .into_iter()
            .map(|(name, var)| (Expr::String(name), Expr::Var(var)))
            .collect();
        Branch {
            vars: std::mem::take(&mut lowerer.vars),
            params: Vec::new(),
            body: literals,
            suffix: Vec::new(),
            value: Expr::Object(pairs),
            span: body.span,
        }
    }
}

fn value_of(kind: &HeadKind) -> Option<&Term> {
    match kind {
        HeadKind::Value(value) => value.as_ref(),
        HeadKind::Contains(member) => Some(member),
    }
}

/// What a name means.
enum Name {
    Var(Var),
    Document(Root, Path),
}

/// The state of one branch.
struct Lowerer<'a, 'd> {
    env: &'a ModuleEnv<'a>,
    diagnostics: &'d mut Vec<Diagnostic>,
    vars: Vec<VarInfo>,
    scopes: Vec<Scope>,
    /// The rule, unless this is one of its `else` branches, or a query.
    rule: Option<usize>,
    /// What `some x` and `every` declare and nothing has used so far.
    idle: BTreeSet<Var>,
}

impl<'a, 'd> Lowerer<'a, 'd> {
    fn new(env: &'a ModuleEnv<'a>, diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        Self {
            env,
            diagnostics,
            vars: Vec::new(),
            scopes: Vec::new(),
            rule: None,
            idle: BTreeSet::new(),
        }
    }

    fn report(&mut self, span: Span, code: Code, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::new(&self.env.module.source, span, code, message));
    }

    fn report_help(&mut self, span: Span, code: Code, message: impl Into<String>, help: impl Into<String>) {
        let diagnostic = Diagnostic::new(&self.env.module.source, span, code, message).with_help(help);
        self.diagnostics.push(diagnostic);
    }

    // Locals.

    fn new_var(&mut self, name: Arc<str>, span: Span) -> Var {
        let id = u32::try_from(self.vars.len()).unwrap_or(u32::MAX);
        self.vars.push(VarInfo { name, span });
        Var(id)
    }

    /// A local of the compiler's own.
    fn fresh(&mut self, span: Span) -> Var {
        self.new_var(Arc::from(""), span)
    }

    fn next_var(&self) -> u32 {
        u32::try_from(self.vars.len()).unwrap_or(u32::MAX)
    }

    /// Opens the scope of a body that consists of `literals` and `terms`.
    fn enter(&mut self, literals: &[ast::Literal], terms: &[&Term]) {
        self.scopes.push(Scope::default());
        self.add_candidates(literals, terms);
    }

    fn add_candidates(&mut self, literals: &[ast::Literal], terms: &[&Term]) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.declares = scope::declarations(literals);
        }
        for (name, span) in scope::candidates(literals, terms.iter().copied()) {
            if name.as_ref() == "input" || name.as_ref() == "data" || self.known(&name) {
                continue;
            }
            let var = self.new_var(name.clone(), span);
            if let Some(scope) = self.scopes.last_mut() {
                scope.implicit.insert(name, var);
            }
        }
    }

    /// Whether a name has a meaning before the innermost scope gives it one.
    fn known(&self, name: &str) -> bool {
        self.env.imports.contains_key(name)
            || self.env.tree.package_has(&self.env.package, name)
            || self.scopes.iter().any(|scope| {
                let implicit = scope.implicit.contains_key(name) && !scope.declares.contains(name);
                scope.declared.contains_key(name) || implicit
            })
    }

    fn leave(&mut self) {
        self.scopes.pop();
    }

    /// Declares a name in the innermost scope.
    fn declare(&mut self, ident: &Ident) -> Var {
        let (name, span) = (&ident.name, ident.span);
        if name.as_ref() == "_" {
            return self.new_var(name.clone(), span);
        }
        if name.as_ref() == "input" || name.as_ref() == "data" {
            let message = format!("`{name}` can't be declared as a variable");
            self.report_help(span, Code::Redeclared, message, "choose another name");
        }
        let (declared, used) = self.scopes.last().map_or((false, false), |scope| {
            (scope.declared.contains_key(name), scope.used.contains(name))
        });
        if declared {
            let message = format!("`{name}` is declared twice in one body");
            self.report_help(
                span,
                Code::Redeclared,
                message,
                "compare with `==`, or choose another name",
            );
        } else if used {
            let message = format!("`{name}` is used above its declaration");
            self.report_help(
                span,
                Code::Redeclared,
                message,
                "move the declaration up, or choose another name",
            );
        }
        let var = self.new_var(name.clone(), span);
        if let Some(scope) = self.scopes.last_mut() {
            scope.declared.insert(name.clone(), var);
        }
        var
    }

    /// Declares a name that must be used: a misspelled one would leave the statement true of anything.
    fn declare_used(&mut self, ident: &Ident) -> Var {
        let var = self.declare(ident);
        if ident.name.as_ref() != "_" {
            self.idle.insert(var);
        }
        var
    }

    /// Reports what `some x` and `every` declared in vain.
    fn report_idle(&mut self) {
        for var in std::mem::take(&mut self.idle) {
            if let Some(VarInfo { name, span }) = self.vars.get(var.0 as usize).cloned() {
                let message = format!("`{name}` is declared, and nothing uses it");
                self.report_help(span, Code::Unused, message, "use it, or write `_` in its place");
            }
        }
    }

    /// What a name means here.
    fn resolve(&mut self, name: &Arc<str>, span: Span) -> Name {
        if name.as_ref() == "_" {
            return Name::Var(self.new_var(name.clone(), span));
        }
        if let Some(var) = self
            .scopes
            .iter()
            .rev()
            .find_map(|scope| scope.declared.get(name))
        {
            self.idle.remove(var);
            return Name::Var(*var);
        }
        match name.as_ref() {
            "input" => return Name::Document(Root::Input, Vec::new()),
            "data" => return Name::Document(Root::Data, Vec::new()),
            _ => {}
        }
        if let Some(import) = self.env.imports.get(name) {
            return Name::Document(import.root, import.path.clone());
        }
        if self.env.tree.package_has(&self.env.package, name) {
            let path = self.env.package.iter().chain([name]).cloned().collect();
            return Name::Document(Root::Data, path);
        }
        let innermost = self.scopes.len().saturating_sub(1);
        for (depth, scope) in self.scopes.iter_mut().enumerate() {
            if let Some(var) = scope.implicit.get(name)
                && (depth == innermost || !scope.declares.contains(name))
            {
                scope.used.insert(name.clone());
                return Name::Var(*var);
            }
        }
        let var = self.new_var(name.clone(), span);
        if let Some(scope) = self.scopes.last_mut() {
            scope.implicit.insert(name.clone(), var);
            scope.used.insert(name.clone());
        }
        Name::Var(var)
    }

    /// The named locals of the outermost scope, in the order of their names.
    fn named(&self) -> Vec<(Arc<str>, Var)> {
        let Some(scope) = self.scopes.first() else {
            return Vec::new();
        };
        let implicit = scope
            .implicit
            .iter()
            .filter(|(name, _)| !scope.declared.contains_key(*name));
        let mut out: Vec<(Arc<str>, Var)> = scope
            .declared
            .iter()
            .chain(implicit)
            .map(|(name, var)| (name.clone(), *var))
            .collect();
        out.sort();
        out
    }

    // Rules.

    fn branch(
        &mut self,
        rule: &'a ast::Rule,
        group_path: usize,
        body: Option<&ast::Body>,
        value: Option<&Term>,
        span: Span,
    ) -> Branch {
        let mut literals = Vec::new();
        self.scopes.push(Scope::default());
        let args = rule.head.args.as_deref().unwrap_or(&[]);
        let params = self.params(args);
        let (names, segments) = tree::suffix(&self.env.package, rule, group_path);
        let brackets = segments.iter().filter_map(|segment| match segment {
            Segment::Bracket(term) => Some(term),
            Segment::Dot(_) => None,
        });
        let terms: Vec<&Term> = brackets.chain(value).collect();
        let statements = body.map_or(&[][..], |body| &body.literals);
        self.add_candidates(statements, &terms);
        self.param_patterns(args, &params, &mut literals);
        for literal in statements {
            self.literal(literal, &mut literals);
        }
        let mut suffix: Vec<Expr> = names.into_iter().map(Expr::String).collect();
        for segment in segments {
            suffix.push(match segment {
                Segment::Dot(ident) => Expr::String(ident.name.clone()),
                Segment::Bracket(term) => self.operand(term, &mut literals),
            });
        }
        let value = value.map_or(Expr::Bool(true), |term| self.operand(term, &mut literals));
        self.leave();
        self.report_idle();
        let params = params.into_iter().map(|(var, _)| var).collect();
        Branch {
            vars: std::mem::take(&mut self.vars),
            params,
            body: literals,
            suffix,
            value,
            span,
        }
    }

    /// The parameters, and whether each is a pattern that has to be matched.
    fn params(&mut self, args: &[Term]) -> Vec<(Var, bool)> {
        let mut params = Vec::new();
        for arg in args {
            let plain = match &arg.kind {
                ast::TermKind::Var(name) if name.as_ref() == "_" => None,
                ast::TermKind::Var(name) => {
                    let taken = self
                        .scopes
                        .last()
                        .is_some_and(|scope| scope.declared.contains_key(name));
                    (!taken).then(|| Ident {
                        name: name.clone(),
                        span: arg.span,
                    })
                }
                _ => None,
            };
            let pattern = plain.is_none() && !arg.is_wildcard();
            let var = match plain {
                Some(ident) => self.declare(&ident),
                None => self.fresh(arg.span),
            };
            params.push((var, pattern));
        }
        params
    }

    fn param_patterns(&mut self, args: &[Term], params: &[(Var, bool)], out: &mut Vec<Literal>) {
        for (arg, (var, is_pattern)) in args.iter().zip(params) {
            if *is_pattern {
                let pattern = self.pattern(arg, true, out);
                out.push(plain(LiteralKind::Unify(Expr::Var(*var), pattern), arg.span));
            }
        }
    }

    fn body(&mut self, body: &ast::Body, out: &mut Vec<Literal>) {
        for literal in &body.literals {
            self.literal(literal, out);
        }
    }
}

/// A statement without modifiers.
fn plain(kind: LiteralKind, span: Span) -> Literal {
    Literal {
        kind,
        with: Vec::new(),
        span,
        statement: None,
        negated: false,
    }
}
