#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]
//! `stele eval` beside what `opa eval` documents: JSON shape, formats, exit codes; and its engines beside each other.

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use support::{Ran, Site};

const POLICY: &str = r#"package authz

default allow := false

allow if input.user == "admin"

allow if {
	some role in data.roles[input.user]
	role == "writer"
}

f(x) := x + 1

sizes[name] := size if some name, size in {"a": 1, "b": 2}

broken := 1 / 0

twice := 1 if input.user
twice := 2 if input.user
"#;

fn site() -> Site {
    let site = Site::new();
    let write = |name: &str, text: &str| std::fs::write(site.path().join(name), text).unwrap();
    write("authz.rego", POLICY);
    write(
        "data.json",
        r#"{"roles": {"bob": ["reader", "writer"], "eve": ["reader"]}}"#,
    );
    write(
        "input.json",
        r#"{"user": "bob", "names": ["z", "a"], "price": 1.10}"#,
    );
    site
}

fn eval(site: &Site, args: &[&str]) -> Ran {
    let mut all = vec!["eval", "-d", "authz.rego", "-d", "data.json", "-i", "input.json"];
    all.extend(args);
    site.run(&all)
}

fn json_of(site: &Site, args: &[&str], code: i32) -> Value {
    serde_json::from_str(&eval(site, args).exits(code)).unwrap()
}

fn with_stdin(site: &Site, args: &[&str], text: &str) -> Ran {
    let mut child = site
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn a_value_comes_with_its_text_and_place() {
    let site = site();
    assert_eq!(
        json_of(&site, &["data.authz.allow"], 0),
        json!({"result": [{"expressions": [
            {"value": true, "text": "data.authz.allow", "location": {"row": 1, "col": 1}}
        ]}]})
    );
}

#[test]
fn variables_are_bindings_and_statements_are_true() {
    let site = site();
    assert_eq!(
        json_of(&site, &["x := 1; y = 2; x < y"], 0),
        json!({"result": [{
            "expressions": [
                {"value": true, "text": "x := 1", "location": {"row": 1, "col": 1}},
                {"value": true, "text": "y = 2", "location": {"row": 1, "col": 9}},
                {"value": true, "text": "x < y", "location": {"row": 1, "col": 16}}
            ],
            "bindings": {"x": 1, "y": 2}
        }]})
    );
}

#[test]
fn undefined_is_an_empty_document_and_passes() {
    let site = site();
    assert_eq!(json_of(&site, &["data.authz.nothing"], 0), json!({}));
    assert_eq!(
        eval(&site, &["-f", "pretty", "data.authz.nothing"]).exits(0),
        "undefined\n"
    );
    assert_eq!(eval(&site, &["-f", "raw", "data.authz.nothing"]).exits(0), "");
}

#[test]
fn false_is_a_value_alone_and_no_solution_among_others() {
    let site = site();
    let alone = json_of(&site, &["1 == 2"], 0);
    assert_eq!(alone["result"][0]["expressions"][0]["value"], json!(false));
    assert_eq!(json_of(&site, &["1 == 2; true"], 0), json!({}));
    assert_eq!(json_of(&site, &["[false, false][_]"], 0), json!({}));
}

#[test]
fn solutions_come_in_order_of_iteration_each_as_often_as_it_is_found() {
    let site = site();
    let values = eval(&site, &["-f", "raw", "[3, 1, 3][_]"]).exits(0);
    assert_eq!(values, "3\n1\n3\n");
    let values = eval(&site, &["-f", "raw", "some name in input.names; name"]).exits(0);
    assert_eq!(values, "true z\ntrue a\n");
}

#[test]
fn formats_are_those_of_opa() {
    let site = site();
    let query = "data.authz.sizes[name]";
    assert_eq!(
        eval(&site, &["-f", "values", query]).exits(0),
        "[\n  1\n]\n[\n  2\n]\n"
    );
    assert_eq!(
        eval(&site, &["-f", "bindings", query]).exits(0),
        "{\n  \"name\": \"a\"\n}\n{\n  \"name\": \"b\"\n}\n"
    );
    assert_eq!(
        eval(&site, &["-f", "raw", "input.user; input.price"]).exits(0),
        "bob 1.1\n"
    );
    assert_eq!(
        json_of(&site, &["-f", "discard", query], 0),
        json!({"result": "discarded"})
    );
    assert_eq!(
        eval(&site, &["-f", "pretty", "input.names"]).exits(0),
        "[\n  \"z\",\n  \"a\"\n]\n"
    );
    let table = eval(&site, &["-f", "pretty", query]).exits(0);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(
        rows,
        [vec!["name", query], vec!["\"a\"", "1"], vec!["\"b\"", "2"]],
        "{table}"
    );
}

#[test]
fn fail_flags_set_the_exit_code() {
    let site = site();
    eval(&site, &["--fail", "data.authz.nothing"]).exits(1);
    eval(&site, &["--fail", "data.authz.allow"]).exits(0);
    eval(&site, &["--fail-defined", "data.authz.allow"]).exits(1);
    eval(&site, &["--fail-defined", "data.authz.nothing"]).exits(0);
    eval(&site, &["--fail", "--fail-defined", "true"]).exits(2);
}

#[test]
fn errors_are_part_of_the_document_and_exit_with_2() {
    let site = site();
    assert_eq!(
        json_of(&site, &["data.authz.twice"], 2),
        json!({"errors": [{
            "message": "complete rules must not produce multiple outputs",
            "code": "eval_conflict_error",
            "location": {"file": "authz.rego", "row": 19, "col": 1}
        }]})
    );
    let unbound = json_of(&site, &["x"], 2);
    assert_eq!(unbound["errors"][0]["code"], json!("rego_unsafe_var_error"));
    assert_eq!(unbound["errors"].as_array().unwrap().len(), 1, "{unbound}");
    let syntax = json_of(&site, &["x :="], 2);
    assert_eq!(syntax["errors"][0]["code"], json!("rego_parse_error"));
    eval(&site, &["-f", "pretty", "data.authz.twice"]).fails(
        2,
        &["1 error occurred: authz.rego:19: eval_conflict_error: complete rules"],
    );
}

#[test]
fn errors_without_a_line_name_the_file() {
    let site = site();
    for (flag, file, content, wanted) in [
        (
            "-d",
            "list.json",
            "[1]",
            "list.json: the document must be an object",
        ),
        (
            "-b",
            "no.tar.gz",
            "no",
            "the bundle can't be unpacked: unexpected end of file (in no.tar.gz)",
        ),
    ] {
        std::fs::write(site.path().join(file), content).unwrap();
        let failed = json_of(&site, &[flag, file, "1"], 2);
        assert_eq!(failed["errors"][0]["message"], json!(wanted));
    }
    let schema = eval(&site, &["-s", "none.json", "1"]);
    assert_eq!(schema.err.matches("No such file").count(), 1, "{}", schema.err);
    schema.fails(2, &["can't read none.json"]);
}

#[test]
fn a_builtin_that_fails_is_undefined_unless_strict() {
    let site = site();
    assert_eq!(json_of(&site, &["data.authz.broken"], 0), json!({}));
    let strict = json_of(&site, &["--strict-builtin-errors", "data.authz.broken"], 2);
    assert_eq!(strict["errors"][0]["code"], json!("eval_builtin_error"));
}

#[test]
fn query_and_input_come_from_standard_input() {
    let site = site();
    let query = with_stdin(&site, &["eval", "--stdin", "-f", "raw"], "1 + 1");
    assert_eq!(query.exits(0), "2\n");
    let input = with_stdin(&site, &["eval", "-I", "-f", "raw", "input.a"], r#"{"a": "b"}"#);
    assert_eq!(input.exits(0), "b\n");
    site.run(&["eval"]).fails(2, &["--stdin"]);
    site.run(&["eval", "--stdin", "true"]).fails(2, &["not both"]);
}

#[test]
fn a_query_can_stand_in_a_package_with_imports() {
    let site = site();
    let raw = |args: &[&str]| eval(&site, &[&["-f", "raw"], args].concat()).exits(0);
    assert_eq!(raw(&["--package", "authz", "f(allow)"]), "");
    assert_eq!(raw(&["--package", "authz", "f(1)"]), "2\n");
    assert_eq!(raw(&["--import", "data.authz as a", "a.f(2)"]), "3\n");
    assert_eq!(raw(&["--import", "input.user", "user"]), "bob\n");
    let outside = json_of(&site, &["f(1)"], 2);
    assert_eq!(outside["errors"][0]["code"], json!("rego_type_error"));
}

#[test]
fn bundles_and_prefixed_documents_are_loaded() {
    let site = site();
    let run = |args: &[&str]| site.run(&[&["eval", "-f", "raw"], args].concat()).exits(0);
    assert_eq!(
        run(&[
            "-d",
            "company.people:data.json",
            "data.company.people.roles.eve[0]"
        ]),
        "reader\n"
    );
    assert_eq!(
        run(&["-b", ".", "-i", "input.json", "data.authz.allow"]),
        "true\n"
    );
}

#[test]
fn metrics_profile_and_explanations_are_reported() {
    let site = site();
    let report = json_of(&site, &["--profile", "--explain", "full", "data.authz.allow"], 0);
    assert!(report["metrics"]["timer_rego_query_eval_ns"].as_u64().unwrap() > 0);
    let lines = report["profile"].as_array().unwrap();
    let line = |row: u64| {
        let found = lines.iter().find(|line| {
            line["location"]["file"] == json!("authz.rego") && line["location"]["row"] == json!(row)
        });
        found.unwrap_or_else(|| panic!("no line {row} in {report:#}"))
    };
    assert_eq!(line(9)["num_eval"], json!(2), "two roles are compared");
    assert_eq!(line(9)["num_redo"], json!(1), "one of them holds");
    let events = report["explanation"].as_array().unwrap();
    assert_eq!(events[0]["op"], json!("enter"));
    assert_eq!(events[0]["type"], json!("body"));
    assert!(
        events
            .iter()
            .any(|event| event["op"] == json!("exit") && event["type"] == json!("rule"))
    );
    let sorted = json_of(
        &site,
        &[
            "--profile",
            "--profile-sort",
            "num_eval",
            "--profile-limit",
            "1",
            "data.authz.allow",
        ],
        0,
    );
    let most = lines
        .iter()
        .map(|line| line["num_eval"].as_u64().unwrap())
        .max()
        .unwrap();
    assert_eq!(sorted["profile"].as_array().unwrap().len(), 1);
    assert_eq!(sorted["profile"][0]["num_eval"], json!(most));
    let fails = eval(&site, &["-f", "pretty", "--explain", "fails", "data.authz.allow"]).exits(0);
    let failed: Vec<&str> = fails
        .lines()
        .filter_map(|line| Some(line.split_once("Fail ")?.1))
        .collect();
    assert_eq!(failed, ["input.user = \"admin\"", "role = \"writer\""], "{fails}");
}

#[test]
fn coverage_is_of_the_policies_that_were_loaded() {
    let site = site();
    let report = json_of(&site, &["--coverage", "data.authz.allow"], 0);
    let file = &report["coverage"]["files"]["authz.rego"];
    assert!(file["coverage"].as_f64().unwrap() > 0.0, "{report:#}");
    assert!(file["coverage"].as_f64().unwrap() < 100.0, "{report:#}");
    let has = |list: &str, row: u64| {
        let ranges = file[list].as_array().unwrap();
        ranges.iter().any(|range| {
            (range["start"]["row"].as_u64().unwrap()..=range["end"]["row"].as_u64().unwrap()).contains(&row)
        })
    };
    assert!(has("covered", 9) && !has("not_covered", 9), "{report:#}");
    eval(&site, &["--engine", "evm", "--coverage", "true"]).fails(2, &["--engine vm"]);
}

#[test]
fn print_writes_to_standard_error() {
    let site = site();
    let rule = "package said\n\np if {\n\tprint(\"user\", input.user, input.gone)\n}\n";
    std::fs::write(site.path().join("said.rego"), rule).unwrap();
    let args = [
        "eval",
        "-d",
        "said.rego",
        "-i",
        "input.json",
        "-f",
        "raw",
        "data.said.p",
    ];
    let output = site.command(&args).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "true\n");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "user bob <undefined>\n"
    );
}

#[test]
fn notes_are_what_trace_said() {
    let site = site();
    let rule = "package noted\n\np if {\n\ttrace(\"look here\")\n}\n";
    std::fs::write(site.path().join("noted.rego"), rule).unwrap();
    let text = site
        .run(&[
            "eval",
            "-d",
            "noted.rego",
            "-f",
            "pretty",
            "--explain",
            "notes",
            "data.noted.p",
        ])
        .exits(0);
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.split_once("  ").unwrap_or(("", line)).1.trim())
        .collect();
    assert_eq!(
        lines,
        [
            "Enter data.noted.p = _",
            "| Enter data.noted.p",
            "| | Note \"look here\"",
            "true"
        ],
        "{text}"
    );
}

#[test]
fn the_engines_agree() {
    let site = site();
    for query in [
        "data.authz.allow",
        "1 == 2",
        "1 == 2; true",
        "x := [3, 1, 2][i]",
        "[3, 1, 3][_]",
        "data.authz.sizes[name]",
        "data.authz.f(1)",
        "not data.authz.nothing",
        "data.roles.bob with data.roles as {\"bob\": 3}",
        "count([y | y = input.names[_]]) > 1",
        "input.price",
    ] {
        let vm = json_of(&site, &["--engine", "vm", query], 0);
        for engine in ["evm", "regorus"] {
            assert_eq!(
                json_of(&site, &["--engine", engine, query], 0),
                vm,
                "{engine}: {query}"
            );
        }
    }
}

#[test]
fn what_a_contract_cannot_do_is_refused_by_name() {
    let site = site();
    let refused = json_of(&site, &["--engine", "evm", "rand.intn(\"x\", 3)"], 2);
    assert_eq!(refused["errors"][0]["code"], json!("contract_refused"));
    assert!(
        refused["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("rand.intn"),
        "{refused}"
    );
    let gas = json_of(&site, &["--engine", "evm", "--metrics", "data.authz.allow"], 0);
    assert!(gas["metrics"]["counter_evm_gas"].as_u64().unwrap() > 100, "{gas}");
}

#[test]
fn partial_evaluation_prints_what_is_left() {
    let site = site();
    let partial = |args: &[&str]| {
        let mut all = vec!["eval", "-d", "authz.rego", "-d", "data.json", "--partial"];
        all.extend(args);
        site.run(&all)
    };
    let source = partial(&["-f", "source", "data.authz.allow == true"]).exits(0);
    assert_eq!(
        source,
        "# Query 1\ninput.user = \"admin\"\n\n# Query 2\ninput.user = \"bob\"\n\n"
    );
    let kept = partial(&[
        "-f",
        "pretty",
        "--disable-inlining",
        "data.authz",
        "data.authz.allow",
    ])
    .exits(0);
    for text in [
        "Query 1",
        "Support 1",
        "package partial.authz",
        "default allow := false",
    ] {
        assert!(kept.contains(text), "{}", kept);
    }
    let json: Value = serde_json::from_str(&partial(&["data.authz.allow == true"]).exits(0)).unwrap();
    assert_eq!(json["partial"]["queries"].as_array().unwrap().len(), 2, "{json}");
    partial(&["--fail", "1 == 2"]).exits(1);
    partial(&["--unknowns", "nope", "true"]).exits(2);
    partial(&["-f", "values", "true"]).fails(2, &["--format json, pretty or source"]);
    std::fs::write(site.path().join("cut.json"), "{\"a\":").unwrap();
    partial(&["-i", "cut.json", "true"]).fails(2, &["can't read the input cut.json", "line 1, column 6"]);
    partial(&["--engine", "evm", "true"]).fails(2, &["--partial asks no engine", "leave out --engine"]);
    eval(&site, &["-f", "source", "true"]).fails(2, &["--partial"]);
    eval(&site, &["--unknowns", "input", "true"]).exits(2);
}

#[test]
fn flags_that_other_engines_lack_are_refused() {
    let site = site();
    eval(&site, &["--engine", "evm", "--profile", "true"]).fails(2, &["--engine vm"]);
    eval(&site, &["--engine", "regorus", "--package", "authz", "allow"]).exits(2);
}

#[test]
fn chance_and_the_process_are_there_as_in_opa() {
    let site = site();
    let query = "rand.intn(\"dice\", 6) < 6; rand.intn(\"dice\", 6) == rand.intn(\"dice\", 6); opa.runtime().env.NO_COLOR";
    assert_eq!(eval(&site, &["-f", "raw", query]).exits(0), "true true 1\n");
}
