//! Evaluating again, traced, and telling what the trace says of each rule.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use stele_rego::trace::{Event, Map, Node, Op, Recorder, Trace};
use stele_types::Value;

use super::change::{self, Objections};
use super::{
    DefinitionExplanation, ExplainError, ExplainRequest, Explanation, Instance, Outcome, RuleExplanation,
};
use crate::bundle;
use crate::engine::{DataPath, EvalRequest, Limits, Place, WatchedEngine};
use crate::load::{PolicyModule, PolicySet};
use crate::policy::{self, Policy};

/// At most this many assignments of values are kept for a definition.
const MAX_INSTANCES: usize = 20;
/// At most this many calls of functions are told.
const MAX_CALLS: usize = 64;
/// How many events an explanation may be made of.
const EXPLAINED_EVENTS: usize = 1_000_000;
/// How many events are kept to be shown.
const SHOWN_EVENTS: usize = 100_000;

/// An evaluation that is explained may take longer than the decision did.
const LIMITS: Limits = Limits {
    time: Some(Duration::from_secs(10)),
    instructions: None,
    memory: 1 << 30,
};

/// See [`super::explain`].
pub(super) fn explain(set: &PolicySet, request: &ExplainRequest<'_>) -> Result<Explanation, ExplainError> {
    let (policy, modules) = policy(set, request)?;
    let path = DataPath::from(request.entry_point);
    let (mut engine, map) = compile(set, &modules)?;
    let mut traced = Traced {
        engine: &mut engine,
        map: &map,
        path: &path,
        request,
        events: EXPLAINED_EVENTS,
    };
    let (result, trace) = traced.decided()?;
    if trace.dropped > 0 {
        return Err(ExplainError::TooLong(trace.dropped));
    }
    let rules = tell(&map, &trace, &path, &modules);
    let objections = Objections {
        policy,
        entry_point: request.entry_point,
    };
    let change = change::search(&mut traced, &objections, result.as_ref())?;
    Ok(Explanation {
        policy: policy.id.clone(),
        entry_point: request.entry_point.clone(),
        result,
        rules,
        change,
    })
}

/// See [`super::trace`].
pub(super) fn trace(set: &PolicySet, request: &ExplainRequest<'_>) -> Result<(Map, Trace), ExplainError> {
    let (_, modules) = policy(set, request)?;
    let path = DataPath::from(request.entry_point);
    let (mut engine, map) = compile(set, &modules)?;
    let mut traced = Traced {
        engine: &mut engine,
        map: &map,
        path: &path,
        request,
        events: SHOWN_EVENTS,
    };
    let (_, trace) = traced.decided()?;
    Ok((map, trace))
}

/// The policy, and the modules that it was decided with.
fn policy<'s>(
    set: &'s PolicySet,
    request: &ExplainRequest<'_>,
) -> Result<(&'s Policy, Vec<&'s PolicyModule>), ExplainError> {
    let policy = set
        .policy(request.policy)
        .ok_or_else(|| ExplainError::UnknownPolicy(request.policy.clone()))?;
    Ok((policy, bundle::closure(set, policy)))
}

fn compile(set: &PolicySet, modules: &[&PolicyModule]) -> Result<(WatchedEngine, Map), ExplainError> {
    let asts: Vec<_> = modules.iter().map(|module| module.ast.clone()).collect();
    let rules = modules
        .iter()
        .flat_map(|module| policy::rule_paths(&module.package, &module.ast));
    Ok(WatchedEngine::new(
        &asts,
        set.data(),
        rules.collect(),
        (true, &Arc::default()),
    )?)
}

/// The traced program, for any input.
pub(super) struct Traced<'a> {
    engine: &'a mut WatchedEngine,
    pub(super) map: &'a Map,
    path: &'a DataPath,
    pub(super) request: &'a ExplainRequest<'a>,
    /// How many events are kept.
    events: usize,
}

impl Traced<'_> {
    /// The decision once more, which must give the recorded result.
    fn decided(&mut self) -> Result<(Option<Value>, Trace), ExplainError> {
        let (result, trace) = self.evaluate(self.request.input)?;
        check(result.as_ref(), self.request.recorded)?;
        Ok((result, trace))
    }

    /// The entry point's value for an input, and how it came about.
    pub(super) fn evaluate(&mut self, input: Option<&Value>) -> Result<(Option<Value>, Trace), ExplainError> {
        self.evaluate_within(input, LIMITS)
    }

    /// As [`Self::evaluate`], with other limits.
    pub(super) fn evaluate_within(
        &mut self,
        input: Option<&Value>,
        limits: Limits,
    ) -> Result<(Option<Value>, Trace), ExplainError> {
        let mut recorder = Recorder::new(self.map, self.events);
        let request = EvalRequest {
            context: self.request.context,
            limits,
            ..EvalRequest::new(self.path, input)
        };
        let value = self.engine.evaluate(&request, &mut recorder)?;
        Ok((value, recorder.finish()))
    }
}

/// The recorded result must come out again; records keep sets as arrays.
fn check(ours: Option<&Value>, recorded: Option<&Value>) -> Result<(), ExplainError> {
    let project = |value: Option<&Value>| value.map(Value::to_json_projection);
    let (ours, recorded) = (project(ours), project(recorded));
    if ours == recorded {
        return Ok(());
    }
    let text = |value: Option<Value>| {
        value.map_or("undefined".to_owned(), |value| {
            stele_types::json::to_string(&value)
        })
    };
    Err(ExplainError::Differs {
        recorded: text(recorded),
        ours: text(ours),
    })
}

/// What is known of one definition of a rule.
#[derive(Default)]
struct Told {
    default: bool,
    held: Vec<Instance>,
    /// The furthest expression that failed: its place in the body, the expression, and the values that reached it.
    failed: Option<(u32, u32, Vec<Instance>)>,
    entered: bool,
}

/// A rule, or a call of a function.
struct Rule {
    name: String,
    args: Option<Vec<Value>>,
    constant: bool,
    definitions: BTreeMap<Place, Told>,
}

/// Every rule and call of the trace, in the order in which they were first looked at.
fn tell(map: &Map, trace: &Trace, path: &DataPath, modules: &[&PolicyModule]) -> Vec<RuleExplanation> {
    let mut rules: Vec<Rule> = Vec::new();
    // Evaluations of bodies, by their ids: the rule, and the place of its definition.
    let mut running: HashMap<u64, (usize, Place)> = HashMap::new();
    for event in &trace.events {
        match (event.op, map.rule(event.node)) {
            (Op::Enter, Some(_)) => {
                if let Some(entered) = enter(map, event, &mut rules) {
                    running.insert(event.query_id, entered);
                }
            }
            (Op::Exit | Op::Fail, _) => {
                let told = running
                    .get(&event.query_id)
                    .and_then(|(rule, place)| rules.get_mut(*rule)?.definitions.get_mut(place));
                if let Some(told) = told {
                    told.take(map, event);
                }
            }
            _ => {}
        }
    }
    for rule in &mut rules {
        for (head, location) in map.rules().filter(|(head, _)| *head.path == *rule.name) {
            let told = rule.definitions.entry(place(&location)).or_default();
            told.default |= head.default;
        }
    }
    let asked = path.to_string();
    rules.retain(|rule| !rule.constant || rule.name == asked);
    rules
        .into_iter()
        .map(|rule| rule.explained(map, modules))
        .collect()
}

fn enter(map: &Map, event: &Event, rules: &mut Vec<Rule>) -> Option<(usize, Place)> {
    let head = map.rule(event.node)?;
    let args = head.function.then(|| map.arguments(event));
    let known = rules
        .iter()
        .position(|rule| rule.name == *head.path && rule.args == args);
    let index = match known {
        Some(index) => index,
        None => {
            let calls = rules.iter().filter(|rule| rule.args.is_some()).count();
            if args.is_some() && calls >= MAX_CALLS {
                return None;
            }
            rules.push(Rule {
                name: head.path.to_string(),
                args,
                constant: true,
                definitions: BTreeMap::new(),
            });
            rules.len().saturating_sub(1)
        }
    };
    let rule = rules.get_mut(index)?;
    rule.constant &= map.is_constant(event.node);
    let place = place(&map.location(event.node));
    rule.definitions.entry(place.clone()).or_default().entered = true;
    Some((index, place))
}

impl Told {
    fn take(&mut self, map: &Map, event: &Event) {
        let mut instance = Instance {
            locals: map
                .locals(event)
                .into_iter()
                .map(|(name, value)| (name, value.clone()))
                .collect(),
            operands: Vec::new(),
            value: event.value.clone(),
        };
        let Node::Expression(expression) = event.node else {
            if self.held.len() < MAX_INSTANCES && !self.held.contains(&instance) {
                self.held.push(instance);
            }
            return;
        };
        instance.operands = map.operands(event);
        let position = map.position(expression);
        match &mut self.failed {
            Some((furthest, _, with)) if *furthest == position => {
                if with.len() < MAX_INSTANCES && !with.contains(&instance) {
                    with.push(instance);
                }
            }
            Some((furthest, ..)) if *furthest > position => {}
            failed => *failed = Some((position, expression, vec![instance])),
        }
    }

    fn outcome(self, map: &Map, head: (&Place, &str)) -> Outcome {
        if let Some(value) = self.held.first().map(|instance| instance.value.clone()) {
            return match value {
                Some(value) if self.default => Outcome::Default(value),
                _ => Outcome::Held(self.held),
            };
        }
        if !self.entered {
            return Outcome::NotNeeded;
        }
        let failed = self.failed.and_then(|(_, expression, with)| {
            let (text, location) = map.statement(expression)?;
            let first = text.lines().next().unwrap_or_default();
            let more = if first.len() < text.len() { " ..." } else { "" };
            Some(Outcome::Failed {
                at: place(&location),
                source: format!("{first}{more}"),
                with,
            })
        });
        failed.unwrap_or_else(|| Outcome::Failed {
            at: head.0.clone(),
            source: head.1.to_owned(),
            with: Vec::new(),
        })
    }
}

impl Rule {
    fn explained(self, map: &Map, modules: &[&PolicyModule]) -> RuleExplanation {
        let explained = |(place, told): (Place, Told)| {
            let module = modules.iter().find(|module| module.path == place.file);
            let source = module.map_or("", |module| module.ast.source.line_text(place.line));
            let source = source.trim().to_owned();
            DefinitionExplanation {
                outcome: told.outcome(map, (&place, &source)),
                source,
                place,
            }
        };
        RuleExplanation {
            name: self.name,
            args: self.args,
            definitions: self.definitions.into_iter().map(explained).collect(),
        }
    }
}

fn place(location: &stele_rego::trace::Location) -> Place {
    Place {
        file: location.file.to_string(),
        line: location.row,
        column: location.col,
    }
}
