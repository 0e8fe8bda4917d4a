use std::sync::Arc;

use k256::ecdsa::SigningKey;
use proptest::prelude::*;
use stele_types::receipt::{FORMAT, Signature};
use stele_types::*;

use super::*;
use crate::tree;

const KEY: [u8; 32] = [7; 32];

fn account(key: &SigningKey) -> NodeAddress {
    let point = key.verifying_key().to_encoded_point(false);
    NodeAddress(keccak256(&point.as_bytes()[1..]).0[12..].try_into().unwrap())
}

fn sign(digest: &Digest) -> Signature {
    let key = SigningKey::from_slice(&KEY).unwrap();
    let (signature, parity) = key.sign_prehash_recoverable(&digest.0).unwrap();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + u8::from(parity.is_y_odd());
    Signature(bytes)
}

fn node() -> NodeAddress {
    account(&SigningKey::from_slice(&KEY).unwrap())
}

fn input() -> Value {
    Value::object([(Value::from("user"), Value::from("alice"))])
}

fn leaf(number: u8) -> Leaf {
    Leaf {
        decision_id: DecisionId(Uuid::from_bytes([number; 16])),
        time: Timestamp(1_700_000_000_123_456_789),
        node: node(),
        policy_version: PolicyVersion(Digest([3; 32])),
        entry_point: Digest([4; 32]),
        input_commitment: record::input_commitment(&Salt([number; 32]), Some(&input())).unwrap(),
        data_digest: Digest([6; 32]),
        result_digest: Digest([7; 32]),
        detail_commitment: Digest([8; 32]),
    }
}

/// All receipts of a batch.
fn receipts(count: u8) -> Vec<Receipt> {
    let leaves: Vec<Leaf> = (0..count).map(leaf).collect();
    let hashes = leaves.iter().map(|leaf| leaf_hash(&leaf.to_bytes())).collect();
    let domain = (ChainId::new(31_337), NodeAddress([0x1e; 20]));
    let batch = Batch::new(domain, node(), (1_700_000_001, 300), hashes).unwrap();
    let signature = sign(&batch.promise().digest());
    let receipt = |(index, leaf): (usize, &Leaf)| {
        let salt = Salt([u8::try_from(index).unwrap(); 32]);
        batch.receipt(index, *leaf, salt, signature).unwrap()
    };
    leaves.iter().enumerate().map(receipt).collect()
}

#[test]
fn every_receipt_of_a_batch_leads_to_the_one_signature() {
    for count in [1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 100, 255] {
        let receipts = receipts(count);
        let hashes: Vec<Digest> = receipts
            .iter()
            .map(|one| leaf_hash(&one.leaf.to_bytes()))
            .collect();
        let naive = naive_root(&hashes);
        for receipt in &receipts {
            let checked = check(receipt).unwrap();
            assert_eq!((checked.signer, checked.promise.root), (node(), naive), "{count}");
            assert!(receipt.opens_to(Some(&input())).unwrap());
            assert!(!receipt.opens_to(None).unwrap());
            assert!(!receipt.opens_to(Some(&Value::from("mallory"))).unwrap());
            assert_eq!(receipt.due(), 1_700_000_301);
            let json = receipt.to_json().unwrap();
            assert_eq!(&Receipt::from_json(&json).unwrap(), receipt);
        }
    }
}

#[test]
fn receipts_are_written_from_a_batch_as_they_are_written_alone() {
    for count in [1, 2, 3, 5, 8, 100, 255] {
        let receipts = receipts(count);
        let hashes = receipts
            .iter()
            .map(|one| leaf_hash(&one.leaf.to_bytes()))
            .collect();
        let domain = (receipts[0].chain_id, receipts[0].ledger);
        let preamble = Arc::new(Preamble::new(domain, node()));
        let batch = Batch::new(domain, node(), (1_700_000_001, 300), hashes).unwrap();
        assert_eq!(preamble.digest(batch.promise()), batch.promise().digest());
        let signed = batch.signed(preamble, receipts[0].signature);
        for (index, receipt) in receipts.iter().enumerate() {
            let mut out = b"before ".to_vec();
            signed
                .write(index, &receipt.leaf, &receipt.input_salt, &mut out)
                .unwrap();
            let expected = [b"before ".as_slice(), &receipt.to_json().unwrap()].concat();
            assert_eq!(
                String::from_utf8(out).unwrap(),
                String::from_utf8(expected).unwrap()
            );
        }
        let mut out = Vec::new();
        let outside = signed.write(usize::from(count), &leaf(0), &Salt([0; 32]), &mut out);
        assert_eq!(
            outside.unwrap_err(),
            BatchError::NoSuchLeaf {
                index: usize::from(count)
            }
        );
        assert!(out.is_empty());
    }
}

/// RFC 6962 section 2.1, word by word.
fn naive_root(hashes: &[Digest]) -> Digest {
    match hashes {
        [] => tree::empty_root(),
        [one] => *one,
        many => {
            let split = (many.len() - 1).ilog2();
            let (left, right) = many.split_at(1 << split);
            tree::node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

#[test]
fn batches_have_leaves() {
    let domain = (ChainId::new(1), NodeAddress([0; 20]));
    let empty = Batch::new(domain, node(), (0, 0), Vec::new());
    assert_eq!(empty.unwrap_err(), BatchError::Empty);
    let one = Batch::new(domain, node(), (0, 0), vec![Digest::ZERO]).unwrap();
    let outside = one.receipt(1, leaf(0), Salt([0; 32]), Signature([0; 65]));
    assert_eq!(outside.unwrap_err(), BatchError::NoSuchLeaf { index: 1 });
}

/// Parts that the signature does not cover by themselves are those of the leaf, or the receipt is none.
#[test]
fn a_receipt_that_contradicts_its_leaf_is_refused() {
    type Change = fn(&mut Receipt);
    let changes: [(&str, Change); 3] = [
        ("decision", |r| {
            r.decision_id = DecisionId(Uuid::from_bytes([9; 16]))
        }),
        ("node", |r| r.node.0[0] ^= 1),
        ("format", |r| r.format = "stele-receipt-v0".to_owned()),
    ];
    for (what, change) in changes {
        let mut spoilt = receipts(5)[2].clone();
        assert!(check(&spoilt).is_ok());
        change(&mut spoilt);
        assert!(matches!(check(&spoilt), Err(CheckError::Fields(_))), "{what}");
    }
}

/// Whatever is changed, the signer is another account (or nobody): the signature covers all of it.
#[test]
fn a_changed_receipt_is_signed_by_a_stranger() {
    let receipt = receipts(5)[2].clone();
    type Change = fn(&mut Receipt);
    let changes: [(&str, Change); 14] = [
        ("chain", |r| r.chain_id = ChainId::new(1)),
        ("ledger", |r| r.ledger.0[0] ^= 1),
        ("node", |r| {
            r.node.0[0] ^= 1;
            r.leaf.node = r.node;
        }),
        ("issued", |r| r.issued_at += 1),
        ("delay", |r| r.merge_delay += 1),
        ("size", |r| r.batch.size = TreeSize::new(6)),
        ("index", |r| r.batch.index = LeafIndex::new(3)),
        ("path", |r| r.batch.path[0].0[0] ^= 1),
        ("shorter path", |r| r.batch.path.truncate(1)),
        ("longer path", |r| r.batch.path.push(Digest::ZERO)),
        ("result", |r| r.leaf.result_digest.0[0] ^= 1),
        ("input", |r| r.leaf.input_commitment.0[0] ^= 1),
        ("s", |r| r.signature.0[40] ^= 1),
        ("v", |r| r.signature.0[64] ^= 7),
    ];
    for (what, change) in changes {
        let mut spoilt = receipt.clone();
        change(&mut spoilt);
        let signer = check(&spoilt).map(|checked| checked.signer);
        assert!(!matches!(signer, Ok(signer) if signer == node()), "{what}");
    }
}

#[test]
fn other_forms_of_a_signature_are_refused() {
    let receipt = receipts(1)[0].clone();
    let changed = |change: fn(&mut [u8; 65])| {
        let mut spoilt = receipt.clone();
        change(&mut spoilt.signature.0);
        check(&spoilt).unwrap_err()
    };
    let parity = |error| matches!(error, CheckError::Signature(SignatureError::Parity { .. }));
    let range = |error| matches!(error, CheckError::Signature(SignatureError::Range));
    assert!(parity(changed(|bytes| bytes[64] -= 27)));
    assert!(parity(changed(|bytes| bytes[64] = 29)));
    assert!(range(changed(|bytes| bytes[..32].fill(0))));
    assert!(range(changed(|bytes| bytes[32..64].fill(0))));
    assert!(range(changed(|bytes| bytes[..32].fill(0xff))));
    // The same signature with n - s and the other parity: valid on the curve, and refused.
    let mut high = receipt;
    high.signature = malleated(&high.signature);
    assert!(range(check(&high).unwrap_err()));
}

/// The other form of a signature: n - s, and the other parity.
fn malleated(signature: &Signature) -> Signature {
    let rs = k256::ecdsa::Signature::from_slice(&signature.0[..64]).unwrap();
    let other = k256::ecdsa::Signature::from_scalars(rs.r(), -*rs.s()).unwrap();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&other.to_bytes());
    bytes[64] = 27 + 28 - signature.0[64];
    Signature(bytes)
}

#[test]
fn readers_are_bounded_and_strict() {
    let text = String::from_utf8(receipts(3)[1].to_json().unwrap()).unwrap();
    let fails = |text: &str| Receipt::from_json(text.as_bytes()).unwrap_err().to_string();
    assert!(fails(&(text.clone() + &" ".repeat(20_000))).contains("at most 16384"));
    assert!(fails(&text.replace(FORMAT, "stele-receipt-v2")).contains("`stele-receipt-v2`"));
    assert!(fails(&text.replacen('{', "{\"more\":1,", 1)).contains("unknown field"));
    assert!(fails(&text.replacen('{', "{\"merge_delay\":1,", 1)).contains("duplicate field"));
    let ledger = receipts(3)[1].ledger.to_string();
    assert!(fails(&text.replace(&ledger, &ledger.to_lowercase())).contains("one form"));
    let signature = hex::encode(receipts(3)[1].signature.0);
    assert!(fails(&text.replace(&signature, &signature.to_uppercase())).contains("one form"));
    let hash = leaf_hash(&receipts(3)[0].leaf.to_bytes()).to_hex();
    assert!(text.contains(&hash));
    let said = fails(&text.replace(&hash, &hash.to_uppercase()));
    assert!(said.contains("lower-case hex"), "{said}");
    let said = fails(&text.replace(&hash, &format!("0x{hash}")));
    assert!(said.contains("lower-case hex"), "{said}");
    assert!(fails(&text.replace("1700000001", "9007199254740993")).contains("`issued_at`"));
    let id = receipts(3)[1].decision_id.to_string();
    assert!(fails(&text.replace(&id, &receipts(3)[2].decision_id.to_string())).contains("`decision_id`"));
    let other = NodeAddress([9; 20]).to_string();
    assert!(fails(&text.replace(&node().to_string(), &other)).contains("`node`"));
    for cut in 0..text.len() {
        assert!(
            Receipt::from_json(&text.as_bytes()[..cut]).is_err(),
            "cut at {cut}"
        );
    }
}

/// Every single bit of a receipt's text counts: what it leaves readable is signed by a stranger, or opens to another input.
#[test]
fn no_bit_can_be_flipped_unnoticed() {
    let text = receipts(6)[4].to_json().unwrap();
    for bit in 0..text.len() * 8 {
        let mut spoilt = text.clone();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        let Ok(receipt) = Receipt::from_json(&spoilt) else {
            continue;
        };
        let signed = check(&receipt).is_ok_and(|checked| checked.signer == node());
        assert!(
            !(signed && receipt.opens_to(Some(&input())).unwrap()),
            "bit {bit}"
        );
    }
}

proptest! {
    #[test]
    fn garbage_is_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Receipt::from_json(&bytes).is_err());
    }

    /// A leaf proven at a place of a batch stands at no other, and no other leaf stands there.
    #[test]
    fn places_are_not_interchangeable(count in 2_u8..40, first in any::<u8>(), second in any::<u8>()) {
        let receipts = receipts(count);
        let (first, second) = (usize::from(first % count), usize::from(second % count));
        let mut moved = receipts[first].clone();
        moved.batch = receipts[second].batch.clone();
        let same = check(&moved).is_ok_and(|checked| checked.signer == node());
        prop_assert_eq!(same, first == second);
    }
}
