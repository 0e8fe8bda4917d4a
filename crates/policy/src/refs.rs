//! What a module refers to below `data`.

use std::collections::BTreeSet;

use stele_rego::ast::{Call, Module, Ref, Segment, Term, TermKind, With};
use stele_rego::syntax::visit::{self, Visitor};

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
