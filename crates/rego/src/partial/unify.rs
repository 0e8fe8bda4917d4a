//! Unification of terms that may be unknown: decided where that is possible, otherwise put off.

use stele_types::Value;

use super::state::{Frame, State};
use super::term::{Kind, Term};
use super::{Partial, Result};
use crate::compile::hir::Expr;
use crate::compile::safety::same_key;

impl<'a> Partial<'a> {
    /// `a = b` for terms whose variables all have a value. `None`: never.
    pub(super) fn equal(&mut self, a: &Term, b: &Term, mut state: State) -> Option<State> {
        let (a, b) = (state.resolved(a), state.resolved(b));
        match (&a, &b) {
            (Term::Const(x), Term::Const(y)) => (x == y).then_some(state),
            (Term::Var(x), Term::Var(y)) if x == y => Some(state),
            (Term::Var(_), _) | (_, Term::Var(_)) => {
                state.push(Kind::Unify(a, b));
                Some(state)
            }
            _ => match paired(&a, &b) {
                Pairs::Never => None,
                Pairs::These(pairs) => {
                    for (a, b) in pairs {
                        state = self.equal(&a, &b, state)?;
                    }
                    Some(state)
                }
                Pairs::Undecided => {
                    state.push(Kind::Unify(a, b));
                    Some(state)
                }
            },
        }
    }

    /// `a = b`, where both may be patterns.
    pub(super) fn unify(
        &mut self,
        frame: Frame<'a>,
        a: &'a Expr,
        b: &'a Expr,
        state: State,
    ) -> Result<Vec<State>> {
        let (pattern, value) = match (state.is_pattern(a), state.is_pattern(b)) {
            (true, true) => return self.unify_patterns(frame, a, b, state),
            // A constant is what the other side is asked to be.
            (false, false) if b.scalar().is_some() => (b, a),
            (_, false) => (a, b),
            (false, true) => (b, a),
        };
        let demand = super::groups::Demand::of(pattern);
        let mut out = Vec::new();
        for (state, value) in self.term(frame, value, state, &demand)? {
            out.extend(self.matches(frame, pattern, &value, state)?);
        }
        Ok(out)
    }

    /// Both sides have parts that the other side binds. The order is that of the planner.
    fn unify_patterns(
        &mut self,
        frame: Frame<'a>,
        a: &'a Expr,
        b: &'a Expr,
        state: State,
    ) -> Result<Vec<State>> {
        let pairs: Option<Vec<(&Expr, &Expr)>> = match (a, b) {
            (Expr::Array(left), Expr::Array(right)) => {
                if left.len() != right.len() {
                    return Ok(Vec::new());
                }
                Some(left.iter().zip(right).collect())
            }
            (Expr::Object(left), Expr::Object(right)) if left.len() == right.len() => left
                .iter()
                .map(|(key, a)| {
                    let same = right.iter().find(|(other, _)| same_key(key, other));
                    same.map(|(_, b)| (a, b))
                })
                .collect(),
            _ => None,
        };
        let Some(mut waiting) = pairs else {
            return Err(self.unsupported("both sides of a unification have unbound parts"));
        };
        let mut states = vec![state];
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut later = Vec::new();
            for (a, b) in waiting {
                // Which locals are bound is the same in all states.
                let stuck = states.first().is_some_and(|state| {
                    let nested = matches!(a, Expr::Array(_) | Expr::Object(_))
                        && matches!(b, Expr::Array(_) | Expr::Object(_));
                    state.is_pattern(a) && state.is_pattern(b) && !nested
                });
                if stuck {
                    later.push((a, b));
                    continue;
                }
                let mut next = Vec::new();
                for state in states {
                    next.extend(self.unify(frame, a, b, state)?);
                }
                states = next;
            }
            if later.len() == before {
                return Err(self.unsupported("both sides of a unification have unbound parts"));
            }
            waiting = later;
        }
        Ok(states)
    }

    /// Matches a pattern against a value, known or not.
    pub(super) fn matches(
        &mut self,
        frame: Frame<'a>,
        pattern: &'a Expr,
        value: &Term,
        mut state: State,
    ) -> Result<Vec<State>> {
        if !state.is_pattern(pattern) {
            let mut out = Vec::new();
            let demand = super::groups::Demand::Any;
            for (state, term) in self.term(frame, pattern, state, &demand)? {
                out.extend(self.equal(&term, value, state));
            }
            return Ok(out);
        }
        let value = state.resolved(value);
        match (pattern, &value) {
            (Expr::Var(var), _) => {
                state.env.insert(*var, value);
                Ok(vec![state])
            }
            (Expr::Array(parts), Term::Const(Value::Array(items))) => {
                let terms: Vec<Term> = items.iter().cloned().map(Term::Const).collect();
                self.match_parts(frame, parts.iter().collect(), terms, state)
            }
            (Expr::Array(parts), Term::Array(terms)) => {
                self.match_parts(frame, parts.iter().collect(), terms.clone(), state)
            }
            (Expr::Object(pairs), Term::Const(Value::Object(_)) | Term::Object(_)) => {
                self.match_object(frame, pattern, pairs, &value, state)
            }
            (_, Term::Var(_)) => self.match_later(frame, pattern, &value, state),
            _ => Ok(Vec::new()),
        }
    }

    fn match_parts(
        &mut self,
        frame: Frame<'a>,
        parts: Vec<&'a Expr>,
        terms: Vec<Term>,
        state: State,
    ) -> Result<Vec<State>> {
        if parts.len() != terms.len() {
            return Ok(Vec::new());
        }
        let mut states = vec![state];
        for (part, term) in parts.into_iter().zip(terms) {
            let mut next = Vec::new();
            for state in states {
                next.extend(self.matches(frame, part, &term, state)?);
            }
            states = next;
        }
        Ok(states)
    }

    /// An object's pattern against an object: by its keys when all are known.
    fn match_object(
        &mut self,
        frame: Frame<'a>,
        pattern: &'a Expr,
        pairs: &'a [(Expr, Expr)],
        value: &Term,
        state: State,
    ) -> Result<Vec<State>> {
        let mut keys = Vec::new();
        let mut known = true;
        for (key, _) in pairs {
            let key = self.closed(key, &state);
            known &= key.as_ref().is_some_and(|key| key.constant().is_some());
            keys.extend(key);
        }
        let terms: Option<Vec<Term>> = match value {
            Term::Const(Value::Object(map)) if known && map.len() == pairs.len() => {
                let found: Option<Vec<Term>> = keys
                    .iter()
                    .map(|key| map.get(key.constant()?).cloned().map(Term::Const))
                    .collect();
                match found {
                    Some(found) => Some(found),
                    None => return Ok(Vec::new()),
                }
            }
            Term::Const(Value::Object(map)) if map.len() != pairs.len() => return Ok(Vec::new()),
            Term::Object(entries) if known && unique_keys(entries) => {
                if entries.len() != pairs.len() {
                    return Ok(Vec::new());
                }
                let found: Option<Vec<Term>> = keys
                    .iter()
                    .map(|key| entries.iter().find(|(other, _)| other == key))
                    .map(|entry| entry.map(|(_, value)| value.clone()))
                    .collect();
                match found {
                    Some(found) => Some(found),
                    None => return Ok(Vec::new()),
                }
            }
            _ => None,
        };
        match terms {
            Some(terms) => {
                let parts = pairs.iter().map(|(_, part)| part).collect();
                self.match_parts(frame, parts, terms, state)
            }
            None => self.match_later(frame, pattern, value, state),
        }
    }

    /// The match is put off; what the pattern binds becomes variables of the residual.
    fn match_later(
        &mut self,
        frame: Frame<'a>,
        pattern: &'a Expr,
        value: &Term,
        state: State,
    ) -> Result<Vec<State>> {
        let mut out = Vec::new();
        for (mut state, term) in self.open_term(frame, pattern, state)? {
            let value = match value {
                Term::Var(_) => value.clone(),
                // Of two patterns that don't match, neither binds anything: a variable stands for the value.
                known => {
                    let var = Term::Var(self.fresh(frame, None));
                    state.push(Kind::Unify(var.clone(), known.clone()));
                    var
                }
            };
            state.push(Kind::Unify(term, value));
            out.push(state);
        }
        Ok(out)
    }

    /// A pattern as a term: each unbound local becomes a new variable. References in it are evaluated.
    pub(super) fn open_term(
        &mut self,
        frame: Frame<'a>,
        pattern: &'a Expr,
        mut state: State,
    ) -> Result<Vec<(State, Term)>> {
        match pattern {
            Expr::Var(var) => {
                let term = match state.local(*var) {
                    Some(term) => term,
                    None => {
                        let term = Term::Var(self.fresh(frame, Some(*var)));
                        state.env.insert(*var, term.clone());
                        term
                    }
                };
                Ok(vec![(state, term)])
            }
            Expr::Array(parts) => Ok(self
                .open_terms(frame, parts.iter().collect(), state)?
                .into_iter()
                .map(|(state, terms)| (state, Term::array(terms)))
                .collect()),
            Expr::Object(pairs) => {
                let parts = pairs.iter().flat_map(|(key, value)| [key, value]).collect();
                Ok(self
                    .open_terms(frame, parts, state)?
                    .into_iter()
                    .map(|(state, terms)| (state, Term::object(in_pairs(terms))))
                    .collect())
            }
            other => self.term(frame, other, state, &super::groups::Demand::Any),
        }
    }

    pub(super) fn open_terms(
        &mut self,
        frame: Frame<'a>,
        parts: Vec<&'a Expr>,
        state: State,
    ) -> Result<Vec<(State, Vec<Term>)>> {
        let mut out = vec![(state, Vec::new())];
        for part in parts {
            let mut next = Vec::new();
            for (state, terms) in out {
                for (state, term) in self.open_term(frame, part, state)? {
                    let mut terms = terms.clone();
                    terms.push(term);
                    next.push((state, terms));
                }
            }
            out = next;
        }
        Ok(out)
    }
}

/// Terms in pairs.
pub(super) fn in_pairs(terms: Vec<Term>) -> Vec<(Term, Term)> {
    let mut out = Vec::new();
    let mut terms = terms.into_iter();
    while let (Some(key), Some(value)) = (terms.next(), terms.next()) {
        out.push((key, value));
    }
    out
}

/// What two collections' equality comes down to.
enum Pairs {
    Never,
    These(Vec<(Term, Term)>),
    Undecided,
}

fn paired(a: &Term, b: &Term) -> Pairs {
    if let (Some(left), Some(right)) = (elements(a), elements(b)) {
        return if left.len() == right.len() {
            Pairs::These(left.into_iter().zip(right).collect())
        } else {
            Pairs::Never
        };
    }
    if let (Some(left), Some(right)) = (entries(a), entries(b)) {
        if left.len() != right.len() {
            return Pairs::Never;
        }
        let pairs: Option<Vec<(Term, Term)>> = left
            .into_iter()
            .map(|(key, a)| {
                let same = right.iter().find(|(other, _)| *other == key);
                same.map(|(_, b)| (a, b.clone()))
            })
            .collect();
        return pairs.map_or(Pairs::Never, Pairs::These);
    }
    match (sort(a), sort(b)) {
        (Some(a), Some(b)) if a != b => Pairs::Never,
        _ => Pairs::Undecided,
    }
}

fn elements(term: &Term) -> Option<Vec<Term>> {
    match term {
        Term::Array(terms) => Some(terms.clone()),
        Term::Const(Value::Array(items)) => Some(items.iter().cloned().map(Term::Const).collect()),
        _ => None,
    }
}

/// The entries of an object whose keys are all known, and are different.
pub(super) fn entries(term: &Term) -> Option<Vec<(Term, Term)>> {
    match term {
        Term::Object(pairs) if unique_keys(pairs) => Some(pairs.clone()),
        Term::Const(Value::Object(map)) => Some(
            map.iter()
                .map(|(key, value)| (Term::Const(key.clone()), Term::Const(value.clone())))
                .collect(),
        ),
        _ => None,
    }
}

fn unique_keys(pairs: &[(Term, Term)]) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    pairs
        .iter()
        .all(|(key, _)| key.constant().is_some_and(|key| seen.insert(key.clone())))
}

/// The type's name, where it is known.
fn sort(term: &Term) -> Option<&'static str> {
    match term {
        Term::Const(value) => Some(value.type_name()),
        Term::Array(_) => Some("array"),
        Term::Set(_) => Some("set"),
        Term::Object(_) => Some("object"),
        Term::Comprehension(inner) => Some(match inner.collects {
            super::term::Collects::Array => "array",
            super::term::Collects::Set => "set",
            super::term::Collects::Object => "object",
        }),
        Term::Var(_) | Term::Ref(_) => None,
    }
}
