//! References: followed as far as documents are known, enumerated where only a key is unknown, put off otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_types::Value;

use super::deps::{Knowledge, constant_prefix, knowledge};
use super::groups::Demand;
use super::solve::entries_of;
use super::state::{Frame, State};
use super::term::{Kind, Term, TermRef, TermRoot};
use super::{Partial, Result};
use crate::compile::hir::{Expr, Path, Ref, Root};
use crate::compile::tree::NodeId;

/// A place below `data`: its path, and its node if rules are at or below it.
#[derive(Clone, Debug)]
struct Place {
    node: Option<NodeId>,
    at: Path,
}

impl<'a> Partial<'a> {
    pub(super) fn reference(
        &mut self,
        frame: Frame<'a>,
        reference: &'a Ref,
        state: State,
        demand: &Demand,
    ) -> Result<Vec<(State, Term)>> {
        match reference.root {
            Root::Var(var) => match state.local(var) {
                Some(root) => self.steps(frame, root, &reference.path, state),
                None => Err(self.unsupported("a variable has no value where it is needed")),
            },
            Root::Input => self.input(frame, &reference.path, state),
            Root::Data => {
                let root = Place {
                    node: Some(0),
                    at: Path::new(),
                };
                self.data(frame, root, &reference.path, state, demand)
            }
        }
    }

    fn input(&mut self, frame: Frame<'a>, path: &'a [Expr], state: State) -> Result<Vec<(State, Term)>> {
        let (prefix, _) = constant_prefix(path);
        if knowledge(&self.deps_unknowns().input, &prefix) != Knowledge::Known {
            return self.put_off(frame, TermRoot::Input, Vec::new(), path, state);
        }
        match self.input.cloned() {
            Some(input) => self.steps(frame, Term::Const(input), path, state),
            None => Ok(Vec::new()),
        }
    }

    /// The reference is left to be followed later. `prefix` comes before `path`.
    pub(super) fn put_off(
        &mut self,
        frame: Frame<'a>,
        root: TermRoot,
        prefix: Vec<Term>,
        path: &'a [Expr],
        state: State,
    ) -> Result<Vec<(State, Term)>> {
        let open = path.iter().any(|part| state.is_open(part));
        let mut out = Vec::new();
        for (mut state, parts) in self.open_terms(frame, path.iter().collect(), state)? {
            let mut all = prefix.clone();
            all.extend(parts);
            if let (TermRoot::Var(var), true) = (root, all.is_empty()) {
                out.push((state, Term::Var(var)));
                continue;
            }
            let reference = TermRef { root, path: all };
            if let (Some(var), false) = (state.reference(&reference), open) {
                let term = state.resolved(&Term::Var(var));
                out.push((state, term));
                continue;
            }
            let var = self.fresh(frame, None);
            state.push(Kind::Unify(
                Term::Var(var),
                Term::Ref(Box::new(reference.clone())),
            ));
            state.many |= open;
            if !open {
                state.remember(reference, var);
            }
            out.push((state, Term::Var(var)));
        }
        Ok(out)
    }

    /// Follows the parts of a path from a value on.
    pub(super) fn steps(
        &mut self,
        frame: Frame<'a>,
        value: Term,
        path: &'a [Expr],
        state: State,
    ) -> Result<Vec<(State, Term)>> {
        let Some((part, rest)) = path.split_first() else {
            return Ok(vec![(state, value)]);
        };
        match state.resolved(&value) {
            Term::Var(var) => self.put_off(frame, TermRoot::Var(var), Vec::new(), path, state),
            Term::Const(collection) => {
                if let (false, Some(Term::Const(key))) = (state.is_open(part), self.closed(part, &state)) {
                    return match collection.index(&key).cloned() {
                        Some(value) => self.steps(frame, Term::Const(value), rest, state),
                        None => Ok(Vec::new()),
                    };
                }
                let entries = entries_of(&collection).unwrap_or_default();
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| (Term::Const(key), Term::Const(value)))
                    .collect();
                self.enumerate(frame, entries, part, rest, state)
            }
            Term::Array(items) => {
                let entries = items.into_iter().enumerate().map(|(index, item)| {
                    let index = Value::from(i64::try_from(index).unwrap_or(i64::MAX));
                    (Term::Const(index), item)
                });
                let entries = entries.collect();
                self.enumerate(frame, entries, part, rest, state)
            }
            Term::Set(items) => {
                let entries = items.into_iter().map(|item| (item.clone(), item)).collect();
                self.enumerate(frame, entries, part, rest, state)
            }
            object => match super::unify::entries(&object) {
                Some(entries) => self.enumerate(frame, entries, part, rest, state),
                None => {
                    let mut state = state;
                    let var = self.fresh(frame, None);
                    state.push(Kind::Unify(Term::Var(var), object));
                    self.put_off(frame, TermRoot::Var(var), Vec::new(), path, state)
                }
            },
        }
    }

    /// Each entry whose key may be `part`.
    fn enumerate(
        &mut self,
        frame: Frame<'a>,
        entries: Vec<(Term, Term)>,
        part: &'a Expr,
        rest: &'a [Expr],
        state: State,
    ) -> Result<Vec<(State, Term)>> {
        let mut out = Vec::new();
        for (key, value) in entries {
            self.charge(frame, frame.branch.span, state.weight())?;
            for state in self.matches(frame, part, &key, state.clone())? {
                out.extend(self.steps(frame, value.clone(), rest, state)?);
            }
        }
        Ok(out)
    }

    // Data.

    fn data(
        &mut self,
        frame: Frame<'a>,
        place: Place,
        path: &'a [Expr],
        state: State,
        demand: &Demand,
    ) -> Result<Vec<(State, Term)>> {
        let standing = knowledge(&self.deps_unknowns().data, &place.at);
        if standing == Knowledge::Unknown {
            let prefix = place.at.iter().map(|name| Term::string(name)).collect();
            return self.put_off(frame, TermRoot::Data, prefix, path, state);
        }
        let node = place.node.and_then(|node| self.checked.tree.nodes.get(node));
        if let Some(group) = node.and_then(|node| node.group) {
            return self.document(frame, group, path, state, demand);
        }
        if node.is_none() && standing == Knowledge::Known {
            return self.base(frame, &place.at, path, state);
        }
        let Some((first, rest)) = path.split_first() else {
            return self.extent(frame, &place, standing, state);
        };
        if let Expr::String(name) = first {
            let below = self.below(&place, name);
            return self.data(frame, below, rest, state, demand);
        }
        let mut out = Vec::new();
        for name in self.names_below(&place) {
            let key = Term::Const(Value::String(name.clone()));
            for state in self.matches(frame, first, &key, state.clone())? {
                self.charge(frame, frame.branch.span, state.weight())?;
                let below = self.below(&place, &name);
                out.extend(self.data(frame, below, rest, state, demand)?);
            }
        }
        Ok(out)
    }

    fn below(&self, place: &Place, name: &Arc<str>) -> Place {
        let node = place.node.and_then(|node| self.checked.tree.nodes.get(node));
        let mut at = place.at.clone();
        at.push(name.clone());
        Place {
            node: node.and_then(|node| node.children.get(name).copied()),
            at,
        }
    }

    /// The names of all documents directly below a place.
    fn names_below(&self, place: &Place) -> BTreeSet<Arc<str>> {
        let node = place.node.and_then(|node| self.checked.tree.nodes.get(node));
        let mut names: BTreeSet<Arc<str>> = node
            .into_iter()
            .flat_map(|node| node.children.keys().cloned())
            .collect();
        if let Some(Value::Object(map)) = self.base_at(&place.at) {
            names.extend(map.keys().filter_map(|key| match key {
                Value::String(name) => Some(name.clone()),
                _ => None,
            }));
        }
        let unknown = self.deps_unknowns().data.iter();
        names.extend(
            unknown
                .filter(|path| path.starts_with(&place.at))
                .filter_map(|path| path.get(place.at.len()).cloned()),
        );
        names
    }

    /// The base document at a path.
    pub(super) fn base_at(&self, path: &[Arc<str>]) -> Option<&'a Value> {
        let mut at = self.data;
        for name in path {
            at = at.index(&Value::String(name.clone()))?;
        }
        Some(at)
    }

    fn base(
        &mut self,
        frame: Frame<'a>,
        at: &Path,
        path: &'a [Expr],
        state: State,
    ) -> Result<Vec<(State, Term)>> {
        match self.base_at(at) {
            Some(value) => self.base_value(frame, value.clone(), path, state),
            None => Ok(Vec::new()),
        }
    }

    /// As [`Self::steps`], but a number that is written out names the members of objects too, as in a plan.
    fn base_value(
        &mut self,
        frame: Frame<'a>,
        value: Value,
        path: &'a [Expr],
        state: State,
    ) -> Result<Vec<(State, Term)>> {
        let number = path.iter().position(|part| matches!(part, Expr::Number(_)));
        let (before, after) = path.split_at(number.unwrap_or(path.len()));
        let mut out = Vec::new();
        for (state, term) in self.steps(frame, Term::Const(value), before, state)? {
            let Some((Expr::Number(text), rest)) = after.split_first() else {
                out.push((state, term));
                continue;
            };
            let number = self.number(text)?;
            let found = term.constant().and_then(|found| {
                let by_name = found.index(&Value::string(text));
                by_name.or_else(|| found.index(number.constant()?))
            });
            if let Some(found) = found.cloned() {
                out.extend(self.base_value(frame, found, rest, state)?);
            }
        }
        Ok(out)
    }

    /// A whole package.
    fn extent(
        &mut self,
        frame: Frame<'a>,
        place: &Place,
        standing: Knowledge,
        state: State,
    ) -> Result<Vec<(State, Term)>> {
        if !self.deps.document(&place.at) {
            let value = self.known_document(frame, &place.at)?;
            return Ok(value
                .map(|value| (state, Term::Const(value)))
                .into_iter()
                .collect());
        }
        if standing == Knowledge::Partly {
            let name = crate::compile::tree::ref_text(&place.at);
            return Err(self.unsupported(&format!(
                "`{name}` is read as a whole, but parts of it are unknown; name what you read, or declare all of it unknown"
            )));
        }
        let prefix = self.whole_reference(&place.at)?;
        let prefix = prefix.iter().map(|name| Term::string(name)).collect();
        self.put_off(frame, TermRoot::Data, prefix, &[], state)
    }
}
