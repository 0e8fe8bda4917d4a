//! What the protocol is about, as small as it can be without losing what matters.
//!
//! Hashes are ideal: a tree *is* the list of its leaves, so a consistency proof exists exactly when one list begins with
//! the other, and an inclusion proof exactly when the leaf stands at its place. That RFC 6962 proofs say the same is
//! tested elsewhere, on the contracts.

use std::fmt;

/// A block; one unit of time each.
pub type Time = u8;
/// A version of the one policy there is. Its rule answers its own number, so every version answers differently.
pub type Version = u8;

/// The two decision points that are registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// Does what the documentation says.
    Honest,
    /// Does whatever the chain lets it do.
    Liar,
}

/// One value for each node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Each<T> {
    /// The honest node's.
    pub honest: T,
    /// The dishonest node's.
    pub liar: T,
}

impl<T> Each<T> {
    /// A node's value.
    pub fn of(&self, node: Node) -> &T {
        match node {
            Node::Honest => &self.honest,
            Node::Liar => &self.liar,
        }
    }

    /// A node's value, to change.
    pub fn of_mut(&mut self, node: Node) -> &mut T {
        match node {
            Node::Honest => &mut self.honest,
            Node::Liar => &mut self.liar,
        }
    }
}

/// What a log commits to for one decision. `result` is none when the evaluation failed (`NO_ANSWER`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Leaf {
    /// Who decided.
    pub node: Node,
    /// Tells decisions apart that are otherwise the same.
    pub id: u8,
    /// When the node says that it decided.
    pub time: Time,
    /// The version that the node says it used.
    pub version: Version,
    /// What it recorded.
    pub result: Option<u8>,
}

impl Leaf {
    /// Whether the record is not what its version says.
    pub fn is_lie(&self) -> bool {
        self.result.is_some_and(|result| result != self.version)
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            node,
            id,
            time,
            version,
            result,
        } = self;
        write!(f, "{node:?}#{id}@{time} v{version}=>{result:?}")
    }
}

/// A tree: its leaves.
pub type Log = Vec<Leaf>;

/// Whether one tree extends the other: both can be views of one log.
pub fn consistent(a: &[Leaf], b: &[Leaf]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// A checkpoint that the chain accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Anchor {
    /// The tree.
    pub root: Log,
    /// Its block.
    pub time: Time,
}

/// An entry of the registry's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Activation {
    /// What came into force.
    pub version: Version,
    /// When.
    pub time: Time,
}

/// A node's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// May anchor.
    #[default]
    Active,
    /// May not.
    Suspended,
}

/// What became of a challenged leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The re-execution agreed.
    Upheld,
    /// It differed.
    Refuted,
}

/// Who challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Challenger {
    /// Holds the proof of a lie and follows the protocol.
    Finder,
    /// Sees pending transactions and copies them.
    Thief,
    /// Wants an honest node suspended, knows its inputs, and has committed to every claim there is long ago.
    Griefer,
}

/// What a claim says the input and the data were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Opening {
    /// What the leaf commits to.
    Right,
    /// Another input.
    OtherInput,
    /// Other data.
    OtherData,
}

/// A challenge's claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// The decision.
    pub leaf: Leaf,
    /// Number of the entry of the registry's history that put the version in force.
    pub activation: usize,
    /// Input and data.
    pub opening: Opening,
    /// Whether the gas suffices for the re-execution.
    pub gas: bool,
}

/// What became of the claim that a promised decision is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Omission {
    /// The node may answer in any block up to this one.
    Open(Time),
    /// It did.
    Answered,
    /// It did not, and was suspended.
    Omitted,
}

/// Who signs checkpoints for the quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signer {
    /// A verifier, by number.
    Verifier(u8),
    /// The node's own operator.
    Own,
}
