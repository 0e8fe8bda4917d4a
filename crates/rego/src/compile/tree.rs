//! All rules of all modules by path: which rules make up one document or function, and which names exist where.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::hir::Path;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{HeadKind, Module, Rule, Segment, Term, TermKind, push_segment};

/// A rule by module and position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RuleId {
    pub(crate) module: usize,
    pub(crate) rule: usize,
}

/// An index into [`Tree::groups`].
pub(crate) type GroupId = usize;
/// An index into [`Tree::nodes`].
pub(crate) type NodeId = usize;

/// What a group of rules computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One value.
    Complete,
    /// A set of members.
    Set,
    /// An object whose keys, and perhaps keys below them, come from the rules.
    Object,
    /// A function with this many parameters.
    Function(usize),
}

/// Rules that compute one document or function together.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) path: Path,
    pub(crate) kind: Kind,
    pub(crate) rules: Vec<RuleId>,
    pub(crate) default: Option<RuleId>,
}

/// A name in the tree of documents. The root is node 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) children: BTreeMap<Arc<str>, NodeId>,
    pub(crate) group: Option<GroupId>,
}

/// The tree of documents, and the functions beside it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) groups: Vec<Group>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) functions: HashMap<Path, GroupId>,
    /// The first names of the rules of each package.
    names: HashMap<Path, BTreeSet<Arc<str>>>,
}

/// The most names in the path of a rule, with its package: documents nest no deeper than values may.
const MAX_NAMES: usize = 120;

/// A rule with the parts of its path.
struct Entry<'a> {
    id: RuleId,
    rule: &'a Rule,
    path: Path,
    /// Parts follow that are not constant.
    open: bool,
}

/// Builds the tree.
pub(crate) fn build(modules: &[Module], diagnostics: &mut Vec<Diagnostic>) -> Tree {
    let mut tree = Tree {
        nodes: vec![Node::default()],
        ..Tree::default()
    };
    let mut entries = Vec::new();
    for (module, ast) in modules.iter().enumerate() {
        let package = super::package_path(ast);
        for (index, rule) in ast.rules.iter().enumerate() {
            let constant = rule.head.constant_path();
            let open = constant.len() <= rule.head.reference.path.len();
            let path: Path = package.iter().cloned().chain(constant).collect();
            if path.len() > MAX_NAMES {
                let help = "put an object into a rule with a shorter name";
                let message = "the path of this rule has too many names";
                diagnostics.push(
                    Diagnostic::new(&ast.source, rule.head.span, Code::TooComplex, message.to_owned())
                        .with_help(help),
                );
                continue;
            }
            tree.names
                .entry(package.clone())
                .or_default()
                .insert(rule.head.name().clone());
            entries.push(Entry {
                id: RuleId { module, rule: index },
                rule,
                path,
                open,
            });
        }
    }
    for path in modules.iter().map(super::package_path) {
        tree.descend_or_create(&path, false);
    }
    let mut builder = Builder {
        modules,
        tree,
        diagnostics,
    };
    // Documents with open paths first: they take in the rules below them.
    for entry in entries.iter().filter(|entry| entry.open) {
        builder.check_head(entry);
        builder.reserve(&entry.path, Kind::Object);
    }
    for entry in &entries {
        if !entry.open {
            builder.check_head(entry);
        }
        builder.add(entry);
    }
    builder.check_overlaps();
    builder.tree
}

struct Builder<'a> {
    modules: &'a [Module],
    tree: Tree,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Builder<'_> {
    fn report(&mut self, id: RuleId, span: Span, code: Code, message: String, help: &str) {
        if let Some(module) = self.modules.get(id.module) {
            self.diagnostics
                .push(Diagnostic::new(&module.source, span, code, message).with_help(help));
        }
    }

    fn check_head(&mut self, entry: &Entry<'_>) {
        let head = &entry.rule.head;
        let span = head.span;
        let name = head.name().as_ref();
        if name == "input" || name == "data" || name == "_" {
            let message = format!("a rule can't be named `{name}`");
            self.report(entry.id, span, Code::InvalidHead, message, "choose another name");
        }
        if head.args.is_some() && entry.open {
            let message = "a function's name must be constant".to_owned();
            self.report(
                entry.id,
                span,
                Code::InvalidHead,
                message,
                "take the variable part as a parameter",
            );
        }
        if let (Some(branch), true) = (entry.rule.elses.first(), entry.open) {
            let message = "a rule whose path is not constant can't have an `else`".to_owned();
            let help = "compute the value in a function with an `else`, and call it";
            self.report(entry.id, branch.span, Code::InvalidHead, message, help);
        }
        if let (true, HeadKind::Value(Some(value))) = (entry.rule.default, &head.kind)
            && let Some(span) = not_constant(value)
        {
            let message = "the value of a default must be constant".to_owned();
            let help = "write a rule for the value that is computed, and a constant as the default";
            self.report(entry.id, span, Code::InvalidHead, message, help);
        }
        if entry.rule.default && entry.open {
            let message = "a default's name must be constant".to_owned();
            self.report(
                entry.id,
                span,
                Code::InvalidHead,
                message,
                "give the default for a whole rule",
            );
        }
    }

    /// Makes sure that a group with an open path exists at `path`, unless one above takes it in.
    fn reserve(&mut self, path: &Path, kind: Kind) {
        let (node, depth) = self.tree.descend_or_create(path, true);
        let Some(prefix) = path.get(..depth) else { return };
        if self.tree.nodes.get(node).is_some_and(|node| node.group.is_none()) {
            let group = self.tree.new_group(prefix.to_vec(), kind);
            if let Some(node) = self.tree.nodes.get_mut(node) {
                node.group = Some(group);
                // Rules below were reserved earlier: they belong to this one now.
                node.children.clear();
            }
        }
    }

    fn add(&mut self, entry: &Entry<'_>) {
        let head = &entry.rule.head;
        let group = if let Some(args) = &head.args {
            self.function(entry, args.len())
        } else {
            let (node, depth) = self.tree.descend_or_create(&entry.path, true);
            let taken_in = depth < entry.path.len() || entry.open;
            let kind = match head.kind {
                _ if taken_in => Kind::Object,
                HeadKind::Contains(_) => Kind::Set,
                HeadKind::Value(_) => Kind::Complete,
            };
            let existing = self.tree.nodes.get(node).and_then(|node| node.group);
            let group = existing.unwrap_or_else(|| self.tree.new_group(entry.path.clone(), kind));
            if let Some(node) = self.tree.nodes.get_mut(node) {
                node.group = Some(group);
            }
            self.check_kind(entry, group, kind);
            group
        };
        let Some(group) = self.tree.groups.get_mut(group) else {
            return;
        };
        if !entry.rule.default {
            group.rules.push(entry.id);
        } else if group.kind == Kind::Object
            || group.kind == Kind::Set
            || matches!(head.kind, HeadKind::Contains(_))
        {
            let message = "a partial document can't have a default".to_owned();
            let help = "it is empty when no rule applies";
            self.report(entry.id, entry.rule.head.span, Code::InvalidHead, message, help);
        } else if group.default.is_some() {
            let message = format!("`{}` has two defaults", ref_text(&entry.path));
            self.report(
                entry.id,
                entry.rule.head.span,
                Code::RuleConflict,
                message,
                "keep one of them",
            );
        } else {
            group.default = Some(entry.id);
        }
    }

    fn function(&mut self, entry: &Entry<'_>, arity: usize) -> GroupId {
        let kind = Kind::Function(arity);
        if let Some(group) = self.tree.functions.get(&entry.path).copied() {
            self.check_kind(entry, group, kind);
            return group;
        }
        // What holds functions only is an empty object.
        if let Some((_, holder)) = entry.path.split_last() {
            self.tree.descend_or_create(&holder.to_vec(), true);
        }
        let group = self.tree.new_group(entry.path.clone(), kind);
        self.tree.functions.insert(entry.path.clone(), group);
        group
    }

    fn check_kind(&mut self, entry: &Entry<'_>, group: GroupId, kind: Kind) {
        let Some(found) = self.tree.groups.get(group).map(|group| group.kind) else {
            return;
        };
        if found == kind {
            return;
        }
        let name = ref_text(&entry.path);
        let message = match (found, kind) {
            (Kind::Function(a), Kind::Function(b)) => {
                format!("`{name}` is defined with {a} and with {b} parameters")
            }
            _ => format!(
                "`{name}` is defined as {} and as {}",
                describe(found),
                describe(kind)
            ),
        };
        let help = "rename one of the definitions, or make them of one kind";
        self.report(entry.id, entry.rule.head.span, Code::RuleConflict, message, help);
    }

    /// Rules below a rule that has a value of its own, and functions that are documents too.
    fn check_overlaps(&mut self) {
        let mut found = Vec::new();
        for node in &self.tree.nodes {
            if let (Some(group), false) = (node.group, node.children.is_empty())
                && let Some(group) = self.tree.groups.get(group)
            {
                found.extend(
                    group
                        .rules
                        .first()
                        .or(group.default.as_ref())
                        .map(|id| (*id, group.path.clone())),
                );
            }
        }
        for (path, group) in &self.tree.functions {
            let is_document = self.tree.node(path).is_some_and(|node| node.group.is_some());
            if is_document && let Some(group) = self.tree.groups.get(*group) {
                found.extend(
                    group
                        .rules
                        .first()
                        .or(group.default.as_ref())
                        .map(|id| (*id, group.path.clone())),
                );
            }
        }
        found.sort();
        for (id, path) in found {
            let span = self
                .modules
                .get(id.module)
                .and_then(|module| module.rules.get(id.rule))
                .map(|rule| rule.head.span);
            let message = format!("`{}` has a value of its own and rules below it", ref_text(&path));
            let help = "rename this rule, or the rules or package below it";
            self.report(id, span.unwrap_or_default(), Code::RuleConflict, message, help);
        }
    }
}

/// The part of a term that is neither constant nor a comprehension, if there is one.
fn not_constant(term: &Term) -> Option<Span> {
    match &term.kind {
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) => None,
        TermKind::ArrayComprehension(_)
        | TermKind::SetComprehension(_)
        | TermKind::ObjectComprehension(_) => None,
        TermKind::Array(terms) | TermKind::Set(terms) => terms.iter().find_map(not_constant),
        TermKind::Object(pairs) => pairs
            .iter()
            .find_map(|(key, value)| not_constant(key).or_else(|| not_constant(value))),
        _ => Some(term.span),
    }
}

const fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::Complete => "a single value",
        Kind::Set => "a set",
        Kind::Object => "an object",
        Kind::Function(_) => "a function",
    }
}

/// `data.a.b` for the path `a`, `b`.
pub(crate) fn ref_text(path: &[Arc<str>]) -> String {
    let mut out = String::from("data");
    for name in path {
        push_segment(&mut out, name);
    }
    out
}

impl Tree {
    fn new_group(&mut self, path: Path, kind: Kind) -> GroupId {
        self.groups.push(Group {
            path,
            kind,
            rules: Vec::new(),
            default: None,
        });
        self.groups.len().saturating_sub(1)
    }

    /// The node at `path`, made if need be; with `stop`, the first one on the way that has an open group. Also how deep it is.
    fn descend_or_create(&mut self, path: &Path, stop: bool) -> (NodeId, usize) {
        let mut at = 0;
        for (depth, name) in path.iter().enumerate() {
            let open = self
                .nodes
                .get(at)
                .and_then(|node| node.group)
                .and_then(|group| self.groups.get(group));
            if stop && open.is_some_and(|group| group.kind == Kind::Object) {
                return (at, depth);
            }
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else {
                return (at, depth);
            };
            let child = *node.children.entry(name.clone()).or_insert(next);
            if child == next {
                self.nodes.push(Node::default());
            }
            at = child;
        }
        (at, path.len())
    }

    /// The node at exactly `path`.
    pub(crate) fn node(&self, path: &[Arc<str>]) -> Option<&Node> {
        let mut node = self.nodes.first()?;
        for name in path {
            node = self.nodes.get(*node.children.get(name)?)?;
        }
        Some(node)
    }

    /// The document whose rules compute `path` or something above it, if there is one.
    pub(crate) fn document(&self, path: &[Arc<str>]) -> Option<GroupId> {
        let mut node = self.nodes.first()?;
        for name in path {
            if node.group.is_some() {
                return node.group;
            }
            node = self.nodes.get(*node.children.get(name)?)?;
        }
        node.group
    }

    /// All documents at or below a node.
    pub(crate) fn documents_below(&self, node: &Node, out: &mut Vec<GroupId>) {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            out.extend(node.group);
            stack.extend(node.children.values().filter_map(|child| self.nodes.get(*child)));
        }
    }

    /// The function at `path`, and its number of parameters.
    pub(crate) fn function(&self, path: &[Arc<str>]) -> Option<(GroupId, usize)> {
        let group = *self.functions.get(path)?;
        match self.groups.get(group)?.kind {
            Kind::Function(arity) => Some((group, arity)),
            _ => None,
        }
    }

    /// Whether a package has a rule whose name starts with `name`.
    pub(crate) fn package_has(&self, package: &[Arc<str>], name: &str) -> bool {
        self.names.get(package).is_some_and(|names| names.contains(name))
    }
}

/// The parts of a rule's path after the first `skip` names (of its package, its root and its segments together).
pub(crate) fn suffix<'a>(
    package: &'a [Arc<str>],
    rule: &'a Rule,
    skip: usize,
) -> (Vec<Arc<str>>, Vec<&'a Segment>) {
    let names = package
        .iter()
        .chain([rule.head.name()])
        .skip(skip)
        .cloned()
        .collect();
    let before = package.len().saturating_add(1);
    let segments = rule
        .head
        .reference
        .path
        .iter()
        .skip(skip.saturating_sub(before))
        .collect();
    (names, segments)
}
