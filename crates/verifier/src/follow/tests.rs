use std::num::NonZeroU32;

use stele_ledger::{Checkpoint, SigningKey};
use stele_policy::Limits;
use stele_testkit::store::{Disk, FaultStore};

use super::*;
use crate::replay::tests::{NODE, decided, door};

const ORIGIN: &str = "stele.test/log";

/// Follows a log that is served nowhere.
fn follower() -> Follower {
    follower_on(Arc::new(FaultStore::new(Disk::default())))
}

fn follower_on(store: Arc<FaultStore>) -> Follower {
    Follower {
        key: log_key().verifier().clone(),
        node: NODE,
        source: Source::new("http://127.0.0.1:1", None).unwrap(),
        records: true,
        sign_unchecked: false,
        chain: None,
        file: StateFile::open(store, ORIGIN).unwrap(),
        bundles: Bundles::new(Vec::new(), std::path::PathBuf::new()),
        sampling: sampling(),
        stats: Arc::default(),
        teller: crate::alert::Alerts::default().teller(),
        clock: || Timestamp(1),
        timeline: Arc::default(),
        replayer: Replayer::default(),
        recent: BTreeMap::new(),
        anchored: None,
        falls: 0,
        challenger: None,
        secret: Zeroizing::new([1; 32]),
    }
}

fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[9; 32]).unwrap()
}

fn sampling() -> Sampling {
    Sampling {
        share: 1.0,
        secret: Zeroizing::new([1; 32]),
        refuse_withheld: false,
    }
}

#[tokio::test]
async fn a_log_that_stays_shorter_than_its_anchor_is_accused() {
    let mut follower = follower();
    follower
        .file
        .change(|state| state.edge.push(Digest([1; 32])))
        .unwrap();
    let Head { size, root } = follower.file.state().verified();
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root,
        extensions: Vec::new(),
    };
    let note = checkpoint.sign(&log_key()).unwrap().note;
    let anchor = Head {
        size: TreeSize::new(2),
        root: Digest([2; 32]),
    };
    for _ in 1..FALLS {
        follower.hold(Some(anchor), Some(note.clone())).await.unwrap_err();
        assert!(!follower.refuses(), "a cache may be late");
    }
    follower.hold(Some(anchor), Some(note)).await.unwrap();
    let refusal = follower.file.state().refused.clone().unwrap();
    assert_eq!(refusal.accusation, Accusation::Rollback);
}

#[tokio::test]
async fn a_full_disk_is_no_reason_to_go_on_with_an_accused_log() {
    let store = Arc::new(FaultStore::new(Disk::default()));
    let mut follower = follower_on(Arc::clone(&store));
    store.fill_up();
    let forked = follower.forked(TreeSize::new(1), "a head");
    assert!(matches!(forked.unwrap_err(), VerifierError::Store(_)));
    assert!(follower.refuses(), "in memory");
    // It says so, and tries to write, as long as it can't; no second accusation comes of it.
    let refusal = follower.file.state().refused.clone();
    assert!(matches!(
        follower.look().await.unwrap_err(),
        VerifierError::Store(_)
    ));
    assert_eq!(follower.stats.read().refused, refusal);
    store.free_space();
    follower.look().await.unwrap();
    follower.heard(News::Parked("answered 400 Bad Request".to_owned()));
    let written = follower_on(store).file.state().refused.clone().unwrap();
    assert_eq!(written.parked.as_deref(), Some("answered 400 Bad Request"));
    let first = refusal.unwrap();
    assert_eq!(
        (written.at, &written.notes, written.told),
        (first.at, &first.notes, false)
    );
}

#[test]
fn a_decision_that_cannot_be_re_executed_is_an_obstacle() {
    let record = decided("door/allow");
    let leaf = record.leaf().unwrap();
    let lines = RecordLines::new(record.to_json().unwrap());
    let mut batch = Batch {
        node: NODE,
        timeline: None,
        tolerance: USUAL_TOLERANCE,
        sampling: sampling(),
        accepted: [].into(),
        accepted_versions: [].into(),
        from: 4,
    };
    let run = |batch: &Batch, replayer: &mut Replayer| {
        let mut walked = Walked {
            edge: Edge::default(),
            latest: None,
        };
        batch.run(&[leaf], Some(&lines), &mut walked, replayer)
    };
    // Nothing is at hand to execute.
    let checked = run(&batch, &mut Replayer::default());
    assert_eq!(checked.counts, [("not_executable", 1)].into());
    let found = checked.obstacle.unwrap();
    assert_eq!((found.index, found.decision_id), (4, leaf.decision_id));
    assert!(found.problem.contains("can't be re-executed"), "{found:?}");
    assert_eq!(found.version, Some(leaf.policy_version));
    // Nor need anybody look at each decision of a version that nobody can execute any more.
    batch.accepted_versions.insert(leaf.policy_version);
    let checked = run(&batch, &mut Replayer::default());
    assert!(checked.obstacle.is_none());
    assert_eq!(checked.counts, [("accepted", 1)].into());
    // It is executed all the same where it can be, and a decision that is none of this node's stays wrong.
    let mut other = leaf;
    other.node = stele_types::NodeAddress([0xee; 20]);
    let mut walked = Walked {
        edge: Edge::default(),
        latest: None,
    };
    let checked = batch.run(&[other], Some(&lines), &mut walked, &mut Replayer::default());
    assert!(checked.wrong.is_some());
    batch.accepted_versions.clear();
    let mut replayer = Replayer::default();
    replayer.add(leaf.policy_version, &door().bytes).unwrap();
    let checked = run(&batch, &mut replayer);
    assert!(checked.obstacle.is_none() && checked.wrong.is_none());
    // Neither a limit nor a view of the chain that ends before the decision is accepted with a version.
    batch.accepted_versions.insert(leaf.policy_version);
    let mut narrow = Replayer::with_limits(Limits {
        instructions: NonZeroU32::new(1),
        ..Limits::default()
    });
    narrow.add(leaf.policy_version, &door().bytes).unwrap();
    let held = |checked: &Checked, problem: &str| {
        let found = checked.obstacle.as_ref().unwrap();
        assert!(found.problem.contains(problem), "{found:?}");
        assert_eq!(found.version, None);
    };
    held(&run(&batch, &mut narrow), "instructions");
    let seen = Timestamp((leaf.time.as_seconds() - 1) * 1_000_000_000);
    batch.timeline = Some(Arc::new(Timeline::default().ending(seen)));
    held(&run(&batch, &mut Replayer::default()), "lag behind");
    batch.timeline = None;
    batch.accepted_versions.clear();
    // What an operator has accepted is none.
    batch.accepted.insert(leaf_hash(&leaf.to_bytes()));
    let checked = run(&batch, &mut Replayer::default());
    assert!(checked.obstacle.is_none());
    assert_eq!(checked.counts, [("accepted", 1)].into());
}

#[test]
fn what_is_sampled_is_told_to_nobody() {
    let sampling = Sampling {
        secret: Zeroizing::new([0xa7; 32]),
        share: 0.25,
        ..sampling()
    };
    for shown in [format!("{sampling:?}"), format!("{sampling:#?}")] {
        assert!(shown.contains("0.25"), "{shown}");
        assert!(!shown.contains("167") && !shown.contains("a7"), "{shown}");
    }
}
