//! A query whose statements give their values.
//!
//! A plan of a query yields its variables only. So each statement that is a term, `data.a.b` or `x > 1`, is turned into an
//! equation with a variable of ours, and each wildcard that iterates gets a name, so that every solution is counted and solutions can be
//! put in the order in which an interpreter would find them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use stele_rego::ast::{Body, Call, Literal, LiteralKind, Module, Ref, Segment, Term, TermKind};
use stele_rego::syntax::visit::{self, Visitor};
use stele_rego::{QueryScope, SourceFile, Span, builtins, parse_query};
use stele_types::Value;

use super::engine::Row;
use super::failure::Failure;

/// Names that no source text can have begin with it.
const OURS: char = '$';

/// A statement as results name it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Statement {
    #[serde(skip)]
    capture: Option<Arc<str>>,
    /// The statement's text.
    pub(crate) text: String,
    /// Where it starts in the query.
    pub(crate) location: Location,
}

/// A place in a query, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Location {
    pub(crate) row: u32,
    pub(crate) col: u32,
}

/// A query ready to be compiled.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) source: SourceFile,
    pub(crate) body: Body,
    /// The statements that results list: all but `some x`.
    pub(crate) statements: Vec<Statement>,
    /// Whether a solution in which a statement is false is none. Otherwise false is the value of the only statement.
    #[cfg(feature = "regorus")]
    pub(crate) must_hold: bool,
    /// Variables in order of their first appearance, ours included.
    order: Vec<Arc<str>>,
}

impl Query {
    /// Parses a query; `modules` and `scope` tell how many arguments its functions take.
    pub(crate) fn parse(source: SourceFile, modules: &[Module], scope: &QueryScope) -> Result<Self, Failure> {
        let body = parse_query(&source)
            .map_err(|found| Failure::diagnostics(&found, std::slice::from_ref(&source)))?;
        Ok(Self::new(source, body, modules, scope))
    }

    fn new(source: SourceFile, body: Body, modules: &[Module], scope: &QueryScope) -> Self {
        let must_hold = body.literals.len() > 1 || iterates(&body);
        let arities = Arities::new(modules, scope);
        let mut namer = Namer::default();
        let mut literals = Vec::with_capacity(body.literals.len());
        let mut conditions = Vec::new();
        let mut statements = Vec::new();
        for (index, mut literal) in body.literals.into_iter().enumerate() {
            let span = literal.span;
            namer.literal(&mut literal);
            let capture = captured(&literal.kind, &arities).then(|| {
                let name: Arc<str> = format!("{OURS}value{index}").into();
                let var = |span| Term {
                    span,
                    kind: TermKind::Var(name.clone()),
                };
                let taken = std::mem::replace(&mut literal.kind, LiteralKind::Some(Vec::new()));
                if let LiteralKind::Term(term) = taken {
                    literal.kind = LiteralKind::Unify(term, var(span));
                }
                if must_hold {
                    conditions.push(Literal {
                        span,
                        kind: LiteralKind::Term(var(span)),
                        with: Vec::new(),
                    });
                }
                name
            });
            if !matches!(literal.kind, LiteralKind::Some(_)) {
                let at = source.line_column(span.start);
                statements.push(Statement {
                    capture,
                    text: source.slice(span).to_owned(),
                    location: Location {
                        row: at.line,
                        col: at.column,
                    },
                });
            }
            literals.push(literal);
        }
        literals.extend(conditions);
        Self {
            body: Body {
                span: body.span,
                literals,
            },
            source,
            statements,
            #[cfg(feature = "regorus")]
            must_hold,
            order: namer.order,
        }
    }

    /// Whether a message of the compiler is about a variable of ours: it follows from another message about what the author wrote.
    pub(crate) fn is_about_ours(message: &str) -> bool {
        message.contains(&format!("`{OURS}"))
    }

    /// Solutions of the plan as rows, in the order in which nested loops over the query's variables meet them.
    pub(crate) fn rows(&self, mut solutions: Vec<Value>) -> Vec<Row> {
        let key = |solution: &Value| -> Vec<Option<Value>> {
            self.order
                .iter()
                .map(|name| solution.get(name).cloned())
                .collect()
        };
        solutions.sort_by_cached_key(key);
        solutions.iter().map(|solution| self.row(solution)).collect()
    }

    fn row(&self, solution: &Value) -> Row {
        let expressions = self
            .statements
            .iter()
            .map(|statement| {
                let value = statement.capture.as_ref().and_then(|name| solution.get(name));
                value.map_or(Value::Bool(true), Value::to_json_projection)
            })
            .collect();
        let bindings: BTreeMap<String, Value> = solution
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| {
                let name = name.as_str().filter(|name| !name.starts_with(OURS))?;
                Some((name.to_owned(), value.to_json_projection()))
            })
            .collect();
        Row {
            expressions,
            bindings,
        }
    }
}

/// Whether a statement's value is the value of its term. The others are true where they hold.
fn captured(kind: &LiteralKind, arities: &Arities) -> bool {
    match kind {
        LiteralKind::Term(Term {
            kind: TermKind::Call(call),
            ..
        }) => arities.gives_value(call),
        LiteralKind::Term(_) => true,
        _ => false,
    }
}

/// Whether a query has a reference with a variable in it, or calls a relation: then solutions are many, and false ones are none.
fn iterates(body: &Body) -> bool {
    struct Finder(bool);
    impl Finder {
        fn segments(&mut self, segments: &[Segment]) {
            self.0 |= segments.iter().any(|segment| {
                matches!(
                    segment,
                    Segment::Bracket(Term {
                        kind: TermKind::Var(_),
                        ..
                    })
                )
            });
        }
    }
    impl Visitor for Finder {
        fn term(&mut self, term: &Term) {
            match &term.kind {
                TermKind::ArrayComprehension(_)
                | TermKind::SetComprehension(_)
                | TermKind::ObjectComprehension(_) => return,
                TermKind::Select(_, segments) => self.segments(segments),
                _ => {}
            }
            visit::walk_term(self, term);
        }
        fn reference(&mut self, reference: &Ref) {
            self.segments(&reference.path);
            visit::walk_ref(self, reference);
        }
        fn call(&mut self, call: &Call) {
            let builtin = call.function.dotted().and_then(|name| builtins::find(&name));
            self.0 |= builtin.is_some_and(|builtin| builtin.relation);
            call.args.iter().for_each(|arg| self.term(arg));
        }
    }
    let mut finder = Finder(false);
    finder.body(body);
    finder.0
}

/// How many arguments the functions that a query can call take.
struct Arities {
    /// Full paths below `data`, joined with dots.
    functions: BTreeMap<String, usize>,
    package: String,
    imports: BTreeMap<Arc<str>, String>,
}

impl Arities {
    fn new(modules: &[Module], scope: &QueryScope) -> Self {
        let mut functions = BTreeMap::new();
        for module in modules {
            let package = join(module.package.path.iter().map(|ident| ident.name.as_ref()));
            for rule in &module.rules {
                if let (Some(args), Some(name)) = (&rule.head.args, rule.head.reference.dotted()) {
                    functions.insert(format!("{package}.{name}"), args.len());
                }
            }
        }
        let imports = scope
            .imports
            .iter()
            .filter_map(|import| {
                let path = join(import.path.iter().skip(1).map(|ident| ident.name.as_ref()));
                Some((import.name()?.name.clone(), path))
            })
            .collect();
        Self {
            functions,
            package: join(scope.package.iter().map(|ident| ident.name.as_ref())),
            imports,
        }
    }

    /// A call with one argument more than the function takes binds its result to it, and has no value of its own.
    fn gives_value(&self, call: &Call) -> bool {
        let Some(name) = call.function.dotted() else {
            return true;
        };
        if name == "print" {
            return false;
        }
        let rest = name.split_once('.').map_or("", |(_, rest)| rest);
        let root = &call.function.root.name;
        let path = match self.imports.get(root) {
            Some(path) => format!("{path}.{rest}"),
            None if root.as_ref() == "data" => rest.to_owned(),
            None => format!("{}.{name}", self.package),
        };
        let arity = self
            .functions
            .get(&path)
            .copied()
            .or_else(|| Some(builtins::find(&name)?.arity()));
        arity.is_none_or(|arity| call.args.len() <= arity)
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(".")
}

/// Names the wildcards of statements and takes down the order of all names. Closures and negations keep their own.
#[derive(Default)]
struct Namer {
    order: Vec<Arc<str>>,
    seen: HashSet<Arc<str>>,
    wildcards: u32,
}

impl Namer {
    fn literal(&mut self, literal: &mut Literal) {
        match &mut literal.kind {
            LiteralKind::Term(term) => self.term(term),
            LiteralKind::Assign(left, right) | LiteralKind::Unify(left, right) => {
                self.term(right);
                self.term(left);
            }
            LiteralKind::SomeIn {
                key,
                value,
                collection,
            } => {
                self.term(collection);
                if key.is_none() {
                    // The place of a member orders and counts the solutions.
                    *key = Some(self.wildcard(value.span));
                }
                key.iter_mut().for_each(|key| self.term(key));
                self.term(value);
            }
            LiteralKind::Not(_)
            | LiteralKind::Logical(_)
            | LiteralKind::Group(_)
            | LiteralKind::Some(_)
            | LiteralKind::Every { .. } => {}
        }
    }

    fn wildcard(&mut self, span: Span) -> Term {
        self.wildcards = self.wildcards.saturating_add(1);
        let name: Arc<str> = format!("{OURS}any{}", self.wildcards).into();
        Term {
            span,
            kind: TermKind::Var(name),
        }
    }

    fn name(&mut self, name: &Arc<str>) {
        if self.seen.insert(name.clone()) {
            self.order.push(name.clone());
        }
    }

    fn term(&mut self, term: &mut Term) {
        if matches!(&term.kind, TermKind::Var(name) if name.as_ref() == "_") {
            *term = self.wildcard(term.span);
        }
        match &mut term.kind {
            TermKind::Var(name) => {
                let name = name.clone();
                self.name(&name);
            }
            TermKind::Ref(reference) => {
                let root = reference.root.name.clone();
                self.name(&root);
                self.segments(&mut reference.path);
            }
            TermKind::Select(term, segments) => {
                self.term(term);
                self.segments(segments);
            }
            TermKind::Call(call) => call.args.iter_mut().for_each(|arg| self.term(arg)),
            TermKind::Infix(_, sides) => {
                self.term(&mut sides.0);
                self.term(&mut sides.1);
            }
            TermKind::Membership(membership) => {
                membership.key.iter_mut().for_each(|key| self.term(key));
                self.term(&mut membership.value);
                self.term(&mut membership.collection);
            }
            TermKind::Array(terms) | TermKind::Set(terms) => {
                terms.iter_mut().for_each(|term| self.term(term))
            }
            TermKind::Object(pairs) => pairs.iter_mut().for_each(|(key, value)| {
                self.term(key);
                self.term(value);
            }),
            _ => {}
        }
    }

    fn segments(&mut self, segments: &mut [Segment]) {
        for segment in segments {
            if let Segment::Bracket(term) = segment {
                self.term(term);
            }
        }
    }
}

#[cfg(test)]
mod tests;
