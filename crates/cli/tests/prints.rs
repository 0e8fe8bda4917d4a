//! What policies print while a node decides.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod support;

use serde_json::Value;
use std::fmt::Write as _;
use support::{Node, Site};

const POLICY: &str = r#"# METADATA
# title: Talk
# description: Prints.
# custom:
#   id: talk
package talk

# METADATA
# title: Deny
# description: Prints and denies.
# custom:
#   id: TALK-1
deny contains "no" if {
	print("name is", input.name, input.gone)
	input.name
}

loud if {
	some i in numbers.range(1, 2500)
	print(i)
	i < 0
}

failing if {
	print("before")
	input.name == "a"
	to_number("x") == 1
}
"#;

fn up(site: &Site) -> Node {
    let mut policy = POLICY.to_owned();
    // Each level holds the one before it twice: forty words, and a trillion of them written out.
    policy.push_str("\nv0 := [input.name, input.name]\n");
    for level in 1..=40 {
        writeln!(policy, "\nv{level} := [v{0}, v{0}]", level - 1).unwrap();
    }
    policy.push_str("\nhuge if {\n\tprint(v40)\n\tinput.name\n}\n");
    std::fs::create_dir(site.path().join("policies")).unwrap();
    std::fs::write(site.path().join("policies/talk.rego"), policy).unwrap();
    site.up_with(&["--set", "log.format=json"])
}

fn lines(log: &str) -> Vec<Value> {
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["target"] == "stele::print").collect()
}

#[test]
fn a_decision_writes_what_it_prints_to_the_log() {
    let site = Site::new();
    let node = up(&site);
    let body = br#"{"input": {"name": "a\nb\u001b[31m"}}"#;
    let answer = node.json("POST", "/v1/data/talk/deny", body);
    assert_eq!(answer["result"], serde_json::json!(["no"]));
    let (status, _) = node.http(
        "POST",
        "/v1/data/talk/failing?strict-builtin-errors",
        br#"{"input": {"name": "a"}}"#,
    );
    assert_eq!(status, 500);
    let lines = lines(&node.interrupt());
    assert_eq!(lines.len(), 2, "{lines:?}");
    let fields = &lines[0]["fields"];
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(fields["message"], r"name is a\nb\u{1b}[31m <undefined>");
    assert_eq!(fields["policy"], "talk");
    assert_eq!(fields["decision_id"], answer["decision_id"]);
    assert_eq!(fields["file"], "talk/talk.rego");
    assert_eq!(fields["line"], 14);
    assert_eq!(lines[1]["fields"]["message"], "before");
}

#[test]
fn a_log_gets_no_more_than_it_can_bear() {
    let site = Site::new();
    let node = up(&site);
    node.json("POST", "/v1/data/talk/loud", br#"{"input": {}}"#);
    let lines = lines(&node.interrupt());
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[99]["fields"]["message"], "100");
    assert_eq!(lines[100]["level"], "WARN");
    assert_eq!(lines[100]["fields"]["left_out"], 2_400);
}

#[test]
fn printing_what_repeats_itself_ends_at_a_limit() {
    let site = Site::new();
    let node = up(&site);
    let (status, answer) = node.http("POST", "/v1/data/talk/huge", br#"{"input": {"name": "a"}}"#);
    assert_eq!(status, 500, "{answer}");
    assert!(answer.contains("memory"), "{answer}");
    // Explanations write values out as well.
    let (status, answer) = node.http(
        "POST",
        "/v1/data/talk/deny?explain=full",
        br#"{"input": {"name": "a"}}"#,
    );
    assert_eq!(status, 200, "{answer}");
    assert_eq!(lines(&node.interrupt()).len(), 1);
}
