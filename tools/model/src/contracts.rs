//! What the contracts do. Each function is a table of guards, in the order of the Solidity source and with the names of its
//! errors (`tests/mirror.rs` compares them), and what follows when all of them hold. A mutation leaves one guard out.

use crate::scope::{Mutation, Scope, Without};
use crate::state::State;
use crate::types::{
    Anchor, Challenger, Claim, Leaf, Log, Node, Omission, Opening, Signer, Status, Time, Verdict, Version,
};

/// The name of the error that a call reverts with.
pub type Revert = &'static str;

/// A function of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `DecisionLedger.anchor`
    Anchor,
    /// `Challenge.challenge`
    Challenge,
    /// `NodeRegistry.suspend`
    Suspend,
    /// `Challenge.claimOmission`
    ClaimOmission,
    /// `Challenge.answerOmission`
    AnswerOmission,
    /// `Challenge.settleOmission`
    SettleOmission,
    /// `Challenge.refuteDate`
    RefuteDate,
    /// `Dispute.dispute`
    Dispute,
    /// `Challenge.refuteByQuorum`
    RefuteByQuorum,
}

pub(crate) fn check<C, F: Fn(&C) -> bool>(
    scope: &Scope,
    function: Function,
    guards: &[(Revert, F)],
    call: &C,
) -> Result<(), Revert> {
    for (name, holds) in guards {
        if !scope.lacks(Mutation::Guard(function, name)) && !holds(call) {
            return Err(name);
        }
    }
    Ok(())
}

/// A call of `anchor`.
pub struct AnchorCall<'a> {
    scope: &'a Scope,
    state: &'a State,
    node: Node,
    root: &'a Log,
    signers: &'a [Signer],
}

impl AnchorCall<'_> {
    fn last(&self) -> &[Leaf] {
        self.state.anchored(self.node)
    }

    /// Anchoring the last tree again changes nothing; decided by size.
    fn again(&self) -> bool {
        self.root.len() == self.last().len()
    }

    fn signatures(&self, valid: impl Fn(Option<&Signer>, &Signer) -> bool) -> bool {
        let mut previous = None;
        self.signers.iter().all(|signer| {
            let ok = valid(previous, signer);
            previous = Some(signer);
            ok
        })
    }
}

/// An error, and when it does not occur.
pub type AnchorGuard = (Revert, fn(&AnchorCall<'_>) -> bool);

/// The guards of `DecisionLedger._anchor`.
pub const ANCHOR: &[AnchorGuard] = &[
    ("NodeNotActive", |c| c.state.is_active(c.node)),
    ("EmptyTree", |c| !c.root.is_empty()),
    ("SizeFell", |c| c.root.len() >= c.last().len()),
    ("RootChanged", |c| !c.again() || c.root.as_slice() == c.last()),
    ("Inconsistent", |c| c.again() || c.root.starts_with(c.last())),
    ("QuorumNeeded", |c| {
        c.again() || c.signers.len() >= usize::from(c.scope.quorum)
    }),
    ("BadSignature", |c| {
        c.again()
            || c.signatures(|_, signer| match signer {
                Signer::Own => true,
                Signer::Verifier(v) => {
                    *v >= c.scope.honest_verifiers || c.state.cosigned.contains(&(*v, c.root.clone()))
                }
            })
    }),
    ("SignersNotAscending", |c| {
        c.again() || c.signatures(|previous, signer| previous.is_none_or(|p| p < signer))
    }),
    ("NotAVerifier", |c| {
        c.again() || c.signatures(|_, signer| *signer != Signer::Own)
    }),
];

/// `DecisionLedger.anchor`, sent by the node's operator.
pub fn anchor(
    scope: &Scope,
    state: &mut State,
    node: Node,
    root: &Log,
    signers: &[Signer],
) -> Result<(), Revert> {
    let call = AnchorCall {
        scope,
        state,
        node,
        root,
        signers,
    };
    check(scope, Function::Anchor, ANCHOR, &call)?;
    if call.again() {
        return Ok(());
    }
    if !state.is_active(node) {
        state.anchored_while_suspended = true;
    }
    let time = state.now;
    state.anchors.of_mut(node).push(Anchor {
        root: root.clone(),
        time,
    });
    Ok(())
}

/// An error, and when it does not occur.
pub type SuspendGuard = (Revert, fn(&(&State, Node)) -> bool);

/// `NodeRegistry.suspend`, called by a contract with the role.
pub const SUSPEND: &[SuspendGuard] = &[("WrongStatus", |(state, node)| state.is_active(*node))];

pub(crate) fn suspend(scope: &Scope, state: &mut State, node: Node) -> Result<(), Revert> {
    check(scope, Function::Suspend, SUSPEND, &(&*state, node))?;
    *state.status.of_mut(node) = Status::Suspended;
    *state.convicted.of_mut(node) = true;
    Ok(())
}

/// A call of `challenge`.
pub struct ChallengeCall<'a> {
    scope: &'a Scope,
    state: &'a State,
    claim: &'a Claim,
    by: Challenger,
}

impl ChallengeCall<'_> {
    /// The block of the sender's commitment to exactly this claim.
    fn committed(&self) -> Option<Time> {
        let own = |kept: &Option<(Claim, Time)>| {
            kept.as_ref()
                .and_then(|(claim, at)| (claim == self.claim).then_some(*at))
        };
        match self.by {
            Challenger::Griefer => Some(0),
            Challenger::Finder => own(&self.state.finder),
            Challenger::Thief
                if self
                    .scope
                    .lacks(Mutation::Without(Without::CommitmentNamesChallenger)) =>
            {
                own(&self.state.finder).or_else(|| own(&self.state.thief))
            }
            Challenger::Thief => own(&self.state.thief),
        }
    }

    fn activated(&self) -> Option<Version> {
        self.state
            .history
            .get(self.claim.activation)
            .map(|entry| entry.version)
    }

    /// What the re-execution gives; none when it fails. An input that is not the recorded one gets another answer.
    fn execute(&self) -> Option<u8> {
        let answer = self.activated()?;
        self.claim.gas.then_some(match self.claim.opening {
            Opening::Right => answer,
            Opening::OtherInput | Opening::OtherData => u8::MAX,
        })
    }
}

/// An error, and when it does not occur.
pub type ChallengeGuard = (Revert, fn(&ChallengeCall<'_>) -> bool);

/// The guards of `Challenge.challenge`.
pub const CHALLENGE: &[ChallengeGuard] = &[
    ("NotCommitted", |c| {
        c.committed().is_some_and(|at| at < c.state.now)
    }),
    ("AlreadySettled", |c| {
        !c.state.verdicts.contains_key(&c.claim.leaf)
    }),
    ("NodeNotActive", |c| c.state.is_active(c.claim.leaf.node)),
    ("NoAnswerRecorded", |c| c.claim.leaf.result.is_some()),
    ("NotIncluded", |c| c.state.is_anchored(&c.claim.leaf)),
    ("WrongInput", |c| c.claim.opening != Opening::OtherInput),
    ("WrongData", |c| c.claim.opening != Opening::OtherData),
    ("WrongVersion", |c| c.activated() == Some(c.claim.leaf.version)),
    ("NotInForce", |c| {
        c.state
            .was_in_force(c.claim.activation, c.claim.leaf.time, c.scope.tolerance)
    }),
    ("NotExecutable", |c| c.execute().is_some()),
];

/// `Challenge.challenge`.
pub fn challenge(scope: &Scope, state: &mut State, claim: &Claim, by: Challenger) -> Result<Verdict, Revert> {
    let call = ChallengeCall {
        scope,
        state,
        claim,
        by,
    };
    check(scope, Function::Challenge, CHALLENGE, &call)?;
    let computed = call.execute();
    let leaf = claim.leaf;
    let verdict = if computed == leaf.result {
        Verdict::Upheld
    } else {
        Verdict::Refuted
    };
    if verdict == Verdict::Refuted {
        // Refutation and suspension are one transaction: when the registry refuses, neither happened.
        suspend(scope, state, leaf.node)?;
        state.credited.entry(leaf).or_default().push(by);
    }
    state.verdicts.insert(leaf, verdict);
    let executions = state.executions.entry(leaf).or_default();
    *executions = executions.saturating_add(1);
    Ok(verdict)
}

/// A call about a receipt.
pub struct OmissionCall<'a> {
    scope: &'a Scope,
    state: &'a State,
    receipt: &'a Leaf,
}

/// An error, and when it does not occur.
pub type OmissionGuard = (Revert, fn(&OmissionCall<'_>) -> bool);

/// The guards of `claimOmission`.
pub const CLAIM_OMISSION: &[OmissionGuard] = &[
    ("AlreadyClaimed", |c| !c.state.omissions.contains_key(c.receipt)),
    ("NodeNotActive", |c| c.state.is_active(c.receipt.node)),
    ("NotSignedByNode", |c| c.state.receipts.contains(c.receipt)),
    ("NotDue", |c| {
        c.state.now > c.receipt.time.saturating_add(c.scope.delay)
    }),
];

/// Says that the decision of a receipt is not in the log: its node has to answer.
pub fn claim_omission(scope: &Scope, state: &mut State, receipt: &Leaf) -> Result<(), Revert> {
    let call = OmissionCall {
        scope,
        state,
        receipt,
    };
    check(scope, Function::ClaimOmission, CLAIM_OMISSION, &call)?;
    let until = state.now.saturating_add(scope.window);
    state.omissions.insert(*receipt, Omission::Open(until));
    Ok(())
}

/// The last block in which a claimed receipt can't be settled. A node that was reinstated has the whole window again.
pub fn open_until(scope: &Scope, state: &State, receipt: &Leaf) -> Option<Time> {
    match state.omissions.get(receipt) {
        Some(Omission::Open(until)) if scope.keeps(Without::WindowAfterReinstatement) => {
            let since = *state.active_since.of(receipt.node);
            Some(since.saturating_add(scope.window).max(*until))
        }
        Some(Omission::Open(until)) => Some(*until),
        _ => None,
    }
}

/// The guards of `answerOmission`.
pub const ANSWER_OMISSION: &[OmissionGuard] = &[
    ("NoOpenClaim", |c| {
        open_until(c.scope, c.state, c.receipt).is_some()
    }),
    ("NotIncluded", |c| c.state.is_anchored(c.receipt)),
];

/// Shows that the decision of a claimed receipt is in the log after all.
pub fn answer_omission(scope: &Scope, state: &mut State, receipt: &Leaf) -> Result<(), Revert> {
    let call = OmissionCall {
        scope,
        state,
        receipt,
    };
    check(scope, Function::AnswerOmission, ANSWER_OMISSION, &call)?;
    state.omissions.insert(*receipt, Omission::Answered);
    let answers = state.answers.entry(*receipt).or_default();
    *answers = answers.saturating_add(1);
    Ok(())
}

/// The guards of `settleOmission`.
pub const SETTLE_OMISSION: &[OmissionGuard] = &[
    ("NoOpenClaim", |c| {
        open_until(c.scope, c.state, c.receipt).is_some()
    }),
    // Only another receipt than the claim's is checked, and here a leaf has one receipt.
    ("NotSignedByNode", |_| true),
    ("WindowOpen", |c| {
        open_until(c.scope, c.state, c.receipt).is_none_or(|until| c.state.now > until)
    }),
];

/// Suspends the node that did not answer within the window. While the node is not active, the claim is dropped.
pub fn settle_omission(scope: &Scope, state: &mut State, receipt: &Leaf) -> Result<(), Revert> {
    let call = OmissionCall {
        scope,
        state,
        receipt,
    };
    if open_until(scope, state, receipt).is_some() && !state.is_active(receipt.node) {
        state.omissions.remove(receipt);
        return Ok(());
    }
    check(scope, Function::SettleOmission, SETTLE_OMISSION, &call)?;
    suspend(scope, state, receipt.node)?;
    state.omissions.insert(*receipt, Omission::Omitted);
    Ok(())
}

/// A call of `refuteDate`: two leaves of one log, in the order of the log.
pub struct DateCall<'a> {
    scope: &'a Scope,
    state: &'a State,
    first: &'a Leaf,
    second: &'a Leaf,
}

impl DateCall<'_> {
    fn place(&self, leaf: &Leaf) -> Option<usize> {
        self.state
            .anchored(self.second.node)
            .iter()
            .position(|other| other == leaf)
    }

    /// Whether an anchor from before the node's reinstatement covers the leaf.
    fn is_old(&self) -> bool {
        let node = self.second.node;
        let anchors = self.state.anchors.of(node);
        anchors.iter().any(|anchor| {
            anchor.time < *self.state.active_since.of(node) && anchor.root.contains(self.second)
        })
    }

    fn is_misdated(&self) -> bool {
        let dated = self.second.time.saturating_add(self.scope.tolerance);
        if self.scope.keeps(Without::DateByOrder) {
            return dated < self.first.time;
        }
        let anchors = self.state.anchors.of(self.second.node).iter();
        anchors
            .filter(|anchor| !anchor.root.contains(self.second))
            .any(|anchor| dated < anchor.time)
    }
}

/// An error, and when it does not occur.
pub type DateGuard = (Revert, fn(&DateCall<'_>) -> bool);

/// The guards of `refuteDate`.
pub const REFUTE_DATE: &[DateGuard] = &[
    ("NodeNotActive", |c| c.state.is_active(c.second.node)),
    ("AlreadyMisdated", |c| !c.state.misdated.contains(c.second)),
    ("NotLater", |c| c.place(c.first) < c.place(c.second)),
    ("InOrder", |c| c.is_misdated()),
    ("NotIncluded", |c| {
        c.place(c.first).is_some() && c.place(c.second).is_some()
    }),
    ("BeforeReinstatement", |c| !c.is_old()),
];

/// Shows that a log has a decision behind one that claims to be made long after it.
pub fn refute_date(scope: &Scope, state: &mut State, first: &Leaf, second: &Leaf) -> Result<(), Revert> {
    let call = DateCall {
        scope,
        state,
        first,
        second,
    };
    check(scope, Function::RefuteDate, REFUTE_DATE, &call)?;
    let old = call.is_old();
    suspend(scope, state, second.node)?;
    let again = !state.misdated.insert(*second);
    state.punished_twice |= old || again;
    Ok(())
}
