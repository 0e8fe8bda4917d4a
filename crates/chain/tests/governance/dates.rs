//! `Challenge`: decisions that claim to be made long before what stands ahead of them in the log.

use stele_chain::ChainError;
use stele_chain::client::{LogEntry, MisdatingEvidence, OmissionMove};
use stele_types::{Digest, Leaf, LeafIndex, Timestamp, TreeSize, sha256};

use crate::chain::Chain;
use crate::court::{Court, at, now};
use crate::merkle::{consistency, inclusion, leaf_hash, leaves, root};
use crate::world::{pass, refused};

/// Seconds of the contract's tolerance.
const TOLERANCE: u64 = 3_600;

/// A log that this file anchors by itself.
struct Diary {
    court: Court,
    leaves: Vec<Leaf>,
}

impl Diary {
    async fn new(chain: Chain) -> Self {
        Self {
            court: Court::new(chain).await,
            leaves: Vec::new(),
        }
    }

    /// Logs decisions of these times and anchors.
    async fn write(&mut self, times: &[Timestamp]) {
        let old = self.hashes().len();
        for time in times {
            let text = format!("decision {}", self.leaves.len());
            let mut decision = self.court.decision(text.as_bytes(), sha256(&[text.as_bytes()]));
            decision.time = *time;
            self.leaves.push(decision.leaf());
        }
        let (hashes, world) = (self.hashes(), &self.court.world);
        let proof = if old > 5 {
            consistency(old, &hashes)
        } else {
            Vec::new()
        };
        let size = TreeSize::new(hashes.len() as u64);
        world
            .gov
            .anchor(&world.node, size, root(&hashes), &proof)
            .await
            .unwrap();
    }

    /// Five leaves of no meaning stand ahead of all.
    fn hashes(&self) -> Vec<Digest> {
        let own = self.leaves.iter().map(|leaf| leaf_hash(&leaf.to_bytes()));
        leaves(3, 5).into_iter().chain(own).collect()
    }

    fn entry(&self, number: usize) -> LogEntry {
        LogEntry {
            leaf: self.leaves[number],
            index: LeafIndex::new(number as u64 + 5),
            inclusion: inclusion(number + 5, &self.hashes()),
        }
    }

    /// That decision `second` is misdated, as `first` shows, in the last of `anchors` anchors.
    fn evidence(&self, anchors: u64, first: usize, second: usize) -> MisdatingEvidence {
        MisdatingEvidence {
            node: self.court.world.node.node_address(),
            anchor: anchors - 1,
            first: self.entry(first),
            second: self.entry(second),
        }
    }

    async fn refute(&self, evidence: &MisdatingEvidence) -> Result<OmissionMove, ChainError> {
        let world = &self.court.world;
        world.gov.refute_date(&world.stranger, evidence).await
    }
}

pub(crate) async fn a_misdated_decision_suspends_its_node(chain: Chain) {
    let mut diary = Diary::new(chain).await;
    let today = now();
    diary.write(&[at(today - 2), at(today)]).await;
    // Clocks and queues put decisions out of order by a little.
    diary.write(&[at(today - TOLERANCE), at(today - 86_400)]).await;
    refused(diary.refute(&diary.evidence(2, 1, 2)).await, "InOrder");
    assert!(diary.court.node_is_active().await);

    let evidence = diary.evidence(2, 1, 3);
    let done = diary.refute(&evidence).await.unwrap();
    assert!(done.gas_used.get() < 200_000, "{done:?}");
    assert!(!diary.court.node_is_active().await);
    let hash = leaf_hash(&diary.leaves[3].to_bytes());
    assert!(diary.court.world.gov.is_misdated(hash).await.unwrap());
    refused(diary.refute(&evidence).await, "NodeNotActive");
}

pub(crate) async fn evidence_that_does_not_hold_is_refused(chain: Chain) {
    let mut diary = Diary::new(chain).await;
    let today = now();
    // An honest log: the later, the later.
    diary.write(&[at(today - 86_400), at(today - 7_200)]).await;
    diary.write(&[at(today)]).await;
    let good = diary.evidence(2, 0, 2);
    refused(diary.refute(&good).await, "InOrder");
    // Turned round it is no evidence, and neither is one decision twice.
    refused(diary.refute(&diary.evidence(2, 2, 0)).await, "NotLater");
    refused(diary.refute(&diary.evidence(2, 1, 1)).await, "NotLater");
    let lying_about_places = MisdatingEvidence {
        first: LogEntry {
            index: LeafIndex::new(5),
            ..diary.entry(2)
        },
        second: LogEntry {
            index: LeafIndex::new(7),
            ..diary.entry(0)
        },
        ..good.clone()
    };
    refused(diary.refute(&lying_about_places).await, "NotIncluded");

    // Forged leaves are in no tree, whichever of the two is forged.
    let mut late = good.clone();
    late.first.leaf.time = at(today + 86_400);
    refused(diary.refute(&late).await, "NotIncluded");
    let mut early = good.clone();
    early.second.leaf.time = at(today - 200_000);
    refused(diary.refute(&early).await, "NotIncluded");
    // An anchor that does not hold the second yet, one that is none, and somebody without a log.
    let mut small = late.clone();
    small.anchor = 0;
    refused(diary.refute(&small).await, "NotIncluded");
    small.anchor = 7;
    refused(diary.refute(&small).await, "NoSuchAnchor");
    let mut stranger = late;
    stranger.node = diary.court.world.stranger.node_address();
    refused(diary.refute(&stranger).await, "NodeNotActive");
    assert!(diary.court.node_is_active().await);
}

pub(crate) async fn a_reinstated_node_starts_anew(chain: Chain) {
    let mut diary = Diary::new(chain).await;
    let today = now();
    let yesterday = at(today - 86_400);
    diary.write(&[at(today), yesterday, yesterday]).await;
    diary.refute(&diary.evidence(1, 0, 1)).await.unwrap();
    let (node, gov) = (
        diary.court.world.node.node_address(),
        diary.court.world.gov.clone(),
    );
    // Seconds are the chain's clock: the reinstatement must be later than the anchor.
    pass(2).await;
    gov.reinstate_node(&diary.court.world.admin, node).await.unwrap();
    // Neither the same evidence nor more of the same time suspends it again ...
    refused(diary.refute(&diary.evidence(1, 0, 1)).await, "AlreadyMisdated");
    refused(
        diary.refute(&diary.evidence(1, 0, 2)).await,
        "BeforeReinstatement",
    );
    assert!(diary.court.node_is_active().await);
    // ... but what it does from now on.
    diary.write(&[yesterday]).await;
    diary.refute(&diary.evidence(2, 0, 3)).await.unwrap();
    assert!(!diary.court.node_is_active().await);
}
