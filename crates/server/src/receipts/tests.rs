use std::sync::mpsc;

use super::*;
use stele_ledger::receipt::check;
use stele_types::{DecisionId, PolicyVersion, Receipt, Uuid};

fn leaf(number: u8) -> Leaf {
    Leaf {
        decision_id: DecisionId(Uuid::from_bytes([number; 16])),
        time: Timestamp(1),
        node: NodeAddress([1; 20]),
        policy_version: PolicyVersion(Digest([2; 32])),
        entry_point: Digest([3; 32]),
        input_commitment: Digest([4; 32]),
        data_digest: Digest([5; 32]),
        result_digest: Digest([6; 32]),
        detail_commitment: Digest([7; 32]),
    }
}

fn authority(
    sign: impl Fn(&Digest) -> Result<Signature, String> + Send + Sync + 'static,
) -> ReceiptAuthority {
    ReceiptAuthority {
        chain_id: ChainId::new(5),
        ledger: NodeAddress([9; 20]),
        node: NodeAddress([1; 20]),
        sign: Arc::new(sign),
    }
}

fn account() -> stele_chain::client::Account {
    stele_chain::client::Account::from_key(&[7; 32]).unwrap()
}

/// A queue whose receipts a closure signs.
fn queue(sign: impl Fn(&Digest) -> Result<Signature, String> + Send + Sync + 'static) -> ReceiptQueue {
    let queue = ReceiptQueue::default();
    assert!(!queue.served());
    let issuer = |authority| Issuer::new(authority, 60, || Timestamp(1_700_000_000_999_999_999));
    assert!(queue.serve(issuer(authority(sign))));
    assert!(queue.served());
    // Once signed by one key, never by another.
    assert!(!queue.serve(issuer(authority(|_| Err("another".to_owned())))));
    queue
}

fn push(queue: &ReceiptQueue, number: u8) -> mpsc::Receiver<Result<Issued, ReceiptFailure>> {
    let (sender, receiver) = mpsc::channel();
    let ticket = ReceiptQueue::ticket(&leaf(number), Salt([number; 32]));
    queue.push(ticket, Box::new(move |outcome| drop(sender.send(outcome))));
    receiver
}

#[test]
fn a_group_commit_costs_one_signature() {
    let queue = queue(|digest| account().sign_digest(digest).map_err(|error| error.to_string()));
    for batch in 0..3_u8 {
        let numbers = batch * 7..batch * 7 + 7;
        let waiting: Vec<_> = numbers.clone().map(|number| push(&queue, number)).collect();
        // Nothing is signed before the commit is acknowledged as a whole.
        assert!(waiting[0].try_recv().is_err());
        queue.complete(false);
        for (place, (one, number)) in waiting.iter().zip(numbers).enumerate() {
            let mut text = Vec::new();
            one.recv().unwrap().unwrap().write(&mut text).unwrap();
            let receipt = Receipt::from_json(&text).unwrap();
            assert_eq!(
                (receipt.leaf, receipt.input_salt),
                (leaf(number), Salt([number; 32]))
            );
            assert_eq!(receipt.batch.size.get(), 7);
            assert_eq!(receipt.batch.index.get(), place as u64);
            assert_eq!((receipt.issued_at, receipt.merge_delay), (1_700_000_000, 60));
            assert_eq!(check(&receipt).unwrap().signer, account().node_address());
        }
        assert_eq!(queue.counts(), (u64::from(batch + 1) * 7, u64::from(batch) + 1));
    }
    // Commits of decisions without receipts are none of its business.
    queue.complete(false);
    assert_eq!(queue.counts(), (21, 3));
}

#[test]
fn a_key_that_fails_gives_no_receipt() {
    let queue = queue(|_| Err("the key is gone".to_owned()));
    let one = push(&queue, 1);
    queue.complete(false);
    let failure = one.recv().unwrap().unwrap_err();
    assert!(failure.to_string().contains("the key is gone"), "{failure}");
    assert_eq!(queue.counts(), (0, 0), "nothing was signed");
    // Nor does a queue without a key.
    let queue = ReceiptQueue::default();
    let one = push(&queue, 1);
    queue.complete(false);
    assert!(matches!(one.recv().unwrap(), Err(ReceiptFailure::Signing(_))));
}

#[test]
fn few_decisions_wait_for_one_more_commit_and_no_longer() {
    let queue = queue(|digest| account().sign_digest(digest).map_err(|error| error.to_string()));
    let mut waiting = vec![push(&queue, 0)];
    queue.complete(true);
    assert!(waiting[0].try_recv().is_err());
    waiting.push(push(&queue, 1));
    queue.complete(true);
    assert_eq!(queue.counts(), (2, 1));
    // Nobody else comes: at once. So it is after a commit that failed.
    waiting.push(push(&queue, 2));
    queue.complete(false);
    assert_eq!(queue.counts(), (3, 2));
    // Enough: at once.
    waiting.extend((0..16).map(|number| push(&queue, number)));
    queue.complete(true);
    assert_eq!(queue.counts(), (19, 3));
    for one in waiting {
        one.try_recv().unwrap().unwrap();
    }
}
