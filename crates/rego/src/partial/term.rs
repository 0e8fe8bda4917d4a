//! Residual programs: what is left of bodies and rules when all that is known has been computed.

use std::collections::BTreeSet;

use stele_types::Value;

use crate::compile::hir::Path;

/// A variable of the residual program. Ids are unique in a whole run, so no scope ever hides another one's.
pub(crate) type RVar = u32;

/// A term of a residual program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Term {
    Const(Value),
    Var(RVar),
    Ref(Box<TermRef>),
    Array(Vec<Term>),
    Set(Vec<Term>),
    Object(Vec<(Term, Term)>),
    Comprehension(Box<TermComprehension>),
}

/// Where a reference starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TermRoot {
    Input,
    Data,
    Var(RVar),
}

/// A reference that could not be followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TermRef {
    pub(crate) root: TermRoot,
    pub(crate) path: Vec<Term>,
}

/// The sorts of comprehensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Collects {
    Array,
    Set,
    Object,
}

/// A comprehension that depends on unknowns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TermComprehension {
    pub(crate) collects: Collects,
    /// One term; key and value for objects.
    pub(crate) head: Vec<Term>,
    pub(crate) body: Vec<Statement>,
}

/// A function of the residual program.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Callee {
    Builtin(std::sync::Arc<str>),
    /// A path below `data`, as the residual program has it.
    Rule(Path),
}

/// What a residual `with` replaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Input(Path),
    Data(Path),
    Function(Callee),
}

/// What it is replaced by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Replacement {
    Term(Term),
    Function(Callee),
}

/// A residual `with`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TermWith {
    pub(crate) target: Target,
    pub(crate) value: Replacement,
}

/// A statement of a residual body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Statement {
    pub(crate) kind: Kind,
    pub(crate) with: Vec<TermWith>,
}

/// What a residual statement says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Defined and not false.
    Test(Term),
    /// Both sides are equal; may bind variables.
    Unify(Term, Term),
    NotEqual(Term, Term),
    /// A call whose result is `out`, or must not be false.
    Call {
        function: Callee,
        args: Vec<Term>,
        out: Option<Term>,
    },
    /// The statement does not hold.
    Not(Box<Statement>),
    Every {
        key: RVar,
        value: RVar,
        domain: Term,
        body: Vec<Statement>,
    },
}

/// A conjunction.
pub(crate) type Conjunction = Vec<Statement>;

/// A rule of a support module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SupportRule {
    pub(crate) default: bool,
    /// The constant part of the rule's path, below `data`.
    pub(crate) path: Path,
    /// The rest of its path.
    pub(crate) suffix: Vec<Term>,
    pub(crate) args: Option<Vec<RVar>>,
    /// `contains`: the value is a member of a set.
    pub(crate) contains: bool,
    /// The rule, then its `else` branches.
    pub(crate) branches: Vec<SupportBranch>,
}

/// A rule or one of its `else` branches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SupportBranch {
    pub(crate) value: Term,
    pub(crate) body: Conjunction,
}

impl From<Kind> for Statement {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            with: Vec::new(),
        }
    }
}

impl Statement {
    /// The statement that never holds.
    pub(crate) fn never() -> Self {
        Kind::Test(Term::boolean(false)).into()
    }
}

impl Term {
    pub(crate) const fn boolean(value: bool) -> Self {
        Self::Const(Value::Bool(value))
    }

    pub(crate) fn string(text: &str) -> Self {
        Self::Const(Value::string(text))
    }

    pub(crate) fn reference(root: TermRoot, path: Vec<Self>) -> Self {
        Self::Ref(Box::new(TermRef { root, path }))
    }

    pub(crate) const fn constant(&self) -> Option<&Value> {
        match self {
            Self::Const(value) => Some(value),
            _ => None,
        }
    }

    /// An array, constant if its parts are.
    pub(crate) fn array(terms: Vec<Self>) -> Self {
        match constants(&terms) {
            Some(values) => Self::Const(Value::array(values)),
            None => Self::Array(terms),
        }
    }

    /// A set, constant if its parts are.
    pub(crate) fn set(terms: Vec<Self>) -> Self {
        match constants(&terms) {
            Some(values) => Self::Const(Value::set(values)),
            None => Self::Set(terms),
        }
    }

    /// An object, constant if its parts are. Of equal keys the last one wins, as in a plan.
    pub(crate) fn object(pairs: Vec<(Self, Self)>) -> Self {
        let known: Option<Vec<(Value, Value)>> = pairs
            .iter()
            .map(|(key, value)| Some((key.constant()?.clone(), value.constant()?.clone())))
            .collect();
        match known {
            Some(known) => Self::Const(Value::object(known)),
            None => Self::Object(pairs),
        }
    }

    /// Calls `found` for each variable in the term, closures included.
    pub(crate) fn vars(&self, found: &mut dyn FnMut(RVar)) {
        match self {
            Self::Const(_) => {}
            Self::Var(var) => found(*var),
            Self::Ref(reference) => {
                if let TermRoot::Var(var) = reference.root {
                    found(var);
                }
                reference.path.iter().for_each(|term| term.vars(found));
            }
            Self::Array(terms) | Self::Set(terms) => terms.iter().for_each(|term| term.vars(found)),
            Self::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                key.vars(found);
                value.vars(found);
            }),
            Self::Comprehension(inner) => {
                inner.head.iter().for_each(|term| term.vars(found));
                inner.body.iter().for_each(|statement| statement.vars(found));
            }
        }
    }

    /// The parts of the outermost layer, keys before their values.
    pub(crate) fn parts_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Const(_) | Self::Var(_) => Vec::new(),
            Self::Ref(reference) => reference.path.iter_mut().collect(),
            Self::Array(terms) | Self::Set(terms) => terms.iter_mut().collect(),
            Self::Object(pairs) => pairs.iter_mut().flat_map(|(key, value)| [key, value]).collect(),
            Self::Comprehension(inner) => inner.head.iter_mut().collect(),
        }
    }
}

fn constants(terms: &[Term]) -> Option<Vec<Value>> {
    terms.iter().map(|term| term.constant().cloned()).collect()
}

impl Statement {
    /// Calls `found` for each variable in the statement, closures included.
    pub(crate) fn vars(&self, found: &mut dyn FnMut(RVar)) {
        for with in &self.with {
            if let Replacement::Term(term) = &with.value {
                term.vars(found);
            }
        }
        match &self.kind {
            Kind::Test(term) => term.vars(found),
            Kind::Unify(a, b) | Kind::NotEqual(a, b) => {
                a.vars(found);
                b.vars(found);
            }
            Kind::Call { args, out, .. } => args.iter().chain(out).for_each(|term| term.vars(found)),
            Kind::Not(inner) => inner.vars(found),
            Kind::Every {
                key,
                value,
                domain,
                body,
            } => {
                found(*key);
                found(*value);
                domain.vars(found);
                body.iter().for_each(|statement| statement.vars(found));
            }
        }
    }

    /// The terms of the statement itself, modifiers and nested bodies apart.
    pub(crate) fn terms_mut(&mut self) -> Vec<&mut Term> {
        match &mut self.kind {
            Kind::Test(term) => vec![term],
            Kind::Unify(a, b) | Kind::NotEqual(a, b) => vec![a, b],
            Kind::Call { args, out, .. } => args.iter_mut().chain(out).collect(),
            Kind::Not(inner) => inner.terms_mut(),
            Kind::Every { domain, .. } => vec![domain],
        }
    }
}

/// The variables of a conjunction.
pub(crate) fn vars_of(body: &[Statement]) -> BTreeSet<RVar> {
    let mut out = BTreeSet::new();
    for statement in body {
        statement.vars(&mut |var| {
            out.insert(var);
        });
    }
    out
}
