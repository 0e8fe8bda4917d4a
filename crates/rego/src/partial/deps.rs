//! What depends on unknowns, found before anything is evaluated: a fixpoint over the calls and references between rules.
//!
//! The answer errs to one side only: what is said not to depend on an unknown never reads one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::builtins::{self, Purity};
use crate::compile::hir::{
    Branch, Comprehension, ComprehensionHead, Expr, Function, Literal, LiteralKind, Path, Ref, Root, Rule,
    WithValue,
};
use crate::compile::tree::{Group, GroupId, Kind, RuleId, Tree};

/// Documents that are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unknowns {
    /// Paths below `input`.
    pub(crate) input: Vec<Path>,
    /// Paths below `data`.
    pub(crate) data: Vec<Path>,
    /// Builtins whose result is more than a matter of their arguments are unknown too.
    pub(crate) impure: bool,
}

/// How a path lies to the unknown ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    Known,
    /// Something below it is unknown.
    Partly,
    Unknown,
}

/// How a path lies to unknown ones.
pub(crate) fn knowledge(unknown: &[Path], path: &[Arc<str>]) -> Knowledge {
    if unknown.iter().any(|unknown| path.starts_with(unknown)) {
        Knowledge::Unknown
    } else if unknown.iter().any(|unknown| unknown.starts_with(path)) {
        Knowledge::Partly
    } else {
        Knowledge::Known
    }
}

/// The part of a reference's path that is certain, and whether that is all of it.
pub(crate) fn constant_prefix(path: &[Expr]) -> (Path, bool) {
    let names: Path = path
        .iter()
        .map_while(|part| match part {
            Expr::String(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    let whole = names.len() == path.len();
    (names, whole)
}

/// Which rules may read what is unknown.
#[derive(Debug)]
pub(crate) struct Deps<'a> {
    tree: &'a Tree,
    unknowns: Unknowns,
    /// By group.
    open: Vec<bool>,
    /// Objects made by comprehensions count too: they fail when keys conflict.
    objects: bool,
}

impl<'a> Deps<'a> {
    pub(crate) fn new(tree: &'a Tree, rules: &HashMap<RuleId, Rule>, unknowns: Unknowns) -> Self {
        let open = vec![false; tree.groups.len()];
        Self::closure(tree, rules, unknowns, open, false)
    }

    /// Which rules may fail: a document or function with several values, or an object with several values for a key, and what
    /// refers to such.
    pub(crate) fn failing(tree: &'a Tree, rules: &HashMap<RuleId, Rule>) -> Self {
        let own = |group: &Group| {
            let own = group.rules.iter().filter_map(|id| rules.get(id));
            let mut values = own
                .flat_map(|rule| &rule.branches)
                .map(|branch| branch.value.scalar());
            match group.kind {
                Kind::Set => false,
                Kind::Object => true,
                Kind::Complete | Kind::Function(_) => {
                    let first = values.next();
                    first.is_some_and(|first| first.is_none() || values.any(|value| value != first))
                }
            }
        };
        let open = tree.groups.iter().map(own).collect();
        Self::closure(tree, rules, Unknowns::default(), open, true)
    }

    fn closure(
        tree: &'a Tree,
        rules: &HashMap<RuleId, Rule>,
        unknowns: Unknowns,
        open: Vec<bool>,
        objects: bool,
    ) -> Self {
        let mut deps = Self {
            tree,
            unknowns,
            open,
            objects,
        };
        // Rules don't recurse, so there are at most as many rounds as groups.
        loop {
            let before = deps.open.clone();
            for (id, group) in tree.groups.iter().enumerate() {
                let mut own = group
                    .rules
                    .iter()
                    .chain(&group.default)
                    .filter_map(|rule| rules.get(rule));
                let open = own.any(|rule| rule.branches.iter().any(|branch| deps.branch(branch)));
                if let (true, Some(flag)) = (open, deps.open.get_mut(id)) {
                    *flag = true;
                }
            }
            if before == deps.open {
                return deps;
            }
        }
    }

    pub(crate) const fn unknowns(&self) -> &Unknowns {
        &self.unknowns
    }

    /// Whether the group's rules may read what is unknown.
    pub(crate) fn group(&self, group: GroupId) -> bool {
        self.open.get(group).copied().unwrap_or(true)
    }

    fn branch(&self, branch: &Branch) -> bool {
        self.body(&branch.body)
            || branch
                .suffix
                .iter()
                .chain([&branch.value])
                .any(|term| self.term(term))
    }

    pub(crate) fn body(&self, body: &[Literal]) -> bool {
        body.iter().any(|literal| self.literal(literal))
    }

    /// Whether a statement itself reads what is unknown; its variables are another matter.
    pub(crate) fn literal(&self, literal: &Literal) -> bool {
        let replaced = literal.with.iter().any(|with| self.with_value(&with.value));
        replaced || self.kind(&literal.kind)
    }

    fn with_value(&self, value: &WithValue) -> bool {
        match value {
            WithValue::Value(term) => self.term(term),
            WithValue::Function(function) => self.function(function),
        }
    }

    fn kind(&self, kind: &LiteralKind) -> bool {
        match kind {
            LiteralKind::Test(term) => self.term(term),
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) | LiteralKind::NotEqual(a, b) => {
                self.term(a) || self.term(b)
            }
            LiteralKind::Call { function, args, out } => {
                self.function(function) || args.iter().chain(out).any(|term| self.term(term))
            }
            LiteralKind::Not { body, .. } => self.body(body),
            LiteralKind::Every { domain, body, .. } => self.term(domain) || self.body(body),
        }
    }

    pub(crate) fn function(&self, function: &Function) -> bool {
        match function {
            Function::Builtin(name) => {
                self.unknowns.impure
                    && builtins::find(name).is_none_or(|builtin| builtin.purity != Purity::Pure)
            }
            Function::Rule(path) => match self.tree.function(path) {
                Some((group, _)) => self.group(group),
                None => true,
            },
        }
    }

    pub(crate) fn term(&self, term: &Expr) -> bool {
        match term {
            Expr::Null | Expr::Bool(_) | Expr::Number(_) | Expr::String(_) | Expr::Var(_) => false,
            Expr::Ref(reference) => self.reference(reference),
            Expr::Array(terms) | Expr::Set(terms) => terms.iter().any(|term| self.term(term)),
            Expr::Object(pairs) => pairs
                .iter()
                .any(|(key, value)| self.term(key) || self.term(value)),
            Expr::Comprehension(inner) => self.comprehension(inner),
        }
    }

    fn comprehension(&self, inner: &Comprehension) -> bool {
        (self.objects && matches!(inner.head, ComprehensionHead::Object(..)))
            || self.body(&inner.body)
            || inner.head.terms().any(|term| self.term(term))
    }

    fn reference(&self, reference: &Ref) -> bool {
        let (prefix, _) = constant_prefix(&reference.path);
        match reference.root {
            Root::Var(_) => false,
            Root::Input => knowledge(&self.unknowns.input, &prefix) != Knowledge::Known,
            Root::Data => self.document(&prefix),
        }
    }

    /// Whether anything at, above or below a path depends on an unknown.
    pub(crate) fn document(&self, path: &[Arc<str>]) -> bool {
        if knowledge(&self.unknowns.data, path) != Knowledge::Known {
            return true;
        }
        let mut groups: Vec<GroupId> = self.tree.document(path).into_iter().collect();
        if let Some(node) = self.tree.node(path) {
            self.tree.documents_below(node, &mut groups);
        }
        groups.into_iter().any(|group| self.group(group))
    }
}
