//! How much of the world is explored, and what is left out of the protocol to see it fail.

use crate::contracts::{Function, Revert};
use crate::types::{Leaf, Node, Time};

/// One thing that the protocol does, left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A guard of a contract.
    Guard(Function, Revert),
    /// A rule that is no guard, or an assumption about the world.
    Without(Without),
}

/// Rules that are no guards, and assumptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Without {
    /// Rule: a commitment names its challenger.
    CommitmentNamesChallenger,
    /// Rule: an outcome that verifiers sign names its challenger.
    OutcomeNamesChallenger,
    /// Rule: a verifier re-executes what it signs an outcome of, and checks its proof.
    JuryReexecution,
    /// Rule: a verifier cosigns only what extends the tree it cosigned last.
    VerifierMemory,
    /// Rule: a verifier re-executes what it cosigns.
    Reexecution,
    /// Rule: a node that was reinstated has the whole window again to answer.
    WindowAfterReinstatement,
    /// Rule: a misdated leaf is judged by the log's own order. In its place: by the time of the anchor before it.
    DateByOrder,
    /// Assumption: a transaction that everybody sees is in the next block.
    PromptInclusion,
    /// Assumption: the honest node's answer to an omission claim gets onto the chain within the window.
    PromptAnswer,
    /// Assumption: whoever finds a lie says so.
    Vigilance,
}

/// What the dishonest node may write at a place of its log, at a time.
pub type Alphabet = fn(place: u8, now: Time) -> Vec<Leaf>;

/// Bounds of one exploration.
#[derive(Clone, Debug)]
pub struct Scope {
    /// What it is about.
    pub name: &'static str,
    /// The last block.
    pub horizon: Time,
    /// `Challenge.tolerance`, in blocks.
    pub tolerance: Time,
    /// Blocks after which a promised decision must be in the log.
    pub delay: Time,
    /// Blocks that a node has to answer an omission claim.
    pub window: Time,
    /// Signatures that an anchor needs.
    pub quorum: u8,
    /// Signatures that a dispute needs; zero where nobody's word counts.
    pub jury: u8,
    /// Verifiers 0 to this are honest.
    pub honest_verifiers: u8,
    /// All verifiers; those beyond the honest ones sign whatever they are asked to.
    pub verifiers: u8,
    /// How often the policy may change.
    pub activations: usize,
    /// Decisions that the honest node makes at most.
    pub decisions: u8,
    /// The honest node's evaluations may fail.
    pub failures: bool,
    /// The honest node's answers come with receipts, and are logged later.
    pub receipts: bool,
    /// The dishonest node's answers do.
    pub false_receipts: bool,
    /// Receipts are claimed: true ones, early ones, forged ones.
    pub omissions: bool,
    /// Anyone challenges the honest node with any claim.
    pub griefing: bool,
    /// Anyone brings any outcome before `Dispute`, and a finder the dishonest node's lies.
    pub disputes: bool,
    /// A finder challenges the dishonest node's lies.
    pub finder: bool,
    /// The dates of the dishonest node's log are watched, and anyone claims that the honest node's are wrong.
    pub dates: bool,
    /// Two clients are shown cosigned trees.
    pub views: bool,
    /// Whom an admin may suspend at any time.
    pub suspension: Option<Node>,
    /// How often an admin reinstates a suspended node.
    pub reinstatements: u8,
    /// What the dishonest node writes.
    pub alphabet: Alphabet,
    /// Leaves of the dishonest node's trees at most.
    pub leaves: u8,
    /// Its anchors at most.
    pub anchors: usize,
    /// What is left out.
    pub without: Vec<Mutation>,
}

impl Scope {
    /// Whether something is left out.
    pub fn lacks(&self, mutation: Mutation) -> bool {
        self.without.contains(&mutation)
    }

    /// Whether a rule or assumption holds.
    pub fn keeps(&self, rule: Without) -> bool {
        !self.lacks(Mutation::Without(rule))
    }

    /// The same with something left out.
    #[must_use]
    pub fn without(mut self, mutation: Mutation) -> Self {
        self.without.push(mutation);
        self
    }

    fn empty(name: &'static str) -> Self {
        Self {
            name,
            horizon: 0,
            tolerance: 1,
            delay: 1,
            window: 2,
            quorum: 0,
            jury: 0,
            honest_verifiers: 0,
            verifiers: 0,
            activations: 0,
            decisions: 0,
            failures: false,
            receipts: false,
            false_receipts: false,
            omissions: false,
            griefing: false,
            disputes: false,
            finder: false,
            dates: false,
            views: false,
            suspension: None,
            reinstatements: 0,
            alphabet: |_, _| Vec::new(),
            leaves: 0,
            anchors: 0,
            without: Vec::new(),
        }
    }

    /// One log, rewritten, cut and forked in every way.
    pub fn log() -> Self {
        Self {
            horizon: 2,
            suspension: Some(Node::Liar),
            reinstatements: 1,
            alphabet: forks,
            leaves: 3,
            anchors: 3,
            ..Self::empty("log")
        }
    }

    /// Two of three verifiers, all of them honest.
    pub fn quorum() -> Self {
        Self {
            quorum: 2,
            honest_verifiers: 3,
            verifiers: 3,
            views: true,
            alphabet: forks,
            leaves: 2,
            anchors: 2,
            ..Self::empty("quorum")
        }
    }

    /// Three of four verifiers, one of which signs anything.
    pub fn corrupt_quorum() -> Self {
        Self {
            quorum: 3,
            honest_verifiers: 3,
            verifiers: 4,
            ..Self::quorum()
        }
        .named("quorum, one verifier corrupt")
    }

    /// Challenges: of lies, of an honest node, copied, while the policy changes.
    pub fn challenge() -> Self {
        Self {
            horizon: 4,
            activations: 1,
            decisions: 1,
            failures: true,
            griefing: true,
            finder: true,
            reinstatements: 1,
            alphabet: answers,
            leaves: 1,
            anchors: 1,
            ..Self::empty("challenge")
        }
    }

    /// Disputes before two of three verifiers, one of whom signs anything, beside challenges.
    pub fn disputes() -> Self {
        Self {
            horizon: 2,
            jury: 2,
            honest_verifiers: 2,
            verifiers: 3,
            activations: 1,
            decisions: 1,
            failures: true,
            griefing: true,
            disputes: true,
            reinstatements: 1,
            alphabet: everything,
            leaves: 1,
            anchors: 1,
            ..Self::empty("disputes")
        }
    }

    /// A ledger that demands no quorum.
    pub fn no_jury() -> Self {
        Self {
            jury: 0,
            ..Self::disputes()
        }
        .named("disputes, no quorum")
    }

    /// Receipts, kept and broken.
    pub fn receipts() -> Self {
        Self {
            horizon: 6,
            delay: 2,
            window: 1,
            decisions: 1,
            receipts: true,
            false_receipts: true,
            omissions: true,
            suspension: Some(Node::Honest),
            reinstatements: 1,
            alphabet: promises,
            leaves: 1,
            anchors: 1,
            ..Self::empty("receipts")
        }
    }

    /// Misdated decisions.
    pub fn dates() -> Self {
        Self {
            horizon: 3,
            decisions: 2,
            receipts: true,
            dates: true,
            reinstatements: 1,
            alphabet: dated,
            leaves: 3,
            anchors: 2,
            ..Self::empty("dates")
        }
    }

    /// All at once, with less of each.
    pub fn joint() -> Self {
        Self {
            horizon: 4,
            window: 1,
            decisions: 1,
            receipts: true,
            false_receipts: true,
            omissions: true,
            griefing: true,
            finder: true,
            dates: true,
            alphabet: everything,
            leaves: 2,
            anchors: 1,
            ..Self::empty("joint")
        }
    }

    /// All explorations.
    pub fn all() -> Vec<Self> {
        vec![
            Self::log(),
            Self::quorum(),
            Self::corrupt_quorum(),
            Self::challenge(),
            Self::disputes(),
            Self::receipts(),
            Self::dates(),
            Self::joint(),
        ]
    }

    /// The same under another name.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }
}

fn leaf(id: u8, time: Time, version: u8, result: u8) -> Leaf {
    Leaf {
        node: Node::Liar,
        id,
        time,
        version,
        result: Some(result),
    }
}

/// Two true decisions and a lie for every place.
fn forks(place: u8, _: Time) -> Vec<Leaf> {
    vec![
        leaf(place, 0, 0, 0),
        leaf(place.saturating_add(10), 0, 0, 0),
        leaf(place, 0, 0, 1),
    ]
}

/// Any answer, under any version, at any time so far.
fn answers(place: u8, now: Time) -> Vec<Leaf> {
    (0..=now)
        .flat_map(|time| {
            [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(version, result)| leaf(place, time, version, result))
        })
        .collect()
}

/// What it may have promised in the first two blocks.
fn promises(place: u8, now: Time) -> Vec<Leaf> {
    (0..=now.min(1)).map(|time| leaf(place, time, 0, 0)).collect()
}

/// True decisions at any time so far.
fn dated(place: u8, now: Time) -> Vec<Leaf> {
    (0..=now).map(|time| leaf(place, time, 0, 0)).collect()
}

/// A promised, true or false decision, of the first block or the third.
fn everything(place: u8, now: Time) -> Vec<Leaf> {
    let times = [0, 2].into_iter().filter(|time| *time <= now);
    times
        .flat_map(|time| [leaf(place, time, 0, 0), leaf(place, time, 0, 1)])
        .collect()
}
