//! The rules after resolution: every name is a local, `input` or a path below `data`; operators are builtin calls; nested calls,
//! references and comprehensions stand in statements of their own. Nothing is ordered yet.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::source::Span;

/// A path below `data`.
pub(crate) type Path = Vec<Arc<str>>;

/// A local of one rule branch. Ids are given in the order of scopes, so the locals of a closure are a range of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Var(pub(crate) u32);

/// What is known of a local.
#[derive(Clone, Debug)]
pub(crate) struct VarInfo {
    /// The name as written; empty for locals of the compiler.
    pub(crate) name: Arc<str>,
    /// Where it occurs first.
    pub(crate) span: Span,
}

/// Where a reference starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Data,
    Input,
    Var(Var),
}

/// A term.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Null,
    Bool(bool),
    Number(Arc<str>),
    String(Arc<str>),
    Var(Var),
    Ref(Box<Ref>),
    Array(Vec<Expr>),
    Set(Vec<Expr>),
    Object(Vec<(Expr, Expr)>),
    Comprehension(Box<Comprehension>),
}

/// A constant without parts. Numbers are as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(&'a str),
}

impl Expr {
    /// The constant, if it is one.
    pub(crate) fn scalar(&self) -> Option<Scalar<'_>> {
        match self {
            Self::Null => Some(Scalar::Null),
            Self::Bool(value) => Some(Scalar::Bool(*value)),
            Self::Number(text) => Some(Scalar::Number(text)),
            Self::String(text) => Some(Scalar::String(text)),
            _ => None,
        }
    }
}

/// A reference. Its path holds no references, calls or comprehensions.
#[derive(Clone, Debug)]
pub(crate) struct Ref {
    pub(crate) root: Root,
    pub(crate) path: Vec<Expr>,
}

/// A comprehension.
#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub(crate) head: ComprehensionHead,
    pub(crate) body: Vec<Literal>,
    /// The locals that are its own.
    pub(crate) owned: Range<u32>,
}

/// What a comprehension collects.
#[derive(Clone, Debug)]
pub(crate) enum ComprehensionHead {
    Array(Expr),
    Set(Expr),
    Object(Expr, Expr),
}

/// A statement.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    pub(crate) kind: LiteralKind,
    pub(crate) with: Vec<With>,
    pub(crate) span: Span,
    /// The statement as written that it is, or comes from; none for parameters and heads.
    pub(crate) statement: Option<Span>,
    /// The statement comes out of a negation: of its locals it may bind only the compiler's own.
    pub(crate) negated: bool,
}

/// What a statement says.
#[derive(Clone, Debug)]
pub(crate) enum LiteralKind {
    /// Defined and not false.
    Test(Expr),
    /// `a = b`; may bind locals on both sides.
    Unify(Expr, Expr),
    /// `a == b`; binds nothing but what references iterate.
    Equal(Expr, Expr),
    /// `a != b`.
    NotEqual(Expr, Expr),
    /// A call whose result is unified with `out`, or must not be false.
    Call {
        function: Function,
        args: Vec<Expr>,
        out: Option<Expr>,
    },
    /// `not`: undefined if the body holds. The locals in the range are its own.
    Not { body: Vec<Literal>, owned: Range<u32> },
    /// `every`. The domain is a local.
    Every {
        key: Var,
        value: Var,
        domain: Expr,
        body: Vec<Literal>,
        owned: Range<u32>,
    },
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Function {
    Builtin(Arc<str>),
    /// The function's path below `data`.
    Rule(Path),
}

/// `with target as value`.
#[derive(Clone, Debug)]
pub(crate) struct With {
    pub(crate) target: WithTarget,
    pub(crate) value: WithValue,
}

/// What is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WithTarget {
    Input(Path),
    Data(Path),
    Function(Function),
}

/// What replaces it.
#[derive(Clone, Debug)]
pub(crate) enum WithValue {
    Value(Expr),
    Function(Function),
}

/// One way for a rule to get a value: a rule or one of its `else` branches.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) vars: Vec<VarInfo>,
    /// The locals that hold the arguments.
    pub(crate) params: Vec<Var>,
    pub(crate) body: Vec<Literal>,
    /// The part of the rule's path that its function computes, after the function's own path.
    pub(crate) suffix: Vec<Expr>,
    pub(crate) value: Expr,
    pub(crate) span: Span,
}

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The index of its file.
    pub(crate) file: usize,
    pub(crate) span: Span,
    /// `contains`: the value is a member of a set.
    pub(crate) contains: bool,
    /// The rule, then its `else` branches.
    pub(crate) branches: Vec<Branch>,
}

impl Expr {
    /// Calls `found` for every local in the term that no closure inside owns.
    pub(crate) fn vars(&self, found: &mut dyn FnMut(Var)) {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => {}
            Self::Var(var) => found(*var),
            Self::Ref(reference) => reference.vars(found),
            Self::Array(terms) | Self::Set(terms) => terms.iter().for_each(|term| term.vars(found)),
            Self::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                key.vars(found);
                value.vars(found);
            }),
            Self::Comprehension(inner) => {
                let mut outer = |var: Var| {
                    if !inner.owned.contains(&var.0) {
                        found(var);
                    }
                };
                inner.head.terms().for_each(|term| term.vars(&mut outer));
                inner.body.iter().for_each(|literal| literal.vars(&mut outer));
            }
        }
    }

    /// Calls `found` for every closure directly in the term.
    pub(crate) fn closures_mut(&mut self, found: &mut dyn FnMut(&mut Comprehension)) {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Var(_) | Self::Ref(_) => {}
            Self::Array(terms) | Self::Set(terms) => {
                terms.iter_mut().for_each(|term| term.closures_mut(found))
            }
            Self::Object(pairs) => pairs.iter_mut().for_each(|(key, value)| {
                key.closures_mut(found);
                value.closures_mut(found);
            }),
            Self::Comprehension(inner) => found(inner),
        }
    }
}

impl ComprehensionHead {
    /// The terms collected.
    pub(crate) fn terms(&self) -> impl Iterator<Item = &Expr> {
        match self {
            Self::Array(term) | Self::Set(term) => [Some(term), None],
            Self::Object(key, value) => [Some(key), Some(value)],
        }
        .into_iter()
        .flatten()
    }
}

impl Ref {
    /// As [`Expr::vars`].
    pub(crate) fn vars(&self, found: &mut dyn FnMut(Var)) {
        if let Root::Var(var) = self.root {
            found(var);
        }
        self.path.iter().for_each(|term| term.vars(found));
    }
}

impl Literal {
    /// As [`Expr::vars`].
    pub(crate) fn vars(&self, found: &mut dyn FnMut(Var)) {
        for with in &self.with {
            if let WithValue::Value(value) = &with.value {
                value.vars(found);
            }
        }
        match &self.kind {
            LiteralKind::Test(term) => term.vars(found),
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) | LiteralKind::NotEqual(a, b) => {
                a.vars(found);
                b.vars(found);
            }
            LiteralKind::Call { args, out, .. } => args.iter().chain(out).for_each(|term| term.vars(found)),
            LiteralKind::Not { body, owned } => {
                let mut outer = |var: Var| {
                    if !owned.contains(&var.0) {
                        found(var);
                    }
                };
                body.iter().for_each(|literal| literal.vars(&mut outer));
            }
            LiteralKind::Every {
                domain, body, owned, ..
            } => {
                domain.vars(found);
                let mut outer = |var: Var| {
                    if !owned.contains(&var.0) {
                        found(var);
                    }
                };
                body.iter().for_each(|literal| literal.vars(&mut outer));
            }
        }
    }

    /// The statement's locals as a set.
    pub(crate) fn var_set(&self) -> BTreeSet<Var> {
        let mut out = BTreeSet::new();
        self.vars(&mut |var| {
            out.insert(var);
        });
        out
    }

    /// The statement's terms.
    pub(crate) fn terms_mut(&mut self) -> Vec<&mut Expr> {
        let mut out: Vec<&mut Expr> = Vec::new();
        for with in &mut self.with {
            if let WithValue::Value(value) = &mut with.value {
                out.push(value);
            }
        }
        match &mut self.kind {
            LiteralKind::Test(term) => out.push(term),
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) | LiteralKind::NotEqual(a, b) => {
                out.extend([a, b])
            }
            LiteralKind::Call {
                args, out: result, ..
            } => out.extend(args.iter_mut().chain(result)),
            LiteralKind::Not { .. } => {}
            LiteralKind::Every { domain, .. } => out.push(domain),
        }
        out
    }
}
