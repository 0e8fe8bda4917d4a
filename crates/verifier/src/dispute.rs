//! Disputes: re-executing one decision when a challenger asks for it, and signing what came of it for the contract `Dispute`.
//!
//! The input is read, used and dropped. It is neither kept nor logged, and no answer has anything of it but digests: whoever asks may not
//! be allowed to see what this verifier may see.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use stele_chain::ChainError;
use stele_chain::client::{Account, DisputeOutcome, Governance};
use stele_ledger::tree::{leaf_hash, verify};
use stele_types::{DecisionRecord, Digest, EvmAddress, Leaf, LeafIndex, NO_ANSWER, NodeAddress};
use tokio::sync::Mutex;

use crate::bundles::Bundles;
use crate::config::DisputesConfig;
use crate::error::VerifierError;
use crate::precedence::Precedence;
use crate::replay::{Found, Outcome, Replayer};
use crate::source::Source;
use crate::timeline::Timeline;

/// What a challenger sends to `POST /v1/disputes`; `docs/formats/dispute.md` is normative.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeRequest {
    /// Who challenges, and earns the reward.
    pub challenger: EvmAddress,
    /// The decision's leaf; 576 hex digits.
    #[serde(serialize_with = "write_leaf", deserialize_with = "read_leaf")]
    pub leaf: Leaf,
    /// Its place in the node's log.
    pub index: LeafIndex,
    /// Number of an anchor of the node whose tree contains it.
    pub anchor: u64,
    /// RFC 6962 audit path in that tree, from the leaf up.
    pub inclusion: Vec<Digest>,
    /// The record, for a verifier that may not read it at the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<RawValue>>,
}

/// What a verifier found, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeAnswer {
    /// `refuted` or `upheld`.
    pub verdict: DisputeVerdict,
    /// SHA-256 of the result in the canonical encoding; all zero when the policy contradicts itself.
    pub computed: Digest,
    /// Who signed.
    pub account: EvmAddress,
    /// EIP-712 `Outcome`: r, s and v, 65 bytes in hex with `0x`.
    pub signature: String,
}

/// What a re-execution says of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisputeVerdict {
    /// It gives another result.
    Refuted,
    /// It gives the recorded result.
    Upheld,
}

impl DisputeVerdict {
    /// That of an outcome.
    pub fn of(outcome: &DisputeOutcome) -> Self {
        if outcome.refutes() {
            Self::Refuted
        } else {
            Self::Upheld
        }
    }

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refuted => "refuted",
            Self::Upheld => "upheld",
        }
    }
}

fn write_leaf<S: Serializer>(leaf: &Leaf, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(leaf.to_bytes()))
}

fn read_leaf<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    let bytes = hex::decode(text.as_ref()).map_err(de::Error::custom)?;
    Leaf::from_bytes(&bytes).map_err(de::Error::custom)
}

/// Why a dispute is not answered with a signature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Declined {
    /// 400.
    #[error("the request is malformed: {0}")]
    Malformed(String),
    /// 404.
    #[error("node {0} is not followed here (verifier.logs)")]
    UnknownNode(NodeAddress),
    /// 409.
    #[error("the leaf was settled before: {0}")]
    Settled(&'static str),
    /// 422: the evidence does not hold, or leaves nothing to judge.
    #[error("{0}")]
    NotJudged(&'static str),
    /// 429: somebody else asked about the leaf first.
    #[error(
        "another challenger asked about this decision first, and has {seconds} s to bring what it was told to the chain"
    )]
    Bound {
        /// How long.
        seconds: u64,
    },
    /// 503: chain, node or bundle can't be reached, or another dispute takes its time.
    #[error("{0}")]
    Away(&'static str),
}

/// A node's records, as far as this verifier may see them.
pub(crate) struct Heard {
    pub(crate) source: Source,
    pub(crate) records: bool,
}

/// What judges disputes: one at a time.
pub(crate) struct Jury {
    pub(crate) logs: HashMap<NodeAddress, Heard>,
    pub(crate) chain: Governance,
    pub(crate) account: Account,
    pub(crate) bundles: Bundles,
    pub(crate) config: DisputesConfig,
    /// How long a dispute may wait for its turn.
    pub(crate) wait: Duration,
    pub(crate) bench: Mutex<Bench>,
    pub(crate) precedence: Precedence,
    pub(crate) counts: Counts,
}

impl std::fmt::Debug for Jury {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jury")
            .field("nodes", &self.logs.keys())
            .finish_non_exhaustive()
    }
}

/// What re-executions need and keep: policies, never inputs.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    replayer: Replayer,
    timeline: Timeline,
}

/// What became of the disputes since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    refuted: AtomicU64,
    upheld: AtomicU64,
    declined: AtomicU64,
}

impl Counts {
    fn add(&self, outcome: &Result<DisputeAnswer, Declined>) {
        let held = match outcome {
            Ok(answer) if answer.verdict == DisputeVerdict::Refuted => &self.refuted,
            Ok(_) => &self.upheld,
            Err(_) => &self.declined,
        };
        held.fetch_add(1, Ordering::Relaxed);
    }

    /// By their words.
    pub(crate) fn read(&self) -> [(&'static str, u64); 3] {
        [
            ("refuted", self.refuted.load(Ordering::Relaxed)),
            ("upheld", self.upheld.load(Ordering::Relaxed)),
            ("declined", self.declined.load(Ordering::Relaxed)),
        ]
    }
}

impl Jury {
    /// Answers the body of a request of somebody who was admitted.
    pub(crate) async fn hear(&self, body: &[u8]) -> Result<DisputeAnswer, Declined> {
        let answer = self.judge(body).await;
        self.counts.add(&answer);
        answer
    }

    async fn judge(&self, body: &[u8]) -> Result<DisputeAnswer, Declined> {
        let request: DisputeRequest = serde_json::from_slice(body)
            // Its message quotes nothing of the body but a member's name; place and kind are enough.
            .map_err(|error| {
                Declined::Malformed(format!(
                    "{:?} at line {} column {}",
                    error.classify(),
                    error.line(),
                    error.column()
                ))
            })?;
        if request.challenger.0 == [0; 20] {
            return Err(Declined::Malformed(
                "the challenger is the zero address".to_owned(),
            ));
        }
        let leaf = request.leaf;
        let heard = self
            .logs
            .get(&leaf.node)
            .ok_or(Declined::UnknownNode(leaf.node))?;
        if leaf.result_digest == NO_ANSWER {
            return Err(Declined::NotJudged(
                "the leaf records a failed evaluation, no result",
            ));
        }
        self.check_chain(&request).await?;
        let hash = leaf_hash(&leaf.to_bytes());
        let place = self
            .precedence
            .reserve(hash, request.challenger, Instant::now())?;
        let record = self.record(heard, request.record.as_deref(), &request).await?;
        let computed = self.re_execute(&leaf, record, heard).await?;
        let outcome = DisputeOutcome {
            leaf,
            computed,
            challenger: request.challenger.0.into(),
        };
        let signed = self
            .chain
            .sign_outcome(&self.account, &outcome)
            .map_err(|_| Declined::Away("the verifier's account can't sign"))?;
        place.keep(Instant::now());
        let verdict = DisputeVerdict::of(&outcome);
        tracing::info!(
            node = %leaf.node,
            decision = %leaf.decision_id,
            challenger = %request.challenger,
            verdict = verdict.word(),
            "a dispute was judged"
        );
        Ok(DisputeAnswer {
            verdict,
            computed,
            account: NodeAddress(signed.signer.into_array()),
            signature: format!("0x{}", hex::encode(&signed.signature)),
        })
    }

    /// Holds the proof against the chain's own anchor.
    async fn check_chain(&self, request: &DisputeRequest) -> Result<(), Declined> {
        let hash = leaf_hash(&request.leaf.to_bytes());
        match self.chain.settled(hash).await.map_err(away)? {
            Some(true) => return Err(Declined::Settled("refuted")),
            Some(false) => return Err(Declined::Settled("upheld")),
            None => {}
        }
        let anchored = self.chain.anchor_at(request.leaf.node, request.anchor).await;
        let anchor = match anchored {
            Ok(anchored) => anchored.anchor,
            Err(ChainError::Reverted(_)) => {
                return Err(Declined::NotJudged("the ledger has no such anchor of this node"));
            }
            Err(error) => return Err(away(error)),
        };
        verify::inclusion(
            &hash,
            request.index,
            anchor.size,
            &request.inclusion,
            &anchor.root,
        )
        .map_err(|_| Declined::NotJudged("the proof does not lead from the leaf to the anchored root"))
    }

    /// The record, from the challenger or under this verifier's own access, if it is the one that the leaf commits to.
    async fn record(
        &self,
        heard: &Heard,
        given: Option<&RawValue>,
        request: &DisputeRequest,
    ) -> Result<Vec<u8>, Declined> {
        let bytes = match given {
            Some(record) => record.get().as_bytes().to_vec(),
            None if !heard.records => {
                return Err(Declined::NotJudged(
                    "this verifier may not read the node's records: send the record",
                ));
            }
            None => self.fetch(heard, request.index).await?,
        };
        let fits = DecisionRecord::from_json(&bytes)
            .ok()
            .and_then(|record| record.check(&request.leaf).ok())
            .is_some_and(|check| check.is_consistent());
        if fits {
            return Ok(bytes);
        }
        Err(Declined::NotJudged(if given.is_some() {
            "the record is not the one that the leaf commits to"
        } else {
            "the node serves a record that the leaf does not commit to: send the record"
        }))
    }

    async fn fetch(&self, heard: &Heard, index: LeafIndex) -> Result<Vec<u8>, Declined> {
        let from = index.get();
        let fetched = heard.source.records(from, from.saturating_add(1)).await;
        let (lines, _) = fetched.map_err(|error| {
            tracing::warn!(%error, "a disputed record can't be read at its node");
            match error {
                // It will say the same tomorrow.
                VerifierError::Denied { .. } => Declined::NotJudged(
                    "the node does not let this verifier read the record: send the record",
                ),
                _ => {
                    Declined::Away("the node can't be reached for the record: ask again, or send the record")
                }
            }
        })?;
        let line = lines.iter().next().map(<[u8]>::to_vec);
        line.ok_or(Declined::NotJudged(
            "the node has no record at this place: send the record",
        ))
    }

    /// What the version in force at the leaf's time gives.
    async fn re_execute(&self, leaf: &Leaf, record: Vec<u8>, heard: &Heard) -> Result<Digest, Declined> {
        let turn = tokio::time::timeout(self.wait, self.bench.lock()).await;
        let mut bench = turn.map_err(|_| Declined::Away("other disputes are being judged; ask again"))?;
        bench.timeline.refresh(&self.chain).await.map_err(unverifiable)?;
        let version = leaf.policy_version;
        if !bench.timeline.has(version) {
            return Err(Declined::NotJudged(
                "the registry never had the leaf's version in force, which a dispute does not settle",
            ));
        }
        if !bench.replayer.knows(version) {
            let uri = bench.timeline.uri(version).to_owned();
            let bundle = self.bundles.get(version, &uri, &heard.source).await;
            let bundle = bundle.map_err(unverifiable)?;
            bench.replayer.add(version, &bundle).map_err(unverifiable)?;
        }
        // A machine that is busy for seconds must not hold up a worker of the runtime.
        let (mut replayer, timeline) = (std::mem::take(&mut bench.replayer), bench.timeline.clone());
        let leaf = *leaf;
        let run = tokio::task::spawn_blocking(move || {
            let found = replayer.recompute(&leaf, &record, Some(&timeline));
            (found, replayer)
        });
        let (found, replayer) = run
            .await
            .map_err(|_| Declined::Away("the re-execution was interrupted"))?;
        bench.replayer = replayer;
        drop(bench);
        match found {
            Found::Result(digest) => Ok(digest),
            Found::Conflict(_) => Ok(NO_ANSWER),
            Found::Other(outcome) => Err(Declined::NotJudged(why(&outcome))),
        }
    }
}

/// In words that hold nothing of the input.
const fn why(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Withheld => "its input was masked or erased, so nobody can re-execute it",
        Outcome::Failed => "the leaf records a failed evaluation, no result",
        Outcome::NoPolicy | Outcome::Erasure => "the leaf is of no policy's decision",
        Outcome::NotExecutable(_) => "the decision exceeds this verifier's limits",
        Outcome::Lacking(_) => "the bundle of the leaf's version is not at hand",
        Outcome::Wrong(_) => {
            "the leaf is wrong, but not by its result: its version was not in force there, or it names other data"
        }
        Outcome::Agrees | Outcome::Mismatch(_) => {
            "the record can't be used: it is not what the leaf commits to"
        }
    }
}

fn away(error: ChainError) -> Declined {
    unverifiable(error.into())
}

fn unverifiable(error: VerifierError) -> Declined {
    tracing::warn!(%error, "a dispute can't be judged");
    match error {
        VerifierError::Bundle { .. } => Declined::Away("the bundle of the leaf's version is not at hand"),
        _ => Declined::Away("the chain can't be asked"),
    }
}
