//! Impure builtins in decisions, and what the record keeps of them.

use std::sync::Mutex;

use stele_policy::nd::{NdCache, NdCalls, NdError};

use super::*;
use crate::nd::{NdBounds, NdHost};

const POLICY: &str = "# METADATA\n# custom:\n#   id: a\npackage a\n\n\
    ids := {uuid.rfc4122(\"x\"), uuid.rfc4122(\"x\"), uuid.rfc4122(\"y\")}\n\n\
    dice := rand.intn(\"x\", 1000000)\n\n\
    owner := http.send({\"method\": \"get\", \"url\": input.url}).body\n\n\
    run := opa.runtime()\n\n\
    plain := 1\n";

/// Echoes the URL, and notes what it had to keep to.
#[derive(Default)]
struct Echo(Mutex<Vec<NdBounds>>);

impl NdHost for Echo {
    fn call(&self, name: &'static str, args: &[Value], bounds: NdBounds) -> Result<Value, NdError> {
        assert_eq!(name, "http.send");
        self.0.lock().unwrap().push(bounds);
        match args[0].get("url") {
            Some(url) => Ok(Value::object([("body".into(), url.clone())])),
            None => Err(NdError::Failed("no url".to_owned())),
        }
    }
}

fn fixture(host: Option<Arc<dyn NdHost>>) -> Fixture {
    let snapshot = Snapshot::new([in_force("a", POLICY, PolicyOptions::default())]).unwrap();
    let mut fixture = Fixture::new(snapshot, None);
    fixture.decider = fixture.decider.with_host(host);
    fixture
}

fn record(answer: &Answer) -> &DecisionRecord {
    &answer.decisions[0].evidence.as_ref().unwrap().record
}

fn text(value: Option<&Value>) -> String {
    value.map(json::to_string).unwrap_or_default()
}

#[test]
fn chance_is_drawn_anew_for_each_decision_and_recorded() {
    let mut fixture = fixture(None);
    let first = fixture.ask("a/ids", None).unwrap();
    let second = fixture.ask("a/ids", None).unwrap();
    assert_ne!(first.value, second.value);
    let Some(Value::Set(ids)) = &first.value else {
        panic!()
    };
    assert_eq!(ids.len(), 2, "one for each argument");
    let cache = record(&first).nd_builtin_cache.as_ref().unwrap();
    assert_eq!(cache.get("uuid.rfc4122").unwrap().as_object().unwrap().len(), 2);

    let dice = fixture.ask("a/dice", None).unwrap();
    let number = dice.value.as_ref().map(json::to_string).unwrap();
    assert_eq!(
        text(record(&dice).nd_builtin_cache.as_ref()),
        format!(r#"{{"rand.intn":{{"[\"x\",1000000]":{number}}}}}"#)
    );
    let plain = fixture.ask("a/plain", None).unwrap();
    assert_eq!(record(&plain).nd_builtin_cache, None);
    record(&dice).leaf().unwrap();
}

#[test]
fn the_runtime_is_the_labels_and_no_environment() {
    let run = fixture(None).ask("a/run", None).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text(run.value.as_ref()),
        format!(r#"{{"config":{{"labels":{{"env":"test"}}}},"env":{{}},"version":"{version}"}}"#)
    );
}

#[test]
fn the_host_is_asked_within_the_decisions_time_and_recorded() {
    let host = Arc::new(Echo::default());
    let mut fixture = fixture(Some(Arc::<Echo>::clone(&host)));
    fixture.limits.time = Some(Duration::from_secs(3));
    let answer = fixture.ask("a/owner", Some(r#"{"url": "http://x"}"#)).unwrap();
    assert_eq!(text(answer.value.as_ref()), r#""http://x""#);
    let bounds = NdBounds {
        time: Timestamp(1_000),
        left: Some(Duration::from_secs(3)),
    };
    // The fixture asks three times: with the input as a value, as JSON, and as a member of JSON.
    assert_eq!(*host.0.lock().unwrap(), [bounds; 3]);
    let cache = record(&answer).nd_builtin_cache.as_ref();
    assert_eq!(
        text(cache),
        r#"{"http.send":{"[{\"method\":\"get\",\"url\":\"http://x\"}]":{"body":"http://x"}}}"#
    );
    let replay = NdCache::of_record(cache).unwrap();
    assert_eq!(replay.len(), 1);
    NdCalls::new(&replay)
        .call("http.send", &[value(r#"{"method": "get", "url": "http://x"}"#)])
        .unwrap();
}

#[test]
fn without_a_host_nothing_outside_is_asked_and_the_error_says_how_to_mend_it() {
    let failure = fixture(None)
        .ask("a/owner", Some(r#"{"url": "http://x"}"#))
        .unwrap_err();
    let message = failure.error.to_string();
    assert!(message.contains("server.nd_builtins.allow_net"), "{message}");
    assert_eq!(failure.error.code(), "eval_builtin_error");
    assert_eq!(failure.error.place().unwrap().line, 10);
    assert_eq!(failure.evidence.len(), 1, "the refusal is on record");
    assert_eq!(failure.evidence[0].record.nd_builtin_cache, None);
}

#[test]
fn a_mask_has_no_impure_builtins() {
    let mask = "# METADATA\n# custom:\n#   id: system/log\npackage system.log\n\n\
        mask contains \"/input\" if rand.intn(\"x\", 2) == 1\n";
    let snapshot = Snapshot::new([
        in_force("a", POLICY, PolicyOptions::default()),
        in_force("system/log", mask, PolicyOptions::default()),
    ])
    .unwrap();
    let error = Fixture::new(snapshot, None).ask("a/plain", None).unwrap_err();
    assert_eq!(error.error.code(), "mask_error");
    assert!(error.error.to_string().contains("rand.intn"), "{}", error.error);
}
