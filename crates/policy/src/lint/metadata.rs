//! Metadata, ids and entry points.

use std::collections::BTreeMap;

use stele_rego::ast::Rule;

use super::{DUPLICATE_ID, MISSING_METADATA, Sink, UNDEFINED_ENTRY_POINT};
use crate::engine::Place;
use crate::load::{PolicyModule, PolicySet};
use crate::policy::{self, CONVENTIONAL_ENTRY_POINTS, Policy};

/// Rules whose definitions report findings.
const FINDING_RULES: [&str; 3] = ["deny", "violation", "warn"];

pub(super) fn check(set: &PolicySet, sink: &mut Sink) {
    packages_without_id(set, sink);
    duplicate_ids(set, sink);
    for policy in set.policies() {
        incomplete(policy, sink);
        undefined_entry_points(policy, set, sink);
    }
}

fn at(place: &Place) -> (String, u32, u32) {
    (place.file.clone(), place.line, place.column)
}

/// A package that looks like a policy but is none, for want of an id.
fn packages_without_id(set: &PolicySet, sink: &mut Sink) {
    let mut reported: Vec<&[String]> = Vec::new();
    for module in set.modules().iter().filter(|module| !module.is_test()) {
        let is_policy = set.policies().any(|policy| policy.package == module.package);
        let entry = module.ast.rules.iter().find(|rule| {
            rule.head.args.is_none() && CONVENTIONAL_ENTRY_POINTS.contains(&policy::rule_name(rule).as_str())
        });
        let Some(entry) = entry else { continue };
        if is_policy || reported.contains(&module.package.as_slice()) {
            continue;
        }
        reported.push(&module.package);
        let name = policy::rule_name(entry);
        let message = format!("the package has the rule `{name}` but no `custom.id`, so it is no policy");
        let fix = format!(
            "put `# METADATA`, `# custom:` and `#   id: {}` above its package clause",
            module.package.join("/")
        );
        sink.put(MISSING_METADATA, module, module.ast.package.span, message, fix);
    }
}

fn incomplete(policy: &Policy, sink: &mut Sink) {
    let custom = &policy.custom;
    let missing = [
        ("title", policy.title.is_none()),
        ("description", policy.description.is_none()),
        ("custom.owner", custom.owner.is_none()),
        ("custom.severity", custom.severity.is_none()),
    ];
    for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
        let message = format!("the policy `{}` has no `{key}`", policy.id);
        sink.put_at(
            MISSING_METADATA,
            at(&policy.place),
            message,
            format!("add `{key}` to the package's metadata"),
        );
    }
    for rule in policy
        .rules
        .iter()
        .filter(|rule| FINDING_RULES.contains(&rule.name.as_str()))
    {
        let missing = [
            ("title", rule.title.is_none()),
            ("custom.controls", rule.custom.controls.is_empty()),
            ("custom.remediation", rule.custom.remediation.is_none()),
        ];
        for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
            let message = format!("a definition of `{}` has no `{key}`", rule.name);
            let fix = format!("add `{key}` to the metadata above the rule");
            sink.put_at(MISSING_METADATA, at(&rule.place), message, fix);
        }
    }
}

fn duplicate_ids(set: &PolicySet, sink: &mut Sink) {
    let mut first: BTreeMap<&str, &Place> = BTreeMap::new();
    for rule in set.policies().flat_map(|policy| &policy.rules) {
        let Some(id) = rule.custom.id.as_deref() else {
            continue;
        };
        match first.get(id) {
            Some(place) => {
                let message = format!("the id `{id}` is that of the rule at {place}");
                sink.put_at(
                    DUPLICATE_ID,
                    at(&rule.place),
                    message,
                    "give each rule an id of its own",
                );
            }
            None => {
                first.insert(id, &rule.place);
            }
        }
    }
}

/// Entry points that are neither partial nor always defined.
fn undefined_entry_points(policy: &Policy, set: &PolicySet, sink: &mut Sink) {
    for entry_point in &policy.entry_points {
        let name = entry_point
            .as_str()
            .strip_prefix(policy.id.as_str())
            .unwrap_or_default();
        let name = name.trim_start_matches('/').replace('/', ".");
        let definitions: Vec<(&PolicyModule, &Rule)> = set
            .modules()
            .iter()
            .filter(|module| module.package == policy.package && !module.is_test())
            .flat_map(|module| module.ast.rules.iter().map(move |rule| (module, rule)))
            .filter(|(_, rule)| policy::rule_name(rule) == name)
            .collect();
        if definitions.iter().any(|(_, rule)| is_always_defined(rule)) {
            continue;
        }
        if let Some((module, rule)) = definitions.first() {
            let message = format!("the entry point `{name}` is undefined when no definition holds");
            sink.put(
                UNDEFINED_ENTRY_POINT,
                module,
                rule.head.span,
                message,
                format!("add `default {name} := false`"),
            );
        }
    }
}

/// Whether a definition by itself keeps its rule from being undefined: a default, a partial rule, or one without (or with an unconditional last) condition.
fn is_always_defined(rule: &Rule) -> bool {
    let unconditional = match rule.elses.last() {
        Some(last) => last.body.is_none(),
        None => rule.body.is_none(),
    };
    rule.default || unconditional || policy::is_partial(rule)
}
