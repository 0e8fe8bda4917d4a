//! What the points of a traced program stand for.

use std::sync::Arc;

use crate::compile::hir::{Literal, Ref, Var, VarInfo};
use crate::source::{SourceFile, Span};

/// What a traced program's points stand for: its rules, their bodies and expressions.
#[derive(Clone, Debug, Default)]
pub struct Map {
    pub(crate) points: Vec<Point>,
    pub(crate) bodies: Vec<Body>,
    pub(crate) expressions: Vec<Expression>,
    pub(crate) branches: Vec<Branch>,
    pub(crate) sources: Vec<SourceFile>,
}

/// A place in the code that reports.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) kind: PointKind,
    /// The variables whose values it reports.
    pub(crate) vars: Vec<Var>,
}

/// What happens at a point.
#[derive(Clone, Debug)]
pub(crate) enum PointKind {
    /// A body begins; the variables that it starts with are reported.
    Enter(u32),
    /// An expression begins.
    Eval(u32),
    /// A reference in an expression has this value.
    Term(u32, Ref),
    /// An expression looks up a key in a value, or, iterating it, has come to the key and what is there.
    Step(u32),
    /// An expression held; all variables are reported.
    Held(u32),
    /// `trace(message)`.
    Note(u32),
    /// All expressions of a body held; the value it gives is reported.
    Exit(u32),
}

/// A body: of a rule, of the query itself, of a comprehension, a negation or an `every`.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) branch: u32,
    /// The body around it, if it is a closure in another.
    pub(crate) parent: Option<u32>,
    /// It is the body of its branch.
    pub(crate) outermost: bool,
    pub(crate) literals: Vec<Literal>,
    pub(crate) span: Span,
}

/// An expression: a statement of a body, or a part of one that the compiler has made a statement of its own.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) body: u32,
    /// Its place in the body, as ordered.
    pub(crate) index: u32,
    pub(crate) literal: Literal,
}

/// A rule, one of its `else` branches, or the query.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    /// The index of its source; none for an entry point, which no source contains.
    pub(crate) file: Option<usize>,
    pub(crate) vars: Vec<VarInfo>,
    /// The variables that hold a function's arguments.
    pub(crate) params: Vec<Var>,
    pub(crate) rule: Option<RuleHead>,
}

/// What a rule is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleHead {
    /// Its path, `data.kubernetes.admission.deny`.
    pub path: Arc<str>,
    /// Where its head stands.
    pub span: Span,
    /// The branch: 0 is the rule's own body, then its `else` branches.
    pub branch: u32,
    /// It is a function.
    pub function: bool,
    /// It gives the whole value of its document, not a part of it.
    pub complete: bool,
    /// It is a default.
    pub default: bool,
    /// No other rule is tried once it holds.
    pub last: bool,
}

/// A place in a source, from 1; columns in bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Location {
    /// The source's name; `query` where nothing was written.
    pub file: Arc<str>,
    /// The line.
    pub row: u32,
    /// The column.
    pub col: u32,
}

impl Map {
    pub(crate) fn point(&mut self, kind: PointKind, vars: Vec<Var>) -> u32 {
        push(&mut self.points, Point { kind, vars })
    }

    pub(crate) fn branch(&mut self, branch: Branch) -> u32 {
        push(&mut self.branches, branch)
    }

    pub(crate) fn body(&mut self, body: Body) -> u32 {
        push(&mut self.bodies, body)
    }

    pub(crate) fn expression(&mut self, expression: Expression) -> u32 {
        push(&mut self.expressions, expression)
    }

    pub(crate) fn branch_of(&self, body: u32) -> Option<&Branch> {
        let body = get(&self.bodies, body)?;
        get(&self.branches, body.branch)
    }

    fn source_of(&self, body: u32) -> Option<&SourceFile> {
        self.sources.get(self.branch_of(body)?.file?)
    }

    pub(crate) fn at(&self, body: u32, span: Span) -> Location {
        let Some(source) = self.source_of(body) else {
            return Location {
                file: Arc::from("query"),
                row: 1,
                col: 1,
            };
        };
        let (row, col) = source.row_and_byte_column(span.start);
        Location {
            file: source.name().clone(),
            row,
            col,
        }
    }

    pub(crate) fn slice(&self, body: u32, span: Span) -> &str {
        self.source_of(body).map_or("", |source| source.slice(span))
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> u32 {
    let index = u32::try_from(list.len()).unwrap_or(u32::MAX);
    list.push(item);
    index
}

pub(crate) fn get<T>(list: &[T], index: u32) -> Option<&T> {
    list.get(usize::try_from(index).ok()?)
}
