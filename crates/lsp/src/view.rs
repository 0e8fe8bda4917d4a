//! A set of files as questions about names see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lsp_types::{Location, Range};
use stele_rego::Span;
use stele_rego::ast::{Module, Rule};

use crate::document::Document;
use crate::names::{Names, Path, Target, import_target};
use crate::position::Encoding;
use crate::workspace::Set;

/// One file of a set, with the set around it.
pub(crate) struct View {
    pub(crate) document: Arc<Document>,
    pub(crate) set: Set,
    pub(crate) encoding: Encoding,
}

/// A definition of a document: a rule, or a package clause.
pub(crate) struct Definition<'a> {
    pub(crate) document: &'a Arc<Document>,
    pub(crate) module: &'a Arc<Module>,
    /// The rule with its index in the module; `None` for the package.
    pub(crate) rule: Option<(usize, &'a Rule)>,
}

impl Definition<'_> {
    /// The defining name.
    pub(crate) fn span(&self) -> Span {
        match self.rule {
            Some((_, rule)) => rule.head.reference.span,
            None => self.module.package.span,
        }
    }
}

impl View {
    /// The names of a module of the set.
    pub(crate) fn names(&self, module: &Module) -> Names {
        Names::of(module, &self.rule_names(module))
    }

    /// The names that the rules of the module's package define, in all its files.
    pub(crate) fn rule_names(&self, module: &Module) -> BTreeSet<Arc<str>> {
        self.package_modules(module)
            .flat_map(|(_, module)| module.rules.iter().map(|rule| rule.head.name().clone()))
            .collect()
    }

    /// The names of all modules of the set, with them.
    pub(crate) fn all_names(&self) -> impl Iterator<Item = (&Arc<Document>, &Arc<Module>, Names)> {
        let mut rules: BTreeMap<Path, BTreeSet<Arc<str>>> = BTreeMap::new();
        for (_, module) in self.set.modules() {
            let own = module.rules.iter().map(|rule| rule.head.name().clone());
            rules.entry(package_path(module)).or_default().extend(own);
        }
        self.set.modules().filter_map(move |(document, module)| {
            let names = Names::of(module, rules.get(&package_path(module))?);
            Some((document, module, names))
        })
    }

    /// The modules of the module's package.
    pub(crate) fn package_modules<'a>(
        &'a self,
        module: &'a Module,
    ) -> impl Iterator<Item = (&'a Arc<Document>, &'a Arc<Module>)> {
        let own = package_path(module);
        self.set
            .modules()
            .filter(move |(_, other)| package_path(other) == own)
    }

    /// What defines the document at a path: its rules; else the rule that it is a part of; else its package; else what is below it.
    pub(crate) fn definitions(&self, path: &[Arc<str>]) -> Vec<Definition<'_>> {
        for length in (1..=path.len()).rev() {
            let wanted = path.get(..length).unwrap_or_default();
            let found = self.rules(|rule| rule == wanted);
            if !found.is_empty() {
                return found;
            }
            if length == path.len() {
                let packages = self.packages(path);
                if !packages.is_empty() {
                    return packages;
                }
                let below = self.rules(|rule| rule.starts_with(wanted));
                if !below.is_empty() {
                    return below;
                }
            }
        }
        Vec::new()
    }

    fn rules(&self, matches: impl Fn(&[Arc<str>]) -> bool) -> Vec<Definition<'_>> {
        let mut out = Vec::new();
        for (document, module) in self.set.modules() {
            let package = package_path(module);
            for (index, rule) in module.rules.iter().enumerate() {
                let mut path = package.clone();
                path.extend(rule.head.constant_path());
                if matches(&path) {
                    out.push(Definition {
                        document,
                        module,
                        rule: Some((index, rule)),
                    });
                }
            }
        }
        out
    }

    fn packages(&self, path: &[Arc<str>]) -> Vec<Definition<'_>> {
        let modules = self.set.modules();
        modules
            .filter(|(_, module)| package_path(module) == path)
            .map(|(document, module)| Definition {
                document,
                module,
                rule: None,
            })
            .collect()
    }

    /// A target as the document it stands for: an import is what it imports.
    pub(crate) fn meaning(module: &Module, target: &Target) -> Target {
        match target {
            Target::Import(index) => module
                .imports
                .get(*index)
                .and_then(import_target)
                .unwrap_or_else(|| target.clone()),
            other => other.clone(),
        }
    }

    pub(crate) fn location(&self, document: &Document, span: Span) -> Location {
        Location::new(document.uri.clone(), document.range(span, self.encoding))
    }

    /// A range of this view's own document.
    pub(crate) fn range(&self, span: Span) -> Range {
        self.document.range(span, self.encoding)
    }
}

/// The package's path below `data`.
pub(crate) fn package_path(module: &Module) -> Path {
    module.package.path.iter().map(|name| name.name.clone()).collect()
}
