//! Partial evaluation: what is left of a query when a part of its documents is not known yet.
//!
//! The result is a list of conjunctions and the rules that they refer to. For every value that the unknown documents may take,
//! the conjunctions have together the solutions that the query has. `docs/partial-evaluation.md` says what is inlined and what is
//! kept, and why.
//!
//! The evaluator goes through bodies that the compiler has ordered, statement by statement, with *states*: what each variable
//! stands for, and what has been put off. Statements that depend on nothing unknown are left to [`crate::eval`].

mod deps;
mod groups;
mod json;
mod keep;
mod known;
mod print;
mod propagate;
mod prune;
mod refs;
mod solve;
mod state;
mod support;
mod term;
mod unify;
mod whole;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use stele_types::Value;
use thiserror::Error;

use crate::builtins::Session;
use crate::compile::hir::{Branch, Expr, Path, Var};
use crate::compile::tree::GroupId;
use crate::compile::{Checked, CheckedQuery, CompileOptions, QueryScope};
use crate::diagnostic::Diagnostic;
use crate::eval::{At, Budget, Context, EvalError, LimitKind, Limits};
use crate::source::{SourceFile, Span};
use crate::syntax::ast::{Body, Module};
use deps::{Deps, Unknowns};
use state::{Frame, State};
use term::{Conjunction, Kind, RVar, SupportRule, Term};

/// The package below which support modules stand.
pub const NAMESPACE: &str = "partial";

/// How to evaluate partially.
#[derive(Clone, Debug)]
pub struct PartialOptions {
    /// References to documents that are not known: `input`, `input.user`, `data.accounts`.
    pub unknowns: Vec<String>,
    /// Rules and packages that are never inlined: `data.policy.allow`.
    pub disable_inlining: Vec<String>,
    /// No rule that depends on an unknown is inlined.
    pub shallow_inlining: bool,
    /// Builtins that depend on the time, on chance or on the outside world are evaluated too; otherwise they are left.
    pub nondeterministic_builtins: bool,
    /// The most terms that the result may have; constants count by their parts.
    pub max_terms: usize,
}

impl Default for PartialOptions {
    fn default() -> Self {
        Self {
            unknowns: vec!["input".to_owned()],
            disable_inlining: Vec::new(),
            shallow_inlining: false,
            nondeterministic_builtins: false,
            max_terms: 500_000,
        }
    }
}

/// A query to evaluate partially.
#[derive(Clone, Debug)]
pub struct PartialRequest<'a> {
    /// The modules.
    pub modules: &'a [Module],
    /// Where the query stands.
    pub scope: &'a QueryScope,
    /// The query's text.
    pub source: &'a SourceFile,
    /// The query.
    pub query: &'a Body,
    /// The base documents, an object. What is below an unknown path is not read.
    pub data: &'a Value,
    /// The known part of the input, if there is one. The unknown parts are not read.
    pub input: Option<&'a Value>,
    /// What contextual builtins see, where they are evaluated.
    pub context: Context<'a>,
    /// Bounds of the evaluation.
    pub limits: Limits<'a>,
    /// A builtin that fails is an error; otherwise its call is undefined.
    pub strict_builtin_errors: bool,
    /// How to compile.
    pub compile: &'a CompileOptions,
    /// How to evaluate.
    pub options: &'a PartialOptions,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartialError {
    /// The modules or the query don't compile.
    #[error("the policy does not compile")]
    Compile(Vec<Diagnostic>),
    /// An option can't be read.
    #[error("{0}")]
    Option(String),
    /// The evaluation failed.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// What the query asks for can't be left open.
    #[error("this can't be evaluated partially: {0}")]
    Unsupported(String),
    /// The result has more terms than [`PartialOptions::max_terms`].
    #[error("the result of the partial evaluation has more than {0} terms")]
    TooLarge(usize),
}

type Result<T> = std::result::Result<T, PartialError>;

/// What is left of a query.
#[derive(Clone, Debug)]
pub struct Residual {
    queries: Vec<Conjunction>,
    rules: Vec<SupportRule>,
    packages: BTreeSet<Path>,
    names: print::Names,
}

/// Evaluates a query partially.
///
/// # Errors
/// See [`PartialError`].
pub fn partially_evaluate(request: &PartialRequest<'_>) -> Result<Residual> {
    let query = CheckedQuery::new(
        request.modules,
        request.scope,
        request.source,
        request.query,
        request.compile,
    )
    .map_err(PartialError::Compile)?;
    let unknowns = unknowns(request.options)?;
    let disabled = request
        .options
        .disable_inlining
        .iter()
        .map(|text| match document(text)? {
            (false, path) => Ok(path),
            (true, _) => Err(PartialError::Option(format!(
                "`{text}` can't be kept from inlining: name a rule or package below `data`"
            ))),
        })
        .collect::<Result<Vec<Path>>>()?;
    let (tree, rules) = (&query.checked.tree, &query.checked.rules);
    let closed = Unknowns {
        input: Vec::new(),
        ..unknowns.clone()
    };
    let bound = Unknowns {
        data: vec![vec![Arc::from(known::BOUND)]],
        ..Unknowns::default()
    };
    let partial = Partial {
        checked: &query.checked,
        query: &query.branch,
        query_file: query.file,
        deps: Deps::new(tree, rules, unknowns),
        closed_input: Deps::new(tree, rules, closed),
        failing: Deps::failing(tree, rules),
        failing_helpers: HashSet::new(),
        everything: Deps::new(tree, rules, bound),
        options: request.options,
        disabled,
        compile: request.compile.clone(),
        strict: request.strict_builtin_errors,
        data: request.data,
        input: request.input,
        session: Session::new(request.context, Budget::new(request.limits)),
        plans: known::Plans::default(),
        not_inlined: HashSet::new(),
        depth: 0,
        next_var: 0,
        hints: Vec::new(),
        supported: HashSet::new(),
        queue: VecDeque::new(),
        whole: HashSet::new(),
        whole_queue: VecDeque::new(),
        bases: BTreeSet::new(),
        targets: BTreeSet::new(),
        packages: BTreeSet::new(),
        rules: Vec::new(),
        known_rules: HashSet::new(),
        helpers: 0,
    };
    partial.run()
}

fn unknowns(options: &PartialOptions) -> Result<Unknowns> {
    let mut unknowns = Unknowns {
        impure: !options.nondeterministic_builtins,
        ..Unknowns::default()
    };
    for text in &options.unknowns {
        match document(text)? {
            (true, path) => unknowns.input.push(path),
            (false, path) => unknowns.data.push(path),
        }
    }
    Ok(unknowns)
}

/// The path of a constant reference, and whether it is below `input`.
fn document(text: &str) -> Result<(bool, Path)> {
    use crate::syntax::ast::{LiteralKind, TermKind};
    let unreadable = || {
        PartialError::Option(format!(
            "`{text}` is no path of a document; write `input`, `input.user` or `data.accounts`"
        ))
    };
    let source = SourceFile::new("path", text);
    let body = crate::syntax::parse_query(&source).map_err(|_| unreadable())?;
    let names = match body.literals.as_slice() {
        [literal] if literal.with.is_empty() => match &literal.kind {
            LiteralKind::Term(term) => match &term.kind {
                TermKind::Var(name) => Some(vec![name.clone()]),
                TermKind::Ref(reference) => reference.constant(),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let names = names.ok_or_else(unreadable)?;
    match names.split_first() {
        Some((root, path)) if root.as_ref() == "input" => Ok((true, path.to_vec())),
        Some((root, path)) if root.as_ref() == "data" => Ok((false, path.to_vec())),
        _ => Err(unreadable()),
    }
}

/// A partial evaluation under way.
struct Partial<'a> {
    checked: &'a Checked,
    query: &'a Branch,
    query_file: usize,
    deps: Deps<'a>,
    /// As if the input were known: under `with input as ...`.
    closed_input: Deps<'a>,
    /// What may fail.
    failing: Deps<'a>,
    /// Rules of our own that may fail.
    failing_helpers: HashSet<Path>,
    /// What reads all of `data`.
    everything: Deps<'a>,
    options: &'a PartialOptions,
    disabled: Vec<Path>,
    compile: CompileOptions,
    strict: bool,
    data: &'a Value,
    input: Option<&'a Value>,
    session: Session<'a>,
    plans: known::Plans,
    /// Documents that turned out not to be inlined.
    not_inlined: HashSet<(GroupId, groups::Demand)>,
    /// Rules inside of each other.
    depth: u32,
    next_var: RVar,
    /// The names that variables had in the source; empty for none.
    hints: Vec<Arc<str>>,
    supported: HashSet<GroupId>,
    queue: VecDeque<GroupId>,
    whole: HashSet<GroupId>,
    whole_queue: VecDeque<GroupId>,
    /// Base documents that are copied.
    bases: BTreeSet<Path>,
    /// What `with` replaces in copies.
    targets: BTreeSet<Path>,
    /// Packages without rules.
    packages: BTreeSet<Path>,
    rules: Vec<SupportRule>,
    /// The same again, so that none comes twice.
    known_rules: HashSet<SupportRule>,
    helpers: u32,
}

impl<'a> Partial<'a> {
    fn run(mut self) -> Result<Residual> {
        let frame = Frame {
            branch: self.query,
            file: self.query_file,
        };
        let mut named: Vec<(Arc<str>, Var, RVar)> = Vec::new();
        if let Expr::Object(pairs) = &self.query.value {
            for pair in pairs {
                if let (Expr::String(name), Expr::Var(var)) = pair {
                    let own = self.fresh(frame, Some(*var));
                    named.push((name.clone(), *var, own));
                }
            }
        }
        let kept: BTreeSet<RVar> = named.iter().map(|(_, _, own)| *own).collect();
        let mut queries: Vec<Conjunction> = Vec::new();
        let mut seen: HashSet<Conjunction> = HashSet::new();
        for mut state in self.body(frame, &self.query.body, vec![State::default()])? {
            for (_, var, own) in &named {
                if let Some(term) = state.local(*var) {
                    state.out.push(Kind::Unify(Term::Var(*own), term).into());
                }
            }
            let mut body = state.out;
            propagate::simplify(&mut body, &mut [], &|var| kept.contains(&var));
            if body.is_empty() {
                // It holds whatever the unknowns are: nothing else adds to that.
                queries = vec![body];
                break;
            }
            if seen.insert(body.clone()) {
                queries.push(body);
            }
        }
        if queries.iter().any(|query| !query.is_empty()) {
            self.finish_support()?;
        } else {
            self.rules.clear();
        }
        self.rules = prune::prune(&queries, self.rules);
        let fixed = named.into_iter().map(|(name, _, own)| (own, name)).collect();
        let names = print::Names::new(&self.hints, fixed, &queries, &self.rules);
        let residual = Residual {
            queries,
            rules: self.rules,
            packages: self.packages,
            names,
        };
        if residual.terms() > self.options.max_terms {
            return Err(PartialError::TooLarge(self.options.max_terms));
        }
        Ok(residual)
    }

    /// A new variable, named as a local of the source if it stands for one.
    fn fresh(&mut self, frame: Frame<'a>, var: Option<Var>) -> RVar {
        let info = var.and_then(|var| frame.branch.vars.get(usize::try_from(var.0).ok()?));
        self.hints
            .push(info.map_or_else(|| Arc::from(""), |info| info.name.clone()));
        let fresh = self.next_var;
        self.next_var = self.next_var.saturating_add(1);
        fresh
    }

    fn deps_unknowns(&self) -> &Unknowns {
        self.deps.unknowns()
    }

    /// Whether builtins that are not pure are left.
    fn deps_impure(&self) -> bool {
        self.deps.unknowns().impure
    }

    fn unsupported(&self, what: &str) -> PartialError {
        PartialError::Unsupported(what.to_owned())
    }

    fn at(&self, frame: Frame<'_>, span: Span) -> At {
        let Some(source) = self.checked.sources.get(frame.file) else {
            return At {
                file: Arc::from(""),
                row: 0,
                col: 0,
            };
        };
        let (row, col) = source.row_and_byte_column(span.start);
        At {
            file: source.name().clone(),
            row,
            col,
        }
    }

    /// Charges for one step that keeps this many bytes.
    fn charge(&mut self, frame: Frame<'_>, span: Span, bytes: u64) -> Result<()> {
        let budget = &mut self.session.budget;
        let charged = budget.work(1).and_then(|()| budget.allocate(bytes));
        charged.map_err(|limit: LimitKind| {
            PartialError::Eval(EvalError::Limit {
                at: self.at(frame, span),
                limit,
            })
        })
    }
}
