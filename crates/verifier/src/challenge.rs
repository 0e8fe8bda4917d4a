//! Challenging a wrong decision by itself: what `stele challenge` does for people.

use stele_chain::ChainError;
use stele_chain::client::{Account, ChallengeClaim, ChallengeVerdict, Governance};
use stele_chain::contracts::RefusingContract;
use stele_ledger::tree::{leaf_hash, verify};
use stele_policy::load::load_bundle;
use stele_types::{DecisionRecord, Leaf, LeafIndex, Timestamp, encoding, sha256};

use crate::error::VerifierError;
use crate::follow::Follower;
use crate::state::Accused;

/// Attempts at a challenge: each may pay for a commitment, though the challenge itself then fails.
const ATTEMPTS: u32 = 10;

/// Whether a challenge may be tried now: after the first attempt 2 s later, then 4, and so on.
fn due(accused: &Accused, now: Timestamp) -> bool {
    let pause = 1_u64.checked_shl(accused.attempts).unwrap_or(u64::MAX);
    accused
        .tried_at
        .is_none_or(|tried| now.as_seconds() >= tried.as_seconds().saturating_add(pause))
}

/// Why there is no challenge: for now, or for good.
pub(crate) enum Obstacle {
    /// Tried again at the next look.
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

impl Follower {
    /// Carries an accusation on to the chain, where that is configured, not done yet, and possible: once an anchor covers the decision.
    pub(crate) async fn pursue(&mut self) -> Result<(), VerifierError> {
        let (Some(chain), Some(account)) = (self.chain.clone(), self.challenger.clone()) else {
            return Ok(());
        };
        let refused = self.file.state().refused.as_ref();
        let accused = refused.and_then(|refusal| refusal.decision.clone());
        let Some(accused) = accused.filter(|accused| accused.challenge.is_none()) else {
            return Ok(());
        };
        if !due(&accused, (self.clock)()) {
            return Ok(());
        }
        let outcome = match self.challenge(&chain, &account, &accused).await {
            Ok(None) => return Ok(()),
            Ok(Some(outcome)) => outcome,
            Err(Obstacle::Now(error)) => return Err(error),
            Err(Obstacle::Forever(reason)) => format!("impossible: {reason}"),
        };
        tracing::error!(log = self.key.name(), decision = %accused.decision_id, outcome, "challenged");
        self.file.change(|state| {
            let accused = state
                .refused
                .as_mut()
                .and_then(|refusal| refusal.decision.as_mut());
            if let Some(accused) = accused {
                accused.challenge = Some(outcome);
            }
        })?;
        self.stats.of_state(self.file.state());
        Ok(())
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
        match chain.challenged(accused.leaf_hash).await? {
            Some(true) => return Ok(Some("refuted, by somebody else".to_owned())),
            Some(false) => return Ok(Some("upheld, in somebody else's challenge".to_owned())),
            None => {}
        }
        let Some(claim) = self.claim(chain, accused).await? else {
            return Ok(None);
        };
        self.attempt(accused)?;
        let secret = sha256(&[b"stele/verifier/challenge", &self.secret, &accused.leaf_hash.0]).0;
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
            // The contract's refusal will not change.
            Err(ChainError::Reverted(revert)) => forever(ChainError::Reverted(revert)),
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
        self.file.change(|state| {
            let accused = state
                .refused
                .as_mut()
                .and_then(|refusal| refusal.decision.as_mut());
            if let Some(accused) = accused {
                accused.attempts = accused.attempts.saturating_add(1);
                accused.tried_at = Some(now);
            }
        })?;
        Ok(())
    }

    async fn claim(&self, chain: &Governance, accused: &Accused) -> Result<Option<ChallengeClaim>, Obstacle> {
        let index = LeafIndex::new(accused.index);
        let Some(anchored) = chain.anchor_covering(self.node, index).await? else {
            return Ok(None);
        };
        let size = anchored.anchor.size;
        let (leaf, inclusion) = self.anchored_leaf(accused.index, size).await?;
        if leaf_hash(&leaf.to_bytes()) != accused.leaf_hash {
            return Err(self.unauthentic(size).into());
        }
        if verify::inclusion(&accused.leaf_hash, index, size, &inclusion, &anchored.anchor.root).is_err() {
            return forever("the decision is not in the anchored tree");
        }
        let Some(text) = &self.file.state().evidence else {
            return forever("the record was not seen");
        };
        let record = match DecisionRecord::from_json(text.as_bytes()) {
            Ok(record) => record,
            Err(error) => return forever(error),
        };
        let (Some(input_salt), false) = (record.input_salt, record.is_withheld("input")) else {
            return forever("the input was withheld");
        };
        let found = chain
            .activation_of(&record.policy_id, leaf.policy_version, leaf.time)
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
        let input = record.input.as_ref().map(encoding::encode_contract).transpose();
        let data = match load_bundle(&bundle) {
            Ok(set) => encoding::encode_contract(set.data()),
            Err(error) => return forever(error),
        };
        match (input, data) {
            (Ok(input), Ok(data)) => Ok(Some(ChallengeClaim {
                leaf,
                index,
                anchor: anchored.index,
                inclusion,
                policy: record.policy_id,
                activation,
                input_salt,
                input: input.unwrap_or_default(),
                data,
            })),
            (Err(error), _) | (_, Err(error)) => {
                forever(format!("a contract can't hold its documents: {error}"))
            }
        }
    }

    /// A leaf and its audit path, from the node's tiles of the anchored tree.
    pub(crate) async fn anchored_leaf(
        &self,
        index: u64,
        size: stele_types::TreeSize,
    ) -> Result<(Leaf, Vec<stele_types::Digest>), Obstacle> {
        let leaves = self.source.leaves(index, index.saturating_add(1), size).await?;
        let leaf = leaves.first().copied();
        let leaf = leaf.ok_or_else(|| self.unauthentic(size))?;
        let path = self.source.inclusion(LeafIndex::new(index), size).await?;
        Ok((leaf, path))
    }

    fn unauthentic(&self, size: stele_types::TreeSize) -> VerifierError {
        VerifierError::Unauthentic {
            url: self.source.base().to_owned(),
            what: "leaves",
            size: size.get(),
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
            tried_at,
            challenge: None,
        };
        assert!(due(&accused(0, None), at(0)));
        for (attempts, pause) in [(1, 2), (2, 4), (9, 512)] {
            let tried = accused(attempts, Some(at(100)));
            assert!(
                !due(&tried, at(99 + pause)) && due(&tried, at(100 + pause)),
                "{attempts}"
            );
        }
    }
}
