//! Everything that the chain, the nodes and the watchers know, and what happened so far.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::{
    Activation, Anchor, Challenger, Claim, Each, Leaf, Log, Node, Omission, Status, Time, Verdict, Version,
};

/// One state of the whole world.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct State {
    /// The block under way.
    pub now: Time,

    // ---- the contracts ----
    /// `PolicyRegistry`: what came into force when.
    pub history: Vec<Activation>,
    /// `NodeRegistry`.
    pub status: Each<Status>,
    /// `NodeRegistry`: since when a node is active without a break.
    pub active_since: Each<Time>,
    /// `DecisionLedger`.
    pub anchors: Each<Vec<Anchor>>,
    /// `Challenge`, by leaf.
    pub verdicts: BTreeMap<Leaf, Verdict>,
    /// `Dispute`: leaves of which verifiers found the recorded result.
    pub upheld: BTreeSet<Leaf>,
    /// `Challenge`: leaves that were dated before what stands ahead of them.
    pub misdated: BTreeSet<Leaf>,
    /// `Omission`, by the receipt's leaf.
    pub omissions: BTreeMap<Leaf, Omission>,

    // ---- the honest node ----
    /// Its log.
    pub log: Log,
    /// Promised, not logged yet.
    pub pending: BTreeSet<Leaf>,
    /// Its anchor that waits for a block.
    pub in_flight: Option<Log>,

    // ---- everyone else ----
    /// Receipts that were signed; the leaf names node and time.
    pub receipts: BTreeSet<Leaf>,
    /// The longest tree that each honest verifier has cosigned, of the dishonest node's log.
    pub memories: Vec<Log>,
    /// All that was cosigned.
    pub cosigned: BTreeSet<(u8, Log)>,
    /// The cosigned trees that clients were shown, and believed.
    pub views: Vec<Log>,
    /// The finder's claim, and the block of its commitment.
    pub finder: Option<(Claim, Time)>,
    /// The finder's challenge while everybody sees it and no block has it.
    pub mempool: Option<Claim>,
    /// A copy of it, and the block of the copy's commitment.
    pub thief: Option<(Claim, Time)>,

    // ---- for the invariants only ----
    /// How often a leaf was re-executed.
    pub executions: BTreeMap<Leaf, u8>,
    /// How often verifiers settled a leaf.
    pub settlements: BTreeMap<Leaf, u8>,
    /// Who was credited for a refutation.
    pub credited: BTreeMap<Leaf, Vec<Challenger>>,
    /// How often a node had to answer for a receipt.
    pub answers: BTreeMap<Leaf, u8>,
    /// A contract has suspended the node.
    pub convicted: Each<bool>,
    /// A suspended node has anchored.
    pub anchored_while_suspended: bool,
    /// How often an admin has reinstated a node.
    pub reinstated: u8,
    /// A reinstated node was suspended for what it had anchored before.
    pub punished_twice: bool,
}

impl State {
    /// The tree that was anchored last.
    pub fn anchored(&self, node: Node) -> &[Leaf] {
        self.anchors
            .of(node)
            .last()
            .map_or(&[], |anchor| anchor.root.as_slice())
    }

    /// Whether a leaf is in the tree that was anchored last.
    pub fn is_anchored(&self, leaf: &Leaf) -> bool {
        self.anchored(leaf.node).contains(leaf)
    }

    /// Whether a node may anchor.
    pub fn is_active(&self, node: Node) -> bool {
        *self.status.of(node) == Status::Active
    }

    /// The version in force.
    pub fn in_force(&self) -> Version {
        self.history.last().map_or(0, |activation| activation.version)
    }

    /// When an entry of the registry's history ended.
    pub fn end_of(&self, activation: usize) -> Option<Time> {
        self.history
            .get(activation.saturating_add(1))
            .map(|next| next.time)
    }

    /// Whether an activation was in force at a time, give or take the tolerance.
    pub fn was_in_force(&self, activation: usize, time: Time, tolerance: Time) -> bool {
        let Some(entry) = self.history.get(activation) else {
            return false;
        };
        let early = time.saturating_add(tolerance) < entry.time;
        let late = self
            .end_of(activation)
            .is_some_and(|until| time > until.saturating_add(tolerance));
        !early && !late
    }

    /// An activation that put the leaf's version in force at the leaf's time.
    pub fn activation_of(&self, leaf: &Leaf, tolerance: Time) -> Option<usize> {
        (0..self.history.len()).find(|number| {
            self.history
                .get(*number)
                .is_some_and(|entry| entry.version == leaf.version)
                && self.was_in_force(*number, leaf.time, tolerance)
        })
    }
}
