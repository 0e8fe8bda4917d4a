//! What one decision costs, stage by stage, on the workload of `tools/load/k8s`: each bench does what the one before it does and the next stage
//! too, up to the wait for the disk. HTTP and the system's part come on top; `tools/load/run.sh` shows those.
//!
//! `cargo bench -p stele-server --bench decision`
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rand::SeedableRng;
use rand::rngs::StdRng;
use stele_chain::client::Account;
use stele_ledger::receipt::{Batch, Preamble};
use stele_ledger::storage::Prepared;
use stele_ledger::tree::leaf_hash;
use stele_ledger::{Options, SigningKey};
use stele_pdp::{
    Answer, Attributes, Clock, Decider, DecisionSink, Documents, Evidence, Input, NodeContext, PolicyInForce,
    PolicyOptions, Request, Snapshot, SnapshotStore,
};
use stele_policy::engine::{EvalContext, EvalRequest, JsonInput, Rendering, VmEngine};
use stele_policy::{DataPath, Limits, bundle, load};
use stele_server::DecisionLog;
use stele_types::{ChainId, NodeAddress, Salt, Timestamp, json};

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Decisions that wait for the disk together, as those of 32 connections.
const TOGETHER: usize = 32;

fn main() {
    divan::main();
}

struct MachineClock(Instant);

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

fn workload() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/load/k8s")
}

fn policy() -> Arc<PolicyInForce> {
    let set = load::load_dir(&workload().join("policies")).unwrap();
    let id = set.policies().next().unwrap().id.clone();
    let built = bundle::build(&set, &id).unwrap();
    Arc::new(PolicyInForce::from_bundle(&built.bytes, &id, built.digest, PolicyOptions::default()).unwrap())
}

/// The body of a request.
fn body() -> Vec<u8> {
    let input = std::fs::read(workload().join("input.json")).unwrap();
    [b"{\"input\":", &*input, b"}"].concat()
}

fn json_input(body: &[u8]) -> JsonInput<'_> {
    JsonInput {
        text: body,
        member: Some("input"),
        limits: json::Limits::default(),
    }
}

/// A thread that decides.
struct Thread {
    decider: Decider,
    random: StdRng,
    path: Vec<String>,
    body: Vec<u8>,
}

impl Thread {
    fn new() -> Self {
        let store = SnapshotStore::new(Snapshot::new([policy()]).unwrap(), Timestamp(1), None);
        let node = NodeContext {
            address: NodeAddress([1; 20]),
            labels: [("region".to_owned(), "eu".to_owned())].into(),
        };
        Self {
            decider: Decider::new(Arc::new(store), node, Box::new(MachineClock(Instant::now()))),
            random: StdRng::seed_from_u64(1),
            path: ["kubernetes", "admission", "deny"].map(str::to_owned).into(),
            body: body(),
        }
    }

    fn decide(&mut self, input: Input<'_>) -> Answer {
        let request = Request {
            path: &self.path,
            input,
            strict_builtin_errors: false,
            limits: Limits::default(),
            fan_out: 16,
            attributes: Attributes {
                requested_by: Some("127.0.0.1:50000"),
                ..Attributes::default()
            },
        };
        self.decider.decide(&request, &mut self.random).unwrap()
    }

    /// A decision's evidence.
    fn evidence(&mut self) -> Evidence {
        let body = std::mem::take(&mut self.body);
        let mut answer = self.decide(Input::Json(json_input(&body)));
        self.body = body;
        answer.decisions.remove(0).evidence.unwrap()
    }
}

/// The machine: reading the input, evaluating, and writing input (canonical bytes and JSON) and result.
#[divan::bench]
fn a_machine(bencher: Bencher<'_, '_>) {
    let policy = policy();
    let mut engine = VmEngine::new(&policy.compiled);
    let (body, mut rendering) = (body(), Rendering::default());
    let path = DataPath::new(["kubernetes", "admission", "deny"]);
    let request = EvalRequest {
        context: EvalContext::at(Timestamp(1)),
        ..EvalRequest::new(&path, None)
    };
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let outcome = engine.evaluate_json(black_box(&request), &json_input(&body), &mut rendering);
        black_box(outcome.unwrap())
    });
}

/// And verdict, violations, salts, commitments of the documents, and the record's fields.
#[divan::bench]
fn b_decide(bencher: Bencher<'_, '_>) {
    let mut thread = Thread::new();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| black_box(thread.evidence()));
}

/// And the leaf and the entry as it will lie in the file.
#[divan::bench]
fn c_prepare(bencher: Bencher<'_, '_>) {
    let mut thread = Thread::new();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| black_box(prepare(thread.evidence())));
}

/// The same on an input that was made a value first, as it is where a mask is in force.
#[divan::bench]
fn c_prepare_of_value(bencher: Bencher<'_, '_>) {
    let mut thread = Thread::new();
    let body = body();
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let value = json_input(black_box(&body)).to_value().unwrap();
        let mut answer = thread.decide(Input::Value(value.as_ref()));
        black_box(prepare(answer.decisions.remove(0).evidence.unwrap()))
    });
}

fn prepare(evidence: Evidence) -> Prepared {
    let Evidence { record, documents } = evidence;
    match documents {
        Documents::Rendered(rendered) => Prepared::rendered(&record, &rendered).unwrap(),
        Documents::InRecord { mask } => Prepared::new(record, mask.as_ref()).unwrap(),
    }
}

/// And the log, for as many decisions as wait together: queue, write, sync, tree, acknowledgement.
#[divan::bench(sample_count = 50)]
fn d_commit(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let key = SigningKey::from_seed("stele.bench/log", &[1; 32]).unwrap();
    let log = DecisionLog::open(dir.path(), key, Options::default()).unwrap();
    let mut thread = Thread::new();
    bencher.counter(ItemsCount::new(TOGETHER)).bench_local(|| {
        let (sender, receiver) = std::sync::mpsc::channel();
        for _ in 0..TOGETHER {
            let sender = sender.clone();
            let done = move |outcome| drop(sender.send(outcome));
            log.append(thread.evidence(), Box::new(done));
        }
        for _ in 0..TOGETHER {
            receiver.recv().unwrap().unwrap();
        }
    });
}

/// What receipts add for so many decisions that wait together: leaf hashes, tree, one signature, and each receipt as JSON. The hashes and the JSON are
/// made by the workers, the rest by the log's writer.
#[divan::bench(args = [1, 4, TOGETHER, 512])]
fn e_receipts(bencher: Bencher<'_, '_>, together: usize) {
    let operator = Account::from_key(&[7; 32]).unwrap();
    let leaf = *prepare(Thread::new().evidence()).leaf();
    let domain = (ChainId::new(31_337), NodeAddress([2; 20]));
    let preamble = Arc::new(Preamble::new(domain, operator.node_address()));
    bencher.counter(ItemsCount::new(together)).bench_local(|| {
        let hashes = (0..together)
            .map(|_| leaf_hash(&black_box(&leaf).to_bytes()))
            .collect();
        let batch = Batch::new(domain, operator.node_address(), (1_700_000_000, 300), hashes).unwrap();
        let signature = operator.sign_digest(&preamble.digest(batch.promise())).unwrap();
        let batch = batch.signed(Arc::clone(&preamble), signature);
        for index in 0..together {
            let mut answer = Vec::with_capacity(256);
            batch.write(index, &leaf, &Salt([3; 32]), &mut answer).unwrap();
            black_box(answer);
        }
    });
}
