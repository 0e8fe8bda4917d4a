//! References into packages that define no such thing: what they stand in never holds.

use std::collections::{BTreeMap, BTreeSet};

use stele_rego::Span;
use stele_rego::ast::{Literal, LiteralKind, Ref, Rule, Segment};
use stele_rego::syntax::visit::{self, Visitor};
use stele_types::Value;

use super::fold::{declared, pattern};
use super::{Sink, UNDEFINED_REFERENCE};
use crate::load::{PolicyModule, PolicySet};
use crate::refs::{data_imports, full_path, related};

/// What a set defines.
struct Defined {
    packages: BTreeSet<Vec<String>>,
    /// The rules' paths below `data`, by the package that they are in.
    rules: BTreeMap<Vec<String>, Vec<Vec<String>>>,
}

/// Checks the references of all modules to other packages of the set. References to anything else may be answered by data.
pub(super) fn check(set: &PolicySet, sink: &mut Sink) {
    let mut defined = Defined {
        packages: BTreeSet::new(),
        rules: BTreeMap::new(),
    };
    for module in set.modules() {
        defined.packages.insert(module.package.clone());
        let rules = defined.rules.entry(module.package.clone()).or_default();
        rules.extend(module.ast.rules.iter().map(|rule| full_path(module, rule)));
    }
    for module in set.modules() {
        let imports = data_imports(&module.ast);
        let mut references = References {
            imports: &imports,
            locals: BTreeSet::new(),
            found: Vec::new(),
        };
        visit::walk_module(&mut references, &module.ast);
        let References { found, locals, .. } = references;
        for (root, path, span) in found {
            // A local may have an import's name somewhere.
            if locals.contains(&root) {
                continue;
            }
            if let Some((package, name)) = defined.missing(&path, module, set.data()) {
                let message = format!(
                    "`data.{}` is defined nowhere: the package `{package}` has no `{name}`",
                    path.join(".")
                );
                let fix =
                    "correct the name; if it is data that is pushed later, place it outside the package";
                sink.put(UNDEFINED_REFERENCE, module, span, message, fix);
            }
        }
    }
}

impl Defined {
    /// The package and the name in it, if the path leads into another package of the set and to nothing there.
    fn missing(&self, path: &[String], module: &PolicyModule, data: &Value) -> Option<(String, String)> {
        let (package, name) = (0..path.len()).rev().find_map(|length| {
            let (package, rest) = path.split_at_checked(length)?;
            let name = rest.first()?;
            self.packages.contains(package).then_some((package, name))
        })?;
        let wanted: Vec<String> = package.iter().chain([name]).cloned().collect();
        let is_rule = self
            .rules
            .get(package)
            .is_some_and(|rules| rules.iter().any(|rule| related(rule, &wanted)));
        let leads_to_package = self.packages.iter().any(|other| other.starts_with(&wanted));
        let is_data = wanted
            .iter()
            .try_fold(data, |value, part| value.get(part))
            .is_some();
        let known = package == module.package.as_slice() || is_rule || leads_to_package || is_data;
        (!known).then(|| (package.join("."), name.clone()))
    }
}

/// The constant parts of references to data, with the names that they start with; and all locals of the module.
struct References<'a> {
    imports: &'a BTreeMap<String, Vec<String>>,
    locals: BTreeSet<String>,
    found: Vec<(String, Vec<String>, Span)>,
}

impl Visitor for References<'_> {
    fn rule(&mut self, rule: &Rule) {
        let mut names = Vec::new();
        for arg in rule.head.args.iter().flatten() {
            pattern(arg, &mut names);
        }
        self.locals.extend(names);
        visit::walk_rule(self, rule);
    }

    fn literal(&mut self, literal: &Literal) {
        self.locals.extend(declared(literal));
        if let LiteralKind::Every { key, value, .. } = &literal.kind {
            let names = key.iter().chain([value]).map(|name| name.name.to_string());
            self.locals.extend(names);
        }
        // What a modifier replaces need not be there otherwise.
        if literal.with.is_empty() {
            visit::walk_literal(self, literal);
        }
    }

    fn reference(&mut self, reference: &Ref) {
        let root = reference.root.name.as_ref();
        let start = match root {
            "data" => Some(Vec::new()),
            name => self.imports.get(name).cloned(),
        };
        if let Some(mut path) = start {
            let constants = reference.path.iter().map_while(Segment::as_str);
            path.extend(constants.map(str::to_owned));
            self.found.push((root.to_owned(), path, reference.span));
        }
        visit::walk_ref(self, reference);
    }
}
