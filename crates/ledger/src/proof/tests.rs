use proptest::prelude::*;
use stele_types::{
    DecisionId, EntryPoint, LEAF_BYTES, Part, PolicyId, PolicyVersion, Salt, Timestamp, Value,
};

use super::*;
use crate::note::SigningKey;
use crate::tree::{TileRows, inclusion_proof, root};
use crate::{Checkpoint, default_origin};

const NODE: NodeAddress = NodeAddress([1; 20]);

fn key() -> SigningKey {
    SigningKey::from_seed(&default_origin(&NODE), &[9; 32]).unwrap()
}

fn bundle(before: u8, after: u8) -> ProofBundle {
    let mut record = DecisionRecord::new(
        DecisionId::from_time_and_random(Timestamp(1), &[7; 10]),
        Timestamp(1),
        NODE,
        PolicyId::new("a").unwrap(),
        PolicyVersion(Digest([2; 32])),
        EntryPoint::new("a/deny").unwrap(),
        Digest([3; 32]),
        Salt([4; 32]),
        Salt([5; 32]),
    );
    record.input = Some(Value::from("who"));
    record.result = Some(Value::Bool(true));
    let leaf = record.leaf().unwrap();
    let mut rows = TileRows::new();
    (0..before).for_each(|n| {
        rows.push(&[n; LEAF_BYTES]);
    });
    let index = rows.size().next_index();
    rows.push(&leaf.to_bytes());
    (0..after).for_each(|n| {
        rows.push(&[n; LEAF_BYTES]);
    });
    let size = rows.size();
    let head = Checkpoint {
        origin: default_origin(&NODE),
        size,
        root: root(&rows, size).unwrap(),
        extensions: vec![],
    };
    let anchor = Anchor {
        chain_id: ChainId::new(1),
        contract: NodeAddress([8; 20]),
        node: NODE,
        tx_hash: Digest([6; 32]),
        block_number: BlockNumber::new(5),
        block_hash: Digest([7; 32]),
        size,
        root: head.root,
    };
    ProofBundle {
        format: FORMAT.into(),
        record,
        leaf,
        index,
        inclusion: inclusion_proof(&rows, index, size).unwrap(),
        checkpoint: head.sign(&key()).unwrap().note,
        anchor: Some(anchor),
    }
}

fn check(change: impl FnOnce(&mut ProofBundle)) -> Result<Report, VerifyError> {
    let mut bundle = bundle(5, 7);
    change(&mut bundle);
    verify(&bundle, key().verifier())
}

#[test]
fn a_true_proof_holds_and_survives_its_file() {
    for (before, after) in [(0, 0), (0, 9), (9, 0), (100, 155)] {
        let bundle = bundle(before, after);
        let read = ProofBundle::from_json(&bundle.to_json().unwrap()).unwrap();
        assert_eq!(read, bundle);
        let report = verify(&read, key().verifier()).unwrap();
        assert_eq!(report.index.get(), u64::from(before));
        assert!(report.anchor.is_some() && report.record.input == Part::Matches);
    }
}

#[test]
fn every_forgery_is_found() {
    assert!(matches!(
        check(|b| b.format = "x".into()),
        Err(VerifyError::Format { .. })
    ));
    assert!(matches!(
        check(|b| b.index = LeafIndex::new(4)),
        Err(VerifyError::Inclusion(_))
    ));
    assert!(matches!(
        check(|b| b.inclusion[0].0[0] ^= 1),
        Err(VerifyError::Inclusion(_))
    ));
    assert!(matches!(
        check(|b| b.leaf.time.0 += 1),
        Err(VerifyError::Inclusion(_))
    ));
    assert!(matches!(
        check(|b| b.checkpoint = b.checkpoint.replace("13", "14")),
        Err(VerifyError::Checkpoint(_))
    ));
    let differs = check(|b| b.record.input = None).unwrap_err();
    assert_eq!(
        differs.to_string(),
        "the record is not the one that was logged: input differ"
    );
    assert!(matches!(
        check(|b| b.record.result = None),
        Err(VerifyError::RecordDiffers { .. })
    ));
    assert!(matches!(
        check(|b| b.record.actor = Some("x".into())),
        Err(VerifyError::RecordDiffers { .. })
    ));
    for (field, change) in [
        (
            "size",
            (|a: &mut Anchor| a.size = TreeSize::ZERO) as fn(&mut Anchor),
        ),
        ("root", |a| a.root.0[0] ^= 1),
        ("node", |a| a.node.0[0] ^= 1),
    ] {
        let error = check(|b| change(b.anchor.as_mut().unwrap())).unwrap_err();
        assert!(
            matches!(error, VerifyError::Anchor { field: found, .. } if found == field),
            "{error}"
        );
    }
    let other = SigningKey::from_seed(&default_origin(&NODE), &[1; 32]).unwrap();
    assert!(matches!(
        verify(&bundle(1, 1), other.verifier()),
        Err(VerifyError::Checkpoint(_))
    ));
}

#[test]
fn a_log_cannot_speak_for_another_node() {
    let stranger = default_origin(&NodeAddress([2; 20]));
    let key = SigningKey::from_seed(&stranger, &[9; 32]).unwrap();
    let mut bundle = bundle(1, 1);
    let text = key.verifier().open(&bundle.checkpoint).err();
    assert!(text.is_some());
    let ours = self::key()
        .verifier()
        .open(&bundle.checkpoint)
        .unwrap()
        .replace(&default_origin(&NODE), &stranger);
    bundle.checkpoint = key.sign(&ours).unwrap();
    assert!(matches!(
        verify(&bundle, key.verifier()),
        Err(VerifyError::Node { .. })
    ));
}

#[test]
fn erased_input_leaves_the_proof_valid() {
    let report = check(|b| {
        b.record.input = None;
        b.record.input_salt = None;
        b.record.erased.push("/input".into());
    })
    .unwrap();
    assert_eq!(
        (report.record.input, report.record.result),
        (Part::Withheld, Part::Matches)
    );
}

proptest! {
    #[test]
    fn damaged_files_never_panic_and_never_verify_as_something_else(at: prop::sample::Index, byte: u8) {
        let original = bundle(3, 3);
        let mut json = original.to_json().unwrap();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(read) = ProofBundle::from_json(&json)
            && verify(&read, key().verifier()).is_ok()
        {
            // Only white space, the case of hex digits and the anchor's own claims are free.
            prop_assert_eq!(&read.record, &original.record);
            prop_assert_eq!((read.index, read.leaf), (original.index, original.leaf));
        }
    }
}
