use super::*;
use crate::testing;
use stele_types::{DecisionRecord, Digest, NodeAddress, PolicyVersion, Salt, Timestamp};

const POLICY: &str = r#"# METADATA
# custom:
#   id: a
package a

import data.lib

default allow := false

allow if {
	input.user == "root"
	count(deny) == 0
}

deny contains msg if {
	some pod in input.pods
	not lib.trusted(pod.image)
	msg := sprintf("%s is not trusted", [pod.image])
}

deny contains "old" if input.version < data.limits.version

level := "high" if {
	count(deny) > 5
} else := "low"
"#;
const LIBRARY: &str = "package lib\n\ntrusted(image) if {\n\tsome prefix in data.limits.prefixes\n\tstartswith(image, prefix)\n}\n";
const DATA: &str = r#"{"limits": {"version": 2, "prefixes": ["corp/", "mirror/"]}}"#;
const INPUT: &str = r#"{"user": "bob", "version": 3, "pods": [{"image": "corp/x"}, {"image": "evil/y"}]}"#;

fn set() -> PolicySet {
    testing::set(&[("a.rego", POLICY), ("lib.rego", LIBRARY), ("data.json", DATA)])
}

fn explained(entry_point: &str, recorded: Option<&str>) -> Result<Explanation, ExplainError> {
    let (policy, entry_point) = (PolicyId::new("a").unwrap(), EntryPoint::new(entry_point).unwrap());
    let (input, recorded) = (testing::json(INPUT), recorded.map(testing::json));
    let request = ExplainRequest {
        policy: &policy,
        entry_point: &entry_point,
        input: Some(&input),
        context: EvalContext::default(),
        recorded: recorded.as_ref(),
        search: None,
    };
    explain(&set(), &request)
}

fn rule<'a>(explanation: &'a Explanation, name: &str) -> &'a RuleExplanation {
    let found = explanation.rules.iter().find(|rule| rule.name == name);
    found.unwrap_or_else(|| panic!("{name}: {}", explanation.to_text()))
}

#[test]
fn a_denial_names_the_values_and_a_failed_definition_its_line() {
    let explanation = explained("a/deny", Some(r#"["evil/y is not trusted"]"#)).unwrap();
    let deny = rule(&explanation, "data.a.deny");
    assert_eq!(deny.definitions.len(), 2);
    let Outcome::Held(instances) = &deny.definitions[0].outcome else {
        panic!("{}", explanation.to_text())
    };
    assert_eq!(instances.len(), 1);
    assert_eq!(
        instances[0].locals["pod"],
        testing::json(r#"{"image": "evil/y"}"#)
    );
    assert_eq!(instances[0].value, Some(Value::from("evil/y is not trusted")));
    let Outcome::Failed { at, source, with } = &deny.definitions[1].outcome else {
        panic!("{}", explanation.to_text())
    };
    assert_eq!(
        (at.to_string().as_str(), source.as_str()),
        ("a.rego:21:24", "input.version < data.limits.version")
    );
    let operands = [
        ("input.version".to_owned(), vec![Value::from(3)]),
        ("data.limits.version".to_owned(), vec![Value::from(2)]),
    ];
    assert_eq!(with[0].operands, operands);
}

#[test]
fn functions_are_explained_with_their_arguments() {
    let explanation = explained("a/deny", Some(r#"["evil/y is not trusted"]"#)).unwrap();
    let call = |image: &str| {
        let args = Some(vec![Value::from(image)]);
        explanation
            .rules
            .iter()
            .find(|rule| rule.name == "data.lib.trusted" && rule.args == args)
            .unwrap()
    };
    let Outcome::Held(instances) = &call("corp/x").definitions[0].outcome else {
        panic!()
    };
    assert_eq!(instances[0].locals["prefix"], Value::from("corp/"));
    let Outcome::Failed { at, with, .. } = &call("evil/y").definitions[0].outcome else {
        panic!()
    };
    assert_eq!(at.to_string(), "lib.rego:5:2");
    assert_eq!(with.len(), 2, "one for each prefix that was tried");
    assert_eq!(with[0].locals["image"], Value::from("evil/y"));
}

#[test]
fn a_default_is_explained_by_what_failed_instead() {
    let explanation = explained("a/allow", Some("false")).unwrap();
    let allow = rule(&explanation, "data.a.allow");
    assert_eq!(allow.definitions[0].outcome, Outcome::Default(Value::Bool(false)));
    let Outcome::Failed { at, source, with } = &allow.definitions[1].outcome else {
        panic!()
    };
    assert_eq!((at.line, source.as_str()), (11, "input.user == \"root\""));
    assert_eq!(
        with[0].operands,
        [("input.user".to_owned(), vec![Value::from("bob")])]
    );
    assert_eq!(
        explanation.rules[0].name, "data.a.allow",
        "the entry point comes first"
    );
    assert!(
        !explanation.rules.iter().any(|rule| rule.name == "data.a.deny"),
        "the failed statement comes before what refers to it"
    );
}

#[test]
fn else_branches() {
    let explanation = explained("a/level", Some("\"low\"")).unwrap();
    let level = rule(&explanation, "data.a.level");
    let Outcome::Failed { at, .. } = &level.definitions[0].outcome else {
        panic!()
    };
    assert_eq!(at.line, 24);
    let Outcome::Held(instances) = &level.definitions[1].outcome else {
        panic!()
    };
    assert_eq!(instances[0].value, Some(Value::from("low")));
}

#[test]
fn a_result_that_does_not_come_out_again_is_not_explained() {
    for recorded in [None, Some("[]"), Some("true")] {
        let error = explained("a/deny", recorded).unwrap_err();
        assert!(matches!(error, ExplainError::Differs { .. }), "{error}");
    }
    let error = explained("a/deny", None).unwrap_err().to_string();
    assert_eq!(
        error,
        r#"can't explain: evaluating again gives ["evil/y is not trusted"], but the record says undefined"#
    );
}

#[test]
fn a_package_is_explained_by_all_its_rules() {
    let recorded = r#"{"allow": false, "deny": ["evil/y is not trusted"], "level": "low"}"#;
    let explanation = explained("a", Some(recorded)).unwrap();
    for name in ["data.a.allow", "data.a.deny", "data.a.level"] {
        rule(&explanation, name);
    }
}

#[test]
fn text_shows_places_sources_and_values() {
    let text = explained("a/deny", Some(r#"["evil/y is not trusted"]"#))
        .unwrap()
        .to_text();
    for part in [
        "a/deny = [\"evil/y is not trusted\"]\n",
        "evaluated again with the same result\n",
        "  a.rego:15:1  deny contains msg if {\n    held\n",
        "pod = {\"image\":\"evil/y\"}",
        "gives \"evil/y is not trusted\"",
        "    failed at a.rego:21:24: input.version < data.limits.version\n      input.version = 3\n      data.limits.version = 2\n",
        "data.lib.trusted(\"evil/y\")",
    ] {
        assert!(text.contains(part), "{part}\n---\n{text}");
    }
}

#[test]
fn an_unknown_policy_is_an_error() {
    let (policy, entry_point) = (PolicyId::new("b").unwrap(), EntryPoint::new("b/deny").unwrap());
    let request = ExplainRequest {
        policy: &policy,
        entry_point: &entry_point,
        input: None,
        context: EvalContext::default(),
        recorded: None,
        search: None,
    };
    assert_eq!(
        explain(&set(), &request),
        Err(ExplainError::UnknownPolicy(policy.clone()))
    );
}

/// A decision on record, of the policy above.
fn record() -> DecisionRecord {
    let mut record = DecisionRecord::new(
        "0190b3c2-7d2e-7c4a-9a43-0d2f6a1b5c3d".parse().unwrap(),
        Timestamp(1),
        NodeAddress([1; 20]),
        PolicyId::new("a").unwrap(),
        PolicyVersion(Digest([2; 32])),
        EntryPoint::new("a/level").unwrap(),
        Digest([3; 32]),
        Salt([4; 32]),
        Salt([5; 32]),
    );
    record.input = Some(testing::json(INPUT));
    record.result = Some(testing::json("\"low\""));
    record
}

#[test]
fn a_record_is_explained_while_it_holds_what_that_takes() {
    let asked = |record: &DecisionRecord| {
        let recorded = Recorded::new(record)?;
        recorded.ask(None, |request| explain(&set(), request))
    };
    let explanation = asked(&record()).unwrap();
    assert_eq!(explanation.result, Some(testing::json("\"low\"")));
    // Another place that was withheld is in nobody's way.
    let mut other = record();
    other.masked.push("/labels/region".to_owned());
    asked(&other).unwrap();
    for (member, what) in [
        ("/input/user", "the input"),
        ("/result", "the result"),
        ("/nd_builtin_cache", "what impure builtins gave"),
    ] {
        let (mut masked, mut erased) = (record(), record());
        masked.masked.push(member.to_owned());
        erased.erased.push(member.to_owned());
        for record in [masked, erased] {
            let error = asked(&record).unwrap_err();
            assert!(
                matches!(error, ExplainError::Withheld(found) if found == what),
                "{error}"
            );
        }
    }
    let mut failed = record();
    failed.error = Some("too many instructions".to_owned());
    let error = asked(&failed).unwrap_err().to_string();
    assert!(error.contains("too many instructions"), "{error}");
    let mut strange = record();
    strange.nd_builtin_cache = Some(testing::json("[]"));
    assert!(matches!(asked(&strange), Err(ExplainError::Calls(_))));
}
