//! Who can do what when. Every action adds to what has happened, so each path is finite; honest parties do what they have to
//! before the block ends, so "eventually" is a statement about the states at the last block.

use stateright::{Model, Property};

use crate::contracts::{
    anchor, answer_omission, challenge, claim_omission, open_until, refute_date, settle_omission,
};
use crate::disputes::{Dispute, dispute};
use crate::properties;
use crate::scope::{Scope, Without};
use crate::state::State;
use crate::types::{
    Activation, Challenger, Claim, Leaf, Log, Node, Omission, Opening, Signer, Status, Time, Version,
};

/// The protocol within the bounds of a scope.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// The bounds.
    pub scope: Scope,
}

/// One step of someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The block ends.
    Block,
    /// The next version comes into force.
    Activate,
    /// An admin suspends a node.
    Suspend(Node),
    /// An admin reinstates a node.
    Reinstate(Node),
    /// The honest node decides under a version; its evaluation may fail.
    Decide(Version, bool),
    /// The honest node logs what it promised.
    Append(Leaf),
    /// The honest node sends its tree to the chain.
    Send,
    /// The chain takes it.
    Mine,
    /// The dishonest node anchors a tree with these signatures.
    Anchor(Log, Vec<Signer>),
    /// The dishonest node signs a receipt.
    Promise(Leaf),
    /// An honest verifier is asked to cosign a tree of the dishonest node.
    Cosign(u8, Log),
    /// A client is shown a tree of the dishonest node, with all cosignatures there are.
    Show(Log),
    /// Someone challenges with a claim that was committed to long ago.
    Grief(Claim),
    /// The finder commits to a claim about a lie.
    FinderCommits(Claim),
    /// The finder's challenge is seen by everybody.
    FinderSends,
    /// Someone brings an outcome that verifiers are said to have signed.
    Dispute(Dispute),
    /// The finder's challenge is executed.
    FinderChallenges,
    /// The thief commits to a copy.
    ThiefCommits,
    /// The thief's copy is executed.
    ThiefChallenges,
    /// Someone says that a receipt's decision is not in the log.
    ClaimOmission(Leaf),
    /// A node shows that it is.
    AnswerOmission(Leaf),
    /// Someone asks for the consequences.
    SettleOmission(Leaf),
    /// Someone shows that the second of two decisions is dated too early.
    RefuteDate(Leaf, Leaf),
}

impl Protocol {
    /// What honest parties have to do before the block ends.
    pub fn duties(&self, state: &State) -> Vec<Action> {
        let mut duties = Vec::new();
        self.node_duties(state, &mut duties);
        if self.scope.keeps(Without::Vigilance) {
            self.finder_duties(state, &mut duties);
            self.jury_duties(state, &mut duties);
            self.holder_duties(state, &mut duties);
            duties.extend(
                self.misdated(state)
                    .map(|(first, second)| Action::RefuteDate(first, second)),
            );
        }
        duties.retain(|duty| self.next_state(state, duty.clone()).is_some());
        duties
    }

    fn node_duties(&self, state: &State, duties: &mut Vec<Action>) {
        let due = |leaf: &&Leaf| leaf.time.saturating_add(self.scope.delay) <= state.now;
        duties.extend(state.pending.iter().filter(due).map(|leaf| Action::Append(*leaf)));
        if !self.scope.keeps(Without::PromptAnswer) {
            return;
        }
        for receipt in state.omissions.keys() {
            let until = open_until(&self.scope, state, receipt);
            let last_call = until.is_some_and(|until| until <= state.now);
            if receipt.node == Node::Honest && last_call {
                duties.push(if state.is_anchored(receipt) {
                    Action::AnswerOmission(*receipt)
                } else if state.in_flight.is_some() {
                    Action::Mine
                } else {
                    Action::Send
                });
            }
        }
    }

    /// The finder commits to the first lie it can refute, sends its challenge as soon as the commitment counts, and has it
    /// executed in the same block.
    fn finder_duties(&self, state: &State, duties: &mut Vec<Action>) {
        match (&state.finder, &state.mempool) {
            _ if !self.scope.finder => {}
            (None, _) => duties.extend(
                state
                    .anchored(Node::Liar)
                    .iter()
                    .filter(|leaf| leaf.is_lie() && !state.verdicts.contains_key(leaf))
                    .filter_map(|leaf| self.just_claim(state, leaf))
                    .map(Action::FinderCommits)
                    .take(1),
            ),
            (Some((_, at)), None) if *at < state.now => duties.push(Action::FinderSends),
            (Some(_), Some(_)) if self.scope.keeps(Without::PromptInclusion) => {
                duties.push(Action::FinderChallenges);
            }
            _ => {}
        }
    }

    fn holder_duties(&self, state: &State, duties: &mut Vec<Action>) {
        for receipt in state.receipts.iter().filter(|leaf| leaf.node == Node::Liar) {
            match state.omissions.get(receipt) {
                None if !state.is_anchored(receipt) => duties.push(Action::ClaimOmission(*receipt)),
                Some(Omission::Open(_)) => duties.push(Action::SettleOmission(*receipt)),
                _ => {}
            }
        }
    }

    /// The claim that refutes a lie, if its version was in force.
    fn just_claim(&self, state: &State, leaf: &Leaf) -> Option<Claim> {
        Some(Claim {
            leaf: *leaf,
            activation: state.activation_of(leaf, self.scope.tolerance)?,
            opening: Opening::Right,
            gas: true,
        })
    }

    /// Decisions of the dishonest node that stand behind one dated after them by more than the tolerance.
    pub fn misdated<'a>(&'a self, state: &'a State) -> impl Iterator<Item = (Leaf, Leaf)> + 'a {
        let log = state.anchored(Node::Liar);
        let watched = if self.scope.dates { log } else { &[] };
        pairs(watched).filter(|(first, second)| second.time.saturating_add(self.scope.tolerance) < first.time)
    }

    fn honest_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let made = state.log.len().saturating_add(state.pending.len());
        if made < usize::from(self.scope.decisions) {
            // A node learns of a new version up to a block late.
            let versions = state
                .history
                .iter()
                .enumerate()
                .filter(|(number, entry)| {
                    entry.time <= state.now
                        && state
                            .end_of(*number)
                            .is_none_or(|until| state.now <= until.saturating_add(1))
                })
                .map(|(_, entry)| entry.version);
            for version in versions {
                actions.push(Action::Decide(version, false));
                if self.scope.failures {
                    actions.push(Action::Decide(version, true));
                }
            }
        }
        actions.extend(state.pending.iter().map(|leaf| Action::Append(*leaf)));
        if state.in_flight.is_some() {
            actions.push(Action::Mine);
        } else if state.log.len() > state.anchored(Node::Honest).len() {
            actions.push(Action::Send);
        }
    }

    fn liar_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.anchors.liar.len() < self.scope.anchors {
            for log in self.universe(state) {
                for signers in self.signatures(state, &log) {
                    actions.push(Action::Anchor(log.clone(), signers));
                }
            }
        }
        if self.scope.false_receipts && !state.receipts.iter().any(|leaf| leaf.node == Node::Liar) {
            let promises = (self.scope.alphabet)(0, state.now);
            actions.extend(
                promises
                    .into_iter()
                    .filter(|leaf| leaf.time == state.now && !leaf.is_lie())
                    .map(Action::Promise),
            );
        }
        if self.scope.verifiers > 0 {
            for log in self.universe(state) {
                actions.extend((0..self.scope.honest_verifiers).map(|v| Action::Cosign(v, log.clone())));
                if self.scope.views && state.views.len() < 2 {
                    actions.push(Action::Show(log));
                }
            }
        }
    }

    /// All trees that the dishonest node could make up.
    fn universe(&self, state: &State) -> Vec<Log> {
        let mut all: Vec<Log> = Vec::new();
        let mut longest: Vec<Log> = vec![Vec::new()];
        for place in 0..self.scope.leaves {
            let choices = (self.scope.alphabet)(place, state.now);
            longest = longest
                .iter()
                .flat_map(|log| {
                    choices.iter().map(|leaf| {
                        let mut longer = log.clone();
                        longer.push(*leaf);
                        longer
                    })
                })
                .collect();
            all.extend(longest.iter().cloned());
        }
        all
    }

    /// The kinds of signatures that a node can offer: none, all that there are, too few, made up, one twice, its own.
    fn signatures(&self, state: &State, log: &Log) -> Vec<Vec<Signer>> {
        let quorum = usize::from(self.scope.quorum);
        if quorum == 0 {
            return vec![Vec::new()];
        }
        let real: Vec<Signer> = (0..self.scope.verifiers)
            .filter(|v| *v >= self.scope.honest_verifiers || state.cosigned.contains(&(*v, log.clone())))
            .map(Signer::Verifier)
            .collect();
        let made_up = (0..self.scope.quorum).map(Signer::Verifier).collect();
        let mut all = vec![Vec::new(), real.clone(), made_up];
        if let Some(first) = real.first() {
            all.push(vec![*first; quorum]);
            let mut own: Vec<Signer> = real.iter().copied().take(quorum.saturating_sub(1)).collect();
            own.push(Signer::Own);
            all.push(own);
        }
        all
    }

    fn adversary_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if self.scope.griefing {
            actions.extend(self.griefs(state).into_iter().map(Action::Grief));
        }
        self.jury_actions(state, actions);
        if state.mempool.is_some() {
            actions.push(Action::FinderChallenges);
            if state.thief.is_none() {
                actions.push(Action::ThiefCommits);
            }
        }
        if state.mempool.is_some() || state.thief.is_some() {
            actions.push(Action::ThiefChallenges);
        }
        if self.scope.omissions {
            let forged = forged();
            for receipt in state.receipts.iter().chain(std::iter::once(&forged)) {
                actions.push(Action::ClaimOmission(*receipt));
                actions.push(Action::AnswerOmission(*receipt));
                actions.push(Action::SettleOmission(*receipt));
            }
        }
        if self.scope.dates {
            for node in [Node::Honest, Node::Liar] {
                let log = state.anchored(node);
                let mut late = forged();
                late.time = Time::MAX;
                let firsts = log.iter().copied().chain(std::iter::once(late));
                let all = firsts.flat_map(|a| log.iter().map(move |b| (a, *b)));
                actions.extend(all.map(|(a, b)| Action::RefuteDate(a, b)));
            }
        }
    }

    /// Every claim about the honest node, true or spoilt; and about the dishonest one those that don't refute it.
    fn griefs(&self, state: &State) -> Vec<Claim> {
        let forged = forged();
        let leaves = state
            .log
            .iter()
            .chain(state.anchored(Node::Liar))
            .chain(std::iter::once(&forged));
        let mut claims = Vec::new();
        for leaf in leaves {
            for activation in 0..state.history.len() {
                for opening in [Opening::Right, Opening::OtherInput, Opening::OtherData] {
                    for gas in [true, false] {
                        let honest = opening == Opening::Right && gas;
                        if leaf.node == Node::Honest || !leaf.is_lie() || !honest {
                            claims.push(Claim {
                                leaf: *leaf,
                                activation,
                                opening,
                                gas,
                            });
                        }
                    }
                }
            }
        }
        claims
    }

    fn admin_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.history.len() <= self.scope.activations {
            actions.push(Action::Activate);
        }
        if let Some(node) = self.scope.suspension
            && state.is_active(node)
            && state.reinstated < 1
        {
            actions.push(Action::Suspend(node));
        }
        if state.reinstated < self.scope.reinstatements {
            let suspended = [Node::Honest, Node::Liar]
                .into_iter()
                .filter(|node| !state.is_active(*node) && self.may_be_reinstated(*node));
            actions.extend(suspended.map(Action::Reinstate));
        }
    }

    /// Admins reinstate whom they suspended themselves, and else the dishonest node.
    fn may_be_reinstated(&self, node: Node) -> bool {
        node == self.scope.suspension.unwrap_or(Node::Liar)
    }

    fn apply(&self, state: &mut State, action: Action) -> Option<()> {
        let scope = &self.scope;
        match action {
            Action::Block => state.now = state.now.saturating_add(1),
            Action::Activate => {
                let version = state.in_force().saturating_add(1);
                let time = state.now;
                state.history.push(Activation { version, time });
            }
            Action::Suspend(node) => *state.status.of_mut(node) = Status::Suspended,
            Action::Reinstate(node) => {
                *state.status.of_mut(node) = Status::Active;
                *state.active_since.of_mut(node) = state.now;
                state.reinstated = state.reinstated.saturating_add(1);
            }
            Action::Decide(version, failed) => self.decide(state, version, failed),
            Action::Append(leaf) => {
                state.pending.remove(&leaf);
                state.log.push(leaf);
            }
            Action::Send => state.in_flight = Some(state.log.clone()),
            Action::Mine => {
                let root = state.in_flight.take()?;
                // Honest verifiers cosign an honest log; that they are there is an assumption.
                let signers: Vec<Signer> = (0..scope.quorum).map(Signer::Verifier).collect();
                anchor(scope, state, Node::Honest, &root, &signers).ok()?;
            }
            Action::Anchor(root, signers) => anchor(scope, state, Node::Liar, &root, &signers).ok()?,
            Action::Promise(leaf) => {
                state.receipts.insert(leaf);
            }
            Action::Cosign(verifier, log) => self.cosign(state, verifier, log)?,
            Action::Show(log) => {
                self.believes(state, &log).then_some(())?;
                state.views.push(log);
            }
            Action::Grief(claim) => {
                challenge(scope, state, &claim, Challenger::Griefer).ok()?;
            }
            Action::Dispute(brought) => dispute(scope, state, &brought).ok()?,
            Action::FinderCommits(claim) => state.finder = Some((claim, state.now)),
            Action::FinderSends => {
                let (claim, _) = state.finder?;
                (!state.verdicts.contains_key(&claim.leaf) && state.is_active(Node::Liar)).then_some(())?;
                state.mempool = Some(claim);
            }
            Action::FinderChallenges => {
                let claim = state.mempool.take()?;
                challenge(scope, state, &claim, Challenger::Finder).ok()?;
            }
            Action::ThiefCommits => state.thief = Some((state.mempool?, state.now)),
            Action::ThiefChallenges => {
                let claim = state.mempool.or(state.thief.map(|(claim, _)| claim))?;
                challenge(scope, state, &claim, Challenger::Thief).ok()?;
            }
            Action::ClaimOmission(receipt) => claim_omission(scope, state, &receipt).ok()?,
            Action::AnswerOmission(receipt) => answer_omission(scope, state, &receipt).ok()?,
            Action::SettleOmission(receipt) => settle_omission(scope, state, &receipt).ok()?,
            Action::RefuteDate(first, second) => refute_date(scope, state, &first, &second).ok()?,
        }
        Some(())
    }

    fn decide(&self, state: &mut State, version: Version, failed: bool) {
        let made = state.log.len().saturating_add(state.pending.len());
        let leaf = Leaf {
            node: Node::Honest,
            id: u8::try_from(made).unwrap_or(u8::MAX),
            time: state.now,
            version,
            result: (!failed).then_some(version),
        };
        if self.scope.receipts {
            state.receipts.insert(leaf);
            state.pending.insert(leaf);
        } else {
            state.log.push(leaf);
        }
    }

    fn cosign(&self, state: &mut State, verifier: u8, log: Log) -> Option<()> {
        let memory = state.memories.get_mut(usize::from(verifier))?;
        let new = *memory != log && !state.cosigned.contains(&(verifier, log.clone()));
        let extends = log.starts_with(memory) || !self.scope.keeps(Without::VerifierMemory);
        let right = !log.iter().any(Leaf::is_lie) || !self.scope.keeps(Without::Reexecution);
        (new && extends && right).then_some(())?;
        memory.clone_from(&log);
        state.cosigned.insert((verifier, log));
        Some(())
    }

    fn believes(&self, state: &State, log: &Log) -> bool {
        let corrupt = self.scope.verifiers.saturating_sub(self.scope.honest_verifiers);
        let honest = (0..self.scope.honest_verifiers)
            .filter(|v| state.cosigned.contains(&(*v, log.clone())))
            .count();
        honest.saturating_add(usize::from(corrupt)) >= usize::from(self.scope.quorum)
            && !state.views.contains(log)
    }
}

/// A decision that the honest node never made, false at that.
pub(crate) fn forged() -> Leaf {
    Leaf {
        node: Node::Honest,
        id: u8::MAX,
        time: 0,
        version: 0,
        result: Some(1),
    }
}

/// All pairs of a log, in its order.
pub fn pairs(log: &[Leaf]) -> impl Iterator<Item = (Leaf, Leaf)> {
    log.iter().enumerate().flat_map(move |(place, first)| {
        log.iter()
            .skip(place.saturating_add(1))
            .map(move |second| (*first, *second))
    })
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            history: vec![Activation { version: 0, time: 0 }],
            memories: vec![Log::new(); usize::from(self.scope.honest_verifiers)],
            ..State::default()
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let duties = self.duties(state);
        if duties.is_empty() && state.now < self.scope.horizon {
            actions.push(Action::Block);
        }
        actions.extend(duties);
        self.admin_actions(state, actions);
        self.honest_actions(state, actions);
        self.liar_actions(state, actions);
        self.adversary_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.apply(&mut state, action)?;
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(&self.scope)
    }
}
