//! What must never happen, what must have happened at the end, and what can happen (so that nothing holds for want of cases).

use stateright::Property;

use crate::model::{Protocol, pairs};
use crate::scope::Scope;
use crate::state::State;
use crate::types::{Challenger, Leaf, Node, Omission, Verdict, consistent};

/// Every anchored tree extends all anchored before it, so what was shown to be in one is in all later ones.
pub const NOTHING_ANCHORED_CHANGES: &str = "an anchored decision is never altered";
/// No contract ever suspends an honest node.
pub const HONEST_STAYS: &str = "an honest node is never suspended";
/// A leaf that was refuted belongs to a node that was suspended by it.
pub const REFUTED_IS_SUSPENDED: &str = "every refuted node is suspended";
/// A lie that stood in an anchored tree a block before the end is refuted, or its node suspended otherwise.
pub const LIES_END: &str = "in the end every anchored lie is refuted";
/// A promised decision that is not in the log has cost its node the standing.
pub const OMISSIONS_END: &str = "in the end every omission is punished";
/// A decision that is dated before one ahead of it has too.
pub const MISDATING_ENDS: &str = "in the end every misdated decision is punished";
/// Every leaf is executed once at most.
pub const EXECUTED_ONCE: &str = "a decision is executed once at most";
/// Every leaf is settled by verifiers once at most.
pub const SETTLED_ONCE: &str = "verifiers settle a decision once at most";
/// One reward a lie, and not for a copy.
pub const FINDER_IS_PAID: &str = "a lie is paid for once, and never to who copied its claim";
/// What was upheld is what the policy in force said.
pub const UPHELD_IS_RIGHT: &str = "what is upheld is right, under a version in force";
/// One answer, and one deposit for it.
pub const ANSWERED_ONCE: &str = "a receipt is answered for once at most";
/// Anchors of suspended nodes are refused.
pub const SUSPENDED_IS_MUTE: &str = "a suspended node anchors nothing";
/// What was anchored before a reinstatement does not undo it.
pub const PUNISHED_ONCE: &str = "a reinstated node is not suspended for old dates";
/// Cosigned trees of one log are views of one log.
pub const NO_SPLIT_VIEW: &str = "no two cosigned trees contradict each other or the chain";
/// With a quorum lies are not even anchored.
pub const QUORUM_STOPS_LIES: &str = "with a quorum no lie is anchored";

fn honest_stays(_: &Protocol, state: &State) -> bool {
    !state.convicted.honest
}

fn nothing_anchored_changes(_: &Protocol, state: &State) -> bool {
    [Node::Honest, Node::Liar].iter().all(|node| {
        let anchors = state.anchors.of(*node);
        let later = anchors.iter().skip(1);
        anchors
            .iter()
            .zip(later)
            .all(|(one, next)| next.root.starts_with(&one.root))
    })
}

fn refuted_is_suspended(_: &Protocol, state: &State) -> bool {
    let refuted = state
        .verdicts
        .iter()
        .filter(|(_, verdict)| **verdict == Verdict::Refuted);
    let settled = state
        .omissions
        .iter()
        .filter(|(_, omission)| **omission == Omission::Omitted);
    let mut nodes = refuted
        .map(|(leaf, _)| leaf.node)
        .chain(settled.map(|(leaf, _)| leaf.node))
        .chain(state.misdated.iter().map(|leaf| leaf.node));
    nodes.all(|node| !state.is_active(node) || state.reinstated > 0)
}

/// Whether nothing is left that honest parties have to do.
fn over(model: &Protocol, state: &State) -> bool {
    state.now >= model.scope.horizon && model.duties(state).is_empty()
}

fn lies_end(model: &Protocol, state: &State) -> bool {
    // A challenge takes two blocks: one to commit, when the lie is anchored and its version was activated.
    let before_the_end = |time| time < model.scope.horizon;
    let known = |leaf: &&Leaf| {
        let mut anchors = state.anchors.liar.iter();
        let anchored = anchors.any(|anchor| before_the_end(anchor.time) && anchor.root.contains(leaf));
        let activation = state.activation_of(leaf, model.scope.tolerance);
        let activated = activation.and_then(|number| state.history.get(number));
        leaf.is_lie() && anchored && activated.is_some_and(|entry| before_the_end(entry.time))
    };
    !over(model, state)
        || !state.is_active(Node::Liar)
        || state
            .anchored(Node::Liar)
            .iter()
            .filter(known)
            .all(|leaf| state.verdicts.get(leaf) == Some(&Verdict::Refuted))
}

fn omissions_end(model: &Protocol, state: &State) -> bool {
    let needed = model
        .scope
        .delay
        .saturating_add(model.scope.window)
        .saturating_add(2);
    !over(model, state)
        || !state.is_active(Node::Liar)
        || state
            .receipts
            .iter()
            .filter(|leaf| leaf.node == Node::Liar && leaf.time.saturating_add(needed) <= model.scope.horizon)
            .all(|leaf| state.is_anchored(leaf))
}

fn misdating_ends(model: &Protocol, state: &State) -> bool {
    !over(model, state)
        || !state.is_active(Node::Liar)
        || model.misdated(state).all(|(_, second)| {
            let old = |time| time < state.active_since.liar;
            state.misdated.contains(&second)
                || state
                    .anchors
                    .liar
                    .iter()
                    .any(|anchor| old(anchor.time) && anchor.root.contains(&second))
        })
}

fn executed_once(_: &Protocol, state: &State) -> bool {
    state.executions.values().all(|times| *times <= 1)
}

fn finder_is_paid(_: &Protocol, state: &State) -> bool {
    state
        .credited
        .values()
        .all(|who| who.len() <= 1 && !who.contains(&Challenger::Thief))
}

fn upheld_is_right(model: &Protocol, state: &State) -> bool {
    let upheld = state
        .verdicts
        .iter()
        .filter(|(_, verdict)| **verdict == Verdict::Upheld);
    upheld
        .map(|(leaf, _)| leaf)
        .chain(&state.upheld)
        .all(|leaf| !leaf.is_lie() && state.activation_of(leaf, model.scope.tolerance).is_some())
}

fn answered_once(_: &Protocol, state: &State) -> bool {
    state.answers.values().all(|times| *times <= 1)
}

fn no_split_view(_: &Protocol, state: &State) -> bool {
    let anchored = state.anchors.liar.iter().map(|anchor| &anchor.root);
    let all: Vec<_> = state.views.iter().chain(anchored).collect();
    all.iter().all(|a| all.iter().all(|b| consistent(a, b)))
}

fn quorum_stops_lies(_: &Protocol, state: &State) -> bool {
    !state.anchored(Node::Liar).iter().any(|leaf| leaf.is_lie())
}

/// The invariants and the sights of a scope.
pub(crate) fn of(scope: &Scope) -> Vec<Property<Protocol>> {
    type Always = Property<Protocol>;
    let mut all = vec![
        Always::always(NOTHING_ANCHORED_CHANGES, nothing_anchored_changes),
        Always::always(HONEST_STAYS, honest_stays),
        Always::always(REFUTED_IS_SUSPENDED, refuted_is_suspended),
        Always::always(SUSPENDED_IS_MUTE, |_, state| !state.anchored_while_suspended),
    ];
    if scope.quorum > 0 {
        all.push(Always::always(QUORUM_STOPS_LIES, quorum_stops_lies));
        all.push(Always::always(NO_SPLIT_VIEW, no_split_view));
    }
    if scope.griefing {
        all.push(Always::always(EXECUTED_ONCE, executed_once));
        all.push(Always::always(UPHELD_IS_RIGHT, upheld_is_right));
    }
    if scope.disputes {
        all.push(Always::always(SETTLED_ONCE, |_, state| {
            state.settlements.values().all(|times| *times <= 1)
        }));
    }
    if scope.finder || scope.jury > 0 {
        all.push(Always::always(LIES_END, lies_end));
        all.push(Always::always(FINDER_IS_PAID, finder_is_paid));
    }
    if scope.omissions {
        all.push(Always::always(ANSWERED_ONCE, answered_once));
    }
    if scope.false_receipts {
        all.push(Always::always(OMISSIONS_END, omissions_end));
    }
    if scope.dates {
        all.push(Always::always(MISDATING_ENDS, misdating_ends));
        all.push(Always::always(PUNISHED_ONCE, |_, state| !state.punished_twice));
    }
    all.extend(sights(scope));
    all
}

/// What a scope must be able to reach; otherwise its invariants would hold for want of cases.
fn sights(scope: &Scope) -> Vec<Property<Protocol>> {
    type Sometimes = Property<Protocol>;
    let mut all = Vec::new();
    if scope.anchors > 1 {
        all.push(Sometimes::sometimes("a log grows between anchors", |_, state| {
            let sizes = state.anchors.liar.iter().map(|anchor| anchor.root.len());
            sizes.clone().max() > sizes.min()
        }));
    }
    if scope.views {
        all.push(Sometimes::sometimes("two clients have seen trees", |_, state| {
            state.views.len() == 2 && !state.anchors.liar.is_empty()
        }));
    }
    if scope.griefing {
        all.push(Sometimes::sometimes(
            "an honest decision is upheld",
            |_, state| {
                state
                    .verdicts
                    .iter()
                    .any(|(leaf, verdict)| leaf.node == Node::Honest && *verdict == Verdict::Upheld)
            },
        ));
    }
    if scope.jury > 0 {
        all.push(Sometimes::sometimes("verifiers uphold a decision", |_, state| {
            state.upheld.iter().any(|leaf| leaf.node == Node::Honest)
        }));
        all.push(Sometimes::sometimes(
            "the chain judges what verifiers upheld",
            |_, state| {
                let judged = |leaf: &Leaf| state.verdicts.contains_key(leaf);
                state.upheld.iter().any(judged)
            },
        ));
    }
    if scope.finder || scope.jury > 0 {
        all.push(Sometimes::sometimes(
            "a lie is refuted and paid for",
            |_, state| !state.credited.is_empty(),
        ));
    }
    if scope.receipts && scope.omissions {
        all.push(Sometimes::sometimes(
            "the honest node answers a claim",
            |_, state| {
                state
                    .omissions
                    .iter()
                    .any(|(leaf, o)| leaf.node == Node::Honest && *o == Omission::Answered)
            },
        ));
    }
    if scope.false_receipts {
        all.push(Sometimes::sometimes("an omission is punished", |_, state| {
            state.omissions.values().any(|o| *o == Omission::Omitted)
        }));
    }
    if scope.dates {
        all.push(Sometimes::sometimes("a wrong date is punished", |_, state| {
            !state.misdated.is_empty()
        }));
        if scope.decisions > 1 {
            all.push(Sometimes::sometimes(
                "the honest log is out of order within the tolerance",
                |_, state| {
                    pairs(state.anchored(Node::Honest)).any(|(first, second)| second.time < first.time)
                },
            ));
        }
    }
    all
}
