use rand::SeedableRng as _;
use rand::rngs::StdRng;
use stele_pdp::{
    Attributes, Clock, Decider, Input, NodeContext, PolicyInForce, PolicyOptions, Request, Snapshot,
    SnapshotStore,
};
use stele_policy::bundle::{self, Bundle};
use stele_policy::load;
use stele_types::{NodeAddress, Timestamp};

use super::*;

pub(crate) const NODE: NodeAddress = NodeAddress([7; 20]);
const OUTER: &str = "# METADATA\n# custom:\n#   id: door\npackage door\n\nimport data.door.inner\n\ndefault allow := false\n\nallow if inner.allow\n\nreason := \"negative\" if input.n < 0\n";
const INNER: &str = "# METADATA\n# custom:\n#   id: door/inner\npackage door.inner\n\ndefault allow := false\n\nallow if input.n > 3\n";

/// The bundle of `door`, which holds `door/inner` too.
pub(crate) fn door() -> Bundle {
    let files = [("door/policy.rego", OUTER), ("door/inner/policy.rego", INNER)];
    let set = load::load_files(files.map(|(path, text)| (path.to_owned(), text))).unwrap();
    bundle::build(&set, &id("door")).unwrap()
}

fn id(text: &str) -> PolicyId {
    PolicyId::new(text).unwrap()
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// What a node records that holds `door` alone and is asked at a path.
pub(crate) fn decided(path: &str) -> DecisionRecord {
    decided_on(path, "{\"n\": 5}")
}

/// The same, of another input.
pub(super) fn decided_on(path: &str, input: &str) -> DecisionRecord {
    let built = door();
    let policy =
        PolicyInForce::from_bundle(&built.bytes, &id("door"), built.digest, PolicyOptions::default());
    let snapshot = Snapshot::new([Arc::new(policy.unwrap())]).unwrap();
    let store = Arc::new(SnapshotStore::new(snapshot, Timestamp(1), None));
    let context = NodeContext {
        address: NODE,
        labels: [].into(),
    };
    let mut decider = Decider::new(store, context, Box::new(Still));
    let input = json::parse(input.as_bytes(), &json::Limits::default()).unwrap();
    let path: Vec<String> = path.split('/').map(str::to_owned).collect();
    let request = Request {
        path: &path,
        input: Input::Value(Some(&input)),
        strict_builtin_errors: false,
        limits: Limits::default(),
        fan_out: 1,
        attributes: Attributes::default(),
    };
    let mut answer = decider.decide(&request, &mut StdRng::seed_from_u64(1)).unwrap();
    answer.decisions.remove(0).evidence.unwrap().record
}

pub(super) fn replayer() -> Replayer {
    let (built, mut replayer) = (door(), Replayer::default());
    replayer.add(built.digest, &built.bytes).unwrap();
    replayer
}

#[test]
fn a_record_that_names_another_policy_of_its_bundle_does_not_agree() {
    let mut replayer = replayer();
    let honest = decided("door/allow");
    let leaf = honest.leaf().unwrap();
    let other = DecisionRecord {
        policy_id: id("door/inner"),
        ..honest.clone()
    };
    let (honest, other) = (honest.to_json().unwrap(), other.to_json().unwrap());
    // Before the path is known, and after the honest record has made it known.
    for _ in 0..2 {
        let outcome = replayer.check(&leaf, &other, None);
        assert!(matches!(outcome, Outcome::Mismatch(_)), "{outcome:?}");
        assert_eq!(replayer.check(&leaf, &honest, None), Outcome::Agrees);
    }
}

#[test]
fn the_longest_policy_in_force_at_a_path_is_the_one_that_decides() {
    let mut replayer = replayer();
    let record = decided("door/inner/allow");
    assert_eq!(record.policy_id, id("door"), "the node holds no other");
    let leaf = record.leaf().unwrap();
    let line = record.to_json().unwrap();
    let version = leaf.policy_version;
    let alone = Timeline::always([(id("door"), version)]);
    let both = Timeline::always([
        (id("door"), version),
        (id("door/inner"), PolicyVersion(Digest([2; 32]))),
    ]);
    assert_eq!(replayer.check(&leaf, &line, Some(&alone)), Outcome::Agrees);
    let Outcome::Wrong(problem) = replayer.check(&leaf, &line, Some(&both)) else {
        panic!("door decided where door/inner was in force")
    };
    assert!(problem.contains("door/inner was in force"), "{problem}");
    // Whoever changes the record accuses nobody.
    let forged = DecisionRecord {
        policy_id: id("door/inner"),
        ..record
    };
    let outcome = replayer.check(&leaf, &forged.to_json().unwrap(), Some(&both));
    assert!(matches!(outcome, Outcome::Mismatch(_)), "{outcome:?}");
}

#[test]
fn a_history_that_ends_before_the_decision_accuses_nobody() {
    let record = decided("door/allow");
    let leaf = record.leaf().unwrap();
    let json = record.to_json().unwrap();
    let seconds = leaf.time.as_seconds();
    // The registry as it was before the version came into force.
    let ending = |at: u64| Timeline::default().ending(Timestamp(at * 1_000_000_000));
    let outcome = replayer().check(&leaf, &json, Some(&ending(seconds - 1)));
    assert!(
        matches!(&outcome, Outcome::NotExecutable(problem) if problem.contains("lag behind")),
        "{outcome:?}"
    );
    let outcome = replayer().check(&leaf, &json, Some(&ending(seconds)));
    assert!(matches!(outcome, Outcome::Wrong(_)), "{outcome:?}");
}

#[test]
fn what_is_found_wrong_can_be_shown_whatever_else_its_record_holds() {
    let mut record = decided("door/allow");
    record.result = Some(Value::Bool(false));
    let leaf = record.leaf().unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&record.to_json().unwrap()).unwrap();
    // No record of ours has it, and the re-execution does not look.
    json["chaff"] = "of the node".into();
    let line = serde_json::to_vec(&json).unwrap();
    DecisionRecord::from_json(&line).unwrap_err();
    let outcome = replayer().check(&leaf, &line, None);
    assert!(matches!(outcome, Outcome::Wrong(_)), "{outcome:?}");
    let opened = Opened::read(&line).unwrap();
    assert_eq!(
        (opened.policy, Some(opened.salt)),
        (record.policy_id, record.input_salt)
    );
    assert_eq!(opened.input, record.input);
    json["masked"] = serde_json::json!(["/input/n"]);
    let error = Opened::read(&serde_json::to_vec(&json).unwrap()).unwrap_err();
    assert!(error.contains("withheld"), "{error}");
}
