//! The evaluator's state: what variables stand for, and the conjunction that has been put off so far.

use std::collections::HashMap;

use stele_types::Value;

use super::term::{Kind, RVar, Statement, Term, TermRef};
use crate::compile::hir::{Branch, Expr, Var};

/// What the locals of a rule stand for: constants, residual variables, or collections of both. Never references.
pub(crate) type Env = HashMap<Var, Term>;

/// One way through a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) env: Env,
    /// What has to hold besides.
    pub(crate) out: Vec<Statement>,
    /// Whether `out` may hold in several ways that differ in the variables that came with it.
    pub(crate) many: bool,
    /// It can't hold; it is kept because `out` may fail where the whole query would.
    pub(crate) dead: bool,
    pub(super) facts: Facts,
}

/// What follows from `out`.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    values: HashMap<RVar, Value>,
    references: Vec<(TermRef, RVar)>,
}

/// The rule branch or query whose body is being evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) branch: &'a Branch,
    pub(crate) file: usize,
}

impl State {
    /// The state in which the body of a closure or of another rule begins: what follows from `out` holds there too.
    pub(crate) fn inner(&self, env: Env) -> Self {
        Self {
            env,
            out: Vec::new(),
            many: false,
            dead: false,
            facts: self.facts.clone(),
        }
    }

    /// What the terms of a state may be replaced by, given what `out` says.
    pub(crate) fn resolved(&self, term: &Term) -> Term {
        match term {
            Term::Var(var) => match self.facts.values.get(var) {
                Some(value) => Term::Const(value.clone()),
                None => Term::Var(*var),
            },
            Term::Array(terms) => Term::array(terms.iter().map(|term| self.resolved(term)).collect()),
            Term::Set(terms) => Term::set(terms.iter().map(|term| self.resolved(term)).collect()),
            Term::Object(pairs) => Term::object(
                pairs
                    .iter()
                    .map(|(key, value)| (self.resolved(key), self.resolved(value)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// The term that a local stands for.
    pub(crate) fn local(&self, var: Var) -> Option<Term> {
        self.env.get(&var).map(|term| self.resolved(term))
    }

    pub(crate) fn push(&mut self, kind: Kind) {
        if let Kind::Unify(Term::Var(var), Term::Const(value))
        | Kind::Unify(Term::Const(value), Term::Var(var)) = &kind
        {
            self.facts.values.insert(*var, value.clone());
        }
        let statement = Statement::from(kind);
        // The same test twice says nothing more.
        if !self.out.contains(&statement) {
            self.out.push(statement);
        }
    }

    /// The variable that stands for a reference already.
    pub(crate) fn reference(&self, reference: &TermRef) -> Option<RVar> {
        let mut known = self.facts.references.iter();
        known.find(|(found, _)| found == reference).map(|(_, var)| *var)
    }

    pub(crate) fn remember(&mut self, reference: TermRef, var: RVar) {
        self.facts.references.push((reference, var));
    }

    /// Whether a term has a local that nothing has bound yet.
    pub(crate) fn is_open(&self, term: &Expr) -> bool {
        let mut open = false;
        term.vars(&mut |var| open |= !self.env.contains_key(&var));
        open
    }

    /// As [`Self::is_open`], for patterns: what references would iterate does not count.
    pub(crate) fn is_pattern(&self, term: &Expr) -> bool {
        match term {
            Expr::Var(var) => !self.env.contains_key(var),
            Expr::Array(terms) => terms.iter().any(|term| self.is_pattern(term)),
            Expr::Object(pairs) => pairs.iter().any(|(_, value)| self.is_pattern(value)),
            _ => false,
        }
    }

    /// Bytes of it, roughly.
    pub(crate) fn weight(&self) -> u64 {
        let parts = self
            .env
            .len()
            .saturating_add(self.out.len())
            .saturating_add(self.facts.references.len());
        u64::try_from(parts).unwrap_or(u64::MAX).saturating_mul(64)
    }
}
