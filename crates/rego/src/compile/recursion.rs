//! No rule may depend on itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::hir::{Branch, Expr, Function, Literal, LiteralKind, Root, Rule, WithValue};
use super::tree::{GroupId, RuleId, Tree, ref_text};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};

/// The most cycles that are reported.
const MOST_CYCLES: usize = 32;

/// The most names of a cycle that are written out.
const MOST_NAMES: usize = 24;

/// Reports each cycle once, at a rule on it.
pub(crate) fn check(
    tree: &Tree,
    rules: &HashMap<RuleId, Rule>,
    sources: &[SourceFile],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let edges = dependencies(tree, rules);
    for cycle in cycles(&edges) {
        let Some(first) = cycle.first().and_then(|group| tree.groups.get(*group)) else {
            continue;
        };
        let Some(id) = first.rules.first().or(first.default.as_ref()) else {
            continue;
        };
        let Some(source) = sources.get(id.module) else {
            continue;
        };
        let span = rules.get(id).map_or(Span::default(), |rule| rule.span);
        let message = format!(
            "`{}` depends on itself: {}",
            ref_text(&first.path),
            route(tree, &cycle)
        );
        let help = "Rego has no recursion; `walk` and `graph.reachable` cover most uses of it";
        diagnostics.push(Diagnostic::new(source, span, Code::Recursion, message).with_help(help));
    }
}

/// The names of a cycle, the first one at both ends; of a long one those at the ends.
fn route(tree: &Tree, cycle: &[GroupId]) -> String {
    let left_out = cycle.len().saturating_sub(MOST_NAMES);
    let half = MOST_NAMES.div_euclid(2);
    let mut names = Vec::new();
    for (place, group) in cycle.iter().chain(cycle.first()).enumerate() {
        if left_out > 0 && place == half {
            names.push(format!("({left_out} more)"));
        }
        let is_shown = place < half || place >= half.saturating_add(left_out);
        if let Some(group) = tree.groups.get(*group).filter(|_| is_shown) {
            names.push(ref_text(&group.path));
        }
    }
    names.join(" -> ")
}

/// The groups that each group refers to.
pub(crate) fn dependencies(tree: &Tree, rules: &HashMap<RuleId, Rule>) -> Vec<BTreeSet<GroupId>> {
    tree.groups
        .iter()
        .map(|group| {
            let mut edges = Edges {
                tree,
                out: BTreeSet::new(),
            };
            for rule in group
                .rules
                .iter()
                .chain(&group.default)
                .filter_map(|id| rules.get(id))
            {
                rule.branches.iter().for_each(|branch| edges.branch(branch));
            }
            edges.out
        })
        .collect()
}

/// All groups, each after those it refers to, as far as there are no cycles.
pub(crate) fn order(edges: &[BTreeSet<GroupId>]) -> Vec<GroupId> {
    let mut seen = vec![false; edges.len()];
    let mut out = Vec::with_capacity(edges.len());
    for start in 0..edges.len() {
        // Each group with what is left of its edges.
        let mut path = vec![(start, None)];
        while let Some((group, rest)) = path.last_mut() {
            let group = *group;
            if rest.is_none() {
                match seen.get_mut(group) {
                    Some(seen) if !*seen => *seen = true,
                    _ => {
                        path.pop();
                        continue;
                    }
                }
            }
            let rest = rest.get_or_insert_with(|| edges.get(group).into_iter().flatten());
            match rest.next() {
                Some(next) => path.push((*next, None)),
                None => {
                    out.push(group);
                    path.pop();
                }
            }
        }
    }
    out
}

/// The first cycles of a graph that a depth-first walk closes. Where everything refers to everything there are as many as pairs.
fn cycles(edges: &[BTreeSet<GroupId>]) -> Vec<Vec<GroupId>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; edges.len()];
    let mut found = Vec::new();
    for start in 0..edges.len() {
        let mut path: Vec<(GroupId, Vec<GroupId>)> = Vec::new();
        let mut enter = vec![start];
        while let Some(node) = enter.pop() {
            if marks.get(node) == Some(&Mark::New) {
                if let Some(mark) = marks.get_mut(node) {
                    *mark = Mark::Open;
                }
                path.push((
                    node,
                    edges
                        .get(node)
                        .map(|next| next.iter().rev().copied().collect())
                        .unwrap_or_default(),
                ));
            }
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                let Some(target) = next.pop() else {
                    if let Some(mark) = marks.get_mut(node) {
                        *mark = Mark::Done;
                    }
                    path.pop();
                    continue;
                };
                match marks.get(target) {
                    Some(Mark::New) => {
                        enter.push(target);
                        break;
                    }
                    Some(Mark::Open) => {
                        let nodes = path.iter().map(|(node, _)| *node);
                        found.push(nodes.skip_while(|node| *node != target).collect());
                        if found.len() >= MOST_CYCLES {
                            return found;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    found
}

/// The groups that a branch refers to.
struct Edges<'a> {
    tree: &'a Tree,
    out: BTreeSet<GroupId>,
}

impl Edges<'_> {
    fn branch(&mut self, branch: &Branch) {
        branch.body.iter().for_each(|literal| self.literal(literal));
        branch
            .suffix
            .iter()
            .chain([&branch.value])
            .for_each(|term| self.term(term));
    }

    fn literal(&mut self, literal: &Literal) {
        for with in &literal.with {
            match &with.value {
                WithValue::Value(value) => self.term(value),
                WithValue::Function(function) => self.function(function),
            }
        }
        match &literal.kind {
            LiteralKind::Test(term) => self.term(term),
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) | LiteralKind::NotEqual(a, b) => {
                self.term(a);
                self.term(b);
            }
            LiteralKind::Call { function, args, out } => {
                self.function(function);
                args.iter().chain(out).for_each(|term| self.term(term));
            }
            LiteralKind::Not { body, .. } => body.iter().for_each(|literal| self.literal(literal)),
            LiteralKind::Every { domain, body, .. } => {
                self.term(domain);
                body.iter().for_each(|literal| self.literal(literal));
            }
        }
    }

    fn function(&mut self, function: &Function) {
        if let Function::Rule(path) = function {
            self.out.extend(self.tree.function(path).map(|(group, _)| group));
        }
    }

    fn term(&mut self, term: &Expr) {
        match term {
            Expr::Ref(reference) if reference.root == Root::Data => self.documents(&reference.path),
            Expr::Array(terms) | Expr::Set(terms) => terms.iter().for_each(|term| self.term(term)),
            Expr::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                self.term(key);
                self.term(value);
            }),
            Expr::Comprehension(inner) => {
                inner.head.terms().for_each(|term| self.term(term));
                inner.body.iter().for_each(|literal| self.literal(literal));
            }
            _ => {}
        }
    }

    /// All documents that a path may reach.
    fn documents(&mut self, path: &[Expr]) {
        let mut at: Vec<usize> = vec![0];
        for part in path {
            let mut next = Vec::new();
            for node in at.iter().filter_map(|node| self.tree.nodes.get(*node)) {
                if let Some(group) = node.group {
                    self.out.insert(group);
                    continue;
                }
                match part {
                    Expr::String(name) => next.extend(node.children.get(name as &Arc<str>)),
                    Expr::Null | Expr::Bool(_) | Expr::Number(_) => {}
                    _ => next.extend(node.children.values()),
                }
            }
            at = next;
        }
        let mut below = Vec::new();
        for node in at.iter().filter_map(|node| self.tree.nodes.get(*node)) {
            self.tree.documents_below(node, &mut below);
        }
        self.out.extend(below);
    }
}
