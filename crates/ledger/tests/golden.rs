//! Golden vectors of the log's formats. A change here is a deliberate format break: raise the format's version, and write the
//! files anew with `STELE_WRITE_GOLDEN=1 cargo test -p stele-ledger --test golden`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod common;

use std::path::PathBuf;
use std::sync::Arc;

use common::{anchor_of, id, key, open, record};
use stele_ledger::storage::StoredAnchor;
use stele_ledger::{Ledger, ProofBundle, verify};
use stele_testkit::store::{Disk, FaultStore};
use stele_types::sha256;

fn golden(name: &str, bytes: &[u8], pinned: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("STELE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let stored = std::fs::read(&path).unwrap();
    assert!(bytes == stored, "{name} has changed");
    assert_eq!(
        sha256(&[&stored]).to_hex(),
        pinned,
        "{name} has changed, and so must its pinned hash"
    );
}

/// Ten decisions, the first seven anchored; the first record file is finished.
fn log() -> (Arc<FaultStore>, Ledger, StoredAnchor) {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = open(&store).unwrap();
    let mut anchor = None;
    for number in 0..10 {
        ledger.append_and_wait(record(number)).unwrap();
        if number == 6 {
            anchor = Some(anchor_of(&ledger).unwrap());
            ledger.store_anchor(anchor.as_ref().unwrap()).unwrap();
        }
    }
    ledger.publish().unwrap();
    (store, ledger, anchor.unwrap())
}

#[test]
fn checkpoint() {
    let (_, ledger, _) = log();
    let note = ledger.checkpoint().unwrap().note;
    golden(
        "checkpoint.txt",
        format!("{}\n{note}", key().verifier()).as_bytes(),
        "7cb351ef477a5ce172341091a956d4ef0ea52724b323ffd70db390b1e256738d",
    );
}

#[test]
fn proof() {
    let (_, ledger, anchor) = log();
    let bundle = ledger.prove(&id(3)).unwrap();
    assert_eq!(bundle.anchor, Some(anchor.anchor));
    golden(
        "proof.json",
        &bundle.to_json().unwrap(),
        "e2ce4fc49165ec634cbe26943352b4f5f24bc56e3a8d6c6c84e80a7444537ed8",
    );
    let stored =
        std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/proof.json")).unwrap();
    verify(&ProofBundle::from_json(&stored).unwrap(), key().verifier()).unwrap();
}

#[test]
fn record_file_and_index() {
    let (store, _, _) = log();
    let disk = store.disk();
    golden(
        "records.rec",
        disk.read("records/00000000000000000000.rec").unwrap(),
        "2cb7f9f24e397303d1e6c0e936c216b42634c391c5cd10a2f840c56295e84985",
    );
    golden(
        "records.idx",
        disk.read("records/00000000000000000000.idx").unwrap(),
        "b57b1498f088f21f2fd9b7d853743a06496cbf5f9c5a3e6b5cccc9b76d1a8007",
    );
}

#[test]
fn tiles() {
    let (store, _, _) = log();
    let disk = store.disk();
    golden(
        "entries.bin",
        disk.read("public/tile/entries/000.p/10").unwrap(),
        "aa88f199f8545cfab391f06be797c85834f68005823b52014fc186d6b6b779f7",
    );
    golden(
        "tile.bin",
        disk.read("public/tile/0/000.p/10").unwrap(),
        "5f3f0ace1e9bf4f4f4561f2bb6c9149b3221d3a6334693601f19914ecc2af2c7",
    );
}
