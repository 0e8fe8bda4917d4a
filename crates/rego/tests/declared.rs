#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]
//! What a rule declares must be used, and of keys that are written alike only the last counts: as OPA 1.9 has it.

use stele_rego::eval::{Context, Evaluator, Limits, NoTrace};
use stele_rego::{CompileOptions, Diagnostic, SourceFile, compile, parse};
use stele_types::{EntryPoint, Timestamp, Value, json};

/// What the rule `r` of a module without input gives, as JSON, or `undefined`.
fn answer(rules: &str, input: &str) -> Result<String, Vec<Diagnostic>> {
    let module = parse(&SourceFile::new("a.rego", format!("package a\n{rules}\n"))).expect("it parses");
    let plan = compile(
        &[module],
        &[EntryPoint::new("a/r").unwrap()],
        &CompileOptions::default(),
    )?;
    let input = json::parse(input.as_bytes(), &json::Limits::default()).unwrap();
    let results = Evaluator::new(&plan)
        .unwrap()
        .evaluate(
            "a/r",
            Some(&input),
            &Value::object([]),
            &Context::at(Timestamp::from_nanos(0)),
            &Limits::default(),
            &mut NoTrace,
        )
        .unwrap();
    Ok(results.first().map_or_else(
        || "undefined".to_owned(),
        |one| json::to_string(one.get("result").unwrap()),
    ))
}

#[test]
fn what_nothing_uses_is_not_declared() {
    for (rules, name) in [
        ("r if every x in [1] { true }", "x"),
        ("r if every k, v in [1] { v == 1 }", "k"),
        ("r if every k, v in [1] { k == 0 }", "v"),
        ("r if { some x; true }", "x"),
        ("r := [1 | some x; true]", "x"),
        ("r if { some x, y; input[x] }", "y"),
        ("r if { false } else if { some x; true }", "x"),
    ] {
        let found = answer(rules, "{}").expect_err(rules);
        let texts: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(
            texts,
            [format!("`{name}` is declared, and nothing uses it")],
            "{rules}"
        );
        assert_eq!(found[0].code.as_str(), "unused");
    }
}

#[test]
fn what_something_uses_is_declared() {
    for rules in [
        "r if every _ in [1] { true }",
        "r if every _, v in [1] { v == 1 }",
        "r if every x in [1] { [y | y := x] == [1] }",
        "r if { some x in [1] }",
        "r if { some x, y in [1] }",
        "r[x] if { some x; input[x] }",
        "r contains x if { some x; input[x] }",
        "r := x if { some x; x = 1 }",
        "r if { some x; not input.q with input.q as x; x = 1 }",
        "r if { some x; [x, 1] = [1, 1] }",
        "r if { some x; some x in [1] }",
    ] {
        assert!(answer(rules, r#"{"a": 1}"#).is_ok(), "{rules}");
    }
}

#[test]
fn of_keys_that_are_written_alike_the_last_counts() {
    for (rules, want) in [
        (r#"r := {x: input.z, x: 2} if { x := "a" }"#, r#"{"a":2}"#),
        (r#"r := {"a": input.z, "a": 2}"#, r#"{"a":2}"#),
        (r#"r := {x: 2, x: input.z} if { x := "a" }"#, "undefined"),
        // Written otherwise, both are evaluated.
        (
            r#"r := {x: input.z, y: 2} if { x := "a"; y := "a" }"#,
            "undefined",
        ),
        (r#"r := {x: 1, y: 2} if { x := "a"; y := "a" }"#, r#"{"a":2}"#),
        // One term, whatever its spelling.
        (r#"r := {"a": input.z, `a`: 2}"#, r#"{"a":2}"#),
        (r#"r := {"a": input.z, "\u0061": 2}"#, r#"{"a":2}"#),
        (r#"r := {1: input.z, 1.0: 2}"#, r#"{"1":2}"#),
        (r#"r := {input.k["l"]: input.z, input.k.l : 2}"#, r#"{"a":2}"#),
        (r#"r := {lower("A"): input.z, lower( "A" ): 2}"#, r#"{"a":2}"#),
        // Each wildcard is a variable of its own.
        (
            "r contains {input.xs[_]: 1, input.xs[_]: 2}",
            r#"[{"a":1,"b":2},{"a":2},{"a":2,"b":1},{"b":2}]"#,
        ),
        (
            "r contains {[x | x := input.xs[_]]: 1, [x | x := input.xs[_]]: input.z}",
            "[]",
        ),
    ] {
        let input = r#"{"k": {"l": "a"}, "xs": ["a", "b"]}"#;
        assert_eq!(answer(rules, input).unwrap(), want, "{rules}");
    }
}

/// Statements in any order, as many as nobody could look through again and again: a round for each would be hours.
#[test]
fn long_chains_are_ordered_whatever_their_order() {
    const COUNT: usize = 40_000;
    let chain: Vec<String> = (1..COUNT).map(|n| format!("x{n} = x{}", n - 1)).collect();
    let backwards: Vec<&str> = chain.iter().rev().map(String::as_str).collect();
    let body = backwards.join("\n\t");
    let last = COUNT - 1;
    let rules = format!("r := 1 if {{\n\tx{last} == 7\n\t{body}\n\tx0 = input.a\n}}");
    assert_eq!(answer(&rules, r#"{"a": 7}"#).unwrap(), "1");
    let rules = format!("r := 1 if {{\n\tx{last} == 7\n\t{body}\n\tx0 = y\n}}");
    assert!(answer(&rules, "{}").is_err());
    // What is bound around each of many closures.
    let around: String = (0..COUNT / 4)
        .map(|n| format!("\tx{n} := [y | y := input.a]\n\tnot x{n} == input.b\n"))
        .collect();
    let rules = format!("r := 1 if {{\n{around}}}");
    assert_eq!(answer(&rules, r#"{"b": 1}"#).unwrap(), "1");
}
