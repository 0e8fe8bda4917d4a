//! One changed bit anywhere in a log's files, a proof, a checkpoint or a receipt: what notices it, and what can't be noticed.
//!
//! `BIT_FLIPS=N` and `BIT_FLIPS_SEED=S` ask for more than the 10,000 of every run, or for others.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "tests may panic; what was tried is printed"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{anchor_of, erasure, id, key, open, record};
use stele_ledger::proof::{Anchor, ProofBundle};
use stele_ledger::storage::fsck;
use stele_ledger::{Checkpoint, SignedCheckpoint, mask, receipt, verify};
use stele_testkit::store::{Crash, Disk, FaultStore};
use stele_types::receipt::Receipt;
use stele_types::{BlockNumber, ChainId, DecisionRecord, Digest, NodeAddress, TreeSize, Value, json};

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// The bytes with one bit changed, and which.
    fn flip(&mut self, bytes: &[u8]) -> (Vec<u8>, usize) {
        let bit = self.below(bytes.len() * 8);
        let mut bad = bytes.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        (bad, bit)
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A generator of its own for each test, and how many of all flips are its share.
fn share(of_ten: u64, salt: u64) -> (Random, u64) {
    let seed = setting("BIT_FLIPS_SEED", 0x5e1e);
    let count = setting("BIT_FLIPS", 10_000) * of_ten / 10;
    println!("{count} flips, BIT_FLIPS_SEED={seed}");
    (Random(seed ^ salt << 32), count)
}

/// A closed log with record files, indexes, full and partial tiles, a checkpoint, anchors, and an erased decision.
fn sample() -> Disk {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = open(&store).unwrap();
    for number in 0..300 {
        ledger.append_and_wait(record(number)).unwrap();
        if number % 100 == 70 {
            ledger.store_anchor(&anchor_of(&ledger).unwrap()).unwrap();
        }
    }
    ledger.erase(&id(2), &erasure(2)).unwrap();
    ledger.publish().unwrap();
    drop(ledger);
    store.disk()
}

#[test]
fn fsck_notices_every_bit_of_every_file() {
    let (mut random, count) = share(4, 1);
    let disk = sample();
    let sound = fsck::run(
        &FaultStore::new(disk.clone()),
        key().verifier(),
        &fsck::ChainView::default(),
    );
    assert!(sound.problems.is_empty(), "{sound:?}");
    let files: Vec<(String, Vec<u8>)> = disk
        .paths()
        .into_iter()
        .map(|path| (path.clone(), disk.read(&path).unwrap().to_vec()))
        .collect();
    let total: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    // Half of them anywhere, by size; half of them in any file, so that small ones get their share.
    let flips: Vec<(usize, Vec<u8>, usize)> = (0..count)
        .map(|number| {
            let mut at = random.below(total);
            let by_size = files.iter().position(|(_, bytes)| {
                let here = at < bytes.len();
                at = at.saturating_sub(bytes.len());
                here
            });
            let file = if number % 2 == 0 {
                by_size.unwrap()
            } else {
                random.below(files.len())
            };
            let (bad, bit) = random.flip(&files[file].1);
            (file, bad, bit)
        })
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for part in flips.chunks(flips.len().div_ceil(threads).max(1)) {
            let (disk, files) = (disk.clone(), &files);
            scope.spawn(move || {
                for (file, bad, bit) in part {
                    let mut damaged = disk.clone();
                    damaged.overwrite(&files[*file].0, bad.clone());
                    let report = fsck::run(
                        &FaultStore::new(damaged),
                        key().verifier(),
                        &fsck::ChainView::default(),
                    );
                    assert!(!report.is_sound(), "bit {bit} of {}: {report:?}", files[*file].0);
                }
            });
        }
    });
}

/// Where a crash left an erasure half done, a damaged plan for the rest is refused; nothing is overwritten by it.
#[test]
fn a_damaged_plan_of_an_erasure_is_refused() {
    let (mut random, count) = share(1, 2);
    let mut found = None;
    let whole = sample();
    for operation in 0.. {
        let store = Arc::new(FaultStore::stopping_at(whole.clone(), operation, Crash::KeepAll));
        let done = open(&store).and_then(|ledger| ledger.erase(&id(5), &erasure(5)));
        let disk = store.disk();
        if disk.read("erase.intent").is_some() {
            found = Some(disk);
            break;
        }
        assert!(done.is_err(), "the erasure left no plan on its way");
    }
    let disk = found.unwrap();
    let plan = disk.read("erase.intent").unwrap().to_vec();
    for _ in 0..count.min(200) {
        let (bad, bit) = random.flip(&plan);
        let mut damaged = disk.clone();
        damaged.overwrite("erase.intent", bad);
        let store = Arc::new(FaultStore::new(damaged.clone()));
        assert!(open(&store).is_err(), "bit {bit}");
        for path in disk.paths().iter().filter(|path| path.starts_with("records/")) {
            assert_eq!(store.disk().read(path), damaged.read(path), "bit {bit}");
        }
        assert!(
            !fsck::run(store.as_ref(), key().verifier(), &fsck::ChainView::default()).is_sound(),
            "bit {bit}"
        );
    }
}

fn value(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

/// Proofs of a plain record, of one with escapes, exponents and every field, of a failure, and of masked ones.
fn proofs() -> Vec<ProofBundle> {
    let plain = record(3);
    let mut full = record(5);
    full.input = Some(value(
        r#"{"a\u001fb": 1e90, "list": [true, null, -0.5, "é\u0000😀"], "deep": {"er": {}}}"#,
    ));
    full.result = Some(value(r#"{"allow": false, "n": 25e-40}"#));
    full.nd_builtin_cache = Some(value(r#"{"rand.intn": {"[\"a\",9]": 3}}"#));
    full.actor = Some("al\u{1}ice".into());
    full.labels.insert("region".into(), "eu".into());
    full.metrics.insert("timer_ns".into(), u64::MAX);
    let mut failed = record(6);
    (failed.result, failed.error) = (None, Some("time is up".into()));
    let masks = [r#"["/input/list", "/nd_builtin_cache"]"#, r#"["/result"]"#];
    let masked = masks.map(|rules| {
        let mut masked = full.clone();
        mask::apply(&mut masked, &mask::parse(&value(rules)).unwrap()).unwrap();
        masked
    });
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = open(&store).unwrap();
    for number in (0..300).filter(|number| ![3, 5, 6].contains(number)) {
        ledger.append_and_wait(record(number)).unwrap();
    }
    let [first, second] = masked;
    let all = [plain, full, failed];
    let ids = all.each_ref().map(|record| record.decision_id);
    for record in all {
        ledger.append_and_wait(record).unwrap();
    }
    ledger
        .store_anchor(&stele_ledger::storage::StoredAnchor {
            anchor: Anchor {
                chain_id: ChainId::new(31_337),
                contract: NodeAddress([0xab; 20]),
                node: stele_testkit::records::NODE,
                tx_hash: Digest([0xcd; 32]),
                block_number: BlockNumber::new(70),
                block_hash: Digest([0xef; 32]),
                size: ledger.publish().unwrap().checkpoint.size,
                root: ledger.publish().unwrap().checkpoint.root,
            },
            checkpoint: ledger.publish().unwrap().note,
        })
        .unwrap();
    let mut proofs: Vec<ProofBundle> = ids.iter().map(|id| ledger.prove(id).unwrap()).collect();
    for record in [first, second] {
        let whole = proofs[1].clone();
        proofs.push(ProofBundle { record, ..whole });
    }
    proofs
}

/// The record without what its own `masked` and `erased` take out of the commitments.
fn committed(record: &DecisionRecord) -> DecisionRecord {
    let mut kept = record.clone();
    if record.is_withheld("input") {
        (kept.input, kept.input_salt) = (None, None);
    }
    if record.is_withheld("result") {
        kept.result = None;
    }
    (kept.masked, kept.erased) = (Vec::new(), Vec::new());
    kept
}

/// What only the chain can refute.
fn without_claims(anchor: &Anchor) -> (NodeAddress, TreeSize, Digest) {
    (anchor.node, anchor.size, anchor.root)
}

#[test]
fn verifying_notices_every_bit_of_a_proof_that_means_something() {
    let (mut random, count) = share(4, 3);
    let key = key();
    let proofs = proofs();
    let texts: Vec<Vec<u8>> = proofs.iter().map(|proof| proof.to_json().unwrap()).collect();
    for proof in &proofs {
        verify(proof, key.verifier()).unwrap();
    }
    let mut outcomes = BTreeMap::<&str, u64>::new();
    for _ in 0..count {
        let which = random.below(proofs.len());
        let (bad, bit) = random.flip(&texts[which]);
        let good = &proofs[which];
        let accepted =
            ProofBundle::from_json(&bad).and_then(|bundle| verify(&bundle, key.verifier()).map(|_| bundle));
        let outcome = match accepted {
            Err(_) => "refused",
            // An escape or an exponent in the other case.
            Ok(bundle) if bundle == *good => "same meaning",
            Ok(bundle) => {
                let mut rest = bundle.clone();
                rest.record = good.record.clone();
                rest.anchor = good.anchor.clone();
                assert_eq!(rest, *good, "proof {which}, bit {bit}");
                let (found, claimed) = (bundle.anchor.as_ref().unwrap(), good.anchor.as_ref().unwrap());
                assert_eq!(without_claims(found), without_claims(claimed));
                if bundle.record == good.record {
                    "left to the chain"
                } else {
                    assert_eq!(
                        committed(&bundle.record),
                        committed(&good.record),
                        "proof {which}, bit {bit}"
                    );
                    "withheld"
                }
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{outcomes:?}");
    // Three of the five proofs withhold nothing, and most of a proof is neither claims nor escapes.
    assert!(
        outcomes["withheld"] > 0 && outcomes["left to the chain"] > 0,
        "{outcomes:?}"
    );
    assert!(outcomes["refused"] * 10 > count * 9, "{outcomes:?}");
    assert!(
        outcomes.get("same meaning").is_none_or(|void| void * 100 < count),
        "{outcomes:?}"
    );
}

#[test]
fn every_bit_of_a_checkpoint_is_noticed() {
    let (mut random, count) = share(1, 4);
    let key = key();
    let notes = [(0, vec![]), (1_000_000, vec!["an extension".to_owned()])].map(|(size, extensions)| {
        let head = Checkpoint {
            origin: key.verifier().name().to_owned(),
            size: TreeSize::new(size),
            root: Digest([0x5a; 32]),
            extensions,
        };
        head.sign(&key).unwrap().note
    });
    for _ in 0..count {
        let note = &notes[random.below(2)];
        let (bad, bit) = random.flip(note.as_bytes());
        let opened = String::from_utf8(bad).map(|bad| SignedCheckpoint::open(&bad, key.verifier()));
        assert!(!matches!(opened, Ok(Ok(_))), "bit {bit} of {note}");
    }
}

#[test]
fn every_bit_of_a_receipt_is_noticed() {
    let (mut random, count) = share(1, 5);
    let text = include_bytes!("golden/receipt.json");
    let holds = |bytes: &[u8]| {
        let receipt = Receipt::from_json(bytes).ok()?;
        let checked = receipt::check(&receipt).ok()?;
        let opens = receipt.opens_to(record(2).input.as_ref()).ok()?;
        (opens && checked.signer == receipt.node).then_some(receipt)
    };
    let good = holds(text).unwrap();
    let canonical = good.to_json().unwrap();
    for _ in 0..count {
        let (bad, bit) = random.flip(&canonical);
        assert_eq!(holds(&bad), None, "bit {bit}");
    }
}
