//! Somebody who can write the log's files, and has none of its keys, wants the node to forget the latest date.
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

use common::{key, options, record};
use stele_ledger::tree::leaf_hash;
use stele_ledger::{Ledger, Options};
use stele_testkit::store::{Disk, FaultStore};
use stele_types::{Digest, Timestamp};

fn damaged(disk: &Disk, path: &str, change: impl FnOnce(&mut Vec<u8>)) -> Disk {
    let mut disk = disk.clone();
    let mut bytes = disk.read(path).unwrap_or_else(|| panic!("{path}")).to_vec();
    change(&mut bytes);
    disk.overwrite(path, bytes);
    disk
}

/// The record files, in order.
fn record_files(disk: &Disk) -> Vec<String> {
    let paths = disk.paths().into_iter();
    paths.filter(|path| path.ends_with(".rec")).collect()
}

/// A leaf's date stands in its second word.
fn date_back(leaf: &mut [u8], time: Timestamp) {
    leaf[56..64].copy_from_slice(&time.as_nanos().to_be_bytes());
}

#[test]
fn a_date_can_not_be_hidden_in_record_bundle_and_tile_together() {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let large = Options {
        max_disorder: None,
        segment_bytes: 100_000,
        ..options()
    };
    let ledger = Ledger::open_store(Arc::<FaultStore>::clone(&store), key(), large.clone()).unwrap();
    let late = 200;
    let mut number = 0;
    while number < 257 || record_files(&store.disk()).len() < 3 {
        let mut record = record(number);
        if number == late {
            record.timestamp = Timestamp(record.timestamp.as_nanos() + 36_000_000_000_000);
        }
        ledger.append_and_wait(record).unwrap();
        number += 1;
    }
    let latest = ledger.latest().get().unwrap();
    ledger.publish().unwrap();
    drop(ledger);
    let disk = store.disk();
    let file = record_files(&disk).into_iter().rev().nth(1).unwrap();
    let open = |disk: &Disk| {
        let store = Arc::new(FaultStore::new(disk.clone()));
        Ledger::open_store(store, key(), large.clone())
    };
    let bad = damaged(&disk, &file, |bytes| bytes[100] ^= 1);
    assert_eq!(
        open(&bad).unwrap().latest().get(),
        Some(latest),
        "the leaves tell it"
    );

    // Whoever can write the log's files makes the bundle and its tile fit each other; not the signed root.
    let (at, mut hash) = (usize::try_from(late).unwrap(), Digest([0; 32]));
    let bad = damaged(&bad, "public/tile/entries/000", |bundle| {
        let leaf = &mut bundle[at * 290 + 2..(at + 1) * 290];
        date_back(leaf, record(late).timestamp);
        hash = leaf_hash(leaf);
    });
    let bad = damaged(&bad, "public/tile/0/000", |tile| {
        tile[at * 32..(at + 1) * 32].copy_from_slice(&hash.0);
    });
    let error = open(&bad).err().map(|error| error.to_string()).unwrap();
    for said in [
        file.as_str(),
        "does not have the hashes of the signed tree",
        "latest date",
    ] {
        assert!(error.contains(said), "{error}");
    }
}
