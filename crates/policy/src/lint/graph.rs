//! Which rules reach which: unreachable rules and untested policies.

use std::collections::{BTreeMap, BTreeSet};

use stele_rego::ast::{Call, Module, Ref, Rule, Segment, Term, TermKind, With};
use stele_rego::syntax::visit::{self, Visitor};

use super::{NO_TEST, Sink, UNREACHABLE_RULE};
use crate::load::{PolicyModule, PolicySet};
use crate::policy;
use crate::refs::related;

/// A module's imports of data: name and path below `data`.
fn data_imports(module: &Module) -> BTreeMap<String, Vec<String>> {
    let mut out = BTreeMap::new();
    for import in &module.imports {
        let mut path = import.path.iter().map(|ident| ident.name.to_string());
        if path.next().as_deref() != Some("data") {
            continue;
        }
        if let Some(name) = import.name() {
            out.insert(name.name.to_string(), path.collect());
        }
    }
    out
}

/// Collects the paths below `data` that a rule may refer to. A local that has a rule's name counts as a reference to the rule, so
/// that nothing is called unreachable by mistake.
struct Reach<'a> {
    package: &'a [String],
    imports: &'a BTreeMap<String, Vec<String>>,
    found: BTreeSet<Vec<String>>,
}

impl Reach<'_> {
    fn note(&mut self, root: &str, path: &[Segment]) {
        let constants = path.iter().map_while(Segment::as_str).map(str::to_owned);
        let mut full = match root {
            "input" => return,
            "data" => Vec::new(),
            name => match self.imports.get(name) {
                Some(target) => target.clone(),
                None => self.package.iter().cloned().chain([name.to_owned()]).collect(),
            },
        };
        full.extend(constants);
        self.found.insert(full);
    }
}

impl Visitor for Reach<'_> {
    fn reference(&mut self, reference: &Ref) {
        self.note(&reference.root.name, &reference.path);
        visit::walk_ref(self, reference);
    }

    fn with(&mut self, with: &With) {
        // What replaces a function is a function's name.
        visit::walk_with(self, with);
    }

    fn call(&mut self, call: &Call) {
        self.note(&call.function.root.name, &call.function.path);
        for argument in &call.args {
            self.term(argument);
        }
    }

    fn term(&mut self, term: &Term) {
        if let TermKind::Var(name) = &term.kind {
            self.note(name, &[]);
        }
        visit::walk_term(self, term);
    }
}

fn reach(module: &PolicyModule, rules: &[&Rule]) -> BTreeSet<Vec<String>> {
    let imports = data_imports(&module.ast);
    let mut visitor = Reach {
        package: &module.package,
        imports: &imports,
        found: BTreeSet::new(),
    };
    for rule in rules {
        visitor.rule(rule);
    }
    visitor.found
}

fn full_path(module: &PolicyModule, rule: &Rule) -> Vec<String> {
    let name = rule.head.constant_path();
    module
        .package
        .iter()
        .cloned()
        .chain(name.iter().map(ToString::to_string))
        .collect()
}

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
