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
use stele_ledger::receipt::{Batch, check};
use stele_ledger::storage::StoredAnchor;
use stele_ledger::tree::leaf_hash;
use stele_ledger::{Ledger, ProofBundle, verify};
use stele_testkit::store::{Disk, FaultStore};
use stele_types::receipt::Signature;
use stele_types::{ChainId, Leaf, NodeAddress, Receipt, sha256};

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

/// Three decisions promised with one signature; the receipt of the last, whose path is one hash. The signature is deterministic (RFC 6979).
#[test]
fn receipt() {
    // The account of the key 0x0707...07.
    let node: NodeAddress = "0x4a62316623ad457F02cDC5D997deD67a383EC569".parse().unwrap();
    let leaf = |number| Leaf {
        node,
        ..record(number).leaf().unwrap()
    };
    let leaves: Vec<Leaf> = (0..3).map(leaf).collect();
    let hashes = leaves.iter().map(|leaf| leaf_hash(&leaf.to_bytes())).collect();
    let domain = (ChainId::new(31_337), NodeAddress([0x1e; 20]));
    let batch = Batch::new(domain, node, (1_700_000_000, 300), hashes).unwrap();
    let digest = batch.promise().digest();
    assert_eq!(
        digest.to_hex(),
        "8fea221eccb26c488b47cc0d30bead449d0cf217302a3dd96d9e1b5159960d1b",
        "what is signed has changed"
    );
    let signer = k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let (rs, parity) = signer.sign_prehash_recoverable(&digest.0).unwrap();
    let mut signature = [0; 65];
    signature[..64].copy_from_slice(&rs.to_bytes());
    signature[64] = 27 + u8::from(parity.is_y_odd());
    let salt = record(2).input_salt.unwrap();
    let receipt = batch.receipt(2, leaves[2], salt, Signature(signature)).unwrap();
    let mut json = receipt.to_json().unwrap();
    json.push(b'\n');
    golden(
        "receipt.json",
        &json,
        "c05c4315e19392128754344ac0516f1c7722e0b2746886b5d16026df97186370",
    );
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/receipt.json");
    let stored = Receipt::from_json(&std::fs::read(path).unwrap()).unwrap();
    let checked = check(&stored).unwrap();
    assert_eq!(checked.signer, node);
    assert!(stored.opens_to(record(2).input.as_ref()).unwrap());
}
