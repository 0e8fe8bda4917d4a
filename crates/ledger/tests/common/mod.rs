//! What the storage tests share.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;
use std::time::Duration;

use stele_ledger::storage::StoredAnchor;
use stele_ledger::storage::fsck::ChainView;
use stele_ledger::{Anchor, ErasureRequest, Ledger, LedgerError, Options, SigningKey, default_origin};
use stele_testkit::records;
use stele_testkit::store::{Disk, FaultStore};
use stele_types::{BlockNumber, ChainId, DecisionId, DecisionRecord, Digest, NodeAddress, Salt, Timestamp};

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&default_origin(&records::NODE), &[3; 32]).unwrap()
}

pub(crate) fn record(number: u64) -> DecisionRecord {
    records::record(number).unwrap()
}

pub(crate) fn id(number: u64) -> DecisionId {
    record(number).decision_id
}

/// Small files and no background work, so that every operation happens in a known order.
pub(crate) fn options() -> Options {
    Options {
        linger: Duration::ZERO,
        segment_bytes: 6_000,
        publish_interval: None,
        ..Options::default()
    }
}

pub(crate) fn open(store: &Arc<FaultStore>) -> Result<Ledger, LedgerError> {
    Ledger::open_store(Arc::<FaultStore>::clone(store), key(), options())
}

pub(crate) fn erasure(number: u64) -> ErasureRequest {
    ErasureRequest {
        erasure_id: id(1_000_000 + number),
        time: Timestamp(1_700_000_100_000_000_000),
        node: records::NODE,
        reason: "request 17".into(),
        input_salt: Salt([1; 32]),
        detail_salt: Salt([2; 32]),
    }
}

pub(crate) fn anchor_of(ledger: &Ledger) -> Result<StoredAnchor, LedgerError> {
    let signed = ledger.publish()?;
    Ok(StoredAnchor {
        anchor: Anchor {
            chain_id: ChainId::new(31_337),
            contract: NodeAddress([9; 20]),
            node: records::NODE,
            tx_hash: Digest([1; 32]),
            block_number: BlockNumber::new(7),
            block_hash: Digest([2; 32]),
            size: signed.checkpoint.size,
            root: signed.checkpoint.root,
        },
        checkpoint: signed.note,
    })
}

/// A log of several record files, with an anchor and partial tiles of two widths.
pub(crate) fn sample() -> Disk {
    let store = Arc::new(FaultStore::new(Disk::new()));
    let ledger = open(&store).unwrap();
    for number in 0..300 {
        ledger.append_and_wait(record(number)).unwrap();
        if number == 270 {
            ledger.store_anchor(&anchor_of(&ledger).unwrap()).unwrap();
        }
    }
    ledger.publish().unwrap();
    drop(ledger);
    store.disk()
}

/// That fsck, which asks no chain, has nothing to say.
#[track_caller]
pub(crate) fn assert_flawless(ledger: &Ledger) {
    let report = ledger.fsck(&ChainView::default()).unwrap();
    assert_eq!(report.problems, []);
}
