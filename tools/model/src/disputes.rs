//! Disputes: what the contract `Dispute` does, and who brings what before it. Honest verifiers sign at once when they are asked, and what
//! they sign stays true, so nothing of it is kept: a signature of theirs is there when its outcome is right.

use crate::contracts::{Function, Revert, check, suspend};
use crate::model::{Action, Protocol, forged};
use crate::scope::{Mutation, Scope, Without};
use crate::state::State;
use crate::types::{Challenger, Leaf, Node, Signer, Verdict};

/// An outcome that is brought before the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The decision.
    pub leaf: Leaf,
    /// The result that verifiers are said to have found.
    pub computed: u8,
    /// The challenger whom the outcome names.
    pub named: Challenger,
    /// Who sends it.
    pub sender: Challenger,
    /// Who is said to have signed.
    pub signers: Vec<Signer>,
}

/// A call of `dispute`.
pub struct DisputeCall<'a> {
    scope: &'a Scope,
    state: &'a State,
    dispute: &'a Dispute,
}

/// Whether an honest verifier signs that a leaf's re-execution gives a result.
fn is_signed(scope: &Scope, state: &State, leaf: &Leaf, computed: u8) -> bool {
    if !scope.keeps(Without::JuryReexecution) {
        return true;
    }
    leaf.result.is_some()
        && state.is_anchored(leaf)
        && state.activation_of(leaf, scope.tolerance).is_some()
        && computed == leaf.version
}

impl DisputeCall<'_> {
    fn signatures(&self, valid: impl Fn(Option<&Signer>, &Signer) -> bool) -> bool {
        let mut previous = None;
        self.dispute.signers.iter().all(|signer| {
            let ok = valid(previous, signer);
            previous = Some(signer);
            ok
        })
    }
}

/// An error, and when it does not occur.
pub type DisputeGuard = (Revert, fn(&DisputeCall<'_>) -> bool);

/// The guards of `Dispute.dispute`.
pub const DISPUTE: &[DisputeGuard] = &[
    ("AlreadySettled", |c| {
        !c.state.verdicts.contains_key(&c.dispute.leaf) && !c.state.upheld.contains(&c.dispute.leaf)
    }),
    ("NodeNotActive", |c| c.state.is_active(c.dispute.leaf.node)),
    ("NoAnswerRecorded", |c| c.dispute.leaf.result.is_some()),
    ("NotIncluded", |c| c.state.is_anchored(&c.dispute.leaf)),
    ("NoQuorum", |c| c.scope.jury > 0),
    ("QuorumNeeded", |c| {
        c.dispute.signers.len() >= usize::from(c.scope.jury)
    }),
    ("BadSignature", |c| {
        let signed = is_signed(c.scope, c.state, &c.dispute.leaf, c.dispute.computed);
        c.signatures(|_, signer| match signer {
            Signer::Own => true,
            Signer::Verifier(v) => *v >= c.scope.honest_verifiers || signed,
        })
    }),
    ("SignersNotAscending", |c| {
        c.signatures(|previous, signer| previous.is_none_or(|p| p < signer))
    }),
    ("NotAVerifier", |c| {
        c.signatures(|_, signer| *signer != Signer::Own)
    }),
];

/// An error, and when it does not occur.
pub type SettledGuard = (Revert, fn(&(&State, Leaf)) -> bool);

/// The guards of `Challenge.refuteByQuorum`.
pub const REFUTE_BY_QUORUM: &[SettledGuard] = &[("AlreadySettled", |(state, leaf)| {
    !state.verdicts.contains_key(leaf)
})];

/// `Dispute.dispute`.
pub fn dispute(scope: &Scope, state: &mut State, dispute: &Dispute) -> Result<(), Revert> {
    let call = DisputeCall {
        scope,
        state,
        dispute,
    };
    check(scope, Function::Dispute, DISPUTE, &call)?;
    let leaf = dispute.leaf;
    if Some(dispute.computed) == leaf.result {
        state.upheld.insert(leaf);
    } else {
        let settled = (&*state, leaf);
        check(scope, Function::RefuteByQuorum, REFUTE_BY_QUORUM, &settled)?;
        suspend(scope, state, leaf.node)?;
        let paid = if scope.lacks(Mutation::Without(Without::OutcomeNamesChallenger)) {
            dispute.sender
        } else {
            dispute.named
        };
        state.credited.entry(leaf).or_default().push(paid);
        state.verdicts.insert(leaf, Verdict::Refuted);
    }
    let settlements = state.settlements.entry(leaf).or_default();
    *settlements = settlements.saturating_add(1);
    Ok(())
}

impl Protocol {
    /// The finder brings the first lie that verifiers confirm.
    pub(crate) fn jury_duties(&self, state: &State, duties: &mut Vec<Action>) {
        if self.scope.jury == 0 {
            return;
        }
        let lies = state.anchored(Node::Liar).iter().filter(|leaf| leaf.is_lie());
        let judged = lies.filter(|leaf| {
            !state.verdicts.contains_key(leaf) && is_signed(&self.scope, state, leaf, leaf.version)
        });
        duties.extend(judged.take(1).map(|leaf| {
            Action::Dispute(Dispute {
                leaf: *leaf,
                computed: leaf.version,
                named: Challenger::Finder,
                sender: Challenger::Finder,
                signers: self.willing(state, leaf, leaf.version),
            })
        }));
    }

    /// Every outcome about every leaf there is, with every kind of signatures; and copies of the finder's.
    pub(crate) fn jury_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !self.scope.disputes {
            return;
        }
        let own = forged();
        let leaves = state.log.iter().chain(state.anchored(Node::Liar));
        for leaf in leaves.chain(std::iter::once(&own)) {
            for computed in [0, 1] {
                for signers in self.words(state, leaf, computed) {
                    actions.push(Action::Dispute(Dispute {
                        leaf: *leaf,
                        computed,
                        named: Challenger::Griefer,
                        sender: Challenger::Griefer,
                        signers,
                    }));
                }
            }
        }
        let mut copies = Vec::new();
        self.jury_duties(state, &mut copies);
        actions.extend(copies.into_iter().map(|copy| match copy {
            Action::Dispute(seen) => Action::Dispute(Dispute {
                sender: Challenger::Thief,
                ..seen
            }),
            other => other,
        }));
    }

    /// The verifiers that sign an outcome: the honest ones if it is right, the corrupt ones always.
    fn willing(&self, state: &State, leaf: &Leaf, computed: u8) -> Vec<Signer> {
        let signed = is_signed(&self.scope, state, leaf, computed);
        (0..self.scope.verifiers)
            .filter(|v| *v >= self.scope.honest_verifiers || signed)
            .map(Signer::Verifier)
            .collect()
    }

    /// None, all that there are, made up, one twice, a stranger's.
    fn words(&self, state: &State, leaf: &Leaf, computed: u8) -> Vec<Vec<Signer>> {
        let jury = usize::from(self.scope.jury);
        let real = self.willing(state, leaf, computed);
        let made_up = (0..self.scope.jury).map(Signer::Verifier).collect();
        let mut all = vec![Vec::new(), real.clone(), made_up];
        if let Some(first) = real.first() {
            all.push(vec![*first; jury]);
            let mut own: Vec<Signer> = real.iter().copied().take(jury.saturating_sub(1)).collect();
            own.push(Signer::Own);
            all.push(own);
        }
        all
    }
}
