//! Copies of rules and base documents for what is kept as it stands. They have a place of their own below the namespace, so that
//! `with` can replace documents there without touching what was evaluated partially.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_types::Value;

use super::prune::{makes_objects, statement_paths};
use super::term::{Statement, SupportBranch, SupportRule, Term};
use super::{NAMESPACE, Partial, Result};
use crate::compile::hir::Path;
use crate::compile::tree::{GroupId, Node};

/// The place of copies below the namespace.
const COPIES: &str = "__whole__";

/// Where the copy of what is at a path below `data` is.
pub(super) fn whole_path(path: &[Arc<str>]) -> Path {
    [Arc::from(NAMESPACE), Arc::from(COPIES)]
        .into_iter()
        .chain(path.iter().cloned())
        .collect()
}

impl Partial<'_> {
    /// Where the copy of a document is; the support modules will have it, and everything below it.
    pub(super) fn whole_reference(&mut self, path: &[Arc<str>]) -> Result<Path> {
        let checked = self.checked;
        if let Some(id) = checked.tree.document(path) {
            self.whole_group(id);
            return Ok(whole_path(path));
        }
        if let Some(node) = checked.tree.node(path) {
            let mut groups = Vec::new();
            checked.tree.documents_below(node, &mut groups);
            for id in groups {
                self.whole_group(id);
            }
            self.empty_packages(path, node);
        }
        self.bases.insert(path.to_vec());
        Ok(whole_path(path))
    }

    /// Whether an evaluation of these statements may end in an error.
    pub(super) fn may_fail(&self, body: &[Statement]) -> bool {
        let mut paths = Vec::new();
        body.iter()
            .for_each(|statement| statement_paths(statement, &mut paths));
        paths.iter().any(|path| {
            let own = path.strip_prefix([Arc::from(NAMESPACE)].as_slice());
            let Some(own) = own else { return false };
            let copy = own.strip_prefix([Arc::from(COPIES)].as_slice());
            let own = copy.unwrap_or(own);
            let function = self
                .checked
                .tree
                .function(own)
                .is_some_and(|(id, _)| self.failing.group(id));
            function || self.failing.document(own) || self.failing_helpers.contains(path)
        }) || body.iter().any(makes_objects)
    }

    pub(super) fn whole_function(&mut self, id: GroupId, path: &Path) -> Path {
        self.whole_group(id);
        whole_path(path)
    }

    fn whole_group(&mut self, id: GroupId) {
        if self.whole.insert(id) {
            self.whole_queue.push_back(id);
        }
    }

    /// Packages without rules are empty objects.
    fn empty_packages(&mut self, path: &[Arc<str>], node: &Node) {
        if node.group.is_none() && node.children.is_empty() {
            self.packages.insert(whole_path(path));
        }
        for (name, child) in &node.children {
            let Some(child) = self.checked.tree.nodes.get(*child) else {
                continue;
            };
            let path: Path = path.iter().chain([name]).cloned().collect();
            self.empty_packages(&path, child);
        }
    }

    /// Adds the base documents that are referred to as rules with constant values.
    pub(super) fn base_documents(&mut self) {
        let bases = std::mem::take(&mut self.bases);
        let covered = |path: &Path| {
            (0..path.len()).any(|length| path.get(..length).is_some_and(|above| bases.contains(above)))
        };
        let tops: BTreeSet<Path> = bases.iter().filter(|path| !covered(path)).cloned().collect();
        for path in tops {
            self.base_document(&path);
        }
    }

    fn base_document(&mut self, path: &Path) {
        let Some(value) = self.base_at(path) else { return };
        let node = self.checked.tree.node(path);
        if node.is_some_and(|node| node.group.is_some()) {
            return;
        }
        let ruled = node.is_some();
        let replaced = self
            .targets
            .iter()
            .any(|target| target.len() > path.len() && target.starts_with(path));
        if ruled || replaced {
            if let Value::Object(map) = value {
                for key in map.keys() {
                    if let Value::String(name) = key {
                        let below: Path = path.iter().chain([name]).cloned().collect();
                        self.base_document(&below);
                    }
                }
                if map.is_empty() && !ruled {
                    self.packages.insert(whole_path(path));
                }
                return;
            }
            if ruled {
                return;
            }
        }
        self.rules.push(SupportRule {
            default: false,
            path: whole_path(path),
            suffix: Vec::new(),
            args: None,
            contains: false,
            branches: vec![SupportBranch {
                value: Term::Const(value.clone()),
                body: Vec::new(),
            }],
        });
    }
}
