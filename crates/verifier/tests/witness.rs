//! A verifier against honest and dishonest logs, over HTTP, without a chain: what it signs, what it refuses, and what it remembers.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod support;

use stele_ledger::storage::FileStore;
use stele_ledger::tree::leaf_hash;
use stele_ledger::witness::{SIZE_TYPE, with_signatures};
use stele_ledger::{Checkpoint, SigningKey};
use stele_types::{Digest, LeafIndex, NodeAddress, TreeSize, sha256};
use stele_verifier::state::StateFile;
use stele_verifier::{Accusation, Handle};
use support::{
    FakeNode, NODE, ORIGIN, add, cosigner, decision, eventually, follow, follow_sampling, followed, grow,
    lie, log_key, open_log, request, verifier,
};

fn accusation(verifier: &Handle) -> Option<Accusation> {
    verifier.logs()[0]
        .refused
        .as_ref()
        .map(|refusal| refusal.accusation)
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_verified_and_cosigned_as_the_log_grows() {
    let (log, state) = (dir(), dir());
    let ledger = open_log(log.path());
    // More than a bundle of 256 leaves, so that full and partial tiles are read.
    let first = grow(&ledger, 0..300);
    let node = FakeNode::start(std::sync::Arc::clone(&ledger)).await;
    let verifier = verifier(&node, state.path()).await;
    let added = add(&verifier, request(&ledger, 0, &first)).await;
    assert_eq!(added.status, 200, "{}", added.body);
    let note = with_signatures(&first.note, added.body.lines()).unwrap();
    assert_eq!(cosigner().key().verify(&note).unwrap(), 1_700_000_100);
    assert_eq!(verifier.logs()[0].decisions["agrees"], 300);

    // A second request that still believes in nothing learns the size; with it, and a proof, it is answered.
    let second = grow(&ledger, 300..700);
    let stale = add(&verifier, request(&ledger, 0, &second)).await;
    assert_eq!(
        (stale.status, stale.content.as_str(), stale.body.as_str()),
        (409, SIZE_TYPE, "300\n")
    );
    assert_eq!(add(&verifier, request(&ledger, 300, &second)).await.status, 200);
    // The same head again is no news, and is signed again.
    assert_eq!(add(&verifier, request(&ledger, 700, &second)).await.status, 200);
    // An older head can't even be asked for: the verifier never goes back.
    assert_eq!(add(&verifier, request(&ledger, 0, &first)).await.body, "700\n");
    let status = &verifier.logs()[0];
    assert_eq!(
        (status.verified, status.cosigned, &status.refused),
        (700, 700, &None)
    );
    verifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_break_the_protocol_get_its_answers() {
    let (log, state) = (dir(), dir());
    let ledger = open_log(log.path());
    let first = grow(&ledger, 0..5);
    let node = FakeNode::start(std::sync::Arc::clone(&ledger)).await;
    let verifier = verifier(&node, state.path()).await;
    assert_eq!(add(&verifier, request(&ledger, 0, &first)).await.status, 200);
    let second = grow(&ledger, 5..9);
    let good = request(&ledger, 5, &second);

    assert_eq!(add(&verifier, "nonsense".to_owned()).await.status, 400);
    assert_eq!(add(&verifier, good.replace("old 5", "old 05")).await.status, 400);
    assert_eq!(
        add(&verifier, good.replace("old 5", "old 10")).await.status,
        400,
        "above its size"
    );
    // An unknown origin, a known one under another key.
    let foreign = |origin: &str, seed| {
        let key = SigningKey::from_seed(origin, &[seed; 32]).unwrap();
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            ..second.checkpoint.clone()
        };
        good.replace(&second.note, &checkpoint.sign(&key).unwrap().note)
    };
    assert_eq!(add(&verifier, foreign("elsewhere", 9)).await.status, 404);
    assert_eq!(add(&verifier, foreign(ORIGIN, 8)).await.status, 403);
    // A proof of another step, none at all, one too many.
    let proof_line = good.lines().nth(1).unwrap();
    for bad in [
        good.replace(proof_line, &format!("{}=", "A".repeat(43))),
        good.replacen(&format!("{proof_line}\n"), "", 1),
        good.replacen(proof_line, &format!("{proof_line}\n{proof_line}"), 1),
    ] {
        let added = add(&verifier, bad).await;
        assert_eq!(added.status, 422, "{}", added.body);
    }
    // Nothing of this was an accusation, and the right request is still answered.
    assert_eq!(add(&verifier, good).await.status, 200);
    assert_eq!(accusation(&verifier), None);
    verifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_view_is_refused_for_good() {
    let (one, two, state) = (dir(), dir(), dir());
    let honest = open_log(one.path());
    let first = grow(&honest, 0..20);
    let node = FakeNode::start(std::sync::Arc::clone(&honest)).await;
    let running = verifier(&node, state.path()).await;
    assert_eq!(add(&running, request(&honest, 0, &first)).await.status, 200);

    // The other log begins as the first one does, and then differs; it is as large and larger.
    let other = open_log(two.path());
    grow(&other, 0..10);
    let forked = grow(&other, 1_000..1_030);
    node.show(std::sync::Arc::clone(&other));
    eventually("the fork is seen", || accusation(&running).is_some()).await;
    assert_eq!(accusation(&running), Some(Accusation::Fork));
    let refused = add(&running, request(&other, 20, &forked)).await;
    assert_eq!((refused.status, refused.refused.as_str()), (403, "fork"));
    running.stop().await;

    // Neither a restart nor the honest log brings it back, only an operator.
    node.show(std::sync::Arc::clone(&honest));
    let second = grow(&honest, 20..25);
    let again = verifier(&node, state.path()).await;
    assert_eq!(add(&again, request(&honest, 20, &second)).await.status, 403);
    let refusal = again.logs()[0].refused.clone().unwrap();
    assert_eq!(refusal.notes.len(), 2, "both signed heads are kept as evidence");
    assert!(
        refusal
            .notes
            .iter()
            .all(|note| log_key().verifier().open(note).is_ok())
    );
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_heads_of_one_size_are_a_fork_even_without_tiles() {
    let (log, state) = (dir(), dir());
    let ledger = open_log(log.path());
    let first = grow(&ledger, 0..8);
    let node = FakeNode::start(std::sync::Arc::clone(&ledger)).await;
    let verifier = verifier(&node, state.path()).await;
    assert_eq!(add(&verifier, request(&ledger, 0, &first)).await.status, 200);
    let twin = Checkpoint {
        root: Digest([1; 32]),
        ..first.checkpoint.clone()
    };
    let twin = twin.sign(&log_key()).unwrap();
    let added = add(
        &verifier,
        request(&ledger, 8, &first).replace(&first.note, &twin.note),
    )
    .await;
    assert_eq!((added.status, added.body.as_str()), (409, "8\n"));
    assert_eq!(accusation(&verifier), Some(Accusation::Fork));
    verifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_rolls_back_is_refused() {
    let (log, old, state) = (dir(), dir(), dir());
    let ledger = open_log(log.path());
    let first = grow(&ledger, 0..6);
    let backup = open_log(old.path());
    grow(&backup, 0..4);
    let node = FakeNode::start(std::sync::Arc::clone(&ledger)).await;
    let verifier = verifier(&node, state.path()).await;
    assert_eq!(add(&verifier, request(&ledger, 0, &first)).await.status, 200);
    node.show(backup);
    eventually("the rollback is seen", || accusation(&verifier).is_some()).await;
    assert_eq!(accusation(&verifier), Some(Accusation::Rollback));
    verifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_decision_is_found_and_never_cosigned() {
    let (log, state) = (dir(), dir());
    let ledger = open_log(log.path());
    grow(&ledger, 0..5);
    let told = ledger.append_and_wait(lie(5, 5)).unwrap();
    let signed = grow(&ledger, 6..9);
    let node = FakeNode::start(std::sync::Arc::clone(&ledger)).await;
    let verifier = verifier(&node, state.path()).await;
    let refused = add(&verifier, request(&ledger, 0, &signed)).await;
    assert_eq!(
        (refused.status, refused.refused.as_str()),
        (403, "wrong_decision"),
        "{}",
        refused.body
    );
    assert!(
        refused.body.contains(&told.decision_id.to_string()),
        "{}",
        refused.body
    );
    let status = &verifier.logs()[0];
    assert_eq!((status.verified, status.cosigned), (0, 0));
    let accused = status.refused.clone().unwrap().decision.unwrap();
    assert_eq!((accused.index, accused.decision_id), (5, told.decision_id));
    verifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_a_share_that_its_secret_chooses() {
    const SAMPLE: f64 = 0.3;
    const LIE: u64 = 150;
    let log = dir();
    let ledger = open_log(log.path());
    grow(&ledger, 0..LIE);
    ledger.append_and_wait(lie(LIE, LIE)).unwrap();
    let signed = grow(&ledger, LIE + 1..300);
    let node = FakeNode::start(std::sync::Arc::clone(&ledger)).await;
    let hashes = Vec::from_iter((0..300).map(|index| {
        let leaf = ledger.entry(LeafIndex::new(index)).unwrap().leaf;
        leaf_hash(&leaf.to_bytes())
    }));
    let (mut caught, mut missed) = (0, 0);
    for number in 0..12 {
        // Of each leaf: whether the first 32 bits of a hash with the secret are below that share of 2^32.
        let secret = [number; 32];
        let drawn = |index: u64| {
            let hash = sha256(&[&secret, &hashes[usize::try_from(index).unwrap()].0]).0;
            f64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])) < SAMPLE * 2_f64.powi(32)
        };
        let expected = (0..300).filter(|index| drawn(*index)).count();
        assert!((60..=120).contains(&expected), "{expected} of 300");
        let state = dir();
        let logs = vec![followed(NODE, &node)];
        let verifier = follow_sampling(logs, state.path(), SAMPLE, secret).await.unwrap();
        let answer = add(&verifier, request(&ledger, 0, &signed)).await;
        if drawn(LIE) {
            assert_eq!(answer.refused, "wrong_decision", "{}", answer.body);
            caught += 1;
        } else {
            assert_eq!(answer.status, 200, "{}", answer.body);
            let status = &verifier.logs()[0];
            assert_eq!(status.decisions["agrees"], expected as u64);
            assert_eq!(status.verified, 300);
            missed += 1;
        }
        verifier.stop().await;
    }
    assert!(caught > 0 && missed > 0, "{caught} caught, {missed} missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_do_not_fit_their_leaves_accuse_nobody_and_are_not_cosigned() {
    let (log, other, state) = (dir(), dir(), dir());
    let ledger = open_log(log.path());
    let signed = grow(&ledger, 0..5);
    // The tiles of the one log with the records of another: as if a thief answered for the node.
    let records = open_log(other.path());
    for seed in 0..5 {
        records.append_and_wait(decision(2, seed)).unwrap();
    }
    let node = FakeNode::start(records).await;
    let verifier = verifier(&node, state.path()).await;
    let answer = add(&verifier, request(&ledger, 0, &signed)).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!((accusation(&verifier), verifier.logs()[0].cosigned), (None, 0));
    let counted = verifier.logs()[0].decisions.clone();
    assert!(
        counted.is_empty(),
        "they are looked at again and again: {counted:?}"
    );
    verifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_nobody_has_is_an_obstacle_that_an_operator_lifts() {
    let (log, state) = (dir(), dir());
    let ledger = open_log(log.path());
    let first = grow(&ledger, 0..1);
    let node = FakeNode::start(std::sync::Arc::clone(&ledger)).await;
    node.hide_bundles(true);
    let running = verifier(&node, state.path()).await;
    eventually("the version is missed", || running.logs()[0].hindrance.is_some()).await;
    let added = add(&running, request(&ledger, 0, &first)).await;
    assert_eq!(added.status, 503, "{}", added.body);
    let status = running.logs().remove(0);
    assert_eq!(
        (status.verified, &status.refused),
        (0, &None),
        "it accuses nobody"
    );
    let hindrance = status.hindrance.unwrap();
    assert!(
        hindrance.problem.contains("the node does not have it"),
        "{hindrance:?}"
    );
    running.stop().await;

    // An operator accepts the decision; its version is not needed any more.
    let store = std::sync::Arc::new(FileStore::open(state.path()).unwrap());
    let mut file = StateFile::open(store, ORIGIN).unwrap();
    file.change(|state| {
        state.accepted.insert(hindrance.leaf_hash);
    })
    .unwrap();
    drop(file);
    let running = verifier(&node, state.path()).await;
    eventually("the log is verified", || running.logs()[0].verified == 1).await;
    assert_eq!(running.logs()[0].decisions["accepted"], 1);

    // The next decision of the version is an obstacle again, until somebody has the bundle.
    grow(&ledger, 1..2);
    eventually("the version is missed again", || {
        let hindrance = &running.logs()[0].hindrance;
        hindrance.as_ref().is_some_and(|hindrance| hindrance.index == 1)
    })
    .await;
    node.hide_bundles(false);
    eventually("the rest is verified", || running.logs()[0].verified == 2).await;
    let status = running.logs().remove(0);
    assert_eq!((status.hindrance, status.decisions["agrees"]), (None, 1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_and_an_old_backup_is_only_asked_to_catch_up() {
    let (log, state, backup) = (dir(), dir(), dir());
    let ledger = open_log(log.path());
    let first = grow(&ledger, 0..6);
    let node = FakeNode::start(std::sync::Arc::clone(&ledger)).await;
    let running = verifier(&node, state.path()).await;
    assert_eq!(add(&running, request(&ledger, 0, &first)).await.status, 200);
    running.stop().await;
    for entry in std::fs::read_dir(state.path()).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|ending| ending == "json") {
            std::fs::copy(entry.path(), backup.path().join(entry.file_name())).unwrap();
        }
    }
    let second = grow(&ledger, 6..12);
    let running = verifier(&node, state.path()).await;
    assert_eq!(add(&running, request(&ledger, 6, &second)).await.status, 200);
    running.stop().await;
    let old = verifier(&node, backup.path()).await;
    assert_eq!(add(&old, request(&ledger, 12, &second)).await.body, "6\n");
    assert_eq!(add(&old, request(&ledger, 6, &second)).await.status, 200);
    assert_eq!(old.logs()[0].cosigned, TreeSize::new(12).get());
    old.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_logs_of_one_origin_are_refused() {
    let (log, state) = (dir(), dir());
    let node = FakeNode::start(open_log(log.path())).await;
    let logs = vec![followed(NODE, &node), followed(NodeAddress([8; 20]), &node)];
    let error = follow(logs, state.path()).await.unwrap_err().to_string();
    assert!(
        error.contains("verifier.logs names two logs with the origin") && error.contains(ORIGIN),
        "{error}"
    );
}
