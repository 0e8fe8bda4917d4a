//! JSON is asked about as text: what is found there is what is found in its values.

use std::sync::LazyLock;

use proptest::prelude::*;
use stele_policy::load;
use stele_types::{Timestamp, json};

use super::*;
use crate::source::{Origin, Source};

/// What policies do with a plan: members by name, by computed keys, everything, and what is missing.
const POLICY: &str = r#"# METADATA
# custom:
#   id: own/plan
#   severity: high
#   inputs: [terraform-plan, json]
package own.plan

deny contains {"message": sprintf("%s is open", [change.address]), "resource": change.address} if {
	some change in input.resource_changes
	change.change.after.open == true
}

deny contains sprintf("%s has no tags", [change.address]) if {
	some change in input.resource_changes
	not change.change.after.tags
}

deny_anywhere contains sprintf("%v", [path]) if {
	walk(input, [path, value])
	value == "secret"
}

deny_member contains key if {
	some key, value in input
	is_object(value)
	value.bad
}

warn contains sprintf("%d changes, %v", [count(input.resource_changes), input.timestamp]) if {
	count(input.resource_changes) > 2
}

violation_state contains x if {
	some i
	x := input.prior_state.values[i].name
	object.get(input, ["configuration", x], "none") != "none"
}

exception contains ["member"] if input.excepted
"#;

fn checker() -> Checker {
    let set = load::load_files([("own.rego", POLICY)]).unwrap();
    let checker = Checker::new(vec![Part::whole(set)], Timestamp::from_nanos(1));
    checker.unwrap().explaining(true)
}

fn read(text: &str) -> Input {
    let source = Source {
        name: "plan.json".to_owned(),
        origin: Origin::Text(text.to_owned()),
        kind: None,
        configuration: None,
    };
    source.read().unwrap()
}

/// The input with all its values in memory.
fn in_memory(input: Input) -> Input {
    let Input { documents, text, .. } = input;
    let documents = documents
        .into_iter()
        .map(|(number, kind, document)| (number, kind, document.read(&text)))
        .collect();
    Input {
        documents,
        text,
        ..input
    }
}

/// Asks about a text both ways.
fn agreed(input: Input) -> Checked {
    static CHECKER: LazyLock<Checker> = LazyLock::new(checker);
    let mut worker = CHECKER.worker();
    let found = worker.check(&input);
    let input = in_memory(input);
    // Twice, because workers keep what they learn.
    for _ in 0..2 {
        let other = worker.check(&input);
        assert_eq!(found.findings, other.findings);
        assert_eq!(found.failures, other.failures);
        assert_eq!(found.checks, other.checks);
    }
    found
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::from("secret")),
        "[a-c\"\\\\\u{e4}\n]{0,4}".prop_map(Value::from),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let known = ["bad", "open", "tags", "name", "a\"b", "x\u{e4}"].map(str::to_owned);
    proptest::sample::select(known.to_vec())
}

fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key().prop_map(Value::from), inner), 0..5).prop_map(Value::object),
        ]
    })
}

fn member(key: &str, value: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<(Value, Value)>> {
    let key = Value::from(key);
    proptest::option::of(value)
        .prop_map(move |value| value.map(|value| (key.clone(), value)).into_iter().collect())
}

fn change() -> impl Strategy<Value = Value> {
    let address = "[a-b]\\.[a-c]".prop_map(Value::from);
    (address, tree()).prop_map(|(address, after)| {
        let change = Value::object([("after".into(), after)]);
        Value::object([("address".into(), address), ("change".into(), change)])
    })
}

fn plan() -> impl Strategy<Value = Value> {
    let changes = proptest::collection::vec(change(), 0..6).prop_map(Value::from);
    let states = proptest::collection::vec(tree(), 0..4);
    let state = states.prop_map(|states| Value::object([("values".into(), Value::from(states))]));
    let members = (
        member("prior_state", state),
        member("configuration", tree()),
        member("planned_values", tree()),
        member("timestamp", scalar()),
        member("excepted", any::<bool>().prop_map(Value::from)),
    );
    (changes, members).prop_map(|(changes, (a, b, c, d, e))| {
        let always = [
            ("resource_changes".into(), changes),
            ("format_version".into(), "1.2".into()),
        ];
        Value::object(always.into_iter().chain([a, b, c, d, e].concat()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_text_says_what_its_values_say(plan in plan(), pretty in any::<bool>(), mark in any::<bool>()) {
        let text = if pretty { json::to_string_pretty(&plan) } else { json::to_string(&plan) };
        let mark = if mark { "\u{feff}" } else { "" };
        agreed(read(&format!("{mark}{text}")));
    }
}

#[test]
fn of_equal_keys_the_last_counts_and_long_lists_have_places() {
    let change = |n: usize| {
        format!(
            "{{\"address\": \"a.b[{n}]\", \"change\": {{\"after\": {{\"tags\": 1, \"open\": {}}}}}}}",
            n % 900 == 7
        )
    };
    let changes: Vec<String> = (0..2_000).map(change).collect();
    let text = format!(
        "{{\"format_version\": \"1\", \"prior_state\": {{\"bad\": 1}}, \"resource_changes\": [1], \"prior_state\": {{\"bad\": false}},\n\"resource_changes\": [{}]}}",
        changes.join(",\n")
    );
    let found = agreed(read(&text));
    let open: Vec<usize> = found
        .findings
        .iter()
        .filter(|finding| finding.message.ends_with("is open"))
        .map(|finding| finding.start.line)
        .collect();
    assert_eq!(open, [9, 909, 1809]);
    let resources = found
        .findings
        .iter()
        .filter_map(|finding| finding.resource.as_deref());
    assert_eq!(resources.collect::<Vec<_>>(), ["a.b[7]", "a.b[907]", "a.b[1807]"]);
    assert!(
        !found
            .findings
            .iter()
            .any(|finding| finding.rule.contains("member"))
    );
}
