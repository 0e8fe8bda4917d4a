//! Merkle Patricia trie, kept on disk node by node, so that a block costs what it changes.
//!
//! Format of the nodes: Ethereum Yellow Paper, appendix D ("secure" tries: keys are Keccak-256 hashes, so every key has
//! 64 nibbles and a branch never carries a value). Each node is stored under its own path; its parent holds its
//! reference (the hash, or the node itself when shorter than 32 bytes). An update loads only the nodes on the paths
//! to the changed keys, rebuilds them in memory and writes them back.
//!
//! INVARIANT: after [`update`] the store holds, for the given owner, exactly the nodes of the trie.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{B256, Bytes, keccak256};
use alloy::rlp::Decodable;
use alloy_trie::nodes::{BranchNode, ExtensionNode, LeafNode, RlpNode, TrieNode};
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles, TrieMask};

use super::error::NodeError;

/// Where nodes are kept: an ordered map from key bytes to node bytes.
pub(crate) trait ReadNodes {
    /// The RLP of the node under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, NodeError>;
}

/// A node store that can be changed.
pub(crate) trait WriteNodes: ReadNodes {
    /// Sets the node under `key`.
    fn put(&mut self, key: &[u8], rlp: &[u8]) -> Result<(), NodeError>;
    /// Removes the node under `key`, if any.
    fn delete(&mut self, key: &[u8]) -> Result<(), NodeError>;
}

/// Nodes in memory: what a check compares the disk with.
impl ReadNodes for BTreeMap<Vec<u8>, Vec<u8>> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(BTreeMap::get(self, key).cloned())
    }
}

impl WriteNodes for BTreeMap<Vec<u8>, Vec<u8>> {
    fn put(&mut self, key: &[u8], rlp: &[u8]) -> Result<(), NodeError> {
        self.insert(key.to_vec(), rlp.to_vec());
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), NodeError> {
        self.remove(key);
        Ok(())
    }
}

/// New value of a key: its RLP, or `None` to remove the key.
pub(crate) type Updates = BTreeMap<B256, Option<Vec<u8>>>;

/// A node as it is worked on. `Stored` is a subtree that was not loaded and therefore has not changed.
#[derive(Debug)]
enum Node {
    Stored(RlpNode),
    Leaf { path: Nibbles, value: Vec<u8> },
    Extension { path: Nibbles, child: Box<Node> },
    Branch(Box<[Option<Node>; 16]>),
}

/// Applies `updates` to the trie of `owner` (a key prefix) and returns its new root.
pub(crate) fn update<S: WriteNodes>(
    store: &mut S,
    owner: &[u8],
    updates: &Updates,
) -> Result<B256, NodeError> {
    let mut edit = Edit {
        store,
        owner,
        loaded: BTreeSet::new(),
    };
    let mut root = edit.load(&Nibbles::new())?;
    for (key, value) in updates {
        let key = Nibbles::unpack(key);
        root = match value {
            Some(value) => Some(edit.insert(root, Nibbles::new(), key, value)?),
            None => edit.remove(root, Nibbles::new(), key)?,
        };
    }
    edit.finish(root)
}

/// The root of the trie of `owner`.
pub(crate) fn root<S: ReadNodes>(store: &S, owner: &[u8]) -> Result<B256, NodeError> {
    Ok(store.get(owner)?.map_or(EMPTY_ROOT_HASH, keccak256))
}

/// The nodes from the root to `key`, as `eth_getProof` lists them: those that are referred to by hash.
pub(crate) fn proof<S: ReadNodes>(store: &S, owner: &[u8], key: B256) -> Result<Vec<Bytes>, NodeError> {
    let key = Nibbles::unpack(key);
    let mut path = Nibbles::new();
    let mut nodes: Vec<Bytes> = Vec::new();
    while let Some(rlp) = store.get(&storage_key(owner, &path))? {
        let node = decode(owner, &path, &rlp)?;
        // A node under 32 bytes lies inside its parent, which is listed already; only the root stands alone.
        if path.is_empty() || rlp.len() >= 32 {
            nodes.push(rlp.into());
        }
        let rest = key.slice(path.len()..);
        match node {
            TrieNode::Branch(branch) => {
                let Some(nibble) = rest.first() else { break };
                if !branch.state_mask.is_bit_set(nibble) {
                    break;
                }
                path.push(nibble);
            }
            TrieNode::Extension(extension) if rest.starts_with(&extension.key) => path.extend(&extension.key),
            TrieNode::Extension(_) | TrieNode::Leaf(_) | TrieNode::EmptyRoot => break,
        }
    }
    Ok(nodes)
}

fn storage_key(owner: &[u8], path: &Nibbles) -> Vec<u8> {
    let mut key = owner.to_vec();
    key.extend(path.to_vec());
    key
}

fn decode(owner: &[u8], path: &Nibbles, rlp: &[u8]) -> Result<TrieNode, NodeError> {
    let mut rest = rlp;
    match TrieNode::decode(&mut rest) {
        Ok(node) if rest.is_empty() => Ok(node),
        Ok(_) => Err(NodeError::corrupt(format!(
            "bytes after the trie node {owner:02x?}/{path:?}"
        ))),
        Err(error) => Err(NodeError::corrupt(format!(
            "trie node {owner:02x?}/{path:?}: {error}"
        ))),
    }
}

struct Edit<'s, S> {
    store: &'s mut S,
    owner: &'s [u8],
    /// Paths of the nodes that were loaded: rewritten or deleted at the end.
    loaded: BTreeSet<Nibbles>,
}

impl<S: WriteNodes> Edit<'_, S> {
    /// Loads the node at `path`; `None` if there is none.
    fn load(&mut self, path: &Nibbles) -> Result<Option<Node>, NodeError> {
        let Some(rlp) = self.store.get(&storage_key(self.owner, path))? else {
            return Ok(None);
        };
        self.loaded.insert(*path);
        Ok(match decode(self.owner, path, &rlp)? {
            TrieNode::EmptyRoot => None,
            TrieNode::Leaf(leaf) => Some(Node::Leaf {
                path: leaf.key,
                value: leaf.value,
            }),
            TrieNode::Extension(extension) => Some(Node::Extension {
                path: extension.key,
                child: Box::new(Node::Stored(extension.child)),
            }),
            TrieNode::Branch(branch) => {
                let mut children = Box::new([const { None }; 16]);
                let mut stack = branch.stack.into_iter();
                for (nibble, child) in (0_u8..).zip(children.iter_mut()) {
                    if branch.state_mask.is_bit_set(nibble) {
                        *child = stack.next().map(Node::Stored);
                    }
                }
                Some(Node::Branch(children))
            }
        })
    }

    /// Replaces a `Stored` node by what it stands for.
    fn resolve(&mut self, node: Node, path: &Nibbles) -> Result<Node, NodeError> {
        match node {
            Node::Stored(_) => self.load(path)?.ok_or_else(|| {
                NodeError::corrupt(format!("trie node {:02x?}/{path:?} is missing", self.owner))
            }),
            loaded => Ok(loaded),
        }
    }

    /// Sets `key` (relative to `at`) below `node`, which lies at `at`.
    fn insert(
        &mut self,
        node: Option<Node>,
        at: Nibbles,
        key: Nibbles,
        value: &[u8],
    ) -> Result<Node, NodeError> {
        let Some(node) = node else {
            return Ok(Node::Leaf {
                path: key,
                value: value.to_vec(),
            });
        };
        match self.resolve(node, &at)? {
            Node::Leaf { path, .. } if path == key => Ok(Node::Leaf {
                path,
                value: value.to_vec(),
            }),
            Node::Leaf { path, value: other } => {
                let fork = path.common_prefix_length(&key);
                let other_leaf = |rest| Node::Leaf {
                    path: rest,
                    value: other,
                };
                split(&path, fork, other_leaf, &key, value)
            }
            Node::Extension { path, child } => {
                let fork = path.common_prefix_length(&key);
                if fork == path.len() {
                    let child = self.insert(Some(*child), at.join(&path), key.slice(fork..), value)?;
                    return Ok(Node::Extension {
                        path,
                        child: Box::new(child),
                    });
                }
                let shorter = |rest: Nibbles| {
                    if rest.is_empty() {
                        *child
                    } else {
                        Node::Extension { path: rest, child }
                    }
                };
                split(&path, fork, shorter, &key, value)
            }
            Node::Branch(mut children) => {
                let (nibble, rest) = take_first(&key)?;
                let slot = slot(&mut children, nibble)?;
                let child = slot.take();
                let mut at = at;
                at.push(nibble);
                *slot = Some(self.insert(child, at, rest, value)?);
                Ok(Node::Branch(children))
            }
            Node::Stored(_) => Err(NodeError::corrupt("an unresolved trie node")),
        }
    }

    /// Removes `key` (relative to `at`) below `node`, which lies at `at`.
    fn remove(&mut self, node: Option<Node>, at: Nibbles, key: Nibbles) -> Result<Option<Node>, NodeError> {
        let Some(node) = node else { return Ok(None) };
        match self.resolve(node, &at)? {
            Node::Leaf { path, .. } if path == key => Ok(None),
            Node::Extension { path, child } if key.starts_with(&path) => {
                let child = self.remove(Some(*child), at.join(&path), key.slice(path.len()..))?;
                Ok(child.map(|child| prefix(path, child)))
            }
            Node::Branch(mut children) => {
                let (nibble, rest) = take_first(&key)?;
                let mut below = at;
                below.push(nibble);
                let slot = slot(&mut children, nibble)?;
                let child = slot.take();
                *slot = self.remove(child, below, rest)?;
                self.collapse(children, at).map(Some)
            }
            unchanged => Ok(Some(unchanged)),
        }
    }

    /// A branch with one child left is no branch: the child takes its place with a longer path.
    fn collapse(&mut self, mut children: Box<[Option<Node>; 16]>, at: Nibbles) -> Result<Node, NodeError> {
        if children.iter().flatten().count() != 1 {
            return Ok(Node::Branch(children));
        }
        for (nibble, child) in (0_u8..).zip(children.iter_mut()) {
            if let Some(child) = child.take() {
                let mut below = at;
                below.push(nibble);
                let child = self.resolve(child, &below)?;
                return Ok(prefix(Nibbles::from_nibbles([nibble]), child));
            }
        }
        Err(NodeError::corrupt("a trie branch without children"))
    }

    /// Writes everything that was loaded or made, deletes what is no longer there; returns the root.
    fn finish(mut self, root: Option<Node>) -> Result<B256, NodeError> {
        let hash = match &root {
            None => EMPTY_ROOT_HASH,
            Some(root) => {
                let mut rlp = Vec::new();
                self.write(root, Nibbles::new(), &mut rlp)?;
                keccak256(&rlp)
            }
        };
        for path in &self.loaded {
            self.store.delete(&storage_key(self.owner, path))?;
        }
        Ok(hash)
    }

    /// Writes `node` at `at` with all that was changed below it, leaves its RLP in `rlp`, returns its reference.
    fn write(&mut self, node: &Node, at: Nibbles, rlp: &mut Vec<u8>) -> Result<RlpNode, NodeError> {
        let encodable = match node {
            Node::Stored(reference) => return Ok(reference.clone()),
            Node::Leaf { path, value } => TrieNode::Leaf(LeafNode::new(*path, value.clone())),
            Node::Extension { path, child } => {
                let child = self.write(child, at.join(path), rlp)?;
                TrieNode::Extension(ExtensionNode::new(*path, child))
            }
            Node::Branch(children) => {
                let mut stack = Vec::new();
                let mut mask = TrieMask::default();
                for (nibble, child) in (0_u8..).zip(children.iter()) {
                    if let Some(child) = child {
                        let mut below = at;
                        below.push(nibble);
                        stack.push(self.write(child, below, rlp)?);
                        mask.set_bit(nibble);
                    }
                }
                TrieNode::Branch(BranchNode::new(stack, mask))
            }
        };
        rlp.clear();
        let reference = encodable.rlp(rlp);
        self.store.put(&storage_key(self.owner, &at), rlp)?;
        self.loaded.remove(&at);
        Ok(reference)
    }
}

/// Two paths that part after `fork` nibbles: a branch there, below an extension if they share a beginning.
/// `old` makes the node for what remains of `path`.
fn split(
    path: &Nibbles,
    fork: usize,
    old: impl FnOnce(Nibbles) -> Node,
    key: &Nibbles,
    value: &[u8],
) -> Result<Node, NodeError> {
    let mut children = Box::new([const { None }; 16]);
    let (old_nibble, old_rest) = take_first(&path.slice(fork..))?;
    *slot(&mut children, old_nibble)? = Some(old(old_rest));
    let (new_nibble, new_rest) = take_first(&key.slice(fork..))?;
    *slot(&mut children, new_nibble)? = Some(Node::Leaf {
        path: new_rest,
        value: value.to_vec(),
    });
    Ok(prefix(path.slice(..fork), Node::Branch(children)))
}

/// `node` with `path` in front of it.
fn prefix(path: Nibbles, node: Node) -> Node {
    match node {
        _ if path.is_empty() => node,
        Node::Leaf { path: rest, value } => Node::Leaf {
            path: path.join(&rest),
            value,
        },
        Node::Extension { path: rest, child } => Node::Extension {
            path: path.join(&rest),
            child,
        },
        Node::Branch(_) | Node::Stored(_) => Node::Extension {
            path,
            child: Box::new(node),
        },
    }
}

fn take_first(path: &Nibbles) -> Result<(u8, Nibbles), NodeError> {
    let first = path
        .first()
        .ok_or_else(|| NodeError::corrupt("a trie key ends inside a branch"))?;
    Ok((first, path.slice(1..)))
}

fn slot(children: &mut [Option<Node>; 16], nibble: u8) -> Result<&mut Option<Node>, NodeError> {
    children
        .get_mut(usize::from(nibble))
        .ok_or_else(|| NodeError::corrupt("a nibble above 15"))
}

#[cfg(test)]
mod tests;
