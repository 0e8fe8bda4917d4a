//! What a module refers to below `data`.

use std::collections::{BTreeMap, BTreeSet};

use stele_rego::ast::{Call, Module, Ref, Rule, Segment, Term, TermKind, With};
use stele_rego::syntax::visit::{self, Visitor};

use crate::load::PolicyModule;

/// Collects the constant part of every reference to `data`, without `data` itself: `data.a.b[x].c` gives `["a", "b"]`, `data[x]` gives `[]`.
///
/// Imports count even when unused, and so do `with` targets. A reference through an import (`k.f` after `import data.lib.k`) is
/// covered by the import.
pub(crate) fn data_references(module: &Module) -> BTreeSet<Vec<String>> {
    let mut collector = Collector::default();
    for import in &module.imports {
        let mut names = import.path.iter().map(|ident| ident.name.to_string());
        if names.next().as_deref() == Some("data") {
            collector.found.insert(names.collect());
        }
    }
    visit::walk_module(&mut collector, module);
    collector.found
}

#[derive(Default)]
struct Collector {
    found: BTreeSet<Vec<String>>,
}

impl Collector {
    fn note(&mut self, reference: &Ref) {
        if reference.root.name.as_ref() == "data" {
            let constants = reference
                .path
                .iter()
                .map_while(Segment::as_str)
                .map(str::to_owned);
            self.found.insert(constants.collect());
        }
    }
}

impl Visitor for Collector {
    fn reference(&mut self, reference: &Ref) {
        self.note(reference);
        visit::walk_ref(self, reference);
    }

    fn with(&mut self, with: &With) {
        self.note(&with.target);
        visit::walk_with(self, with);
    }

    fn call(&mut self, call: &Call) {
        self.note(&call.function);
        for argument in &call.args {
            self.term(argument);
        }
    }

    fn term(&mut self, term: &Term) {
        if matches!(&term.kind, TermKind::Var(name) if name.as_ref() == "data") {
            self.found.insert(Vec::new());
        }
        visit::walk_term(self, term);
    }
}

/// Whether one of two paths leads to or through the other.
pub(crate) fn related(a: &[String], b: &[String]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// A module's imports of data: name and path below `data`.
pub(crate) fn data_imports(module: &Module) -> BTreeMap<String, Vec<String>> {
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

/// The path below `data` that a name with segments leads to in a module, as far as it is constant; `None`: it leads into the input.
pub(crate) fn data_path(module: &PolicyModule, root: &str, path: &[Segment]) -> Option<Vec<String>> {
    let imported = module
        .ast
        .imports
        .iter()
        .find(|import| import.name().is_some_and(|name| name.name.as_ref() == root));
    let target = imported.map(|import| import.path.iter().map(|ident| ident.name.to_string()));
    let mut full: Vec<String> = match (root, target) {
        ("input", _) => return None,
        ("data", _) => Vec::new(),
        (_, Some(mut target)) => {
            if target.next().as_deref() == Some("input") {
                return None;
            }
            target.collect()
        }
        (name, None) => module.package.iter().cloned().chain([name.to_owned()]).collect(),
    };
    full.extend(path.iter().map_while(Segment::as_str).map(str::to_owned));
    Some(full)
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

/// The paths below `data` that rules of a module may refer to.
pub(crate) fn reach(module: &PolicyModule, rules: &[&Rule]) -> BTreeSet<Vec<String>> {
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

/// The rule's path below `data`, as far as it is constant.
pub(crate) fn full_path(module: &PolicyModule, rule: &Rule) -> Vec<String> {
    let name = rule.head.constant_path();
    module
        .package
        .iter()
        .cloned()
        .chain(name.iter().map(ToString::to_string))
        .collect()
}
