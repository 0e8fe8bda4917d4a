//! `stele policy lint`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod support;

use support::{Site, workspace};

const MODULE: &str =
    "package l\n\np := 1 if {\n\tinput.x\n\t1 < 2\n}\n\np := 2 if input.y\n\nq if time.now_ns() > 0\n";

fn site() -> Site {
    let site = Site::new();
    std::fs::write(site.path().join("l.rego"), MODULE).unwrap();
    site
}

#[test]
fn findings_have_places_and_fixes_and_set_the_exit_code() {
    let site = site();
    let text = site.run(&["policy", "lint", "."]).exits(1);
    for line in [
        "l.rego:5:2: warning[always-true]: `1 < 2` is always true",
        "l.rego:8:1: warning[conflicting-rules]: `p` is 2 here and 1 at l.rego:3:1, and both can hold: then the decision is an error",
        "l.rego:10:6: info[nondeterministic-builtin]: `time.now_ns` depends on the time of the decision: the same input can be decided otherwise later",
        "3 findings",
    ] {
        assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
    }
    assert_eq!(
        text.lines().filter(|line| line.starts_with("  help: ")).count(),
        3
    );
    let json = site.run(&["policy", "lint", "--format", "json", "."]).exits(1);
    let findings: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &findings[0];
    assert_eq!(
        (
            &first["file"],
            &first["line"],
            &first["column"],
            &first["rule"],
            &first["severity"]
        ),
        (
            &"l.rego".into(),
            &5.into(),
            &2.into(),
            &"always-true".into(),
            &"warning".into()
        )
    );
    assert_ne!(first["fix"], "");
}

#[test]
fn levels_and_disabled_rules_decide_about_the_exit_code() {
    let site = site();
    site.run(&["policy", "lint", "--fail-on", "error", "."]).exits(0);
    let disabled = ["--disable", "always-true", "--disable", "conflicting-rules"];
    let text = site
        .run(&[&["policy", "lint"], disabled.as_slice(), &["."]].concat())
        .exits(0);
    assert!(
        text.contains("1 finding") && text.contains("nondeterministic-builtin"),
        "{text}"
    );
    site.run(
        &[
            &["policy", "lint", "--fail-on", "info"],
            disabled.as_slice(),
            &["."],
        ]
        .concat(),
    )
    .exits(1);
    site.run(&["policy", "lint", "--disable", "no-such-rule", "."])
        .fails(2, &["no-such-rule", "always-false", "v0-syntax"]);
}

#[test]
fn the_starter_library_has_no_finding_of_any_level() {
    let site = Site::new();
    let policies = workspace().join("policies");
    let out = site
        .run(&["policy", "lint", "--fail-on", "info", policies.to_str().unwrap()])
        .exits(0);
    assert_eq!(out, "no findings\n");
}
