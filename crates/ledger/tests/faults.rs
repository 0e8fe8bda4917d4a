//! The machine stops at every write, sync, rename, truncation and removal; the disk keeps what it likes; the disk is full.
//! Afterwards everything that was acknowledged is there and fsck has nothing to say.
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

use common::{anchor_of, assert_flawless, erasure, id, key, open, options, record};
use stele_ledger::storage::fsck::{self, Gravity};
use stele_ledger::storage::{Erasure, LedgerError, StoredAnchor};
use stele_ledger::{AckMode, Checkpoint, Ledger, Options, proof};
use stele_testkit::store::{Crash, Disk, FaultStore};
use stele_types::TreeSize;

/// Decisions that are there before anything fails: so many that the next few finish a tile.
const BEFORE: u64 = 254;
/// Erased before anything fails.
const ERASED_BEFORE: u64 = 9;

fn prepared_disk() -> Disk {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = open(&store).unwrap();
    for number in 0..BEFORE {
        ledger.append_and_wait(record(number)).unwrap();
        if number == 100 {
            ledger.store_anchor(&anchor_of(&ledger).unwrap()).unwrap();
        }
    }
    ledger.erase(&id(ERASED_BEFORE), &erasure(ERASED_BEFORE)).unwrap();
    ledger.publish().unwrap();
    drop(ledger);
    store.disk()
}

/// What the log promised before it stopped.
#[derive(Debug, Default)]
struct Promises {
    appended: Vec<u64>,
    erased: Vec<u64>,
    erasing: Vec<u64>,
    signed: Vec<Checkpoint>,
    anchors: Vec<StoredAnchor>,
}

enum Step {
    Append(u64),
    Publish,
    Anchor,
    Erase(u64),
}

/// Crosses a tile boundary, rotates record files, erases from a finished and from the current file, anchors.
fn script() -> Vec<Step> {
    let mut steps: Vec<Step> = (BEFORE..BEFORE + 4).map(Step::Append).collect();
    steps.extend([
        Step::Publish,
        Step::Anchor,
        Step::Erase(3),
        Step::Append(BEFORE + 4),
        Step::Erase(BEFORE + 4),
    ]);
    steps.extend((BEFORE + 5..BEFORE + 11).map(Step::Append));
    steps.push(Step::Publish);
    steps.push(Step::Anchor);
    steps
}

fn take(step: &Step, ledger: &Ledger, promises: &mut Promises) -> Result<(), LedgerError> {
    match step {
        Step::Append(number) => {
            ledger.append_and_wait(record(*number))?;
            promises.appended.push(*number);
        }
        Step::Publish => promises.signed.push(ledger.publish()?.checkpoint),
        Step::Anchor => {
            let anchor = anchor_of(ledger)?;
            promises.signed.push(ledger.checkpoint()?.checkpoint);
            ledger.store_anchor(&anchor)?;
            promises.anchors.push(anchor);
        }
        Step::Erase(number) => {
            promises.erasing.push(*number);
            ledger.erase(&id(*number), &erasure(*number))?;
            promises.erased.push(*number);
        }
    }
    Ok(())
}

fn run_script(store: &Arc<FaultStore>) -> Promises {
    let mut promises = Promises {
        appended: (0..BEFORE).collect(),
        ..Promises::default()
    };
    promises.erased.push(ERASED_BEFORE);
    let Ok(ledger) = open(store) else { return promises };
    for step in script() {
        let outcome = take(&step, &ledger, &mut promises);
        if outcome.is_err() {
            assert!(store.has_stopped(), "{outcome:?}");
            return promises;
        }
    }
    promises
}

fn check_promises(ledger: &Ledger, promises: &Promises, context: &str) {
    for number in &promises.appended {
        let stored = ledger
            .record(&id(*number))
            .unwrap_or_else(|error| panic!("{context}: {error}"))
            .record;
        let expected = record(*number);
        let erased = stored.input.is_none();
        if promises.erased.contains(number) {
            assert!(
                erased && stored.input_salt.is_none(),
                "{context}: {number} is not erased"
            );
        } else if erased {
            assert!(
                promises.erasing.contains(number),
                "{context}: {number} lost its input"
            );
        } else {
            assert_eq!(stored, expected, "{context}");
        }
        assert_eq!(stored.result, expected.result, "{context}");
    }
    for signed in &promises.signed {
        assert_eq!(
            ledger.root(signed.size).unwrap(),
            signed.root,
            "{context}: a signed root was contradicted"
        );
    }
    for anchor in &promises.anchors {
        assert_eq!(&ledger.anchor(anchor.anchor.size).unwrap(), anchor, "{context}");
    }
}

fn check_after_restart(disk: Disk, promises: &Promises, context: &str) {
    let store = Arc::new(FaultStore::new(disk));
    let report = fsck::run(store.as_ref(), key().verifier(), &fsck::ChainView::default());
    let expected =
        |problem: &fsck::Problem| problem.gravity == Gravity::Notice || problem.file == "erase.intent";
    assert!(
        report.problems.iter().all(expected),
        "{context}: {:#?}",
        report.problems
    );
    let ledger = open(&store).unwrap_or_else(|error| panic!("{context}: does not open: {error}"));
    check_promises(&ledger, promises, context);
    let report = ledger.fsck(&fsck::ChainView::default()).unwrap();
    assert!(report.problems.is_empty(), "{context}: {:#?}", report.problems);
    ledger.append_and_wait(record(5_000)).unwrap();
    let bundle = ledger.prove(&id(5_000)).unwrap();
    proof::verify(&bundle, ledger.verifier()).unwrap();
    proof::verify(&ledger.prove(&id(2)).unwrap(), ledger.verifier()).unwrap();
}

#[test]
fn stopping_at_every_operation_loses_nothing_acknowledged() {
    let disk = prepared_disk();
    let whole = Arc::new(FaultStore::new(disk.clone()));
    let promises = run_script(&whole);
    assert_eq!(
        (
            promises.appended.len(),
            promises.erased.len(),
            promises.anchors.len()
        ),
        (265, 3, 2)
    );
    let operations = whole.operations();
    assert!(operations > 100, "the script does too little: {operations}");
    std::thread::scope(|scope| {
        for crash in Crash::ALL {
            let disk = &disk;
            scope.spawn(move || {
                for operation in 0..operations {
                    let store = Arc::new(FaultStore::stopping_at(disk.clone(), operation, crash));
                    let promises = run_script(&store);
                    assert!(store.has_stopped());
                    check_after_restart(
                        store.disk(),
                        &promises,
                        &format!("{crash:?} at operation {operation}"),
                    );
                }
            });
        }
    });
}

#[test]
fn stopping_while_recovering_loses_nothing() {
    let disk = prepared_disk();
    for first_stop in (0..120).step_by(7) {
        let store = Arc::new(FaultStore::stopping_at(disk.clone(), first_stop, Crash::LoseSome));
        let promises = run_script(&store);
        let stopped = store.disk();
        for second_stop in 0..8 {
            let again = Arc::new(FaultStore::stopping_at(stopped.clone(), second_stop, Crash::Torn));
            let ledger = open(&again);
            drop(ledger);
            check_after_restart(
                again.disk(),
                &promises,
                &format!("{first_stop}, then {second_stop}"),
            );
        }
    }
}

#[test]
fn a_very_new_log_survives_too() {
    for crash in Crash::ALL {
        for operation in 0..30 {
            let store = Arc::new(FaultStore::stopping_at(Disk::new(), operation, crash));
            let mut promises = Promises::default();
            if let Ok(ledger) = open(&store) {
                for step in [
                    Step::Publish,
                    Step::Append(0),
                    Step::Publish,
                    Step::Append(1),
                    Step::Anchor,
                ] {
                    if take(&step, &ledger, &mut promises).is_err() {
                        break;
                    }
                }
            }
            let store = Arc::new(FaultStore::new(store.disk()));
            let ledger = open(&store).unwrap();
            check_promises(&ledger, &promises, &format!("{crash:?} at {operation}"));
            assert!(
                ledger
                    .fsck(&fsck::ChainView::default())
                    .unwrap()
                    .problems
                    .is_empty(),
                "{crash:?} at {operation}"
            );
        }
    }
}

/// Goes through the script although steps fail; each failed step is tried again at once.
fn run_stubbornly(store: &Arc<FaultStore>) -> (Promises, u32) {
    let mut promises = Promises {
        appended: (0..BEFORE).collect(),
        ..Promises::default()
    };
    promises.erased.push(ERASED_BEFORE);
    let mut failures = 0;
    let ledger = open(store).or_else(|_| {
        failures += 1;
        store.free_space();
        open(store)
    });
    let ledger = ledger.unwrap();
    for step in script() {
        if let Err(error) = take(&step, &ledger, &mut promises) {
            assert!(error.is_disk_full(), "{error}");
            failures += 1;
            store.free_space();
            take(&step, &ledger, &mut promises).unwrap_or_else(|error| panic!("second attempt: {error}"));
        }
    }
    assert_flawless(&ledger);
    check_promises(&ledger, &promises, "while running");
    (promises, failures)
}

#[test]
fn a_full_disk_is_an_error_and_no_loss() {
    let disk = prepared_disk();
    let whole = Arc::new(FaultStore::new(disk.clone()));
    run_script(&whole);
    let mut failures = 0;
    for operation in 0..whole.operations() {
        for full in [false, true] {
            let store = Arc::new(if full {
                FaultStore::full_from(disk.clone(), operation)
            } else {
                FaultStore::failing_once_at(disk.clone(), operation)
            });
            let (promises, failed) = run_stubbornly(&store);
            failures += failed;
            assert_eq!(promises.appended.len(), 265);
            check_after_restart(store.disk(), &promises, &format!("full {full} at {operation}"));
        }
    }
    assert!(failures > 100, "hardly anything failed: {failures}");
}

#[test]
fn memory_mode_keeps_what_it_acknowledged_through_a_full_disk() {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let options = Options {
        ack: AckMode::Memory,
        ..options()
    };
    let ledger = Ledger::open_store(Arc::<FaultStore>::clone(&store), key(), options).unwrap();
    ledger.append_and_wait(record(0)).unwrap();
    while ledger.size() < TreeSize::new(1) {
        std::thread::yield_now();
    }
    store.fill_up();
    ledger.append_and_wait(record(1)).unwrap();
    let refused = loop {
        match ledger.append_and_wait(record(2)) {
            Err(error) => break error,
            Ok(_) => std::thread::yield_now(),
        }
    };
    assert!(
        refused.is_disk_full() && refused.to_string().contains("free some space"),
        "{refused}"
    );
    assert!(ledger.failing().is_some());
    store.free_space();
    while ledger.failing().is_some() {
        std::thread::yield_now();
    }
    ledger.append_and_wait(record(3)).unwrap();
    ledger.close().unwrap();
    let ledger = open(&store).unwrap();
    for number in [0, 1, 3] {
        assert_eq!(ledger.record(&id(number)).unwrap().record, record(number));
    }
    assert_flawless(&ledger);
}

#[test]
fn repeated_erasure_after_a_crash_is_recorded_once() {
    let disk = prepared_disk();
    let whole = Arc::new(FaultStore::new(disk.clone()));
    let ledger = open(&whole).unwrap();
    let opening = whole.operations();
    ledger.erase(&id(3), &erasure(3)).unwrap();
    for operation in opening..whole.operations() {
        let store = Arc::new(FaultStore::stopping_at(disk.clone(), operation, Crash::KeepAll));
        let ledger = open(&store).unwrap();
        assert!(ledger.erase(&id(3), &erasure(3)).is_err());
        drop(ledger);
        let store = Arc::new(FaultStore::new(store.disk()));
        let ledger = open(&store).unwrap();
        let size = ledger.size();
        match ledger.erase(&id(3), &erasure(4)).unwrap() {
            Erasure::Already => assert_eq!(ledger.size(), size),
            Erasure::Done { .. } => assert_eq!(size.get(), BEFORE + 1),
        }
        assert_eq!(ledger.size().get(), BEFORE + 2, "at {operation}");
    }
}

/// Whoever gathers from several commits is told when no other follows, also when one fails.
#[test]
fn the_end_of_each_commit_is_told() {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options = Options {
        on_acknowledged: Some(Arc::new(move |more| heard.lock().unwrap().push(more))),
        ..options()
    };
    let ledger = Ledger::open_store(Arc::<FaultStore>::clone(&store), key(), options).unwrap();
    ledger.append_and_wait(record(0)).unwrap();
    store.fill_up();
    ledger.append_and_wait(record(1)).unwrap_err();
    store.free_space();
    ledger.append_and_wait(record(2)).unwrap();
    drop(ledger);
    let told = told.lock().unwrap();
    // Behind the first the second may wait already.
    assert_eq!((told.len(), &told[1..]), (3, &[false; 2][..]));
}
