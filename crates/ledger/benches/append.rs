//! Evidence per core: leaf encoding, leaf hash, tree and entry bundle, against raw SHA-256 of the very same blocks in the
//! same run; and the offline verification of one proof.
//!
//! `cargo bench -p stele-ledger --bench append`
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use stele_ledger::proof::{FORMAT, ProofBundle, verify};
use stele_ledger::tree::{self, TileRows};
use stele_ledger::{Checkpoint, SigningKey, VerifierKey};
use stele_types::{
    DecisionId, DecisionRecord, Digest, EntryPoint, Leaf, LeafIndex, NodeAddress, PolicyId, PolicyVersion,
    Salt, Timestamp, Value, sha256,
};

/// Leaves per iteration: sixteen full tiles, so that inner nodes have their full share.
const LEAVES: u64 = 4096;

fn main() {
    divan::main();
}

fn leaf(number: u64) -> Leaf {
    let digest = |n: u8| Digest([n; 32]);
    Leaf {
        decision_id: DecisionId::from_time_and_random(Timestamp(number), &[7; 10]),
        time: Timestamp(number),
        node: NodeAddress([1; 20]),
        policy_version: PolicyVersion(digest(2)),
        entry_point: digest(3),
        input_commitment: digest(4),
        data_digest: digest(5),
        result_digest: digest(6),
        detail_commitment: digest(7),
    }
}

/// The floor: one SHA-256 of 289 bytes (prefix and leaf) and one of 65 bytes (a node) for each leaf.
#[divan::bench]
fn raw_sha256(bencher: Bencher<'_, '_>) {
    let (leaf, node) = ([0u8; 289], [1u8; 65]);
    bencher.counter(ItemsCount::new(LEAVES)).bench_local(|| {
        for _ in 0..LEAVES {
            black_box(sha256(&[black_box(&leaf)]));
            black_box(sha256(&[black_box(&node)]));
        }
    });
}

/// The same hashes with all that makes them a log.
#[divan::bench]
fn append(bencher: Bencher<'_, '_>) {
    let leaves: Vec<Leaf> = (0..LEAVES).map(leaf).collect();
    bencher.counter(ItemsCount::new(LEAVES)).bench_local(|| {
        let mut rows = TileRows::new();
        for leaf in &leaves {
            rows.push(&black_box(leaf).to_bytes());
        }
        black_box(rows)
    });
}

fn proof() -> (ProofBundle, VerifierKey) {
    let mut record = DecisionRecord::new(
        DecisionId::from_time_and_random(Timestamp(1), &[7; 10]),
        Timestamp(1),
        NodeAddress([1; 20]),
        PolicyId::new("kubernetes/admission").unwrap(),
        PolicyVersion(Digest([2; 32])),
        EntryPoint::new("kubernetes/admission/deny").unwrap(),
        Digest([3; 32]),
        Salt([4; 32]),
        Salt([5; 32]),
    );
    record.input = Some(Value::array((0..400).map(|n| Value::from(format!("item {n}")))));
    let leaf_of_record = record.leaf().unwrap();
    let mut rows = TileRows::new();
    rows.push(&leaf_of_record.to_bytes());
    for number in 1..LEAVES {
        rows.push(&leaf(number).to_bytes());
    }
    let key = SigningKey::from_seed("bench", &[9; 32]).unwrap();
    let index = LeafIndex::new(0);
    let root = tree::root(&rows, rows.size()).unwrap();
    let checkpoint = Checkpoint {
        origin: "bench".into(),
        size: rows.size(),
        root,
        extensions: vec![],
    };
    let bundle = ProofBundle {
        format: FORMAT.into(),
        record,
        leaf: leaf_of_record,
        index,
        inclusion: tree::inclusion_proof(&rows, index, rows.size()).unwrap(),
        checkpoint: checkpoint.sign(&key).unwrap().note,
        anchor: None,
    };
    (bundle, key.verifier().clone())
}

/// Offline verification from the file's bytes: JSON, signature, inclusion, record against leaf.
#[divan::bench]
fn verify_one_proof(bencher: Bencher<'_, '_>) {
    let (bundle, key) = proof();
    let json = bundle.to_json().unwrap();
    bencher.counter(BytesCount::new(json.len())).bench_local(|| {
        let bundle = ProofBundle::from_json(black_box(&json)).unwrap();
        verify(&bundle, &key).unwrap()
    });
}
