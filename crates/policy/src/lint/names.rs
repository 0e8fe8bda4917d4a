//! Imports, builtins that are no functions of their arguments, and misplaced tests.

use std::collections::{BTreeMap, BTreeSet};

use stele_rego::ast::{Call, Module, Ref, Term, TermKind, With, future_keywords};
use stele_rego::builtins::{Purity, find};
use stele_rego::syntax::visit::{self, Visitor};
use stele_rego::{FutureKeywords, Span};
use stele_types::PolicyId;

use super::{
    IMPURE_BUILTIN, Level, MISPLACED_TEST, NONDETERMINISTIC_BUILTIN, Sink, UNUSED_IMPORT, V0_IMPORT,
};
use crate::load::{PolicyModule, PolicySet};
use crate::policy::{self, Policy};
use crate::{bundle, engine};

/// The first names of everything a module mentions.
#[derive(Default)]
struct Roots(BTreeSet<String>);

impl Visitor for Roots {
    fn reference(&mut self, reference: &Ref) {
        self.0.insert(reference.root.name.to_string());
        visit::walk_ref(self, reference);
    }

    fn with(&mut self, with: &With) {
        self.0.insert(with.target.root.name.to_string());
        visit::walk_with(self, with);
    }

    fn call(&mut self, call: &Call) {
        self.0.insert(call.function.root.name.to_string());
        for argument in &call.args {
            self.term(argument);
        }
    }

    fn term(&mut self, term: &Term) {
        if let TermKind::Var(name) = &term.kind {
            self.0.insert(name.to_string());
        }
        visit::walk_term(self, term);
    }
}

/// Unused imports, and those that Rego v1 made superfluous.
pub(super) fn imports(module: &PolicyModule, sink: &mut Sink) {
    let mut roots = Roots::default();
    visit::walk_module(&mut roots, &module.ast);
    for import in &module.ast.imports {
        match import.name() {
            None if future_keywords(std::slice::from_ref(import)) != FutureKeywords::default() => {}
            None => {
                let message = format!(
                    "`{}` has no effect in Rego v1",
                    module.ast.source.slice(import.span).trim()
                );
                sink.put(V0_IMPORT, module, import.span, message, "remove it");
            }
            Some(name) if !roots.0.contains(name.name.as_ref()) => {
                let message = format!("the import `{}` is never used", name.name);
                sink.put(UNUSED_IMPORT, module, import.span, message, "remove it");
            }
            Some(_) => {}
        }
    }
}

/// Calls by full name with their places.
#[derive(Default)]
struct Calls(Vec<(String, Span)>);

impl Visitor for Calls {
    fn call(&mut self, call: &Call) {
        if let Some(name) = call.function.dotted() {
            self.0.push((name, call.function.span));
        }
        for argument in &call.args {
            self.term(argument);
        }
    }
}

/// The modules that must become a contract, by path, and the policy that says so.
pub(super) type Demanded<'a> = BTreeMap<&'a str, &'a PolicyId>;

/// What policies with `require_challengeable`, of their own or of one of their rules, are made of.
pub(super) fn demanded(set: &PolicySet) -> Demanded<'_> {
    let demands = |policy: &&Policy| {
        let mut rules = policy.rules.iter();
        policy.custom.require_challengeable || rules.any(|rule| rule.custom.require_challengeable)
    };
    let modules = set.policies().filter(demands).flat_map(|policy| {
        let reached = bundle::closure(set, policy).into_iter();
        reached.map(|module| (module.path.as_str(), &policy.id))
    });
    modules.collect()
}

/// Calls of builtins that contracts refuse, and of those whose result changes with the time; tests may mock them.
pub(super) fn builtins(module: &PolicyModule, demanded: &Demanded<'_>, sink: &mut Sink) {
    if module.is_test() {
        return;
    }
    let own = own_names(&module.ast);
    let mut calls = Calls::default();
    visit::walk_module(&mut calls, &module.ast);
    for (name, span) in calls.0 {
        let root = name.split('.').next().unwrap_or_default();
        if own.contains(root) {
            continue;
        }
        if engine::is_impure(&name) {
            let mut message = format!(
                "`{name}` reads the world outside the decision; no contract can be built from the policy"
            );
            let mut rule = IMPURE_BUILTIN;
            if let Some(id) = demanded.get(module.path.as_str()) {
                message.push_str(&format!(", and {id} has require_challengeable"));
                rule.level = Level::Error;
            }
            let fix = "pass what it reads in the input or the data document";
            sink.put(rule, module, span, message, fix);
        } else if find(&name).is_some_and(|builtin| builtin.purity == Purity::Contextual) {
            let message = format!(
                "`{name}` depends on the time of the decision: the same input can be decided otherwise later"
            );
            let fix =
                "pass the time in the input where the answer must not change; the record keeps it either way";
            sink.put(NONDETERMINISTIC_BUILTIN, module, span, message, fix);
        }
    }
}

/// Names that a module defines itself, by import or rule.
fn own_names(module: &Module) -> BTreeSet<String> {
    let imports = module
        .imports
        .iter()
        .filter_map(|import| import.name())
        .map(|name| name.name.to_string());
    imports
        .chain(module.rules.iter().map(|rule| rule.head.name().to_string()))
        .collect()
}

/// Tests in modules that go into bundles.
pub(super) fn misplaced_tests(module: &PolicyModule, sink: &mut Sink) {
    if module.is_test() {
        return;
    }
    for rule in module
        .ast
        .rules
        .iter()
        .filter(|rule| policy::is_test_name(&policy::rule_name(rule)))
    {
        let message = format!(
            "the test `{}` would be shipped in the bundle",
            policy::rule_name(rule)
        );
        let fix = "move it into a file that ends in `_test.rego`";
        sink.put(MISPLACED_TEST, module, rule.head.span, message, fix);
    }
}
