//! What depends on no unknown is left to the evaluator of plans, so that it means what it always means.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use stele_types::Value;

use super::state::{Frame, State};
use super::term::Term;
use super::{Partial, PartialError, Result};
use crate::compile::hir::{Branch, Expr, Literal, LiteralKind, Path, Ref, Root, Var};
use crate::eval::{Evaluator, NoTrace, Options};
use crate::source::Span;

/// Where a plan finds the values of variables: a name below `data` that no policy has.
pub(super) const BOUND: &str = "\u{0}bound";

/// Plans made so far.
#[derive(Default)]
pub(super) struct Plans {
    /// By the address of the tree's part, and by what is bound.
    parts: HashMap<(usize, Vec<Var>), Rc<Part>>,
    documents: HashMap<Path, Option<Value>>,
}

/// The plan of a statement.
struct Part {
    evaluator: Evaluator,
    results: Vec<Var>,
    /// The plan has the values of what is bound in it.
    written: bool,
}

impl<'a> Partial<'a> {
    /// The value of a document that depends on no unknown.
    pub(super) fn known_document(&mut self, frame: Frame<'a>, path: &Path) -> Result<Option<Value>> {
        if let Some(value) = self.plans.documents.get(path) {
            return Ok(value.clone());
        }
        let reference = Ref {
            root: Root::Data,
            path: path.iter().cloned().map(Expr::String).collect(),
        };
        let branch = Branch {
            vars: Vec::new(),
            params: Vec::new(),
            body: Vec::new(),
            suffix: Vec::new(),
            value: Expr::Ref(Box::new(reference)),
            span: Span::default(),
        };
        let evaluator = self.prepared(frame, &branch)?;
        let data = self.data.clone();
        let value = self.query_rows(&evaluator, &data)?.pop();
        self.plans.documents.insert(path.clone(), value.clone());
        Ok(value)
    }

    /// All ways in which a statement that depends on no unknown holds.
    pub(super) fn known_literal(
        &mut self,
        frame: Frame<'a>,
        literal: &'a Literal,
        state: State,
    ) -> Result<Vec<State>> {
        let address = std::ptr::from_ref(literal).addr();
        let vars: Vec<Var> = literal.var_set().into_iter().collect();
        let part = self.part(frame, address, &vars, &state, || literal.clone())?;
        let mut out = Vec::new();
        for row in self.rows(&part, &vars, &state)? {
            let mut state = state.clone();
            self.charge(frame, literal.span, state.weight())?;
            for (var, value) in part.results.iter().zip(row) {
                state.env.insert(*var, Term::Const(value));
            }
            out.push(state);
        }
        Ok(out)
    }

    /// The values of a term that depends on no unknown.
    pub(super) fn known_term(
        &mut self,
        frame: Frame<'a>,
        term: &'a Expr,
        state: &State,
    ) -> Result<Vec<Value>> {
        let address = std::ptr::from_ref(term).addr();
        let mut vars = Vec::new();
        term.vars(&mut |var| vars.push(var));
        vars.sort_unstable();
        vars.dedup();
        let result = Var(u32::try_from(frame.branch.vars.len()).unwrap_or(u32::MAX));
        vars.push(result);
        let part = self.part(frame, address, &vars, state, || {
            plain(LiteralKind::Unify(Expr::Var(result), term.clone()))
        })?;
        let rows = self.rows(&part, &vars, state)?;
        Ok(rows
            .into_iter()
            .filter_map(|row| row.into_iter().next_back())
            .collect())
    }

    fn part(
        &mut self,
        frame: Frame<'a>,
        address: usize,
        vars: &[Var],
        state: &State,
        literal: impl FnOnce() -> Literal,
    ) -> Result<Rc<Part>> {
        let (bound, results): (Vec<Var>, Vec<Var>) = vars.iter().partition(|var| state.env.contains_key(var));
        let key = (address, bound);
        if let Some(part) = self.plans.parts.get(&key) {
            return Ok(Rc::clone(part));
        }
        let literal = literal();
        // What reads all of `data` would see the values there: they are written into its plan, which nothing else can use.
        let written = self.everything.literal(&literal);
        let given = key.1.iter().map(|var| {
            let value = match state.local(*var) {
                Some(Term::Const(value)) if written => expression(&value),
                _ => Expr::Ref(Box::new(Ref {
                    root: Root::Data,
                    path: vec![Expr::String(Arc::from(BOUND)), Expr::String(name(*var))],
                })),
            };
            plain(LiteralKind::Unify(Expr::Var(*var), value))
        });
        let branch = Branch {
            vars: frame.branch.vars.clone(),
            params: Vec::new(),
            body: given.chain([literal]).collect(),
            suffix: Vec::new(),
            value: Expr::Array(results.iter().copied().map(Expr::Var).collect()),
            span: frame.branch.span,
        };
        let part = Rc::new(Part {
            evaluator: self.prepared(frame, &branch)?,
            results,
            written,
        });
        if written {
            return Ok(part);
        }
        self.plans.parts.insert(key, Rc::clone(&part));
        Ok(part)
    }

    fn prepared(&self, frame: Frame<'a>, branch: &Branch) -> Result<Evaluator> {
        let plan = self
            .checked
            .plan(Vec::new(), &self.compile, None, |planner| {
                planner.query("known", frame.file, branch);
            })
            .map_err(PartialError::Compile)?;
        let options = Options {
            strict_builtin_errors: self.strict,
        };
        Evaluator::with_options(&plan, options).map_err(|error| self.unsupported(&error.to_string()))
    }

    /// The values of the variables that a statement binds, for each way in which it holds.
    fn rows(&mut self, part: &Part, vars: &[Var], state: &State) -> Result<Vec<Vec<Value>>> {
        let given = vars.iter().filter_map(|var| match state.local(*var) {
            Some(Term::Const(value)) => Some((Value::String(name(*var)), value)),
            _ => None,
        });
        let given = Value::object(given.collect::<Vec<_>>());
        let data = match self.data {
            Value::Object(map) if !part.written => {
                let bound = (Value::string(BOUND), given);
                Value::object(
                    map.iter()
                        .map(|(key, value)| (key.clone(), value.clone()))
                        .chain([bound]),
                )
            }
            other => other.clone(),
        };
        let rows = self.query_rows(&part.evaluator, &data)?;
        Ok(rows
            .into_iter()
            .filter_map(|row| match row {
                Value::Array(items) => Some(items.to_vec()),
                _ => None,
            })
            .collect())
    }

    fn query_rows(&mut self, evaluator: &Evaluator, data: &Value) -> Result<Vec<Value>> {
        let rows = evaluator.evaluate_in(&mut self.session, "known", self.input, data, &mut NoTrace);
        Ok(rows?)
    }
}

fn name(var: Var) -> Arc<str> {
    Arc::from(var.0.to_string())
}

fn plain(kind: LiteralKind) -> Literal {
    Literal {
        kind,
        with: Vec::new(),
        span: Span::default(),
        negated: false,
        statement: None,
    }
}

/// A value as a term.
fn expression(value: &Value) -> Expr {
    match value {
        Value::Null => Expr::Null,
        Value::Bool(value) => Expr::Bool(*value),
        Value::Number(number) => Expr::Number(Arc::from(number.to_string())),
        Value::String(text) => Expr::String(text.clone()),
        Value::Array(items) => Expr::Array(items.iter().map(expression).collect()),
        Value::Set(items) => Expr::Set(items.iter().map(expression).collect()),
        Value::Object(map) => Expr::Object(
            map.iter()
                .map(|(key, value)| (expression(key), expression(value)))
                .collect(),
        ),
    }
}
