//! What one file says, before it joins the inventory: packages by number, what needs what, and what the project needs.

use super::File;
use crate::model::{Component, Hash, Invalid, Inventory, Problem, ProblemKind, Purl, Scope};
use std::collections::BTreeSet;

/// A package's number in its draft.
pub(crate) type Node = usize;

#[derive(Default)]
pub(crate) struct Draft {
    nodes: Vec<Component>,
    needs: Vec<BTreeSet<Node>>,
    direct: Vec<(Node, Scope)>,
    problems: Vec<(Option<u32>, ProblemKind, String)>,
    project: Option<Purl>,
}

impl Draft {
    pub(crate) fn add(&mut self, component: Component) -> Node {
        self.nodes.push(component);
        self.needs.push(BTreeSet::new());
        self.nodes.len().saturating_sub(1)
    }

    /// Adds a package unless it is none, which becomes a problem of its line.
    pub(crate) fn try_add(&mut self, line: u32, component: Result<Component, Invalid>) -> Option<Node> {
        match component {
            Ok(component) => Some(self.add(component)),
            Err(error) => {
                self.problem(line, format!("a package is left out: {error}"));
                None
            }
        }
    }

    pub(crate) fn problem(&mut self, line: u32, message: impl Into<String>) {
        self.problems
            .push((Some(line), ProblemKind::Input, message.into()));
    }

    /// The file is that of a project which others of the same repository may name as a package.
    pub(crate) fn set_project(&mut self, project: Option<Purl>) {
        self.project = project;
    }

    pub(crate) fn project(&self) -> Option<&Purl> {
        self.project.as_ref()
    }

    pub(crate) fn node_mut(&mut self, node: Node) -> Option<&mut Component> {
        self.nodes.get_mut(node)
    }

    /// Notes that a file says less than is needed.
    pub(crate) fn incomplete(&mut self, line: u32, message: impl Into<String>) {
        self.problems
            .push((Some(line), ProblemKind::Incomplete, message.into()));
    }

    /// Notes parts that the file does not have, though others in it need them and its tool writes all.
    pub(crate) fn lacks(&mut self, file: &File<'_>, part: &str, missing: &BTreeSet<&str>) {
        let Some(first) = missing.first() else { return };
        let more = match missing.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let last = u32::try_from(file.text().lines().count()).unwrap_or(u32::MAX);
        let message = format!("has no {part} {first}{more}, which others in it need: the file is cut");
        self.problem(last.max(1), message);
    }

    /// Notes a digest of a package, or why it is none.
    pub(crate) fn hash(&mut self, node: Node, line: u32, hash: Result<Hash, Invalid>) {
        match hash {
            Ok(hash) => {
                if let Some(component) = self.nodes.get_mut(node) {
                    component.hashes.insert(hash);
                }
            }
            Err(error) => self.problem(line, error.to_string()),
        }
    }

    /// [`Self::hash`], for several that stand in one text.
    pub(crate) fn integrity(&mut self, node: Node, line: u32, hashes: Option<Result<Vec<Hash>, Invalid>>) {
        match hashes {
            Some(Ok(hashes)) => hashes
                .into_iter()
                .for_each(|hash| self.hash(node, line, Ok(hash))),
            Some(Err(error)) => self.hash(node, line, Err(error)),
            None => {}
        }
    }

    /// `from` needs `to`.
    pub(crate) fn need(&mut self, from: Node, to: Node) {
        if let Some(needs) = self.needs.get_mut(from) {
            needs.insert(to);
        }
    }

    /// The project needs this package itself.
    pub(crate) fn direct(&mut self, node: Node, scope: Scope) {
        self.direct.push((node, scope));
    }

    /// Gives every package the scope of the most that needs it, from what the project needs. What nothing needs keeps its own.
    pub(crate) fn spread_scopes(&mut self) {
        let mut reached: Vec<Option<Scope>> = vec![None; self.nodes.len()];
        for scope in [Scope::Required, Scope::Optional, Scope::Development] {
            let starts = self.direct.iter().filter(|(_, own)| *own == scope);
            let mut open: Vec<Node> = starts.map(|(node, _)| *node).collect();
            while let Some(node) = open.pop() {
                match reached.get_mut(node) {
                    Some(found @ None) => *found = Some(scope),
                    _ => continue,
                }
                open.extend(self.needs.get(node).into_iter().flatten());
            }
        }
        for (node, scope) in self.nodes.iter_mut().zip(reached) {
            node.scope = scope.unwrap_or(node.scope);
        }
    }

    /// Adds all but the repository's own projects, whatever of them is asked for (qualifiers).
    pub(crate) fn add_to(self, path: &str, own: &BTreeSet<String>, inventory: &mut Inventory) {
        let is_own = |purl: &Purl| own.contains(purl.without_qualifiers());
        let foreign = |node: &Component| Some(node.purl().clone()).filter(|purl| !is_own(purl));
        let purls: Vec<Option<Purl>> = self.nodes.iter().map(foreign).collect();
        let of = |node: &Node| purls.get(*node).cloned().flatten();
        for (number, (mut component, needs)) in self.nodes.into_iter().zip(self.needs).enumerate() {
            component.dependencies.extend(needs.iter().filter_map(of));
            if of(&number).is_some() {
                inventory.add(component);
            }
        }
        for purl in self.direct.iter().filter_map(|(node, _)| of(node)) {
            inventory.add_direct(purl);
        }
        for (line, kind, message) in self.problems {
            inventory.note(Problem {
                file: path.to_owned(),
                line,
                kind,
                message,
            });
        }
    }
}
