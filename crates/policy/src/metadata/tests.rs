use super::*;
use crate::testing;

const HEAD: &str = "# METADATA\n# title: T\n# custom:\n#   id: a/b\n";

fn first(text: &str) -> Problem {
    testing::problems(&[("p.rego", text)]).remove(0)
}

#[test]
fn all_keys_are_read() {
    let text = "# METADATA\n# title: T\n# description: D\n# custom:\n#   id: a/b\n#   severity: critical\n#   owner: team\n#   controls:\n#   - nist-800-53r5:SC-7(5)\n#   - hipaa:164.312(a)(1)\n#   remediation: mend it\n#   enforcement: dryrun\n#   require_challengeable: true\n#   other: {tools: [1]}\npackage a.b\n\ndeny contains 1\n";
    let set = testing::set(&[("p.rego", text)]);
    let policy = set.policies().next().unwrap();
    assert_eq!(policy.id.as_str(), "a/b");
    assert_eq!(
        (policy.title.as_deref(), policy.description.as_deref()),
        (Some("T"), Some("D"))
    );
    assert_eq!(policy.severity(), Severity::Critical);
    assert_eq!(policy.enforcement(), Enforcement::DryRun);
    assert_eq!(policy.custom.owner.as_deref(), Some("team"));
    assert_eq!(
        policy.custom.controls,
        ["nist-800-53r5:SC-7(5)", "hipaa:164.312(a)(1)"]
    );
    assert_eq!(policy.custom.remediation.as_deref(), Some("mend it"));
    assert!(policy.custom.require_challengeable);
    assert_eq!(policy.place.to_string(), "p.rego:1:1");
}

#[test]
fn an_unknown_severity_is_underlined_where_it_stands() {
    let problem = first(&format!("{HEAD}#   severity: urgent\npackage a.b\n"));
    assert_eq!(
        (problem.code.as_str(), problem.line, problem.column),
        ("unknown-severity", 5, 15)
    );
    assert_eq!(problem.message, "`urgent` is no severity");
    assert_eq!(
        problem.help.as_deref(),
        Some("it is one of low, medium, high, critical")
    );
    assert!(
        problem.rendered.contains("5 | #   severity: urgent"),
        "{}",
        problem.rendered
    );
    assert!(
        problem.rendered.contains("|               ^^^^^^"),
        "{}",
        problem.rendered
    );
}

#[test]
fn each_bad_value_has_its_code() {
    let cases = [
        ("#   enforcement: maybe\n", "unknown-enforcement"),
        ("#   controls: [SC-7]\n", "invalid-control"),
        ("#   controls: ['a b:c']\n", "invalid-control"),
        ("#   controls: SC-7\n", "invalid-metadata"),
        ("#   severity: [\n", "invalid-metadata"),
    ];
    for (line, code) in cases {
        assert_eq!(first(&format!("{HEAD}{line}package a.b\n")).code, code, "{line}");
    }
    let cases = [
        ("# METADATA\n# scope: galaxy\npackage a\n", "unknown-scope"),
        ("# METADATA\n# scope: rule\npackage a\n", "misplaced-scope"),
        (
            "package a\n\n# METADATA\n# scope: package\np := 1\n",
            "misplaced-scope",
        ),
        ("# METADATA\n# custom:\n#   id: a b\npackage a\n", "invalid-id"),
        (
            "# METADATA\n# custom:\n#   id: other/path\npackage a\n",
            "policy-id",
        ),
        ("# METADATA\npackage a\n", "invalid-metadata"),
        (
            "package a\n\np := 1\n\n# METADATA\n# title: x\n",
            "stray-metadata",
        ),
    ];
    for (text, code) in cases {
        assert_eq!(first(text).code, code, "{text}");
    }
}

#[test]
fn every_problem_of_every_file_is_reported_in_order() {
    let found = testing::problems(&[
        ("b.rego", "package b\n\np := \n"),
        (
            "a.rego",
            "# METADATA\n# custom:\n#   severity: x\n#   enforcement: y\npackage a\n",
        ),
        ("data.json", "{"),
    ]);
    let files: Vec<(&str, &str)> = found.iter().map(|p| (p.file.as_str(), p.code.as_str())).collect();
    assert_eq!(
        files,
        [
            ("a.rego", "unknown-severity"),
            ("a.rego", "unknown-enforcement"),
            ("b.rego", "syntax"),
            ("data.json", "data"),
        ]
    );
}

#[test]
fn schemas_are_inline_or_in_files() {
    let text = "# METADATA\n# schemas:\n#   - input: schema.a.b\n#   - input.x: schema[\"c-d\"].e\n#   - data.y: {type: string}\n#   - input.bad: other.a\n#   - input.none: schema\n#   - 7\npackage a\n";
    let set = testing::set(&[("p.rego", text)]);
    let found = schemas(&set.modules()[0].ast.annotations[0]);
    let file = |parts: [&str; 2]| SchemaRef::File(parts.map(str::to_owned).to_vec());
    let inline = SchemaRef::Inline(serde_json::json!({"type": "string"}));
    let expected = [
        ("input", file(["a", "b"])),
        ("input.x", file(["c-d", "e"])),
        ("data.y", inline),
    ];
    assert_eq!(found, expected.map(|(path, schema)| (path.to_owned(), schema)));
}
