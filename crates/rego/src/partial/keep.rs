//! Statements that are kept as they stand, with what is known put in for their variables: under `with`, and in closures.
//!
//! A closure has a single body, so what iterates in it can't be split over several queries, and arrays depend on how often a body
//! holds. So closures are translated, not evaluated. Rules that they refer to are kept in support modules.

use std::sync::Arc;

use stele_types::Value;

use super::deps::{Knowledge, constant_prefix, knowledge};
use super::state::{Frame, State};
use super::term::{
    Callee, Collects, Conjunction, Kind, Replacement, Statement, Target, Term, TermComprehension, TermRef,
    TermRoot, TermWith, vars_of,
};
use super::{Partial, Result};
use crate::compile::hir::{
    Comprehension, ComprehensionHead, Expr, Function, Literal, LiteralKind, Path, Ref, Root, Var, With,
    WithTarget, WithValue,
};

/// How references to `data` are translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The documents are those of the question: rules are evaluated partially, known base documents are constants.
    Plain,
    /// The documents may be others: rules and base documents are copied.
    Whole,
}

impl<'a> Partial<'a> {
    /// A statement of a body is kept; its variables become the residual's.
    pub(super) fn kept(
        &mut self,
        frame: Frame<'a>,
        literal: &'a Literal,
        mut state: State,
    ) -> Result<Vec<State>> {
        let mut out = Vec::new();
        let bound = state.env.len();
        self.keep_literal(frame, literal, Mode::Plain, &mut state, &mut out)?;
        state.out.append(&mut out);
        state.many |= state.env.len() > bound;
        Ok(vec![state])
    }

    pub(super) fn keep_comprehension(
        &mut self,
        frame: Frame<'a>,
        inner: &'a Comprehension,
        state: &mut State,
    ) -> Result<Term> {
        self.comprehension(frame, inner, Mode::Plain, state)
    }

    fn comprehension(
        &mut self,
        frame: Frame<'a>,
        inner: &'a Comprehension,
        mode: Mode,
        state: &mut State,
    ) -> Result<Term> {
        let (outer, first) = (state.env.clone(), self.next_var);
        let mut body = Vec::new();
        self.keep_body(frame, &inner.body, mode, state, &mut body)?;
        let (collects, head) = match &inner.head {
            ComprehensionHead::Array(term) => (Collects::Array, vec![term]),
            ComprehensionHead::Set(term) => (Collects::Set, vec![term]),
            ComprehensionHead::Object(key, value) => (Collects::Object, vec![key, value]),
        };
        let mut terms = Vec::new();
        for term in head {
            terms.push(self.keep_term(frame, term, mode, state, &mut body)?);
        }
        state.env = outer;
        super::propagate::simplify(&mut body, &mut terms, &|var| var < first);
        if body.is_empty() {
            body.push(Kind::Test(Term::boolean(true)).into());
        }
        Ok(Term::Comprehension(Box::new(TermComprehension {
            collects,
            head: terms,
            body,
        })))
    }

    pub(super) fn keep_body(
        &mut self,
        frame: Frame<'a>,
        body: &'a [Literal],
        mode: Mode,
        state: &mut State,
        out: &mut Conjunction,
    ) -> Result<()> {
        for literal in body {
            self.charge(frame, literal.span, 64)?;
            self.keep_literal(frame, literal, mode, state, out)?;
        }
        Ok(())
    }

    fn keep_literal(
        &mut self,
        frame: Frame<'a>,
        literal: &'a Literal,
        mode: Mode,
        state: &mut State,
        out: &mut Conjunction,
    ) -> Result<()> {
        let mut with = Vec::new();
        for modifier in &literal.with {
            self.keep_with(frame, modifier, mode, state, out, &mut with)?;
        }
        let mode = if literal.with.is_empty() {
            mode
        } else {
            Mode::Whole
        };
        // What comes before the statement stands under its modifiers too.
        let start = out.len();
        let kind = match &literal.kind {
            LiteralKind::Test(term) => Kind::Test(self.keep_term(frame, term, mode, state, out)?),
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) => {
                let pattern = state.is_pattern(b);
                let a = self.keep_term(frame, a, mode, state, out)?;
                let b = self.keep_term(frame, b, mode, state, out)?;
                let (pattern, value) = if pattern { (b, a) } else { (a, b) };
                let value = self.apart(frame, &pattern, value, out);
                Kind::Unify(pattern, value)
            }
            LiteralKind::NotEqual(a, b) => {
                let a = self.keep_term(frame, a, mode, state, out)?;
                Kind::NotEqual(a, self.keep_term(frame, b, mode, state, out)?)
            }
            LiteralKind::Call {
                function,
                args,
                out: result,
            } => {
                let function = self.keep_function(function, mode)?;
                let mut terms = Vec::new();
                for arg in args {
                    terms.push(self.keep_term(frame, arg, mode, state, out)?);
                }
                let result = match result {
                    Some(result) => Some(self.keep_term(frame, result, mode, state, out)?),
                    None => None,
                };
                Kind::Call {
                    function,
                    args: terms,
                    out: result,
                }
            }
            LiteralKind::Not { body, .. } => self.keep_negation(frame, body, mode, state)?,
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
                ..
            } => {
                let domain = self.keep_term(frame, domain, mode, state, out)?;
                let outer = state.env.clone();
                let key = self.bind(frame, *key, state);
                let value = self.bind(frame, *value, state);
                let first = self.next_var;
                let mut inner = Vec::new();
                self.keep_body(frame, body, mode, state, &mut inner)?;
                state.env = outer;
                super::propagate::simplify(&mut inner, &mut [], &|var| var < first);
                if inner.is_empty() {
                    inner.push(Kind::Test(Term::boolean(true)).into());
                }
                Kind::Every {
                    key,
                    value,
                    domain,
                    body: inner,
                }
            }
        };
        out.push(kind.into());
        for statement in out.iter_mut().skip(start) {
            statement.with.extend(with.iter().cloned());
        }
        Ok(())
    }

    /// The value that a pattern is matched against: as a variable, because of two patterns that don't match neither binds anything.
    fn apart(&mut self, frame: Frame<'a>, pattern: &Term, value: Term, out: &mut Conjunction) -> Term {
        let composite = |term: &Term| {
            matches!(
                term,
                Term::Array(_) | Term::Object(_) | Term::Const(Value::Array(_) | Value::Object(_))
            )
        };
        if matches!(pattern, Term::Const(_)) || !composite(pattern) || !composite(&value) {
            return value;
        }
        let var = Term::Var(self.fresh(frame, None));
        out.push(Kind::Unify(var.clone(), value).into());
        var
    }

    fn bind(&mut self, frame: Frame<'a>, var: Var, state: &mut State) -> u32 {
        let fresh = self.fresh(frame, Some(var));
        state.env.insert(var, Term::Var(fresh));
        fresh
    }

    fn keep_negation(
        &mut self,
        frame: Frame<'a>,
        body: &'a [Literal],
        mode: Mode,
        state: &mut State,
    ) -> Result<Kind> {
        let first = self.next_var;
        let outer = state.env.clone();
        let mut inner = Vec::new();
        self.keep_body(frame, body, mode, state, &mut inner)?;
        state.env = outer;
        let own = vars_of(&inner).iter().any(|var| *var >= first);
        let negated = match (inner.pop(), inner.is_empty()) {
            (Some(one), true) if !own && !matches!(one.kind, Kind::Not(_) | Kind::Every { .. }) => one,
            (last, _) => {
                inner.extend(last);
                self.helper(vec![inner], first)
            }
        };
        Ok(Kind::Not(Box::new(negated)))
    }

    fn keep_with(
        &mut self,
        frame: Frame<'a>,
        with: &'a With,
        mode: Mode,
        state: &mut State,
        out: &mut Conjunction,
        modifiers: &mut Vec<TermWith>,
    ) -> Result<()> {
        let value = match &with.value {
            WithValue::Value(term) => Replacement::Term(self.keep_term(frame, term, mode, state, out)?),
            WithValue::Function(function) => {
                Replacement::Function(self.keep_function(function, Mode::Whole)?)
            }
        };
        let mut push = |target, value: &Replacement| {
            modifiers.push(TermWith {
                target,
                value: value.clone(),
            });
        };
        match &with.target {
            WithTarget::Input(path) => push(Target::Input(path.clone()), &value),
            WithTarget::Function(function) => {
                let function = self.keep_function(function, Mode::Whole)?;
                push(Target::Function(function), &value);
            }
            WithTarget::Data(path) => {
                let standing = knowledge(&self.deps_unknowns().data, path);
                if standing != Knowledge::Known {
                    push(Target::Data(path.clone()), &value);
                }
                if standing != Knowledge::Unknown {
                    if path.is_empty() {
                        let what = "`with data as ...` depends on unknowns; replace a part of `data`";
                        return Err(self.unsupported(what));
                    }
                    let (path, value) = self.replaced(path, value);
                    self.targets.insert(path.clone());
                    push(Target::Data(self.whole_reference(&path)?), &value);
                }
            }
        }
        Ok(())
    }

    /// What is replaced when something below a value without members is: that value.
    fn replaced(&self, path: &Path, value: Replacement) -> (Path, Replacement) {
        let plain = (1..path.len()).find_map(|length| {
            let above = path.get(..length)?;
            let found = self.base_at(above)?;
            (!matches!(found, Value::Object(_))).then_some(length)
        });
        match (plain.and_then(|length| path.split_at_checked(length)), value) {
            (Some((above, below)), Replacement::Term(term)) => {
                let nested = below
                    .iter()
                    .rev()
                    .fold(term, |term, name| Term::object(vec![(Term::string(name), term)]));
                (above.to_vec(), Replacement::Term(nested))
            }
            (_, value) => (path.clone(), value),
        }
    }

    fn keep_function(&mut self, function: &Function, mode: Mode) -> Result<Callee> {
        let path = match function {
            Function::Builtin(name) => return Ok(Callee::Builtin(name.clone())),
            Function::Rule(path) => path,
        };
        let Some((id, _)) = self.checked.tree.function(path) else {
            return Err(self.unsupported("an unknown function is called"));
        };
        let Some(group) = self.checked.tree.groups.get(id) else {
            return Err(self.unsupported("an unknown function is called"));
        };
        Ok(Callee::Rule(match mode {
            Mode::Plain => self.support_reference(id, group),
            Mode::Whole => self.whole_function(id, &group.path),
        }))
    }

    // Terms.

    pub(super) fn keep_term(
        &mut self,
        frame: Frame<'a>,
        term: &'a Expr,
        mode: Mode,
        state: &mut State,
        out: &mut Conjunction,
    ) -> Result<Term> {
        Ok(match term {
            Expr::Null => Term::Const(Value::Null),
            Expr::Bool(value) => Term::boolean(*value),
            Expr::Number(text) => self.number(text)?,
            Expr::String(text) => Term::Const(Value::String(text.clone())),
            Expr::Var(var) => match state.local(*var) {
                Some(term) => term,
                None => Term::Var(self.bind(frame, *var, state)),
            },
            Expr::Array(terms) => Term::array(self.keep_terms(frame, terms, mode, state, out)?),
            Expr::Set(terms) => Term::set(self.keep_terms(frame, terms, mode, state, out)?),
            Expr::Object(pairs) => {
                let mut kept = Vec::new();
                for (key, value) in pairs {
                    let key = self.keep_term(frame, key, mode, state, out)?;
                    kept.push((key, self.keep_term(frame, value, mode, state, out)?));
                }
                Term::object(kept)
            }
            Expr::Comprehension(inner) => self.comprehension(frame, inner, mode, state)?,
            Expr::Ref(reference) => return self.keep_reference(frame, reference, mode, state, out),
        })
    }

    fn keep_terms(
        &mut self,
        frame: Frame<'a>,
        terms: &'a [Expr],
        mode: Mode,
        state: &mut State,
        out: &mut Conjunction,
    ) -> Result<Vec<Term>> {
        terms
            .iter()
            .map(|term| self.keep_term(frame, term, mode, state, out))
            .collect()
    }

    fn keep_reference(
        &mut self,
        frame: Frame<'a>,
        reference: &'a Ref,
        mode: Mode,
        state: &mut State,
        out: &mut Conjunction,
    ) -> Result<Term> {
        let path = self.keep_terms(frame, &reference.path, mode, state, out)?;
        let root = match reference.root {
            Root::Input => TermRoot::Input,
            Root::Data => return self.keep_data(&reference.path, path, mode),
            Root::Var(var) => match state.local(var) {
                Some(Term::Var(var)) => TermRoot::Var(var),
                // A reference begins with a name.
                Some(known) => {
                    let root = self.fresh(frame, None);
                    out.push(Kind::Unify(Term::Var(root), known).into());
                    TermRoot::Var(root)
                }
                None => return Err(self.unsupported("a variable has no value where it is needed")),
            },
        };
        match root {
            TermRoot::Var(var) if path.is_empty() => Ok(Term::Var(var)),
            _ => Ok(Term::Ref(Box::new(TermRef { root, path }))),
        }
    }

    /// A reference below `data`; `path` is what became of `parts`.
    fn keep_data(&mut self, parts: &[Expr], path: Vec<Term>, mode: Mode) -> Result<Term> {
        let (prefix, _) = constant_prefix(parts);
        let unknown = (0..=prefix.len()).find(|length| {
            prefix
                .get(..*length)
                .is_some_and(|at| knowledge(&self.deps_unknowns().data, at) == Knowledge::Unknown)
        });
        if unknown.is_some() {
            return Ok(Term::reference(TermRoot::Data, path));
        }
        if mode == Mode::Plain
            && path.len() == prefix.len()
            && let Some(value) = self.known_scalar(&prefix)
        {
            return Ok(Term::Const(value));
        }
        if mode == Mode::Plain
            && let Some(id) = self.checked.tree.document(&prefix)
            && let Some(group) = self.checked.tree.groups.get(id)
        {
            let own = self.support_reference(id, group);
            let rest = path.into_iter().skip(group.path.len());
            let path = own.iter().map(|name| Term::string(name)).chain(rest).collect();
            return Ok(Term::reference(TermRoot::Data, path));
        }
        if knowledge(&self.deps_unknowns().data, &prefix) == Knowledge::Partly {
            let name = crate::compile::tree::ref_text(&prefix);
            return Err(self.unsupported(&format!(
                "what is below `{name}` is read in a closure or under `with`, but parts of it are unknown; declare all of it unknown"
            )));
        }
        let own = self.whole_reference(&prefix)?;
        let rest = path.into_iter().skip(prefix.len());
        let path = own.iter().map(|name| Term::string(name)).chain(rest).collect();
        Ok(Term::reference(TermRoot::Data, path))
    }

    /// A base document that is a constant without parts.
    fn known_scalar(&self, path: &[Arc<str>]) -> Option<Value> {
        let ruled = self.checked.tree.document(path).is_some() || self.checked.tree.node(path).is_some();
        if ruled || knowledge(&self.deps_unknowns().data, path) != Knowledge::Known {
            return None;
        }
        let value = self.base_at(path)?;
        let scalar = !matches!(value, Value::Array(_) | Value::Object(_) | Value::Set(_));
        scalar.then(|| value.clone())
    }

    /// A function of the support modules that holds when one of the `ways` does. The variables before `first` are its arguments.
    pub(super) fn helper(&mut self, ways: Vec<Conjunction>, first: u32) -> Statement {
        let mut args = std::collections::BTreeSet::new();
        for way in &ways {
            args.extend(vars_of(way).into_iter().filter(|var| *var < first));
        }
        let args: Vec<u32> = args.into_iter().collect();
        self.helpers = self.helpers.saturating_add(1);
        let path: Path = vec![
            Arc::from(super::NAMESPACE),
            Arc::from(format!("__cond{}__", self.helpers)),
        ];
        if ways.iter().any(|way| self.may_fail(way)) {
            self.failing_helpers.insert(path.clone());
        }
        for body in ways {
            self.rules.push(super::term::SupportRule {
                default: false,
                path: path.clone(),
                suffix: Vec::new(),
                args: (!args.is_empty()).then(|| args.clone()),
                contains: false,
                branches: vec![super::term::SupportBranch {
                    value: Term::boolean(true),
                    body,
                }],
            });
        }
        if args.is_empty() {
            let path = path.iter().map(|name| Term::string(name)).collect();
            return Kind::Test(Term::reference(TermRoot::Data, path)).into();
        }
        Kind::Call {
            function: Callee::Rule(path),
            args: args.into_iter().map(Term::Var).collect(),
            out: None,
        }
        .into()
    }
}
