//! What a module's rules refer to, for bundle closure and reachability, without compiling.
//!
//! Names are taken for rules of the package unless an import says otherwise, so the result is a superset: a local
//! variable `x` shows as `data.<package>.x`. Intersect it with the rules that exist.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ast::{Call, Module, Ref, Segment, Term, TermKind, With};
use super::visit::{Visitor, walk_ref, walk_segments, walk_term, walk_with};
use crate::source::Span;

/// One reference to a document below `data`, as far as its path is constant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The index of the referring rule in its module.
    pub rule: usize,
    /// The path without `data`.
    pub path: Vec<Arc<str>>,
    /// The path goes on with a part that is not constant, so anything below `path` may be meant.
    pub open: bool,
    /// Where the reference stands.
    pub span: Span,
}

/// All references of a module, in order of rules; see the module's documentation for what they include.
#[must_use]
pub fn dependencies(module: &Module) -> Vec<Dependency> {
    let mut out = Vec::new();
    for (index, rule) in module.rules.iter().enumerate() {
        let mut collector = Collector {
            module,
            rule: index,
            out: &mut out,
        };
        collector.rule(rule);
    }
    out
}

/// The paths below `data` that a module refers to outside of its own package, through imports or directly.
#[must_use]
pub fn deps(module: &Module) -> BTreeSet<Vec<Arc<str>>> {
    let own: Vec<Arc<str>> = package_path(module);
    let mut out: BTreeSet<Vec<Arc<str>>> = dependencies(module)
        .into_iter()
        .map(|dependency| dependency.path)
        .filter(|path| !path.starts_with(&own))
        .collect();
    for import in &module.imports {
        if import
            .path
            .first()
            .is_some_and(|root| root.name.as_ref() == "data")
        {
            out.insert(
                import
                    .path
                    .iter()
                    .skip(1)
                    .map(|ident| ident.name.clone())
                    .collect(),
            );
        }
    }
    out
}

/// The names of the builtins and functions that a module calls, as written (`count`, `io.jwt.decode`), with their places.
#[must_use]
pub fn calls(module: &Module) -> Vec<(String, Span)> {
    let mut collector = Calls { out: Vec::new() };
    super::visit::walk_module(&mut collector, module);
    collector.out
}

/// The package path without `data`.
#[must_use]
pub fn package_path(module: &Module) -> Vec<Arc<str>> {
    module
        .package
        .path
        .iter()
        .map(|ident| ident.name.clone())
        .collect()
}

struct Calls {
    out: Vec<(String, Span)>,
}

impl Visitor for Calls {
    fn call(&mut self, call: &Call) {
        if let Some(name) = call.function.dotted() {
            self.out.push((name, call.function.span));
        }
        for arg in &call.args {
            self.term(arg);
        }
    }
}

struct Collector<'a> {
    module: &'a Module,
    rule: usize,
    out: &'a mut Vec<Dependency>,
}

impl Collector<'_> {
    fn add(&mut self, root: &str, segments: &[Segment], span: Span) {
        let mut path: Vec<Arc<str>> = match root {
            "data" => Vec::new(),
            "input" | "_" => return,
            name => match self.imported(name) {
                Some(Some(path)) => path,
                Some(None) => return,
                None => {
                    let mut path = package_path(self.module);
                    path.push(Arc::from(name));
                    path
                }
            },
        };
        let mut open = false;
        for segment in segments {
            match segment.as_str() {
                Some(name) => path.push(Arc::from(name)),
                None => {
                    open = true;
                    break;
                }
            }
        }
        self.out.push(Dependency {
            rule: self.rule,
            path,
            open,
            span,
        });
    }

    /// `None`: no import has this name. `Some(None)`: it is an import from `input`.
    fn imported(&self, name: &str) -> Option<Option<Vec<Arc<str>>>> {
        let import = self
            .module
            .imports
            .iter()
            .find(|import| import.name().is_some_and(|ident| ident.name.as_ref() == name))?;
        let mut path = import.path.iter();
        let root = path.next()?;
        Some((root.name.as_ref() == "data").then(|| path.map(|ident| ident.name.clone()).collect()))
    }
}

impl Visitor for Collector<'_> {
    fn term(&mut self, term: &Term) {
        if let TermKind::Var(name) = &term.kind {
            self.add(name, &[], term.span);
        }
        walk_term(self, term);
    }

    fn reference(&mut self, reference: &Ref) {
        self.add(&reference.root.name, &reference.path, reference.span);
        walk_ref(self, reference);
    }

    fn with(&mut self, with: &With) {
        self.add(&with.target.root.name, &with.target.path, with.target.span);
        walk_with(self, with);
    }

    fn call(&mut self, call: &Call) {
        self.add(&call.function.root.name, &call.function.path, call.function.span);
        walk_segments(self, &call.function.path);
        for arg in &call.args {
            self.term(arg);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;

    fn joined(path: &[Arc<str>]) -> String {
        path.join(".")
    }

    #[test]
    fn imports_and_package_names_resolve() {
        let text = "package a.b\n\nimport data.lib.x as y\nimport input.z\n\np if {\n\ty.f(1)\n\tq\n\tz.w\n\tdata.c[_].d\n\tsome i\n\tcount(y.g[i]) with data.m as 1\n}\n\nq := 1\n";
        let module = crate::parse(&SourceFile::new("t.rego", text)).expect("parses");
        let all: Vec<(String, bool)> = dependencies(&module)
            .iter()
            .map(|d| (joined(&d.path), d.open))
            .collect();
        for want in [
            ("lib.x.f", false),
            ("a.b.q", false),
            ("c", true),
            ("lib.x.g", true),
            ("m", false),
        ] {
            assert!(all.contains(&(want.0.to_owned(), want.1)), "{want:?} in {all:?}");
        }
        assert!(!all.iter().any(|(path, _)| path.contains('z')));
        let outside: Vec<String> = deps(&module).iter().map(|path| joined(path)).collect();
        assert_eq!(outside, ["c", "lib.x", "lib.x.f", "lib.x.g", "m"]);
        let called: Vec<String> = calls(&module).into_iter().map(|(name, _)| name).collect();
        assert_eq!(called, ["y.f", "count"]);
    }
}
