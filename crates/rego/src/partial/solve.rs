//! Bodies and statements: each way through them that is not known to fail, with what is left to hold.

use stele_types::{Number, Value};

use super::deps::Deps;
use super::groups::Demand;
use super::state::{Frame, State};
use super::term::{Callee, Kind, Statement, Term, vars_of};
use super::{Partial, Result};
use crate::builtins::{self, Body, BuiltinError, Purity};
use crate::compile::hir::{Expr, Function, Literal, LiteralKind, Var, WithTarget, WithValue};
use crate::eval::EvalError;

/// `every` over more known elements than this is kept whole.
const UNROLLED: usize = 64;
/// So is one that would leave more statements than this.
const UNROLLED_STATEMENTS: usize = 256;

impl<'a> Partial<'a> {
    /// All ways through a body.
    pub(super) fn body(
        &mut self,
        frame: Frame<'a>,
        body: &'a [Literal],
        mut states: Vec<State>,
    ) -> Result<Vec<State>> {
        let mut dead = Vec::new();
        for literal in body {
            let mut next = Vec::new();
            for state in states {
                self.charge(frame, literal.span, state.weight())?;
                let failing = self.may_fail(&state.out).then(|| state.clone());
                let before = next.len();
                let (ended, going): (Vec<State>, Vec<State>) = self
                    .literal(frame, literal, state)?
                    .into_iter()
                    .partition(|state| state.dead);
                next.extend(going);
                dead.extend(ended);
                if let (Some(mut state), true) = (failing, next.len() == before) {
                    // It fails to hold, but what comes before may fail in earnest.
                    state.out.push(Statement::never());
                    state.dead = true;
                    dead.push(state);
                }
            }
            states = next;
            if states.is_empty() {
                break;
            }
        }
        states.append(&mut dead);
        Ok(states)
    }

    fn literal(&mut self, frame: Frame<'a>, literal: &'a Literal, state: State) -> Result<Vec<State>> {
        if delegated(literal) && self.is_known(literal, &state) {
            return self.known_literal(frame, literal, state);
        }
        if !literal.with.is_empty() {
            return self.kept(frame, literal, state);
        }
        match &literal.kind {
            LiteralKind::Test(term) => {
                let mut out = Vec::new();
                for (state, term) in self.term(frame, term, state, &Demand::Truthy)? {
                    out.extend(truthy(term, state));
                }
                Ok(out)
            }
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) => self.unify(frame, a, b, state),
            LiteralKind::NotEqual(a, b) => {
                let mut out = Vec::new();
                for (state, a) in self.term(frame, a, state, &Demand::Any)? {
                    for (mut state, b) in self.term(frame, b, state, &Demand::Any)? {
                        match (a.constant(), b.constant()) {
                            (Some(a), Some(b)) if a == b => continue,
                            (Some(_), Some(_)) => {}
                            _ => state.push(Kind::NotEqual(a.clone(), b)),
                        }
                        out.push(state);
                    }
                }
                Ok(out)
            }
            LiteralKind::Call { function, args, out } => {
                let mut states = Vec::new();
                for (state, args) in self.terms(frame, args, state)? {
                    states.extend(self.call(frame, literal, function, args, out.as_ref(), state)?);
                }
                Ok(states)
            }
            LiteralKind::Not { body, .. } => self.negation(frame, body, state),
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
                ..
            } => {
                let unrolled = match self.closed(domain, &state) {
                    Some(Term::Const(domain)) => {
                        self.unroll(frame, (*key, *value), &domain, body, state.clone())?
                    }
                    _ => None,
                };
                match unrolled {
                    Some(states) => Ok(states),
                    None => self.kept(frame, literal, state),
                }
            }
        }
    }

    /// Whether nothing in a statement is unknown.
    pub(super) fn is_known(&self, literal: &Literal, state: &State) -> bool {
        let mut known = true;
        literal.vars(&mut |var| {
            known &= state.local(var).is_none_or(|term| term.constant().is_some());
        });
        // With another input, that of the question is out of reach.
        let replaced = literal
            .with
            .iter()
            .any(|with| matches!(&with.target, WithTarget::Input(path) if path.is_empty()));
        let values_known = |deps: &Deps<'_>| {
            !literal.with.iter().any(|with| match &with.value {
                WithValue::Value(term) => deps.term(term),
                WithValue::Function(function) => deps.function(function),
            })
        };
        known
            && if replaced {
                values_known(&self.closed_input) && !self.closed_input.literal(literal)
            } else {
                !self.deps.literal(literal)
            }
    }

    // Terms.

    /// The values of a term; references iterate.
    pub(super) fn term(
        &mut self,
        frame: Frame<'a>,
        term: &'a Expr,
        state: State,
        demand: &Demand,
    ) -> Result<Vec<(State, Term)>> {
        Ok(match term {
            Expr::Null => vec![(state, Term::Const(Value::Null))],
            Expr::Bool(value) => vec![(state, Term::boolean(*value))],
            Expr::Number(text) => vec![(state, self.number(text)?)],
            Expr::String(text) => vec![(state, Term::Const(Value::String(text.clone())))],
            Expr::Var(var) => match state.local(*var) {
                Some(term) => vec![(state, term)],
                None => return Err(self.unsupported("a variable has no value where it is needed")),
            },
            Expr::Ref(reference) => return self.reference(frame, reference, state, demand),
            Expr::Array(terms) => collected(self.terms(frame, terms, state)?, Term::array),
            Expr::Set(terms) => collected(self.terms(frame, terms, state)?, Term::set),
            Expr::Object(pairs) => {
                let mut out = vec![(state, Vec::new())];
                for part in pairs.iter().flat_map(|(key, value)| [key, value]) {
                    out = self.append(frame, part, out)?;
                }
                collected(out, |terms| Term::object(super::unify::in_pairs(terms)))
            }
            Expr::Comprehension(inner) => {
                if self.is_known_term(term, &state) {
                    let values = self.known_term(frame, term, &state)?;
                    return Ok(values
                        .into_iter()
                        .map(|value| (state.clone(), Term::Const(value)))
                        .collect());
                }
                let mut state = state;
                let kept = self.keep_comprehension(frame, inner, &mut state)?;
                let var = Term::Var(self.fresh(frame, None));
                state.push(Kind::Unify(var.clone(), kept));
                vec![(state, var)]
            }
        })
    }

    fn is_known_term(&self, term: &Expr, state: &State) -> bool {
        let mut known = true;
        term.vars(&mut |var| {
            known &= state.local(var).is_none_or(|term| term.constant().is_some());
        });
        known && !self.deps.term(term)
    }

    fn append(
        &mut self,
        frame: Frame<'a>,
        term: &'a Expr,
        before: Vec<(State, Vec<Term>)>,
    ) -> Result<Vec<(State, Vec<Term>)>> {
        let mut out = Vec::new();
        for (state, terms) in before {
            for (state, term) in self.term(frame, term, state, &Demand::Any)? {
                let mut terms = terms.clone();
                terms.push(term);
                out.push((state, terms));
            }
        }
        Ok(out)
    }

    fn terms(
        &mut self,
        frame: Frame<'a>,
        terms: &'a [Expr],
        state: State,
    ) -> Result<Vec<(State, Vec<Term>)>> {
        let mut out = vec![(state, Vec::new())];
        for term in terms {
            out = self.append(frame, term, out)?;
        }
        Ok(out)
    }

    /// A term without references or closures whose variables all have a value.
    pub(super) fn closed(&self, term: &Expr, state: &State) -> Option<Term> {
        let all = |terms: &[Expr]| -> Option<Vec<Term>> {
            terms.iter().map(|term| self.closed(term, state)).collect()
        };
        Some(match term {
            Expr::Null => Term::Const(Value::Null),
            Expr::Bool(value) => Term::boolean(*value),
            Expr::Number(text) => Term::Const(Value::Number(Number::parse(text).ok()?)),
            Expr::String(text) => Term::Const(Value::String(text.clone())),
            Expr::Var(var) => state.local(*var)?,
            Expr::Array(terms) => Term::array(all(terms)?),
            Expr::Set(terms) => Term::set(all(terms)?),
            Expr::Object(pairs) => {
                let pairs: Option<Vec<(Term, Term)>> = pairs
                    .iter()
                    .map(|(key, value)| Some((self.closed(key, state)?, self.closed(value, state)?)))
                    .collect();
                Term::object(pairs?)
            }
            Expr::Ref(_) | Expr::Comprehension(_) => return None,
        })
    }

    pub(super) fn number(&self, text: &str) -> Result<Term> {
        match Number::parse(text) {
            Ok(number) => Ok(Term::Const(Value::Number(number))),
            Err(error) => Err(self.unsupported(&format!("the number {text} can't be held: {error}"))),
        }
    }

    // Calls.

    fn call(
        &mut self,
        frame: Frame<'a>,
        literal: &'a Literal,
        function: &'a Function,
        args: Vec<Term>,
        out: Option<&'a Expr>,
        state: State,
    ) -> Result<Vec<State>> {
        let results = match function {
            Function::Builtin(name) => self.call_builtin(frame, literal, name, args, out.is_none(), state)?,
            Function::Rule(path) => {
                let demand = out.map_or(Demand::Truthy, Demand::of);
                self.call_rule(frame, path, args, state, &demand)?
            }
        };
        let mut states = Vec::new();
        for (state, result) in results {
            match (out, result) {
                (_, None) => states.push(state),
                (None, Some(result)) => states.extend(truthy(result, state)),
                (Some(out), Some(result)) => states.extend(self.matches(frame, out, &result, state)?),
            }
        }
        Ok(states)
    }

    /// Results of a builtin. With `test`, a call that is put off has none: it is the test itself.
    fn call_builtin(
        &mut self,
        frame: Frame<'a>,
        literal: &'a Literal,
        name: &std::sync::Arc<str>,
        args: Vec<Term>,
        test: bool,
        mut state: State,
    ) -> Result<Vec<(State, Option<Term>)>> {
        let builtin = builtins::find(name);
        let relation = builtin.is_some_and(|builtin| builtin.relation);
        let args: Vec<Term> = args.iter().map(|arg| state.resolved(arg)).collect();
        let known: Option<Vec<Value>> = args.iter().map(|arg| arg.constant().cloned()).collect();
        let decided = builtin.filter(|found| found.purity == Purity::Pure || !self.deps_impure());
        if let (Some(builtin), Some(values)) = (decided, known) {
            let at = self.at(frame, literal.span);
            let result = self.run_builtin(builtin, &values, at)?;
            return Ok(match (result, relation) {
                (None, _) => Vec::new(),
                (Some(Value::Array(items)), true) => items
                    .iter()
                    .map(|item| (state.clone(), Some(Term::Const(item.clone()))))
                    .collect(),
                (Some(value), _) => vec![(state, Some(Term::Const(value)))],
            });
        }
        let function = Callee::Builtin(name.clone());
        if test && !relation {
            state.push(Kind::Call {
                function,
                args,
                out: None,
            });
            return Ok(vec![(state, None)]);
        }
        let result = Term::Var(self.fresh(frame, None));
        state.many |= relation;
        state.push(Kind::Call {
            function,
            args,
            out: Some(result.clone()),
        });
        Ok(vec![(state, Some(result))])
    }

    fn run_builtin(
        &mut self,
        builtin: &'static builtins::Builtin,
        args: &[Value],
        at: crate::eval::At,
    ) -> Result<Option<Value>> {
        let refused = |refusal| EvalError::Refused {
            name: builtin.name.to_owned(),
            at: at.clone(),
            refusal,
        };
        let function = match builtin.body {
            Body::Function(function) => function,
            Body::Refused(refusal) => return Err(refused(refusal).into()),
        };
        let session = &mut self.session;
        let outcome = session.spend(args).map_err(BuiltinError::from).and_then(|()| {
            let value = function(session, args)?;
            session.budget.allocate(builtins::shallow_size(&value))?;
            Ok(value)
        });
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(BuiltinError::Undefined) => Ok(None),
            Err(BuiltinError::Limit(limit)) => Err(EvalError::Limit { at, limit }.into()),
            Err(BuiltinError::Refused(refusal)) => Err(refused(refusal).into()),
            Err(error) if self.strict => Err(EvalError::Builtin {
                name: builtin.name,
                at,
                error,
            }
            .into()),
            Err(_) => Ok(None),
        }
    }

    // Negation and quantification.

    fn negation(&mut self, frame: Frame<'a>, body: &'a [Literal], mut state: State) -> Result<Vec<State>> {
        let first = self.next_var;
        let inner = state.inner(state.env.clone());
        let mut ways = Vec::new();
        for way in self.body(frame, body, vec![inner])? {
            let mut out = way.out;
            super::propagate::simplify(&mut out, &mut [], &|var| var < first);
            if out.is_empty() {
                return Ok(Vec::new());
            }
            if !ways.contains(&out) {
                ways.push(out);
            }
        }
        let plain = ways.iter().all(|way| match way.as_slice() {
            [statement] => may_be_negated(statement) && vars_of(way).iter().all(|var| *var < first),
            _ => false,
        });
        if plain {
            for statement in ways.into_iter().flatten() {
                state.push(Kind::Not(Box::new(statement)));
            }
        } else {
            let call = self.helper(ways, first);
            state.push(Kind::Not(Box::new(call)));
        }
        Ok(vec![state])
    }

    /// `every` over known elements, if each of them leaves one condition at most.
    fn unroll(
        &mut self,
        frame: Frame<'a>,
        (key, value): (Var, Var),
        domain: &Value,
        body: &'a [Literal],
        state: State,
    ) -> Result<Option<Vec<State>>> {
        let Some(elements) = entries_of(domain) else {
            return Ok(Some(Vec::new()));
        };
        if elements.len() > UNROLLED {
            return Ok(None);
        }
        let mut state = state;
        for (k, v) in elements {
            let env = state.env.clone();
            let before = state.out.len();
            let many = state.many;
            state.env.insert(key, Term::Const(k));
            state.env.insert(value, Term::Const(v));
            let mut ways = self.body(frame, body, vec![state.clone()])?;
            if ways.iter().any(|way| way.dead) {
                return Ok(None);
            }
            match ways.iter().position(|way| way.out.len() == before) {
                // It holds for this element whatever the unknowns are.
                Some(_) => {}
                None if ways.is_empty() => return Ok(Some(Vec::new())),
                None if ways.len() == 1 => state = ways.remove(0),
                None => return Ok(None),
            }
            if state.out.len() > UNROLLED_STATEMENTS {
                return Ok(None);
            }
            state.env = env;
            state.many = many;
        }
        Ok(Some(vec![state]))
    }
}

/// A state in which a term must be defined and not false.
pub(super) fn truthy(term: Term, mut state: State) -> Option<State> {
    match state.resolved(&term) {
        Term::Const(value) => (value != Value::Bool(false)).then_some(state),
        Term::Var(var) => {
            state.push(Kind::Test(Term::Var(var)));
            Some(state)
        }
        _ => Some(state),
    }
}

/// The elements of a collection with their keys, as iteration gives them.
pub(super) fn entries_of(value: &Value) -> Option<Vec<(Value, Value)>> {
    Some(match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                (
                    Value::from(i64::try_from(index).unwrap_or(i64::MAX)),
                    item.clone(),
                )
            })
            .collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        Value::Set(items) => items.iter().map(|item| (item.clone(), item.clone())).collect(),
        _ => return None,
    })
}

fn collected(states: Vec<(State, Vec<Term>)>, make: impl Fn(Vec<Term>) -> Term) -> Vec<(State, Term)> {
    states
        .into_iter()
        .map(|(state, terms)| (state, make(terms)))
        .collect()
}

/// Statements that are left to the evaluator as a whole when they are known.
fn delegated(literal: &Literal) -> bool {
    !literal.with.is_empty()
        || matches!(
            literal.kind,
            LiteralKind::Not { .. }
                | LiteralKind::Every { .. }
                | LiteralKind::Call {
                    function: Function::Rule(_),
                    ..
                }
        )
}

/// Whether `not` before a statement means the same whether or not what is inside of calls is evaluated first.
fn may_be_negated(statement: &Statement) -> bool {
    let closed = |term: &Term| !matches!(term, Term::Ref(_) | Term::Comprehension(_));
    statement.with.is_empty()
        && match &statement.kind {
            Kind::Test(_) | Kind::Unify(..) => true,
            Kind::NotEqual(a, b) => closed(a) && closed(b),
            Kind::Call { args, out, .. } => out.is_none() && args.iter().all(closed),
            Kind::Not(_) | Kind::Every { .. } => false,
        }
}
