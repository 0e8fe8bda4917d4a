//! Evaluating again, probing, and putting the answers together.

use std::collections::{BTreeMap, BTreeSet};

use stele_types::Value;

use super::backend::{Backend, Call};
use super::probe::{self, Definition, Probe};
use super::{
    DefinitionExplanation, ExplainError, ExplainRequest, Explanation, Instance, Outcome, RuleExplanation,
};
use crate::bundle;
use crate::engine::DataPath;
use crate::load::{PolicyModule, PolicySet};
use crate::refs;

/// At most this many assignments of values are kept for a definition.
const MAX_INSTANCES: usize = 20;
/// At most this many calls of functions are probed.
const MAX_CALLS: usize = 64;

/// See [`super::explain`].
pub(super) fn explain(set: &PolicySet, request: &ExplainRequest<'_>) -> Result<Explanation, ExplainError> {
    let policy = set
        .policy(request.policy)
        .ok_or_else(|| ExplainError::UnknownPolicy(request.policy.clone()))?;
    let modules = bundle::closure(set, policy);
    let path = DataPath::from(request.entry_point);
    let mut backend = Backend::new(&modules, set.data(), &path, request);
    let (result, calls) = backend.decide(&path)?;
    check(result.as_ref(), request.recorded)?;

    let definitions = definitions(&modules, &path, &calls);
    let probes: Vec<Probe> = definitions
        .iter()
        .enumerate()
        .flat_map(|(index, definition)| probe::probes(index, definition))
        .collect();
    let answers = backend.probe(&modules, &definitions, probes)?;
    Ok(Explanation {
        policy: policy.id.clone(),
        entry_point: request.entry_point.clone(),
        result,
        engine: backend.name(),
        refusal: backend.refusal().map(str::to_owned),
        rules: assemble(&definitions, &answers),
    })
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

/// Every definition that is worth probing: of the entry point's rules first, then of those they reach, then the calls.
fn definitions<'a>(modules: &[&'a PolicyModule], path: &DataPath, calls: &[Call]) -> Vec<Definition<'a>> {
    let mut order: Vec<Vec<String>> = Vec::new();
    let mut waiting = std::collections::VecDeque::from([path.segments().to_vec()]);
    let mut seen = BTreeSet::from([path.segments().to_vec()]);
    let rules: Vec<_> = modules
        .iter()
        .flat_map(|module| {
            module
                .ast
                .rules
                .iter()
                .map(move |rule| (*module, rule, refs::full_path(module, rule)))
        })
        .collect();
    while let Some(wanted) = waiting.pop_front() {
        for (module, rule, full) in rules.iter().filter(|(_, _, full)| refs::related(full, &wanted)) {
            if !order.contains(full) {
                order.push(full.clone());
            }
            for next in refs::reach(module, &[rule]) {
                if seen.insert(next.clone()) {
                    waiting.push_back(next);
                }
            }
        }
    }
    let mut out = Vec::new();
    for full in &order {
        let own: Vec<_> = rules
            .iter()
            .filter(|(_, rule, other)| rule.head.args.is_none() && other == full)
            .collect();
        // A rule that is a mere constant explains nothing, unless it is what was asked for.
        let constant = own
            .iter()
            .all(|(_, rule, _)| rule.body.is_none() && rule.elses.is_empty());
        if constant && full != path.segments() {
            continue;
        }
        out.extend(
            own.iter()
                .flat_map(|(module, rule, _)| branches(module, rule, None)),
        );
    }
    for call in calls.iter().take(MAX_CALLS) {
        let own = rules
            .iter()
            .filter(|(_, rule, full)| rule.head.args.is_some() && *full == call.path);
        out.extend(own.flat_map(|(module, rule, _)| branches(module, rule, Some(call.args.clone()))));
    }
    out
}

fn branches<'a>(
    module: &'a PolicyModule,
    rule: &'a stele_rego::ast::Rule,
    args: Option<Vec<Value>>,
) -> impl Iterator<Item = Definition<'a>> {
    (0..=rule.elses.len()).map(move |branch| Definition {
        module,
        rule,
        branch,
        args: args.clone(),
    })
}

/// What the probes of a definition answered: by number of statements, and with the value.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The instances under which the first N statements hold; absent: not probed.
    pub(super) prefixes: BTreeMap<usize, Result<Vec<Instance>, String>>,
    /// The instances of the whole, with their values.
    pub(super) value: Option<Result<Vec<Instance>, String>>,
}

/// Reads the value of a probe.
pub(super) fn instances(probe: &Probe, value: Option<&Value>) -> Vec<Instance> {
    let Some(Value::Set(members)) = value else {
        return Vec::new();
    };
    members
        .iter()
        .take(MAX_INSTANCES)
        .map(|member| instance(probe, member))
        .collect()
}

fn instance(probe: &Probe, member: &Value) -> Instance {
    let locals = member.get("l").and_then(Value::as_object).map(|locals| {
        locals
            .iter()
            .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.clone())))
            .collect()
    });
    let values = member.get("o").and_then(Value::as_array).unwrap_or_default();
    let operands = probe
        .operands
        .iter()
        .zip(values)
        .map(|(text, values)| (text.clone(), values.as_array().unwrap_or_default().to_vec()));
    Instance {
        locals: locals.unwrap_or_default(),
        operands: operands.collect(),
        value: member.get("v").cloned(),
    }
}

fn assemble(definitions: &[Definition<'_>], answers: &BTreeMap<usize, Answers>) -> Vec<RuleExplanation> {
    let mut out: Vec<RuleExplanation> = Vec::new();
    let empty = Answers::default();
    let mut chain_held = false;
    for (index, definition) in definitions.iter().enumerate() {
        let full = DataPath::new(refs::full_path(definition.module, definition.rule)).to_string();
        let mut outcome = outcome(definition, answers.get(&index).unwrap_or(&empty));
        if definition.branch == 0 {
            chain_held = false;
        } else if chain_held {
            outcome = Outcome::NotNeeded;
        }
        chain_held |= matches!(outcome, Outcome::Held(_));
        let place = definition.module.place(definition.span());
        let explained = DefinitionExplanation {
            source: definition
                .module
                .ast
                .source
                .line_text(place.line)
                .trim()
                .to_owned(),
            place,
            outcome,
        };
        match out
            .iter_mut()
            .find(|rule| rule.name == full && rule.args == definition.args)
        {
            Some(rule) => rule.definitions.push(explained),
            None => out.push(RuleExplanation {
                name: full,
                args: definition.args.clone(),
                definitions: vec![explained],
            }),
        }
    }
    for rule in &mut out {
        settle_default(rule, definitions);
    }
    out
}

/// A default was needed when no other definition held.
fn settle_default(rule: &mut RuleExplanation, definitions: &[Definition<'_>]) {
    let defaults: Vec<bool> = rule
        .definitions
        .iter()
        .map(|explained| {
            definitions.iter().any(|definition| {
                definition.rule.default && definition.module.place(definition.span()) == explained.place
            })
        })
        .collect();
    let others_held = rule
        .definitions
        .iter()
        .zip(&defaults)
        .any(|(explained, default)| !default && matches!(explained.outcome, Outcome::Held(_)));
    for (explained, _) in rule
        .definitions
        .iter_mut()
        .zip(&defaults)
        .filter(|(_, default)| **default)
    {
        let value = match &explained.outcome {
            Outcome::Held(instances) => instances.first().and_then(|instance| instance.value.clone()),
            _ => None,
        };
        if let Some(value) = value {
            explained.outcome = if others_held {
                Outcome::NotNeeded
            } else {
                Outcome::Default(value)
            };
        }
    }
}

/// Finds the statement that failed.
fn outcome(definition: &Definition<'_>, answers: &Answers) -> Outcome {
    let mut reached: Vec<Instance> = Vec::new();
    for (length, answer) in &answers.prefixes {
        match answer {
            Err(reason) => return Outcome::Unknown(reason.clone()),
            Ok(instances) if instances.is_empty() => return failed(definition, *length, reached),
            Ok(instances) => reached.clone_from(instances),
        }
    }
    match &answers.value {
        None => Outcome::Unknown("the definition could not be probed".to_owned()),
        Some(Err(reason)) => Outcome::Unknown(reason.clone()),
        Some(Ok(instances)) if instances.is_empty() => failed(definition, 0, reached),
        Some(Ok(instances)) => Outcome::Held(instances.clone()),
    }
}

/// The definition failed at its statement number `length` (from 1); 0 is the head: parameters that don't match, or a value that is undefined.
fn failed(definition: &Definition<'_>, length: usize, with: Vec<Instance>) -> Outcome {
    let source = &definition.module.ast.source;
    let statement = length
        .checked_sub(1)
        .and_then(|index| definition.body()?.literals.get(index));
    let span = statement.map_or_else(|| definition.span(), |literal| literal.span);
    let text = source.slice(span);
    let first_line = text.lines().next().unwrap_or_default();
    let source = if first_line.len() < text.len() {
        format!("{first_line} ...")
    } else {
        first_line.to_owned()
    };
    Outcome::Failed {
        at: definition.module.place(span),
        source,
        with,
    }
}
