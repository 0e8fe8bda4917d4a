//! The VM runs only those rule bodies whose first comparisons can hold. It must answer as the evaluator, which runs them all.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

use std::fmt::Write as _;

use stele_rego::eval::{Context, Evaluator, Limits, NoTrace, Options};
use stele_rego::{CompileOptions, SourceFile, compile, parse};
use stele_types::{Value, json};

#[path = "support/vm.rs"]
mod vm;

/// Constants of every kind, as Rego and JSON write them; the last is longer than what is looked up among constants.
fn constants() -> Vec<String> {
    let plain = [
        "\"a\"",
        "\"b\"",
        "\"\"",
        "\"1\"",
        "1",
        "-1",
        "0",
        "1.5",
        "true",
        "false",
        "null",
        "1000000000000000000000",
        "576460752303423488",
        "[]",
        "{}",
        "[\"a\"]",
        "{\"a\": 1}",
    ];
    let long = format!("\"{}\"", "x".repeat(120));
    plain.iter().map(ToString::to_string).chain([long]).collect()
}

/// Rules that compare `input.x.y` first, later, after something else, twice, or not at all; and functions that compare a parameter.
fn policy() -> String {
    let mut text = String::from("package t\n\ndefault first := \"none\"\n\ndefault g(_) := \"none\"\n\n");
    for (n, constant) in constants().iter().enumerate() {
        let _ = write!(
            text,
            "set contains {n} if input.x.y == {constant}\n\n\
             set contains {n} + 100 if {{\n\tinput.z\n\tinput.x.y == {constant}\n}}\n\n\
             set contains {n} + 200 if {{\n\tsome v in input.list\n\tinput.x.y == {constant}\n\tv == {constant}\n}}\n\n\
             set contains {n} + 300 if {{\n\t{constant} == input.x.y\n\tinput.x.y == \"a\"\n}}\n\n\
             object[\"{n}\"] := input.z if input.x.y == {constant}\n\n\
             settled if input.x.y == {constant}\n\n\
             f(a, _) := {n} if a == {constant}\n\n\
             g({constant}) := {n}\n\n"
        );
        if n % 5 == 0 {
            let _ = write!(
                text,
                "set contains {n} + 400 if input.z\n\nset contains {n} + 500\n\n"
            );
        }
    }
    text.push_str(
        "first := \"text\" if is_string(input.x.y)\n\nfirst := \"a\" if input.x.y == \"b\"\n\nfirst := \"one\" if input.x.y == 1\n\n\
         first := \"null\" if input.x.y == null\n\n\
         replaced := found if found := both with input.x.y as concat(\"\", [\"a\"])\n\n\
         both := [set, f(1, 2), g(input.x.y)]\n\n\
         called := [f(input.x.y, 1), g(input.x.y)]\n\n\
         passed := h(input.x.y, {\"passed\": input.z})\n\n\
         h(a, b) := b if a == \"a\"\n\nh(a, _) := 1 if a == \"b\"\n\nh(a, _) := 2 if a == 1\n\nh(a, _) := 3 if a == null\n\n\
         h(a, _) := 4 if a == true\n\ncomputed := g(lower(\"A\"))\n",
    );
    text
}

fn inputs() -> Vec<Value> {
    let mut inputs: Vec<String> = constants()
        .iter()
        .flat_map(|constant| {
            [
                format!("{{\"x\": {{\"y\": {constant}}}, \"z\": true, \"list\": [1, {constant}]}}"),
                format!("{{\"x\": {{\"y\": {constant}}}, \"z\": false}}"),
            ]
        })
        .collect();
    let odd = [
        "{}",
        "{\"x\": null}",
        "{\"x\": {}}",
        "{\"x\": [\"a\"]}",
        "[]",
        "\"a\"",
        "{\"x\": {\"y\": 1.0}}",
        "{\"x\": {\"y\": 10e-1}}",
    ];
    inputs.extend(odd.iter().map(ToString::to_string));
    let limits = json::Limits::default();
    let read = |text: &String| json::parse(text.as_bytes(), &limits).expect("JSON");
    inputs.iter().map(read).collect()
}

#[test]
fn bodies_that_are_left_out_could_not_have_held() {
    let source = SourceFile::new("t.rego", policy());
    let module = parse(&source).unwrap_or_else(|found| panic!("{found:?}"));
    let names = [
        "set", "object", "settled", "first", "replaced", "called", "computed", "passed",
    ];
    let entry_points: Vec<_> = names
        .iter()
        .map(|name| format!("t/{name}").parse().expect("an entry point"))
        .collect();
    let policy = compile(&[module], &entry_points, &CompileOptions::default())
        .unwrap_or_else(|found| panic!("{found:?}"));
    let evaluator = Evaluator::with_options(&policy, Options::default()).expect("verifies");
    let data = Value::object([]);
    let context = Context::default();
    let mut results = 0;
    let mut errors = 0;
    for input in inputs().iter().map(Some).chain([None]) {
        for entry_point in &entry_points {
            let name = entry_point.as_str();
            let limits = Limits::default();
            let expected = evaluator.evaluate(name, input, &data, &context, &limits, &mut NoTrace);
            let found = vm::run(&policy, name, input, &data, &context, false);
            assert_eq!(vm::difference(&expected, &found), None, "{name} of {input:?}");
            match found {
                Ok(found) => results += found.len(),
                Err(_) => errors += 1,
            }
        }
    }
    assert!(
        results > 200 && errors > 1,
        "{results} results and {errors} errors: too few to mean anything"
    );
}
