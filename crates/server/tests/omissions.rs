//! Claims of omission are answered many at once, those first that must be soonest, whatever becomes of single ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests may panic"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use stele_chain::client::{CheckpointSignature, Covering, Quorum};
use stele_ledger::tree::leaf_hash;
use stele_ledger::{Anchor, Options};
use stele_pdp::Snapshot;
use stele_server::{
    BundleStore, ChainLink, ChainProblem, DecisionLog, Deps, InForce, OpenOmission, Pending,
    ReceiptAuthority, Server,
};
use stele_types::{DecisionId, Digest, LeafIndex, NodeAddress, PolicyId, Receipt, Timestamp, TreeSize, Uuid};
use support::{LEDGER, POLICIES, authority, bundle_of, config, log_key, operator};

/// More than are answered at once.
const CLAIMS: u64 = 40;
/// How long an answer takes to be confirmed.
const CONFIRMED: Duration = Duration::from_millis(400);
/// A bound on hangs, not a measurement.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a chain has seen.
#[derive(Default)]
struct Seen {
    open: Vec<OpenOmission>,
    /// In the order in which they were sent, with how many were on their way.
    sent: Vec<(Digest, usize)>,
    under_way: usize,
    answered: BTreeSet<Digest>,
}

/// A chain whose answers take a while.
struct Slow {
    in_force: Vec<InForce>,
    size: u64,
    seen: Arc<Mutex<Seen>>,
}

fn away<'a, T: Send + 'a>() -> Pending<'a, T> {
    Box::pin(async { Err(ChainProblem("away".to_owned())) })
}

impl ChainLink for Slow {
    fn epoch(&self) -> Pending<'_, u64> {
        Box::pin(async { Ok(1) })
    }

    fn in_force(&self) -> Pending<'_, Vec<InForce>> {
        Box::pin(async { Ok(self.in_force.clone()) })
    }

    fn last_anchor(&self) -> Pending<'_, Option<(TreeSize, Digest)>> {
        Box::pin(async { Ok(None) })
    }

    fn quorum(&self) -> Pending<'_, Quorum> {
        away()
    }

    fn verifier(&self, _: TreeSize, _: Digest, _: Vec<u8>) -> Pending<'_, Option<CheckpointSignature>> {
        away()
    }

    fn anchor(
        &self,
        _: TreeSize,
        _: Digest,
        _: Vec<Digest>,
        _: Vec<CheckpointSignature>,
    ) -> Pending<'_, Anchor> {
        away()
    }

    fn receipts(&self) -> Option<ReceiptAuthority> {
        Some(authority())
    }

    fn open_omissions(&self) -> Pending<'_, Vec<OpenOmission>> {
        Box::pin(async { Ok(self.seen.lock().unwrap().open.clone()) })
    }

    fn covering(&self, _: LeafIndex) -> Pending<'_, Option<Covering>> {
        let covering = Covering {
            ledger: LEDGER,
            anchor: 0,
            size: TreeSize::new(self.size),
        };
        Box::pin(async move { Ok(Some(covering)) })
    }

    fn answer_omission(
        &self,
        claim: OpenOmission,
        _: (Covering, LeafIndex),
        _: Vec<Digest>,
    ) -> Pending<'_, ()> {
        let hash = claim.leaf_hash;
        Box::pin(async move {
            {
                let mut seen = self.seen.lock().unwrap();
                seen.under_way += 1;
                let under_way = seen.under_way;
                seen.sent.push((hash, under_way));
            }
            tokio::time::sleep(CONFIRMED).await;
            let mut seen = self.seen.lock().unwrap();
            seen.under_way -= 1;
            seen.open.retain(|claim| claim.leaf_hash != hash);
            seen.answered.insert(hash);
            Ok(())
        })
    }
}

/// Makes the records unreadable, and leaves leaves and tree as they are.
fn spoil_records(folder: &std::path::Path) -> usize {
    let mut spoilt = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            spoilt += spoil_records(&path);
        } else if path.to_str().unwrap().contains("records") {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, vec![0xff; bytes.len()]).unwrap();
            spoilt += 1;
        }
    }
    spoilt
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_are_answered_many_at_once_and_without_their_records() {
    let dir = tempfile::tempdir().unwrap();
    let bundles = BundleStore::new(dir.path().join("bundles"));
    let in_force = POLICIES.iter().map(|(id, text)| {
        let bundle = bundle_of(id, text);
        bundles.put(&bundle.bytes).unwrap();
        InForce {
            policy: PolicyId::new(id).unwrap(),
            version: bundle.digest,
            contract: NodeAddress([1; 20]),
            code_hash: Digest([1; 32]),
        }
    });
    let seen = Arc::new(Mutex::new(Seen::default()));
    let link = Slow {
        in_force: in_force.collect(),
        size: CLAIMS,
        seen: Arc::clone(&seen),
    };
    let log = dir.path().join("log");
    let deps = Deps {
        snapshot: Snapshot::default(),
        log: DecisionLog::open(&log, log_key(), Options::default()).unwrap(),
        node: operator().node_address(),
        chain: Some((Arc::new(link), bundles)),
        clock: stele_server::system_clock(),
    };
    let mut hasty = config();
    hasty.receipts.poll_ms = 50;
    hasty.anchor.retry_ms = 50;
    let handle = tokio::task::spawn_blocking(move || Server::start(hasty, deps))
        .await
        .unwrap()
        .unwrap();
    let url = format!("http://{}/v1/data/system/main/allow?receipt=true", handle.addr());
    let client = reqwest::Client::new();
    let mut claims = Vec::new();
    for number in 0..CLAIMS {
        let body = json!({ "input": { "user": number } });
        let answer = client.post(&url).json(&body).send().await.unwrap();
        let answer: Json = answer.json().await.unwrap();
        let receipt = Receipt::from_json(answer["receipts"][0].to_string().as_bytes()).unwrap();
        claims.push(OpenOmission {
            contract: LEDGER,
            leaf_hash: leaf_hash(&receipt.leaf.to_bytes()),
            decision_id: receipt.decision_id,
            // The last is the most urgent.
            deadline: Timestamp::from_nanos(1_000_000 - number),
        });
    }
    assert!(spoil_records(&log) > 0);
    // One that nobody can answer, and the first in line.
    let lost = OpenOmission {
        contract: LEDGER,
        leaf_hash: Digest([0x10; 32]),
        decision_id: DecisionId(Uuid::from_u128(7)),
        deadline: Timestamp::from_nanos(0),
    };
    let started = Instant::now();
    seen.lock().unwrap().open = [vec![lost], claims.clone()].concat();
    while seen.lock().unwrap().answered.len() < claims.len() {
        assert!(started.elapsed() < PATIENCE, "not all are answered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    {
        let seen = seen.lock().unwrap();
        let most = seen.sent.iter().map(|(_, under_way)| *under_way).max();
        assert!((8..=32).contains(&most.unwrap()), "{most:?}");
        let urgent: BTreeSet<Digest> = claims
            .iter()
            .rev()
            .take(32)
            .map(|claim| claim.leaf_hash)
            .collect();
        let early = seen.sent.iter().take(30);
        assert!(early.into_iter().all(|(hash, _)| urgent.contains(hash)));
        assert_eq!(seen.sent.len(), claims.len(), "each once");
    }
    tokio::task::spawn_blocking(move || handle.shutdown())
        .await
        .unwrap()
        .unwrap();
}
