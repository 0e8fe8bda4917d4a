//! Rules: inlined where that can't change what a query gives, otherwise kept in a support module.
//!
//! A rule is inlined only when its group can't be in conflict with itself: when all ways to a value give one and the same
//! constant, or when there is but one way and nothing in it iterates over unknowns.

use std::sync::Arc;

use stele_types::Value;

use super::state::{Env, Frame, State};
use super::term::{Callee, Kind as StatementKind, Term, TermRoot};
use super::{Partial, Result};
use crate::compile::hir::{Expr, Path, Rule};
use crate::compile::tree::{Group, GroupId, Kind};

/// Rules further inside of each other than this are kept in support modules.
const DEEPEST: u32 = 24;

/// What is asked of a document's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Demand {
    /// The value.
    Any,
    /// Whether it is defined and not false.
    Truthy,
    /// Whether it is this.
    Equals(Value),
}

impl Demand {
    /// What a pattern asks of the value that it is matched against.
    pub(super) fn of(pattern: &Expr) -> Self {
        match pattern {
            Expr::Null => Self::Equals(Value::Null),
            Expr::Bool(value) => Self::Equals(Value::Bool(*value)),
            Expr::String(text) => Self::Equals(Value::String(text.clone())),
            _ => Self::Any,
        }
    }

    /// Whether a value is certainly what is asked for.
    fn is_met_by(&self, value: &Term) -> bool {
        match (self, value) {
            (Self::Truthy, Term::Const(value)) => *value != Value::Bool(false),
            (Self::Equals(wanted), Term::Const(value)) => value == wanted,
            _ => false,
        }
    }

    /// Whether a value can't be what is asked for.
    fn excludes(&self, value: &Value) -> bool {
        match self {
            Self::Any => false,
            Self::Truthy => *value == Value::Bool(false),
            Self::Equals(wanted) => value != wanted,
        }
    }
}

impl<'a> Partial<'a> {
    /// What a group of rules computes, from its value on.
    pub(super) fn document(
        &mut self,
        frame: Frame<'a>,
        id: GroupId,
        path: &'a [Expr],
        state: State,
        demand: &Demand,
    ) -> Result<Vec<(State, Term)>> {
        let Some(group) = self.checked.tree.groups.get(id) else {
            return Ok(Vec::new());
        };
        if !self.deps.group(id) {
            return match self.known_document(frame, &group.path)? {
                Some(value) => self.steps(frame, Term::Const(value), path, state),
                None => Ok(Vec::new()),
            };
        }
        let demand = if path.is_empty() { demand } else { &Demand::Any };
        let inlined = match (group.kind, path.split_first()) {
            (Kind::Complete, _) => self.inline(id, group, &[], &state, demand)?,
            (Kind::Set, Some((key, rest))) => {
                if self.may_inline(group)
                    && let Some(members) = self.members(frame, group, key, rest, &state)?
                {
                    return Ok(members);
                }
                None
            }
            _ => None,
        };
        if let Some(values) = inlined {
            let mut out = Vec::new();
            for (state, value) in values {
                out.extend(self.steps(frame, value, path, state)?);
            }
            return Ok(out);
        }
        let prefix = self.support_reference(id, group);
        let prefix = prefix.iter().map(|name| Term::string(name)).collect();
        self.put_off(frame, TermRoot::Data, prefix, path, state)
    }

    /// Results of a function of rules. With a demand for truth, a call that is put off has none: it is the test itself.
    pub(super) fn call_rule(
        &mut self,
        frame: Frame<'a>,
        path: &Path,
        args: Vec<Term>,
        mut state: State,
        demand: &Demand,
    ) -> Result<Vec<(State, Option<Term>)>> {
        let Some((id, _)) = self.checked.tree.function(path) else {
            return Err(self.unsupported("an unknown function is called"));
        };
        let Some(group) = self.checked.tree.groups.get(id) else {
            return Ok(Vec::new());
        };
        if let Some(values) = self.inline(id, group, &args, &state, demand)? {
            return Ok(values
                .into_iter()
                .map(|(state, value)| (state, Some(value)))
                .collect());
        }
        let function = Callee::Rule(self.support_reference(id, group));
        if *demand == Demand::Truthy {
            state.push(StatementKind::Call {
                function,
                args,
                out: None,
            });
            return Ok(vec![(state, None)]);
        }
        let result = Term::Var(self.fresh(frame, None));
        state.push(StatementKind::Call {
            function,
            args,
            out: Some(result.clone()),
        });
        Ok(vec![(state, Some(result))])
    }

    fn may_inline(&self, group: &Group) -> bool {
        let disabled = |path: &Path| group.path.starts_with(path) || path.starts_with(&group.path);
        let alternatives = group
            .rules
            .iter()
            .filter_map(|id| self.checked.rules.get(id))
            .any(|rule| rule.branches.len() > 1);
        !alternatives
            && !self.options.shallow_inlining
            && self.depth < DEEPEST
            && !self.disabled.iter().any(disabled)
    }

    /// The values of a complete document or function with what they depend on; `None` if it must be kept as it is.
    fn inline(
        &mut self,
        id: GroupId,
        group: &'a Group,
        args: &[Term],
        state: &State,
        demand: &Demand,
    ) -> Result<Option<Vec<(State, Term)>>> {
        let key = (id, demand.clone());
        if !self.may_inline(group) || (args.is_empty() && self.not_inlined.contains(&key)) {
            return Ok(None);
        }
        if let Some(rule) = group.default {
            let default = self
                .checked
                .rules
                .get(&rule)
                .and_then(|rule| rule.branches.first());
            let value = default.and_then(|branch| self.closed(&branch.value, &State::default()));
            let excluded =
                value.is_some_and(|value| value.constant().is_some_and(|value| demand.excludes(value)));
            if !excluded {
                return Ok(None);
            }
        }
        let mut found = Vec::new();
        for rule in group.rules.iter().filter_map(|id| self.checked.rules.get(id)) {
            match self.rule_values(rule, args, state)? {
                Some(values) => found.extend(values),
                None => return Ok(None),
            }
        }
        // What may fail must be evaluated even where its value is not what is asked for.
        let added = |way: &State| way.out.get(state.out.len()..).unwrap_or_default().to_vec();
        if found
            .iter()
            .any(|(way, value)| !demand.is_met_by(value) && self.may_fail(&added(way)))
        {
            return Ok(None);
        }
        let same = match found.first() {
            Some((_, Term::Const(first))) => found.iter().all(|(_, value)| value.constant() == Some(first)),
            _ => false,
        };
        let one = match found.as_slice() {
            [] => true,
            [(way, _)] => !way.many,
            _ => false,
        };
        if !same && !one {
            if args.is_empty() {
                self.not_inlined.insert(key);
            }
            return Ok(None);
        }
        // A way without conditions makes the others superfluous: their value is the same.
        if let Some(at) = found.iter().position(|(way, _)| way.out.len() == state.out.len()) {
            found = vec![found.swap_remove(at)];
        }
        let back = |(way, value): (State, Term)| {
            let many = state.many || (way.many && !same);
            (self.returned(way, state.env.clone(), many), value)
        };
        Ok(Some(found.into_iter().map(back).collect()))
    }

    fn returned(&self, mut way: State, env: Env, many: bool) -> State {
        way.env = env;
        way.many = many;
        way
    }

    /// All ways through a rule without `else`, with its value. The states still have the rule's own variables. `None` if one of them
    /// is kept for what may fail in it only.
    fn rule_values(
        &mut self,
        rule: &'a Rule,
        args: &[Term],
        state: &State,
    ) -> Result<Option<Vec<(State, Term)>>> {
        let Some(branch) = rule.branches.first() else {
            return Ok(Some(Vec::new()));
        };
        let frame = Frame {
            branch,
            file: rule.file,
        };
        let mut entered = state.clone();
        entered.many = false;
        entered.env = branch.params.iter().copied().zip(args.iter().cloned()).collect();
        self.depth = self.depth.saturating_add(1);
        let ways = self.body(frame, &branch.body, vec![entered]);
        self.depth = self.depth.saturating_sub(1);
        let mut out = Vec::new();
        for way in ways? {
            if way.dead {
                return Ok(None);
            }
            out.extend(self.term(frame, &branch.value, way, &Demand::Any)?);
        }
        Ok(Some(out))
    }

    /// The members of a set that may be `key`, and what is below them.
    fn members(
        &mut self,
        frame: Frame<'a>,
        group: &'a Group,
        key: &'a Expr,
        rest: &'a [Expr],
        state: &State,
    ) -> Result<Option<Vec<(State, Term)>>> {
        let iterates = state.is_open(key);
        let mut out = Vec::new();
        for rule in group.rules.iter().filter_map(|id| self.checked.rules.get(id)) {
            let Some(values) = self.rule_values(rule, &[], state)? else {
                return Ok(None);
            };
            for (way, member) in values {
                let bound = matches!(key, Expr::Var(_)) && iterates && rest.is_empty();
                if !bound && self.may_fail(way.out.get(state.out.len()..).unwrap_or_default()) {
                    return Ok(None);
                }
                let many = state.many || way.many || iterates;
                let way = self.returned(way, state.env.clone(), many);
                for way in self.matches(frame, key, &member, way)? {
                    out.extend(self.steps(frame, member.clone(), rest, way)?);
                }
            }
        }
        Ok(Some(out))
    }

    /// The path at which the support modules have a group.
    pub(super) fn support_reference(&mut self, id: GroupId, group: &Group) -> Path {
        if self.supported.insert(id) {
            self.queue.push_back(id);
        }
        std::iter::once(Arc::from(super::NAMESPACE))
            .chain(group.path.iter().cloned())
            .collect()
    }
}
