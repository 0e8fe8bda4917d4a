//! The smallest change of the input under which a denial becomes a permission.
//!
//! A search in breadth: the trace of an evaluation suggests single changes ([`stele_rego::trace::edits`]), each is made and the
//! policy evaluated again. Where no single change allows, the search goes on from the inputs with the fewest objections left. What
//! is found is verified once more as a whole, by applying the patch to the original input, and no operation of it can be left out.

use std::collections::BTreeSet;
use std::time::Instant;

use stele_rego::trace::{Op, Trace, edits};
use stele_types::{EntryPoint, Value};

use super::patch::{self, Operation};
use super::run::Traced;
use super::{ExplainError, SearchLimits};
use crate::engine::Limits;
use crate::policy::Policy;
use crate::violations::violations;

/// How many inputs a round of the search starts from, once not all can be tried.
const BEAM: usize = 3;

/// The most memory of one evaluation, in bytes: a changed input may ask for more than the one that was decided.
const MEMORY: u64 = 1 << 30;

/// How many scalars one operation may replace or remove, at first.
const LIGHT: usize = 4;

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This change of the input leads to a permission.
    Found {
        /// The operations, in order.
        patch: Vec<Operation>,
        /// The entry point's value for the changed input, evaluated again.
        result: Option<Value>,
        /// No change with fewer operations allows, of all that the search tries before larger ones. Otherwise only this is certain: none of the operations can
        /// be left out.
        smallest: bool,
    },
    /// No change was found.
    NotFound {
        /// Up to how many operations the search went.
        within: usize,
        /// How many inputs were tried.
        evaluations: usize,
    },
}

/// What speaks against an input.
pub(super) struct Objections<'a> {
    pub(super) policy: &'a Policy,
    pub(super) entry_point: &'a EntryPoint,
}

impl Objections<'_> {
    /// How many objections a result has; `None` when the entry point neither permits nor denies.
    pub(super) fn count(&self, result: Option<&Value>) -> Option<usize> {
        let name = self.entry_point.as_str().strip_prefix(self.policy.id.as_str())?;
        let name = name.trim_start_matches('/');
        let last = name.rsplit('/').next().unwrap_or_default();
        if !name.is_empty() {
            return ["allow", "deny", "violation", "warn"]
                .contains(&last)
                .then(|| violations(self.policy, self.entry_point, result).len());
        }
        let has = |rule: &str| self.policy.rules.iter().any(|known| known.name == rule);
        if !["allow", "deny", "violation"].into_iter().any(has) {
            return None;
        }
        let of = |rule: &str| {
            let path = format!("{}/{rule}", self.entry_point);
            let value = result.and_then(|result| result.get(rule));
            let path = EntryPoint::new(&path).ok();
            path.map_or(0, |path| violations(self.policy, &path, value).len())
        };
        let rules = ["allow", "deny", "violation"].into_iter();
        Some(
            rules
                .filter(|rule| has(rule))
                .map(of)
                .fold(0, usize::saturating_add),
        )
    }
}

/// An input on the way.
struct State {
    input: Value,
    patch: Vec<Operation>,
    /// Objections left, and then how many rules hold, the more the better.
    rank: (usize, std::cmp::Reverse<usize>),
}

/// Searches. `None` when there is no denial, or no input to change.
pub(super) fn search(
    traced: &mut Traced<'_>,
    objections: &Objections<'_>,
    result: Option<&Value>,
) -> Result<Option<Change>, ExplainError> {
    let Some(limits) = traced.request.search else {
        return Ok(None);
    };
    let (Some(count), Some(input)) = (
        objections.count(result).filter(|count| *count > 0),
        traced.request.input,
    ) else {
        return Ok(None);
    };
    let mut search = Search {
        objections,
        limits,
        evaluations: 0,
        seen: BTreeSet::new(),
        weight: LIGHT,
        started: Instant::now(),
    };
    // Whatever denies is also silenced by taking away all that it looks at. That comes last.
    let found = search.run(traced, input, count).or_else(|| {
        search.weight = usize::MAX;
        search.run(traced, input, count)
    });
    let Some((patch, complete)) = found else {
        return Ok(Some(Change::NotFound {
            within: limits.changes,
            evaluations: search.evaluations,
        }));
    };
    let patch = search.without_idle(traced, input, patch);
    // Once more, as a whole: what is told must hold of the input that was decided.
    let (result, verified) = match patch::apply(input, &patch) {
        Some(changed) => {
            let (result, _) = traced.evaluate(Some(&changed))?;
            let verified = objections.count(result.as_ref()) == Some(0);
            (result, verified)
        }
        None => (None, false),
    };
    Ok(Some(if verified {
        Change::Found {
            smallest: patch.len() <= complete.saturating_add(1),
            patch,
            result,
        }
    } else {
        Change::NotFound {
            within: limits.changes,
            evaluations: search.evaluations,
        }
    }))
}

struct Search<'a> {
    objections: &'a Objections<'a>,
    limits: SearchLimits,
    evaluations: usize,
    seen: BTreeSet<Value>,
    /// How many scalars one operation may replace or remove.
    weight: usize,
    started: Instant,
}

impl Search<'_> {
    /// Whether there is neither an evaluation nor time left.
    fn is_spent(&self) -> bool {
        self.evaluations >= self.limits.evaluations || self.started.elapsed() >= self.limits.time
    }

    fn evaluate(&self, traced: &mut Traced<'_>, input: &Value) -> Option<(Option<Value>, Trace)> {
        let limits = Limits {
            time: Some(self.limits.time.saturating_sub(self.started.elapsed())),
            memory: MEMORY,
            ..Limits::unbounded()
        };
        traced.evaluate_within(Some(input), limits).ok()
    }

    /// The operations that lead to a permission; and up to how many operations everything was tried in vain.
    fn run(
        &mut self,
        traced: &mut Traced<'_>,
        input: &Value,
        objections: usize,
    ) -> Option<(Vec<Operation>, usize)> {
        self.seen = BTreeSet::from([input.clone()]);
        let mut states = vec![State {
            input: input.clone(),
            patch: Vec::new(),
            rank: (objections, std::cmp::Reverse(0)),
        }];
        let (mut complete, mut all) = (0, true);
        for round in 1..=self.limits.changes {
            let mut next = Vec::new();
            let wide = self.fits(states.len());
            for (place, state) in states.iter().enumerate() {
                if place >= BEAM && !wide {
                    all = false;
                    break;
                }
                match self.expand(traced, state, &mut next) {
                    Tried::Allowed(patch) => return Some((patch, complete)),
                    Tried::All => {}
                    Tried::Some => all = false,
                }
            }
            if all {
                complete = round;
            }
            next.sort_by_key(|state: &State| state.rank);
            states = next;
        }
        None
    }

    /// Whether inputs as many as these can all be the start of a round.
    fn fits(&self, states: usize) -> bool {
        let left = self.limits.evaluations.saturating_sub(self.evaluations);
        states.saturating_mul(states) <= left
    }

    /// Tries every single change of an input.
    fn expand(&mut self, traced: &mut Traced<'_>, state: &State, next: &mut Vec<State>) -> Tried {
        let Some((_, trace)) = self.evaluate(traced, &state.input) else {
            return Tried::Some;
        };
        for edit in edits(traced.map, &trace, &state.input, self.weight) {
            let Some((operation, input)) = patch::made(&state.input, &edit) else {
                continue;
            };
            if !self.seen.insert(input.clone()) {
                continue;
            }
            if self.is_spent() {
                return Tried::Some;
            }
            self.evaluations = self.evaluations.saturating_add(1);
            // An input that can't be evaluated is no way to go.
            let Some((result, trace)) = self.evaluate(traced, &input) else {
                continue;
            };
            let Some(count) = self.objections.count(result.as_ref()) else {
                continue;
            };
            let mut patch = state.patch.clone();
            patch.push(operation);
            if count == 0 {
                return Tried::Allowed(patch);
            }
            next.push(State {
                rank: (count, std::cmp::Reverse(held(traced, &trace))),
                input,
                patch,
            });
        }
        Tried::All
    }

    /// The patch without operations that it does not need.
    fn without_idle(
        &mut self,
        traced: &mut Traced<'_>,
        input: &Value,
        mut patch: Vec<Operation>,
    ) -> Vec<Operation> {
        let mut index = 0;
        while index < patch.len() && patch.len() > 1 {
            let mut shorter = patch.clone();
            shorter.remove(index);
            let changed = patch::apply(input, &shorter);
            let result = changed.and_then(|changed| traced.evaluate(Some(&changed)).ok());
            let allows = result.is_some_and(|(result, _)| self.objections.count(result.as_ref()) == Some(0));
            if allows {
                patch = shorter;
                index = 0;
            } else {
                index = index.saturating_add(1);
            }
        }
        patch
    }
}

/// What became of the changes of one input.
enum Tried {
    /// One of them allows.
    Allowed(Vec<Operation>),
    /// None allows.
    All,
    /// None of those that there was time for allows.
    Some,
}

/// How many rules held: of two inputs with the same objections, the one that gets further is nearer.
fn held(traced: &Traced<'_>, trace: &Trace) -> usize {
    let exits = trace.events.iter().filter(|event| event.op == Op::Exit);
    let rules: BTreeSet<_> = exits
        .filter_map(|event| traced.map.rule(event.node))
        .filter(|rule| !rule.default && rule.complete)
        .map(|rule| (&rule.path, rule.span, rule.branch))
        .collect();
    rules.len()
}
