//! Clocks that were ahead and are set back: a node never logs what would convict it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use stele_ledger::Ledger;
use stele_server::WallClock;
use stele_types::{LeafIndex, Timestamp};
use support::{Fixture, config, log_key, snapshot};

/// Seconds since 1970 at which the tests begin.
const START: u64 = 1_790_000_000;

/// A clock that stands where it is put.
#[derive(Clone)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> WallClock {
        let hands = self.clone();
        Arc::new(move || Timestamp(hands.0.load(Ordering::SeqCst) * 1_000_000_000))
    }

    fn start(&self, dir: tempfile::TempDir) -> Fixture {
        Fixture::start_in(dir, config(), snapshot(), self.clock())
    }
}

async fn decide(fixture: &Fixture) -> (u16, Value) {
    let input = json!({"input": {"privileged": true}}).to_string();
    let request = fixture.post("/v1/data/kubernetes/admission", input);
    let (status, body) = fixture.json(request).await;
    (status.as_u16(), body)
}

/// The times of a stopped node's leaves, in seconds.
fn times(dir: &std::path::Path) -> Vec<u64> {
    let ledger = Ledger::open(dir, log_key(), stele_ledger::Options::default()).unwrap();
    let time = |index| ledger.entry(LeafIndex::new(index)).unwrap().leaf.time;
    (0..ledger.size().get())
        .map(|index| time(index).as_seconds())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_a_little_dates_nothing_before_the_log() {
    let hands = Hands::at(START);
    let fixture = hands.start(tempfile::tempdir().unwrap());
    for seconds in [START, START + 10, START - 50, START + 5, START + 11] {
        hands.set(seconds);
        let (status, body) = decide(&fixture).await;
        assert_eq!(status, 200, "{body}");
    }
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    let late = START + 10;
    assert_eq!(times(dir.path()), [START, late, late, late, START + 11]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_far_ends_decisions_until_it_has_caught_up() {
    let hands = Hands::at(START + 86_400);
    let fixture = hands.start(tempfile::tempdir().unwrap());
    let (_, first) = decide(&fixture).await;
    let id = first["decision_id"].as_str().unwrap().to_owned();
    hands.set(START);

    let (status, body) = decide(&fixture).await;
    assert_eq!((status, &body["code"]), (503, &json!("clock_behind")), "{body}");
    let message = body["message"].as_str().unwrap();
    assert!(
        message.contains("86400 s later") && message.contains("set the clock right"),
        "{message}"
    );
    for health in ["/health/ready", "/health?plugins"] {
        let (status, body) = fixture.json(fixture.get(health)).await;
        assert_eq!(status, 500);
        assert!(body["error"].as_str().unwrap().starts_with("clock: "), "{body}");
    }
    let excluded = fixture
        .json(fixture.get("/health?plugins&exclude-plugin=clock"))
        .await;
    assert_eq!(excluded.0, 200);
    let metrics = fixture
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains("\nstele_clock_behind_seconds 86400\n"),
        "{metrics}"
    );
    // What is there is served, and whoever has a right to erasure need not wait.
    let (status, _) = fixture
        .json(fixture.get(&format!("/v1/decisions/{id}/proof")))
        .await;
    assert_eq!(status, 200);
    let erase = fixture.post(&format!("/v1/decisions/{id}/erase"), "{}");
    assert_eq!(fixture.json(erase).await.0, 200);

    hands.set(START + 86_400 - 60);
    assert_eq!(decide(&fixture).await.0, 200);
    let (status, _) = fixture.json(fixture.get("/health/ready")).await;
    assert_eq!(status, 200);
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    assert_eq!(times(dir.path()), [START + 86_400; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_from_the_future_is_served_and_takes_nothing() {
    let hands = Hands::at(START + 500);
    let fixture = hands.start(tempfile::tempdir().unwrap());
    assert_eq!(decide(&fixture).await.0, 200);
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    // As a machine without a battery, whose clock begins in 1970.
    hands.set(7);
    let fixture = hands.start(dir);
    let (status, body) = decide(&fixture).await;
    assert_eq!((status, &body["code"]), (503, &json!("clock_behind")), "{body}");
    assert_eq!(fixture.json(fixture.get("/v1/decisions")).await.0, 200);
    hands.set(START + 501);
    assert_eq!(decide(&fixture).await.0, 200);
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    assert_eq!(times(dir.path()), [START + 500, START + 501]);
}
