//! How fast a verifier re-executes a node's log, on one core: leaves hashed into the tree, records read, decisions evaluated, commitments
//! and digests compared. Fetching is not in it: it overlaps with the re-execution, on other threads.
//!
//! `cargo bench -p stele-verifier --bench replay`
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use stele_ledger::tree::{Edge, leaf_hash};
use stele_pdp::{
    Attributes, Clock, Decider, Documents, Input, NodeContext, PolicyInForce, PolicyOptions, Request,
    Snapshot, SnapshotStore,
};
use stele_policy::engine::JsonInput;
use stele_policy::{Limits, PolicySet, bundle, load};
use stele_types::{Leaf, NodeAddress, PolicyVersion, Timestamp, json};
use stele_verifier::replay::{Outcome, Replayer};

#[path = "../../rego/benches/workloads/mod.rs"]
#[allow(
    dead_code,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "this bench uses one of them, and may panic"
)]
mod workloads;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Decisions in the log that is replayed.
const DECISIONS: usize = 4_096;

fn main() {
    divan::main();
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// A log as a verifier gets it, and the bundle of its decisions' version.
struct Log {
    leaves: Vec<Leaf>,
    records: Vec<Vec<u8>>,
    version: PolicyVersion,
    bundle: Vec<u8>,
}

/// Decides each input, as a node does that is asked over HTTP.
fn log(set: &PolicySet, path: &str, inputs: impl Iterator<Item = Vec<u8>>) -> Log {
    let id = set.policies().next().unwrap().id.clone();
    let built = bundle::build(set, &id).unwrap();
    let policy =
        PolicyInForce::from_bundle(&built.bytes, &id, built.digest, PolicyOptions::default()).unwrap();
    let store = SnapshotStore::new(Snapshot::new([Arc::new(policy)]).unwrap(), Timestamp(1), None);
    let node = NodeContext {
        address: NodeAddress([1; 20]),
        labels: [("region".to_owned(), "eu".to_owned())].into(),
    };
    let mut decider = Decider::new(Arc::new(store), node, Box::new(Still));
    let mut random = StdRng::seed_from_u64(1);
    let path: Vec<String> = path.split('/').map(str::to_owned).collect();
    let (mut leaves, mut records) = (Vec::new(), Vec::new());
    for body in inputs.take(DECISIONS) {
        let request = Request {
            path: &path,
            input: Input::Json(JsonInput {
                text: &body,
                member: None,
                limits: json::Limits::default(),
            }),
            strict_builtin_errors: false,
            limits: Limits::default(),
            fan_out: 16,
            attributes: Attributes {
                requested_by: Some("127.0.0.1:50000"),
                ..Attributes::default()
            },
        };
        let mut answer = decider.decide(&request, &mut random).unwrap();
        let evidence = answer.decisions.remove(0).evidence.unwrap();
        let Documents::Rendered(rendered) = &evidence.documents else {
            panic!("the decision is not rendered")
        };
        leaves.push(evidence.record.leaf_with(rendered).unwrap());
        let mut line = Vec::new();
        evidence.record.write_json_with(rendered, &mut line).unwrap();
        records.push(line);
    }
    Log {
        leaves,
        records,
        version: built.digest,
        bundle: built.bytes,
    }
}

fn replay(bencher: Bencher<'_, '_>, log: &Log) {
    let mut replayer = Replayer::default();
    replayer.add(log.version, &log.bundle).unwrap();
    bencher
        .counter(ItemsCount::new(log.leaves.len()))
        .bench_local(|| {
            let mut edge = Edge::default();
            for (leaf, record) in log.leaves.iter().zip(&log.records) {
                edge.push(leaf_hash(&leaf.to_bytes()));
                assert_eq!(replayer.check(leaf, record, None), Outcome::Agrees);
            }
            edge.root()
        });
}

/// The workload of `stele-rego`'s bench of the same name, with each user's question in turn.
#[divan::bench]
fn rbac(bencher: Bencher<'_, '_>) {
    let load = workloads::rbac();
    let policy = format!("# METADATA\n# custom:\n#   id: rbac\n{}", load.policy);
    let data = String::from_utf8(load.data).unwrap();
    let files = [
        ("rbac/rbac.rego".to_owned(), policy),
        ("data.json".to_owned(), data),
    ];
    let set = load::load_files(files).unwrap();
    let input = String::from_utf8(load.input).unwrap();
    let inputs = (0..1_000)
        .cycle()
        .map(|user| input.replace("user-517", &format!("user-{user}")).into_bytes());
    replay(bencher, &log(&set, &load.entry_point, inputs));
}

/// The workload of `tools/load/k8s`, on which the node's own maximum is measured.
#[divan::bench]
fn k8s(bencher: Bencher<'_, '_>) {
    let load = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/load/k8s");
    let set = load::load_dir(&load.join("policies")).unwrap();
    let input = std::fs::read(load.join("input.json")).unwrap();
    replay(
        bencher,
        &log(&set, "kubernetes/admission/deny", std::iter::repeat(input)),
    );
}
