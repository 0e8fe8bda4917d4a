use super::*;
use crate::testing;

const SUB: &str =
    "# METADATA\n# scope: subpackages\n# custom:\n#   owner: above\n#   severity: low\npackage a\n";
const POLICY: &str = r#"# METADATA
# title: Policy
# custom:
#   id: a/b
#   severity: high
#   controls: ["x:1"]
package a.b

import data.a.b

default allow := false

# METADATA
# scope: document
# custom:
#   remediation: for all denials
# METADATA
# title: First
# custom:
#   id: a/b/first
deny contains "1" if input.x

# METADATA
# title: Second
# custom:
#   severity: critical
#   controls: ["y:2"]
deny contains "2" if input.y

# METADATA
# entrypoint: true
report := {"n": 1}

helper(x) := x

hidden := helper(1)
"#;

#[test]
fn rules_inherit_from_document_package_and_above() {
    let set = testing::set(&[("a.rego", SUB), ("b.rego", POLICY)]);
    let policy = set.policy(&PolicyId::new("a/b").unwrap()).unwrap();
    assert_eq!(policy.custom.owner.as_deref(), Some("above"));
    assert_eq!(
        policy.severity(),
        Severity::High,
        "the package's own severity wins"
    );
    let first = policy.rule_by_id("a/b/first").unwrap();
    assert_eq!(first.custom.severity, Some(Severity::High));
    assert_eq!(first.custom.controls, ["x:1"]);
    assert_eq!(first.custom.owner.as_deref(), Some("above"));
    assert_eq!(first.place.line, 21);
    let second = policy.rules_named("deny").nth(1).unwrap();
    assert_eq!(second.custom.severity, Some(Severity::Critical));
    assert_eq!(second.custom.controls, ["y:2"]);
    assert_eq!(second.custom.id, None, "ids are not inherited");
    let names: Vec<(&str, bool)> = policy
        .rules
        .iter()
        .map(|r| (r.name.as_str(), r.annotated))
        .collect();
    assert_eq!(
        names,
        [
            ("allow", false),
            ("deny", true),
            ("deny", true),
            ("report", true),
            ("hidden", false)
        ]
    );
}

#[test]
fn entry_points_are_conventional_or_marked() {
    let set = testing::set(&[("b.rego", POLICY)]);
    let policy = set.policies().next().unwrap();
    let paths: Vec<&str> = policy.entry_points.iter().map(EntryPoint::as_str).collect();
    assert_eq!(paths, ["a/b/allow", "a/b/deny", "a/b/report"]);
}

#[test]
fn a_package_without_an_id_is_a_library() {
    let set = testing::set(&[("l.rego", "# METADATA\n# title: L\npackage lib\n\nf(x) := x\n")]);
    assert_eq!(set.policies().count(), 0);
    assert_eq!(set.modules().len(), 1);
}

#[test]
fn a_second_package_block_is_a_problem() {
    let block = "# METADATA\n# title: T\n# custom:\n#   id: a\npackage a\n";
    let found = testing::problems(&[("x.rego", block), ("y.rego", block)]);
    assert_eq!(
        (found[0].code.as_str(), found[0].file.as_str()),
        ("duplicate-package-metadata", "y.rego")
    );
    assert!(found[0].message.contains("x.rego:1:1"), "{}", found[0].message);
}
