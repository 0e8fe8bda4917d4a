#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]
//! `stele repl` through a pipe: no prompts, results on standard output, errors on standard error.

mod support;

use std::io::Write;
use std::process::Stdio;
use support::{Ran, Site};

fn repl(site: &Site, args: &[&str], script: &str) -> Ran {
    let mut child = site
        .command(&[&["repl"], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn rules_are_defined_used_replaced_shown_and_forgotten() {
    let site = Site::new();
    let out = repl(
        &site,
        &[],
        "x := 1\nx + 1\nx := 5\nx + 1\nbig(n) := n > 3\nbig(x)\nbig(1)\nbad if {\n  x > 2\n  not big(1)\n}\nbad\nshow\nunset x\n",
    );
    // Without `x` the rule `bad` would not compile, so it stays.
    assert!(out.err.contains("rego_unsafe_var_error"), "{}", out.err);
    assert_eq!(
        out.exits(2),
        "rule x defined in package repl\n2\nrule x redefined in package repl\n6\nrule big defined in package repl\ntrue\nfalse\n\
         rule bad defined in package repl\ntrue\n\
         package repl\n\nx := 5\n\nbig(n) := n > 3\n\nbad if {\n  x > 2\n  not big(1)\n}\n"
    );
}

#[test]
fn several_bodies_of_a_rule_add_up() {
    let site = Site::new();
    let script = "p contains 1\np contains 2\ncount(p)\nunset p\np\n";
    let out = repl(&site, &[], script);
    assert!(out.err.contains("`p` is not bound"), "{}", out.err);
    assert_eq!(
        out.exits(2),
        "rule p defined in package repl\nrule p defined in package repl\n2\n"
    );
}

#[test]
fn input_and_data_are_set_shown_and_asked() {
    let site = Site::new();
    std::fs::write(site.path().join("d.json"), r#"{"roles": {"bob": ["admin"]}}"#).unwrap();
    std::fs::write(site.path().join("in.json"), r#"{"user": "eve"}"#).unwrap();
    let script = "json\ninput\ninput {\"user\": \"bob\"}\npretty\ninput\ndata d.json\ndata.roles[input.user][0]\n\
                  input == {\"user\": \"bob\"}\nunset input\ninput\n";
    let out = repl(&site, &["-i", "in.json"], script).exits(0);
    assert!(
        out.contains("\"value\": {\n            \"user\": \"eve\""),
        "{out}"
    );
    assert!(
        out.ends_with("{\n  \"user\": \"bob\"\n}\n\"admin\"\ntrue\nundefined\n"),
        "{out}"
    );
}

#[test]
fn packages_and_imports_decide_what_names_mean() {
    let site = Site::new();
    std::fs::write(
        site.path().join("lib.rego"),
        "package lib.net\n\nports := [80, 443]\n",
    )
    .unwrap();
    let script = "package lib.net\nports[0]\nextra := 8080\npackage\ndata.lib.net.extra\nimport data.lib.net as n\nn.ports[1]\nshow\n";
    let out = repl(&site, &["-d", "lib.rego"], script).exits(0);
    assert_eq!(
        out,
        "80\nrule extra defined in package lib.net\n8080\n443\npackage repl\n\nimport data.lib.net as n\n"
    );
}

#[test]
fn rules_have_the_keywords_that_were_imported() {
    let site = Site::new();
    let script = "import future.keywords.or\nimport future.keywords.not\np if 1 == 2 or input.x\nq if not {\n  some y in input.ys\n  y > 1\n}\n\
                  input {\"x\": 1, \"ys\": [1]}\np\nq\n[1 | p or q]\nr := [y | some y in input.ys; y == 1 or y == 2]\nr\npackage other\n\
                  or := 1\nor + 1\n";
    let out = repl(&site, &[], script).exits(0);
    assert_eq!(
        out,
        "rule p defined in package repl\nrule q defined in package repl\ntrue\ntrue\n[\n  1\n]\nrule r defined in package repl\n[\n  1\n]\n\
         rule or defined in package other\n2\n"
    );
    // Without the import, the error says what to import; with it, that a rule can't have the name.
    let out = repl(
        &site,
        &[],
        "p if false or true\nimport future.keywords.or\nor := 1\n",
    );
    assert!(
        out.err.contains("below `import future.keywords.or`"),
        "{}",
        out.err
    );
    assert!(out.err.contains("can't be a name"), "{}", out.err);
    // In v0, `if` and `in` come with all keywords.
    let script = "import future.keywords\np if { false or 1 in [1] }\np\n";
    let out = repl(&site, &["--v0-compatible"], script).exits(0);
    assert_eq!(out, "rule p defined in package repl\ntrue\n");
}

#[test]
fn traces_are_switched_on_and_off() {
    let site = Site::new();
    let script = "p if input.x > 1\ninput {\"x\": 1}\ntrace fails\np\ntrace off\np\n";
    let out = repl(&site, &[], script).exits(0);
    assert!(out.contains("Fail __local0__ > 1"), "{out}");
    assert!(out.ends_with("undefined\nundefined\n"), "{out}");
    repl(&site, &["--engine", "evm"], "trace\n").fails(2, &["--engine vm"]);
}

#[test]
fn engines_other_than_the_vm_answer_too() {
    let site = Site::new();
    let out = repl(&site, &["--engine", "evm"], "x := 40\nx + 2\n").exits(0);
    assert_eq!(out, "rule x defined in package repl\n42\n");
}

#[test]
fn what_is_wrong_is_said_and_the_session_goes_on() {
    let site = Site::new();
    let out = repl(
        &site,
        &[],
        "x :=\ny\np if { p }\n1 + 1\nimport foo.bar\nunset nothing\nexit\n3\n",
    );
    for text in [
        "rego_parse_error",
        "`y` is not bound",
        "rego_recursion_error",
        "no rule nothing",
    ] {
        assert!(out.err.contains(text), "no {text} in {}", out.err);
    }
    assert_eq!(out.exits(2), "2\n");
    assert_eq!(
        repl(&site, &[], "x := [1,\n2]\n\nx[1]\n").exits(0),
        "rule x defined in package repl\n2\n"
    );
    let help = repl(&site, &[], "help\n").exits(0);
    for command in [
        "input", "data", "package", "import", "show", "unset", "trace", "exit",
    ] {
        assert!(help.contains(command), "{help}");
    }
}

#[test]
fn every_engine_answers_what_is_asked_in_no_package() {
    let site = Site::new();
    for engine in ["vm", "evm", "regorus"] {
        let out = repl(&site, &["--engine", engine], "1 + 1\n");
        assert_eq!(out.exits(0), "2\n", "{engine}");
    }
    let out = repl(&site, &["--engine", "regorus"], "x := 1\nx\n");
    assert!(out.err.contains("use --engine vm"), "{}", out.err);
    assert_eq!(out.exits(2), "rule x defined in package repl\n");
}

#[test]
fn schemas_hold_for_queries_and_definitions() {
    let site = Site::new();
    let schema = r#"{"type": "object", "properties": {"name": {"type": "string"}}}"#;
    std::fs::write(site.path().join("s.json"), schema).unwrap();
    let out = repl(&site, &["-s", "s.json"], "input.nmae\np if input.nmae == 1\np\n");
    let found = out.err.matches("error[type]: `input` has no `nmae`").count();
    assert_eq!(found, 2, "{}", out.err);
    assert!(out.err.contains("`p` is not bound"), "{}", out.err);
}
