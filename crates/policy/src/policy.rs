//! Policies and their rules, as their metadata describes them.

use std::collections::BTreeMap;

use stele_rego::ast::{HeadKind, Module, Rule};
use stele_rego::syntax::annotation::Target;
use stele_types::{Enforcement, EntryPoint, PolicyId, Severity};

use crate::engine::Place;
use crate::load::PolicyModule;
use crate::metadata::{self, Custom, Metadata, Scope};
use crate::problem::{Problem, Spot};

#[cfg(test)]
mod tests;

/// Rules with these names are entry points without being marked.
pub const CONVENTIONAL_ENTRY_POINTS: [&str; 4] = ["allow", "deny", "violation", "warn"];

/// A package whose metadata names an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The id; it is the package's path.
    pub id: PolicyId,
    /// The package's path below `data`.
    pub package: Vec<String>,
    /// A short name for people.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Where more is said of it.
    pub related: Vec<String>,
    /// Severity, owner, controls, remediation and enforcement; its rules inherit them.
    pub custom: Custom,
    /// The rules that may be queried, sorted.
    pub entry_points: Vec<EntryPoint>,
    /// Its rules that are no functions and no tests: one entry per annotated definition, one per name without annotations; in source order.
    pub rules: Vec<RuleMeta>,
    /// Where the package's metadata stands.
    pub place: Place,
}

impl Policy {
    /// What enforcement points do with its violations, `deny` unless its metadata says otherwise.
    #[must_use]
    pub fn enforcement(&self) -> Enforcement {
        self.custom.enforcement.unwrap_or_default()
    }

    /// How bad its violations are, `medium` unless its metadata says otherwise.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.custom.severity.unwrap_or_default()
    }

    /// The rule with this `custom.id`.
    #[must_use]
    pub fn rule_by_id(&self, id: &str) -> Option<&RuleMeta> {
        self.rules
            .iter()
            .find(|rule| rule.custom.id.as_deref() == Some(id))
    }

    /// The definitions of the rule with this name.
    pub fn rules_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a RuleMeta> {
        self.rules.iter().filter(move |rule| rule.name == name)
    }
}

/// A rule definition with what it inherits from its document, its package and the packages above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMeta {
    /// The rule's name within the package, `deny` or `network.deny`.
    pub name: String,
    /// A short name for people.
    pub title: Option<String>,
    /// What it checks.
    pub description: Option<String>,
    /// Its own and inherited keys; the id is never inherited.
    pub custom: Custom,
    /// Marked `entrypoint: true`.
    pub entrypoint: bool,
    /// Whether the definition has a block of its own.
    pub annotated: bool,
    /// Where its head stands.
    pub place: Place,
}

/// The metadata of one package, collected from its modules.
#[derive(Debug, Default)]
pub(crate) struct PackageMeta {
    /// The package-scoped block and where it stands.
    pub(crate) package: Option<(Metadata, Place)>,
    /// Blocks with scope `subpackages`.
    subpackages: Vec<Metadata>,
    /// Blocks of rules: module index, rule index, block.
    rules: Vec<(usize, usize, Metadata)>,
}

/// Reads the blocks of all modules, by package. Test modules have no metadata.
pub(crate) fn collect(
    modules: &[PolicyModule],
    problems: &mut Vec<Problem>,
) -> BTreeMap<Vec<String>, PackageMeta> {
    let mut packages: BTreeMap<Vec<String>, PackageMeta> = BTreeMap::new();
    for (index, module) in modules.iter().enumerate().filter(|(_, module)| !module.is_test()) {
        let package = packages.entry(module.package.clone()).or_default();
        for block in &module.ast.annotations {
            let Some(read) = metadata::read(&module.ast, block, problems) else {
                continue;
            };
            match block.target {
                Target::Rule(rule) => package.rules.push((index, rule, read)),
                Target::Package if read.scope == Scope::Subpackages => package.subpackages.push(read),
                Target::Package => put_package(package, module, read, problems),
                Target::Import(_) | Target::Nothing => {
                    let spot = Spot {
                        line: read.line,
                        column: 1,
                        width: 10,
                    };
                    let message = "this METADATA block stands on no rule and no package clause";
                    problems.push(Problem::at(
                        &module.path,
                        module.ast.source.text(),
                        spot,
                        "stray-metadata",
                        message,
                    ));
                }
            }
        }
    }
    packages
}

fn put_package(
    package: &mut PackageMeta,
    module: &PolicyModule,
    read: Metadata,
    problems: &mut Vec<Problem>,
) {
    let place = Place {
        file: module.path.clone(),
        line: read.line,
        column: 1,
    };
    if let Some((_, first)) = &package.package {
        let spot = Spot {
            line: read.line,
            column: 1,
            width: 10,
        };
        let message = format!("the package has metadata already, at {first}");
        let text = module.ast.source.text();
        problems.push(
            Problem::at(&module.path, text, spot, "duplicate-package-metadata", message).with_help(
                text,
                spot,
                "keep one block of scope package, in one of the package's files",
            ),
        );
        return;
    }
    package.package = Some((read, place));
}

/// Makes the policies out of the packages' metadata.
pub(crate) fn policies(
    modules: &[PolicyModule],
    packages: &BTreeMap<Vec<String>, PackageMeta>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<PolicyId, Policy> {
    let mut out = BTreeMap::new();
    for (path, meta) in packages {
        let Some((block, place)) = &meta.package else {
            continue;
        };
        let Some(id) = &block.custom.id else { continue };
        let Some(id) = check_id(id, path, block, place, modules, problems) else {
            continue;
        };
        let inherited = inherited(path, packages);
        let custom = block.custom.clone().inherit(&inherited);
        let rules = rules(path, meta, modules, &custom);
        let entry_points = entry_points(&id, &rules);
        let policy = Policy {
            id: id.clone(),
            package: path.clone(),
            title: block.title.clone(),
            description: block.description.clone(),
            related: block.related.clone(),
            custom,
            entry_points,
            rules,
            place: place.clone(),
        };
        out.insert(id, policy);
    }
    out
}

/// A policy of a package without an id, with its path for one.
pub(crate) fn adopted(
    id: &PolicyId,
    modules: &[PolicyModule],
    packages: &BTreeMap<Vec<String>, PackageMeta>,
) -> Option<Policy> {
    let path: Vec<String> = id.segments().map(str::to_owned).collect();
    let meta = packages.get(&path)?;
    let block = meta.package.as_ref().map(|(block, _)| block);
    let custom = block.map(|block| block.custom.clone()).unwrap_or_default();
    let custom = custom.inherit(&inherited(&path, packages));
    let rules = rules(&path, meta, modules, &custom);
    Some(Policy {
        id: id.clone(),
        title: block.and_then(|block| block.title.clone()),
        description: block.and_then(|block| block.description.clone()),
        related: block.map(|block| block.related.clone()).unwrap_or_default(),
        custom,
        entry_points: entry_points(id, &rules),
        place: rules.first()?.place.clone(),
        rules,
        package: path,
    })
}

/// A policy is addressed by its package's path everywhere (URLs, entry points, the registry), so its id must be that path.
fn check_id(
    id: &str,
    path: &[String],
    block: &Metadata,
    place: &Place,
    modules: &[PolicyModule],
    problems: &mut Vec<Problem>,
) -> Option<PolicyId> {
    let parsed = PolicyId::new(id).ok()?;
    let expected = path.join("/");
    if id == expected {
        return Some(parsed);
    }
    let text = modules
        .iter()
        .find(|module| module.path == place.file)
        .map(|module| module.ast.source.text());
    let spot = block.id_spot.unwrap_or(Spot {
        line: place.line,
        column: place.column,
        width: 1,
    });
    let message = format!("the policy id `{id}` is not its package's path");
    let text = text.unwrap_or_default();
    problems.push(
        Problem::at(&place.file, text, spot, "policy-id", message).with_help(
            text,
            spot,
            format!("write `{expected}`, or rename the package"),
        ),
    );
    None
}

/// What the packages above hand down, nearest first.
fn inherited(path: &[String], packages: &BTreeMap<Vec<String>, PackageMeta>) -> Custom {
    let mut out = Custom::default();
    for length in (1..=path.len()).rev() {
        let above = path.get(..length).and_then(|prefix| packages.get(prefix));
        for block in above.iter().flat_map(|package| &package.subpackages) {
            out = out.inherit(&block.custom);
        }
    }
    out
}

fn rules(path: &[String], meta: &PackageMeta, modules: &[PolicyModule], package: &Custom) -> Vec<RuleMeta> {
    let mut out = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (module_index, module) in modules.iter().enumerate() {
        if module.package != path || module.is_test() {
            continue;
        }
        for (rule_index, rule) in module.ast.rules.iter().enumerate() {
            let name = rule_name(rule);
            if rule.head.args.is_some() || is_test_name(&name) {
                continue;
            }
            // A definition may carry a block for its document and one for itself.
            let blocks = || {
                meta.rules
                    .iter()
                    .filter(|(m, r, _)| *m == module_index && *r == rule_index)
            };
            let own = blocks()
                .find(|(_, _, block)| block.scope == Scope::Rule)
                .or_else(|| blocks().next());
            let named_annotated = meta.rules.iter().any(|(m, r, _)| {
                modules
                    .get(*m)
                    .and_then(|other| other.ast.rules.get(*r))
                    .is_some_and(|other| rule_name(other) == name)
            });
            if own.is_none() && (named_annotated || !seen.insert(name.clone())) {
                continue;
            }
            let document = document(&name, meta, modules);
            let block = own.map(|(_, _, block)| block);
            let mut custom = block.map(|block| block.custom.clone()).unwrap_or_default();
            if let Some(document) = document {
                custom = custom.inherit(&document.custom);
            }
            out.push(RuleMeta {
                title: block.and_then(|block| block.title.clone()),
                description: block.and_then(|block| block.description.clone()),
                custom: custom.inherit(package),
                entrypoint: document.is_some_and(|block| block.entrypoint)
                    || block.is_some_and(|block| block.entrypoint),
                annotated: block.is_some(),
                place: module.place(rule.head.span),
                name,
            });
        }
    }
    out
}

/// The document-scoped block of the rule `name`.
fn document<'a>(name: &str, meta: &'a PackageMeta, modules: &[PolicyModule]) -> Option<&'a Metadata> {
    meta.rules
        .iter()
        .filter(|(_, _, block)| block.scope == Scope::Document)
        .find(|(m, r, _)| {
            modules
                .get(*m)
                .and_then(|module| module.ast.rules.get(*r))
                .is_some_and(|rule| rule_name(rule) == name)
        })
        .map(|(_, _, block)| block)
}

fn entry_points(id: &PolicyId, rules: &[RuleMeta]) -> Vec<EntryPoint> {
    let mut out: Vec<EntryPoint> = rules
        .iter()
        .filter(|rule| rule.entrypoint || CONVENTIONAL_ENTRY_POINTS.contains(&rule.name.as_str()))
        .filter_map(|rule| id.entry_point(&rule.name.replace('.', "/")).ok())
        .collect();
    out.sort();
    out.dedup();
    out
}

/// The constant part of a rule's name, `deny` or `network.deny`.
pub(crate) fn rule_name(rule: &Rule) -> String {
    rule.head.constant_path().join(".")
}

/// Whether the test runner runs rules of this name (or skips them, for `todo_test_`).
pub(crate) fn is_test_name(name: &str) -> bool {
    name.starts_with("test_") || name.starts_with("todo_test_")
}

/// Whether the rule builds a set or object entry by entry, and so is never undefined.
pub(crate) fn is_partial(rule: &Rule) -> bool {
    let variable = rule
        .head
        .reference
        .path
        .iter()
        .any(|segment| segment.as_str().is_none());
    rule.head.args.is_none() && (variable || matches!(rule.head.kind, HeadKind::Contains(_)))
}

/// The paths below `data` of a module's rules that are no functions.
pub(crate) fn rule_paths<'a>(
    package: &'a [String],
    module: &'a Module,
) -> impl Iterator<Item = Vec<String>> + 'a {
    module
        .rules
        .iter()
        .filter(|rule| rule.head.args.is_none())
        .map(|rule| {
            let name = rule.head.constant_path();
            package
                .iter()
                .cloned()
                .chain(name.iter().map(ToString::to_string))
                .collect()
        })
}
