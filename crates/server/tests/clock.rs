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
use std::time::Duration;

use serde_json::{Value, json};
use stele_ledger::Ledger;
use stele_server::WallClock;
use stele_types::{LeafIndex, Timestamp};
use support::{Fixture, config, log_key, snapshot};

/// Seconds since 1970 at which the tests begin.
const START: u64 = 1_790_000_000;

/// A clock that stands where it is put, and the time that has passed.
#[derive(Clone)]
struct Hands {
    wall: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl Hands {
    fn at(seconds: u64) -> Self {
        Self {
            wall: Arc::new(AtomicU64::new(seconds)),
            passed: Arc::new(AtomicU64::new(1_000)),
        }
    }

    /// Sets the clock, which takes no time.
    fn set(&self, seconds: u64) {
        self.wall.store(seconds, Ordering::SeqCst);
    }

    /// Time passes.
    fn pass(&self, seconds: u64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
        self.passed.fetch_add(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> WallClock {
        let (wall, passed) = (Arc::clone(&self.wall), Arc::clone(&self.passed));
        WallClock::new(
            move || Timestamp(wall.load(Ordering::SeqCst) * 1_000_000_000),
            move || Duration::from_secs(passed.load(Ordering::SeqCst)),
        )
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
    let metrics = fixture.text("/metrics").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_ahead_dates_nothing_until_it_is_back() {
    let hands = Hands::at(START);
    let fixture = hands.start(tempfile::tempdir().unwrap());
    let (_, first) = decide(&fixture).await;
    let id = first["decision_id"].as_str().unwrap().to_owned();
    // However much time passes, and as far as clocks are set all the time.
    hands.pass(86_400);
    assert_eq!(decide(&fixture).await.0, 200);
    hands.set(START + 86_460);
    assert_eq!(decide(&fixture).await.0, 200);
    // A year ahead for a moment: nothing is logged that would keep the node silent for a year.
    let year = 365 * 86_400;
    hands.set(START + year);
    let (status, body) = decide(&fixture).await;
    assert_eq!((status, &body["code"]), (503, &json!("clock_ahead")), "{body}");
    let message = body["message"].as_str().unwrap();
    assert!(
        message.contains("set ahead") && message.contains("restart the node"),
        "{message}"
    );
    let (status, body) = fixture.json(fixture.get("/health/ready")).await;
    assert_eq!(status, 500);
    assert!(body["error"].as_str().unwrap().starts_with("clock: "), "{body}");
    let metrics = fixture.text("/metrics").await;
    let ahead = format!("\nstele_clock_ahead_seconds {}\n", year - 86_400);
    assert!(metrics.contains(&ahead), "{metrics}");
    // Erasures don't wait, and are dated by the time that has passed.
    let erase = fixture.post(&format!("/v1/decisions/{id}/erase"), "{}");
    assert_eq!(fixture.json(erase).await.0, 200);
    hands.set(START + 86_400);
    hands.pass(70);
    assert_eq!(decide(&fixture).await.0, 200);
    assert_eq!(fixture.json(fixture.get("/health/ready")).await.0, 200);
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    let second = START + 86_400;
    assert_eq!(
        times(dir.path()),
        [START, second, second + 60, second + 60, second + 70]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_wrong_before_is_confirmed_by_a_restart() {
    let hands = Hands::at(START);
    let fixture = hands.start(tempfile::tempdir().unwrap());
    assert_eq!(decide(&fixture).await.0, 200);
    hands.set(START + 600);
    assert_eq!(decide(&fixture).await.1["code"], "clock_ahead");
    // Time alone changes nothing.
    hands.pass(86_400);
    assert_eq!(decide(&fixture).await.1["code"], "clock_ahead");
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    let fixture = hands.start(dir);
    assert_eq!(decide(&fixture).await.0, 200);
    // Small steps are taken for right, once an hour.
    hands.pass(3_600);
    hands.set(START + 90_600 + 50);
    assert_eq!(decide(&fixture).await.0, 200);
    hands.set(START + 90_600 + 100);
    assert_eq!(decide(&fixture).await.0, 200);
    hands.set(START + 90_600 + 111);
    assert_eq!(decide(&fixture).await.1["code"], "clock_ahead");
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    assert_eq!(times(dir.path()).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_first_is_no_way_ahead() {
    let hands = Hands::at(START);
    let fixture = hands.start(tempfile::tempdir().unwrap());
    assert_eq!(decide(&fixture).await.0, 200);
    hands.set(7);
    assert_eq!(decide(&fixture).await.1["code"], "clock_behind");
    let (status, _) = fixture.json(fixture.get("/health/ready")).await;
    assert_eq!(status, 500);
    hands.set(START + 365 * 86_400);
    assert_eq!(decide(&fixture).await.1["code"], "clock_ahead");
    // Nor is it one to wait for the hour in which small steps are taken for right.
    hands.set(START - 50);
    hands.pass(3_600);
    assert_eq!(decide(&fixture).await.0, 200);
    hands.set(START + 365 * 86_400);
    assert_eq!(decide(&fixture).await.1["code"], "clock_ahead");
    hands.set(START + 3_600);
    assert_eq!(decide(&fixture).await.0, 200);
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    assert_eq!(times(dir.path()), [START, START + 3_550, START + 3_600]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_far_back_for_an_hour_is_right_again_afterwards() {
    let hands = Hands::at(START);
    let fixture = hands.start(tempfile::tempdir().unwrap());
    // Nothing is logged yet that it could stand behind.
    hands.pass(7_200);
    hands.set(START);
    let (status, _) = fixture.json(fixture.get("/health/ready")).await;
    assert_eq!(status, 200);
    hands.pass(10);
    hands.set(START + 7_210);
    assert_eq!(decide(&fixture).await.0, 200);
    let dir = tokio::task::spawn_blocking(|| fixture.stop()).await.unwrap();
    assert_eq!(times(dir.path()), [START + 7_210]);
}
