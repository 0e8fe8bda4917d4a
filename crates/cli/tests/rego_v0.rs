//! Rego v0: read under a flag, packed as what it is, decided and compiled as v1 is.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use support::{Ran, Site};

const OLD: &str = r#"# METADATA
# title: Old
# description: Denies.
# custom:
#   id: old
#   entrypoint: true
package old

deny[message] {
	name := input.names[_]
	not data.lib.good[name]
	message := sprintf("%v is not good", [name])
}
"#;

const TEST: &str = r#"package old_test

test_deny {
	count(data.old.deny) == 1 with input as {"names": ["a", "z"]}
}
"#;

fn site() -> Site {
    let site = Site::new();
    let write = |name: &str, text: &str| {
        let path = site.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("p/old.rego", OLD);
    write("p/old_test.rego", TEST);
    write(
        "p/lib.rego",
        "package lib\n\nimport rego.v1\n\ngood contains \"a\" if true\n",
    );
    // A keyword of v1 as a name: what is written so can't be rewritten in v1.
    write("p/words.rego", "package words\n\nevery := 1\n");
    write("input.json", r#"{"names": ["a", "b"]}"#);
    site
}

fn value(ran: Ran) -> Value {
    let out: Value = serde_json::from_str(&ran.exits(0)).unwrap();
    out["result"][0]["expressions"][0]["value"].clone()
}

#[test]
fn a_flag_reads_v0_wherever_policies_are_read() {
    let site = site();
    let commands: [&[&str]; 11] = [
        &["policy", "check", "p"],
        &["policy", "test", "p"],
        &["policy", "lint", "p", "--fail-on", "error"],
        &[
            "policy",
            "bench",
            "-d",
            "p",
            "-i",
            "input.json",
            "--duration",
            "1",
            "data.old.deny",
        ],
        &["eval", "-d", "p", "-i", "input.json", "data.old.deny"],
        &["eval", "-d", "p", "--partial", "data.words.every"],
        &["build", "p", "-o", "out"],
        &["build", "p", "-o", "out", "--target", "plan", "-e", "old/deny"],
        &["contract", "build", "p", "-o", "out"],
        &["contract", "inspect", "p"],
        &["decide", "old/deny", "--policies", "p"],
    ];
    for command in commands {
        let ran = site.run(command);
        assert_ne!(ran.code, 0, "{command:?}: {}", ran.out);
        site.run(&[command, &["--v0-compatible"]].concat()).exits(0);
    }
}

#[test]
fn every_engine_decides_by_v0() {
    let site = site();
    for engine in ["vm", "evm", "regorus"] {
        let mut args = vec!["eval", "--v0-compatible", "-i", "input.json", "--engine", engine];
        args.extend(["-d", "p/old.rego", "-d", "p/lib.rego", "data.old.deny"]);
        assert_eq!(value(site.run(&args)), json!(["b is not good"]), "{engine}");
    }
    let words = [
        "eval",
        "--v0-compatible",
        "-d",
        "p/words.rego",
        "data.words.every",
    ];
    assert_eq!(value(site.run(&words)), json!(1));
}

#[test]
fn a_query_is_in_v0_unless_it_imports_keywords() {
    let site = Site::new();
    site.run(&["eval", "--v0-compatible", "1 in [1]"]).exits(2);
    let import = [
        "eval",
        "--v0-compatible",
        "--import",
        "future.keywords.in",
        "1 in [1]",
    ];
    assert_eq!(value(site.run(&import)), json!(true));
}

#[test]
fn a_bundle_says_which_version_its_modules_are_in() {
    let site = site();
    site.run(&["build", "p", "-o", "out", "--v0-compatible"]).exits(0);
    let bundle = "out/old/bundle.tar.gz";
    // All in v0, by what the flag said. No flag is needed any more, and one changes nothing.
    for flag in [None, Some("--v0-compatible")] {
        let mut args = vec!["eval", "-b", bundle, "-i", "input.json", "data.old.deny"];
        args.extend(flag);
        assert_eq!(value(site.run(&args)), json!(["b is not good"]));
    }
    site.run(&["build", bundle, "-o", "again"]).exits(0);
    let read = |path: &str| std::fs::read(site.path().join(path)).unwrap();
    assert_eq!(read("again/old/bundle.tar.gz"), read(bundle));
    assert_eq!(read("again/old/contract.json"), read("out/old/contract.json"));
    // A bundle's directory has a manifest too.
    std::fs::write(
        site.path().join("p/.manifest"),
        r#"{"rego_version": 1, "file_rego_versions": {"/old*.rego": 0, "/words.rego": 0}}"#,
    )
    .unwrap();
    let directory = ["eval", "-b", "p", "-i", "input.json", "data.old.deny"];
    assert_eq!(value(site.run(&directory)), json!(["b is not good"]));
    std::fs::write(site.path().join("p/.manifest"), r#"{"rego_version": 3}"#).unwrap();
    site.run(&directory)
        .exits(2)
        .contains("rego_version must be 0 or 1")
        .then_some(())
        .unwrap();
}

#[test]
fn the_repl_defines_rules_in_v0() {
    let site = Site::new();
    let mut child = site
        .command(&["repl", "--v0-compatible"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let script = b"p[x] { x := [1, 2][_] }\ncount(p)\n";
    child.stdin.take().unwrap().write_all(script).unwrap();
    let out = Ran::from(child.wait_with_output().unwrap()).exits(0);
    assert_eq!(out, "rule p defined in package repl\n2\n");
}
