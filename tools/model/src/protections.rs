//! Every protection, and what happens without it. `docs/model.md` has this table.

use crate::contracts::{
    ANCHOR, ANSWER_OMISSION, CHALLENGE, CLAIM_OMISSION, Function, REFUTE_DATE, Revert, SETTLE_OMISSION,
    SUSPEND,
};
use crate::disputes::{DISPUTE, REFUTE_BY_QUORUM};
use crate::properties::{
    ANSWERED_ONCE, EXECUTED_ONCE, FINDER_IS_PAID, HONEST_STAYS, LIES_END, NO_SPLIT_VIEW,
    NOTHING_ANCHORED_CHANGES, OMISSIONS_END, PUNISHED_ONCE, QUORUM_STOPS_LIES, SETTLED_ONCE,
    SUSPENDED_IS_MUTE, UPHELD_IS_RIGHT,
};
use crate::scope::{Mutation, Scope, Without};

/// What is left out, where, and what comes of it.
#[derive(Debug)]
pub struct Protection {
    /// What is left out.
    pub mutation: Mutation,
    /// The exploration in which it matters.
    pub scope: Scope,
    /// The invariant that breaks; or why none does.
    pub outcome: Result<&'static str, &'static str>,
}

impl Protection {
    fn guard(
        function: Function,
        name: Revert,
        scope: Scope,
        outcome: Result<&'static str, &'static str>,
    ) -> Self {
        Self {
            mutation: Mutation::Guard(function, name),
            scope,
            outcome,
        }
    }

    fn rule(rule: Without, scope: Scope, breaks: &'static str) -> Self {
        Self {
            mutation: Mutation::Without(rule),
            scope,
            outcome: Ok(breaks),
        }
    }
}

/// The names of a function's guards, in order.
pub fn guards(function: Function) -> Vec<Revert> {
    fn names<F>(guards: &[(Revert, F)]) -> Vec<Revert> {
        guards.iter().map(|(name, _)| *name).collect()
    }
    match function {
        Function::Anchor => names(ANCHOR),
        Function::Challenge => names(CHALLENGE),
        Function::Suspend => names(SUSPEND),
        Function::ClaimOmission => names(CLAIM_OMISSION),
        Function::AnswerOmission => names(ANSWER_OMISSION),
        Function::SettleOmission => names(SETTLE_OMISSION),
        Function::RefuteDate => names(REFUTE_DATE),
        Function::Dispute => names(DISPUTE),
        Function::RefuteByQuorum => names(REFUTE_BY_QUORUM),
    }
}

/// All functions with guards.
pub const FUNCTIONS: &[Function] = &[
    Function::Anchor,
    Function::Challenge,
    Function::Suspend,
    Function::ClaimOmission,
    Function::AnswerOmission,
    Function::SettleOmission,
    Function::RefuteDate,
    Function::Dispute,
    Function::RefuteByQuorum,
];

/// All protections.
pub fn all() -> Vec<Protection> {
    let mut all = anchors();
    all.extend(challenges());
    all.extend(disputes());
    all.extend(omissions());
    all.extend(dates());
    all.extend(rules());
    all
}

fn anchors() -> Vec<Protection> {
    use Function::{Anchor, Suspend};
    let guard = Protection::guard;
    vec![
        guard(Anchor, "NodeNotActive", Scope::log(), Ok(SUSPENDED_IS_MUTE)),
        guard(
            Anchor,
            "EmptyTree",
            Scope::log(),
            Err("an anchor of nothing proves nothing"),
        ),
        guard(
            Anchor,
            "SizeFell",
            Scope::log(),
            Err("no consistency proof leads to a smaller tree: Inconsistent"),
        ),
        guard(
            Anchor,
            "RootChanged",
            Scope::log(),
            Err("a tree of the last size is not stored again"),
        ),
        guard(Anchor, "Inconsistent", Scope::log(), Ok(NOTHING_ANCHORED_CHANGES)),
        guard(Anchor, "QuorumNeeded", Scope::quorum(), Ok(QUORUM_STOPS_LIES)),
        guard(Anchor, "BadSignature", Scope::quorum(), Ok(QUORUM_STOPS_LIES)),
        guard(
            Anchor,
            "SignersNotAscending",
            Scope::corrupt_quorum(),
            Ok(QUORUM_STOPS_LIES),
        ),
        guard(Anchor, "NotAVerifier", Scope::quorum(), Ok(NO_SPLIT_VIEW)),
        guard(
            Suspend,
            "WrongStatus",
            Scope::challenge(),
            Err("whoever calls asks first: NodeNotActive"),
        ),
    ]
}

fn challenges() -> Vec<Protection> {
    use Function::Challenge;
    let guard = |name, outcome| Protection::guard(Challenge, name, Scope::challenge(), outcome);
    vec![
        guard("NotCommitted", Ok(FINDER_IS_PAID)),
        guard("AlreadySettled", Ok(EXECUTED_ONCE)),
        guard(
            "NodeNotActive",
            Err("a node that is not active can't be suspended: WrongStatus"),
        ),
        guard("NoAnswerRecorded", Ok(HONEST_STAYS)),
        guard("NotIncluded", Ok(HONEST_STAYS)),
        guard("WrongInput", Ok(HONEST_STAYS)),
        guard("WrongData", Ok(HONEST_STAYS)),
        guard("WrongVersion", Ok(HONEST_STAYS)),
        guard("NotInForce", Ok(UPHELD_IS_RIGHT)),
        guard("NotExecutable", Ok(HONEST_STAYS)),
    ]
}

fn disputes() -> Vec<Protection> {
    use Function::{Dispute, RefuteByQuorum};
    let guard = |name, outcome| Protection::guard(Dispute, name, Scope::disputes(), outcome);
    vec![
        guard("AlreadySettled", Ok(SETTLED_ONCE)),
        guard(
            "NodeNotActive",
            Err("a node that is not active can't be suspended: WrongStatus"),
        ),
        guard(
            "NoAnswerRecorded",
            Err("honest verifiers sign nothing about a failed evaluation"),
        ),
        guard("NotIncluded", Err("honest verifiers check the proof themselves")),
        Protection::guard(Dispute, "NoQuorum", Scope::no_jury(), Ok(HONEST_STAYS)),
        guard("QuorumNeeded", Ok(HONEST_STAYS)),
        guard("BadSignature", Ok(HONEST_STAYS)),
        guard("SignersNotAscending", Ok(HONEST_STAYS)),
        guard("NotAVerifier", Ok(HONEST_STAYS)),
        Protection::guard(
            RefuteByQuorum,
            "AlreadySettled",
            Scope::disputes(),
            Err("the contract Dispute asks first: AlreadySettled"),
        ),
    ]
}

fn omissions() -> Vec<Protection> {
    use Function::{AnswerOmission, ClaimOmission, SettleOmission};
    let guard = |function, name, outcome| Protection::guard(function, name, Scope::receipts(), outcome);
    vec![
        guard(ClaimOmission, "AlreadyClaimed", Ok(ANSWERED_ONCE)),
        guard(
            ClaimOmission,
            "NodeNotActive",
            Err("a claim against a suspended node is dropped when it is settled"),
        ),
        guard(ClaimOmission, "NotSignedByNode", Ok(HONEST_STAYS)),
        guard(ClaimOmission, "NotDue", Ok(HONEST_STAYS)),
        guard(AnswerOmission, "NoOpenClaim", Ok(ANSWERED_ONCE)),
        guard(AnswerOmission, "NotIncluded", Ok(OMISSIONS_END)),
        guard(SettleOmission, "NoOpenClaim", Ok(HONEST_STAYS)),
        guard(
            SettleOmission,
            "NotSignedByNode",
            Err("only another receipt than the claim's is checked, and here a leaf has one"),
        ),
        guard(SettleOmission, "WindowOpen", Ok(HONEST_STAYS)),
    ]
}

fn dates() -> Vec<Protection> {
    let guard = |name, outcome| Protection::guard(Function::RefuteDate, name, Scope::dates(), outcome);
    vec![
        guard(
            "NodeNotActive",
            Err("a node that is not active can't be suspended: WrongStatus"),
        ),
        guard("AlreadyMisdated", Ok(PUNISHED_ONCE)),
        guard("NotLater", Ok(HONEST_STAYS)),
        guard("InOrder", Ok(HONEST_STAYS)),
        guard("NotIncluded", Ok(HONEST_STAYS)),
        guard("BeforeReinstatement", Ok(PUNISHED_ONCE)),
    ]
}

fn rules() -> Vec<Protection> {
    let rule = Protection::rule;
    vec![
        rule(
            Without::CommitmentNamesChallenger,
            Scope::challenge(),
            FINDER_IS_PAID,
        ),
        rule(Without::OutcomeNamesChallenger, Scope::disputes(), FINDER_IS_PAID),
        rule(Without::JuryReexecution, Scope::disputes(), HONEST_STAYS),
        rule(Without::WindowAfterReinstatement, Scope::receipts(), HONEST_STAYS),
        rule(Without::DateByOrder, Scope::dates(), HONEST_STAYS),
        rule(Without::VerifierMemory, Scope::quorum(), NO_SPLIT_VIEW),
        rule(Without::Reexecution, Scope::quorum(), QUORUM_STOPS_LIES),
        rule(Without::PromptInclusion, Scope::challenge(), FINDER_IS_PAID),
        rule(Without::PromptAnswer, Scope::receipts(), HONEST_STAYS),
        rule(Without::Vigilance, Scope::challenge(), LIES_END),
    ]
}
