//! Deciding on real bundles with the real engine.

mod nd;
mod seen;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use stele_policy::{bundle, load};
use stele_types::{NodeAddress, Timestamp, json};

use seen::{Seen, seen};

use super::*;
use crate::snapshot::{PolicyInForce, PolicyOptions};

const ADMISSION: &str = "# METADATA\n# custom:\n#   id: kubernetes/admission\n#   severity: high\npackage kubernetes.admission\n\n\
    deny contains msg if {\n\tinput.privileged\n\tmsg := \"no privileged pods\"\n}\n\n\
    owner := input.owner\n\nlimits := data.kubernetes.admission.config.limits\n";
const NETWORK: &str = "# METADATA\n# custom:\n#   id: kubernetes/network\npackage kubernetes.network\n\n\
    default allow := false\n\nallow if input.port == 443\n";
const BROKEN: &str = "# METADATA\n# custom:\n#   id: broken\npackage broken\n\n\
    two := 1 if input.x\n\ntwo := 2 if input.x\n\nloop := count([1 | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i == j])\n\n\
    big := numbers.range(1, 5000)\n\nnow := time.now_ns()\n";

struct TestClock {
    now: Arc<AtomicU64>,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.now.load(Ordering::Relaxed))
    }
}

fn in_force(id: &str, text: &str, options: PolicyOptions) -> Arc<PolicyInForce> {
    let path = format!("{id}/policy.rego");
    let data = r#"{"limits": {"cpu": [1, 2]}}"#;
    let files = [
        (path, text.as_bytes().to_vec()),
        ("kubernetes/admission/config/data.json".to_owned(), data.into()),
    ];
    let set = load::load_files(files).unwrap();
    let id = PolicyId::new(id).unwrap();
    let built = bundle::build(&set, &id).unwrap();
    Arc::new(PolicyInForce::from_bundle(&built.bytes, &id, built.digest, options).unwrap())
}

fn snapshot() -> Snapshot {
    Snapshot::new([
        in_force("kubernetes/admission", ADMISSION, PolicyOptions::default()),
        in_force("kubernetes/network", NETWORK, PolicyOptions::default()),
        in_force("broken", BROKEN, PolicyOptions::default()),
    ])
    .unwrap()
}

struct Fixture {
    store: Arc<SnapshotStore>,
    decider: Decider,
    /// Of the random numbers of the next question.
    seed: u64,
    now: Arc<AtomicU64>,
    limits: Limits,
}

impl Fixture {
    fn new(snapshot: Snapshot, stale_after: Option<Duration>) -> Self {
        let now = Arc::new(AtomicU64::new(1_000));
        let store = Arc::new(SnapshotStore::new(snapshot, Timestamp(1_000), stale_after));
        let node = NodeContext {
            address: NodeAddress([7; 20]),
            labels: [("env".to_owned(), "test".to_owned())].into(),
        };
        let decider = Decider::new(
            Arc::clone(&store),
            node,
            Box::new(TestClock {
                now: Arc::clone(&now),
            }),
        );
        Self {
            store,
            decider,
            seed: 0,
            now,
            limits: Limits::default(),
        }
    }

    fn ask(&mut self, path: &str, input: Option<&str>) -> Result<Answer, Failure> {
        let path: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        let value = input.map(value);
        let request = Request {
            path: &path,
            input: Input::Value(value.as_ref()),
            strict_builtin_errors: false,
            limits: self.limits,
            fan_out: 2,
            attributes: Attributes {
                actor: Some("alice"),
                waited: Duration::from_nanos(5),
                ..Attributes::default()
            },
        };
        self.seed += 1;
        let seed = self.seed;
        let random = || StdRng::seed_from_u64(seed);
        let answer = self.decider.decide(&request, &mut random());
        if let Some(text) = input {
            let whole = self.on_json(&request, text, None, &mut random());
            assert_eq!(whole, seen(&answer), "{path:?} {text}");
            let member = format!(r#"{{"a":[1],"input":{text}}}"#);
            assert_eq!(
                self.on_json(&request, &member, Some("input"), &mut random()),
                whole
            );
        } else {
            let without = self.on_json(&request, "{}", Some("input"), &mut random());
            assert_eq!(without, seen(&answer), "{path:?}");
        }
        answer
    }

    /// The same question with its input in JSON.
    fn on_json(
        &mut self,
        request: &Request<'_>,
        text: &str,
        member: Option<&str>,
        random: &mut StdRng,
    ) -> Seen {
        let input = Input::Json(JsonInput {
            text: text.as_bytes(),
            member,
            limits: json::Limits::default(),
        });
        let request = Request {
            input,
            ..request.clone()
        };
        seen(&self.decider.decide(&request, random))
    }
}

fn value(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

#[test]
fn a_rule_is_decided_with_evidence_that_matches_its_leaf() {
    let mut fixture = Fixture::new(snapshot(), None);
    let answer = fixture
        .ask("kubernetes/admission/deny", Some(r#"{"privileged": true}"#))
        .unwrap();
    assert_eq!(
        answer.value.as_ref().map(json::to_string).as_deref(),
        Some(r#"["no privileged pods"]"#)
    );
    assert_eq!(answer.verdict(), Verdict::Deny);
    let decision = &answer.decisions[0];
    let Evidence {
        record,
        documents: Documents::InRecord { mask: None },
    } = decision.evidence.as_ref().unwrap()
    else {
        panic!()
    };
    let leaf = &record.leaf().unwrap();
    assert!(record.check(leaf).unwrap().is_consistent());
    assert_eq!(record.path.as_str(), "kubernetes/admission/deny");
    assert_eq!(
        (record.labels["decision"].as_str(), record.labels["env"].as_str()),
        ("deny", "test")
    );
    assert_eq!((record.actor.as_deref(), record.latency_ns), (Some("alice"), 5));
    assert_eq!(record.violations.len(), 1);
    assert_eq!(leaf.policy_version, decision.version);
    assert_eq!(leaf.time, Timestamp(1_000));
    let mut other = record.clone();
    other.input = Some(value("{}"));
    assert!(
        !other.check(leaf).unwrap().is_consistent(),
        "another input does not fit the leaf"
    );
}

#[test]
fn deeper_paths_walk_in_the_rules_value_and_commit_to_the_rule() {
    let mut fixture = Fixture::new(snapshot(), None);
    let answer = fixture
        .ask(
            "kubernetes/admission/owner/teams/1",
            Some(r#"{"owner": {"teams": ["a", "b"]}}"#),
        )
        .unwrap();
    assert_eq!(answer.value, Some(value("\"b\"")));
    assert_eq!(
        answer.decisions[0].entry_point.as_str(),
        "kubernetes/admission/owner"
    );
    let none = fixture
        .ask(
            "kubernetes/admission/owner/teams/x",
            Some(r#"{"owner": {"teams": ["a"]}}"#),
        )
        .unwrap();
    assert_eq!(none.value, None);
    let base = fixture
        .ask("kubernetes/admission/config/limits/cpu/0", None)
        .unwrap();
    assert_eq!(
        base.value,
        Some(value("1")),
        "base data below the policy's package"
    );
    let odd = fixture.ask("kubernetes/admission/a b", None).unwrap();
    assert_eq!(
        (odd.value, odd.decisions[0].entry_point.as_str()),
        (None, "kubernetes/admission")
    );
}

#[test]
fn a_path_above_policies_merges_them_and_records_each() {
    let mut fixture = Fixture::new(snapshot(), None);
    let answer = fixture.ask("kubernetes", Some(r#"{"port": 443}"#)).unwrap();
    let document = answer.value.clone().unwrap();
    assert_eq!(
        document.get("network").and_then(|network| network.get("allow")),
        Some(&Value::Bool(true))
    );
    assert!(document.get("admission").is_some());
    let ids: Vec<&str> = answer
        .decisions
        .iter()
        .map(|decision| decision.policy_id.as_str())
        .collect();
    assert_eq!(ids, ["kubernetes/admission", "kubernetes/network"]);
    let error = fixture.ask("", None).unwrap_err().error;
    assert!(
        matches!(
            *error,
            DecideError::FanOut {
                policies: 3,
                limit: 2
            }
        ),
        "{error}"
    );
}

#[test]
fn a_path_without_a_policy_is_undefined_and_says_so_in_evidence() {
    let mut fixture = Fixture::new(snapshot(), None);
    let answer = fixture.ask("payments/limits", Some("1")).unwrap();
    assert_eq!(answer.value, None);
    let decision = &answer.decisions[0];
    assert!(!decision.in_force);
    let Evidence {
        record,
        documents: Documents::InRecord { mask: None },
    } = decision.evidence.as_ref().unwrap()
    else {
        panic!()
    };
    let leaf = &record.leaf().unwrap();
    assert_eq!(leaf.policy_version.to_string(), "0".repeat(64));
    assert!(record.bundles.is_empty() && record.check(leaf).unwrap().is_consistent());
    assert!(
        fixture.ask("not a path", None).unwrap().decisions.is_empty(),
        "nothing a leaf could name"
    );
}

#[test]
fn failures_are_errors_with_codes_and_leave_evidence() {
    let mut fixture = Fixture::new(snapshot(), None);
    let conflict = fixture.ask("broken/two", Some(r#"{"x": 1}"#)).unwrap_err();
    assert_eq!(conflict.error.code(), "eval_conflict_error");
    let record = &conflict.evidence[0].record;
    let leaf = &record.leaf().unwrap();
    assert!(
        record
            .error
            .as_deref()
            .is_some_and(|error| error.contains("conflict")),
        "{:?}",
        record.error
    );
    assert!(record.result.is_none() && record.check(leaf).unwrap().is_consistent());
    assert_eq!(conflict.decision_id, Some(record.decision_id));

    fixture.limits = Limits {
        time: None,
        instructions: NonZeroU32::new(1_000),
        memory: 16_000,
    };
    assert_eq!(
        fixture.ask("broken/loop", None).unwrap_err().error.code(),
        "eval_instruction_limit_error"
    );
    fixture.limits.instructions = None;
    assert_eq!(
        fixture.ask("broken/big", None).unwrap_err().error.code(),
        "eval_memory_limit_error"
    );
    fixture.limits = Limits {
        time: Some(Duration::from_millis(5)),
        instructions: None,
        memory: u64::MAX,
    };
    assert_eq!(
        fixture.ask("broken/loop", None).unwrap_err().error.code(),
        "eval_time_limit_error"
    );
}

#[test]
fn time_comes_from_the_clock() {
    let mut fixture = Fixture::new(snapshot(), None);
    fixture.now.store(42, Ordering::Relaxed);
    let answer = fixture.ask("broken/now", None).unwrap();
    assert_eq!(answer.value, Some(value("42")));
    assert_eq!(
        answer.decisions[0].evidence.as_ref().unwrap().record.timestamp,
        Timestamp(42)
    );
}

#[test]
fn a_swap_takes_effect_with_the_next_decision_and_keeps_unchanged_engines() {
    let mut fixture = Fixture::new(snapshot(), None);
    let before = fixture
        .ask("kubernetes/network/allow", Some(r#"{"port": 80}"#))
        .unwrap();
    assert_eq!(before.value, Some(Value::Bool(false)));
    fixture.ask("kubernetes/admission/deny", None).unwrap();
    let old = fixture.store.load();
    let changed = in_force(
        "kubernetes/network",
        &NETWORK.replace("443", "80"),
        PolicyOptions::default(),
    );
    let admission = Arc::clone(old.policy("kubernetes/admission").unwrap());
    fixture.store.swap(Snapshot::new([changed, admission]).unwrap());
    let after = fixture
        .ask("kubernetes/network/allow", Some(r#"{"port": 80}"#))
        .unwrap();
    assert_eq!(after.value, Some(Value::Bool(true)));
    assert_ne!(before.decisions[0].version, after.decisions[0].version);
    let kept: Vec<bool> = fixture.decider.local.iter().map(Option::is_some).collect();
    assert_eq!(
        kept,
        [true, true],
        "the unchanged policy's engine was kept, the new one's was built"
    );
}

#[test]
fn a_stale_snapshot_follows_each_policys_fail_mode() {
    let open = PolicyOptions {
        fail: FailMode::Open,
        ..PolicyOptions::default()
    };
    let snapshot = Snapshot::new([
        in_force("kubernetes/admission", ADMISSION, open),
        in_force("kubernetes/network", NETWORK, PolicyOptions::default()),
    ])
    .unwrap();
    let mut fixture = Fixture::new(snapshot, Some(Duration::from_secs(1)));
    fixture.now.store(2_000_000_000, Ordering::Relaxed);
    let error = fixture.ask("kubernetes/network", None).unwrap_err().error;
    assert!(matches!(*error, DecideError::Stale { .. }), "{error}");
    let answer = fixture.ask("kubernetes/admission", None).unwrap();
    assert_eq!(
        answer.decisions[0].evidence.as_ref().unwrap().record.labels["stale"],
        "true"
    );
    fixture.store.confirm(Timestamp(1_999_999_999));
    assert!(fixture.ask("kubernetes/network", None).is_ok());
}

#[test]
fn bundles_must_be_what_the_registry_says() {
    let set = load::load_files([("a/p.rego", NETWORK)]).unwrap();
    let id = PolicyId::new("kubernetes/network").unwrap();
    let built = bundle::build(&set, &id).unwrap();
    let wrong = PolicyVersion(stele_types::sha256(&[b"other"]));
    let error = PolicyInForce::from_bundle(&built.bytes, &id, wrong, PolicyOptions::default()).unwrap_err();
    assert!(error.to_string().contains("digest"), "{error}");
    let other = PolicyId::new("kubernetes/other").unwrap();
    let error =
        PolicyInForce::from_bundle(&built.bytes, &other, built.digest, PolicyOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("kubernetes/network"),
        "names what it holds: {error}"
    );
}

#[test]
fn ad_hoc_queries_bind_and_fail_with_types() {
    use crate::query::{self, QueryError};
    let run = |snapshot: &Snapshot,
               policy: Option<&str>,
               text: &str,
               input: Option<&Value>,
               time,
               limits: &Limits| {
        query::run(snapshot, policy, text, (input, time), limits, false).map(|(rows, trace)| {
            assert!(trace.is_none(), "it was not asked for");
            rows
        })
    };
    let snapshot = snapshot();
    let limits = Limits::default();
    let rows = run(
        &snapshot,
        None,
        "data.kubernetes.admission.config.limits.cpu[i] = x",
        None,
        Timestamp(7),
        &limits,
    )
    .unwrap();
    let text: Vec<String> = rows.iter().map(json::to_string).collect();
    assert_eq!(text, [r#"{"i":0,"x":1}"#, r#"{"i":1,"x":2}"#]);
    let input = value(r#"{"port": 443}"#);
    assert_eq!(
        run(
            &snapshot,
            None,
            "data.kubernetes.network.allow",
            Some(&input),
            Timestamp(7),
            &limits
        )
        .unwrap()
        .len(),
        1
    );
    assert!(
        run(
            &snapshot,
            None,
            "data.kubernetes.network.allow",
            None,
            Timestamp(7),
            &limits
        )
        .unwrap()
        .is_empty()
    );
    assert_eq!(
        run(&snapshot, None, "1 + 1 == 2", None, Timestamp(7), &limits)
            .unwrap()
            .len(),
        1
    );
    assert!(matches!(
        run(&snapshot, None, "data.kubernetes", None, Timestamp(7), &limits),
        Err(QueryError::Policy { .. })
    ));
    assert!(matches!(
        run(&snapshot, Some("none"), "true", None, Timestamp(7), &limits),
        Err(QueryError::Policy { .. })
    ));
    assert!(matches!(
        run(&snapshot, None, "x := := 1", None, Timestamp(7), &limits),
        Err(QueryError::Query { .. })
    ));
}

#[test]
fn ad_hoc_queries_have_the_limits_of_decisions() {
    use crate::query::{self, QueryError};
    let run = |snapshot: &Snapshot,
               policy: Option<&str>,
               text: &str,
               input: Option<&Value>,
               time,
               limits: &Limits| {
        query::run(snapshot, policy, text, (input, time), limits, false).map(|(rows, trace)| {
            assert!(trace.is_none(), "it was not asked for");
            rows
        })
    };
    let snapshot = snapshot();
    let limits = Limits::default();
    let now = run(&snapshot, None, "x := time.now_ns()", None, Timestamp(7), &limits);
    assert_eq!(now.unwrap(), [value(r#"{"x": 7}"#)]);
    let evaluation =
        |query: &str, limits: &Limits| match run(&snapshot, None, query, None, Timestamp(7), limits) {
            Err(QueryError::Evaluation { code, .. }) => code,
            other => panic!("{query}: {other:?}"),
        };
    assert_eq!(evaluation("http.send({})", &limits), "eval_builtin_error");
    let few = Limits {
        instructions: NonZeroU32::new(1_000),
        ..limits
    };
    assert_eq!(
        evaluation("data.broken.loop", &few),
        "eval_instruction_limit_error"
    );
    let little = Limits {
        memory: 16_000,
        ..limits
    };
    assert_eq!(
        evaluation("x := data.broken.big", &little),
        "eval_memory_limit_error"
    );
    let short = Limits {
        time: Some(Duration::from_millis(5)),
        ..limits
    };
    let error = run(&snapshot, None, "data.broken.loop", None, Timestamp(7), &short).unwrap_err();
    assert!(
        matches!(
            error,
            QueryError::Evaluation {
                code: "eval_time_limit_error",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_mask_policy_sees_the_record_and_a_broken_one_withholds_the_decision() {
    let mask = "# METADATA\n# custom:\n#   id: system/log\npackage system.log\n\n\
        mask contains \"/input/password\" if input.input.password\n\nmask contains x if {\n\tinput.input.broken\n\tx := 1 / 0\n}\n";
    let snapshot = Snapshot::new([
        in_force("kubernetes/admission", ADMISSION, PolicyOptions::default()),
        in_force("system/log", mask, PolicyOptions::default()),
    ])
    .unwrap();
    let mut fixture = Fixture::new(snapshot, None);
    let answer = fixture
        .ask("kubernetes/admission/deny", Some(r#"{"password": "x"}"#))
        .unwrap();
    let evidence = answer.decisions[0].evidence.as_ref().unwrap();
    assert_eq!(
        evidence.documents,
        Documents::InRecord {
            mask: Some(Value::set([Value::string("/input/password")]))
        }
    );
    assert!(
        evidence.record.input.as_ref().unwrap().get("password").is_some(),
        "the sink masks, after the leaf"
    );
    let error = fixture
        .ask("kubernetes/admission/deny", Some(r#"{"broken": true}"#))
        .unwrap_err();
    assert_eq!(error.error.code(), "mask_error");
    assert!(error.evidence.is_empty());
}

#[test]
fn paths_of_missing_policies_are_refused_and_never_undefined() {
    let ids = ["kubernetes/images", "kubernetes"].map(|id| PolicyId::new(id).unwrap());
    let admission = in_force("kubernetes/admission", ADMISSION, PolicyOptions::default());
    let snapshot = Snapshot::new([admission]).unwrap();
    let mut fixture = Fixture::new(snapshot.clone().with_missing(&ids[..1]), None);
    for path in ["kubernetes/images", "kubernetes/images/deny", "kubernetes", ""] {
        assert_eq!(
            fixture.ask(path, None).unwrap_err().error.code(),
            "policy_unavailable",
            "{path}"
        );
    }
    assert!(fixture.ask("kubernetes/admission/deny", None).is_ok());
    assert!(fixture.ask("payments", None).is_ok());
    let mut fixture = Fixture::new(snapshot.with_missing(&ids[1..]), None);
    assert!(
        fixture.ask("kubernetes/admission/deny", None).is_ok(),
        "the longer policy is in force"
    );
    assert!(fixture.ask("kubernetes/network", None).is_err());
    let mut fixture = Fixture::new(Snapshot::unknown(), None);
    assert_eq!(
        fixture.ask("any/thing", None).unwrap_err().error.code(),
        "policy_unavailable"
    );
}

#[test]
fn records_say_what_can_not_be_challenged() {
    let contract = crate::ContractRef {
        address: NodeAddress([9; 20]),
        code_hash: stele_types::Digest([9; 32]),
    };
    let deployed = PolicyOptions {
        contract: Some(contract),
        ..PolicyOptions::default()
    };
    let text = "# METADATA\n# title: T\n# custom:\n#   id: p\npackage p\n\nallow if input.x > 1\n\nhelper := 1\n\nbroken := v if some v in [1, 2]\n";
    let strict = text
        .replace("#   id: p\n", "#   id: q\n#   require_challengeable: true\n")
        .replace("package p", "package q");
    let bare = text
        .replace("id: p\n", "id: r\n")
        .replace("package p", "package r");
    let snapshot = Snapshot::new(vec![
        in_force("p", text, deployed.clone()),
        in_force("q", &strict, deployed),
        in_force("r", &bare, PolicyOptions::default()),
    ])
    .unwrap();
    let mut fixture = Fixture::new(snapshot, None);
    let wide = r#"{"x": 1e-30}"#;
    for (path, input, reason) in [
        ("p/allow", r#"{"x": 2}"#, None),
        ("p", r#"{"x": 2, "y": 1.5}"#, Some("the evaluation failed")),
        (
            "p/allow",
            wide,
            Some("the input has a number that contracts can't hold"),
        ),
        (
            "p/helper",
            "{}",
            Some("the rule is no entry point of the policy's contract"),
        ),
        ("r/allow", "{}", Some("the policy has no contract")),
        ("nothing/here", "{}", Some("no policy was in force")),
        ("q/allow", r#"{"x": 2}"#, None),
    ] {
        let record = match fixture.ask(path, Some(input)) {
            Ok(answer) => answer.decisions[0].evidence.as_ref().unwrap().record.clone(),
            Err(failure) => failure.evidence[0].record.clone(),
        };
        let said = record.labels.get("challengeable_reason").map(String::as_str);
        assert_eq!(said, reason, "{path} {input}");
        assert_eq!(record.labels.contains_key("challengeable"), reason.is_some());
    }
    // Where it is required, such requests are refused, and a number is refused before anything is recorded.
    for (path, input) in [("q/helper", "{}"), ("q/allow", wide)] {
        let failure = fixture.ask(path, Some(input)).unwrap_err();
        assert!(
            matches!(*failure.error, DecideError::NotChallengeable { .. }),
            "{path}: {failure}"
        );
        assert!(failure.evidence.is_empty());
    }
}
