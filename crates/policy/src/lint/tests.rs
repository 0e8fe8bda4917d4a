use super::*;

mod semantics;
use crate::load;
use crate::testing;

/// A policy that no rule has anything to say about.
const CLEAN: &str = r#"# METADATA
# title: Clean
# description: Nothing to find.
# custom:
#   id: a
#   owner: team
#   severity: high
#   controls: ["nist-800-53r5:AC-6"]
#   remediation: mend it
package a

import data.lib

# METADATA
# title: Finding
deny contains msg if {
	some x in lib.items
	lib.is_bad(x)
	msg := sprintf("%v", [x])
}
"#;
const LIBRARY: &str =
    "package lib\n\nitems contains x if some x in input.items\n\nis_bad(item) if startswith(item, \"x\")\n";
const TEST: &str = "package a_test\n\nimport data.a\n\ntest_x if count(a.deny) == 0 with input as {}\n";

fn lint_files(files: &[(&str, &str)]) -> Vec<Finding> {
    lint(&testing::set(files), &[], &LintOptions::default())
}

/// The findings in the clean policy with `text` appended.
fn with(text: &str) -> Vec<Finding> {
    lint_files(&[
        ("a.rego", &format!("{CLEAN}{text}")),
        ("lib.rego", LIBRARY),
        ("a_test.rego", TEST),
    ])
}

#[test]
fn a_clean_policy_has_no_finding() {
    assert_eq!(with(""), []);
}

/// A rule; text appended to the clean policy that it finds, where, and with what words; and a variant that it accepts.
type Case = (&'static str, &'static str, (u32, u32), &'static str, &'static str);

const CASES: [Case; 24] = [
    (
        "unreachable-rule",
        "\nhelper(x) := x\n",
        (22, 1),
        "no entry point reaches `helper`",
        "\nwarn contains 1 if used(1)\n\nused(_) if true\n",
    ),
    (
        "unreachable-rule",
        "\norphan := 1\n",
        (22, 1),
        "no entry point reaches `orphan`",
        "\n# METADATA\n# entrypoint: true\norphan := 1\n",
    ),
    (
        "missing-metadata",
        "\n# METADATA\n# description: x\ndeny contains 1\n",
        (24, 1),
        "a definition of `deny` has no `title`",
        "\n# METADATA\n# title: x\ndeny contains 1\n",
    ),
    (
        "impure-builtin",
        "\ndefault allow := false\n\nallow if http.send({\"method\": \"get\"}).ok\n",
        (24, 10),
        "`http.send` reads the world outside the decision",
        "\ndefault allow := false\n\nallow if time.now_ns() > 0\n",
    ),
    (
        "impure-builtin",
        "\ndefault allow := false\n\nallow if [1 | rand.intn(\"x\", 2)] == []\n",
        (24, 15),
        "`rand.intn` reads",
        "",
    ),
    (
        "nondeterministic-builtin",
        "\ndefault allow := false\n\nallow if time.now_ns() > input.until\n",
        (24, 10),
        "`time.now_ns` depends on the time of the decision",
        "\ndefault allow := false\n\nallow if time.parse_rfc3339_ns(input.now) > input.until\n",
    ),
    (
        "undefined-entry-point",
        "\nallow if input.x\n",
        (22, 1),
        "the entry point `allow` is undefined when no definition holds",
        "\ndefault allow := false\n\nallow if input.x\n",
    ),
    (
        "undefined-entry-point",
        "\nallow := false if input.x else := true if input.y\n",
        (22, 1),
        "`allow` is undefined",
        "\nallow := false if input.x else := true\n",
    ),
    (
        "shadowed-name",
        "\nwarn contains lib if lib := input.x\n",
        (22, 22),
        "the local `lib` hides an import of the same name",
        "\nwarn contains library if library := input.x\n",
    ),
    (
        "shadowed-name",
        "\nwarn contains deny if deny := input.x\n",
        (22, 23),
        "the local `deny` hides a rule",
        "",
    ),
    (
        "shadowed-name",
        "\nwarn contains object if object := input.x\n",
        (22, 25),
        "the local `object` hides a builtin",
        "",
    ),
    (
        "shadowed-name",
        "\nwarn contains 1 if f(1)\n\nf(count) if count > 0\n",
        (24, 3),
        "the local `count` hides a builtin",
        "\nwarn contains 1 if f(1)\n\nf(number) if number > 0\n",
    ),
    (
        "shadowed-name",
        "\nwarn contains max if some max in input.x\n",
        (22, 27),
        "`max` hides a builtin",
        "",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if {\n\tx := input.x\n}\n",
        (23, 2),
        "the local `x` is never used",
        "\nwarn contains 1 if {\n\tx := input.x\n\tx > 0\n}\n",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if some i, x in input.x\n",
        (22, 25),
        "`i` is never used",
        "\nwarn contains x if some _, x in input.x\n",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if {\n\tevery x in input.x { true }\n}\n",
        (23, 8),
        "`x` is never used",
        "\nwarn contains 1 if {\n\tevery x in input.x { x }\n}\n",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if {\n\t[x, y] := input.x\n\tx > 1\n}\n",
        (23, 6),
        "`y` is never used",
        "\nwarn contains 1 if {\n\t[x, _] := input.x\n\tx > 1\n}\n",
    ),
    (
        "duplicate-id",
        "\n# METADATA\n# title: t\n# custom: {id: a/1}\nwarn contains 1\n\n# METADATA\n# title: t\n# custom: {id: a/1}\nwarn contains 2\n",
        (30, 1),
        "the id `a/1` is that of the rule at a.rego:25:1",
        "\n# METADATA\n# title: t\n# custom: {id: a/1}\nwarn contains 1\n",
    ),
    (
        "misplaced-test",
        "\ntest_y if true\n",
        (22, 1),
        "the test `test_y` would be shipped",
        "",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if {\n\tsome x\n\tinput.y[_]\n}\n",
        (23, 7),
        "`x` is never used",
        "\nwarn contains 1 if {\n\tsome x\n\tinput.y[x]\n}\n",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if input.xs[i]\n",
        (22, 29),
        "the local `i` is never used",
        "\nwarn contains i if input.xs[i]\n",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if [y, 1] = input.xs\n",
        (22, 21),
        "the local `y` is never used",
        "\nwarn contains 1 if [deny, _] = input.xs\n",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if lib.f(1)[k].x\n",
        (22, 29),
        "the local `k` is never used",
        "\nwarn contains 1 if {\n\tlib.f(1)[k].x == k\n}\n",
    ),
    (
        "unused-variable",
        "\nwarn contains 1 if count({1 | z := input.z}) > 0\n",
        (22, 31),
        "`z` is never used",
        "\nwarn contains 1 if count({z | z := input.z}) > 0\n",
    ),
];

#[test]
fn each_rule_finds_its_case_and_accepts_the_other() {
    for (rule, bad, (line, column), message, good) in CASES {
        let found: Vec<Finding> = with(bad)
            .into_iter()
            .filter(|finding| finding.rule == rule)
            .collect();
        let hit = found.iter().find(|finding| finding.message.contains(message));
        let hit = hit.unwrap_or_else(|| panic!("{rule}: {bad}: {found:?}"));
        assert_eq!(
            (hit.file.as_str(), hit.line, hit.column),
            ("a.rego", line, column),
            "{bad}: {hit}"
        );
        assert!(!hit.fix.is_empty());
        let accepted: Vec<Finding> = with(good)
            .into_iter()
            .filter(|finding| finding.rule == rule && finding.message.contains(message))
            .collect();
        assert_eq!(accepted, [], "{rule}: {good}");
    }
}

#[test]
fn imports_that_nothing_uses_and_imports_of_v0() {
    let text = "package b\n\nimport rego.v1\nimport data.lib\nimport input.x as y\n\np := y\n";
    let found = lint_files(&[("b.rego", text), ("lib.rego", LIBRARY)]);
    let short: Vec<(&str, u32)> = found.iter().map(|finding| (finding.rule, finding.line)).collect();
    assert_eq!(short, [("v0-import", 3), ("unused-import", 4)]);
    let clean = "package b\n\nimport data.lib\nimport future.keywords.not\nimport future.keywords.or\n\np := lib.items\n\nq := [x | x := data.lib.items]\n";
    assert_eq!(lint_files(&[("b.rego", clean), ("lib.rego", LIBRARY)]), []);
}

#[test]
fn metadata_of_packages() {
    let found = lint_files(&[
        (
            "a.rego",
            "# METADATA\n# custom:\n#   id: a\npackage a\n\ndefault allow := false\n",
        ),
        ("t_test.rego", TEST),
    ]);
    let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the policy `a` has no `custom.owner`",
            "the policy `a` has no `custom.severity`",
            "the policy `a` has no `description`",
            "the policy `a` has no `title`",
        ]
    );
    let found = lint_files(&[("a.rego", "package a.b\n\ndefault allow := false\n")]);
    assert_eq!((found[0].rule, found[0].line), ("missing-metadata", 1));
    assert!(found[0].fix.contains("id: a/b"), "{}", found[0].fix);
    assert_eq!(lint_files(&[("l.rego", LIBRARY)]), [], "a library needs none");
}

#[test]
fn a_policy_without_a_test() {
    let found = lint_files(&[("a.rego", CLEAN), ("lib.rego", LIBRARY)]);
    assert_eq!(
        found.iter().map(|finding| finding.rule).collect::<Vec<_>>(),
        ["no-test"]
    );
    let other = "package b_test\n\ntest_y if true\n";
    assert_eq!(
        lint_files(&[("a.rego", CLEAN), ("lib.rego", LIBRARY), ("b_test.rego", other)]).len(),
        1
    );
    let same_package = "package a\n\ntest_y if count(deny) == 0\n";
    assert_eq!(
        lint_files(&[
            ("a.rego", CLEAN),
            ("lib.rego", LIBRARY),
            ("a_test.rego", same_package)
        ]),
        []
    );
}

#[test]
fn a_librarys_unused_rule_is_unreachable_and_an_import_of_a_package_reaches_all() {
    let library = format!("{LIBRARY}\nextra := 1\n");
    let found = lint_files(&[("a.rego", CLEAN), ("lib.rego", &library), ("a_test.rego", TEST)]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].file.as_str(), found[0].line, found[0].rule),
        ("lib.rego", 7, "unreachable-rule")
    );
    let whole = CLEAN.replace("some x in lib.items", "some x in lib.items\n\tcount(lib) > 0");
    assert_eq!(
        lint_files(&[("a.rego", &whole), ("lib.rego", &library), ("a_test.rego", TEST)]),
        []
    );
}

#[test]
fn problems_of_loading_are_findings() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("old.rego"), "package old\n\nallow {\n\ttrue\n}\n").unwrap();
    std::fs::write(dir.path().join("bad.rego"), "package bad\n\np := \n").unwrap();
    std::fs::write(
        dir.path().join("ok.rego"),
        "package ok\n\nimport data.x\n\np := 1\n",
    )
    .unwrap();
    let (set, problems) = load::load_path_lenient(dir.path(), stele_rego::RegoVersion::V1).unwrap();
    let found = lint(&set, &problems, &LintOptions::default());
    let short: Vec<(&str, &str)> = found
        .iter()
        .map(|finding| (finding.file.as_str(), finding.rule))
        .collect();
    assert_eq!(
        short,
        [
            ("bad.rego", "load-error"),
            ("ok.rego", "unused-import"),
            ("old.rego", "v0-syntax")
        ]
    );
}

#[test]
fn rules_can_be_disabled_and_output_is_stable() {
    let files = [("b.rego", "package b\n\nimport data.x\nimport rego.v1\n\np := 1\n")];
    let set = testing::set(&files);
    let disabled = LintOptions {
        disabled: ["v0-import".to_owned()].into(),
        ..LintOptions::default()
    };
    let found = lint(&set, &[], &disabled);
    assert_eq!(
        to_text(&found),
        "b.rego:3:1: warning[unused-import]: the import `x` is never used\n  help: remove it\n1 finding\n"
    );
    assert_eq!(
        to_json(&found),
        testing::json(
            r#"[{"file": "b.rego", "line": 3, "column": 1, "rule": "unused-import", "severity": "warning", "message": "the import `x` is never used", "fix": "remove it"}]"#
        )
    );
}

#[test]
fn what_does_not_compile_is_an_error() {
    let found = lint(
        &testing::set(&[("a.rego", "package a\n\np := upper(3)\n")]),
        &[],
        &LintOptions::default(),
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].rule, found[0].line, found[0].severity),
        ("compile-error", 3, Level::Error)
    );
}

#[test]
fn every_rule_has_a_case_and_stands_in_the_documentation() {
    let elsewhere = [
        "compile-error",
        "load-error",
        "v0-syntax",
        "v0-import",
        "unused-import",
        "no-test",
    ];
    let documentation = include_str!("../../../../docs/policy-authoring.md");
    for rule in RULES {
        let tested = elsewhere.contains(&rule.id)
            || CASES.iter().any(|case| case.0 == rule.id)
            || semantics::COVERED.contains(&rule.id);
        assert!(tested, "{} has no test", rule.id);
        assert!(
            documentation.contains(&format!("| `{}` | {} |", rule.id, rule.level)),
            "{} is not documented",
            rule.id
        );
    }
    assert!(RULES.is_sorted_by(|a, b| a.id < b.id));
}

#[test]
fn impure_builtins_are_errors_where_a_contract_is_demanded() {
    let library = format!("{LIBRARY}\nchance if rand.intn(\"a\", 2) == 1\n");
    let levels = |demand: &str, body: &str| {
        let policy = CLEAN.replace("#   owner: team\n", &format!("#   owner: team\n{demand}"));
        let policy = format!("{policy}\nwarn contains 1 if {{\n\t{body}\n}}\n");
        let set = testing::set(&[("a.rego", &policy), ("lib.rego", &library)]);
        let found = lint(&set, &[], &LintOptions::default());
        let impure = found
            .into_iter()
            .filter(|finding| finding.rule == "impure-builtin");
        impure
            .map(|finding| {
                (
                    finding.severity,
                    finding.message.contains("a has require_challengeable"),
                )
            })
            .collect::<Vec<_>>()
    };
    let demand = "#   require_challengeable: true\n";
    let (warning, error) = ((Level::Warning, false), (Level::Error, true));
    assert_eq!(levels("", "lib.chance"), [warning]);
    assert_eq!(levels(demand, "lib.chance"), [error]);
    assert_eq!(levels(demand, "opa.runtime().x"), [error, error]);
}
