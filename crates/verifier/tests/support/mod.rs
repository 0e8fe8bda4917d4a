//! A node's log on a port of its own, which can be exchanged for another one: what a dishonest node does.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "each test file uses part of it; tests may panic"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use stele_ledger::storage::FileStore;
use stele_ledger::{Cosigner, Ledger, Options, SignedCheckpoint, SigningKey};
use stele_pdp::{
    Attributes, Clock, Decider, Input, NodeContext, PolicyInForce, PolicyOptions, Request as Question,
    Snapshot, SnapshotStore,
};
use stele_policy::{Limits, bundle, load};
use stele_types::{DecisionRecord, LeafIndex, NodeAddress, PolicyId, Timestamp, TreeSize, Value, json};
use stele_verifier::{Deps, FollowedLog, Handle, Signers, Verifier, VerifierConfig, VerifierError};

pub const NODE: NodeAddress = NodeAddress([7; 20]);
pub const ORIGIN: &str = "stele.test/log";
const POLICY: &str =
    "# METADATA\n# custom:\n#   id: door\npackage door\n\ndefault allow := false\n\nallow if input.n > 3\n";

pub fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[9; 32]).unwrap()
}

pub fn cosigner() -> Cosigner {
    Cosigner::from_seed("verifier.test/w1", &[5; 32]).unwrap()
}

pub fn door() -> bundle::Bundle {
    let set = load::load_files([("door/policy.rego".to_owned(), POLICY)]).unwrap();
    bundle::build(&set, &PolicyId::new("door").unwrap()).unwrap()
}

struct Still(u64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000 + self.0)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// An honest decision on `{"n": number}`, as the decision point makes it; `seed` makes its id and salts.
pub fn decision(number: u64, seed: u64) -> DecisionRecord {
    let built = door();
    let id = PolicyId::new("door").unwrap();
    let policy =
        PolicyInForce::from_bundle(&built.bytes, &id, built.digest, PolicyOptions::default()).unwrap();
    let store = SnapshotStore::new(Snapshot::new([Arc::new(policy)]).unwrap(), Timestamp(1), None);
    let context = NodeContext {
        address: NODE,
        labels: [].into(),
    };
    let mut decider = Decider::new(Arc::new(store), context, Box::new(Still(seed)));
    let input = json::parse(
        format!("{{\"n\": {number}}}").as_bytes(),
        &json::Limits::default(),
    )
    .unwrap();
    let question = Question {
        path: &["door".to_owned(), "allow".to_owned()],
        input: Input::Value(Some(&input)),
        strict_builtin_errors: false,
        limits: Limits::default(),
        fan_out: 1,
        attributes: Attributes::default(),
    };
    let mut random = StdRng::seed_from_u64(seed);
    let mut answer = decider.decide(&question, &mut random).unwrap();
    answer.decisions.remove(0).evidence.unwrap().record
}

/// The same with the other result.
pub fn lie(number: u64, seed: u64) -> DecisionRecord {
    let mut record = decision(number, seed);
    let told = record.result == Some(Value::Bool(true));
    record.result = Some(Value::Bool(!told));
    record
}

/// A log in a directory; published by hand.
pub fn open_log(dir: &Path) -> Arc<Ledger> {
    let options = Options {
        publish_interval: None,
        ..Options::default()
    };
    Arc::new(Ledger::open(dir, log_key(), options).unwrap())
}

/// Appends honest decisions and publishes.
pub fn grow(ledger: &Ledger, seeds: std::ops::Range<u64>) -> SignedCheckpoint {
    for seed in seeds {
        ledger.append_and_wait(decision(seed % 7, seed)).unwrap();
    }
    ledger.publish().unwrap()
}

type Shown = Arc<Mutex<Arc<Ledger>>>;

/// A node that serves a log, and what verifiers ask for.
pub struct FakeNode {
    pub addr: SocketAddr,
    shown: Shown,
    hidden: Arc<AtomicBool>,
}

impl FakeNode {
    pub async fn start(ledger: Arc<Ledger>) -> Self {
        let shown: Shown = Arc::new(Mutex::new(ledger));
        let hidden = Arc::new(AtomicBool::new(false));
        let state = (Arc::clone(&shown), Arc::clone(&hidden));
        let app = Router::new().fallback(serve).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { addr, shown, hidden }
    }

    /// Whether bundles are served no more.
    pub fn hide_bundles(&self, hidden: bool) {
        self.hidden.store(hidden, Ordering::SeqCst);
    }

    /// From now on another log is shown.
    pub fn show(&self, ledger: Arc<Ledger>) {
        *self.shown.lock().unwrap() = ledger;
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

async fn serve(
    State((shown, hidden)): State<(Shown, Arc<AtomicBool>)>,
    request: Request,
) -> (StatusCode, Vec<u8>) {
    let ledger = Arc::clone(&shown.lock().unwrap());
    let uri = request.uri();
    let path = uri.path().trim_start_matches('/');
    if path == "v1/records" {
        let mut numbers = uri.query().unwrap().split(['=', '&']);
        let mut number = || numbers.nth(1).unwrap().parse::<u64>().unwrap();
        let (from, limit) = (number(), number());
        // A page that is smaller than what is asked for.
        let lines = ledger.record_lines(LeafIndex::new(from), limit.min(50) as usize, 1 << 20);
        return (StatusCode::OK, lines.unwrap());
    }
    if let Some(version) = path.strip_prefix("v1/bundles/") {
        if hidden.load(Ordering::SeqCst) {
            return (StatusCode::NOT_FOUND, Vec::new());
        }
        let built = door();
        assert_eq!(version, built.digest.to_string());
        return (StatusCode::OK, built.bytes);
    }
    match ledger.static_file(path).unwrap() {
        Some(file) => (StatusCode::OK, file.bytes),
        None => (StatusCode::NOT_FOUND, Vec::new()),
    }
}

/// A verifier without a chain.
pub async fn verifier(node: &FakeNode, state: &Path) -> Handle {
    follow(vec![followed(NODE, node)], state).await.unwrap()
}

/// The log that a node serves, as the verifier's configuration has it.
pub fn followed(address: NodeAddress, node: &FakeNode) -> FollowedLog {
    FollowedLog {
        key: log_key().verifier().to_string(),
        ..FollowedLog::new(&address.to_string(), &node.url())
    }
}

/// A verifier of some logs, without a chain.
pub async fn follow(logs: Vec<FollowedLog>, state: &Path) -> Result<Handle, VerifierError> {
    follow_sampling(logs, state, 1.0, [1; 32]).await
}

/// The same that re-executes a share of the decisions, which a secret chooses.
pub async fn follow_sampling(
    logs: Vec<FollowedLog>,
    state: &Path,
    sample: f64,
    secret: [u8; 32],
) -> Result<Handle, VerifierError> {
    let config = VerifierConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        poll_ms: 20,
        sample,
        logs,
        ..VerifierConfig::default()
    };
    let deps = Deps {
        store: Arc::new(FileStore::open(state).unwrap()),
        bundles: Vec::new(),
        kept_bundles: state.join("bundles"),
        signers: Signers {
            cosigner: Arc::new(cosigner()),
            account: None,
        },
        chain: None,
        challenger: None,
        secret: zeroize::Zeroizing::new(secret),
        clock: || Timestamp(1_700_000_100_000_000_000),
    };
    Verifier::start(&config, deps).await
}

/// An answer of `add-checkpoint`.
#[derive(Debug, PartialEq, Eq)]
pub struct Added {
    pub status: u16,
    pub content: String,
    pub refused: String,
    pub body: String,
}

/// `POST /add-checkpoint`.
pub async fn add(verifier: &Handle, body: String) -> Added {
    let url = format!("http://{}/add-checkpoint", verifier.addr());
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    let header = |name: &str| {
        let value = answer
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned());
        value.unwrap_or_default()
    };
    Added {
        status: answer.status().as_u16(),
        content: header("content-type"),
        refused: header("stele-refused"),
        body: answer.text().await.unwrap(),
    }
}

/// A request for a head of a log, with its proof from `old`.
pub fn request(ledger: &Ledger, old: u64, signed: &SignedCheckpoint) -> String {
    let size = signed.checkpoint.size;
    let proof = match old {
        0 => Vec::new(),
        old => ledger.consistency_proof(TreeSize::new(old), size).unwrap(),
    };
    let request = stele_ledger::witness::AddCheckpoint {
        old: TreeSize::new(old),
        proof,
        note: signed.note.clone(),
    };
    request.to_text()
}

/// Waits for something; a bound on hangs, not a measurement.
pub async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "never happened: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
