//! Evidence per core: leaf encoding, leaf hash, tree and entry bundle, against raw SHA-256 of the very same blocks in the
//! same run; and the offline verification of one proof.
//!
//! `cargo bench -p stele-ledger --bench append`
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use stele_ledger::proof::{FORMAT, ProofBundle, verify};
use stele_ledger::storage::{FileStore, fsck};
use stele_ledger::tree::{self, TileRows};
use stele_ledger::{Checkpoint, Ledger, Options, SigningKey, VerifierKey};
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

fn small_record(number: u64) -> DecisionRecord {
    DecisionRecord::new(
        DecisionId(stele_types::Uuid::from_u128(number.into())),
        Timestamp(1),
        NodeAddress([1; 20]),
        PolicyId::new("kubernetes/admission").unwrap(),
        PolicyVersion(Digest([2; 32])),
        EntryPoint::new("kubernetes/admission/deny").unwrap(),
        Digest([3; 32]),
        Salt([4; 32]),
        Salt([5; 32]),
    )
}

fn proof() -> (ProofBundle, VerifierKey) {
    let mut record = small_record(1);
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

/// A whole check of a log on disk whose records are as small as they get: files, records against leaves, tree, tiles, checkpoint.
#[divan::bench(sample_count = 10)]
fn fsck(bencher: Bencher<'_, '_>) {
    const DECISIONS: u64 = 65_536;
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let key = SigningKey::from_seed("bench", &[9; 32]).unwrap();
    let verifier = key.verifier().clone();
    let ledger = Ledger::open(dir.path(), key, Options::default()).unwrap();
    for number in 0..DECISIONS {
        ledger.append(small_record(number), |outcome| assert!(outcome.is_ok()));
    }
    ledger.close().unwrap();
    let store = FileStore::open(dir.path()).unwrap();
    bencher.counter(ItemsCount::new(DECISIONS)).bench_local(|| {
        let report = fsck::run(&store, &verifier, &fsck::ChainView::default());
        assert!(report.is_sound() && report.decisions == DECISIONS, "{report:?}");
    });
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
