//! Challenging a wrong decision by itself: what `stele challenge` does for people.

use stele_chain::ChainError;
use stele_chain::client::{Account, ChallengeClaim, ChallengeVerdict, Governance, LogEntry};
use stele_chain::contracts::{RefusingContract, Revert};
use stele_policy::load::load_bundle;
use stele_types::{BlockNumber, LeafIndex, Timestamp, encoding, sha256};
use zeroize::Zeroizing;

use crate::error::VerifierError;
use crate::follow::Follower;
use crate::place::Sought;
use crate::replay::Opened;
use crate::state::{Accused, Head};

/// Attempts at a challenge: each may pay for a commitment, though the challenge itself then fails.
const ATTEMPTS: u32 = 10;

/// Doublings of the pause between two tries, at most: about 17 minutes.
const DOUBLINGS: u32 = 10;
/// The outcome where the chain had settled it already.
pub(crate) const BY_ANOTHER: &str = "refuted, by somebody else";
/// Why nothing can be shown of a decision.
pub(crate) const ANOTHER: &str = "the anchored tree has another decision at its place";

/// Whether a challenge may be tried now: after the first try 2 s later, then 4, and so on.
fn due(accused: &Accused, now: Timestamp) -> bool {
    let tries = accused.attempts.max(accused.failures).min(DOUBLINGS);
    let pause = 1_u64.checked_shl(tries).unwrap_or(u64::MAX);
    accused
        .tried_at
        .is_none_or(|tried| now.as_seconds() >= tried.as_seconds().saturating_add(pause))
}

/// Why there is no challenge: for now, or for good.
pub(crate) enum Obstacle {
    /// Tried again, with pauses that double.
    Now(VerifierError),
    /// No challenge can settle this.
    Forever(String),
}

impl<E: Into<VerifierError>> From<E> for Obstacle {
    fn from(error: E) -> Self {
        Self::Now(error.into())
    }
}

pub(crate) fn forever<T>(what: impl std::fmt::Display) -> Result<T, Obstacle> {
    Err(Obstacle::Forever(what.to_string()))
}

/// A contract's refusal: most don't change, but a node that is suspended now may be reinstated.
pub(crate) fn reverted<T>(revert: Box<Revert>) -> Result<T, Obstacle> {
    let error = ChainError::Reverted(revert);
    match &error {
        ChainError::Reverted(revert) if revert.error == "NodeNotActive" => Err(error.into()),
        _ => forever(error),
    }
}

/// What became of the decision in somebody else's challenge.
async fn settled(chain: &Governance, accused: &Accused) -> Result<Option<String>, ChainError> {
    let refuted = chain.challenged(accused.leaf_hash).await?;
    Ok(refuted.map(|refuted| match refuted {
        true => BY_ANOTHER.to_owned(),
        false => "upheld, in somebody else's challenge".to_owned(),
    }))
}

/// The newest final block, and whether it has an outcome for the decision.
async fn said_for_good(
    chain: &Governance,
    accused: &Accused,
) -> Result<Option<(BlockNumber, bool)>, ChainError> {
    if accused.ahead.is_some() {
        return chain.is_misdated_for_good(accused.leaf_hash).await;
    }
    let said = chain.challenged_for_good(accused.leaf_hash).await?;
    Ok(said.map(|(block, refuted)| (block, refuted.is_some())))
}

impl Accused {
    /// The accused decision at its place.
    pub(crate) const fn sought(&self) -> Sought {
        Sought {
            index: LeafIndex::new(self.index),
            hash: Some(self.leaf_hash),
            leaf: self.leaf,
        }
    }
}

impl Follower {
    /// Carries an accusation on to the chain, where that is configured, not done yet, and possible: once an anchor covers the decision.
    pub(crate) async fn pursue(&mut self) -> Result<(), VerifierError> {
        let (Some(chain), Some(account)) = (self.chain.clone(), self.challenger.clone()) else {
            return Ok(());
        };
        let refused = self.file.state().refused.as_ref();
        let accused = refused.and_then(|refusal| refusal.decision.clone());
        let Some(accused) = accused else {
            return Ok(());
        };
        if accused.challenge.is_some() {
            return self.confirm(&chain, &accused).await;
        }
        if !due(&accused, (self.clock)()) {
            return Ok(());
        }
        let (outcome, unsettled) = match self.challenge(&chain, &account, &accused).await {
            Ok(None) => return Ok(()),
            // What was paid for is noted, also where the chain is away now.
            Ok(Some(outcome)) => (outcome, Some(chain.client().head().await.unwrap_or_default())),
            Err(Obstacle::Now(error)) => return self.put_off(error),
            Err(Obstacle::Forever(reason)) => (format!("impossible: {reason}"), None),
        };
        tracing::error!(log = self.key.name(), decision = %accused.decision_id, outcome, "challenged");
        self.note(|accused| {
            accused.challenge = Some(outcome);
            accused.unsettled = unsettled;
            accused.obstacle = None;
        })
    }

    /// Holds an outcome against the blocks that the chain calls final: what a block said that was replaced afterwards is tried again. Where it calls none
    /// so, each look asks again.
    async fn confirm(&mut self, chain: &Governance, accused: &Accused) -> Result<(), VerifierError> {
        let Some(since) = accused.unsettled else {
            return Ok(());
        };
        match said_for_good(chain, accused).await {
            Ok(Some((_, true))) => self.note(|accused| accused.unsettled = None),
            Ok(Some((block, false))) if block >= since => self.reopen(chain, accused).await,
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::debug!(%error, "the chain does not tell what its final block says");
                Ok(())
            }
        }
    }

    /// What no final block says though it should: its transaction stands in a later block, or in none.
    async fn reopen(&mut self, chain: &Governance, accused: &Accused) -> Result<(), VerifierError> {
        let head = chain.client().head().await?;
        let held = match accused.ahead {
            Some(_) => chain.is_misdated(accused.leaf_hash).await?,
            None => chain.challenged(accused.leaf_hash).await?.is_some(),
        };
        if held {
            return self.note(|accused| accused.unsettled = Some(head));
        }
        tracing::warn!(log = self.key.name(), decision = %accused.decision_id, "the chain took back what became of the challenge; it is tried again");
        self.note(|accused| {
            accused.challenge = None;
            accused.unsettled = None;
        })
    }

    /// Notes why nothing can be shown to the chain at the moment, and when that was.
    fn put_off(&mut self, error: VerifierError) -> Result<(), VerifierError> {
        let now = (self.clock)();
        let words = error.to_string();
        self.note(|accused| {
            accused.failures = accused.failures.saturating_add(1);
            accused.tried_at = Some(now);
            accused.obstacle = Some(words);
        })?;
        Err(error)
    }

    /// Notes something about the accused decision, durably.
    fn note(&mut self, note: impl FnOnce(&mut Accused)) -> Result<(), VerifierError> {
        self.file.change(|state| {
            let refused = state.refused.as_mut();
            if let Some(accused) = refused.and_then(|refusal| refusal.decision.as_mut()) {
                note(accused);
            }
        })?;
        self.stats.of_state(self.file.state());
        Ok(())
    }

    /// The node's first anchor whose tree has a decision, by its number; `None` while there is none.
    pub(crate) async fn covering(
        &self,
        chain: &Governance,
        index: u64,
    ) -> Result<Option<(u64, Head)>, VerifierError> {
        let found = chain.anchor_covering(self.node, LeafIndex::new(index)).await?;
        Ok(found.map(|found| {
            let tree = Head {
                size: found.anchor.size,
                root: found.anchor.root,
            };
            (found.index, tree)
        }))
    }

    /// The contracts judge active nodes only. Asked before anything is paid; who is suspended may be reinstated.
    pub(crate) async fn must_be_active(&self, chain: &Governance) -> Result<(), VerifierError> {
        if chain.is_active_node(self.node).await? {
            return Ok(());
        }
        Err(VerifierError::NotActive { node: self.node })
    }

    /// The chain's verdict; `None` while no anchor covers the decision.
    async fn challenge(
        &mut self,
        chain: &Governance,
        account: &Account,
        accused: &Accused,
    ) -> Result<Option<String>, Obstacle> {
        if let Some(ahead) = accused.ahead {
            return self.refute_date(chain, account, accused, ahead).await;
        }
        if let Some(outcome) = settled(chain, accused).await? {
            return Ok(Some(outcome));
        }
        let Some(claim) = self.claim(chain, accused).await? else {
            return Ok(None);
        };
        self.attempt(accused)?;
        let secret = sha256(&[b"stele/verifier/challenge", &*self.secret, &accused.leaf_hash.0]).0;
        let secret = Zeroizing::new(secret);
        match chain.commit_and_challenge(account, &claim, &secret).await {
            Ok(challenged) => Ok(Some(match challenged.verdict {
                ChallengeVerdict::Refuted { .. } => {
                    format!("refuted in {}; the node is suspended", challenged.transaction)
                }
                ChallengeVerdict::Upheld => {
                    format!(
                        "upheld in {}: the chain does not agree with this verifier",
                        challenged.transaction
                    )
                }
            })),
            // Somebody else may have been faster.
            Err(ChainError::Reverted(revert)) => match settled(chain, accused).await? {
                Some(outcome) => Ok(Some(outcome)),
                None => reverted(revert),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Notes an attempt, durably and before anything is paid: a restart must not begin anew.
    pub(crate) fn attempt(&mut self, accused: &Accused) -> Result<(), Obstacle> {
        if accused.attempts >= ATTEMPTS {
            return forever(format!(
                "{ATTEMPTS} attempts failed; `stele challenge` may still do it"
            ));
        }
        let now = (self.clock)();
        self.note(|accused| {
            accused.attempts = accused.attempts.saturating_add(1);
            accused.tried_at = Some(now);
        })?;
        Ok(())
    }

    async fn claim(&self, chain: &Governance, accused: &Accused) -> Result<Option<ChallengeClaim>, Obstacle> {
        let Some((anchor, tree)) = self.covering(chain, accused.index).await? else {
            return Ok(None);
        };
        self.must_be_active(chain).await?;
        let Some(LogEntry {
            leaf,
            index,
            inclusion,
        }) = self.source.entry(accused.sought(), tree).await?
        else {
            return forever(ANOTHER);
        };
        let Some(text) = &self.file.state().evidence else {
            return forever("the record was not seen");
        };
        let opened = match Opened::read(text.as_bytes()) {
            Ok(opened) => opened,
            Err(problem) => return forever(problem),
        };
        let found = chain
            .activation_of(&opened.policy, leaf.policy_version, leaf.time)
            .await?;
        let Some((activation, version)) = found else {
            return forever("its version was not in force, which the contract does not judge");
        };
        if version.code_hash == RefusingContract::new().code_hash {
            return forever("its policy has no contract");
        }
        let bundle = self
            .bundles
            .get(leaf.policy_version, &version.uri, &self.source)
            .await?;
        let input = opened.input.as_ref().map(encoding::encode_contract).transpose();
        let data = match load_bundle(&bundle) {
            Ok(set) => encoding::encode_contract(set.data()),
            Err(error) => return forever(error),
        };
        match (input, data) {
            (Ok(input), Ok(data)) => Ok(Some(ChallengeClaim {
                leaf,
                index,
                anchor,
                inclusion,
                policy: opened.policy,
                activation,
                input_salt: opened.salt,
                input: input.unwrap_or_default(),
                data,
            })),
            (Err(error), _) | (_, Err(error)) => {
                forever(format!("a contract can't hold its documents: {error}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use stele_types::{DecisionId, Digest};

    use super::*;

    #[test]
    fn attempts_at_a_challenge_come_ever_later() {
        let at = |seconds: u64| Timestamp(seconds * 1_000_000_000);
        let accused = |attempts, tried_at| Accused {
            index: 0,
            decision_id: "01890a5d-ac96-774b-bcce-b302099a8057"
                .parse::<DecisionId>()
                .unwrap(),
            leaf_hash: Digest([1; 32]),
            ahead: None,
            attempts,
            failures: 0,
            tried_at,
            obstacle: None,
            challenge: None,
            unsettled: None,
            leaf: None,
            ahead_leaf: None,
        };
        assert!(due(&accused(0, None), at(0)));
        for (attempts, pause) in [(1, 2), (2, 4), (9, 512), (10, 1_024), (40, 1_024)] {
            let tried = accused(attempts, Some(at(100)));
            assert!(
                !due(&tried, at(99 + pause)) && due(&tried, at(100 + pause)),
                "{attempts}"
            );
            let unpaid = Accused {
                attempts: 0,
                failures: attempts,
                ..tried
            };
            assert!(!due(&unpaid, at(99 + pause)) && due(&unpaid, at(100 + pause)));
        }
    }

    #[test]
    fn only_the_refusal_of_a_suspended_node_is_not_for_ever() {
        let revert = |error: &str| {
            reverted::<()>(Box::new(Revert {
                contract: "Challenge".to_owned(),
                error: error.to_owned(),
                args: Vec::new(),
                notice: String::new(),
            }))
        };
        assert!(matches!(revert("NodeNotActive"), Err(Obstacle::Now(_))));
        assert!(matches!(revert("InOrder"), Err(Obstacle::Forever(_))));
    }
}
