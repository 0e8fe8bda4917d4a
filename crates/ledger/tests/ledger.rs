//! The log on disk, as its users see it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{anchor_of, assert_flawless, erasure, id, key, open, options, record};
use proptest::prelude::*;
use stele_ledger::storage::fsck::{self, Gravity};
use stele_ledger::storage::{Erasure, FileStore, Prepared};
use stele_ledger::tree::{leaf_hash, verify};
use stele_ledger::{AckMode, Ledger, LedgerError, ListQuery, Options, SigningKey, proof};
use stele_testkit::store::{Disk, FaultStore};
use stele_types::{DecisionRecord, LeafIndex, PolicyId, Timestamp, TreeSize, Value};

fn filled(count: u64) -> (Arc<FaultStore>, Ledger) {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = open(&store).unwrap();
    for number in 0..count {
        let ack = ledger.append_and_wait(record(number)).unwrap();
        assert_eq!(ack.index, Some(LeafIndex::new(number)));
    }
    (store, ledger)
}

#[test]
fn decisions_are_found_proven_and_survive_a_restart() {
    let (store, ledger) = filled(300);
    let check = |ledger: &Ledger| {
        assert_eq!(ledger.size(), TreeSize::new(300));
        for number in [0, 1, 17, 255, 256, 299] {
            let entry = ledger.record(&id(number)).unwrap();
            assert_eq!(
                (entry.index, &entry.record),
                (LeafIndex::new(number), &record(number))
            );
            let bundle = ledger.prove(&id(number)).unwrap();
            let report = proof::verify(&bundle, ledger.verifier()).unwrap();
            assert_eq!(
                (report.index, report.size),
                (LeafIndex::new(number), TreeSize::new(300))
            );
        }
        assert!(matches!(
            ledger.record(&id(300)),
            Err(LedgerError::UnknownDecision { .. })
        ));
        let report = ledger.fsck(&fsck::ChainView::default()).unwrap();
        assert_eq!((report.decisions, report.problems.as_slice()), (300, &[][..]));
        assert!(report.files > 5 && report.tiles >= 5, "{report:?}");
    };
    check(&ledger);
    let before = ledger.publish().unwrap();
    ledger.close().unwrap();
    let ledger = open(&store).unwrap();
    check(&ledger);
    assert_eq!(ledger.publish().unwrap(), before, "nothing new, nothing signed");
}

#[test]
fn every_pair_of_sizes_is_consistent() {
    let (_, ledger) = filled(40);
    let roots: Vec<_> = (0..=40).map(|n| ledger.root(TreeSize::new(n)).unwrap()).collect();
    for old in 0..=40 {
        for new in old..=40 {
            let (old_size, new_size) = (TreeSize::new(old), TreeSize::new(new));
            let path = ledger.consistency_proof(old_size, new_size).unwrap();
            verify::consistency(
                old_size,
                new_size,
                &roots[old as usize],
                &roots[new as usize],
                &path,
            )
            .unwrap();
        }
    }
    assert!(matches!(
        ledger.consistency_proof(TreeSize::new(1), TreeSize::new(41)),
        Err(LedgerError::NoSuchSize { .. })
    ));
    assert!(
        ledger
            .consistency_proof(TreeSize::new(3), TreeSize::new(2))
            .is_err()
    );
    assert!(
        ledger
            .inclusion_proof(LeafIndex::new(5), TreeSize::new(5))
            .is_err()
    );
}

#[test]
fn old_proofs_are_made_from_tiles_on_disk() {
    let (store, ledger) = filled(600);
    ledger.publish().unwrap();
    drop(ledger);
    let ledger = open(&store).unwrap();
    for (index, size) in [(0, 600), (3, 257), (300, 512), (511, 513), (599, 600)] {
        let (index, size) = (LeafIndex::new(index), TreeSize::new(size));
        let path = ledger.inclusion_proof(index, size).unwrap();
        let hash = leaf_hash(&ledger.entry(index).unwrap().leaf.to_bytes());
        verify::inclusion(&hash, index, size, &path, &ledger.root(size).unwrap()).unwrap();
    }
}

#[test]
fn listing_pages_and_filters() {
    let (_, ledger) = filled(100);
    let page = ledger.list(&ListQuery::default()).unwrap();
    assert_eq!(page.entries.len(), 50);
    assert_eq!(
        (page.entries[0].index.get(), page.next),
        (99, Some(LeafIndex::new(49)))
    );
    let rest = ledger
        .list(&ListQuery {
            start: page.next,
            limit: 1000,
            ..ListQuery::default()
        })
        .unwrap();
    assert_eq!(
        (rest.entries.len(), rest.entries[49].index.get(), rest.next),
        (50, 0, None)
    );
    let third = ListQuery {
        policy: Some(PolicyId::new("test/third").unwrap()),
        violations: Some(true),
        oldest_first: true,
        limit: 3,
        ..ListQuery::default()
    };
    let page = ledger.list(&third).unwrap();
    let numbers: Vec<_> = page.entries.iter().map(|entry| entry.index.get()).collect();
    assert_eq!(numbers, [3, 9, 15]);
    let page = ledger
        .list(&ListQuery {
            start: page.next,
            ..third.clone()
        })
        .unwrap();
    assert_eq!(page.entries[0].index.get(), 21);
    let window = ListQuery {
        from: Some(record(10).timestamp),
        until: Some(record(12).timestamp),
        ..ListQuery::default()
    };
    let numbers: Vec<_> = ledger
        .list(&window)
        .unwrap()
        .entries
        .iter()
        .map(|e| e.index.get())
        .collect();
    assert_eq!(numbers, [11, 10]);
    let beyond = ListQuery {
        start: Some(LeafIndex::new(500)),
        oldest_first: true,
        ..ListQuery::default()
    };
    assert!(ledger.list(&beyond).unwrap().entries.is_empty());
    assert!(
        ledger
            .list(&ListQuery {
                actor: Some("x".into()),
                ..ListQuery::default()
            })
            .unwrap()
            .entries
            .is_empty()
    );
}

#[test]
fn masked_parts_never_reach_the_disk() {
    let (store, ledger) = filled(1);
    let mask = Value::set([Value::from("/input/secret"), Value::from("/result")]);
    let prepared = Prepared::new(record(77), Some(&mask)).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    ledger.append_prepared(prepared, move |outcome| sender.send(outcome).unwrap());
    receiver.recv().unwrap().unwrap();
    let disk = store.disk();
    for path in disk.paths() {
        let text = String::from_utf8_lossy(disk.read(&path).unwrap()).into_owned();
        assert!(!text.contains("secret-77"), "{path}");
    }
    let bundle = ledger.prove(&id(77)).unwrap();
    assert_eq!(bundle.record.erased, ["/input/secret", "/result", "/violations"]);
    proof::verify(&bundle, ledger.verifier()).unwrap();
    assert!(ledger.fsck(&fsck::ChainView::default()).unwrap().is_sound());
    let broken = Prepared::new(record(78), Some(&Value::from(1)));
    assert!(matches!(broken, Err(LedgerError::Mask(_))));
}

#[test]
fn erasure_keeps_every_proof_valid() {
    let (store, ledger) = filled(30);
    ledger.store_anchor(&anchor_of(&ledger).unwrap()).unwrap();
    let before = ledger.prove(&id(5)).unwrap();
    let outcome = ledger.erase(&id(5), &erasure(5)).unwrap();
    assert_eq!(
        outcome,
        Erasure::Done {
            recorded_at: LeafIndex::new(30)
        }
    );
    assert_eq!(ledger.erase(&id(5), &erasure(6)).unwrap(), Erasure::Already);
    assert!(matches!(
        ledger.erase(&id(99), &erasure(7)),
        Err(LedgerError::UnknownDecision { .. })
    ));
    let check = |ledger: &Ledger| {
        let after = ledger.prove(&id(5)).unwrap();
        proof::verify(&after, ledger.verifier()).unwrap();
        assert_eq!(
            (after.leaf, after.index, &after.inclusion),
            (before.leaf, before.index, &before.inclusion)
        );
        assert_eq!((&after.record.input, after.record.input_salt), (&None, None));
        assert_eq!(after.record.result, before.record.result);
        assert_flawless(ledger);
        let own = ledger.entry(LeafIndex::new(30)).unwrap().record;
        assert_eq!(
            own.input.unwrap().get("decision_id"),
            Some(&Value::from(id(5).to_string()))
        );
    };
    check(&ledger);
    let disk = store.disk();
    for path in disk.paths() {
        let text = String::from_utf8_lossy(disk.read(&path).unwrap()).into_owned();
        assert!(!text.contains("\"secret-5\""), "{path} still holds the input");
    }
    drop(ledger);
    check(&open(&store).unwrap());
}

#[test]
fn masked_inputs_can_be_erased_and_erasures_cannot() {
    let (_, ledger) = filled(1);
    let rule = [
        ("op", "upsert".into()),
        ("path", "/input".into()),
        ("value", Value::from(1)),
    ];
    let rule = Value::object(rule.map(|(key, value)| (key.into(), value)));
    let (sender, receiver) = std::sync::mpsc::channel();
    let prepared = Prepared::new(record(7), Some(&Value::set([rule]))).unwrap();
    ledger.append_prepared(prepared, move |outcome| sender.send(outcome).unwrap());
    receiver.recv().unwrap().unwrap();
    assert_eq!(ledger.record(&id(7)).unwrap().record.input, Some(Value::from(1)));
    ledger.erase(&id(7), &erasure(7)).unwrap();
    assert_eq!(ledger.record(&id(7)).unwrap().record.input, None);
    let own = erasure(7).erasure_id;
    assert!(matches!(
        ledger.erase(&own, &erasure(8)),
        Err(LedgerError::NotErasable { .. })
    ));
    assert_flawless(&ledger);
}

#[test]
fn calls_of_impure_builtins_are_erased_with_the_input_however_small_they_are() {
    let (_, ledger) = filled(1);
    for (number, cache) in [
        (7, r#"{"a":{}}"#),
        (8, r#"{"http.send":{"[{\"url\":\"http://bob\"}]":"secret"}}"#),
    ] {
        let mut made = record(number);
        made.nd_builtin_cache =
            Some(stele_types::json::parse(cache.as_bytes(), &stele_types::json::Limits::default()).unwrap());
        let (sender, receiver) = std::sync::mpsc::channel();
        let prepared = Prepared::new(made, None).unwrap();
        ledger.append_prepared(prepared, move |outcome| sender.send(outcome).unwrap());
        receiver.recv().unwrap().unwrap();
        ledger.erase(&id(number), &erasure(number)).unwrap();
        let left = ledger.record(&id(number)).unwrap().record;
        assert_eq!((&left.input, &left.nd_builtin_cache), (&None, &None));
        assert!(left.nd_builtin_cache_commitment.is_some());
        proof::verify(&ledger.prove(&id(number)).unwrap(), ledger.verifier()).unwrap();
    }
    assert_flawless(&ledger);
}

#[test]
fn anchors_are_checked_and_used_for_proofs() {
    let (store, ledger) = filled(10);
    let first = anchor_of(&ledger).unwrap();
    ledger.store_anchor(&first).unwrap();
    ledger.append_and_wait(record(10)).unwrap();
    let mut forged = first.clone();
    forged.anchor.root.0[0] ^= 1;
    assert!(matches!(
        ledger.store_anchor(&forged),
        Err(LedgerError::Anchor { .. })
    ));
    let bundle = ledger.prove(&id(3)).unwrap();
    assert_eq!(bundle.anchor, Some(first.anchor.clone()));
    assert_eq!(ledger.prove(&id(10)).unwrap().anchor, None);
    let second = anchor_of(&ledger).unwrap();
    ledger.store_anchor(&second).unwrap();
    drop(ledger);
    let ledger = open(&store).unwrap();
    assert_eq!(ledger.anchor_sizes(), [TreeSize::new(10), TreeSize::new(11)]);
    assert_eq!(ledger.latest_anchor().unwrap(), Some(second));
    assert_eq!(ledger.anchor_covering(LeafIndex::new(9)).unwrap(), Some(first));
    assert_eq!(ledger.anchor_covering(LeafIndex::new(11)).unwrap(), None);
}

#[test]
fn only_public_files_are_served() {
    let (_, ledger) = filled(300);
    let checkpoint = ledger.publish().unwrap();
    let served = |path: &str| ledger.static_file(path).unwrap();
    assert_eq!(served("/checkpoint").unwrap().bytes, checkpoint.note.as_bytes());
    assert_eq!(served("/tile/0/000").unwrap().bytes.len(), 8192);
    assert_eq!(served("/tile/entries/001.p/44").unwrap().bytes.len(), 44 * 290);
    for path in [
        "/",
        "/records/00000000000000000000.rec",
        "/tile/../LOCK",
        "/tile/0/009",
        "/erase.intent",
        "/tile/0/000.tmp",
    ] {
        assert_eq!(served(path), None, "{path}");
    }
}

#[test]
fn many_threads_share_group_commits() {
    let dir = tempfile::tempdir().unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&commits);
    let options = Options {
        publish_interval: Some(Duration::from_millis(5)),
        segment_bytes: 100_000,
        on_commit: Some(Arc::new(move |stats| {
            assert!(stats.decisions > 0 && stats.bytes > 0);
            counter.fetch_add(1, Ordering::SeqCst);
        })),
        ..Options::default()
    };
    let ledger = Arc::new(Ledger::open(dir.path(), key(), options).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let ledger = Arc::clone(&ledger);
            scope.spawn(move || {
                for number in 0..50 {
                    ledger.append_and_wait(record(thread * 50 + number)).unwrap();
                }
            });
        }
    });
    assert_eq!(ledger.size(), TreeSize::new(400));
    assert!(
        commits.load(Ordering::SeqCst) < 400,
        "each decision had a commit of its own"
    );
    assert_flawless(&ledger);
    let error = FileStore::open(dir.path()).err().unwrap();
    assert!(matches!(error, LedgerError::Locked { .. }), "{error}");
    drop(Arc::into_inner(ledger).unwrap());
    let ledger = Ledger::open(dir.path(), key(), Options::default()).unwrap();
    for number in 0..400 {
        assert_eq!(ledger.record(&id(number)).unwrap().record, record(number));
    }
}

#[test]
fn memory_mode_acknowledges_at_once_and_writes_on_closing() {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let fast = Options {
        ack: AckMode::Memory,
        linger: Duration::from_secs(60),
        ..options()
    };
    let ledger = Ledger::open_store(Arc::<FaultStore>::clone(&store), key(), fast.clone()).unwrap();
    let start = Instant::now();
    for number in 0..20 {
        assert_eq!(ledger.append_and_wait(record(number)).unwrap().index, None);
    }
    assert!(start.elapsed() < Duration::from_secs(30) && ledger.waiting_bytes() > 0);
    ledger.close().unwrap();
    assert_eq!(open(&store).unwrap().size(), TreeSize::new(20));
}

#[test]
fn the_wrong_key_and_oversized_records_are_refused() {
    let (store, ledger) = filled(3);
    ledger.publish().unwrap();
    drop(ledger);
    let other = SigningKey::from_seed("stele/other", &[1; 32]).unwrap();
    let error = Ledger::open_store(Arc::<FaultStore>::clone(&store), other, options())
        .err()
        .unwrap();
    assert!(matches!(error, LedgerError::Checkpoint { .. }), "{error}");
    let small = Options {
        max_record_bytes: 10,
        ..options()
    };
    let ledger = Ledger::open_store(store, key(), small).unwrap();
    assert!(matches!(
        ledger.append_and_wait(record(9)),
        Err(LedgerError::RecordTooLarge { .. })
    ));
    let tiny = Options {
        max_queue_bytes: 0,
        ..options()
    };
    let full = Ledger::open_store(Arc::new(FaultStore::new(Disk::new())), key(), tiny).unwrap();
    assert!(matches!(
        full.append_and_wait(record(9)),
        Err(LedgerError::Overloaded { .. })
    ));
}

/// Bytes of the record file at the end of the log, and those of them that are no zeros at its end.
fn last_file(dir: &std::path::Path) -> (u64, u64) {
    let mut files: Vec<_> = std::fs::read_dir(dir.join("records"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rec"))
        .collect();
    files.sort();
    let bytes = std::fs::read(files.last().unwrap()).unwrap();
    let content = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    (bytes.len() as u64, content as u64)
}

#[test]
fn room_ahead_of_the_content_goes_when_the_log_is_closed_or_has_crashed() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [log, crashed] = [dirs[0].path(), dirs[1].path()];
    let many = Options {
        segment_bytes: 40_000,
        ..options()
    };
    let ledger = Ledger::open(log, key(), many.clone()).unwrap();
    for number in 0..50 {
        ledger.append_and_wait(record(number)).unwrap();
    }
    let (length, content) = last_file(log);
    assert!(length > content + 1_000, "{length} {content}");
    assert_flawless(&ledger);
    // What a machine that stops now would find.
    std::fs::create_dir(crashed.join("records")).unwrap();
    for entry in std::fs::read_dir(log.join("records")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), crashed.join("records").join(entry.file_name())).unwrap();
    }
    let store = FileStore::open(crashed).unwrap();
    let report = fsck::run(&store, key().verifier(), &fsck::ChainView::default());
    assert!(report.is_sound() && report.decisions == 50, "{report:?}");
    assert_eq!(report.problems.len(), 1, "only the end: {report:?}");
    drop(store);
    let reopened = Ledger::open(crashed, key(), many).unwrap();
    assert_eq!(reopened.size(), TreeSize::new(50));
    assert_eq!(last_file(crashed), (content, content));
    reopened.append_and_wait(record(50)).unwrap();
    reopened.close().unwrap();
    ledger.close().unwrap();
    assert_eq!(last_file(log), (content, content));
    for dir in [log, crashed] {
        let report = fsck::run(
            &FileStore::open(dir).unwrap(),
            key().verifier(),
            &fsck::ChainView::default(),
        );
        assert!(report.problems.is_empty(), "{report:?}");
        assert!(report.files > 1, "{report:?}");
    }
}

/// A decision dated so many seconds after the first record.
fn dated(number: u64, seconds: u64) -> DecisionRecord {
    let mut record = record(number);
    record.timestamp = Timestamp(1_700_000_000_000_000_000 + seconds * 1_000_000_000);
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_entry_is_dated_long_before_one_ahead_of_it(
        steps in proptest::collection::vec((0u64..4_000, proptest::bool::weighted(0.2)), 1..60),
    ) {
        let store = Arc::new(FaultStore::new(Disk::new()));
        let open = || {
            let options = Options { segment_bytes: 1 << 20, ..options() };
            Ledger::open_store(Arc::<FaultStore>::clone(&store), key(), options).unwrap()
        };
        let mut ledger = open();
        let mut latest = 0;
        for (number, (seconds, restart)) in (0..).zip(steps) {
            if restart {
                drop(ledger);
                ledger = open();
            }
            let outcome = ledger.append_and_wait(dated(number, seconds));
            if seconds + 900 < latest {
                prop_assert!(matches!(outcome, Err(LedgerError::OutOfOrder { .. })), "{seconds} after {latest}");
            } else {
                prop_assert!(outcome.is_ok(), "{seconds} after {latest}: {outcome:?}");
                latest = latest.max(seconds);
            }
        }
    }
}

#[test]
fn a_log_without_order_takes_any_date() {
    let options = Options {
        max_disorder: None,
        ..options()
    };
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = Ledger::open_store(Arc::<FaultStore>::clone(&store), key(), options).unwrap();
    ledger.append_and_wait(dated(0, 90_000)).unwrap();
    ledger.append_and_wait(dated(1, 0)).unwrap();
    ledger.append_and_wait(dated(2, 89_200)).unwrap();
    assert_eq!(ledger.latest().get(), Some(dated(0, 90_000).timestamp));
    // Its own check asks for no order; anybody else's finds the one entry that would convict the node.
    assert!(ledger.fsck(&fsck::ChainView::default()).unwrap().is_sound());
    drop(ledger);
    let report = fsck::run(store.as_ref(), key().verifier(), &fsck::ChainView::default());
    let [problem] = &report.problems[..] else {
        panic!("{:?}", report.problems);
    };
    assert_eq!((problem.gravity, problem.index), (Gravity::Damage, Some(1)));
    assert!(
        problem.to_string().contains("90000 s before decision 0"),
        "{problem}"
    );
    assert!(!report.is_sound());
}

#[test]
fn disorder_within_the_contracts_tolerance_is_told_and_no_damage() {
    let unknown = None;
    for (tolerance_s, seconds, gravity) in [
        (unknown, 900, None),
        (unknown, 901, Some(Gravity::Notice)),
        (unknown, 3_600, Some(Gravity::Notice)),
        (unknown, 3_601, Some(Gravity::Damage)),
        (Some(600), 600, None),
        (Some(600), 601, Some(Gravity::Damage)),
        (Some(7_200), 7_200, Some(Gravity::Notice)),
        (Some(7_200), 7_201, Some(Gravity::Damage)),
    ] {
        let options = Options {
            max_disorder: None,
            ..options()
        };
        let store = Arc::new(FaultStore::new(Disk::new()));
        let ledger = Ledger::open_store(Arc::<FaultStore>::clone(&store), key(), options).unwrap();
        ledger.append_and_wait(dated(0, seconds)).unwrap();
        ledger.append_and_wait(dated(1, 0)).unwrap();
        let chain = fsck::ChainView {
            tolerance_s,
            ..fsck::ChainView::default()
        };
        // A log that keeps no order has only the chain's rule, while it runs.
        let live = ledger.fsck(&chain).unwrap();
        let misdated = tolerance_s.is_some_and(|tolerance| seconds > tolerance);
        assert_eq!(live.is_sound(), !misdated, "{seconds}: {live:?}");
        ledger.close().unwrap();
        let report = fsck::run(store.as_ref(), key().verifier(), &chain);
        let found = report.problems.first().map(|problem| problem.gravity);
        assert_eq!(found, gravity, "{seconds}: {report:?}");
        if gravity == Some(Gravity::Notice) {
            let said = report.problems[0].to_string();
            let words = match tolerance_s {
                Some(_) => ["it convicts nobody", "the contract `Challenge`"],
                None => ["nobody judged it", "`stele audit fsck --rpc URL`"],
            };
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
            assert_eq!(said.contains("convicts nobody"), tolerance_s.is_some(), "{said}");
        }
        assert_eq!(report.is_sound(), gravity != Some(Gravity::Damage));
        assert_eq!(report.tolerance_s, tolerance_s.unwrap_or(fsck::USUAL_TOLERANCE_S));
    }
}
