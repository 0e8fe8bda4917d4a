//! Damaged, missing and foreign files: opening never guesses, fsck names what and where, and nothing panics.
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

use common::{anchor_of, assert_flawless, erasure, id, key, open, options, record, sample};
use proptest::prelude::*;
use stele_ledger::storage::fsck::{self, ChainAnchor, ChainView, FsckReport, Gravity};
use stele_ledger::{Erasure, ErasureRequest, Ledger, LedgerError, Options};
use stele_testkit::store::{Disk, FaultStore};
use stele_types::{Digest, LeafIndex, Timestamp, TreeSize};

const FIRST: &str = "records/00000000000000000000.rec";

fn reopen(disk: &Disk) -> Result<Ledger, LedgerError> {
    open(&Arc::new(FaultStore::new(disk.clone())))
}

fn check(disk: &Disk) -> FsckReport {
    fsck::run(
        &FaultStore::new(disk.clone()),
        key().verifier(),
        &fsck::ChainView::default(),
    )
}

fn damaged(disk: &Disk, path: &str, change: impl FnOnce(&mut Vec<u8>)) -> Disk {
    let mut disk = disk.clone();
    let mut bytes = disk.read(path).unwrap_or_else(|| panic!("{path}")).to_vec();
    change(&mut bytes);
    disk.overwrite(path, bytes);
    disk
}

/// The record files, in order.
fn record_files(disk: &Disk) -> Vec<String> {
    disk.paths()
        .into_iter()
        .filter(|path| path.ends_with(".rec"))
        .collect()
}

/// A log of five files, of which the second last holds a decision dated ten hours after all others. What is published covers it unless `early`.
fn with_a_late_date(early: bool) -> (Disk, String, Timestamp) {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let unordered = Options {
        max_disorder: None,
        ..options()
    };
    let ledger = Ledger::open_store(Arc::<FaultStore>::clone(&store), key(), unordered).unwrap();
    let files = || record_files(&store.disk());
    let mut number = 0;
    let mut append = |late: u64| {
        let mut record = record(number);
        record.timestamp = Timestamp(record.timestamp.as_nanos() + late);
        number += 1;
        ledger.append_and_wait(record).unwrap()
    };
    while files().len() < 4 {
        append(0);
    }
    if early {
        ledger.publish().unwrap();
    }
    append(36_000 * 1_000_000_000);
    let latest = ledger.latest().get().unwrap();
    let file = files().pop().unwrap();
    while files().len() < 5 {
        append(0);
    }
    if !early {
        ledger.publish().unwrap();
    }
    // Not closed, which would publish: what a machine that stops now would find.
    let disk = store.disk();
    drop(ledger);
    (disk, file, latest)
}

#[test]
fn published_leaves_tell_the_latest_date_where_records_are_damaged() {
    let (disk, file, latest) = with_a_late_date(false);
    let whole = disk.read(&file).unwrap().to_vec();
    for at in (0..whole.len()).step_by(61) {
        let bad = damaged(&disk, &file, |bytes| bytes[at] ^= 1);
        let ledger = reopen(&bad).unwrap();
        assert_eq!(ledger.latest().get(), Some(latest), "byte {at}");
        let damage = ledger.damage().unwrap();
        assert!(
            matches!(damage, LedgerError::Corrupt { file: named, .. } if *named == file),
            "{damage}"
        );
        assert!(damage.to_string().contains("stele audit fsck"), "{damage}");
        // It takes nothing that would convict the node, and goes on behind the latest date.
        let size = ledger.size();
        let early = ledger.append_and_wait(record(size.get()));
        assert!(matches!(early, Err(LedgerError::OutOfOrder { .. })), "{early:?}");
        let mut next = record(size.get());
        next.timestamp = latest;
        ledger.append_and_wait(next).unwrap();
        assert!(!ledger.fsck(&ChainView::default()).unwrap().is_sound());
        // All else can be proven.
        ledger.publish().unwrap();
        ledger.prove(&id(0)).unwrap();
    }
    assert!(reopen(&disk).unwrap().damage().is_none());
}

#[test]
fn a_second_last_file_that_is_cut_short_is_survived_like_changed_bytes() {
    let (disk, file, latest) = with_a_late_date(false);
    let whole = disk.read(&file).unwrap().to_vec();
    let batches = whole.windows(4).enumerate().filter(|(_, four)| *four == b"SLB1");
    let ends = batches.map(|(at, _)| at).chain([0, 10, 40, whole.len() - 1]);
    let index = file.replace(".rec", ".idx");
    for end in ends {
        let bad = damaged(&disk, &file, |bytes| bytes.truncate(end));
        let ledger = reopen(&bad).unwrap();
        assert_eq!(ledger.latest().get(), Some(latest), "cut at {end}");
        let damage = ledger.damage().unwrap().to_string();
        assert!(damage.contains(&file), "{damage}");
        let report = check(&bad);
        let named = |problem: &&fsck::Problem| problem.file == file && problem.gravity == Gravity::Damage;
        assert!(
            report.problems.iter().any(|problem| named(&problem)),
            "{report:?}"
        );
        // Opening keeps the index, which alone tells what is lost.
        let store = Arc::new(FaultStore::new(bad.clone()));
        drop(open(&store).unwrap());
        assert_eq!(store.disk().read(&index), disk.read(&index), "cut at {end}");
        let mut neither = bad;
        neither.delete(&index);
        let said = refused_untouched(&neither);
        assert!(said.contains(&file), "{said}");
    }
}

#[test]
fn fsck_does_not_advise_to_remove_dates_that_damaged_records_need() {
    let (disk, file, _) = with_a_late_date(false);
    let tile = "public/tile/0/000";
    let tile = disk
        .paths()
        .into_iter()
        .find(|path| path.starts_with(tile))
        .unwrap();
    let bad_tile = damaged(&disk, &tile, |bytes| bytes[10] ^= 1);
    let mend = |disk: &Disk| {
        let report = check(disk);
        let mut found = report.problems.iter().filter(|problem| problem.file == tile);
        found.next().map(|problem| problem.mend)
    };
    assert!(mend(&bad_tile).unwrap().starts_with("remove"));
    let both = damaged(&bad_tile, &file, |bytes| bytes[100] ^= 1);
    assert!(mend(&both).is_none_or(|mend| mend.starts_with("keep")));
    let unread = damaged(&both, "public/checkpoint", |bytes| bytes[60] ^= 1);
    let report = check(&unread);
    let checkpoint = report
        .problems
        .iter()
        .find(|problem| problem.file == "public/checkpoint");
    assert!(checkpoint.unwrap().mend.starts_with("keep"));
    let said = refused_untouched(&both);
    assert!(
        said.contains(&tile.replace("/0/", "/entries/")) && said.contains("keep `public/`"),
        "{said}"
    );
}

#[test]
fn damage_that_hides_the_latest_date_keeps_the_log_closed() {
    let closed = |disk: &Disk, file: &str| {
        let Err(error) = reopen(&damaged(disk, file, |bytes| bytes[100] ^= 1)) else {
            panic!("it opens");
        };
        let said = error.to_string();
        assert!(said.contains(file) && said.contains("byte 24"), "{said}");
        assert!(
            said.contains("latest date") && said.contains("from a copy"),
            "{said}"
        );
    };
    let (unpublished, file, _) = with_a_late_date(true);
    closed(&unpublished, &file);
    let (disk, file, _) = with_a_late_date(false);
    let mut without = disk.clone();
    without.delete("public/checkpoint");
    closed(&without, &file);
    // Two accidents at once: a bundle, or the tile that it is held against.
    let bundles = disk.paths().into_iter().filter(|path| {
        let beside = path.contains("tile/entries/") || path.contains("tile/0/");
        beside && path.contains(".p/")
    });
    let bundles = Vec::from_iter(bundles);
    assert_eq!(bundles.len(), 2, "{bundles:?}");
    for path in bundles {
        closed(&damaged(&disk, &path, |bytes| bytes[10] ^= 1), &file);
    }
}

#[test]
fn a_corrupt_middle_is_an_error_with_its_place() {
    let disk = sample();
    let last = record_files(&disk).pop().unwrap();
    for path in [FIRST.to_owned(), last] {
        let bad = damaged(&disk, &path, |bytes| bytes[100] ^= 1);
        let report = check(&bad);
        let problem = report
            .problems
            .iter()
            .find(|problem| problem.file == path)
            .unwrap();
        assert_eq!((problem.gravity, problem.offset), (Gravity::Damage, Some(24)));
        if path == FIRST {
            // Finished files are trusted through their index until they are read.
            let ledger = reopen(&bad).unwrap();
            let error = ledger.record(&id(0)).unwrap_err();
            assert!(
                matches!(&error, LedgerError::Corrupt { file, .. } if *file == path),
                "{error}"
            );
            assert!(ledger.record(&id(200)).is_ok());
        } else {
            let error = reopen(&bad).err().unwrap().to_string();
            assert!(
                error.contains(&path) && error.contains("byte 24") && error.contains("restore"),
                "{error}"
            );
        }
    }
}

#[test]
fn lost_records_are_noticed() {
    let disk = sample();
    let files = record_files(&disk);
    let last = files.last().unwrap();
    let cut = damaged(&disk, last, |bytes| bytes.truncate(bytes.len() - 10));
    let error = reopen(&cut).err().unwrap();
    assert!(matches!(error, LedgerError::LostRecords { .. }), "{error}");
    assert!(
        error.to_string().contains("300") && error.to_string().contains("299"),
        "{error}"
    );
    assert!(!check(&cut).is_sound());

    let mut gone = disk.clone();
    gone.delete(&files[2]);
    let error = reopen(&gone).err().unwrap();
    assert!(error.to_string().contains("missing"), "{error}");
    assert!(!check(&gone).is_sound());

    let mut all = disk.clone();
    files.iter().for_each(|file| all.delete(file));
    assert!(matches!(
        reopen(&all).err().unwrap(),
        LedgerError::LostRecords { .. }
    ));
    assert!(
        check(&all)
            .problems
            .iter()
            .any(|problem| problem.what.contains("300"))
    );
}

/// Opens a log that must refuse, and must leave every file as it is. Returns what it says.
fn refused_untouched(disk: &Disk) -> String {
    let store = Arc::new(FaultStore::new(disk.clone()));
    let Err(error) = open(&store) else {
        panic!("it opens");
    };
    let after = store.disk();
    for path in disk.paths() {
        assert_eq!(after.read(&path), disk.read(&path), "{path}");
    }
    error.to_string()
}

#[test]
fn nothing_that_is_signed_or_anchored_is_ever_cut_off() {
    let disk = sample();
    let last = record_files(&disk).pop().unwrap();
    let ending = disk.read(&last).unwrap().len() - 1;
    // All of the last file but its first batch could pass for the end of a write that a crash cut short, and so could a file that lost its header.
    let ends = [
        damaged(&disk, &last, |bytes| bytes[ending] ^= 1),
        damaged(&disk, &last, |bytes| bytes.truncate(ending)),
        damaged(&disk, &last, |bytes| bytes.truncate(10)),
    ];
    for bad in ends {
        let said = refused_untouched(&bad);
        assert!(
            said.contains("public/checkpoint") && said.contains("300"),
            "{said}"
        );
        let report = check(&bad);
        let problem = report
            .problems
            .iter()
            .find(|problem| problem.file == last)
            .unwrap();
        assert_eq!(problem.gravity, Gravity::Damage, "{problem}");
        assert!(!problem.mend.contains("cut off"), "{problem}");
        // A checkpoint that can't be read may have covered it.
        let unread = damaged(&bad, "public/checkpoint", |bytes| bytes[60] ^= 1);
        refused_untouched(&unread);
        let report = check(&unread);
        let problem = report
            .problems
            .iter()
            .find(|problem| problem.file == last)
            .unwrap();
        assert_eq!(problem.gravity, Gravity::Damage, "{problem}");
    }
}

#[test]
fn an_anchor_keeps_what_it_covers_without_a_checkpoint() {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = open(&store).unwrap();
    for number in 0..6 {
        ledger.append_and_wait(record(number)).unwrap();
    }
    ledger.store_anchor(&anchor_of(&ledger).unwrap()).unwrap();
    drop(ledger);
    let mut disk = store.disk();
    disk.delete("public/checkpoint");
    let bad = damaged(&disk, FIRST, |bytes| *bytes.last_mut().unwrap() ^= 1);
    let said = refused_untouched(&bad);
    assert!(
        said.contains("anchors/") && said.contains("6 decisions"),
        "{said}"
    );
    let found = |disk: &Disk| {
        let report = check(disk);
        let problem = report.problems.iter().find(|problem| problem.file == FIRST);
        problem.unwrap().gravity
    };
    assert_eq!(found(&bad), Gravity::Damage);
    // Not even where the anchor itself can't be read.
    let anchor = "anchors/00000000000000000006.json";
    let both = damaged(&bad, anchor, |bytes| bytes.truncate(20));
    refused_untouched(&both);
    assert_eq!(found(&both), Gravity::Damage);
    // What nobody vouches for was never acknowledged, as far as anyone can tell.
    let mut alone = bad;
    alone.delete(anchor);
    assert_eq!(found(&alone), Gravity::Notice);
    assert_eq!(reopen(&alone).unwrap().size().get(), 5);
}

#[test]
fn derived_files_are_made_anew() {
    let disk = sample();
    let tiles: Vec<_> = disk
        .paths()
        .into_iter()
        .filter(|path| path.starts_with("public/tile"))
        .collect();
    let indexes: Vec<_> = disk
        .paths()
        .into_iter()
        .filter(|path| path.ends_with(".idx"))
        .collect();
    assert!(tiles.len() > 4 && indexes.len() > 5);
    for path in tiles.iter().chain(indexes.iter().take(3)) {
        let bad = damaged(&disk, path, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        let report = check(&bad);
        let found: Vec<_> = report
            .problems
            .iter()
            .map(|problem| (problem.gravity, problem.file.as_str()))
            .collect();
        assert_eq!(found, [(Gravity::Derived, path.as_str())]);
    }
    let mut without = disk.clone();
    tiles.iter().chain(&indexes).for_each(|path| without.delete(path));
    let store = Arc::new(FaultStore::new(without));
    let ledger = open(&store).unwrap();
    assert_flawless(&ledger);
    ledger.prove(&id(0)).unwrap();
    // Narrower forms of a partial tile belonged to an older checkpoint; they are not made again.
    let wanted = |path: &&String| !path.ends_with(".p/15");
    for path in tiles.iter().filter(wanted).chain(&indexes) {
        assert_eq!(store.disk().read(path), disk.read(path), "{path}");
    }
}

#[test]
fn a_rewritten_log_contradicts_its_witnesses() {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = open(&store).unwrap();
    for number in (0..269).chain(400..431) {
        ledger.append_and_wait(record(number)).unwrap();
    }
    let rewritten = ledger.publish().unwrap().note;
    drop(ledger);
    // Another history under the old checkpoint: opening refuses it, although every record file is whole.
    let disk = sample();
    let mut forged = store.disk();
    forged.overwrite(
        "public/checkpoint",
        disk.read("public/checkpoint").unwrap().to_vec(),
    );
    assert!(matches!(
        reopen(&forged).err().unwrap(),
        LedgerError::RootDiffers { .. }
    ));
    // With a new checkpoint only the anchors tell.
    forged.overwrite("public/checkpoint", rewritten.into_bytes());
    let anchor = "anchors/00000000000000000271.json";
    forged.overwrite(anchor, disk.read(anchor).unwrap().to_vec());
    let report = check(&forged);
    let found: Vec<_> = report
        .problems
        .iter()
        .map(|problem| problem.file.as_str())
        .collect();
    assert_eq!(found, [anchor]);
    // And so does the chain.
    let chain = ChainView {
        anchors: [100, 1_000]
            .map(|size| ChainAnchor {
                size: TreeSize::new(size),
                root: Digest::ZERO,
            })
            .to_vec(),
        ..ChainView::default()
    };
    let report = fsck::run(&FaultStore::new(disk), key().verifier(), &chain);
    assert_eq!(report.problems.len(), 2);
    assert!(
        report
            .problems
            .iter()
            .all(|problem| problem.file.starts_with("the chain's anchor"))
    );
}

#[test]
fn an_erasure_that_was_held_up_keeps_the_log_in_the_order_of_its_times() {
    let store = Arc::new(FaultStore::new(sample()));
    let ledger = open(&store).unwrap();
    let last = ledger.size().get() - 1;
    let newest = ledger.entry(LeafIndex::new(last)).unwrap().leaf.time;
    let late = ErasureRequest {
        time: Timestamp(newest.as_nanos() - 1),
        ..erasure(2)
    };
    let Erasure::Done { recorded_at } = ledger.erase(&id(2), &late).unwrap() else {
        panic!("it was not erased before");
    };
    let entry = ledger.entry(recorded_at).unwrap();
    assert_eq!((entry.leaf.time, entry.record.timestamp), (newest, newest));
    assert_eq!(entry.record.leaf().unwrap(), entry.leaf);
    drop(ledger);
    assert!(check(&store.disk()).is_sound());
}

#[test]
fn an_erasure_that_did_not_happen_is_noticed() {
    let disk = sample();
    let store = Arc::new(FaultStore::new(disk.clone()));
    let ledger = open(&store).unwrap();
    ledger.erase(&id(2), &erasure(2)).unwrap();
    drop(ledger);
    let mut undone = store.disk();
    undone.overwrite(FIRST, disk.read(FIRST).unwrap().to_vec());
    let report = check(&undone);
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].index, Some(2));
    assert!(
        report.problems[0]
            .to_string()
            .contains("erase the decision again")
    );
}

#[test]
fn a_damaged_checkpoint_or_anchor_is_named() {
    let disk = sample();
    let bad = damaged(&disk, "public/checkpoint", |bytes| bytes[60] ^= 1);
    let error = reopen(&bad).err().unwrap().to_string();
    assert!(
        error.contains("public/checkpoint") && error.contains("remove it"),
        "{error}"
    );
    assert!(
        check(&bad)
            .problems
            .iter()
            .any(|problem| problem.file == "public/checkpoint")
    );
    let anchor = "anchors/00000000000000000271.json";
    let bad = damaged(&disk, anchor, |bytes| bytes.truncate(20));
    assert!(check(&bad).problems.iter().any(|problem| problem.file == anchor));
    let ledger = reopen(&bad).unwrap();
    assert!(matches!(ledger.prove(&id(1)), Err(LedgerError::Corrupt { .. })));
    assert!(ledger.prove(&id(290)).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn any_single_damage_is_found_and_nothing_panics(
        file: prop::sample::Index,
        at: prop::sample::Index,
        bit in 0u8..8,
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        thread_local! {
            static DISK: Disk = sample();
        }
        let disk = DISK.with(Clone::clone);
        let paths = disk.paths();
        let path = &paths[file.index(paths.len())];
        let bad = damaged(&disk, path, |bytes| {
            match cut {
                Some(cut) => bytes.truncate(cut.index(bytes.len())),
                None => {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                }
            }
        });
        let changed = disk.read(path) != bad.read(path);
        let report = check(&bad);
        // An anchor's own claims (block, transaction) are nobody's to check here.
        prop_assert!(!changed || !report.is_sound() || path.starts_with("anchors/"), "{} {:?}", path, report);
        if let Ok(ledger) = reopen(&bad) {
            for number in [0, 100, 299] {
                if let Ok(entry) = ledger.record(&id(number)) {
                    prop_assert_eq!(entry.record, record(number));
                }
            }
        }
    }

    #[test]
    fn garbage_in_any_file_never_panics(file: prop::sample::Index, garbage in proptest::collection::vec(any::<u8>(), 0..400)) {
        thread_local! {
            static DISK: Disk = sample();
        }
        let mut disk = DISK.with(Clone::clone);
        let paths = disk.paths();
        disk.overwrite(&paths[file.index(paths.len())], garbage.clone());
        disk.overwrite("erase.intent", garbage);
        prop_assert!(!check(&disk).is_sound());
        let _ = reopen(&disk);
    }
}
