//! What documents mean, one convention at a time.

use stele_types::json;

use super::*;

/// A policy with the rules that a test needs.
fn policy(enforcement: &str, rules: &str) -> Policy {
    let text = format!(
        "# METADATA\n# custom:\n#   id: example/pods\n#   enforcement: {enforcement}\npackage example.pods\n\n{rules}\n"
    );
    let set = stele_policy::load::load_files([("example/pods.rego", text)]).unwrap();
    set.policies().next().unwrap().clone()
}

const FINDINGS: &str = "deny contains \"no\" if input.deny\n\nwarn contains \"hm\" if input.warn";
const ALLOW: &str = "default allow := false\n\nallow if input.ok";

fn verdict(policy: &Policy, rule: &str, document: Option<&str>) -> Verdict {
    let value = document.map(|text| json::parse(text.as_bytes(), &json::Limits::default()).unwrap());
    let path = if rule.is_empty() {
        policy.id.to_string()
    } else {
        format!("{}/{rule}", policy.id)
    };
    judge(policy, &EntryPoint::new(&path).unwrap(), value.as_ref()).verdict
}

#[test]
fn packages_are_judged_by_all_their_conventional_rules() {
    let findings = policy("deny", FINDINGS);
    let allow = policy("deny", ALLOW);
    let cases = [
        (&findings, r#"{"deny": ["no"]}"#, Verdict::Deny),
        (&findings, r#"{"violation": [{"msg": "no"}]}"#, Verdict::Deny),
        (&findings, r#"{"deny": [], "warn": []}"#, Verdict::Allow),
        (&findings, r#"{"warn": ["hm"]}"#, Verdict::Warn),
        (&findings, r#"{"deny": ["no"], "warn": ["hm"]}"#, Verdict::Deny),
        (&findings, r#"{"limits": {"cpu": 1}}"#, Verdict::Undetermined),
        (&allow, r#"{"allow": true}"#, Verdict::Allow),
        (&allow, r#"{"allow": false}"#, Verdict::Deny),
        (&allow, r#"{"allow": "true"}"#, Verdict::Deny),
        (&allow, "{}", Verdict::Deny),
        (&allow, r#"{"allow": true, "deny": ["no"]}"#, Verdict::Deny),
        (&allow, r#"{"allow": false, "deny": []}"#, Verdict::Deny),
    ];
    for (policy, document, expected) in cases {
        assert_eq!(verdict(policy, "", Some(document)), expected, "{document}");
    }
    assert_eq!(
        verdict(&allow, "", None),
        Verdict::Deny,
        "an undefined package that should have allowed"
    );
    assert_eq!(verdict(&findings, "", None), Verdict::Undetermined);
}

#[test]
fn enforcement_lowers_refusals_and_warnings() {
    let dry = policy("dryrun", &format!("{ALLOW}\n\n{FINDINGS}"));
    assert_eq!(
        verdict(&dry, "", Some(r#"{"deny": ["no"], "allow": false}"#)),
        Verdict::DryRun
    );
    assert_eq!(
        verdict(&dry, "", Some(r#"{"warn": ["hm"], "allow": true}"#)),
        Verdict::DryRun,
        "a trial never warns"
    );
    let warn = policy("warn", FINDINGS);
    assert_eq!(verdict(&warn, "deny", Some(r#"["no"]"#)), Verdict::Warn);
}

#[test]
fn a_rule_with_an_enforcement_of_its_own_counts_with_that() {
    let rules = "# METADATA\n# custom:\n#   id: example/pods/trial\n#   enforcement: dryrun\n\
                 deny contains {\"id\": \"example/pods/trial\", \"msg\": \"x\"} if input.a\n\n\
                 # METADATA\n# custom:\n#   id: example/pods/real\n\
                 deny contains {\"id\": \"example/pods/real\", \"msg\": \"y\"} if input.b";
    let policy = policy("deny", rules);
    let trial = r#"{"id": "example/pods/trial", "msg": "x"}"#;
    assert_eq!(
        verdict(&policy, "", Some(&format!(r#"{{"deny": [{trial}]}}"#))),
        Verdict::DryRun
    );
    let both = format!(r#"{{"deny": [{trial}, {{"id": "example/pods/real", "msg": "y"}}]}}"#);
    assert_eq!(verdict(&policy, "", Some(&both)), Verdict::Deny);
}

#[test]
fn single_rules_are_judged_by_name() {
    let policy = policy("deny", FINDINGS);
    let cases = [
        ("allow", Some("true"), Verdict::Allow),
        ("allow", Some("false"), Verdict::Deny),
        ("allow", Some("1"), Verdict::Deny),
        ("allow", None, Verdict::Deny),
        ("deny", Some("[]"), Verdict::Allow),
        ("deny", None, Verdict::Allow),
        ("deny", Some(r#"["x"]"#), Verdict::Deny),
        ("deny", Some("true"), Verdict::Deny),
        ("warn", Some(r#"["x"]"#), Verdict::Warn),
        ("is_admin", Some("true"), Verdict::Undetermined),
        ("owners", Some(r#"["x"]"#), Verdict::Undetermined),
    ];
    for (rule, document, expected) in cases {
        assert_eq!(verdict(&policy, rule, document), expected, "{rule} {document:?}");
    }
}
