//! Several definitions of one rule: those that can disagree, those that never decide, and those that no index can choose from.

use std::collections::{BTreeMap, BTreeSet};

use stele_rego::ast::{Body, HeadKind, Literal, LiteralKind, Rule, Term, TermKind};
use stele_rego::format::tree;
use stele_types::Value;

use super::facts::{Fact, Globals, exclusive, facts};
use super::fold::Folder;
use super::{CONFLICTING_RULES, SHADOWED_RULE, Sink, UNINDEXED_RULE};
use crate::load::{PolicyModule, PolicySet};
use crate::policy;
use crate::refs::full_path;

/// From so many definitions that no index can tell apart on, each evaluation pays for them.
const MANY: usize = 32;
/// Pairs of definitions are compared up to so many definitions of one rule.
const MOST_COMPARED: usize = 1_000;
/// Conflicts are looked for in rules with so many branches, where those of one `else` chain count as their number times itself: each knows
/// that the ones before it did not hold.
const MOST_BRANCHES: usize = 20_000;

/// One definition: a rule without its `else` branches.
struct Definition<'a> {
    module: &'a PolicyModule,
    rule: &'a Rule,
}

/// A definition with the texts of its conditions.
type Conditioned<'a> = (&'a Definition<'a>, BTreeSet<String>);

/// A value that a definition can give, and what holds when it does.
struct Branch {
    value: Option<Value>,
    facts: Vec<Fact>,
}

/// The names of each module, by its path.
pub(super) type Names<'a> = BTreeMap<&'a str, Globals>;

/// Checks the definitions of every rule of a set.
pub(super) fn check(set: &PolicySet, names: &Names<'_>, sink: &mut Sink) {
    let mut groups: BTreeMap<(Vec<String>, String, usize), Vec<Definition<'_>>> = BTreeMap::new();
    for module in set.modules() {
        for rule in &module.ast.rules {
            let arity = rule.head.args.as_ref().map_or(0, Vec::len);
            let shape = if is_complete(rule) {
                String::new()
            } else {
                tree::head(&rule.head)
            };
            let key = (full_path(module, rule), shape, arity);
            groups.entry(key).or_default().push(Definition { module, rule });
        }
    }
    for definitions in groups.values() {
        for definition in definitions {
            unreached_branches(definition, sink);
        }
        unused_default(definitions, sink);
        redundant(definitions, sink);
        conflicts(definitions, names, sink);
        unindexed(definitions, names, sink);
    }
}

impl Definition<'_> {
    fn facts(&self, body: Option<&Body>, names: &Names<'_>) -> Vec<Fact> {
        let Some(globals) = names.get(self.module.path.as_str()) else {
            return Vec::new();
        };
        let literals = body.map_or(&[][..], |body| body.literals.as_slice());
        let mut folder = Folder::new(globals);
        folder.enter(literals);
        let args = self.rule.head.args.as_deref().unwrap_or_default();
        facts(args, literals, globals, &folder)
    }

    fn place(&self) -> String {
        self.module.place(self.rule.head.span).to_string()
    }
}

/// Whether all of the head's path is constant: one value, not one for each key.
fn is_complete(rule: &Rule) -> bool {
    rule.head
        .reference
        .path
        .iter()
        .all(|part| part.as_str().is_some())
}

fn is_only_true(body: &Body) -> bool {
    matches!(
        body.literals.as_slice(),
        [Literal { kind: LiteralKind::Term(Term { kind: TermKind::Bool(true), .. }), with, .. }] if with.is_empty()
    )
}

/// Whether a condition holds whenever it is reached.
fn unconditional(body: Option<&Body>) -> bool {
    body.is_none_or(is_only_true)
}

/// A value that there always is; none is `true`.
fn is_constant(value: Option<&Term>) -> bool {
    value.is_none_or(|value| Folder::new(&Globals::new()).fold(value).is_some())
}

/// Whether a definition decides for whatever it is asked: it has no condition, its value is constant and its parameters are no patterns.
fn always_decides(rule: &Rule) -> bool {
    let args = rule.head.args.as_deref().unwrap_or_default();
    let names: BTreeSet<&str> = args.iter().filter_map(name).collect();
    let plain = args.iter().all(|arg| name(arg).is_some()) && names.len() == args.len();
    let constant = match &rule.head.kind {
        HeadKind::Value(value) => is_constant(value.as_ref()),
        HeadKind::Contains(_) => false,
    };
    !rule.default && plain && constant && unconditional(rule.body.as_ref())
}

fn name(term: &Term) -> Option<&str> {
    match &term.kind {
        TermKind::Var(name) => Some(name),
        _ => None,
    }
}

/// `else` behind a branch without condition.
fn unreached_branches(definition: &Definition<'_>, sink: &mut Sink) {
    let rule = definition.rule;
    let mut settled = always_decides(rule);
    for branch in &rule.elses {
        if settled {
            let message = format!(
                "this `else` of `{}` is never reached: the branch before it has no condition",
                policy::rule_name(rule)
            );
            let fix = "remove it, or give the branch before it a condition";
            sink.put(SHADOWED_RULE, definition.module, branch.span, message, fix);
            return;
        }
        settled = unconditional(branch.body.as_ref()) && is_constant(branch.value.as_ref());
    }
}

/// A default beside a definition without condition.
fn unused_default(definitions: &[Definition<'_>], sink: &mut Sink) {
    let Some(default) = definitions.iter().find(|definition| definition.rule.default) else {
        return;
    };
    let always = definitions
        .iter()
        .find(|definition| always_decides(definition.rule));
    if let Some(always) = always {
        let message = format!(
            "the default of `{}` is never used: the definition at {} has no condition",
            policy::rule_name(default.rule),
            always.place()
        );
        let fix = "remove the default, or give the definition a condition";
        sink.put(
            SHADOWED_RULE,
            default.module,
            default.rule.head.span,
            message,
            fix,
        );
    }
}

/// Definitions that hold only where another one with the same head holds too.
fn redundant(definitions: &[Definition<'_>], sink: &mut Sink) {
    // Other files may import other things under the same names.
    let mut by_head: BTreeMap<(&str, String), Vec<Conditioned<'_>>> = BTreeMap::new();
    for definition in definitions {
        let rule = definition.rule;
        if rule.default || !rule.elses.is_empty() {
            continue;
        }
        let literals = rule.body.iter().filter(|body| !is_only_true(body));
        let conditions = literals
            .flat_map(|body| &body.literals)
            .map(tree::literal)
            .collect();
        by_head
            .entry((&definition.module.path, tree::head(&rule.head)))
            .or_default()
            .push((definition, conditions));
    }
    for same in by_head.values().filter(|same| same.len() <= MOST_COMPARED) {
        for (index, (definition, conditions)) in same.iter().enumerate() {
            let wider = same.iter().enumerate().find(|(other, (_, fewer))| {
                *other != index
                    && fewer.is_subset(conditions)
                    && (fewer.len() < conditions.len() || *other < index)
            });
            if let Some((_, (wider, _))) = wider {
                let message = format!(
                    "this definition of `{}` adds nothing: the one at {} holds whenever it does",
                    policy::rule_name(definition.rule),
                    wider.place()
                );
                let fix = "remove one of the two, or correct the condition that was meant to tell them apart";
                let span = definition.rule.head.span;
                sink.put(SHADOWED_RULE, definition.module, span, message, fix);
            }
        }
    }
}

/// The values that a complete definition can give.
fn branches(definition: &Definition<'_>, names: &Names<'_>) -> Vec<Branch> {
    let rule = definition.rule;
    let none = Globals::new();
    let folder = Folder::new(&none);
    let value = |term: Option<&Term>| match term {
        Some(term) => folder.fold(term),
        None => Some(Value::Bool(true)),
    };
    let HeadKind::Value(first) = &rule.head.kind else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let mut failed: Vec<Fact> = Vec::new();
    let all = std::iter::once((first.as_ref(), rule.body.as_ref())).chain(
        rule.elses
            .iter()
            .map(|branch| (branch.value.as_ref(), branch.body.as_ref())),
    );
    let parameters = definition.facts(None, names).len();
    for (term, body) in all {
        let own = definition.facts(body, names);
        let single = body.is_some_and(|body| body.literals.len() == 1);
        // Where a branch is one fact, those behind it know its opposite.
        let opposite = match own.get(parameters..) {
            Some([fact]) if single => Some(fact.opposite()),
            _ => None,
        };
        let facts = own.into_iter().chain(failed.iter().cloned()).collect();
        failed.extend(opposite);
        out.push(Branch {
            value: value(term),
            facts,
        });
    }
    out
}

/// Complete definitions with different constant values that nothing keeps from holding together.
fn conflicts(definitions: &[Definition<'_>], names: &Names<'_>, sink: &mut Sink) {
    let candidates: Vec<&Definition<'_>> = definitions
        .iter()
        .filter(|definition| !definition.rule.default && is_complete(definition.rule))
        .collect();
    let branched = candidates.iter().map(|definition| {
        let branches = definition.rule.elses.len().saturating_add(1);
        branches.saturating_mul(branches)
    });
    let compared = 2..=MOST_COMPARED;
    if !compared.contains(&candidates.len()) || branched.fold(0, usize::saturating_add) > MOST_BRANCHES {
        return;
    }
    let candidates = candidates
        .into_iter()
        .map(|definition| (definition, branches(definition, names)));
    let candidates: Vec<(&Definition<'_>, Vec<Branch>)> = candidates.collect();
    for (index, (definition, own)) in candidates.iter().enumerate() {
        let conflict = candidates.iter().take(index).find_map(|(other, theirs)| {
            let pair = own
                .iter()
                .flat_map(|mine| theirs.iter().map(move |their| (mine, their)))
                .find(|(mine, their)| {
                    mine.value.is_some()
                        && their.value.is_some()
                        && mine.value != their.value
                        && !exclusive(&mine.facts, &their.facts)
                });
            pair.map(|(mine, their)| (other, mine, their))
        });
        if let Some((other, mine, their)) = conflict {
            let shown = |value: &Option<Value>| {
                value
                    .as_ref()
                    .map_or_else(String::new, stele_types::json::to_string)
            };
            let message = format!(
                "`{}` is {} here and {} at {}, and both can hold: then the decision is an error",
                policy::rule_name(definition.rule),
                shown(&mine.value),
                shown(&their.value),
                other.place()
            );
            let fix = "make the conditions exclude each other, or join the definitions with `else`";
            let span = definition.rule.head.span;
            sink.put(CONFLICTING_RULES, definition.module, span, message, fix);
        }
    }
}

/// Many definitions without an equality that an index could use.
fn unindexed(definitions: &[Definition<'_>], names: &Names<'_>, sink: &mut Sink) {
    let scanned: Vec<&Definition<'_>> = definitions
        .iter()
        .filter(|definition| {
            let body = definition.rule.body.as_ref();
            !definition.rule.default
                && !unconditional(body)
                && !definition.facts(body, names).iter().any(Fact::is_indexable)
        })
        .collect();
    let Some(first) = scanned.first().filter(|_| scanned.len() >= MANY) else {
        return;
    };
    let message = format!(
        "{} of the {} definitions of `{}` are evaluated each time: no equality on the input tells them apart",
        scanned.len(),
        definitions.len(),
        policy::rule_name(first.rule)
    );
    let fix = "begin each with an equality on the input, e.g. `input.kind == \"Pod\"`, or look the cases up in an object";
    sink.put(UNINDEXED_RULE, first.module, first.rule.head.span, message, fix);
}
