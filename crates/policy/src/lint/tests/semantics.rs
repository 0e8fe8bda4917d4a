//! The rules that fold constants and compare conditions.

use super::*;

/// The rules whose cases are here.
pub(super) const COVERED: [&str; 6] = [
    "always-false",
    "always-true",
    "conflicting-rules",
    "shadowed-rule",
    "undefined-reference",
    "unindexed-rule",
];

/// The findings of one rule in a library of one module, which has no policy and so nothing unreachable.
fn found(rule: &str, text: &str) -> Vec<Finding> {
    let text = format!("package l\n\n{text}\n");
    lint_files(&[("l.rego", &text)])
        .into_iter()
        .filter(|finding| finding.rule == rule)
        .collect()
}

/// Each text has one finding of the rule, at this line and column of the text, and its message holds the words.
#[track_caller]
fn finds(rule: &str, cases: &[(&str, (u32, u32), &str)]) {
    assert!(COVERED.contains(&rule));
    for (text, (line, column), words) in cases {
        let all = found(rule, text);
        let [one] = all.as_slice() else {
            panic!("{text}\n{all:?}")
        };
        assert_eq!((one.line, one.column), (line + 2, *column), "{text}\n{one}");
        assert!(one.message.contains(words), "{text}\n{one}");
        assert!(!one.fix.is_empty());
    }
}

#[track_caller]
fn accepts(rule: &str, texts: &[&str]) {
    for text in texts {
        assert_eq!(found(rule, text), [], "{text}");
    }
}

/// Of longer chains each branch would know thousands of others, which took gigabytes.
#[test]
fn conflicts_are_looked_for_up_to_so_many_branches() {
    let chain = |count: usize| {
        let branch = |n: usize| format!("else := {n} if input.a == {n}\n");
        format!(
            "p := 0 if input.a == 0\n{}",
            (1..count).map(branch).collect::<String>()
        )
    };
    for (branches, conflicts) in [(100, 1), (150, 0), (5_000, 0)] {
        let text = format!("{}\np := 7 if input.b\n", chain(branches));
        assert_eq!(found("conflicting-rules", &text).len(), conflicts, "{branches}");
    }
    assert_eq!(found("conflicting-rules", &chain(5_000)), []);
}

#[test]
fn conditions_that_always_hold() {
    finds(
        "always-true",
        &[
            ("p if 1 == 1", (1, 6), "`1 == 1` is always true"),
            ("p if { input.x; 2 > 1 }", (1, 17), "`2 > 1`"),
            ("p if { input.x; true }", (1, 17), "`true`"),
            ("p if { input.x; \"false\" }", (1, 17), "\"false\""),
            ("p if not 1 == 2", (1, 6), "`not 1 == 2`"),
            ("p if startswith(\"abc\", \"a\")", (1, 6), "startswith"),
            ("p if 1 in [1, 2]", (1, 6), "in"),
            ("p if { input.x\n x := 1 + 1\n x < 3 }", (3, 2), "`x < 3`"),
            (
                "p if { y == 4\n input.x\n y := x + x\n x := 2 }",
                (1, 8),
                "`y == 4`",
            ),
            ("p if every x in [] { x == input.x }", (1, 6), "every"),
            ("p := [x | x := input.x; 1 = 1]", (1, 25), "`1 = 1`"),
            ("p if input.x else := 2 if 1 < 2", (1, 27), "`1 < 2`"),
            ("p if every x in input.xs { x; 1 == 1 }", (1, 31), "`1 == 1`"),
        ],
    );
    accepts(
        "always-true",
        &[
            "p if true",
            "f(_) if true",
            "p if input.x == 1",
            "p if { x := 1; input.x == x }",
            // A name of an inner scope hides the constant.
            "p if { x := 1; input.x == x; every x in input.xs { x == 1 } }",
            "p if { x := 1; input.x == x; [1 | some x in input.xs; x == 1] }",
            "p if { x := 1; input.x == x; [1 | x := input.y; x == 1] }",
            // Not the builtin.
            "count(_) := input.x\np if count([1]) == 1",
            // Depends on the time or on chance, or fails.
            "p if time.now_ns() > 0",
            "p if to_number(\"x\") == 1",
            "p if count(input.x) > 0",
            "p if x == 1\nx := 1",
        ],
    );
}

#[test]
fn conditions_that_never_hold() {
    finds(
        "always-false",
        &[
            ("p if 1 == 2", (1, 6), "`1 == 2` is always false"),
            ("p if { input.x; false }", (1, 17), "`false`"),
            ("p if not 1 == 1", (1, 6), "`not 1 == 1`"),
            ("p if some x in []", (1, 6), "some x in []"),
            ("p if input.x != input.x", (1, 6), "`input.x != input.x`"),
            ("f(x) if x < x", (1, 9), "`x < x`"),
            (
                "p if {\n input.x == 1\n input.x == 2\n}",
                (3, 2),
                "`input.x == 2` can't hold together with `input.x == 1` on line 4",
            ),
            (
                "p if { input.x == 1; not input.x == 1 }",
                (1, 22),
                "`not input.x == 1`",
            ),
            ("p if { input.x > 5; input.x <= 5 }", (1, 21), "`input.x <= 5`"),
            (
                "p if { x := input.a.b; x == 1; input[\"a\"].b == 2 }",
                (1, 32),
                "input",
            ),
            (
                "p if { some x in input.xs; x.k == 1; x.k in {2, 3} }",
                (1, 38),
                "in {2, 3}",
            ),
            (
                "p if { input.xs[i] == 1; input.xs[i] == 2 }",
                (1, 26),
                "input.xs[i] == 2",
            ),
            (
                "f(1, x) if x == 2\nf(y, \"a\") if y == 1\nf(\"b\", z) if { z > 1; 0 > z }",
                (3, 23),
                "`0 > z`",
            ),
            (
                "p if { count(input.x) == 0; count(input.x) > 0 }",
                (1, 29),
                "count(input.x) > 0",
            ),
            (
                "p if { not input.x; input.x == true }",
                (1, 21),
                "`input.x == true`",
            ),
        ],
    );
    accepts(
        "always-false",
        &[
            "p if { input.xs[_] == 1; input.xs[_] == 2 }",
            "p if { input.xs[i] == 1; input.xs[j] == 2 }",
            "p if { input.x > 5; input.x <= 6 }",
            "p if { input.x >= 5; input.x <= 5 }",
            "p if { not input.x; input.x == false }",
            "p if { input.x == 1 with input as {}; input.x == 2 }",
            "p if { not input.x == 1; not input.x == 2 }",
            "p if { input.x != 1; input.x != 2 }",
            "p if { some x in input.xs; x == 1\n [1 | x := input.y; x == 2] }",
            "p if { walk(input, [_, 1]); not walk(input, [_, 2]) }",
            "p if input.x == input.x",
            "p if not input.x != input.y",
        ],
    );
}

#[test]
fn definitions_that_can_disagree() {
    finds(
        "conflicting-rules",
        &[
            (
                "p := 1 if input.x\np := 2 if input.y",
                (2, 1),
                "`p` is 2 here and 1 at l.rego:3:1, and both can hold",
            ),
            (
                "p if input.x\np := false if input.y",
                (2, 1),
                "`p` is false here and true at",
            ),
            ("p := 1\np := 2", (2, 1), "`p` is 2 here"),
            ("p.a := 1 if input.x\np[\"a\"] := 2 if input.y", (2, 1), "`p.a`"),
            ("f(x) := 1 if x > 1\nf(y) := 2 if y > 2", (2, 1), "`f`"),
            ("p := 1 if input.x == 1\np := 2 if input.y == 2", (2, 1), "`p`"),
            // Two different choices can be made at once.
            (
                "p := 1 if { some x in input.xs; x == 1 }\np := 2 if { some x in input.xs; x == 2 }",
                (2, 1),
                "`p`",
            ),
            (
                "p := 1 if input.xs[_] == 1\np := 2 if input.xs[_] == 2",
                (2, 1),
                "`p`",
            ),
            (
                "p := 1 if input.x == 1 else := 2\np := 3 if input.x == 2",
                (2, 1),
                "`p` is 3 here and 2",
            ),
            ("f(1, _) := 1\nf(_, 2) := 2", (2, 1), "`f`"),
            (
                "p := 1 if input.x == 1\np := 2 if input.x == 1 with input as {}",
                (2, 1),
                "`p`",
            ),
        ],
    );
    accepts(
        "conflicting-rules",
        &[
            "default p := 0\np := 1 if input.x",
            "p := 1 if input.x\np := 1 if input.y",
            "p := 1 if input.x == 1\np := 2 if input.x == 2",
            "p := 1 if input.x\np := 2 if not input.x",
            "p := 1 if not input.x in {1, 2}\np := 2 if input.x == 2",
            "p := 1 if input.x < 5\np := 2 if input.x >= 5",
            "p := 1 if input.x in {1, 2}\np := 2 if { x := input.x; x in {3, 4} }",
            "p := 1 if is_string(input.x)\np := 2 if not is_string(input.x)",
            "p := 1 if q(input.x)\np := 2 if not q(input.x)\nq(x) if x > 1",
            "f(1) := 1\nf(2) := 2",
            "f(x) := 1 if x == \"a\"\nf(\"b\") := 2",
            "f(_, 1) := 1\nf(x, y) := 2 if { x; y != 1 }",
            "p := 1 if input.x == 1 else := 2 if input.y == 2\np := 3 if { input.x == 3; input.y == 3 }",
            // The second branch knows that the first one did not hold.
            "p := 1 if input.x else := 2 if input.y\np := 1 if input.x",
            "p := 1 if input.x else := 2 if input.y\np := 1 if { input.x; input.z }",
            "p := input.a if input.x\np := input.b if input.y",
            "p contains 1 if input.x\np contains 2 if input.y",
            "p[x] := 1 if some x in input.xs\np[x] := 2 if some x in input.ys",
            "p.a := 1 if input.x\np.b := 2 if input.y",
            "f(x) := 1 if x > 1\nf(x, y) := 2 if x > y",
        ],
    );
}

#[test]
fn definitions_in_several_files_and_names_of_imports() {
    let one = "package l\n\nimport data.a as k\n\np := 1 if k.x == 1\n";
    let other = "package l\n\nimport data.b as k\n\np := 2 if k.x == 2\n";
    let same = "package l\n\nimport data.a as other\n\np := 2 if other.x == 2\n";
    let conflicts = |second: &str| {
        lint_files(&[("l1.rego", one), ("l2.rego", second)])
            .into_iter()
            .filter(|finding| finding.rule == "conflicting-rules")
            .map(|finding| (finding.file, finding.line))
            .collect::<Vec<_>>()
    };
    assert_eq!(conflicts(other), [("l2.rego".to_owned(), 5)]);
    assert_eq!(conflicts(same), []);
}

#[test]
fn definitions_that_decide_nothing() {
    finds(
        "shadowed-rule",
        &[
            ("p := 1 else := 2", (1, 8), "this `else` of `p` is never reached"),
            ("p := 1 if input.x else := 2 else := 3", (1, 29), "never reached"),
            (
                "default p := 1\np := 2",
                (1, 9),
                "the default of `p` is never used: the definition at l.rego:4:1",
            ),
            (
                "default f(_) := 1\nf(x) := 2 if true",
                (1, 9),
                "the default of `f`",
            ),
            (
                "p if input.x\np if input.x",
                (2, 1),
                "the one at l.rego:3:1 holds whenever it does",
            ),
            (
                "p if { input.x; input.y }\np if input[\"y\"]",
                (1, 1),
                "the one at l.rego:4:1",
            ),
            (
                "p contains m if { m := input.m; input.x }\np contains m if m := input.m",
                (1, 1),
                "adds nothing",
            ),
            ("p contains 1\np contains 1 if input.x", (2, 1), "adds nothing"),
        ],
    );
    accepts(
        "shadowed-rule",
        &[
            "p := 1 if input.x else := 2",
            // The first value can be undefined.
            "p := input.x else := 2",
            "p := 1 if input.x else := input.y else := 3",
            "f(1) := 1 else := 2",
            "f(x, x) := 1 else := 2",
            "default p := 1\np := 2 if input.x",
            "default p := 1\np := input.x",
            "default f(_) := 1\nf(1) := 2",
            "p if input.x\np if input.y",
            "p if input.x\np if { input.y; input.z }",
            "p contains 1 if input.x\np contains 2 if input.x",
            "p if input.x\np if input.x with input as {}",
            "f(x) if input.x\nf(y) if input.x",
            "p if input.x else := 2\np if input.x",
        ],
    );
}

#[test]
fn many_definitions_that_no_index_tells_apart() {
    let rules = |count: usize, condition: &str| -> String {
        (0..count)
            .map(|index| {
                format!(
                    "p contains {index} if {}\n",
                    condition.replace('#', &index.to_string())
                )
            })
            .collect()
    };
    let unindexed = rules(32, "{ some x in input.xs; x.kind == \"#\" }");
    finds(
        "unindexed-rule",
        &[(
            &unindexed,
            (1, 1),
            "32 of the 32 definitions of `p` are evaluated each time",
        )],
    );
    finds(
        "unindexed-rule",
        &[(&rules(40, "input.size > #"), (1, 1), "40 of the 40")],
    );
    let functions: String = (0..32)
        .map(|index| format!("f(x) := {index} if x > {index}\n"))
        .collect();
    finds("unindexed-rule", &[(&functions, (1, 1), "`f`")]);
    accepts(
        "unindexed-rule",
        &[
            &rules(31, "input.size > #"),
            &rules(64, "{ input.kind == \"#\"; input.size > 1 }"),
            &rules(64, "{ kind := input.kind; kind in {\"#\", \"a\"} }"),
            &(0..64)
                .map(|index| format!("f({index}, x) := 1 if x > 1\n"))
                .collect::<String>(),
            &(0..64)
                .map(|index| format!("p contains {index}\n"))
                .collect::<String>(),
        ],
    );
}

#[test]
fn references_to_what_a_package_does_not_define() {
    let library = "package lib.deep\n\nitems := [1]\n\ntree.a[x] := 1 if some x in input.xs\n\nf(x) := x\n";
    let data = r#"{"lib": {"deep": {"given": 1}, "other": {"x": 1}}}"#;
    let findings = |text: &str| {
        let text = format!("package l\n\nimport data.lib.deep\nimport data.lib.deep.nothing\n\n{text}\n");
        let files = [
            ("l.rego", text.as_str()),
            ("deep.rego", library),
            ("data.json", data),
        ];
        lint_files(&files)
            .into_iter()
            .filter(|finding| finding.rule == "undefined-reference")
            .map(|finding| (finding.line, finding.column, finding.message))
            .collect::<Vec<_>>()
    };
    for (text, column, path) in [
        ("p if deep.item == 1", 6, "lib.deep.item"),
        ("p if data.lib.deep.item[_] == 1", 6, "lib.deep.item"),
        ("p := [x | some x in deep[\"no\"].x]", 21, "lib.deep.no.x"),
        ("p if nothing.x", 6, "lib.deep.nothing.x"),
    ] {
        let found = findings(text);
        let [(line, at, message)] = found.as_slice() else {
            panic!("{text}\n{found:?}")
        };
        assert_eq!((*line, *at), (6, column), "{text}");
        assert!(
            message.contains(&format!("`data.{path}` is defined nowhere")),
            "{message}"
        );
    }
    for text in [
        "p if deep.items[_] == 1",
        "p if deep.f(1) == 1",
        "p if deep.tree.a.b",
        "p if deep.tree.b",
        "p if deep.given",
        "p if deep[input.x]",
        "p if count(deep) > 0",
        "p if data.lib.other.y",
        "p if data.elsewhere.x",
        "p if data.lib.unknown",
        "p if data.l.q",
        "p if { deep := input.x; deep.item }",
        "p if data.lib.deep.item with data.lib.deep.item as 1",
    ] {
        assert_eq!(findings(text), [], "{text}");
    }
}

#[test]
fn nothing_is_undefined_while_a_module_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| std::fs::write(dir.path().join(file), text).unwrap();
    write("l.rego", "package l\n\np if data.lib.item\n");
    write("lib.rego", "package lib\n\nq := 1\n");
    let rules = || {
        let (set, problems) = load::load_path_lenient(dir.path(), stele_rego::RegoVersion::V1).unwrap();
        let found = lint(&set, &problems, &LintOptions::default());
        found.into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(), ["undefined-reference"]);
    write("more.rego", "package lib\n\nitem :=\n");
    assert_eq!(rules(), ["load-error"]);
}
