//! Which rules reach which: unreachable rules and untested policies.

use std::collections::BTreeSet;

use stele_rego::ast::Rule;

use super::{NO_TEST, Sink, UNREACHABLE_RULE};
use crate::load::{PolicyModule, PolicySet};
use crate::policy;
use crate::refs::{full_path, reach, related};

/// Rules and functions outside tests that no policy's entry point reaches. A set without policies is a library; all of it may be used.
pub(super) fn unreachable_rules(set: &PolicySet, sink: &mut Sink) {
    if set.policies().next().is_none() {
        return;
    }
    let rules: Vec<(&PolicyModule, &Rule, Vec<String>)> = set
        .modules()
        .iter()
        .filter(|module| !module.is_test())
        .flat_map(|module| {
            module
                .ast
                .rules
                .iter()
                .map(move |rule| (module, rule, full_path(module, rule)))
        })
        .filter(|(_, rule, _)| !policy::is_test_name(&policy::rule_name(rule)))
        .collect();
    let mut waiting: Vec<Vec<String>> = set
        .policies()
        .flat_map(|policy| &policy.entry_points)
        .map(|path| path.segments().map(str::to_owned).collect())
        .collect();
    let mut seen: BTreeSet<Vec<String>> = waiting.iter().cloned().collect();
    let mut reached: BTreeSet<&[String]> = BTreeSet::new();
    while let Some(wanted) = waiting.pop() {
        for (module, rule, path) in rules.iter().filter(|(_, _, path)| related(path, &wanted)) {
            reached.insert(path);
            for next in reach(module, &[rule]) {
                if seen.insert(next.clone()) {
                    waiting.push(next);
                }
            }
        }
    }
    let mut reported = BTreeSet::new();
    for (module, rule, path) in &rules {
        if !reached.contains(path.as_slice()) && reported.insert(path.clone()) {
            let message = format!("no entry point reaches `{}`", policy::rule_name(rule));
            let fix = "remove it, use it, or mark it `entrypoint: true` in its metadata";
            sink.put(UNREACHABLE_RULE, module, rule.head.span, message, fix);
        }
    }
}

/// Policies that no test module refers to.
pub(super) fn untested_policies(set: &PolicySet, sink: &mut Sink) {
    for policy in set.policies() {
        let tested = set.modules().iter().any(|module| {
            let tests: Vec<&Rule> = module
                .ast
                .rules
                .iter()
                .filter(|rule| policy::is_test_name(&policy::rule_name(rule)))
                .collect();
            // Tests often go through helpers of their module, so all of its rules count.
            let all: Vec<&Rule> = module.ast.rules.iter().collect();
            !tests.is_empty()
                && (module.package == policy.package
                    || reach(module, &all)
                        .iter()
                        .any(|path| related(path, &policy.package)))
        });
        if !tested {
            let at = (policy.place.file.clone(), policy.place.line, policy.place.column);
            let message = format!("no test refers to the policy `{}`", policy.id);
            let fix = format!(
                "write `test_` rules in a file that ends in `_test.rego` with `import data.{}`",
                policy.package.join(".")
            );
            sink.put_at(NO_TEST, at, message, fix);
        }
    }
}
