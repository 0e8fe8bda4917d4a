//! Crash tests: the disk under the store stops at every single operation, and keeps any part of what was not synced.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, Bytes, TxKind, U256, hex};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use redb::StorageBackend;

use super::store::Store;
use super::*;

/// One operation on the disk that a crash may lose.
#[derive(Debug, Clone)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

/// What of the unsynced operations survives a crash.
#[derive(Debug, Clone, Copy)]
enum Survivors {
    None,
    All,
    /// Every other one, as when the disk reorders.
    Odd,
    Even,
    /// All, but the last write only by half.
    Torn,
}

#[derive(Debug, Default)]
struct Disk {
    /// What was synced.
    safe: Vec<u8>,
    /// What reads see.
    seen: Vec<u8>,
    pending: Vec<Op>,
    operations: usize,
    /// Operations from this one on fail: the process is dead.
    dies_at: Option<usize>,
}

fn apply(data: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(offset, bytes) => {
            let start = usize::try_from(*offset).unwrap();
            data.resize(data.len().max(start + bytes.len()), 0);
            data[start..start + bytes.len()].copy_from_slice(bytes);
        }
        Op::SetLen(len) => data.resize(usize::try_from(*len).unwrap(), 0),
    }
}

impl Disk {
    fn step(&mut self) -> io::Result<()> {
        if self.dies_at.is_some_and(|at| self.operations >= at) {
            return Err(io::Error::other("the machine is off"));
        }
        self.operations += 1;
        Ok(())
    }

    fn change(&mut self, op: Op) -> io::Result<()> {
        self.step()?;
        apply(&mut self.seen, &op);
        self.pending.push(op);
        Ok(())
    }

    /// The disk's content after the crash.
    fn after_crash(&self, survivors: Survivors) -> Vec<u8> {
        let mut data = self.safe.clone();
        let last = self.pending.len().saturating_sub(1);
        for (index, op) in self.pending.iter().enumerate() {
            let survives = match survivors {
                Survivors::None => matches!(op, Op::SetLen(_)) && data.is_empty(),
                Survivors::All | Survivors::Torn => true,
                Survivors::Odd => index % 2 == 1,
                Survivors::Even => index % 2 == 0,
            };
            match op {
                Op::Write(offset, bytes) if matches!(survivors, Survivors::Torn) && index == last => {
                    apply(&mut data, &Op::Write(*offset, bytes[..bytes.len() / 2].to_vec()));
                }
                op if survives => apply(&mut data, op),
                _ => {}
            }
        }
        data
    }
}

#[derive(Debug, Clone, Default)]
struct SharedDisk(Arc<Mutex<Disk>>);

impl StorageBackend for SharedDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let bytes = disk
            .seen
            .get(start..start + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().change(Op::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.step()?;
        disk.safe = disk.seen.clone();
        disk.pending.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().change(Op::Write(offset, data.to_vec()))
    }
}

fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[7; 32]).unwrap()
}

fn options() -> NodeOptions {
    NodeOptions::dev(Arc::new(|| 1_767_225_600)).with_balance(signer().address(), U256::from(u64::MAX))
}

fn open(disk: &SharedDisk) -> Result<Arc<Node>, NodeError> {
    let db = redb::Builder::new()
        .create_with_backend(disk.clone())
        .map_err(|error| NodeError::Store(Box::new(error.into())))?;
    Node::over(Store::over(db, Path::new("memory")), options())
}

fn signed(nonce: u64, to: TxKind, input: Bytes) -> Vec<u8> {
    let tx = TxEip1559 {
        chain_id: DEV_CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 1,
        max_priority_fee_per_gas: 1,
        to,
        value: U256::ZERO,
        access_list: Default::default(),
        input,
    };
    let signature = signer().sign_hash_sync(&tx.signature_hash()).unwrap();
    TxEnvelope::from(tx.into_signed(signature)).encoded_2718()
}

/// Init code of a contract that with every call sets its slot NUMBER to TIMESTAMP and logs once, without data.
fn scribe() -> Bytes {
    // PUSH7 (TIMESTAMP NUMBER SSTORE PUSH0 PUSH0 LOG0 STOP), PUSH0 MSTORE, PUSH1 7, PUSH1 25, RETURN
    Bytes::from_static(&hex!("66 4243555f5fa000 5f52 6007 6019 f3"))
}

/// Deploys the scribe and calls it twice; returns the number of the last block that was acknowledged.
fn live(node: &Node) -> u64 {
    let target = TxKind::Call(signer().address().create(0));
    let raws = [
        signed(0, TxKind::Create, scribe()),
        signed(1, target, Bytes::new()),
        signed(2, target, Bytes::new()),
    ];
    let done = raws.iter().take_while(|raw| node.submit(raw).is_ok()).count();
    done as u64
}

#[test]
fn the_scribe_writes_and_logs() {
    let disk = SharedDisk::default();
    let node = open(&disk).unwrap();
    assert_eq!(live(&node), 3);
    let report = node.check().unwrap();
    assert_eq!((report.blocks, report.slots), (4, 2));
    let snapshot = node.store().snapshot().unwrap();
    let scribe: Address = signer().address().create(0);
    assert_eq!(snapshot.log_blocks(&scribe, 0, 9).unwrap(), [2, 3]);
}

/// Whatever operation the machine stops at, and whatever of the unsynced writes survives: the store opens, holds every
/// acknowledged block and at most the one that was being made, is consistent throughout, and goes on.
#[test]
fn a_crash_at_any_disk_operation_leaves_a_consistent_chain() {
    let disk = SharedDisk::default();
    assert_eq!(live(&open(&disk).unwrap()), 3);
    let operations = disk.0.lock().unwrap().operations;
    assert!(operations > 20, "the disk is really used: {operations}");
    let mut lost_in_genesis = 0;
    for dies_at in 0..operations {
        for survivors in [
            Survivors::None,
            Survivors::All,
            Survivors::Odd,
            Survivors::Even,
            Survivors::Torn,
        ] {
            let disk = SharedDisk::default();
            disk.0.lock().unwrap().dies_at = Some(dies_at);
            let acknowledged = open(&disk).ok().map(|node| live(&node));
            let left = disk.0.lock().unwrap().after_crash(survivors);
            let reborn = SharedDisk(Arc::new(Mutex::new(Disk {
                safe: left.clone(),
                seen: left,
                ..Disk::default()
            })));
            let context =
                format!("died at {dies_at} of {operations}, {survivors:?}, acknowledged {acknowledged:?}");
            let node = match open(&reborn) {
                Ok(node) => node,
                // Before the file itself was ever synced there is nothing to keep.
                Err(error) if acknowledged.is_none() => {
                    assert!(!error.to_string().is_empty());
                    lost_in_genesis += 1;
                    continue;
                }
                Err(error) => panic!("{context}: {error}"),
            };
            let report = node.check().unwrap_or_else(|error| panic!("{context}: {error}"));
            let head = report.blocks - 1;
            let acknowledged = acknowledged.unwrap_or(0);
            assert!(
                (acknowledged..=acknowledged + 1).contains(&head),
                "{context}: head is {head}"
            );
            let nonce = node
                .store()
                .snapshot()
                .unwrap()
                .account(&signer().address())
                .unwrap()
                .unwrap()
                .nonce;
            assert_eq!(nonce, head, "{context}");
            let next = signed(nonce, TxKind::Call(Address::ZERO), Bytes::new());
            node.submit(&next)
                .unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(node.head().unwrap().number, head + 1);
        }
    }
    eprintln!("{operations} operations; {lost_in_genesis} images of a file that was never complete");
}

#[test]
fn a_full_disk_refuses_the_transaction_and_says_so() {
    let disk = SharedDisk::default();
    let node = open(&disk).unwrap();
    let operations = disk.0.lock().unwrap().operations;
    disk.0.lock().unwrap().dies_at = Some(operations);
    let error = node.submit(&signed(0, TxKind::Create, scribe())).unwrap_err();
    assert!(
        matches!(error, SubmitError::Node(NodeError::Store(_))),
        "{error:?}"
    );
    assert!(error.to_string().contains("the machine is off"), "{error}");
    // Space is free again, but what the failed write left is unknown: the store wants to be opened anew.
    disk.0.lock().unwrap().dies_at = None;
    let error = node.submit(&signed(0, TxKind::Create, scribe())).unwrap_err();
    assert!(
        matches!(error, SubmitError::Node(NodeError::Store(_))),
        "{error:?}"
    );
    drop(node);
    let left = disk.0.lock().unwrap().after_crash(Survivors::All);
    let disk = SharedDisk(Arc::new(Mutex::new(Disk {
        safe: left.clone(),
        seen: left,
        ..Disk::default()
    })));
    let node = open(&disk).unwrap();
    assert_eq!(live(&node), 3);
    node.check().unwrap();
}
